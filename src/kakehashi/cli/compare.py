"""``kakehashi compare``: how far methods agree, and what each choice of them gives."""

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kakehashi.cli import compare_groups, compare_items
from kakehashi.cli.compare_brief import brief
from kakehashi.cli.compare_consensus import completion, consensus, weightings
from kakehashi.cli.compare_source import sheet_of, source_options
from kakehashi.cli.options import (
    json_option,
    plain,
    print_json,
    print_table,
    workspace_option,
)
from kakehashi.cli.progress import show_work

if TYPE_CHECKING:
    from kakehashi.compare import Agreement, Estimate, NoiseExposure, RankIntervals, ScoreTable
    from kakehashi.work.tables import Sheet


@click.group()
def compare() -> None:
    """Say how far methods agree, and what each choice of them gives.

    Give runs of the ledger, or --published for the 26 models and 8 methods that come with the package.
    """


for _command in (
    brief,
    completion,
    consensus,
    weightings,
    compare_groups.selective,
    compare_groups.groups,
    compare_groups.gap,
    *compare_items.COMMANDS,
):
    compare.add_command(_command)


@compare.command()
@source_options
@click.option(
    "--capability",
    multiple=True,
    help="Measures of general ability ('mmlu'), two or more: adds agreement with ability held fixed.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@workspace_option
@json_option
def agreement(capability: tuple[str, ...], seed: int, workspace: Path, as_json: bool, **source: Any) -> None:
    """Agreement of methods on the order of systems, within and between constructs.

    Example: kakehashi compare agreement --published
    """
    from kakehashi.compare import agreement as estimate_agreement
    from kakehashi.compare import capability_share
    from kakehashi.work.reconcile import reconcile, run_items
    from kakehashi.work.tables import ability

    sheet = sheet_of(workspace, **source)
    table, view = sheet.table, sheet.view
    control, shares = None, {}
    if capability:
        of_ability = {**source, "methods": capability, "construct": "", "selection": ""}
        control = ability(table, sheet_of(workspace, **of_ability).table)
        shares = dict(capability_share(table, control))
    items = None if view is None else run_items(view, table)
    with show_work("agreement"):
        found = estimate_agreement(table, items, capability=control, rng=seed)
    pairs = () if view is None else reconcile(view).differences
    if as_json:
        print_json(
            {
                "agreement": plain(found),
                "capability": plain(shares),
                "differences": plain(pairs),
                "source": table.source,
            }
        )
        return
    click.echo(f"{len(table.models)} systems, {len(table.methods)} measures; source: {table.source}")
    if found.status != "ok":
        click.echo(f"agreement on order: {found.status} ({found.reason})")
    for group in [g for g in (found.overall, *found.within, found.between) if g is not None]:
        click.echo(
            f"{group.name}: {len(group.methods)} methods, W {_estimate(group.kendall_w)}, "
            f"mean tau {_estimate(group.mean_tau)}, {group.share_negative:.0%} of pairs negative"
        )
        if group.alpha is not None:
            p = "" if isnan(group.w_p_value) else f"; W against unrelated methods: p {group.w_p_value:.3f}"
            click.echo(f"  Krippendorff's alpha of the ranks {_estimate(group.alpha)}{p}")
        if group.mean_partial_tau is not None:
            click.echo(f"  with ability held fixed: mean tau {_estimate(group.mean_partial_tau)}")
        noise = [
            f"{name} {low:.3f} to {high:.3f}"
            for name, low, high in (
                ("W", group.w_noise_low, group.w_noise_high),
                ("alpha", group.alpha_noise_low, group.alpha_noise_high),
                ("mean tau", group.noise_low, group.noise_high),
            )
            if not isnan(low)
        ]
        if noise:
            click.echo(f"  of these very systems without noise from items: {', '.join(noise)}")
    _print_pairs(found)
    if shares:
        click.echo("Correlation of each method with general ability (Spearman):")
        rows = [{"method": name, "correlation": _estimate(share)} for name, share in shares.items()]
        print_table(rows, ["method", "correlation"])
    if pairs:
        click.echo("Differences on the same items, first minus second:")
        print_table(
            [
                {
                    "measure": pair.column.key,
                    "first": pair.first,
                    "second": pair.second,
                    "difference": _estimate(pair.estimate),
                    "better": pair.better or "not decided",
                    "detectable": pair.detectable,
                }
                for pair in pairs
            ],
            ["measure", "first", "second", "difference", "better", "detectable"],
        )


#: Pairs of methods that are listed on a terminal: those of ten methods. JSON holds all.
_MOST_PAIRS = 45


def _print_pairs(found: "Agreement") -> None:
    """Pair by pair: tau, tau weighted on the top, the best k in common, the correlation freed from noise, Holm's p."""
    pairs = [pair for pair in found.pairs if pair.status == "ok"]
    if not pairs:
        return
    click.echo(f"Pairs of methods, best {found.settings['top_k']} in common, p adjusted by Holm:")
    rows = [
        {
            "first": pair.first,
            "second": pair.second,
            "systems": pair.n_shared,
            "tau": _range(pair.tau, pair.tau_low, pair.tau_high),
            "weighted": _range(pair.weighted_tau),
            "top": _range(pair.top_overlap),
            "noise-free r": _range(pair.disattenuated, pair.disattenuated_low, pair.disattenuated_high),
            "p": _range(pair.p_holm),
        }
        for pair in sorted(pairs, key=lambda pair: pair.tau)[:_MOST_PAIRS]
    ]
    print_table(rows, ["first", "second", "systems", "tau", "weighted", "top", "noise-free r", "p"])
    if len(pairs) > _MOST_PAIRS:
        click.echo(f"the {_MOST_PAIRS} that agree least of {len(pairs)}; all are in --json")


def _range(value: float, low: float = float("nan"), high: float = float("nan")) -> str:
    if isnan(value):
        return "–"
    return f"{value:.3f}" if isnan(low) else f"{value:.3f} [{low:.3f}, {high:.3f}]"


@compare.command()
@source_options
@click.option("--measure", help="One measure; all of them by default.")
@click.option("--seed", type=int, default=0, show_default=True)
@workspace_option
@json_option
def rank(measure: str | None, seed: int, workspace: Path, as_json: bool, **source: Any) -> None:
    """Rank intervals by each measure; no order is given where intervals overlap.

    Example: kakehashi compare rank run-1a2b3c
    """
    from kakehashi.errors import UnknownNameError
    from kakehashi.work.reconcile import rank_columns

    sheet = sheet_of(workspace, **source)
    if sheet.view is None:
        _rank_table(sheet, measure, seed, as_json)
        return
    view = sheet.view
    with show_work("ranks"):
        found = rank_columns(view, rng=seed)
    if measure is not None:
        chosen = {key: result for key, result in found.items() if measure in (key, key.split(" [")[0])}
        if not chosen:
            raise UnknownNameError("measure", measure, list(found))
        found = chosen
    if as_json:
        print_json({key: plain(result) for key, result in found.items()})
        return
    for key, result in found.items():
        if isinstance(result, str):
            click.echo(f"{key}: not estimated ({result})")
            continue
        click.echo(key)
        stated = {m.subject: m for m in view.headlines() if f"{m.measure.id} [{m.facets['language']}]" == key}
        rows = []
        for i, name in enumerate(result.models):
            interval = stated[name].interval
            best, worst = int(result.low[i]), int(result.high[i])
            rows.append(
                {
                    "system": name,
                    "value": stated[name].value,
                    "95% interval": "–" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}",
                    "rank": f"{best} to {worst}" if best < worst else str(best),
                }
            )
        print_table(rows, ["system", "value", "95% interval", "rank"])
        groups = " | ".join(", ".join(group) for group in result.groups)
        click.echo("groups, best first (no order within a group): " + groups)


