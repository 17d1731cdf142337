"""Reading instruments and crosswalks: the shipped ones, and a folder of the user's own beside them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from kakehashi.commitments.clocks import ClockRule, read_clock
from kakehashi.commitments.faults import first_fault
from kakehashi.commitments.forms import Form, read_form
from kakehashi.commitments.lined import Lined, read_lined
from kakehashi.commitments.records import (
    Absence,
    Crosswalk,
    Extent,
    Fact,
    Instrument,
    Place,
    Provision,
    Reading,
    Relation,
    Relationship,
    Words,
)
from kakehashi.commitments.signatories import (
    Organization,
    SignatoryList,
    Signature,
    read_signatories,
    signatures_of,
)
from kakehashi.errors import FormatVersionError, InputError, UnknownNameError
from kakehashi.proof import schema_validator

_NAMES = ("instrument", "crosswalk", "topics", "signatories", "clock", "form")
FORMATS = tuple(f"kakehashi.{name}/1" for name in _NAMES)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that is known of instruments.

    Attributes:
        instruments: Identifier → instrument.
        crosswalks: Identifier → map.
        topics: Topic → title.
        organizations: Identifier → organization that can sign.
        signatories: Lists of who signed what.
        clocks: Identifier → deadlines of a provision.
        forms: Identifier → form that evidence answers.
    """

    instruments: Mapping[str, Instrument]
    crosswalks: Mapping[str, Crosswalk]
    topics: Mapping[str, Words]
    organizations: Mapping[str, Organization] = field(default_factory=dict)
    signatories: tuple[SignatoryList, ...] = ()
    clocks: Mapping[str, ClockRule] = field(default_factory=dict)
    forms: Mapping[str, Form] = field(default_factory=dict)
    _provisions: dict[str, Provision] = field(default_factory=dict, repr=False)

    def instrument(self, name: str) -> Instrument:
        """An instrument by its name.

        Raises:
            UnknownNameError: There is none; the nearest are suggested.
        """
        if name not in self.instruments:
            raise UnknownNameError("instrument", name, sorted(self.instruments))
        return self.instruments[name]

    def provision(self, name: str) -> Provision | None:
        """A provision by its identifier, or ``None``."""
        if not self._provisions:
            for instrument in self.instruments.values():
                self._provisions.update({provision.id: provision for provision in instrument.provisions})
        return self._provisions.get(name)

    def owner(self, name: str) -> str | None:
        """The instrument that an identifier of a provision or an instrument belongs to."""
        if name in self.instruments:
            return name
        found = self.provision(name)
        return None if found is None else found.instrument

    def organization(self, name: str) -> Organization:
        """An organization by its identifier, or by a name that it bears or bore.

        Raises:
            UnknownNameError: There is none; the nearest are suggested.
        """
        if name in self.organizations:
            return self.organizations[name]
        asked = name.casefold()
        for one in self.organizations.values():
            if any(asked == word.casefold() for each in one.names for word in each.words.values()):
                return one
        known = sorted(self.organizations)
        hint = UnknownNameError("organization", name, known).hint or ""
        raise UnknownNameError(
            "organization",
            name,
            hint=f"{hint}\nTo add one: a file with format: kakehashi.signatories/1 in a folder, and --catalog FOLDER.",
        )

    def signatures(self, instrument: str) -> tuple[Signature, ...]:
        """Who signed an instrument, each organization once."""
        return signatures_of(self.signatories, instrument)

    def is_absent(self, absence: Absence) -> bool:
        """Whether a search found that a text has no such clause: all of the version that is known here was read."""
        instrument = self.instruments.get(absence.instrument)
        return absence.is_finding and instrument is not None and absence.version == instrument.version

    @property
    def relations(self) -> tuple[Relation, ...]:
        """The lines of all maps."""
        return tuple(line for walk in self.crosswalks.values() for line in walk.relations)

    @property
    def absences(self) -> tuple[Absence, ...]:
        """The searches of all maps."""
        return tuple(line for walk in self.crosswalks.values() for line in walk.absences)


def load_catalog(own: Path | None = None) -> Catalog:
    """The shipped catalog, with the files of a folder added.

    Args:
        own: A folder of YAML files of the user's own; an instrument or map of a name that exists is refused.

    Raises:
        InputError: A file that breaks the schema, with file and line.
        FormatVersionError: A file of a newer format.
    """
    with as_file(files("kakehashi.commitments") / "data") as shipped:
        paths = sorted(shipped.rglob("*.yaml"))
        if own is not None:
            if not own.is_dir():
                raise InputError("no such folder", path=own)
            paths += sorted([*own.rglob("*.yaml"), *own.rglob("*.yml")])
        return read_catalog(paths)


