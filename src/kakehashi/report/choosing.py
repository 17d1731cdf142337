"""Agreement of methods on order, and what choosing among them could do, of a run and of published figures."""

from dataclasses import replace
from typing import Any

import numpy as np

from kakehashi.compare import (
    Estimate,
    ScoreTable,
    exposure,
    noise_exposure,
    published_robustness,
    published_robustness_source,
)
from kakehashi.compare.agreement import agreement
from kakehashi.errors import NotEstimableError
from kakehashi.report.choosing_values import (
    AgreementFacts,
    ExposureFacts,
    PublishedFacts,
    PublishedGroup,
    RangeFacts,
)
from kakehashi.report.plain import finite
from kakehashi.report.sources import Sources
from kakehashi.work.reconcile import MIN_SUBJECTS_FOR_AGREEMENT

#: Least number of methods that a claim rests on.
MIN_METHODS = 3

_N_SIMULATIONS = 200


def agreement_facts(table: ScoreTable | None, models: int, *, rng: int) -> AgreementFacts:
    """How far the methods of a table order its models alike; insufficient with fewer than ten models.

    Args:
        table: Models by methods, or ``None`` where there is none.
        models: Models that were asked about.
        rng: Seed of the intervals.
    """
    if table is None or len(table.models) < MIN_SUBJECTS_FOR_AGREEMENT:
        return AgreementFacts("insufficient", models, reason="too-few-models")
    try:
        found = agreement(table, n_permutations=0, rng=rng)
    except NotEstimableError as error:
        return AgreementFacts("insufficient", models, reason=error.diagnostic)
    whole = found.overall
    if whole is None:
        return AgreementFacts("insufficient", models, reason="too-few-models")
    upper = found.tau[np.triu_indices(len(table.methods), 1)]
    known = upper[~np.isnan(upper)]
    return AgreementFacts(
        status="estimated",
        models=len(table.models),
        methods=table.methods,
        constructs=table.constructs or (),
        **_ends("kendall_w", "w", whole.kendall_w),
        **_ends("alpha", "alpha", whole.alpha),
        **_ends("mean_tau", "tau", whole.mean_tau),
        negative_pairs=int((known < 0).sum()),
        pairs=int(known.size),
        tau=tuple(tuple(finite(float(cell)) for cell in row) for row in found.tau),
        reason=whole.reason,
    )


def _ends(name: str, prefix: str, found: Estimate | None) -> dict[str, Any]:
    """An estimate and its interval under the names that the facts have for them."""
    if found is None:
        return {}
    return {
        name: finite(found.value),
        f"{prefix}_low": finite(found.low),
        f"{prefix}_high": finite(found.high),
    }


def exposure_facts(
    table: ScoreTable | None,
    *,
    data_date: str,
    rng: int,
    min_methods: int = MIN_METHODS,
    n_simulations: int = _N_SIMULATIONS,
) -> ExposureFacts:
    """Best and worst rank of each model over the choices of methods, beside what noise alone would give.

    Args:
        table: Models by methods, or ``None`` where there is none.
        data_date: Date of the figures.
        rng: Seed.
        min_methods: Least number of methods in a choice.
        n_simulations: Tables of noise that are drawn.
    """
    if table is None:
        return ExposureFacts("insufficient", min_methods, 0, 0, data_date=data_date, reason="no-table")
    models, methods = table.shape
    if methods < min_methods:
        return ExposureFacts(
            "insufficient", min_methods, methods, models, data_date=data_date, reason="too-few-methods"
        )
    try:
        found = exposure(table, min_methods=min_methods, rng=rng)
    except NotEstimableError as error:
        return ExposureFacts(
            "insufficient", min_methods, methods, models, data_date=data_date, reason=error.diagnostic
        )
    try:
        noise = noise_exposure(table, min_methods=min_methods, n_simulations=n_simulations, rng=rng)
    except NotEstimableError:
        noise = None
    mean_rank = _mean_ranks(table)
    return ExposureFacts(
        status="estimated",
        min_methods=found.min_methods,
        n_methods=found.n_methods,
        n_models=models,
        n_subsets=found.n_subsets,
        exact=found.exact,
        n_first=found.n_first,
        noise_independent=noise.independent_mean if noise else None,
        noise_independent_low=noise.independent_low if noise else None,
        noise_independent_high=noise.independent_high if noise else None,
        noise_correlated=noise.correlated_mean if noise else None,
        noise_correlated_low=noise.correlated_low if noise else None,
        noise_correlated_high=noise.correlated_high if noise else None,
        n_always_ahead=None if found.always_ahead is None else len(found.always_ahead),
        always_ahead=found.always_ahead or (),
        constructs=tuple(dict.fromkeys(table.constructs or ())),
        data_date=data_date,
        ranges=tuple(
            RangeFacts(
                model=one.model,
                best=one.best_rank,
                best_methods=one.best_methods,
                worst=one.worst_rank,
                worst_methods=one.worst_methods,
                share_first=finite(one.share_first),
                mean_rank=finite(mean_rank[i]),
            )
            for i, one in enumerate(found.models)
            if one.best_rank is not None and one.worst_rank is not None
        ),
    )


