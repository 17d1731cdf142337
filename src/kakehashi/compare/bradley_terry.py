"""Bradley-Terry strengths from comparisons, or from the order that each method gives to the models."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kakehashi.compare.consensus import Consensus, MethodWeight, check_table, summarize, what_the_table_says
from kakehashi.compare.correlation import kendall_tau_b
from kakehashi.compare.resampling import (
    FloatArray,
    Rng,
    as_generator,
    bootstrap_weights,
    check_level,
    seed_of,
)
from kakehashi.compare.table import ScoreTable
from kakehashi.errors import InputError, NotEstimableError

# Newton's steps square the error: after one of this size the next would be of rounding
TOLERANCE = 1e-7
MAX_STEPS = 200


def bradley_terry(
    first: ArrayLike,
    second: ArrayLike,
    outcome: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    weights: ArrayLike | None = None,
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    rng: Rng = None,
) -> Consensus:
    """Bradley-Terry strengths by maximum likelihood, without a prior or any other regularisation.

    The chance that i beats j is 1 / (1 + exp(s_j - s_i)); strengths are logits with mean 0. A tie counts as
    half a win for each. An estimate exists only among models of which each has beaten each other one
    directly or through others; the greatest such set is scored, and every model outside it is named in
    ``not_scoreable`` with the reason instead of a number.

    Standard errors are those of independent comparisons: from the information, or, with ties, from the
    residuals. Comparisons that hang together (by method, item, or rater) need another interval: see
    :func:`bradley_terry_consensus`. Do not use it where who beats whom goes in circles.

    Args:
        first: N codes 0..M-1 of one side (or names, with ``names``).
        second: N codes of the other side.
        outcome: N outcomes for the first side: 1 won, 0 lost, 0.5 tie.
        names: M names; default "0", "1", ...
        weights: N weights of the comparisons (counts); default 1 each.
        confidence_level: Nominal coverage.
        n_resamples: Draws for rank intervals; 0 for strengths and their errors alone.
        rng: Generator or seed.

    Raises:
        InputError: Shapes that differ, outcomes outside 0 to 1, unknown codes, a model against itself.
        NotEstimableError: No two models can be scored against one another.

    References:
        Bradley, Terry (1952). Rank analysis of incomplete block designs. Biometrika 39, 324-345.
        Ford (1957). Solution of a ranking problem from binary comparisons. Am. Math. Monthly 64 (existence).

    Examples:
        >>> found = bradley_terry([0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0], rng=1)
        >>> (found.score[0] - found.score[1]).round(6)  # the logit of three wins in four: log 3
        np.float64(1.098612)
    """
    check_level(confidence_level)
    wins, squares, labels = _tally(first, second, outcome, names, weights)
    generator = as_generator(rng)
    scored, reasons = scoreable(wins, labels)
    inner = np.ix_(scored, scored)
    strength, steps = _fit(wins[inner])
    covariance = centred_inverse(_information(wins[inner], strength))
    tied = squares is not None
    if squares is not None:
        covariance = covariance @ _scatter(wins[inner], squares[inner], strength) @ covariance
    score = np.full(len(labels), np.nan)
    score[scored] = strength
    draws = None
    if n_resamples > 1:
        roots, vectors = np.linalg.eigh(covariance)
        factor = vectors * np.sqrt(np.maximum(roots, 0.0))
        draws = strength + generator.standard_normal((n_resamples, len(scored))) @ factor.T
    return summarize(
        labels,
        score,
        draws,
        float("inf"),
        spread=np.sqrt(np.maximum(np.diag(covariance), 0.0)),
        confidence_level=confidence_level,
        method="Bradley-Terry, " + ("residuals" if tied else "information"),
        not_scoreable=reasons,
        settings={"n_resamples": n_resamples, "seed": seed_of(rng), "ties": "half a win for each"},
        diagnostics={"n_comparisons": float(wins.sum()), "n_steps": steps, "ties": tied},
    )


def bradley_terry_consensus(
    table: ScoreTable, *, confidence_level: float = 0.95, n_resamples: int = 2000, rng: Rng = None
) -> Consensus:
    """Bradley-Terry strengths from all pairs of models that some method has scored both of.

    Only the order within each method counts, so scales need not be comparable, no distribution of scores
    is assumed, and missing cells simply bring no pairs. Every pair counts once for each method. Intervals
    come from resampling whole methods (each replicate moves the estimate by one Newton step, so that none
    is lost where a resample has no estimate), with Student's t for the number of methods: they say what
    other methods like these would give. With fewer than about eight methods they are wide, and right to be.

    Args:
        table: Models by methods.
        confidence_level: Nominal coverage.
        n_resamples: Number of resamples of methods.
        rng: Generator or seed.

    Raises:
        NotEstimableError: One model; no two models that are each ahead of the other somewhere.

    References:
        Bradley, Terry (1952). Biometrika 39, 324-345.
        Cattelan (2012). Models for paired comparison data: a review with emphasis on dependent data.
            Statistical Science 27, 412-433.
    """
    check_level(confidence_level)
    check_table(table)
    values = table.oriented().values
    by_method = within_method(values)
    wins = by_method.sum(axis=0)
    scored, reasons = scoreable(wins, table.models)
    strength, steps = _fit(wins[np.ix_(scored, scored)])
    inverse = centred_inverse(_information(wins[np.ix_(scored, scored)], strength))
    chance = _chance(strength)
    pull = np.empty((len(table.methods), len(scored)))
    for k, own in enumerate(by_method):
        inside = own[np.ix_(scored, scored)]
        pull[k] = (inside - (inside + inside.T) * chance).sum(axis=1)
    pairs = by_method[:, scored][:, :, scored].sum(axis=(1, 2))
    return from_influence(
        table,
        strength,
        scored,
        reasons,
        pull @ inverse,
        share=pairs / pairs.sum(),
        method="Bradley-Terry on within-method pairs",
        confidence_level=confidence_level,
        n_resamples=n_resamples,
        rng=rng,
        diagnostics={"n_comparisons": float(wins.sum()), "n_steps": steps},
    )


def from_influence(
    table: ScoreTable,
    strength: FloatArray,
    scored: NDArray[np.int64],
    reasons: dict[str, str],
    influence: FloatArray,
    *,
    share: FloatArray,
    method: str,
    confidence_level: float,
    n_resamples: int,
    rng: Rng,
    diagnostics: dict[str, object],
) -> Consensus:
    """A consensus from strengths and the influence (K x scored) of each method on them."""
    k = len(table.methods)
    score = np.full(len(table.models), np.nan)
    score[scored] = strength
    draws = None
    if k > 1 and n_resamples > 1:
        times = np.concatenate(list(bootstrap_weights(k, n_resamples, as_generator(rng)))).astype(np.float64)
        draws = strength + (times - 1.0) @ influence
    else:
        diagnostics["no_interval"] = "a single method cannot be resampled" if k == 1 else "no resamples"
    tau = kendall_tau_b(np.column_stack([table.oriented().values, score]))[-1]
    nan = float("nan")
    return summarize(
        table.models,
        score,
        draws,
        k - 1.0,
        confidence_level=confidence_level,
        method=f"{method}, bootstrap of methods",
        weights=tuple(
            MethodWeight(name, float(share[j]), nan, nan, nan, float(tau[j]))
            for j, name in enumerate(table.methods)
        ),
        not_scoreable=reasons,
        settings={"n_resamples": n_resamples, "seed": seed_of(rng)},
        diagnostics={**what_the_table_says(table), **diagnostics},
    )


def scoreable(wins: FloatArray, names: Sequence[str]) -> tuple[NDArray[np.int64], dict[str, str]]:
    """The models between which an estimate exists, and why each other one has none.

    They are the greatest set in which a chain of wins leads from each model to each other (of equally
    great sets the one with the first model).

    Raises:
        NotEstimableError: No such set of two models or more.
    """
    won = wins > 0
    if len(won) > 1 and _reaches_all(won) and _reaches_all(won.T):
        return np.arange(len(won), dtype=np.int64), {}
    from scipy.sparse import csr_array  # slow to load, and needed here only
    from scipy.sparse.csgraph import breadth_first_order, connected_components

    graph = csr_array(won.astype(np.int8))
    _, label = connected_components(graph, directed=True, connection="strong")
    sizes = np.bincount(label)
    if sizes.max() < 2:
        raise NotEstimableError(
            "no two models have each beaten the other, directly or through others: differences in strength "
            "have no finite estimate",
            diagnostic="disconnected",
            hint="Add methods or comparisons that order them differently, or show the dominance order.",
        )
    best = int(label[np.flatnonzero(sizes[label] == sizes.max())[0]])
    scored = np.flatnonzero(label == best).astype(np.int64)
    start = int(scored[0])
    below = set(breadth_first_order(graph, start, return_predecessors=False).tolist())
    above = set(breadth_first_order(csr_array(graph.T), start, return_predecessors=False).tolist())
    reasons = {}
    for i in np.flatnonzero(label != best).tolist():
        if i in above:
            reasons[names[i]] = "never behind any scored model: no finite estimate"
        elif i in below:
            reasons[names[i]] = "never ahead of any scored model: no finite estimate"
        else:
            reasons[names[i]] = "no chain of comparisons joins it to the scored models"
    return scored, reasons


def _reaches_all(won: NDArray[np.bool_]) -> bool:
    """Whether a chain of wins leads from the first model to every other."""
    reached = np.zeros(len(won), dtype=bool)
    reached[0] = True
    fresh = reached.copy()
    while fresh.any():
        fresh = won[fresh].any(axis=0) & ~reached
        reached |= fresh
    return bool(reached.all())


def _tally(
    first: ArrayLike,
    second: ArrayLike,
    outcome: ArrayLike,
    names: Sequence[str] | None,
    weights: ArrayLike | None,
) -> tuple[FloatArray, FloatArray | None, tuple[str, ...]]:
    """Wins of i over j, the sums of squared outcomes (``None``: equal to the wins), and the names."""
    a, b = (_codes(side, names, what) for side, what in ((first, "first"), (second, "second")))
    won = np.asarray(outcome, dtype=np.float64)
    if a.shape != b.shape or won.shape != a.shape or a.ndim != 1 or not len(a):
        raise InputError(
            f"first, second and outcome have shapes {a.shape}, {b.shape} and {won.shape}",
            hint="Give one entry a comparison, and at least one comparison.",
        )
    if min(a.min(), b.min()) < 0:
        raise _bad((a < 0) | (b < 0), "a code is negative")
    m = int(max(a.max(), b.max())) + 1
    if names is None:
        labels = tuple(map(str, range(m)))
    else:
        labels = tuple(str(name) for name in names)
        if len(set(labels)) < len(labels):
            raise InputError("a name stands in names twice", hint="Give each model one name.")
        if m > len(labels):
            raise InputError(f"code {m - 1} has no name: there are {len(labels)} names")
        m = len(labels)
    w = None if weights is None else np.asarray(weights, dtype=np.float64)
    if w is not None and (w.shape != a.shape or not (np.isfinite(w) & (w >= 0)).all()):
        raise InputError("weights must be finite numbers of at least 0, one a comparison")
    # wins by pair, and what outcomes between lost and won take from their squares; in parts that stay in the cache
    counts: FloatArray = np.zeros((2, m * m))
    plain = True
    step = max(1 << 16, m * m // 2)
    for start in range(0, len(a), step):
        part = slice(start, start + step)
        y, weight = won[part], None if w is None else w[part]
        first_won = y == 1
        if bool(y.min() >= 0) and np.count_nonzero(first_won) == y.sum():  # so all others are 0
            # winner * m + loser: b * m + a, and (b - a) * (m - 1) less where the first won
            lead = b[part] - a[part]
            lead *= first_won
            lead *= m - 1
            cell = b[part] * m
            cell += a[part]
            cell -= lead
            counts[0] += np.bincount(cell, weights=weight, minlength=m * m)
            continue
        plain = False
        if not bool(((y >= 0) & (y <= 1)).all()):
            raise _bad(~((won >= 0) & (won <= 1)), "the outcome is not between 0 and 1")
        weight = np.ones(len(y)) if weight is None else weight
        cell, mirror = a[part] * m + b[part], b[part] * m + a[part]
        counts[0] += np.bincount(cell, weights=weight * y, minlength=m * m)
        counts[0] += np.bincount(mirror, weights=weight * (1 - y), minlength=m * m)
        counts[1] += np.bincount(cell, weights=weight * y * (1 - y), minlength=m * m)
    wins, beyond = counts.reshape(2, m, m)
    if np.diagonal(wins).any():
        raise _bad(a == b, "a model is compared with itself")
    # y^2 = y - y (1 - y), and the same from the other side
    return wins, None if plain else wins - beyond - beyond.T, labels


def _bad(where: NDArray[np.bool_], words: str) -> InputError:
    row = int(np.flatnonzero(where)[0]) + 1
    return InputError(f"comparison {row}: {words}", row=row)


def _codes(side: ArrayLike, names: Sequence[str] | None, what: str) -> NDArray[np.int64]:
    array: NDArray[Any] = np.asarray(side)
    if array.dtype.kind in "iub":
        return array.astype(np.int64, copy=False)
    if names is not None and array.dtype.kind in "OUS":
        position = {name: i for i, name in enumerate(names)}
        for row, name in enumerate(array.tolist(), start=1):
            if name not in position:
                raise InputError(f"{what}: {name!r} is not one of the names", row=row)
        return np.array([position[name] for name in array.tolist()], dtype=np.int64)
    raise InputError(f"{what} must hold whole numbers, or names that stand in names")


def within_method(values: FloatArray) -> FloatArray:
    """K x M x M: 1 where a method puts model i ahead of j, one half where it ties them."""
    columns = values.T
    with np.errstate(invalid="ignore"):
        ahead = (columns[:, :, None] > columns[:, None, :]).astype(np.float64)
        out: FloatArray = ahead + 0.5 * (columns[:, :, None] == columns[:, None, :])
    own = np.arange(values.shape[0])
    out[:, own, own] = 0.0
    return out


def _chance(strength: FloatArray) -> FloatArray:
    out: FloatArray = 1.0 / (1.0 + np.exp(np.clip(strength[None, :] - strength[:, None], -700, 700)))
    return out


def _information(wins: FloatArray, strength: FloatArray) -> FloatArray:
    p = _chance(strength)
    weight = (wins + wins.T) * p * (1 - p)
    np.fill_diagonal(weight, 0.0)
    out: FloatArray = np.diag(weight.sum(axis=1)) - weight
    return out


def _scatter(wins: FloatArray, squares: FloatArray, strength: FloatArray) -> FloatArray:
    """Sum of squared scores of the single comparisons: (y - p)^2 = y^2 - 2 p y + p^2 on each pair."""
    p = _chance(strength)
    # each comparison stands in both triangles, once from either side, with the same square
    weight = squares - 2 * p * wins + p**2 * (wins + wins.T)
    np.fill_diagonal(weight, 0.0)
    out: FloatArray = np.diag(weight.sum(axis=1)) - weight
    return out


def centred_inverse(information: FloatArray) -> FloatArray:
    """Pseudo-inverse of a connected graph's information, whose only null vector is the constant one."""
    m = len(information)
    ridge = max(float(np.trace(information)) / m, 1e-300) / m
    inverse = np.linalg.inv(information + ridge) - 1.0 / (ridge * m * m)
    return np.asarray(inverse, dtype=np.float64)


