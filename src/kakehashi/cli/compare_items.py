"""``kakehashi compare``: judges, items, variance, explanation and selection, from rows of single answers."""

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kakehashi.cli.options import json_option, plain, print_json, print_table, workspace_option
from kakehashi.cli.progress import show_work

if TYPE_CHECKING:
    from kakehashi.compare import Estimate
    from kakehashi.work.item_file import ItemFile

seed_option = click.option("--seed", type=int, default=0, show_default=True)
file_argument = click.argument("file", type=click.Path(path_type=Path))


def _say(found: "Estimate | None") -> str:
    if found is None or isnan(found.value):
        return "not estimated"
    return f"{found.value:.3f}" + ("" if isnan(found.low) else f" [{found.low:.3f}, {found.high:.3f}]")


@click.command()
@file_argument
@click.option("--human", help="Column of human labels; empty where there is none.")
@click.option("--judge", "judges", multiple=True, required=True, help="Column of a judge; may be repeated.")
@click.option("--positive", required=True, help="The label that is counted.")
@click.option("--system", help="Column of the system that answered.")
@click.option("--item", required=True, help="Column of the item; answers to one item go together.")
@seed_option
@json_option
def judges(
    file: Path,
    human: str | None,
    judges: tuple[str, ...],
    positive: str,
    system: str | None,
    item: str,
    seed: int,
    as_json: bool,
) -> None:
    """Judges against human labels, rates corrected by them, and orders that hang on the judge.

    FILE is a CSV file with one row for each answer.

    Example: kakehashi compare judges items.csv --human human --judge gpt --judge rules --positive
    refused --system model --item item
    """
    from kakehashi.errors import UsageError
    from kakehashi.work.item_file import ItemFile
    from kakehashi.work.judge_rates import judge_rates

    if human is None and (len(judges) < 2 or system is None):
        raise UsageError(
            "there is nothing to compare the judge with",
            hint="Name the column of human labels (--human), or two judges and --system.",
        )
    rows = ItemFile.read(file)
    found: dict[str, Any] = {}
    if human is not None:
        with show_work("judges"):
            found["judges"] = {
                judge: judge_rates(rows, human, judge, positive=positive, item=item, system=system, seed=seed)
                for judge in judges
            }
    if system is not None and len(judges) > 1:
        with show_work("flips"):
            found["flips"] = _flips(rows, judges, positive, item, system, seed)
    if as_json:
        print_json(plain(found))
        return
    for name, one in found.get("judges", {}).items():
        report = one.report
        click.echo(
            f"{name} against {human}, {report.confusion.n} answers: kappa {_say(report.kappa)}, "
            f"sensitivity {_say(report.sensitivity)}, specificity {_say(report.specificity)}"
        )
        print_table(
            [
                {
                    "system": key,
                    "judge alone": e.diagnostics.get("judge_mean"),
                    "corrected": _say(e),
                    "labels": e.diagnostics["n_labels"],
                    "by": e.method,
                    "Rogan-Gladen": _say(one.rogan_gladen.get(key)),
                }
                for key, e in one.rates.items()
            ],
            ["system", "judge alone", "corrected", "labels", "by", "Rogan-Gladen"],
        )
        for key, why in one.reasons.items():
            click.echo(f"{key}: not estimated ({why})")
        for order in one.orders:
            if order.higher:
                lower = order.second if order.higher == order.first else order.first
                click.echo(
                    f"{order.higher} above {lower}: corrected difference {order.first} minus {order.second} "
                    f"{_say(order.difference)}"
                )
        unsaid = [order for order in one.orders if not order.higher]
        if unsaid:
            pairs = ", ".join(f"{order.first}/{order.second}" for order in unsaid[:20])
            click.echo(
                f"no order is stated of {len(unsaid)} pairs (too few labels, or zero not excluded): {pairs}"
            )
    if "flips" in found:
        _print_flips(found["flips"])


def _flips(
    rows: "ItemFile", judges: tuple[str, ...], positive: str, item: str, system: str, seed: int
) -> Any:
    from kakehashi.compare import judge_flips

    verdicts = {}
    names: tuple[str, ...] = ()
    for judge in judges:
        values = [float("nan") if v is None else float(v == positive) for v in rows.labels(judge)]
        names, _, verdicts[judge] = rows.matrix(system, item, values)
    return judge_flips(verdicts, names, rng=seed)


def _print_flips(found: Any) -> None:
    for judge, order in zip(found.judges, found.orders, strict=True):
        click.echo(f"highest to lowest share by {judge}: {', '.join(order)}")
    click.echo(
        f"{found.n_flips} of {found.n_compared} pairs change order between judges, {found.n_beyond_noise} of them "
        f"beyond noise; with one true order noise alone would change {found.noise_mean:.1f} "
        f"(so many or more: p = {found.noise_at_least:.3f})"
    )
    if found.flips:
        print_table(
            [
                {
                    "pair": f"{flip.first}, {flip.second}",
                    "judges": f"{flip.judge}, {flip.other_judge}",
                    "differences": f"{flip.difference:+.3f}, {flip.other_difference:+.3f}",
                    "p (Holm)": flip.p_holm,
                    "in resamples": f"{flip.share_of_resamples:.0%}",
                }
                for flip in found.flips
            ],
            ["pair", "judges", "differences", "p (Holm)", "in resamples"],
        )


