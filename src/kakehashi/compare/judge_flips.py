"""Pairs of systems whose order changes from judge to judge, and how many noise alone would change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from kakehashi.compare.correlation import holm
from kakehashi.compare.intervals import Clusters
from kakehashi.compare.resampling import (
    FloatArray,
    IntArray,
    Rng,
    as_generator,
    bootstrap_weights,
    check_level,
    cluster_codes,
    seed_of,
)
from kakehashi.errors import InputError, NotEstimableError


@dataclass(frozen=True, slots=True)
class Flip:
    """Two systems that two judges put in opposite orders.

    Attributes:
        first: The system that ``judge`` scores higher.
        second: The system that ``other_judge`` scores higher.
        judge: One judge.
        other_judge: Another.
        difference: Score of ``first`` minus ``second`` by ``judge``; above 0.
        other_difference: The same by ``other_judge``; below 0.
        p_value: Greatest chance of two such opposite differences if the judges' true orders were not opposite.
        p_holm: The same, adjusted by Holm over all pairs of systems and judges.
        share_of_resamples: Share of resamples of items in which the orders are opposite in this way.
        beyond_noise: Whether ``p_holm`` is below 1 - the confidence level.
    """

    first: str
    second: str
    judge: str
    other_judge: str
    difference: float
    other_difference: float
    p_value: float
    p_holm: float
    share_of_resamples: float
    beyond_noise: bool


@dataclass(frozen=True, slots=True, eq=False)
class JudgeFlips:
    """How the order of systems hangs on the judge.

    Attributes:
        systems: Names of the systems.
        judges: Names of the judges.
        scores: Judges by systems: mean scores over the items.
        orders: For each judge the systems from highest to lowest score (ties in the order given).
        flips: Pairs of systems in opposite orders, the clearest first.
        n_compared: Pairs of systems times pairs of judges, without ties.
        n_flips: Number of flips.
        n_beyond_noise: Flips that are more than noise.
        noise_mean: Flips to be expected from noise alone, if all judges had one true order.
        noise_at_least: Chance of at least as many from noise alone.
        settings: What the function was called with.
        diagnostics: What the reader must know.
    """

    systems: tuple[str, ...]
    judges: tuple[str, ...]
    scores: FloatArray
    orders: tuple[tuple[str, ...], ...]
    flips: tuple[Flip, ...]
    n_compared: int
    n_flips: int
    n_beyond_noise: int
    noise_mean: float
    noise_at_least: float
    settings: Mapping[str, object] = field(default_factory=dict)
    diagnostics: Mapping[str, object] = field(default_factory=dict)


def judge_flips(
    verdicts: Mapping[str, ArrayLike],
    systems: Sequence[str],
    clusters: Clusters = None,
    *,
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    rng: Rng = None,
) -> JudgeFlips:
    """Which pairs of systems change order from judge to judge, and whether that is more than noise.

    All judges judged the same answers: a cell that any judge lacks is left out for all. The p value is that
    of Gail and Simon's test of an opposite effect: the greater of the two one-sided p values of the
    differences, with their clustered standard errors and Student's t. "Noise alone" draws every judge's
    differences around one common order (the mean over judges, freed from the noise in its spread) with the
    covariance that the items show. A count beyond noise can stand beside single flips that are not: then the
    order does hang on the judge, but which pairs it turns is not certain.

    Kappa of two judges does not tell: judges may agree on most items and yet differ where systems differ.

    Args:
        verdicts: For each judge a matrix of systems by items; NaN is missing.
        systems: Names of the rows.
        clusters: For each item (column) the unit of resampling.
        confidence_level: 1 - this is the level of the tests.
        n_resamples: Number of resamples of items and of draws from noise alone.
        rng: Generator or seed.

    Raises:
        InputError: Shapes that differ, infinity, a name twice.
        NotEstimableError: One judge, one system, no cell that all judged, or a single cluster.

    References:
        Gail, Simon (1985). Testing for qualitative interactions. Biometrics 41, 361-372.

    Examples:
        >>> a = [[1, 1, 1, 0, 1, 1], [0, 0, 1, 0, 0, 0]]
        >>> found = judge_flips({"one": a, "two": a}, ["x", "y"], rng=1)
        >>> found.n_flips, found.orders[0]
        (0, ('x', 'y'))
    """
    level = check_level(confidence_level)
    names, judges, cube, codes, n_clusters, missing = _cube(verdicts, systems, clusters)
    sums, counts = _sums(cube, codes, n_clusters)
    total = counts.sum(axis=0)
    if (total == 0).any():
        empty = names[int(np.flatnonzero(total == 0)[0])]
        raise NotEstimableError(f"no item of {empty!r} was judged by all judges", diagnostic="no-items")
    scores = sums.sum(axis=1) / total
    influence = (sums - scores[:, None, :] * counts) / total
    influence *= np.sqrt(n_clusters / (n_clusters - 1))
    first, second = np.triu_indices(len(names), 1)
    differences = scores[:, first] - scores[:, second]
    errors = np.sqrt(((influence[:, :, first] - influence[:, :, second]) ** 2).sum(axis=1))
    generator = as_generator(rng)
    blocks = list(bootstrap_weights(n_clusters, n_resamples, generator))
    weights = np.concatenate(blocks).astype(np.float64)
    drawn = np.stack([weights @ s for s in sums]) / np.maximum(weights @ counts, 1e-12)
    resampled = drawn[:, :, first] - drawn[:, :, second]
    found, p_values, compared = [], [], 0
    for j, k in combinations(range(len(judges)), 2):
        for pair in range(len(first)):
            one, other = float(differences[j, pair]), float(differences[k, pair])
            compared += one != 0 and other != 0
            p = max(_tail(abs(d), errors[i, pair], n_clusters - 1) for d, i in ((one, j), (other, k)))
            p_values.append(p if one * other < 0 else 1.0)
            if one * other < 0:
                sign = 1 if one > 0 else -1
                share = float(
                    ((resampled[j, :, pair] * sign > 0) & (resampled[k, :, pair] * sign < 0)).mean()
                )
                found.append((j, k, pair, sign, p, share, len(p_values) - 1))
    adjusted = holm(np.array(p_values))
    flips = [
        Flip(
            first=names[first[pair] if sign > 0 else second[pair]],
            second=names[second[pair] if sign > 0 else first[pair]],
            judge=judges[j],
            other_judge=judges[k],
            difference=float(differences[j, pair] * sign),
            other_difference=float(differences[k, pair] * sign),
            p_value=p,
            p_holm=float(adjusted[place]),
            share_of_resamples=share,
            beyond_noise=bool(adjusted[place] < 1 - level),
        )
        for j, k, pair, sign, p, share, place in found
    ]
    noise = _noise(scores, drawn, first, second)
    return JudgeFlips(
        systems=names,
        judges=judges,
        scores=scores,
        orders=tuple(tuple(names[i] for i in np.argsort(-row, kind="stable")) for row in scores),
        flips=tuple(sorted(flips, key=lambda flip: (flip.p_value, flip.first, flip.second))),
        n_compared=compared,
        n_flips=len(flips),
        n_beyond_noise=sum(flip.beyond_noise for flip in flips),
        noise_mean=float(noise.mean()),
        noise_at_least=float((1 + (noise >= len(flips)).sum()) / (1 + len(noise))),
        settings={"confidence_level": level, "n_resamples": n_resamples, "seed": seed_of(rng)},
        diagnostics={
            "n_clusters": n_clusters,
            "n_cells_left_out": missing,
            "n_items": tuple(int(t) for t in total),
            "few_clusters": n_clusters < 10,
        },
    )


def _tail(difference: float, error: float, degrees: int) -> float:
    """One-sided p value; a difference without spread says nothing of other items."""
    return float(stdtr(degrees, -difference / error)) if error > 0 else 1.0


def _cube(
    verdicts: Mapping[str, ArrayLike], systems: Sequence[str], clusters: Clusters
) -> tuple[tuple[str, ...], tuple[str, ...], FloatArray, IntArray, int, int]:
    names, judges = tuple(systems), tuple(verdicts)
    if len(judges) < 2 or len(names) < 2:
        raise NotEstimableError(
            f"{len(judges)} judge(s) and {len(names)} system(s): an order can change only between two of each",
            diagnostic="one-judge" if len(judges) < 2 else "one-model",
            hint="Give verdicts of two judges on the same answers of two systems.",
        )
    if len(set(names)) < len(names):
        raise InputError(f"a system stands in the table twice: {sorted(names)}")
    arrays: list[FloatArray] = []
    for judge, given in verdicts.items():
        try:
            array = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"verdicts of {judge!r} hold something that is not a number: {error}") from None
        if array.ndim != 2 or array.shape[0] != len(names) or (arrays and array.shape != arrays[0].shape):
            raise InputError(
                f"verdicts of {judge!r} have shape {array.shape} for {len(names)} systems",
                hint="Rows are systems, columns are items, equal for all judges.",
            )
        if np.isinf(array).any():
            raise InputError(f"a verdict of {judge!r} is infinite", hint="Write NaN for a missing verdict.")
        arrays.append(array)
    cube = np.stack(arrays)
    blank = np.isnan(cube).any(axis=0)
    missing = int((blank & ~np.isnan(cube).all(axis=0)).sum())
    cube = np.where(blank, np.nan, cube)
    used = np.flatnonzero(~blank.all(axis=0))
    if not used.size:
        raise NotEstimableError("there is no answer that all judges judged", diagnostic="no-items")
    codes, _ = cluster_codes(clusters, cube.shape[2])
    _, local = np.unique(codes[used], return_inverse=True)
    local = local.reshape(-1).astype(np.int64)
    n_clusters = int(local.max()) + 1
    if n_clusters < 2:
        raise NotEstimableError("all items stand in one cluster", diagnostic="one-cluster")
    return names, judges, cube[:, :, used], local, n_clusters, missing


def _sums(cube: FloatArray, codes: IntArray, n_clusters: int) -> tuple[FloatArray, FloatArray]:
    """Sums of scores (judges x clusters x systems) and number of cells (clusters x systems)."""
    present = ~np.isnan(cube[0])
    member = np.zeros((n_clusters, cube.shape[2]))
    member[codes, np.arange(cube.shape[2])] = 1.0
    sums = np.stack([member @ np.where(present, layer, 0.0).T for layer in cube])
    return sums, member @ present.T


def _noise(scores: FloatArray, drawn: FloatArray, first: IntArray, second: IntArray) -> IntArray:
    """Numbers of flips when each judge's scores are one common vector plus the noise that items show.

    The common vector is the mean over judges, drawn together so far that its spread is no longer that of
    truth and noise: systems that do not differ flip most easily.
    """
    common = scores.mean(axis=0) - scores.mean()
    noise = drawn.mean(axis=0) - drawn.mean(axis=(0, 2))[:, None] - common
    of_noise, seen = float((noise**2).mean()), float((common**2).mean())
    common = common * np.sqrt(max(1 - of_noise / seen, 0.0)) if seen > 0 else common
    around = common + drawn - scores[:, None, :]
    signs = np.sign(around[:, :, first] - around[:, :, second])
    counts = np.zeros(drawn.shape[1], dtype=np.int64)
    for j, k in combinations(range(len(scores)), 2):
        counts += (signs[j] * signs[k] < 0).sum(axis=1)
    return counts
