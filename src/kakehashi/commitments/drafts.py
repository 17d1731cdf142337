"""Collect once, answer many: drafts of reports from the same evidence, with what is open said at every point.

A draft lists what is on record; it never writes an answer. Evidence that reaches a point only through a relation of the
crosswalk is listed apart and is to be checked by a person, since related is not the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kakehashi.commitments.catalog import Catalog
from kakehashi.commitments.evidence import Evidence, EvidenceBook
from kakehashi.commitments.forms import Form, FormPoint, FormSection
from kakehashi.commitments.plain import as_plain
from kakehashi.commitments.records import Relationship, Words
from kakehashi.commitments.signatories import Organization
from kakehashi.errors import UnknownNameError

FORMAT = "kakehashi.draft/1"
Standing = Literal["unanswered", "to-check", "drafted"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured number of a run that is evidence.

    Attributes:
        subject: The system.
        measure: Identifier of the measure.
        language: Language of the items.
        value: The estimate; ``None`` where it is not known.
        low: Lower end of its interval.
        high: Upper end.
        n: Number of items.
        unit: ``"proportion"`` or another.
        run: The run.
        method: Method and version.
    """

    subject: str
    measure: str
    language: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    unit: str
    run: str
    method: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Evidence at a point.

    Attributes:
        evidence: The evidence.
        provision: The provision through which it comes.
        relation: How that provision relates to the one asked; ``None`` where it is attached to what is asked.
        figures: Numbers of the run, where it is one.
    """

    evidence: Evidence
    provision: str
    relation: Relationship | None
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True)
class DraftPoint:
    """One point of a draft.

    Attributes:
        id: As in the form.
        title: What is asked; empty where the section's provision says it.
        standing: ``drafted`` (evidence found), ``to-check`` (only related evidence, only searches, or what is gone) or
            ``unanswered``.
        answers: The evidence.
    """

    id: str
    title: Words
    standing: Standing
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class DraftSection:
    """A section of a draft: the provision that asks, and its points."""

    provision: str
    verified: bool
    points: tuple[DraftPoint, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft.

    Attributes:
        form: The form.
        organization: For whom.
        name: Its name on the date.
        date: Date of the draft.
        sections: The sections.
        clearance: TLP level up to which evidence stands in it.
        withheld: Number of records above that.
        size: Number of records of the ledger.
        root: Its root.
    """

    form: Form
    organization: str
    name: Words
    date: str
    sections: tuple[DraftSection, ...]
    clearance: str
    withheld: int
    size: int
    root: str

    @property
    def points(self) -> tuple[DraftPoint, ...]:
        """All points in order."""
        return tuple(point for section in self.sections for point in section.points)

    def count(self, standing: Standing) -> int:
        """Number of points of a standing."""
        return sum(point.standing == standing for point in self.points)


def draft_form(
    catalog: Catalog,
    book: EvidenceBook,
    form: str,
    organization: str,
    *,
    date: str,
    clearance: str = "clear",
    figures: Mapping[str, Sequence[Figure]] | None = None,
) -> Draft:
    """Draft a form for an organization from its evidence.

    Args:
        catalog: Forms, provisions and relations.
        book: The evidence, as far as readers of the draft may see it.
        form: Identifier of the form.
        organization: Identifier or name.
        date: Date of the draft.
        clearance: The level up to which the book was read.
        figures: Id of evidence → numbers of its run.

    Raises:
        UnknownNameError: No such form or organization.
    """
    if form not in catalog.forms:
        raise UnknownNameError("form", form, sorted(catalog.forms))
    found, who = catalog.forms[form], catalog.organization(organization)
    related = _relations(catalog)
    sections = tuple(
        DraftSection(
            section.provision,
            _verified(catalog, section.provision),
            tuple(_point(book, who, section, point, related, figures or {}) for point in section.points),
        )
        for section in found.sections
    )
    return Draft(
        found, who.id, who.name_on(date), date, sections, clearance, book.withheld, book.size, book.root
    )


def draft_plain(draft: Draft, catalog: Catalog) -> dict[str, Any]:
    """A draft for JSON."""
    sections = []
    for section in draft.sections:
        provision = catalog.provision(section.provision)
        told = {} if provision is None else {"num": provision.num, "title": dict(provision.title)}
        sections.append({**as_plain(section), **told})
    return {
        "format": FORMAT,
        "form": draft.form.id,
        "instrument": draft.form.instrument,
        "version": draft.form.version,
        "title": dict(draft.form.title),
        "note": dict(draft.form.note),
        "organization": draft.organization,
        "name": dict(draft.name),
        "date": draft.date,
        "clearance": draft.clearance,
        "ledger": {"size": draft.size, "root": draft.root},
        "counts": {name: draft.count(name) for name in ("drafted", "to-check", "unanswered")},
        "sections": sections,
    }


def _verified(catalog: Catalog, name: str) -> bool:
    provision = catalog.provision(name)
    return provision is not None and provision.verified


def _relations(catalog: Catalog) -> dict[str, list[tuple[str, Relationship]]]:
    """Provision → what relates to it by a line that somebody read, seen from the other side."""
    found: dict[str, list[tuple[str, Relationship]]] = {}
    for line in catalog.relations:
        if line.derived or line.relationship is Relationship.NONE:
            continue
        for target in line.targets:
            found.setdefault(target, []).append((line.source, line.relationship))
            found.setdefault(line.source, []).append((target, line.relationship.inverse))
    return found


def _point(
    book: EvidenceBook,
    who: Organization,
    section: FormSection,
    point: FormPoint,
    related: Mapping[str, Sequence[tuple[str, Relationship]]],
    figures: Mapping[str, Sequence[Figure]],
) -> DraftPoint:
    own = () if point.id and point.sources else (section.provision,)
    direct = tuple(dict.fromkeys((*own, *point.sources)))
    answers: dict[str, Answer] = {}
    for name in direct:
        for one in book.of(who.id, name):
            answers.setdefault(one.id, Answer(one, name, None, tuple(figures.get(one.id, ()))))
    for name in direct:
        for other, relation in related.get(name, ()):
            for one in book.of(who.id, other):
                answers.setdefault(one.id, Answer(one, other, relation, tuple(figures.get(one.id, ()))))
    listed = tuple(answers.values())
    good = any(
        a.relation is None and a.evidence.finding == "found" and a.evidence.gone is None for a in listed
    )
    standing: Standing = "drafted" if good else "to-check" if listed else "unanswered"
    return DraftPoint(point.id, point.title, standing, listed)
