"""Is what a vendor published an unusually favourable selection of the methods it was measured by?

Whether a selection is unusual is a statement about figures; why it was made is not in the figures. Every
output of this module carries the innocent explanations of ``data/selection.json``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb, isnan, nan

import numpy as np

from kakehashi.compare.correlation import holm
from kakehashi.compare.facts import FactsRecord, ReportedScore, checked, method_names
from kakehashi.compare.grouping import GroupRule
from kakehashi.compare.resampling import FloatArray, Rng, as_generator, check_level, seed_of
from kakehashi.errors import NotEstimableError, UsageError

#: Up to this many subsets are all looked at; beyond, subsets are drawn.
MOST_SUBSETS = 200_000
#: The power is given for a vendor that is this many times as likely to publish a method of its better half.
ODDS = 4.0


@dataclass(frozen=True, slots=True)
class SelectionTest:
    """The test for one vendor.

    Attributes:
        vendor: The organisation.
        n_measured: Methods by which any of its models was measured by anybody.
        n_published: Those by which it published a score itself.
        published: Their names.
        unpublished: Names of the others.
        models: Its models in the data.
        mean_published: Mean standing of its models on the published methods, 0 to 1 (rank), or in standard
            deviations (score).
        mean_all: The same over all methods.
        p_value: Share of all choices of as many methods that are at least as favourable; NaN without a test.
        p_adjusted: After Holm's correction over the vendors tested.
        least_p: Least p value that this vendor's data could give.
        exact: Whether all choices were looked at.
        n_subsets: Choices looked at, or drawn.
        smallest_n: Least number of measured methods with which a choice of as many published ones can reach
            the level at all, before correction.
        power: Chance to find a vendor that is ``ODDS`` times as likely to publish a method of its better
            half, at the level before correction; NaN without a test.
        verdict: ``"unusually-favourable"``, ``"not-unusual"``, ``"too-few"`` (the test cannot speak) or
            ``"nothing-to-choose"`` (none or all published).
        first_party_only: Cells known from the vendor alone, which stand in the comparison as it reported them.
        cells_published: Cells (model and method) that it published, of those measured on published methods.
        cells_measured: The latter.
    """

    vendor: str
    n_measured: int
    n_published: int
    published: tuple[str, ...]
    unpublished: tuple[str, ...]
    models: tuple[str, ...]
    mean_published: float
    mean_all: float
    p_value: float
    p_adjusted: float
    least_p: float
    exact: bool
    n_subsets: int
    smallest_n: int
    power: float
    verdict: str
    first_party_only: int
    cells_published: int
    cells_measured: int


@dataclass(frozen=True, slots=True)
class Selective:
    """Tests for all vendors together.

    Attributes:
        tests: One for each vendor, by name.
        alpha: Level of the family.
        smallest_n: Least number of measured methods with which any choice can reach the level.
        n_tested: Vendors in Holm's correction: those whose data could reach the level at all.
        skipped_methods: Methods left out because fewer than two models of other vendors were measured.
        facts_as_of: Date of the record of developers.
        facts_source: Its source.
        settings: What the function was called with.
        diagnostics: What the reader must know.
    """

    tests: tuple[SelectionTest, ...]
    alpha: float
    smallest_n: int
    n_tested: int
    skipped_methods: Mapping[str, int]
    facts_as_of: str
    facts_source: str
    settings: Mapping[str, object] = field(default_factory=dict)
    diagnostics: Mapping[str, object] = field(default_factory=dict)


def smallest_speaking_n(alpha: float = 0.05, k: int | None = None) -> int:
    """Least number of measured methods with which the test can reach ``alpha`` at all.

    The least p value of a choice of k out of n, without ties, is one over the number of such choices.

    Args:
        alpha: The level.
        k: Number of published methods; ``None`` for the most favourable number.

    Examples:
        >>> smallest_speaking_n(0.05), smallest_speaking_n(0.05, k=1)
        (6, 20)
    """
    check_level(alpha)
    n = 1 if k is None else k + 1
    while comb(n, n // 2 if k is None else k) < 1 / alpha - 1e-9:
        n += 1
    return n


def selection_p_value(
    standing: Sequence[float] | FloatArray,
    chosen: Sequence[int],
    *,
    n_resamples: int = 9999,
    most_subsets: int = MOST_SUBSETS,
    rng: Rng = None,
) -> tuple[float, float, bool, int]:
    """Share of the choices of as many methods whose mean standing is at least that of the choice made.

    All choices where there are at most ``most_subsets`` of them, else random ones, the choice made counted
    among them (the +1 rule), so that the p value is never too small on average.

    Args:
        standing: Standing of the vendor on each method.
        chosen: Positions of the published methods.
        n_resamples: Random choices where there are too many.
        most_subsets: See above.
        rng: Generator or seed.

    Returns:
        The p value, the least that these standings could give, whether it is exact, and the number of choices.

    References:
        Phipson, Smyth (2010). Permutation p-values should never be zero. Stat. Appl. Genet. Mol. Biol. 9.
    """
    null, exact = _null_means(np.asarray(standing, dtype=float), len(chosen), n_resamples, most_subsets, rng)
    observed = float(np.asarray(standing, dtype=float)[list(chosen)].mean())
    return *_tail(null, observed, exact, _top_mean(standing, len(chosen))), exact, len(null)


def _top_mean(standing: Sequence[float] | FloatArray, k: int) -> float:
    return float(np.sort(np.asarray(standing, dtype=float))[::-1][:k].mean())


def _tail(null: FloatArray, observed: float, exact: bool, top: float) -> tuple[float, float]:
    add = 0 if exact else 1
    p_value, least = ((float((null >= at - 1e-9).sum()) + add) / (len(null) + add) for at in (observed, top))
    return p_value, least


def _null_means(
    standing: FloatArray, k: int, n_resamples: int, most_subsets: int, rng: Rng
) -> tuple[FloatArray, bool]:
    n = len(standing)
    if not 0 < k < n:
        raise NotEstimableError(
            f"{k} of {n} methods were published: there is no choice to test",
            diagnostic="nothing-to-choose",
            hint="The test needs methods that were published and methods that were not.",
        )
    if comb(n, k) <= most_subsets:
        index = np.fromiter((i for c in combinations(range(n), k) for i in c), dtype=np.int32)
        return standing[index.reshape(-1, k)].mean(axis=1), True
    generator = as_generator(rng)
    order = np.argsort(generator.random((n_resamples, n)), axis=1)[:, :k]
    return standing[order].mean(axis=1), False


def selection_power(
    standing: Sequence[float] | FloatArray,
    k: int,
    *,
    odds: float = ODDS,
    alpha: float = 0.05,
    n_simulations: int = 1000,
    rng: Rng = None,
) -> float:
    """Chance that the test finds a vendor whose better methods are ``odds`` times as likely to be published.

    The better half of the standings weighs ``odds``, the rest 1; ``k`` methods are drawn without
    replacement, one after the other. With ``odds=1`` it is the size of the test.
    """
    generator = as_generator(rng)
    values = np.asarray(standing, dtype=float)
    null, exact = _null_means(values, k, 9999, MOST_SUBSETS, generator)
    weight = np.where(values > np.median(values), odds, 1.0)
    keys = np.log(weight) + generator.gumbel(size=(n_simulations, len(values)))
    drawn = values[np.argsort(-keys, axis=1)[:, :k]].mean(axis=1)
    ordered = np.sort(null)
    add = 0 if exact else 1
    above = len(ordered) - np.searchsorted(ordered, drawn - 1e-9, side="left")
    return float(((above + add) / (len(ordered) + add) <= alpha + 1e-12).mean())


def selective(
    scores: Sequence[ReportedScore],
    facts: FactsRecord,
    *,
    directions: Mapping[str, bool] | None = None,
    statistic: str = "rank",
    alpha: float = 0.05,
    rule: GroupRule | None = None,
    n_resamples: int = 9999,
    rng: Rng = None,
) -> Selective:
    """Test, vendor by vendor, whether the methods it published are an unusually favourable choice.

    A vendor's standing on a method is the mean, over its models, of the share of other vendors' models that
    stand behind (ties count half), or with ``statistic="score"`` of how many standard deviations of the
    other vendors' scores it lies above their mean. The methods published are held against every choice of
    as many methods out of those by which anybody measured its models. The method is the unit, since the
    models of one vendor stand or fall together on it. Where a third party measured a cell too, that score
    is the one that counts. Cells that are missing are left missing.

    The test sees the choice of methods. It does not see a choice of models within a method
    (``cells_published`` against ``cells_measured`` shows how many there are), nor scores that
    nobody else ever measured.

    Vendors whose data could not reach the level under any choice are left out of Holm's correction; this
    keeps the level, as they are never called unusual.

    Args:
        scores: Reported scores with publishers.
        facts: Developers of the models; a publisher that is a model's developer is the first party.
        directions: Method → whether higher is better; higher where not named.
        statistic: ``"rank"`` or ``"score"``.
        alpha: Level of the family of vendors.
        rule: How models by several developers count.
        n_resamples: Random choices beyond ``MOST_SUBSETS``.
        rng: Generator or seed.

    Raises:
        UsageError: Unknown statistic, or a level that is none.
        InputError: Infinity, or duplicates that differ.
        NotEstimableError: No vendor published a score of its own (``no-first-party``), or no method has
            models of other vendors (``no-shared-methods``).

    References:
        Tarone (1990). A modified Bonferroni method for discrete data. Biometrics 46, 515-522.
    """
    check_level(alpha)
    if statistic not in ("rank", "score"):
        raise UsageError(f"unknown statistic {statistic!r}", hint="Use rank or score.")
    rule = rule or GroupRule()
    good = checked(scores)
    vendor_of = {one.model: rule.developer(facts.of(one.model)) for one in good}
    cells = _cells(good, vendor_of, rule)
    first = sorted({vendor_of[model] for (model, _), cell in cells.items() if cell.first_party})
    if not first:
        raise NotEstimableError(
            "no score was published by the developer of its model",
            diagnostic="no-first-party",
            hint="Name publishers in the column 'publisher', with the developers' own names.",
        )
    values = _standings(cells, vendor_of, directions or {}, method_names(good), statistic)
    generator = as_generator(rng)
    tests, skipped = [], {}
    for vendor in first:
        test, left_out = _test(vendor, cells, vendor_of, values, alpha, n_resamples, generator)
        tests.append(test)
        skipped[vendor] = left_out
    if all(test.n_measured == 0 for test in tests):
        raise NotEstimableError(
            "no method measured models of another vendor beside a vendor's own",
            diagnostic="no-shared-methods",
            hint="Give scores of at least two models of other vendors by each method.",
        )
    tests = _corrected(tests, alpha)
    return Selective(
        tests=tuple(tests),
        alpha=alpha,
        smallest_n=smallest_speaking_n(alpha),
        n_tested=sum(test.verdict in ("unusually-favourable", "not-unusual") for test in tests),
        skipped_methods=skipped,
        facts_as_of=facts.as_of,
        facts_source=facts.source,
        settings={
            "statistic": statistic,
            "n_resamples": n_resamples,
            "seed": seed_of(rng),
            "rule": rule.stated(),
            "odds": ODDS,
        },
        diagnostics={
            "models_without_developer": tuple(sorted(m for m, vendor in vendor_of.items() if not vendor))
        },
    )


@dataclass(slots=True)
class _Cell:
    """What is known of one model by one method."""

    third: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)

    @property
    def first_party(self) -> bool:
        return bool(self.own)

    @property
    def value(self) -> float:
        return float(np.mean(self.third or self.own))


def _cells(
    scores: Sequence[ReportedScore], vendor_of: Mapping[str, str], rule: GroupRule
) -> dict[tuple[str, str], _Cell]:
    aliases = rule.regions.get("developer_aliases", {})
    cells: dict[tuple[str, str], _Cell] = {}
    for one in scores:
        cell = cells.setdefault((one.model, one.method), _Cell())
        publisher = str(aliases.get(one.publisher, one.publisher))
        own = bool(publisher) and publisher == vendor_of[one.model]
        (cell.own if own else cell.third).append(one.value)
    return cells


def _standings(
    cells: Mapping[tuple[str, str], _Cell],
    vendor_of: Mapping[str, str],
    directions: Mapping[str, bool],
    methods: Sequence[str],
    statistic: str,
) -> dict[str, dict[str, float]]:
    """Method → vendor → standing; vendors with fewer than two models of others beside them are absent."""
    out: dict[str, dict[str, float]] = {}
    for method in methods:
        sign = 1.0 if directions.get(method, True) else -1.0
        here = [(vendor_of[m], sign * cell.value) for (m, name), cell in cells.items() if name == method]
        out[method] = {}
        for vendor in {v for v, _ in here if v}:
            others = np.array([value for v, value in here if v != vendor])
            mine = np.array([value for v, value in here if v == vendor])
            if len(others) < 2:
                continue
            if statistic == "rank":
                behind = (others[None, :] < mine[:, None]).mean(axis=1)
                tied = (others[None, :] == mine[:, None]).mean(axis=1)
                out[method][vendor] = float((behind + tied / 2).mean())
            elif (spread := float(others.std(ddof=1))) > 0:
                out[method][vendor] = float((mine.mean() - others.mean()) / spread)
    return out


def _test(
    vendor: str,
    cells: Mapping[tuple[str, str], _Cell],
    vendor_of: Mapping[str, str],
    values: Mapping[str, Mapping[str, float]],
    alpha: float,
    n_resamples: int,
    rng: np.random.Generator,
) -> tuple[SelectionTest, int]:
    mine = {key: cell for key, cell in cells.items() if vendor_of[key[0]] == vendor}
    measured = [method for method in values if any(name == method for _, name in mine)]
    usable = [method for method in measured if vendor in values[method]]
    published = [m for m in usable if any(name == m and cell.own for (_, name), cell in mine.items())]
    on_published = [cell for (_, name), cell in mine.items() if name in published]
    standing = np.array([values[method][vendor] for method in usable])
    n, k = len(usable), len(published)
    chosen = [usable.index(method) for method in published]
    p_value = least = power = nan
    exact, count, verdict = True, 0, "nothing-to-choose"
    if 0 < k < n:
        p_value, least, exact, count = selection_p_value(standing, chosen, n_resamples=n_resamples, rng=rng)
        speaks = least <= alpha + 1e-12
        verdict = "not-unusual" if speaks else "too-few"
        power = selection_power(standing, k, alpha=alpha, rng=rng) if speaks else 0.0
    test = SelectionTest(
        vendor=vendor,
        n_measured=n,
        n_published=k,
        published=tuple(published),
        unpublished=tuple(method for method in usable if method not in published),
        models=tuple(dict.fromkeys(model for model, _ in mine)),
        mean_published=float(standing[chosen].mean()) if k else nan,
        mean_all=float(standing.mean()) if n else nan,
        p_value=p_value,
        p_adjusted=nan,
        least_p=least,
        exact=exact,
        n_subsets=count,
        smallest_n=smallest_speaking_n(alpha, k) if k else smallest_speaking_n(alpha),
        power=power,
        verdict=verdict,
        first_party_only=sum(not cell.third for cell in mine.values()),
        cells_published=sum(cell.first_party for cell in on_published),
        cells_measured=len(on_published),
    )
    return test, len(measured) - n


def _corrected(tests: Sequence[SelectionTest], alpha: float) -> list[SelectionTest]:
    from dataclasses import replace

    family = [test for test in tests if test.verdict == "not-unusual"]
    adjusted = dict(
        zip((test.vendor for test in family), holm([test.p_value for test in family]), strict=True)
    )
    out = []
    for test in tests:
        p = float(adjusted.get(test.vendor, nan))
        unusual = not isnan(p) and p <= alpha + 1e-12
        out.append(replace(test, p_adjusted=p, verdict="unusually-favourable" if unusual else test.verdict))
    return out
