"""The one set of values of a periodic report."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kakehashi.report.choosing_values import AgreementFacts, ExposureFacts, PublishedFacts
from kakehashi.report.periodic.period import Period
from kakehashi.report.plain import as_lines, as_plain
from kakehashi.report.sources import SourceFacts

FORMAT = "kakehashi.periodic/1"
Titles = Mapping[str, str]

#: Rows of a long table that a report carries; how many there are in all is said beside it.
MOST_ROWS = 60


@dataclass(frozen=True, slots=True)
class MeasureSummary:
    """All measurements of one measure in one language: how many, when, how wide; never an average.

    Attributes:
        measure: Id of the measure.
        method: Id of the method.
        versions: Versions of the method.
        construct: What is meant to be measured.
        polarity: Which direction is better.
        unit: Unit of the values.
        language: Language of the items, ``""`` where not stated.
        numbers: Measurements of whole methods.
        parts: Measurements of parts of it.
        fresh: Of ``numbers``, those of the period.
        systems: Systems measured.
        missing: Of ``numbers``, those without a value.
        low: Least value, ``None`` where there is none.
        median: Median over the systems' newest values.
        high: Greatest value.
        first: Date of the oldest.
        last: Date of the newest.
        source: Id of the source.
    """

    measure: str
    method: str
    versions: tuple[str, ...]
    construct: str
    polarity: str
    unit: str
    language: str
    numbers: int
    parts: int
    fresh: int
    systems: int
    missing: int
    low: float | None
    median: float | None
    high: float | None
    first: str
    last: str
    source: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run of the period."""

    run: str
    created: str
    systems: tuple[str, ...]
    methods: tuple[str, ...]
    languages: tuple[str, ...]
    partial: bool
    numbers: int
    source: str


@dataclass(frozen=True, slots=True)
class RunConflict:
    """Two measures of one run that order two systems in opposite ways, each beyond its noise."""

    run: str
    one: str
    other: str
    first: str
    second: str
    same_construct: bool
    source: str


@dataclass(frozen=True, slots=True)
class RepeatFacts:
    """One system measured twice by one measure in different runs: whether the later result replicates the earlier."""

    system: str
    measure: str
    language: str
    first_run: str
    second_run: str
    first: float
    second: float
    difference: float | None
    low: float | None
    high: float | None
    verdict: str
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What the ledger held.

    Attributes:
        present: Whether the workspace has a ledger.
        tree_size: Size of the log up to the last record that enters.
        root: Root of the log then.
        records: Records that enter, by kind.
        hidden: Of these, retracted or superseded by then.
        numbers: Measurements.
        fresh_numbers: Of these, those of the period.
        systems: Names of systems measured in the period.
        all_systems: How many systems in all.
        runs: Runs of the period, the newest :data:`MOST_ROWS`.
        fresh_runs: How many runs the period has.
        run_count: Runs in all.
        measures: One entry a measure and language.
        conflicts: Disagreements within the period's runs, of one construct first; at most :data:`MOST_ROWS`.
        conflict_counts: How many there are, by ``"same"`` and ``"other"`` construct.
        repeats: Systems measured again in the period, what did not replicate first; at most :data:`MOST_ROWS`.
        repeat_counts: How many there are, by verdict.
        source: Id of the source of all measurements.
        run_source: Id of the source of the period's runs.
        log_source: Id of the source of everything that the ledger held.
    """

    present: bool
    tree_size: int = 0
    root: str = ""
    records: Mapping[str, int] = field(default_factory=dict)
    hidden: int = 0
    numbers: int = 0
    fresh_numbers: int = 0
    systems: tuple[str, ...] = ()
    all_systems: int = 0
    runs: tuple[RunSummary, ...] = ()
    fresh_runs: int = 0
    run_count: int = 0
    measures: tuple[MeasureSummary, ...] = ()
    conflicts: tuple[RunConflict, ...] = ()
    repeats: tuple[RepeatFacts, ...] = ()
    conflict_counts: Mapping[str, int] = field(default_factory=dict)
    repeat_counts: Mapping[str, int] = field(default_factory=dict)
    source: str = ""
    run_source: str = ""
    log_source: str = ""


@dataclass(frozen=True, slots=True)
class ExchangeRecord:
    """A record of the exchange as the reader of the report may see it."""

    id: str
    type: str
    title: str
    level: str
    creator: str
    created: str
    modified: str
    change: str
    source: str


@dataclass(frozen=True, slots=True)
class FindingFacts:
    """A finding with the measurements of it that the reader may see: replicated, contradicted, or open."""

    id: str
    title: str
    counted: str
    system: str
    institutes: tuple[str, ...]
    rates: tuple[tuple[str, int, int, float, float], ...]
    status: str
    source: str


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """An alert and its answers."""

    id: str
    title: str
    created: str
    drill: bool
    audience: int
    answered: int
    overdue: int
    median_hours: float | None
    source: str


@dataclass(frozen=True, slots=True)
class ExchangeFacts:
    """What the exchange node held, as one reader may see it.

    Attributes:
        present: Whether the workspace has a node.
        reader: Name of the member, or the TLP level.
        by_member: Whether ``reader`` is a member.
        records: New and changed records of the period.
        findings: All findings that bear measurements, with what other institutes measured.
        alerts: Alerts and how fast they were answered.
        source: Id of the source.
    """

    present: bool
    reader: str = ""
    by_member: bool = False
    records: tuple[ExchangeRecord, ...] = ()
    findings: tuple[FindingFacts, ...] = ()
    alerts: tuple[AlertFacts, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class SafeTable:
    """Counts that may be shown; ``None`` is withheld. The last row and column are totals."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[int | None, ...], ...]
    threshold: int
    withheld: int
    source: str