def _rank_table(sheet: "Sheet", measure: str | None, seed: int, as_json: bool) -> None:
    """Rank intervals of a table without items: from its standard errors, where it has them."""
    from kakehashi.compare import rank_intervals
    from kakehashi.errors import NotEstimableError, UnknownNameError

    table = sheet.table
    if measure is not None and measure not in table.methods:
        raise UnknownNameError("measure", measure, table.methods)
    found: dict[str, RankIntervals | NotEstimableError] = {}
    for name in table.methods if measure is None else (measure,):
        try:
            with show_work("ranks"):
                found[name] = rank_intervals(table, method=name, rng=seed)
        except NotEstimableError as error:
            if measure is not None:
                raise
            found[name] = error
    if all(isinstance(one, NotEstimableError) for one in found.values()):
        raise NotEstimableError(
            f"ranks have no intervals: {next(iter(found.values()))}".splitlines()[0],
            diagnostic="no-std-error",
            hint="Run: kakehashi compare exposure, or kakehashi compare brief, with the same words.",
        )
    if as_json:
        print_json(
            {
                name: str(one) if isinstance(one, NotEstimableError) else plain(one)
                for name, one in found.items()
            }
        )
        return
    for name, one in found.items():
        click.echo(name)
        if isinstance(one, NotEstimableError):
            click.echo(f"  not estimated: {one.message}")
            continue
        rows = [
            {"system": model, "rank": f"{low} to {high}" if low < high else str(low)}
            for model, low, high in zip(one.models, map(int, one.low), map(int, one.high), strict=True)
        ]
        print_table(rows, ["system", "rank"])