def published_facts(table: ScoreTable | None, *, rng: int) -> PublishedFacts:
    """Agreement and exposure on a table of published figures: all methods, the largest construct, the rest.

    Args:
        table: The table; the one shipped with the package by default.
        rng: Seed.
    """
    about = published_robustness_source() if table is None else {}
    shown = published_robustness() if table is None else table
    date = about.get("data_date", "")
    # Pages show the ranges under all methods, and of the fixed orders only how many there are.
    groups = [
        replace(
            group,
            exposure=replace(
                group.exposure,
                always_ahead=(),
                ranges=group.exposure.ranges if group.name == "all" else (),
            ),
        )
        for group in choice_groups(shown, data_date=date, rng=rng)
    ]
    return PublishedFacts(
        citation=about.get("citation", shown.source),
        repository=about.get("repository", ""),
        commit=about.get("commit", ""),
        licence=about.get("licence", ""),
        data_date=date,
        population=about.get("population", ""),
        groups=tuple(groups),
        file=f"kakehashi/data/{about['file']}" if about else shown.source,
        cells=int((~np.isnan(shown.values)).sum()),
    )


def cited(found: PublishedFacts, sources: Sources) -> PublishedFacts:
    """The published table with its place among the sources, which its numbers lead to."""
    source = sources.add(
        "published",
        f"{found.repository} {found.commit}".strip() or found.citation,
        found.file,
        found.cells,
        found.data_date,
        licence=found.licence,
        citation=found.citation,
    )
    return replace(found, source=source)


def choice_groups(table: ScoreTable, *, data_date: str, rng: int) -> list[PublishedGroup]:
    """Agreement and exposure of all methods, of those of the largest construct, and of the rest.

    Args:
        table: Models by methods.
        data_date: Date of the figures.
        rng: Seed.
    """
    constructs = table.constructs or ("",) * len(table.methods)
    largest = max(dict.fromkeys(constructs), key=constructs.count)
    within = [name for name, one in zip(table.methods, constructs, strict=True) if one == largest]
    rest = [name for name in table.methods if name not in within]
    chosen = {"all": list(table.methods)}
    if rest and len(within) > 1:
        chosen |= {f"construct:{largest}": within} | ({"rest": rest} if len(rest) > 1 else {})
    groups = []
    for name, methods in chosen.items():
        part = _with_values(table, methods)
        agreed = agreement_facts(part, len(part.models), rng=rng)
        groups.append(PublishedGroup(name, agreed, exposure_facts(part, data_date=data_date, rng=rng)))
    return groups


def _with_values(table: ScoreTable, methods: list[str]) -> ScoreTable:
    """The part with these methods and the models that have a value by one of them."""
    part = table.values[:, [table.methods.index(name) for name in methods]]
    rows = np.flatnonzero(~np.isnan(part).all(axis=1))
    return table.select(methods=methods, models=[table.models[i] for i in rows])


def _mean_ranks(table: ScoreTable) -> list[float]:
    """Mean over the methods of each model's mid-rank, 1 the best; NaN where a score is missing."""
    values = table.oriented().values
    above = (values[None, :, :] > values[:, None, :]).sum(axis=1)
    same = (values[None, :, :] == values[:, None, :]).sum(axis=1)
    ranks = above + (same + 1) / 2
    return [
        float(row.mean()) if not np.isnan(own).any() else float("nan")
        for row, own in zip(ranks, values, strict=True)
    ]