@click.command(name="label-budget")
@click.option("--half-width", type=float, required=True, help="Wanted half-width, as a proportion.")
@click.option("--items", type=int, required=True, help="Items that the judge judges.")
@click.option("--rate", type=float, required=True, help="Rate expected.")
@click.option("--sensitivity", type=float, required=True, help="Of the judge.")
@click.option("--specificity", type=float, required=True, help="Of the judge.")
@click.option("--design-effect", type=float, default=1.0, show_default=True, help="For items in clusters.")
@json_option
def label_budget(
    half_width: float,
    items: int,
    rate: float,
    sensitivity: float,
    specificity: float,
    design_effect: float,
    as_json: bool,
) -> None:
    """How many human labels a wanted half-width takes, given how good the judge is.

    Example: kakehashi compare label-budget --half-width 0.05 --items 5000 --rate 0.2 --sensitivity 0.9
    --specificity 0.9
    """
    from kakehashi.compare import label_budget as plan_labels

    plan = plan_labels(
        half_width,
        items,
        rate=rate,
        sensitivity=sensitivity,
        specificity=specificity,
        design_effect=design_effect,
    )
    if as_json:
        print_json(plain(plan))
        return
    click.echo(
        f"{plan.n_labels} human labels drawn at random (± {plan.expected_half_width:.3f}); "
        f"{plan.n_without_judge} without the judge, which saves {plan.saved:.0%}"
    )


@click.command()
@file_argument
@click.option("--model", required=True, help="Column of the model.")
@click.option("--item", required=True, help="Column of the item.")
@click.option("--score", required=True, help="Column of the score: 0 or 1.")
@click.option(
    "--group", help="Column of the language, method or attack: items that function differently by it."
)
@click.option("--shown", type=int, default=10, show_default=True, help="How many items to list.")
@json_option
def items(
    file: Path, model: str, item: str, score: str, group: str | None, shown: int, as_json: bool
) -> None:
    """Item response theory: abilities, items that work backwards or differently by language.

    FILE is a CSV file with one row for each model, item (and group).

    Example: kakehashi compare items items.csv --model model --item item --score right --group language
    """
    from kakehashi.compare import differential_functioning, fit_2pl
    from kakehashi.work.item_file import ItemFile

    rows = ItemFile.read(file)
    found: dict[str, Any] = {}
    if group is not None:
        joined = [f"{m} [{g}]" for m, g in zip(rows.texts(model), rows.texts(group), strict=True)]
        rows.columns["\0row"] = joined
        of = dict(zip(joined, rows.texts(group), strict=True))
        by_group = rows.scores("\0row", item, score)
        with show_work("items"):
            found["fit"] = fit_2pl(by_group)
            found["differential"] = differential_functioning(by_group, [of[name] for name in by_group.models])
    else:
        with show_work("items"):
            found["fit"] = fit_2pl(rows.scores(model, item, score))
    if as_json:
        print_json(plain(found))
        return
    fit = found["fit"]
    click.echo(
        f"{len(fit.models)} rows, {len(fit.items)} items; {len(fit.left_out)} left out (all or none solve them); "
        f"{'converged' if fit.converged else 'NOT CONVERGED: do not use these figures'}"
    )
    order = sorted(range(len(fit.models)), key=lambda i: fit.models[i])
    print_table(
        [
            {
                "model": fit.models[i],
                "ability": f"{fit.ability[i]:+.2f} [{fit.ability_low[i]:+.2f}, {fit.ability_high[i]:+.2f}]",
            }
            for i in order
        ],
        ["model", "ability"],
    )
    certain = sum(one.certain for one in fit.backward)
    click.echo(f"{len(fit.backward)} items with a negative slope, {certain} of them beyond doubt")
    for one in fit.backward[:shown]:
        click.echo(f"  {one.item}: {one.discrimination:.2f} [{one.low:.2f}, {one.high:.2f}]")
    if "differential" in found:
        by = found["differential"]
        click.echo(
            f"{len(by.flagged)} items function differently in {by.second} than in {by.first} "
            f"(all items: {by.difference:+.3f})"
        )
        for one in by.flagged[:shown]:
            click.echo(
                f"  {one.item}: log-odds {one.log_odds_ratio:+.2f} [{one.low:+.2f}, {one.high:+.2f}], {one.size}"
            )


