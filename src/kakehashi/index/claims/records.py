"""Figures that somebody quoted, with what the source says, and the rule of the verdict."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from kakehashi.commitments.faults import first_fault
from kakehashi.commitments.lined import read_lined
from kakehashi.errors import FormatVersionError, InputError, UnknownNameError
from kakehashi.proof import schema_validator

FORMAT = "kakehashi.claims/1"
VERDICTS = ("confirmed", "confirmed-with-limits", "differs", "not-found", "not-checked")

#: Grades that bear "confirmed" and "differs": a primary page, or two secondary pages that agree.
FIRM = ("A", "B")

Words = Mapping[str, str]
Target = float | str | tuple[float | str, float | str]


@dataclass(frozen=True, slots=True)
class ClaimValue:
    """One figure of a claim, as a text can be searched for it.

    Attributes:
        kind: Kind of figure, see :class:`~kakehashi.index.claims.figures.Figure`.
        source: What the source says: values, ranges or dates, in the order in which they follow one another.
        quoted: What was quoted, where that is another figure.
        year: The year that each is of; one for all, or one each.
        own: Names of what it is about, one of which must be the nearest before the figure.
        rivals: Names of other things of the same kind.
        counter: What may be counted; empty where anything may.
        near: Groups of words; one of each group must stand with the figure, of the first in its sentence.
        limits: Right only within limits.
    """

    kind: str
    source: tuple[Target, ...]
    quoted: tuple[Target, ...]
    year: tuple[str, ...]
    own: tuple[str, ...]
    rivals: tuple[str, ...]
    counter: tuple[str, ...]
    near: tuple[tuple[str, ...], ...]
    limits: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Where it is said.

    Attributes:
        title: How to cite it.
        date: Day, month or year of it.
        grade: A primary page, B two secondary pages that agree, C one secondary page, M memory, S searched without
            a find.
    """

    title: Words
    date: str
    grade: str


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """A figure that was quoted, and what the source says.

    Attributes:
        id: Short name.
        quantity: What it is a figure of.
        quoted: The words that were quoted.
        attribution: To whom they were attributed.
        found: What the source says.
        definition: What is counted, by which rule.
        source: The source and its grade.
        as_of: What the source's figure holds for.
        newer: A newer edition that is known; empty where none is.
        verdict: One of :data:`VERDICTS`; of the figure and its attribution, never of who quoted it.
        values: What a text is searched for; empty for a statement without a figure.
    """

    id: str
    quantity: Words
    quoted: Words
    attribution: Words
    found: Words
    definition: Words
    source: Source
    as_of: str
    newer: Words
    verdict: str
    values: tuple[ClaimValue, ...]


@dataclass(frozen=True, slots=True)
class ClaimBook:
    """The claims of one file.

    Attributes:
        title: Its title.
        read: Day on which the list was last reviewed.
        claims: The claims in the order of the file.
    """

    title: Words
    read: str
    claims: tuple[ClaimRecord, ...]

    def claim(self, name: str) -> ClaimRecord:
        """A claim by its id.

        Raises:
            UnknownNameError: There is none.
        """
        for one in self.claims:
            if one.id == name:
                return one
        raise UnknownNameError("claim", name, [one.id for one in self.claims])


@cache
def shipped_claims() -> ClaimBook:
    """The 48 claims that ship with the package."""
    with as_file(files("kakehashi.index") / "data" / "claims.yaml") as path:
        return read_claims(path)


def read_claims(path: Path) -> ClaimBook:
    """The claims of a file, checked against the schema and the rule of verdicts.

    Raises:
        InputError: It is not YAML, breaks the schema or the rule; with file and line.
        FormatVersionError: It is of a newer format.
    """
    data = read_lined(path)
    said = str(data.get("format", ""))
    if said.startswith("kakehashi.claims/") and said != FORMAT:
        raise FormatVersionError(said, FORMAT, path=path)
    if fault := first_fault(data, _validator()):
        hint = fault.hint or "docs/index-claims.md names the fields."
        raise InputError(fault.message, path=path, row=fault.line, hint=hint)
    claims = tuple(_record(one) for one in data["claims"])
    names = [one.id for one in claims]
    for raw, claim in zip(data["claims"], claims, strict=True):
        if names.count(claim.id) > 1:
            raise InputError(f"the id {claim.id!r} stands twice", path=path, row=raw.line)
        if broken := breaks_rule(claim):
            raise InputError(f"{claim.id}: {broken}", path=path, row=raw.line)
    return ClaimBook(data["title"], data["read"], claims)


def breaks_rule(claim: ClaimRecord) -> str:
    """What is wrong between a claim's verdict and its grade; ``""`` where nothing is."""
    grade, verdict = claim.source.grade, claim.verdict
    if verdict in ("confirmed", "confirmed-with-limits", "differs") and grade not in FIRM:
        return f"{verdict!r} needs grade A or B, not {grade}"
    if grade in ("C", "M") and verdict != "not-checked":
        return f"grade {grade} shows as not checked, not {verdict!r}"
    if grade == "S" and (verdict != "not-found" or any(one.source for one in claim.values)):
        return "what was searched without a find is 'not-found' and has no source's value"
    return ""


@cache
def _validator() -> Any:
    text = (files("kakehashi.index") / "data" / "claims.schema.json").read_text(encoding="utf-8")
    return schema_validator(json.loads(text))


def _record(raw: Mapping[str, Any]) -> ClaimRecord:
    source = raw["source"]
    return ClaimRecord(
        id=raw["id"],
        quantity=raw["quantity"],
        quoted=raw["quoted"],
        attribution=raw["attribution"],
        found=raw["found"],
        definition=raw["definition"],
        source=Source(source["title"], source["date"], source["grade"]),
        as_of=raw["as_of"],
        newer=raw.get("newer", {}),
        verdict=raw["verdict"],
        values=tuple(_value(one) for one in raw["values"]),
    )


def _value(raw: Mapping[str, Any]) -> ClaimValue:
    year = raw.get("year", [])
    source = raw.get("source", [])
    return ClaimValue(
        kind=raw["kind"],
        source=_targets(source if isinstance(source, list) else [source]),
        quoted=_targets(raw["quoted"]),
        year=(year,) if isinstance(year, str) else tuple(year),
        own=tuple(raw.get("own", ())),
        rivals=tuple(raw.get("rivals", ())),
        counter=tuple(raw.get("counter", ())),
        near=tuple(tuple(group) for group in raw["near"]),
        limits=raw.get("limits", False),
    )


def _targets(raw: list[Any]) -> tuple[Target, ...]:
    return tuple((one[0], one[1]) if isinstance(one, list) else one for one in raw)
