"""Values on how far methods agree on order, and what choosing among them could do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AgreementFacts:
    """How far methods order the same models alike.

    Attributes:
        status: ``"estimated"`` or ``"insufficient"``.
        models: Number of models.
        methods: Names of the methods.
        constructs: Construct of each.
        kendall_w: Kendall's W, ``None`` where not estimable.
        w_low: Lower end of its interval.
        w_high: Upper end.
        alpha: Krippendorff's ordinal alpha on ranks.
        alpha_low: Lower end of its interval.
        alpha_high: Upper end.
        mean_tau: Mean tau-b over pairs of methods.
        tau_low: Lower end of its interval.
        tau_high: Upper end.
        negative_pairs: Pairs of methods with negative tau-b.
        pairs: Pairs of methods.
        tau: Tau-b between methods, ``None`` where not estimable.
        reason: Why something is missing.
    """

    status: str
    models: int
    methods: tuple[str, ...] = ()
    constructs: tuple[str, ...] = ()
    kendall_w: float | None = None
    w_low: float | None = None
    w_high: float | None = None
    alpha: float | None = None
    alpha_low: float | None = None
    alpha_high: float | None = None
    mean_tau: float | None = None
    tau_low: float | None = None
    tau_high: float | None = None
    negative_pairs: int = 0
    pairs: int = 0
    tau: tuple[tuple[float | None, ...], ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RangeFacts:
    """Ranks that one model can be given by choosing methods, each with the methods that give it."""

    model: str
    best: int
    best_methods: tuple[str, ...]
    worst: int
    worst_methods: tuple[str, ...]
    share_first: float | None
    mean_rank: float | None


@dataclass(frozen=True, slots=True)
class ExposureFacts:
    """What choosing among methods can do to the order of models.

    Attributes:
        status: ``"estimated"`` or ``"insufficient"``.
        min_methods: Least number of methods in a choice.
        n_methods: Number of methods to choose from.
        n_models: Number of models.
        n_subsets: Choices looked at.
        exact: Whether these were all.
        n_first: Models that can come first.
        noise_independent: Mean number that could come first if methods ordered models at random.
        noise_independent_low: 2.5% quantile.
        noise_independent_high: 97.5% quantile.
        noise_correlated: Mean number if models were exchangeable and methods as correlated as these.
        noise_correlated_low: 2.5% quantile.
        noise_correlated_high: 97.5% quantile.
        n_always_ahead: Pairs whose order no choice can change, ``None`` where it was not computed.
        always_ahead: These pairs (ahead, behind).
        constructs: Constructs among the methods.
        data_date: Date of the figures.
        ranges: One entry a model.
        reason: Why there is none.
    """

    status: str
    min_methods: int
    n_methods: int
    n_models: int
    n_subsets: int = 0
    exact: bool = True
    n_first: int = 0
    noise_independent: float | None = None
    noise_independent_low: float | None = None
    noise_independent_high: float | None = None
    noise_correlated: float | None = None
    noise_correlated_low: float | None = None
    noise_correlated_high: float | None = None
    n_always_ahead: int | None = None
    always_ahead: tuple[tuple[str, str], ...] = ()
    constructs: tuple[str, ...] = ()
    data_date: str = ""
    ranges: tuple[RangeFacts, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PublishedGroup:
    """Published methods taken together: all, those of one construct, the rest."""

    name: str
    agreement: AgreementFacts
    exposure: ExposureFacts


@dataclass(frozen=True, slots=True)
class PublishedFacts:
    """A cited table of published figures that stands beside the run.

    Attributes:
        citation: How to cite it.
        repository: Where it was published.
        commit: Which edition of that.
        licence: Its licence.
        data_date: Date of the figures.
        population: What the models are.
        groups: All methods, those of the largest construct, the rest.
        file: Where the figures themselves stand.
        cells: How many there are.
        source: Id of the source that its numbers lead to.
    """

    citation: str
    repository: str
    commit: str
    licence: str
    data_date: str
    population: str
    groups: tuple[PublishedGroup, ...]
    file: str = ""
    cells: int = 0
    source: str = ""
