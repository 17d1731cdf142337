"""Is a catalog sound? What is wrong and what a reader must know, each with file and line."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from kakehashi.commitments.catalog import Catalog, load_catalog
from kakehashi.commitments.records import Absence, Crosswalk, Extent, Place, Relation, Relationship
from kakehashi.errors import InputError

#: A reading that does not carry the finding that a text has no such clause.
_READ = {
    Extent.PARTS: "only parts were read",
    Extent.SUMMARY: "only a summary was read",
    Extent.NONE: "nothing was read",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the checker found.

    Attributes:
        code: Short stable name, such as ``"unknown-id"``.
        level: ``"error"`` (the catalog must not be used so) or ``"note"`` (a reader must know).
        message: What it is, in a sentence.
        place: File and line.
    """

    code: str
    level: Literal["error", "note"]
    message: str
    place: Place


def sound_catalog(own: Path | None = None) -> Catalog:
    """The shipped catalog with the files of a folder added, where nothing is wrong with them.

    Raises:
        InputError: As for ``load_catalog``, or the first error of :func:`check_catalog`, with file and line.
    """
    catalog = load_catalog(own)
    for one in check_catalog(catalog) if own is not None else ():
        if one.level == "error":
            raise InputError(
                one.message, path=one.place.path, row=one.place.line, hint="Run: kakehashi commitments check"
            )
    return catalog


def check_catalog(catalog: Catalog, *, today: date | None = None) -> list[Finding]:
    """Everything that is wrong with a catalog, and what its reader must know.

    Languages, dates and words of relations are held by the schema on reading; here it is checked that ids
    resolve, that a map does not contradict itself (an inverse line included), that lines inferred through a
    third text are named as such, that supersession has no cycle, that nothing is dated in the future, and that
    "no such clause" is said only where a whole text was read.

    Args:
        catalog: What was read.
        today: Day that nothing may be later than; today where it is not given.

    Returns:
        Findings, errors first, in the order of files and lines.
    """
    day = (today or date.today()).isoformat()
    found = [
        *_topics(catalog),
        *_dates(catalog, day),
        *_supersession(catalog),
        *_signatories(catalog, day),
        *_forms(catalog),
        *_clocks(catalog, day),
        *(finding for walk in catalog.crosswalks.values() for finding in _map(catalog, walk)),
    ]
    return sorted(found, key=lambda f: (f.level != "error", f.place.path, f.place.line))


def _topics(catalog: Catalog) -> Iterator[Finding]:
    for instrument in catalog.instruments.values():
        for provision in instrument.provisions:
            for topic in provision.topics:
                if topic not in catalog.topics:
                    yield Finding(
                        "unknown-topic", "error", f"{provision.id}: no topic {topic!r}", provision.place
                    )


def _dates(catalog: Catalog, day: str) -> Iterator[Finding]:
    for instrument in catalog.instruments.values():
        for name, said in (("adopted", instrument.adopted), ("read", instrument.reading.date)):
            if said > day:
                yield Finding(
                    "future-date",
                    "error",
                    f"{instrument.id}: {name} {said} is in the future",
                    instrument.place.of(name),
                )
    for walk in catalog.crosswalks.values():
        if walk.date > day:
            yield Finding(
                "future-date", "error", f"map {walk.id}: {walk.date} is in the future", walk.place.of("date")
            )
        for absence in walk.absences:
            if absence.date > day:
                yield Finding(
                    "future-date",
                    "error",
                    f"{absence.provision} in {absence.instrument}: searched {absence.date}, in the future",
                    absence.place,
                )


def _supersession(catalog: Catalog) -> Iterator[Finding]:
    for instrument in catalog.instruments.values():
        for older in instrument.supersedes:
            if older not in catalog.instruments:
                yield Finding(
                    "unknown-id",
                    "error",
                    f"{instrument.id} supersedes {older!r}, which is not here",
                    instrument.place.of("supersedes"),
                )
        if instrument.id in _ancestors(catalog, instrument.id):
            yield Finding(
                "cycle",
                "error",
                f"{instrument.id} supersedes itself through others",
                instrument.place.of("supersedes"),
            )


def _signatories(catalog: Catalog, day: str) -> Iterator[Finding]:
    for one in catalog.organizations.values():
        if [name.since for name in one.names] != sorted({name.since for name in one.names}):
            yield Finding(
                "names-out-of-order",
                "error",
                f"{one.id}: its names must stand in the order of time",
                one.place,
            )
    for listed in catalog.signatories:
        if listed.instrument not in catalog.instruments:
            yield Finding("unknown-id", "error", f"no instrument {listed.instrument!r}", listed.place)
        if listed.as_of > day:
            yield Finding("future-date", "error", f"list of {listed.as_of}, in the future", listed.place)
        if listed.complete and listed.total is not None and listed.total != len(listed.signatures):
            yield Finding(
                "wrong-total",
                "error",
                f"{listed.instrument}: {len(listed.signatures)} signatures, the list says {listed.total}",
                listed.place,
            )
        for signed in listed.signatures:
            if signed.organization not in catalog.organizations:
                yield Finding("unknown-id", "error", f"no organization {signed.organization!r}", signed.place)
            if signed.on > day:
                yield Finding(
                    "future-date",
                    "error",
                    f"{signed.organization}: {signed.on} is in the future",
                    signed.place,
                )
            if signed.until and signed.until < signed.on:
                yield Finding(
                    "contradiction", "error", f"{signed.organization} left before it signed", signed.place
                )


