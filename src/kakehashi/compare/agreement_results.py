"""What :func:`~kakehashi.compare.agreement.agreement` hands back: pairs, groups, constructs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kakehashi.compare.constructs import ConstructSplit
from kakehashi.compare.intervals import Estimate
from kakehashi.compare.resampling import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PairAgreement:
    """Two methods side by side.

    Attributes:
        first: Name of one method.
        second: Name of the other.
        same_construct: Whether both mean to measure the same; ``None`` where not stated.
        n_shared: Models with a score by both.
        status: ``"ok"``, or ``"insufficient"`` with fewer than ten shared models (then all figures are NaN).
        tau: Kendall's tau-b.
        tau_low: Lower end for other models like these (models resampled).
        tau_high: Upper end.
        noise_low: Lower end with these models and other items (items resampled); NaN without items.
        noise_high: Upper end.
        weighted_tau: Tau with weight on the top.
        top_overlap: Share of the best k in common, at the agreement's ``top_k``.
        pearson: Pearson correlation of the scores.
        disattenuated: That correlation freed from measurement noise; NaN where errors are unknown or too great.
        disattenuated_low: Lower end for other models like these, the reliabilities taken as known.
        disattenuated_high: Upper end.
        partial_tau: Tau with capability held fixed; NaN where none was given.
        partial_low: Lower end for other models like these.
        partial_high: Upper end.
        p_value: Permutation p value of tau = 0, two-sided.
        p_holm: The same, adjusted by Holm over all pairs.
    """

    first: str
    second: str
    same_construct: bool | None
    n_shared: int
    status: str
    tau: float
    tau_low: float
    tau_high: float
    noise_low: float
    noise_high: float
    weighted_tau: float
    top_overlap: float
    pearson: float
    disattenuated: float
    disattenuated_low: float
    disattenuated_high: float
    partial_tau: float
    partial_low: float
    partial_high: float
    p_value: float
    p_holm: float


@dataclass(frozen=True, slots=True, eq=False)
class GroupAgreement:
    """Agreement of the methods of one construct, or of all.

    Attributes:
        name: The construct, ``"all"`` or ``"between constructs"``.
        methods: The methods (for ``"between constructs"`` those that stand in such pairs).
        n_models: Models with a score by all of them (for W).
        n_pairs: Pairs of methods with enough shared models.
        mean_tau: Mean tau-b over those pairs, with interval over models.
        share_negative: Share of those pairs with a negative tau.
        kendall_w: Kendall's W with interval over models, or ``None`` where it cannot be estimated.
        w_p_value: Permutation p value of W against unrelated methods.
        alpha: Krippendorff's alpha of the ranks (interval level), methods as raters; ``None`` as above. With
            missing cells over all models that two methods share, each rank as a share of its method's models.
        mean_partial_tau: Mean tau with capability held fixed, with interval over models; ``None`` without it.
        noise_low: Bound for the mean tau of these very models, had each method unlimited items: the mean of
            the pairs' lower ends. Conservative. NaN unless every pair has such an interval.
        noise_high: Upper bound.
        w_noise_low: Bound for Kendall's W of these very models, had each method unlimited items, from the pairs'
            ends of Spearman's rho. Conservative. NaN unless every pair has such an interval and no cell is missing.
        w_noise_high: Upper bound.
        alpha_noise_low: The same for alpha.
        alpha_noise_high: Upper bound.
        reason: Why a figure is missing.
    """

    name: str
    methods: tuple[str, ...]
    n_models: int
    n_pairs: int
    mean_tau: Estimate | None
    share_negative: float
    kendall_w: Estimate | None
    w_p_value: float
    alpha: Estimate | None
    mean_partial_tau: Estimate | None = None
    noise_low: float = float("nan")
    noise_high: float = float("nan")
    w_noise_low: float = float("nan")
    w_noise_high: float = float("nan")
    alpha_noise_low: float = float("nan")
    alpha_noise_high: float = float("nan")
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """How far the methods of a table agree in the order of models.

    Attributes:
        status: ``"ok"``, or ``"insufficient"``: then ``reason`` says why and there are no groups.
        reason: In words.
        models: Models of the table.
        methods: Methods of the table.
        constructs: Their constructs, or ``None``.
        tau: K x K matrix of tau-b, NaN where a pair has too few shared models.
        pairs: All pairs of methods.
        overall: All methods together; ``None`` if insufficient.
        within: One entry for each construct with two methods or more. Read these before any alarm.
        between: The pairs across constructs; ``None`` where there are none.
        split: How much of the disagreement lies between constructs; ``None`` where it cannot be said.
        settings: What the function was called with.
        diagnostics: What the reader must know.
    """

    status: str
    reason: str
    models: tuple[str, ...]
    methods: tuple[str, ...]
    constructs: tuple[str, ...] | None
    tau: FloatArray
    pairs: tuple[PairAgreement, ...]
    overall: GroupAgreement | None
    within: tuple[GroupAgreement, ...]
    between: GroupAgreement | None
    split: ConstructSplit | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    diagnostics: Mapping[str, object] = field(default_factory=dict)

    def pair(self, first: str, second: str) -> PairAgreement:
        """The entry of two methods, in either order."""
        for entry in self.pairs:
            if {entry.first, entry.second} == {first, second}:
                return entry
        raise KeyError((first, second))