@compare.command()
@source_options
@click.option(
    "--min-methods", type=click.IntRange(min=1), help="Least number of methods in a choice; 3 by default."
)
@click.option("--seed", type=int, default=0, show_default=True)
@workspace_option
@json_option
def exposure(min_methods: int | None, seed: int, workspace: Path, as_json: bool, **source: Any) -> None:
    """Best and worst rank of every system over all choices of methods, and what noise alone would give.

    Example: kakehashi compare exposure --published
    """
    from kakehashi.compare import exposure as estimate_exposure
    from kakehashi.compare import noise_exposure
    from kakehashi.errors import NotEstimableError
    from kakehashi.report.brief import rank_bounds

    table = sheet_of(workspace, **source).table
    least = min(min_methods or 3, len(table.methods)) if min_methods is None else min_methods
    noise: NoiseExposure | None = None
    unknown = ""
    with show_work("exposure"):
        found = estimate_exposure(table, min_methods=least, rng=seed)
        try:
            noise = noise_exposure(table, min_methods=least, rng=seed)
        except NotEstimableError as error:
            unknown = error.message
        bounds, over, reason = rank_bounds(table, seed)
    if as_json:
        intervals = {"over": over, "reason": reason, "models": plain(bounds)}
        print_json(
            {
                "exposure": plain(found),
                "noise": None if noise is None else plain(noise),
                "noise_reason": unknown,
                "rank_intervals": intervals,
                "source": table.source,
            }
        )
        return
    interval_of = {one.model: f"{one.low} to {one.high}" for one in bounds}
    click.echo(f"{len(table.models)} systems, {len(table.methods)} methods; source: {table.source}")
    click.echo(_exposure_sentence(table, found.n_first, least, noise, unknown))
    print_table(
        [
            {
                "system": one.model,
                "best rank": one.best_rank,
                "by": one.best_methods,
                "worst rank": one.worst_rank,
                "by ": one.worst_methods,
                "first in": f"{one.share_first:.1%} of choices",
                "rank, 95%": interval_of.get(one.model, "–"),
            }
            for one in sorted(found.models, key=lambda one: one.model)
        ],
        ["system", "best rank", "by", "worst rank", "by ", "first in", "rank, 95%"],
    )
    said = {"noise": "with other items", "methods": "with other methods like these"}
    click.echo(
        f"rank, 95%: interval of the rank by all methods, {said[over]}"
        if over in said
        else f"rank intervals are not estimated ({reason})"
    )
    if found.always_ahead is not None:
        click.echo(f"{len(found.always_ahead)} pairs of systems keep their order under every such choice")


def _exposure_sentence(
    table: "ScoreTable", first: int, least: int, noise: "NoiseExposure | None", reason: str = ""
) -> str:
    alone = (
        f"what noise alone would give is not estimated: {reason}"
        if noise is None
        else f"from noise alone {noise.correlated_mean:.1f} (methods correlated as these) "
        f"to {noise.independent_mean:.1f} (independent)"
    )
    constructs = len(set(table.constructs or ()))
    return (
        f"By the mean rank over at least {least} of {len(table.methods)} methods ({constructs} construct"
        f"{'s' if constructs != 1 else ''}), {first} of {len(table.models)} systems can come first; {alone}."
    )


def print_published() -> None:
    """Agreement, exposure and what stands of the ranks in the published table, in a few lines."""
    from kakehashi.compare import agreement as estimate_agreement
    from kakehashi.compare import exposure as estimate_exposure
    from kakehashi.compare import noise_exposure, published_robustness
    from kakehashi.report.brief import rank_bounds

    table = published_robustness()
    click.echo("")
    click.echo(
        "Three systems are too few to say how far methods agree on an order, so here are published figures: "
        f"{len(table.models)} open-weight models of 2023 and 2024, {len(table.methods)} robustness methods."
    )
    found = estimate_agreement(table, rng=0, n_resamples=200, n_permutations=199)
    for group in [g for g in (found.overall, *found.within) if g is not None]:
        click.echo(
            f"  {group.name}: Kendall's W {_estimate(group.kendall_w)}, mean tau {_estimate(group.mean_tau)}"
        )
    jailbreak = [
        method
        for method, construct in zip(table.methods, table.constructs or (), strict=True)
        if (table.constructs or ()).count(construct) > 1
    ]
    for part in (table, table.select(methods=jailbreak)):
        choice = estimate_exposure(part, min_methods=3, rng=0)
        noise = noise_exposure(part, min_methods=3, n_simulations=100, rng=0)
        sentence = _exposure_sentence(part, choice.n_first, 3, noise)
        click.echo(f"  {sentence}")
        if choice.always_ahead is not None:
            pairs = len(part.models) * (len(part.models) - 1) // 2
            click.echo(
                f"    {len(choice.always_ahead)} of {pairs} orders of two systems hold under every such choice."
            )
    bounds, over, _ = rank_bounds(table, 0)
    if over == "methods":
        widest = max(bounds, key=lambda one: one.high - one.low)
        click.echo(
            f"  Ranks by the mean over all {len(table.methods)}, with 95% bounds for other methods like these: "
            f"{sum(one.low == 1 for one in bounds)} of {len(bounds)} systems may be first, and the widest bounds are "
            f"{widest.low} to {widest.high}. Over items there are none: the source gives neither their numbers nor "
            "standard errors, and unknown is not shown as zero."
        )
    click.echo(f"  Source: {table.source}")


def _estimate(found: "Estimate | None") -> str:
    if found is None or isnan(found.value):
        return "not estimated"
    if isnan(found.low):
        return f"{found.value:.3f}"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
