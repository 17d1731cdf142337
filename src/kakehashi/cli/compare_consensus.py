"""``kakehashi compare consensus|weightings|completion``: one order of several methods, and how far it holds."""

from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kakehashi.cli.compare_source import sheet_of, source_options
from kakehashi.cli.options import json_option, plain, print_json, print_table, workspace_option
from kakehashi.cli.progress import show_work

if TYPE_CHECKING:
    from kakehashi.compare import Consensus

_BY = ("factor", "bradley-terry", "plackett-luce")


@click.command()
@source_options
@click.option(
    "--by", type=click.Choice(_BY), default="factor", show_default=True, help="The model of the consensus."
)
@click.option("--top", type=click.IntRange(min=1), default=3, show_default=True, help="K of P(top K).")
@click.option("--seed", type=int, default=0, show_default=True)
@workspace_option
@json_option
def consensus(by: str, top: int, seed: int, workspace: Path, as_json: bool, **source: Any) -> None:
    """What the methods have in common: scores with intervals, rank intervals, P(top K), weights of the methods.

    By one factor (scores, standard errors, a loading for each method), or without assumptions on scores by
    Bradley-Terry or Plackett-Luce on the orders within methods. Missing cells are never filled in.

    Example: kakehashi compare consensus --published --by bradley-terry
    """
    from kakehashi.compare import bradley_terry_consensus, factor_consensus, plackett_luce_consensus

    estimators: dict[str, Callable[..., Consensus]] = {
        "factor": factor_consensus,
        "bradley-terry": bradley_terry_consensus,
        "plackett-luce": plackett_luce_consensus,
    }
    table = sheet_of(workspace, **source).table
    with show_work("consensus"):
        found = estimators[by](table, rng=seed)
    if as_json:
        print_json({"consensus": plain(found), "source": table.source})
        return
    click.echo(f"{len(table.models)} systems, {len(table.methods)} methods; {found.method}")
    chance = found.rank_probability[:, :top].sum(axis=1)
    rows = [
        {
            "system": name,
            "score": found.score[i],
            "95% interval": f"{found.low[i]:.2f} to {found.high[i]:.2f}",
            "rank": f"{int(found.rank_low[i])} to {int(found.rank_high[i])}",
            f"P(top {top})": None if isnan(chance[i]) else f"{chance[i]:.0%}",
        }
        for i, name in enumerate(found.models)
        if not isnan(found.score[i])
    ]
    print_table(rows, ["system", "score", "95% interval", "rank", f"P(top {top})"])
    for name, reason in dict(found.not_scoreable).items():
        click.echo(f"{name}: not scoreable ({reason})")
    click.echo("groups, best first (no order within a group): " + _groups(found.groups))
    click.echo("What each method brings:")
    print_table(
        [
            {
                "method": one.method,
                "weight": one.weight,
                "loading": None if isnan(one.loading) else one.loading,
                "tau with the consensus": one.tau,
            }
            for one in found.weights
        ],
        ["method", "weight", "loading", "tau with the consensus"],
    )
    _say_diagnostics(found.diagnostics)
    click.echo(_NOT_AN_ASSESSMENT)


@click.command()
@source_options
@click.option("--scale", type=click.Choice(["rank", "standard"]), default="rank", show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@workspace_option
@json_option
def weightings(scale: str, seed: int, workspace: Path, as_json: bool, **source: Any) -> None:
    """Under what share of all weightings of the methods each system comes first, and what no weighting can change.

    Example: kakehashi compare weightings --published
    """
    from kakehashi.compare import weightings as all_weightings

    table = sheet_of(workspace, **source).table
    with show_work("weightings"):
        found = all_weightings(table, scale="standard" if scale == "standard" else "rank", rng=seed)
    if as_json:
        print_json({"weightings": plain(found), "source": table.source})
        return
    print_table(
        [
            {
                "system": name,
                "first under": f"{found.share_first[i]:.1%}",
                "95% interval": f"{found.low[i]:.1%} to {found.high[i]:.1%}",
                "can come first": "yes" if found.can_come_first[i] else "no",
                "always ahead of": int(found.dominates[i].sum()),
                "always behind": int(found.dominates[:, i].sum()),
            }
            for i, name in enumerate(found.models)
        ],
        ["system", "first under", "95% interval", "can come first", "always ahead of", "always behind"],
    )
    pairs = len(found.models) * (len(found.models) - 1) // 2
    click.echo(f"{int(found.dominates.sum())} of {pairs} pairs keep their order under every weighting")
    _say_diagnostics(found.diagnostics)
    click.echo(_NOT_AN_ASSESSMENT)


@click.command()
@source_options
@workspace_option
@json_option
def completion(workspace: Path, as_json: bool, **source: Any) -> None:
    """Best and worst rank of each system whatever the missing cells would have shown.

    Example: kakehashi compare completion eee_helm_lite_wide.csv --columns helm-lite
    """
    from kakehashi.compare import completion_bounds

    table = sheet_of(workspace, **source).table
    found = completion_bounds(table)
    if as_json:
        print_json({"completion": plain(found), "source": table.source})
        return
    print_table(
        [
            {
                "system": name,
                "missing": int(found.n_missing[i]),
                "best rank": int(found.low[i]),
                "worst rank": int(found.high[i]),
                "bound": "exact" if found.exact[i] else "holds, may be too wide",
            }
            for i, name in enumerate(found.models)
        ],
        ["system", "missing", "best rank", "worst rank", "bound"],
    )
    _say_diagnostics(found.diagnostics)


_NOT_AN_ASSESSMENT = (
    "A consensus of methods of different constructs is not an assessment of safety: "
    "it is what they have in common."
)


def _groups(groups: Any) -> str:
    return " | ".join(", ".join(map(str, group)) for group in groups)


def _say_diagnostics(found: Any) -> None:
    """What the reader must know; counts of steps and draws stand in --json."""
    for name, value in dict(found).items():
        if value is True:
            click.echo(f"note: {name}")
        elif value and isinstance(value, str | tuple | list):
            click.echo(f"note: {name}: {value if isinstance(value, str) else ', '.join(map(str, value))}")
