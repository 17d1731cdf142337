"""Agreement of measures item by item: what can be said where there are too few systems for ranks."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kakehashi.compare import cohen_kappa
from kakehashi.errors import NotEstimableError
from kakehashi.model import Polarity
from kakehashi.report.plain import finite
from kakehashi.report.values import ItemAgreementFacts
from kakehashi.work.reconcile import Column
from kakehashi.work.view import RunView

#: Fewer shared items than this say nothing of agreement.
MIN_SHARED_ITEMS = 10


def item_agreement(
    view: RunView, columns: tuple[Column, ...], *, confidence_level: float = 0.95, rng: int = 0
) -> tuple[ItemAgreementFacts, ...]:
    """For every system and two measures with common items, how often both outcomes point the same way.

    Two measures share an item where samples of both stand in one cluster (a harmful request and its twin, a
    request and its attacks). An outcome is favourable where its credit is the better one for its measure.
    Every sample of one measure is paired with every sample of the other in the same cluster; intervals of
    kappa resample clusters. Measures whose credits are not 0 or 1 are passed over.

    Args:
        view: The run.
        columns: Measures with a direction.
        confidence_level: Nominal coverage of kappa's interval.
        rng: Seed.
    """
    found = []
    for one, other in combinations(columns, 2):
        if one.language != other.language:
            continue
        for subject in view.subjects:
            entry = _agreement(view, one, other, subject.name, confidence_level, rng)
            if entry is not None:
                found.append(entry)
    return tuple(found)


def _agreement(
    view: RunView, one: Column, other: Column, system: str, confidence_level: float, rng: int
) -> ItemAgreementFacts | None:
    first, second = (_favourable(view, column, system) for column in (one, other))
    shared = sorted(set(first) & set(second))
    if not shared:
        return None
    pairs = [(a, b, cluster) for cluster in shared for a in first[cluster] for b in second[cluster]]
    left, right, clusters = zip(*pairs, strict=True)
    share = float(np.mean(np.array(left) == np.array(right)))
    kappa = low = high = None
    reason = ""
    if len(shared) < MIN_SHARED_ITEMS:
        reason = "insufficient"
    elif len(set(left)) < 2 or len(set(right)) < 2:
        reason = "one-class"
    else:
        try:
            estimate = cohen_kappa(
                left, right, clusters=clusters, confidence_level=confidence_level, n_resamples=500, rng=rng
            )
            kappa, low, high = finite(estimate.value), finite(estimate.low), finite(estimate.high)
        except NotEstimableError as error:
            reason = error.diagnostic
    return ItemAgreementFacts(
        system=system,
        one=one.key,
        other=other.key,
        n_items=len(shared),
        n_pairs=len(pairs),
        share=share,
        kappa=kappa,
        low=low,
        high=high,
        reason=reason,
    )


def _favourable(view: RunView, column: Column, system: str) -> dict[str, list[bool]]:
    """Cluster → whether each of its outcomes is the favourable one; empty where credits are not 0 or 1."""
    items = view.items
    mine: NDArray[np.bool_] = (
        (items["subject"] == system)
        & (items["measure"] == column.measure.id)
        & (items["language"] == column.language)
    )
    credits_ = np.asarray(items["credit"], dtype=float)[mine]
    clusters = np.asarray(items["cluster"])[mine]
    present = ~np.isnan(credits_)
    if not np.isin(credits_[present], (0.0, 1.0)).all():
        return {}
    best = 1.0 if column.measure.polarity is Polarity.HIGHER else 0.0
    out: dict[str, list[bool]] = {}
    for cluster, credit in zip(clusters[present], credits_[present], strict=True):
        out.setdefault(str(cluster), []).append(bool(credit == best))
    return out