@click.command()
@file_argument
@click.option("--score", required=True, help="Column of the score.")
@click.option(
    "--factor", "factors", multiple=True, required=True, help="Column of a factor; may be repeated."
)
@click.option(
    "--interaction", "interactions", multiple=True, help="Two factors joined by a colon: model:method."
)
@seed_option
@json_option
def variance(
    file: Path, score: str, factors: tuple[str, ...], interactions: tuple[str, ...], seed: int, as_json: bool
) -> None:
    """Split the variance of scores over model, method, category, item, judge, language.

    FILE is a CSV file with one row for each score. Factors that always go together cannot be separated.

    Example: kakehashi compare variance items.csv --score right --factor model --factor item --factor language
    """
    from kakehashi.compare import variance_components
    from kakehashi.work.item_file import ItemFile

    rows = ItemFile.read(file)
    with show_work("variance"):
        found = variance_components(
            rows.numbers(score),
            {name: rows.texts(name) for name in factors},
            interactions=[tuple(pair.split(":")) for pair in interactions],
            rng=seed,
        )
    if as_json:
        print_json(plain(found))
        return
    print_table(
        [
            {
                "factor": one.factor,
                "levels": one.n_levels,
                "variance": f"{one.variance:.4f} [{one.low:.4f}, {one.high:.4f}]",
                "share": f"{one.share:.1%}",
                "note": "few levels" if one.few_levels else "",
            }
            for one in found.components
        ],
        ["factor", "levels", "variance", "share", "note"],
    )
    for names, why in found.inseparable:
        click.echo(f"cannot be separated: {', '.join(names)} ({why})")
    for name in found.constant:
        click.echo(f"{name}: a single level, nothing can be said")


@click.command()
@click.argument("run")
@click.argument("first")
@click.argument("second")
@click.argument("systems", nargs=-1)
@seed_option
@workspace_option
@json_option
def explain(
    run: str, first: str, second: str, systems: tuple[str, ...], seed: int, workspace: Path, as_json: bool
) -> None:
    """How much of the difference between two methods comes from what, and which items carry it.

    FIRST and SECOND are methods or measures of RUN; all its SYSTEMS where none is named.

    Example: kakehashi compare explain run-1a2b3c core:safe-handling-rate attacks smollm2-bare
    """
    from kakehashi.work.explain_run import explain_run
    from kakehashi.work.view import load_run
    from kakehashi.work.workspace import Workspace

    view = load_run(Workspace(workspace).ledger, run)
    chosen = systems or tuple(subject.name for subject in view.subjects)
    with show_work("explanation"):
        found = {name: explain_run(view, first, second, name, rng=seed) for name in chosen}
    if as_json:
        print_json(plain(found))
        return
    for name, one in found.items():
        click.echo(
            f"{name}: {one.first} {one.scores[0]:.3f}, {one.second} {one.scores[1]:.3f}, "
            f"difference {_say(one.difference)}; the same on both sides: {', '.join(one.same) or 'nothing'}"
        )
        print_table(
            [{"source": part.source, "part": _say(part.estimate), "how": part.reason} for part in one.parts],
            ["source", "part", "how"],
        )
        carried = ", ".join(f"{item.item} ({item.contribution:+.3f})" for item in one.items)
        click.echo(f"items that carry most of it: {carried}")


@click.command()
@file_argument
@click.option("--model", required=True, help="Column of the model.")
@click.option("--item", required=True, help="Column of the item.")
@click.option("--score", required=True, help="Column of the score.")
@click.option("--family", help="Column of the model's family; families are left out together.")
@click.option("--items", "n_items", type=int, required=True, help="Items to ask a new model.")
@seed_option
@json_option
def select(
    file: Path,
    model: str,
    item: str,
    score: str,
    family: str | None,
    n_items: int,
    seed: int,
    as_json: bool,
) -> None:
    """Choose fewer items for the same score, if the models of FILE can vouch for it.

    FILE is a CSV file with one row for each model and item. The factor reached on models left out is
    printed; none is promised.

    Example: kakehashi compare select bank.csv --model model --item item --score right --items 100
    """
    from kakehashi.compare import select_items
    from kakehashi.work.item_file import ItemFile

    rows = ItemFile.read(file)
    bank = rows.scores(model, item, score)
    families = None
    if family is not None:
        of = dict(zip(rows.texts(model), rows.texts(family), strict=True))
        families = [of[name] for name in bank.models]
    with show_work("selection"):
        chosen, gate = select_items(bank, n_items, families=families, rng=seed)
    if as_json:
        print_json({"items": list(chosen.items), "gate": plain(gate)})
        return
    click.echo(
        f"{n_items} of {gate.n_bank} items: as exact as {_say(gate.factor)} times as many drawn at random, on "
        f"{gate.n_models} models each left out; intervals held {gate.coverage:.1%} of their full scores, "
        f"order agreed by tau {gate.tau:.2f}"
    )
    for name in chosen.items:
        click.echo(name)


COMMANDS = (judges, label_budget, items, variance, explain, select)