@dataclass(frozen=True, slots=True)
class CatalogEvent:
    """A dated change among instruments and maps."""

    date: str
    kind: str
    what: Titles
    words: Titles
    source: str


@dataclass(frozen=True, slots=True)
class CatalogFacts:
    """The catalog of instruments and maps."""

    instruments: int
    provisions: int
    relations: int
    absences_checked: int
    events: tuple[CatalogEvent, ...]
    source: str


@dataclass(frozen=True, slots=True)
class IndicatorValue:
    """One value of a measure of the index.

    ``about`` says its facets in words; ``unbounded`` why it has no interval (``kakehashi.index.records.BOUNDS``).
    """

    value: float | None
    low: float | None
    high: float | None
    as_of: str
    vintage: str
    facets: Mapping[str, str]
    reason: Titles
    newer: str
    source: str
    about: Titles = field(default_factory=dict)
    unbounded: str = ""


@dataclass(frozen=True, slots=True)
class IndicatorFacts:
    """A measure of the index with its values; siblings stand in one family and are shown together."""

    id: str
    title: Titles
    formula: Titles
    unit: str
    caveat: Titles
    licence: str
    siblings: tuple[str, ...]
    values: tuple[IndicatorValue, ...]
    agreement: Titles
    why_empty: Titles


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """Developers of one region by one measure."""

    region: Titles
    status: str
    developers: int
    models: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ComparisonFacts:
    """One measure by developer's country or region, with everything that must stand beside it."""

    measure: str
    language: str
    unit: str
    facts_as_of: str
    facts_source: str
    rule: Mapping[str, str]
    groups: tuple[GroupFacts, ...]
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Periodic:
    """Everything that a periodic report shows."""

    period: Period
    made_for: str
    ledger: LedgerFacts
    exchange: ExchangeFacts
    aggregates: tuple[SafeTable, ...]
    catalog: CatalogFacts
    indicators: tuple[IndicatorFacts, ...]
    comparisons: tuple[ComparisonFacts, ...]
    agreement: AgreementFacts | None
    exposure: ExposureFacts | None
    published: PublishedFacts | None
    sources: tuple[SourceFacts, ...]
    settings: Mapping[str, object] = field(default_factory=dict)

    def to_json(self) -> str:
        """Strict JSON, sorted and stable; ``ledger.size`` and ``ledger.root`` are what ``results verify`` reads."""
        plain = as_plain(self)
        plain["ledger"] |= {"size": self.ledger.tree_size, "root": self.ledger.root}
        return as_lines({"format": FORMAT, **plain})
