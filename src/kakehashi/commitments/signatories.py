"""Who signed what and when, as dated records; organizations by the names that held on a date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kakehashi.commitments.lined import Lined
from kakehashi.commitments.records import Place, Words


@dataclass(frozen=True, slots=True)
class DatedName:
    """A name with the date it is known from.

    Attributes:
        words: The name in each language.
        since: Date from which it is known; ``""`` where it is the first on record.
        verified: Whether its beginning rests on a primary page or two that agree.
    """

    words: Words
    since: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Organization:
    """A company or government that can sign.

    Attributes:
        id: Its short name here, which never changes.
        kind: ``company``, ``government`` or ``other``.
        names: Its names in the order of time.
        place: Where it is written.
    """

    id: str
    kind: str
    names: tuple[DatedName, ...]
    place: Place

    def name_on(self, date: str) -> Words:
        """The name that held on a date, as far as it is recorded.

        Examples:
            >>> one = Organization("a", "company", (DatedName({"en": "Old"}, "", True),
            ...     DatedName({"en": "New"}, "2025-08", True)), Place("x", 1))
            >>> one.name_on("2024-05-21")["en"], one.name_on("2025-08-03")["en"]
            ('Old', 'New')
        """
        held = [one for one in self.names if one.since <= date]
        return (held or list(self.names))[-1 if held else 0].words


@dataclass(frozen=True, slots=True)
class Signature:
    """That an organization signed an instrument.

    Attributes:
        organization: Identifier of the organization.
        instrument: Identifier of the instrument.
        date: Day of signing; ``""`` where it is not known.
        by: Date by which the name stood on the list, where the day is not known.
        until: Date until which it held, where it was withdrawn.
        verified: Whether a primary page or two that agree say so.
        place: Where it is written.
    """

    organization: str
    instrument: str
    date: str
    by: str
    until: str
    verified: bool
    place: Place

    @property
    def on(self) -> str:
        """The date by which names are chosen: that of signing, else the one by which the name stood there."""
        return self.date or self.by


@dataclass(frozen=True, slots=True)
class SignatoryList:
    """The signatories of an instrument as one source gives them.

    Attributes:
        instrument: Identifier of the instrument.
        complete: Whether all signatories as of the date are on it.
        total: Their number, where it is known.
        as_of: Date of the list.
        source: Title, publisher and date of what it rests on.
        note: What the reader must know.
        signatures: The signatures.
        place: Where it is written.
    """

    instrument: str
    complete: bool
    total: int | None
    as_of: str
    source: Mapping[str, str]
    note: Words
    signatures: tuple[Signature, ...]
    place: Place


def read_signatories(
    content: Lined, path: Path
) -> tuple[tuple[Organization, ...], tuple[SignatoryList, ...]]:
    """Organizations and lists of a file that the schema has seen."""
    organizations = tuple(
        Organization(
            entry["id"],
            entry["kind"],
            tuple(
                DatedName(
                    {key: name[key] for key in ("en", "ja")}, name.get("from", ""), name.get("verified", True)
                )
                for name in entry["names"]
            ),
            Place(str(path), entry.line),
        )
        for entry in content["organizations"]
    )
    lists = tuple(
        SignatoryList(
            instrument=entry["instrument"],
            complete=entry["complete"],
            total=entry.get("total"),
            as_of=entry["as_of"],
            source=entry["source"],
            note=entry.get("note", {}),
            signatures=tuple(
                Signature(
                    one["organization"],
                    entry["instrument"],
                    one.get("date", ""),
                    one.get("by", ""),
                    one.get("until", ""),
                    one.get("verified", True),
                    Place(str(path), one.line),
                )
                for one in entry["signatures"]
            ),
            place=Place(str(path), entry.line),
        )
        for entry in content["lists"]
    )
    return organizations, lists


def signatures_of(lists: Sequence[SignatoryList], instrument: str) -> tuple[Signature, ...]:
    """The signatures of an instrument over all lists, each organization once: the first that is dated wins."""
    found: dict[str, Signature] = {}
    for signature in (one for each in lists if each.instrument == instrument for one in each.signatures):
        known = found.get(signature.organization)
        if known is None or (signature.date and not known.date):
            found[signature.organization] = signature
    return tuple(found.values())