def _fit(wins: FloatArray) -> tuple[FloatArray, int]:
    """Newton's method with halved steps; the log-likelihood is concave, and the estimate exists."""
    m = len(wins)
    total = wins + wins.T
    won, played = wins.sum(axis=1), total.sum(axis=1)

    def at(s: FloatArray) -> tuple[float, FloatArray]:
        chance = _chance(s)
        with np.errstate(divide="ignore"):
            logs = np.log(chance)
        return float((wins * np.where(wins > 0, logs, 0.0)).sum()), chance

    strength: FloatArray = np.log((won + 0.5) / (played - won + 0.5))
    strength -= strength.mean()
    value, chance = at(strength)
    for step in range(1, MAX_STEPS + 1):
        weight = total * chance
        gradient = won - weight.sum(axis=1)
        weight *= 1.0 - chance
        information = np.diag(weight.sum(axis=1)) - weight
        ridge = max(float(np.trace(information)) / m, 1e-300) / m
        move = np.linalg.solve(information + ridge, gradient)
        length = 1.0
        while True:
            trial = strength + length * move
            trial -= trial.mean()
            found, chance = at(trial)
            if found >= value - 1e-12 * abs(value) or length < 1e-6:
                break
            length /= 2
        strength, value = trial, found
        if float(np.abs(move).max()) < TOLERANCE:
            return strength, step
    raise NotEstimableError(
        f"Bradley-Terry did not settle in {MAX_STEPS} steps",
        diagnostic="no-convergence",
        hint="Some models are hardly joined to the others: leave them out.",
    )
