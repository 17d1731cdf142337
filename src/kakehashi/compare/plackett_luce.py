"""Plackett-Luce strengths from the order that each method gives to the models it scored."""

import numpy as np

from kakehashi.compare.bradley_terry import (
    MAX_STEPS,
    TOLERANCE,
    centred_inverse,
    from_influence,
    scoreable,
    within_method,
)
from kakehashi.compare.consensus import Consensus, check_table
from kakehashi.compare.resampling import FloatArray, Rng, check_level
from kakehashi.compare.table import ScoreTable
from kakehashi.errors import NotEstimableError


def plackett_luce_consensus(
    table: ScoreTable, *, confidence_level: float = 0.95, n_resamples: int = 2000, rng: Rng = None
) -> Consensus:
    """Plackett-Luce strengths by maximum likelihood, each method a ranking of the models it has scores for.

    A ranking is read as choices from the top: each place goes to one of the models still waiting, with
    chances proportional to exp(strength). So places near the top say more than those near the bottom;
    where both ends matter alike, use :func:`~kakehashi.compare.bradley_terry.bradley_terry_consensus`, which is
    consistent under the same model. Strengths are on the logit scale with mean 0. Tied models share the
    waiting set of their tie (Breslow). Existence, missing cells and intervals are as in
    Bradley-Terry: ``not_scoreable`` names who has no number, and methods are resampled.

    Args:
        table: Models by methods.
        confidence_level: Nominal coverage.
        n_resamples: Number of resamples of methods.
        rng: Generator or seed.

    Raises:
        NotEstimableError: One model; no two models that are each ahead of the other somewhere.

    References:
        Plackett (1975). The analysis of permutations. Applied Statistics 24, 193-202.
        Hunter (2004). MM algorithms for generalized Bradley-Terry models. Ann. Statist. 32 (existence).
    """
    check_level(confidence_level)
    check_table(table)
    values = table.oriented().values
    scored, reasons = scoreable(within_method(values).sum(axis=0), table.models)
    inside = values[scored]
    strength, information, pull, steps = _fit(inside)
    places = (~np.isnan(inside)).sum(axis=0).astype(np.float64)
    return from_influence(
        table,
        strength,
        scored,
        reasons,
        pull @ centred_inverse(information),
        share=places / places.sum(),
        method="Plackett-Luce on within-method orders",
        confidence_level=confidence_level,
        n_resamples=n_resamples,
        rng=rng,
        diagnostics={"n_steps": steps, "ties": "Breslow"},
    )


def _derivatives(values: FloatArray, strength: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Log-likelihood, gradient by method (K x M), and information."""
    m, k = values.shape
    likelihood = 0.0
    pull, information = np.zeros((k, m)), np.zeros((m, m))
    worth = np.exp(strength)
    for j in range(k):
        order = np.flatnonzero(~np.isnan(values[:, j]))
        order = order[np.argsort(-values[order, j], kind="stable")]
        if len(order) < 2:
            continue
        own = worth[order]
        column = values[order, j]
        # the waiting set of a place reaches from the first model of its tie to the end
        start = np.searchsorted(-column, -column, side="left")
        end = np.searchsorted(-column, -column, side="right") - 1
        waiting = np.cumsum(own[::-1])[::-1][start]
        inverse = np.cumsum(1.0 / waiting)[end]
        square = np.cumsum(1.0 / waiting**2)[end]
        likelihood += float(strength[order].sum() - np.log(waiting).sum())
        pull[j, order] = 1.0 - own * inverse
        both = np.minimum.outer(np.arange(len(order)), np.arange(len(order)))
        second = -np.outer(own, own) * square[both]
        second[np.diag_indices(len(order))] += own * inverse
        information[np.ix_(order, order)] += second
    return likelihood, pull, information


def _fit(values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, int]:
    """Newton's method with halved steps: strengths, information, gradient by method, steps."""
    m = len(values)
    strength = np.zeros(m)
    value, pull, information = _derivatives(values, strength)
    for step in range(1, MAX_STEPS + 1):
        ridge = max(float(np.trace(information)) / m, 1e-300) / m
        move = np.linalg.solve(information + ridge, pull.sum(axis=0))
        length = 1.0
        while True:
            trial = strength + length * move
            trial -= trial.mean()
            found, pull_found, information_found = _derivatives(values, trial)
            if found >= value - 1e-12 * abs(value) or length < 1e-6:
                break
            length /= 2
        strength, value, pull, information = trial, found, pull_found, information_found
        if float(np.abs(move).max()) < TOLERANCE:
            return strength, information, pull, step
    raise NotEstimableError(
        f"Plackett-Luce did not settle in {MAX_STEPS} steps",
        diagnostic="no-convergence",
        hint="Some models are hardly joined to the others: leave them out.",
    )
