"""Forms that evidence answers: what a reporting framework, a report or a sheet asks, tied to provisions."""

from dataclasses import dataclass
from pathlib import Path

from kakehashi.commitments.lined import Lined
from kakehashi.commitments.records import Place, Words


@dataclass(frozen=True, slots=True)
class FormPoint:
    """One thing that is asked.

    Attributes:
        id: Unique within its section; ``""`` where the section asks one thing.
        title: What is asked, in our own words; empty where the section's provision says it.
        sources: Further provisions whose evidence answers it.
    """

    id: str
    title: Words
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FormSection:
    """A section: a provision of the form's instrument, and the points that it asks.

    Attributes:
        provision: The provision.
        sources: Further provisions whose evidence belongs here.
        points: What is asked.
        place: Where it is written.
    """

    provision: str
    sources: tuple[str, ...]
    points: tuple[FormPoint, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Form:
    """A form.

    Attributes:
        id: Its name, such as ``"hiroshima-report"``.
        instrument: The instrument whose provisions it follows.
        version: Version of that instrument.
        date: When it was written down here.
        title: Its title.
        note: What the reader must know of how it was made.
        sections: Its sections.
        place: Where it is written.
    """

    id: str
    instrument: str
    version: str
    date: str
    title: Words
    note: Words
    sections: tuple[FormSection, ...]
    place: Place


def read_form(content: Lined, path: Path) -> Form:
    """The form of a file that the schema has seen."""
    sections = []
    for entry in content["sections"]:
        shared = tuple(entry.get("from", ()))
        points = tuple(
            FormPoint(point["id"], point["title"], tuple(point.get("from", ())))
            for point in entry.get("points", ())
        )
        made = points or (FormPoint("", {}, shared),)
        sections.append(FormSection(entry["provision"], shared, made, Place(str(path), entry.line)))
    return Form(
        id=content["id"],
        instrument=content["instrument"],
        version=content["version"],
        date=content["date"],
        title=content["title"],
        note=content["note"],
        sections=tuple(sections),
        place=Place(str(path), content.line),
    )
