"""What a developer reported of its own models against what others found: same model, same method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kakehashi.compare.facts import FactsRecord, ReportedScore, checked
from kakehashi.compare.grouping import GroupRule
from kakehashi.compare.intervals import Estimate
from kakehashi.compare.resampling import FloatArray, Rng, as_generator, critical_value, seed_of
from kakehashi.errors import NotEstimableError, UsageError

#: Up to this many models all changes of sign are looked at.
EXACT_MODELS = 16


@dataclass(frozen=True, slots=True)
class PartyContrast:
    """First-party minus third-party scores, turned so that above zero is the more favourable report.

    Attributes:
        estimate: Mean difference over models, in the unit of ``settings["unit"]``, with its interval.
        p_value: Two-sided, by changing the signs of whole models.
        least_p: Least p value that so many models could give.
        exact: Whether all changes of sign were looked at.
        n_pairs: Cells with both parties.
        n_models: Models among them.
        n_above: Models whose first-party scores are the higher ones on average.
        pairs: Model, method, first-party score, third-party score, as reported.
        diagnostics: What the reader must know.
    """

    estimate: Estimate
    p_value: float
    least_p: float
    exact: bool
    n_pairs: int
    n_models: int
    n_above: int
    pairs: tuple[tuple[str, str, float, float], ...]
    diagnostics: Mapping[str, object] = field(default_factory=dict)


def sign_flip_p_value(
    differences: Sequence[float] | FloatArray,
    *,
    n_resamples: int = 9999,
    most_exact: int = EXACT_MODELS,
    rng: Rng = None,
) -> tuple[float, float, bool]:
    """Two-sided p value of a mean of zero, by changing signs: exact up to ``most_exact`` differences.

    Returns:
        The p value, the least that so many differences could give, and whether it is exact.

    References:
        Fisher (1935). The Design of Experiments, section 21.

    Examples:
        >>> sign_flip_p_value([1.0, 2.0, 3.0])
        (0.25, 0.25, True)
    """
    d = np.asarray(differences, dtype=np.float64)
    n = len(d)
    if n == 0:
        raise NotEstimableError("there is no difference to test", diagnostic="no-shared-cells")
    exact = n <= most_exact
    if exact:
        signs = 1.0 - 2.0 * ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1)
    else:
        signs = np.where(as_generator(rng).random((n_resamples, n)) < 0.5, -1.0, 1.0)
    null = np.abs(signs @ d)
    add = 0 if exact else 1
    hits = int((null >= abs(d.sum()) - 1e-9 * max(1.0, np.abs(d).sum())).sum())
    least = 2.0 / (1 << n) if exact else 1.0 / (n_resamples + 1)
    return (hits + add) / (len(null) + add), min(least, 1.0), exact


def party_contrast(
    scores: Sequence[ReportedScore],
    facts: FactsRecord,
    *,
    vendor: str | None = None,
    directions: Mapping[str, bool] | None = None,
    unit: str = "sd",
    rule: GroupRule | None = None,
    confidence_level: float = 0.95,
    rng: Rng = None,
) -> PartyContrast:
    """Mean difference between first-party and third-party scores of the same cells.

    The model is the unit: the differences of one model are averaged first, since its methods share how it
    was run. The interval is Student's over models; the test changes the signs of whole models. A
    difference is not a fault: prompts, tries, dates and versions differ too.

    Args:
        scores: Reported scores with publishers.
        facts: Developers of the models.
        vendor: Only models of this developer; all by default.
        directions: Method → whether higher is better.
        unit: ``"sd"`` divides by the standard deviation of the third parties' scores by that method, so that
            methods of different units can stand in one mean; ``"raw"`` leaves the methods' own unit.
        rule: How models by several developers count.
        confidence_level: Nominal coverage.
        rng: Generator or seed, for more than ``EXACT_MODELS`` models.

    Raises:
        NotEstimableError: No cell with both parties (``no-shared-cells``), a single model (``one-model``), or
            differences that are all the same (``constant-scores``).

    References:
        Student (1908). The probable error of a mean. Biometrika 6, 1-25.
    """
    if unit not in ("sd", "raw"):
        raise UsageError(f"unknown unit {unit!r}", hint="Use sd or raw.")
    rule = rule or GroupRule()
    aliases = rule.regions.get("developer_aliases", {})
    own: dict[tuple[str, str], list[float]] = {}
    others: dict[tuple[str, str], list[float]] = {}
    for one in checked(scores):
        developer = rule.developer(facts.of(one.model))
        first = bool(one.publisher) and str(aliases.get(one.publisher, one.publisher)) == developer
        (own if first else others).setdefault((one.model, one.method), []).append(one.value)
    spreads = _spreads(others)
    shared = [
        key for key in own if key in others and (vendor is None or rule.developer(facts.of(key[0])) == vendor)
    ]
    usable = [key for key in shared if unit == "raw" or spreads.get(key[1], 0.0) > 0]
    if not usable:
        raise NotEstimableError(
            "no model was measured by the same method both by its developer and by somebody else"
            if not shared
            else "the scores of third parties by each method are too few, or all the same",
            diagnostic="no-shared-cells" if not shared else "constant-scores",
            hint="Give scores of both parties for the same models and methods."
            if not shared
            else 'Use unit="raw" for one method.',
        )
    by_model: dict[str, list[float]] = {}
    pairs = []
    for model, method in usable:
        first_value, third_value = (float(np.mean(part[model, method])) for part in (own, others))
        sign = 1.0 if (directions or {}).get(method, True) else -1.0
        scale = spreads[method] if unit == "sd" else 1.0
        by_model.setdefault(model, []).append(sign * (first_value - third_value) / scale)
        pairs.append((model, method, first_value, third_value))
    d = np.array([np.mean(values) for values in by_model.values()])
    estimate = _student(d, confidence_level, {"unit": unit, "seed": seed_of(rng), "vendor": vendor})
    p_value, least, exact = sign_flip_p_value(d, rng=rng)
    return PartyContrast(
        estimate=estimate,
        p_value=p_value,
        least_p=least,
        exact=exact,
        n_pairs=len(pairs),
        n_models=len(d),
        n_above=int((d > 0).sum()),
        pairs=tuple(pairs),
        diagnostics={"pairs_without_scale": len(shared) - len(usable)},
    )


def _spreads(others: Mapping[tuple[str, str], list[float]]) -> dict[str, float]:
    by_method: dict[str, list[float]] = {}
    for (_, method), values in others.items():
        by_method.setdefault(method, []).append(float(np.mean(values)))
    return {name: float(np.std(v, ddof=1)) if len(v) > 1 else 0.0 for name, v in by_method.items()}


def _student(d: FloatArray, confidence_level: float, settings: Mapping[str, object]) -> Estimate:
    n = len(d)
    if n < 2:
        raise NotEstimableError(
            "a single model has both parties' scores: there is no interval over models",
            diagnostic="one-model",
            hint="Give scores of both parties for at least two models.",
        )
    error = float(d.std(ddof=1) / np.sqrt(n))
    if error == 0:
        raise NotEstimableError("all differences are the same number", diagnostic="constant-scores")
    half = critical_value(confidence_level, n - 1) * error
    mean = float(d.mean())
    few: dict[str, object] = {"few_models": True} if n < 10 else {}
    return Estimate(
        mean, mean - half, mean + half, confidence_level, "student-t over models", n, error, settings, few
    )