def read_catalog(paths: Iterable[Path]) -> Catalog:
    """A catalog of these files alone; errors as for :func:`load_catalog`."""
    instruments: dict[str, Instrument] = {}
    crosswalks: dict[str, Crosswalk] = {}
    topics: dict[str, Words] = {}
    organizations: dict[str, Organization] = {}
    signatories: list[SignatoryList] = []
    clocks: dict[str, ClockRule] = {}
    forms: dict[str, Form] = {}
    seen: dict[str, Place] = {}
    for path in paths:
        content = read_lined(path)
        _check(content, path)
        match content["format"].partition("/")[0]:
            case "kakehashi.topics":
                topics.update(content["topics"])
            case "kakehashi.crosswalk":
                walk = _crosswalk(content, path)
                _once(seen, f"map {walk.id}", walk.place)
                crosswalks[walk.id] = walk
            case "kakehashi.signatories":
                named, lists = read_signatories(content, path)
                for one in named:
                    _once(seen, f"organization {one.id}", one.place)
                    organizations[one.id] = one
                signatories += lists
            case "kakehashi.clock":
                rule = read_clock(content, path)
                _once(seen, f"clock {rule.id}", rule.place)
                clocks[rule.id] = rule
            case "kakehashi.form":
                form = read_form(content, path)
                _once(seen, f"form {form.id}", form.place)
                forms[form.id] = form
            case _:
                instrument = _instrument(content, path)
                _once(seen, instrument.id, instrument.place)
                for provision in instrument.provisions:
                    _once(seen, provision.id, provision.place)
                instruments[instrument.id] = instrument
    return Catalog(instruments, crosswalks, topics, organizations, tuple(signatories), clocks, forms)


def _once(seen: dict[str, Place], name: str, place: Place) -> None:
    if name in seen:
        before = seen[name]
        raise InputError(
            f"{name!r} stands already in {Path(before.path).name}:{before.line}",
            path=place.path,
            row=place.line,
            hint="Give it another id.",
        )
    seen[name] = place


@cache
def _validators() -> Mapping[str, Any]:
    schema = json.loads((files("kakehashi.commitments") / "data" / "schema.json").read_text(encoding="utf-8"))
    return {
        f"kakehashi.{name}/1": schema_validator({"$defs": schema["$defs"], "$ref": f"#/$defs/{name}"})
        for name in _NAMES
    }


def _check(content: Lined, path: Path) -> None:
    said = str(content.get("format"))
    if said not in FORMATS:
        family = said.partition("/")[0]
        known = next((name for name in FORMATS if name.partition("/")[0] == family), None)
        if known is not None:
            raise FormatVersionError(said, known, path=path)
        raise InputError(
            f"format {said!r} is none of {', '.join(FORMATS)}",
            path=path,
            row=content.line,
            hint="Begin the file with one of them, such as: format: kakehashi.instrument/1",
        )
    if fault := first_fault(content, _validators()[said]):
        raise InputError(fault.message, path=path, row=fault.line, hint=fault.hint or None)


def _instrument(content: Lined, path: Path) -> Instrument:
    reading, under = content["reading"], _headings(content["provisions"])
    return Instrument(
        id=content["id"],
        title=content["title"],
        short=content["short"],
        issuer=content["issuer"],
        addressees=tuple(content["addressees"]),
        legal_force=content["legal_force"],
        status=content["status"],
        version=content["version"],
        adopted=content["adopted"],
        supersedes=tuple(content.get("supersedes", ())),
        source=content["source"],
        reading=Reading(Extent(reading["extent"]), reading["by"], reading["date"], reading.get("note", {})),
        licence=content["licence"],
        facts=tuple(
            Fact(fact["date"], {"en": fact["en"], "ja": fact["ja"]}) for fact in content.get("facts", ())
        ),
        provisions=tuple(
            Provision(
                id=entry["id"],
                instrument=content["id"],
                num=entry["num"],
                title=entry["title"],
                summary=entry.get("summary", {}),
                topics=tuple(entry.get("topics", ())),
                heading=entry.get("heading", False),
                verified=entry.get("verified", True),
                place=Place(str(path), entry.line),
                under=under[entry["id"]],
            )
            for entry in content["provisions"]
        ),
        place=Place(str(path), content.line, {**content.lines, "read": reading.lines["date"]}),
    )


def _headings(provisions: Iterable[Lined]) -> dict[str, str]:
    """Provision → the heading before it; none for headings and for what says that it stands alone."""
    found, heading = {}, ""
    for entry in provisions:
        heading = entry["id"] if entry.get("heading") else heading
        found[entry["id"]] = "" if entry.get("heading") or entry.get("alone") else heading
    return found


def _crosswalk(content: Lined, path: Path) -> Crosswalk:
    return Crosswalk(
        id=content["id"],
        author=content["author"],
        date=content["date"],
        origin=content["origin"],
        status=content["status"],
        relations=tuple(
            Relation(
                source=line["source"],
                targets=tuple(line["targets"]),
                relationship=Relationship(line["relation"]),
                confidence=line["confidence"],
                gap=line["gap"],
                derived=line.get("derived", False),
                map=content["id"],
                place=Place(str(path), line.line),
                rationale=line.get("rationale", {}),
            )
            for line in content["relations"]
        ),
        absences=tuple(
            Absence(
                provision=line["provision"],
                instrument=line["instrument"],
                version=line["version"],
                extent=Extent(line["extent"]),
                searched_by=line["searched_by"],
                date=line["date"],
                note=line.get("note", {}),
                map=content["id"],
                place=Place(str(path), line.line),
            )
            for line in content.get("absences", ())
        ),
        place=Place(str(path), content.line, content.lines),
    )
