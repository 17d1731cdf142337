"""``kakehashi compare``: how far methods agree, and what each choice of them gives."""

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kakehashi.cli import compare_groups, compare_items
from kakehashi.cli.options import json_option, plain, print_json, print_table, workspace_option

if TYPE_CHECKING:
    from kakehashi.compare import Estimate, ScoreTable
    from kakehashi.work.view import RunView


@click.group()
def compare() -> None:
    """Say how far methods agree, and what each choice of them gives.

    Give runs of the ledger, or --published for the 26 models and 8 methods that come with the package.
    """


compare.add_command(compare_groups.selective)
compare.add_command(compare_groups.groups)
compare.add_command(compare_groups.gap)
for _command in compare_items.COMMANDS:
    compare.add_command(_command)


def _sources(runs: tuple[str, ...], published: bool, workspace: Path) -> "tuple[ScoreTable, RunView | None]":
    from kakehashi.errors import NotEstimableError, UsageError
    from kakehashi.work.reconcile import score_table
    from kakehashi.work.view import load_run, merged
    from kakehashi.work.workspace import Workspace

    if published == bool(runs):
        raise UsageError(
            "name one or more runs, or --published" if not runs else "give either runs or --published",
            hint="Runs are listed by: kakehashi results list",
        )
    if published:
        from kakehashi.compare import published_robustness

        return published_robustness(), None
    view = merged([load_run(Workspace(workspace).ledger, run) for run in runs])
    table = score_table(view)
    if table is None:
        raise NotEstimableError(
            "there are not two systems and two measures to compare",
            diagnostic="too-small",
            hint="Assess another system, or name another run beside this one.",
        )
    return table, view


@compare.command()
@click.argument("runs", nargs=-1)
@click.option(
    "--published", is_flag=True, help="Use the table of published figures that comes with the package."
)
@click.option("--seed", type=int, default=0, show_default=True)
@workspace_option
@json_option
def agreement(runs: tuple[str, ...], published: bool, seed: int, workspace: Path, as_json: bool) -> None:
    """Agreement of methods on the order of systems, within and between constructs.

    Example: kakehashi compare agreement --published
    """
    from kakehashi.compare import agreement as estimate_agreement
    from kakehashi.work.reconcile import reconcile

    table, view = _sources(runs, published, workspace)
    found = estimate_agreement(table, rng=seed)
    pairs = () if view is None else reconcile(view).differences
    if as_json:
        print_json({"agreement": plain(found), "differences": plain(pairs), "source": table.source})
        return
    click.echo(f"{len(table.models)} systems, {len(table.methods)} measures; source: {table.source}")
    if found.status != "ok":
        click.echo(f"agreement on order: {found.status} ({found.reason})")
    for group in [g for g in (found.overall, *found.within, found.between) if g is not None]:
        click.echo(
            f"{group.name}: {len(group.methods)} methods, W {_estimate(group.kendall_w)}, "
            f"mean tau {_estimate(group.mean_tau)}, {group.share_negative:.0%} of pairs negative"
        )
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


@compare.command()
@click.argument("runs", nargs=-1)
@click.option(
    "--published", is_flag=True, help="Use the table of published figures that comes with the package."
)
@click.option("--measure", help="One measure; all of them by default.")
@click.option("--seed", type=int, default=0, show_default=True)
@workspace_option
@json_option
def rank(
    runs: tuple[str, ...], published: bool, measure: str | None, seed: int, workspace: Path, as_json: bool
) -> None:
    """Rank intervals by each measure; no order is given where intervals overlap.

    Example: kakehashi compare rank run-1a2b3c
    """
    from kakehashi.errors import NotEstimableError, UnknownNameError
    from kakehashi.work.reconcile import rank_columns

    _, view = _sources(runs, published, workspace)
    if view is None:
        raise NotEstimableError(
            "the published table has no items and no standard errors, so ranks have no intervals",
            diagnostic="no-std-error",
            hint="Run: kakehashi compare exposure --published",
        )
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


@compare.command()
@click.argument("runs", nargs=-1)
@click.option(
    "--published", is_flag=True, help="Use the table of published figures that comes with the package."
)
@click.option(
    "--min-methods", type=click.IntRange(min=1), help="Least number of methods in a choice; 3 by default."
)
@click.option("--construct", help="Only methods of this construct.")
@click.option("--seed", type=int, default=0, show_default=True)
@workspace_option
@json_option
def exposure(
    runs: tuple[str, ...],
    published: bool,
    min_methods: int | None,
    construct: str | None,
    seed: int,
    workspace: Path,
    as_json: bool,
) -> None:
    """Best and worst rank of every system over all choices of methods, and what noise alone would give.

    Example: kakehashi compare exposure --published
    """
    from kakehashi.compare import exposure as estimate_exposure
    from kakehashi.compare import noise_exposure
    from kakehashi.errors import UnknownNameError

    table, _ = _sources(runs, published, workspace)
    if construct is not None:
        constructs = table.constructs or ()
        if construct not in constructs:
            raise UnknownNameError("construct", construct, sorted(set(constructs)))
        table = table.select(
            methods=[m for m, c in zip(table.methods, constructs, strict=True) if c == construct]
        )
    least = min(min_methods or 3, len(table.methods)) if min_methods is None else min_methods
    found = estimate_exposure(table, min_methods=least, rng=seed)
    noise = noise_exposure(table, min_methods=least, rng=seed)
    if as_json:
        print_json({"exposure": plain(found), "noise": plain(noise), "source": table.source})
        return
    click.echo(f"{len(table.models)} systems, {len(table.methods)} methods; source: {table.source}")
    click.echo(_exposure_sentence(table, found.n_first, least, noise.independent_mean, noise.correlated_mean))
    print_table(
        [
            {
                "system": one.model,
                "best rank": one.best_rank,
                "by": one.best_methods,
                "worst rank": one.worst_rank,
                "by ": one.worst_methods,
                "first in": f"{one.share_first:.1%} of choices",
            }
            for one in sorted(found.models, key=lambda one: one.model)
        ],
        ["system", "best rank", "by", "worst rank", "by ", "first in"],
    )
    if found.always_ahead is not None:
        click.echo(f"{len(found.always_ahead)} pairs of systems keep their order under every such choice")


def _exposure_sentence(
    table: "ScoreTable", first: int, least: int, independent: float, correlated: float
) -> str:
    constructs = len(set(table.constructs or ()))
    return (
        f"By the mean rank over at least {least} of {len(table.methods)} methods ({constructs} construct"
        f"{'s' if constructs != 1 else ''}), {first} of {len(table.models)} systems can come first; "
        f"from noise alone {correlated:.1f} (methods correlated as these) to {independent:.1f} (independent)."
    )


def print_published() -> None:
    """Agreement, rank and exposure of the published table, in four lines."""
    from kakehashi.compare import agreement as estimate_agreement
    from kakehashi.compare import exposure as estimate_exposure
    from kakehashi.compare import noise_exposure, published_robustness

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
        sentence = _exposure_sentence(part, choice.n_first, 3, noise.independent_mean, noise.correlated_mean)
        click.echo(f"  {sentence}")
    click.echo(f"  Source: {table.source}")


def _estimate(found: "Estimate | None") -> str:
    if found is None or isnan(found.value):
        return "not estimated"
    if isnan(found.low):
        return f"{found.value:.3f}"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
