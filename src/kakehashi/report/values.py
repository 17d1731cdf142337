"""The one set of values that every output of an assessment is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kakehashi.model import JudgeError
from kakehashi.report.choosing_values import AgreementFacts, ExposureFacts, PublishedFacts
from kakehashi.report.plain import as_lines, as_plain
from kakehashi.report.sources import SourceFacts
from kakehashi.work.preregister import PlanCheck

FORMAT = "kakehashi.assessment/1"
Titles = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """One system as it was assessed: described, not quoted.

    Attributes:
        name: Name in tables.
        endpoint: Kind of endpoint.
        address: Address of the endpoint without user, password and query.
        model: Model id.
        developer: Who made the model, where stated.
        weights: ``"open"``, ``"closed"`` or ``""``.
        description: The user's own line.
        system_characters: Length of the system prompt.
        system_sha256: Its hash, or ``""`` where there is none.
        opening: Roles of the opening messages, in order.
        opening_sha256: Hash over them, or ``""``.
        guard: Name of the guard, or ``""``.
        guard_phrases: Number of input and of output phrases.
        parameters: As sent.
        languages: Languages that the catalogue says the model speaks; empty where nothing is known.
    """

    name: str
    endpoint: str
    address: str
    model: str
    developer: str
    weights: str
    description: str
    system_characters: int
    system_sha256: str
    opening: tuple[str, ...]
    opening_sha256: str
    guard: str
    guard_phrases: tuple[int, int]
    parameters: Mapping[str, object]
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MethodFacts:
    """What a method declares, from its card."""

    id: str
    version: str
    title: Titles
    summary: Titles
    measures: tuple[str, ...]
    constructs: tuple[str, ...]
    categories: Mapping[str, Titles]
    languages: tuple[str, ...]
    judge: str
    data_source: str
    data_revision: str
    licence: str
    empty_policy: str
    blocked_policy: str
    judge_failure_policy: str
    aggregation: str
    own: bool
    review: Mapping[str, str]
    judge_calibration: Mapping[str, str]
    judge_errors: Mapping[str, JudgeError] = field(default_factory=dict)
    judge_sources: Mapping[str, str] = field(default_factory=dict)
    shown_with: str = ""


@dataclass(frozen=True, slots=True)
class MeasureFacts:
    """One measure in one language: a column that systems are compared on.

    Attributes:
        key: ``"<measure id> [<language>]"``.
        name: The measure's name without its method.
        method: Method it belongs to.
        language: Language of the items.
        construct: What is meant to be measured.
        polarity: Which direction is better.
        unit: Unit of the values.
        detectable: Smallest difference between two systems that would be seen four times out of five: the
            greatest over the pairs of systems. ``None``: none can be seen with so few items.
        source: Id of the source that its numbers lead to.
        items: Id of the source of its item rows, which outcomes and differences between two systems are counted on.
    """

    key: str
    name: str
    method: str
    language: str
    construct: str
    polarity: str
    unit: str
    detectable: float | None
    source: str = ""
    items: str = ""


@dataclass(frozen=True, slots=True)
class ScoreFacts:
    """A number given to a system, with everything that must stand beside it.

    Attributes:
        system: Name of the system.
        measure: Key of the measure.
        facet: What it is broken down by (``"category"``, ``"technique"``, …), ``""`` for the whole.
        part: Which part.
        value: The number, ``None`` where it cannot be estimated.
        low: Lower end of the interval, ``None`` where unknown.
        high: Upper end.
        confidence_level: Nominal coverage.
        interval_method: How the interval was made.
        n: Items behind it.
        k: Successes, where counted.
        counts: Items by outcome, those outside ``n`` included.
        detectable: Smallest difference that so many items would show, at this rate.
        reason: Why there is no value, or what the reader must know.
    """

    system: str
    measure: str
    facet: str
    part: str
    value: float | None
    low: float | None
    high: float | None
    confidence_level: float | None
    interval_method: str
    n: int | None
    k: float | None
    counts: Mapping[str, int]
    detectable: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class DifferenceFacts:
    """Two systems on the same items.

    Attributes:
        measure: Key of the measure.
        first: Name of a system.
        second: Name of another.
        value: First minus second, ``None`` where it cannot be estimated.
        low: Lower end.
        high: Upper end.
        n: Items that both have.
        detectable: Smallest difference that so many items show four times out of five, for these two systems.
        better: Name of the better system where the interval excludes zero, else ``""``.
        order: ``"stated"`` (beyond noise, and the two rates' own intervals do not overlap), ``"items-only"``
            (beyond noise item by item, but the rates' intervals overlap), ``"none"`` or ``"not-estimable"``.
        reason: Why there is no estimate.
    """

    measure: str
    first: str
    second: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    detectable: float | None
    better: str
    order: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConflictFacts:
    """Two measures that order two systems in opposite ways, each beyond its noise."""

    one: str
    other: str
    first: str
    second: str
    same_construct: bool


@dataclass(frozen=True, slots=True)
class ItemAgreementFacts:
    """How often two measures say the same of one system on the items that they share.

    Attributes:
        system: The system.
        one: Key of a measure.
        other: Key of another.
        n_items: Items (clusters) that both touch.
        n_pairs: Pairs of outcomes on them.
        share: Share of pairs in which both outcomes are favourable or both are not.
        kappa: Cohen's kappa, ``None`` where it is not defined.
        low: Lower end of kappa's interval.
        high: Upper end.
        reason: Why something is missing.
    """

    system: str
    one: str
    other: str
    n_items: int
    n_pairs: int
    share: float
    kappa: float | None
    low: float | None
    high: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class MissingFacts:
    """What became of the items of one system under one method."""

    system: str
    method: str
    items: int
    error: int
    judge_failed: int
    not_judged: int
    empty: int
    blocked: int
    guarded: int


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The run behind the assessment."""

    id: str
    created: str
    partial: bool
    languages: tuple[str, ...]
    outcome: Mapping[str, object]
    manifest: Mapping[str, object]
    notes: tuple[str, ...]
    tree_size: int
    root: str
    hidden: int


@dataclass(frozen=True, slots=True)
class ClassFacts:
    """A class of a taxonomy, and what goes together with it.

    Attributes:
        taxonomy: Id of the taxonomy.
        code: Code of the class.
        title: Its title.
        items: Items of the core suite that are tagged to it.
        links: Other taxonomy → (code, items tagged to both), the most common first.
    """

    taxonomy: str
    code: str
    title: Titles
    items: int
    links: Mapping[str, tuple[tuple[str, int], ...]]


@dataclass(frozen=True, slots=True)
class CrosswalkFacts:
    """The categories of all taxonomies, and which results of the run stand for which.

    Attributes:
        taxonomies: Id → title by language, in order.
        sources: Id → source, edition and date.
        classes: Every class.
        places: Key of a measure → facet → part → (taxonomy, class), for results that stand for a class.
        rewards_refusing: Methods of the run in which a system that refuses everything does best.
        over_refusal: Whether the run measures over-refusal.
    """

    taxonomies: Mapping[str, Titles]
    sources: Mapping[str, str]
    classes: tuple[ClassFacts, ...]
    places: Mapping[str, Mapping[str, Mapping[str, tuple[str, str]]]]
    rewards_refusing: tuple[str, ...]
    over_refusal: bool


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything that a report of one run says, as values.

    Attributes:
        run: The run.
        systems: The systems, in the order they were named; never ordered by a score.
        methods: The methods.
        measures: The measures.
        scores: Headlines and parts.
        differences: Every two systems on every measure with a direction.
        conflicts: Measures that order two systems in opposite ways.
        item_agreement: Agreement of measures item by item.
        agreement: Agreement of measures on the order of systems.
        exposure: What choosing measures could do to the order of these systems.
        missing: Failures and missing cells.
        titles: Titles of parts by facet (``"technique"``, ``"family"``), by id, by language.
        published: A cited table beside it, or ``None``.
        settings: Seed, confidence level, number of resamples.
        plans: Plans in the ledger that concern the run, each against what was reported.
        crosswalk: Categories of all taxonomies, where the run has published methods.
        sources: What the numbers were made of: the items of the run first.
        rests_on: Sources of numbers that belong to no single measure, as
            :func:`~kakehashi.report.run_sources.run_sources` names them, and the ``"suite"`` whose items are tagged.
    """

    run: RunFacts
    systems: tuple[SystemFacts, ...]
    methods: tuple[MethodFacts, ...]
    measures: tuple[MeasureFacts, ...]
    scores: tuple[ScoreFacts, ...]
    differences: tuple[DifferenceFacts, ...]
    conflicts: tuple[ConflictFacts, ...]
    item_agreement: tuple[ItemAgreementFacts, ...]
    agreement: AgreementFacts
    exposure: ExposureFacts
    missing: tuple[MissingFacts, ...]
    titles: Mapping[str, Mapping[str, Titles]] = field(default_factory=dict)
    published: PublishedFacts | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    plans: tuple[PlanCheck, ...] = ()
    crosswalk: CrosswalkFacts | None = None
    sources: tuple[SourceFacts, ...] = ()
    rests_on: Mapping[str, str] = field(default_factory=dict)

    def headline(self, system: str, measure: str) -> ScoreFacts | None:
        """The score of a system by a whole measure."""
        for score in self.scores:
            if score.system == system and score.measure == measure and not score.facet:
                return score
        return None

    def parts(self, measure: str, facet: str) -> tuple[ScoreFacts, ...]:
        """The scores of a measure broken down by a facet, in the order they were measured."""
        return tuple(score for score in self.scores if score.measure == measure and score.facet == facet)

    def measure(self, key: str) -> MeasureFacts:
        """The measure of that key."""
        return next(one for one in self.measures if one.key == key)

    def method(self, name: str) -> MethodFacts | None:
        """The method of that id."""
        return next((one for one in self.methods if one.id == name), None)

    def to_json(self) -> str:
        """Strict JSON, sorted and stable, one row a line; ``ledger`` is what ``results verify --against`` reads."""
        ledger = {"size": self.run.tree_size, "root": self.run.root}
        return as_lines({"format": FORMAT, "ledger": ledger, **as_plain(self)})
