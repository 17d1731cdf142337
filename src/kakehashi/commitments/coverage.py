"""Coverage: of each provision, what public evidence was found for each signatory; counts, never a grade."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

from kakehashi.commitments.catalog import Catalog
from kakehashi.commitments.evidence import Evidence, EvidenceBook, State, state_of
from kakehashi.commitments.records import Instrument
from kakehashi.commitments.signatories import Signature
from kakehashi.errors import NotEstimableError, UsageError

STATES: tuple[State, ...] = ("found", "not-found", "gone", "not-checked")


@dataclass(frozen=True, slots=True)
class CoverageCell:
    """What stands at a provision for an organization.

    Attributes:
        organization: Identifier of the organization.
        provision: Identifier of the provision.
        state: What the latest evidence says; ``not-checked`` where there is none.
        evidence: All of it, oldest first, with the replies.
    """

    organization: str
    provision: str
    state: State
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class ShareInterval:
    """Between which bounds a share lies among all of a finite list.

    Attributes:
        low: Lower bound.
        high: Upper bound.
        confidence_level: Its level.
        method: ``"hypergeometric"``.
    """

    low: float
    high: float
    confidence_level: float
    method: str = "hypergeometric"


@dataclass(frozen=True, slots=True)
class ProvisionCount:
    """A provision over the signatories.

    Attributes:
        provision: Identifier of the provision.
        counts: State → number of signatories.
        n: Number of signatories on the list.
        checked: Of them, those with a finding.
        interval: For the share of all signatories with evidence; only where those checked were drawn at random.
    """

    provision: str
    counts: dict[State, int]
    n: int
    checked: int
    interval: ShareInterval | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Evidence for an instrument.

    Attributes:
        instrument: The instrument.
        organizations: Identifiers, in the order of the list; those asked for.
        signatures: Organization → its signature, where one is recorded.
        total: Number of signatories as the source gives it, where known.
        listed: Number of signatories that are on record here.
        complete: Whether the list holds all of them.
        cells: One for each organization and provision.
        provisions: Counts over the organizations, one for each provision.
        sampled: Whether those checked are said to have been drawn at random from the list.
        withdrawn: Evidence records retracted or superseded.
        size: Number of records of the ledger.
        root: Its root.
    """

    instrument: Instrument
    organizations: tuple[str, ...]
    signatures: dict[str, Signature]
    total: int | None
    listed: int
    complete: bool
    cells: tuple[CoverageCell, ...]
    provisions: tuple[ProvisionCount, ...]
    sampled: bool
    withdrawn: int
    size: int
    root: str

    def counts(self, organization: str) -> dict[State, int]:
        """State → number of provisions, for one organization."""
        found = Counter(cell.state for cell in self.cells if cell.organization == organization)
        return {state: found[state] for state in STATES}


def evidence_coverage(
    catalog: Catalog,
    book: EvidenceBook,
    instrument: str,
    *,
    organizations: Sequence[str] = (),
    sampled: bool = False,
) -> Coverage:
    """What public evidence there is for an instrument.

    Args:
        catalog: Instruments and signatories.
        book: The evidence.
        instrument: Identifier of the instrument.
        organizations: Identifiers or names; all signatories on record by default.
        sampled: Whether the organizations that were checked were drawn at random from a complete list; only then an
            interval speaks of those that were not.

    Raises:
        UnknownNameError: No such instrument or organization.
        UsageError: No signatory is on record and none was named, or a sample of a list that is not complete.
    """
    text = catalog.instrument(instrument)
    signatures = {one.organization: one for one in catalog.signatures(instrument)}
    asked = tuple(dict.fromkeys(catalog.organization(one).id for one in organizations)) or tuple(signatures)
    if not asked:
        raise UsageError(
            f"no signatory of {instrument} is on record",
            hint="Name an organization with --for, or add signatories in a folder of your own (--catalog).",
        )
    lists = [one for one in catalog.signatories if one.instrument == instrument]
    complete = any(one.complete for one in lists)
    if sampled and (not complete or set(asked) != set(signatures)):
        raise UsageError(
            "an interval for the signatories that were not checked needs the complete list of them",
            hint="Leave --for out, or leave --sampled out.",
        )
    names = [one.id for one in text.provisions if not one.heading]
    attached: dict[tuple[str, str], list[Evidence]] = {}
    for entry in sorted(book.entries, key=lambda e: e.date):
        for name in entry.provisions:
            attached.setdefault((entry.organization, name), []).append(entry)
    cells = []
    for organization in asked:
        for name in names:
            evidence = tuple(attached.get((organization, name), ()))
            cells.append(CoverageCell(organization, name, state_of(evidence), evidence))
    return Coverage(
        instrument=text,
        organizations=asked,
        signatures={name: one for name, one in signatures.items() if name in asked},
        total=next((one.total for one in lists if one.total is not None), None),
        listed=len(signatures),
        complete=complete,
        cells=tuple(cells),
        provisions=tuple(_count(name, cells, len(asked), sampled) for name in names),
        sampled=sampled,
        withdrawn=book.withdrawn,
        size=book.size,
        root=book.root,
    )


def _count(name: str, cells: Sequence[CoverageCell], n: int, sampled: bool) -> ProvisionCount:
    found = Counter(cell.state for cell in cells if cell.provision == name)
    counts: dict[State, int] = {state: found[state] for state in STATES}
    checked = counts["found"] + counts["not-found"]
    interval = finite_share(counts["found"], checked, n) if sampled and 0 < checked < n else None
    return ProvisionCount(name, counts, n, checked, interval)


def finite_share(k: int, n: int, total: int, *, confidence_level: float = 0.95) -> ShareInterval:
    """Interval for a share among all of a finite list, of which some were drawn at random without replacement.

    Exact, by inverting the hypergeometric test on each side, so it covers at least as often as it says; with all of the
    list drawn it is the share itself. It says nothing where the sample was not drawn at random.

    Args:
        k: Number drawn that have it.
        n: Number drawn.
        total: Number on the list.
        confidence_level: Level of the interval.

    Raises:
        NotEstimableError: Nothing was drawn.
        UsageError: The counts do not fit one another.

    References:
        Buonaccorsi, J. P. (1987). A note on confidence intervals for proportions in finite populations. American
        Statistician 41, 215-218.

    Examples:
        >>> found = finite_share(3, 5, 20)  # 3 in 5: chance 136 / 15,504 with 3 of the 20, 496 / 15,504 with 4
        >>> round(found.low * 20), round(found.high * 20)
        (4, 18)
    """
    if not 0 <= k <= n <= total:
        raise UsageError(f"{k} of {n} drawn from {total} cannot be")
    if n == 0:
        raise NotEstimableError("no signatory was checked, so no share is known")
    tail = (1 - confidence_level) / 2
    inside = [
        with_it
        for with_it in range(k, total - (n - k) + 1)
        if _at_least(k, n, with_it, total) > tail and _at_most(k, n, with_it, total) > tail
    ]
    return ShareInterval(inside[0] / total, inside[-1] / total, confidence_level)


def _at_least(k: int, n: int, with_it: int, total: int) -> float:
    ways = sum(comb(with_it, i) * comb(total - with_it, n - i) for i in range(k, min(n, with_it) + 1))
    return ways / comb(total, n)


def _at_most(k: int, n: int, with_it: int, total: int) -> float:
    ways = sum(comb(with_it, i) * comb(total - with_it, n - i) for i in range(k + 1) if n - i >= 0)
    return ways / comb(total, n)
