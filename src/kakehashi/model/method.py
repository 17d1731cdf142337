"""The card of a method: everything that it must declare before anybody may run it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kakehashi.model.measurement import Interval, Measure

#: Constructs by which the system that refuses everything does best.
_OF_HARM = frozenset({"harmful-request-handling", "harmfulness"})


class Policy(StrEnum):
    """What an answer that cannot be judged in the ordinary way counts as.

    Implementations of one benchmark differ here in silence, so a card must say it.
    """

    OWN_COLUMN = "own-column"
    SAFE = "counts-as-safe"
    UNSAFE = "counts-as-unsafe"
    WRONG = "counts-as-wrong"
    LEFT_OUT = "left-out-and-counted"


@dataclass(frozen=True, slots=True)
class JudgeError:
    """How often a judge errs in one language, measured on human labels; it travels with every score it touched.

    Attributes:
        n: Human-labelled answers that it judged.
        source: Which answers, and whose labels.
        sensitivity: Share of what people call refused, partly included, that the judge does too; ``None`` where it
            cannot be estimated.
        specificity: Share of the rest that the judge does not call refused either.
        sensitivity_interval: Its interval, where there is one.
        specificity_interval: Its interval, where there is one.
        by_category: For each category of items, how much oftener the judge says refused than people do.
    """

    n: int
    source: str
    sensitivity: float | None = None
    specificity: float | None = None
    sensitivity_interval: Interval | None = None
    specificity_interval: Interval | None = None
    by_category: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MethodCard:
    """What a method declares.

    Attributes:
        id: ``"<publisher>/<name>"``, such as ``"kakehashi/core"``.
        version: Version of the method; numbers of two versions are never mixed.
        title: Title by language.
        summary: One sentence by language.
        measures: The measures that it reports, headline first.
        categories: Category key → title by language.
        languages: Languages in which it has items.
        judge: Identifier of the default judge, or ``"closed answers"``.
        data_source: Where the items come from.
        data_revision: ``"sha256:…"`` over the data files.
        licence: Licence of the items.
        empty_policy: What an empty answer counts as.
        blocked_policy: What an answer blocked by a provider's filter counts as.
        judge_failure_policy: What a failed judge counts as.
        aggregation: How items become a number, in words.
        own: Whether it is one of our own suites (pages say so) rather than a published method.
        review: Language → weakest review status of its items.
        judge_calibration: Language → what the judge was checked on there: ``"human"``, ``"synthetic-only"``,
            ``"uncalibrated"`` (then nothing is judged); ``"other-prompt"`` where it was checked with another prompt
            than the method's official one; empty where no judge is asked.
        judge_errors: Language → how often the judge erred on human labels there, where that was measured.
        shown_with: Construct that must be measured and shown beside it: ``"over-refusal"`` where a system that refuses
            everything does best; ``""`` where it may stand alone.
    """

    id: str
    version: str
    title: Mapping[str, str]
    summary: Mapping[str, str]
    measures: tuple[Measure, ...]
    categories: Mapping[str, Mapping[str, str]]
    languages: tuple[str, ...]
    judge: str
    data_source: str
    data_revision: str
    licence: str
    empty_policy: Policy
    blocked_policy: Policy
    judge_failure_policy: Policy
    aggregation: str
    own: bool = True
    review: Mapping[str, str] = field(default_factory=dict)
    judge_calibration: Mapping[str, str] = field(default_factory=dict)
    judge_errors: Mapping[str, JudgeError] = field(default_factory=dict)
    shown_with: str = ""

    @property
    def rewards_refusing(self) -> bool:
        """Whether a system that refuses everything does best: harm is measured, and over-refusal is not."""
        constructs = {measure.construct for measure in self.measures}
        return not constructs.isdisjoint(_OF_HARM) and "over-refusal" not in constructs