def _forms(catalog: Catalog) -> Iterator[Finding]:
    for form in catalog.forms.values():
        if form.instrument not in catalog.instruments:
            yield Finding("unknown-id", "error", f"no instrument {form.instrument!r}", form.place)
        for section in form.sections:
            points = (name for point in section.points for name in point.sources)
            for name in (section.provision, *section.sources, *points):
                if catalog.provision(name) is None:
                    yield Finding("unknown-id", "error", f"no provision {name!r}", section.place)


def _clocks(catalog: Catalog, day: str) -> Iterator[Finding]:
    for rule in catalog.clocks.values():
        if catalog.owner(rule.provision) != rule.instrument:
            yield Finding(
                "unknown-id", "error", f"{rule.instrument!r} has no provision {rule.provision!r}", rule.place
            )
        if max(rule.adopted, rule.reading.date) > day:
            yield Finding("future-date", "error", f"clock {rule.id}: a date in the future", rule.place)


def _ancestors(catalog: Catalog, start: str) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        instrument = catalog.instruments.get(ahead.pop())
        for older in instrument.supersedes if instrument is not None else ():
            if older not in found:
                found.add(older)
                ahead.append(older)
    return found


def _map(catalog: Catalog, walk: Crosswalk) -> Iterator[Finding]:
    said: dict[tuple[str, str], tuple[Relationship, Relation]] = {}
    for line in walk.relations:
        for name in (line.source, *line.targets):
            if catalog.owner(name) is None:
                yield Finding("unknown-id", "error", f"no provision or instrument {name!r}", line.place)
        for target in line.targets:
            if catalog.owner(target) is not None and catalog.owner(target) == catalog.owner(line.source):
                yield Finding(
                    "same-instrument",
                    "error",
                    f"{line.source} and {target} are of one instrument",
                    line.place,
                )
            before = said.get((line.source, target))
            if before is not None and before[0] is not line.relationship:
                yield Finding(
                    "contradiction",
                    "error",
                    f"{line.source} {line.relationship.value} {target}, but line {before[1].place.line} says "
                    f"{before[0].value}",
                    line.place,
                )
            said.setdefault((line.source, target), (line.relationship, line))
            said.setdefault((target, line.source), (line.relationship.inverse, line))
        if line.relationship is Relationship.EQUAL:
            yield from _wording(catalog, line)
        if line.derived:
            yield Finding(
                "derived",
                "note",
                f"{line.source} {line.relationship.value} {', '.join(line.targets)} is inferred and not shown as fact",
                line.place,
            )
        if line.relationship is Relationship.NONE and any(t in catalog.instruments for t in line.targets):
            yield Finding(
                "absence-without-search",
                "error",
                f"{line.source} has no relationship to a whole instrument: write it as an absence with reader and date",
                line.place,
            )
    related = {
        (source, catalog.owner(target))
        for (source, target), (relationship, _) in said.items()
        if relationship is not Relationship.NONE
    }
    for absence in walk.absences:
        yield from _absence(catalog, absence, (absence.provision, absence.instrument) in related)


def _wording(catalog: Catalog, line: Relation) -> Iterator[Finding]:
    """That two texts have the same words can only be said by whoever read the words of both."""
    for name in (line.source, *line.targets):
        provision = catalog.provision(name)
        instrument = catalog.instruments.get(catalog.owner(name) or "")
        if provision is None or instrument is None:
            continue
        if not provision.verified or instrument.reading.extent in (Extent.SUMMARY, Extent.NONE):
            yield Finding(
                "wording-not-read",
                "error",
                f"{line.source} is said to be equal to {', '.join(line.targets)}, but the words of {name} were not "
                "read: write equivalent-to",
                line.place,
            )


def _absence(catalog: Catalog, absence: Absence, related: bool) -> Iterator[Finding]:
    instrument = catalog.instruments.get(absence.instrument)
    if catalog.provision(absence.provision) is None:
        yield Finding("unknown-id", "error", f"no provision {absence.provision!r}", absence.place)
    if instrument is None:
        yield Finding("unknown-id", "error", f"no instrument {absence.instrument!r}", absence.place)
        return
    if related:
        yield Finding(
            "contradiction",
            "error",
            f"{absence.provision} is said to be absent from {absence.instrument} and to relate to a part of it",
            absence.place,
        )
    if absence.version != instrument.version:
        yield Finding(
            "other-version",
            "note",
            f"{absence.provision}: searched in version {absence.version} of {absence.instrument}, "
            f"the catalog holds {instrument.version}, so it shows as not checked",
            absence.place,
        )
    if absence.is_finding and instrument.reading.extent is not Extent.WHOLE:
        yield Finding(
            "other-reading",
            "note",
            f"{absence.provision}: {absence.searched_by} read the whole of {absence.instrument}; by the catalog's own "
            f"reading {_READ[instrument.reading.extent]}",
            absence.place,
        )
    if not absence.is_finding:
        yield Finding(
            "not-whole",
            "note",
            f"{absence.provision} in {absence.instrument}: {_READ[absence.extent]}, so it shows as not checked",
            absence.place,
        )
