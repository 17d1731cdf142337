"""``kakehashi compare selective|groups|gap``: selections, groups of developers, gaps over time."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kakehashi.cli.options import Number, json_option, plain, print_json, workspace_option
from kakehashi.cli.progress import show_work

if TYPE_CHECKING:
    from kakehashi.compare import FactsRecord, GroupRule
    from kakehashi.work.reported import ReportedTable

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def _source_options(function: F) -> F:
    """What all three verbs read: the table, its columns, the record of facts, the rule."""
    options = (
        click.argument("table", metavar="FILE|RUN"),
        click.option(
            "--column",
            "columns",
            multiple=True,
            metavar="MEANING=NAME",
            help="A column that is called otherwise, such as value=score; give it again for more.",
        ),
        click.option(
            "--facts",
            "facts_path",
            type=_FILE,
            help="Record of developers, countries, release dates and weights; the table's own columns by default.",
        ),
        click.option(
            "--source", default="", help="Where those facts come from, where the file does not say."
        ),
        click.option("--as-of", default="", help="The day on which they held, where the file does not say."),
        click.option("--lower", multiple=True, help="A method by which lower is better."),
        click.option(
            "--joint",
            type=click.Choice(["apart", "first", "leave-out"]),
            default="apart",
            show_default=True,
            help="Models by developers of several countries.",
        ),
        click.option(
            "--hong-kong",
            type=click.Choice(["apart", "with-china"]),
            default="apart",
            show_default=True,
            help="How Hong Kong is grouped.",
        ),
        click.option(
            "--taiwan",
            type=click.Choice(["apart", "leave-out"]),
            default="apart",
            show_default=True,
            help="How Taiwan is grouped.",
        ),
        click.option(
            "--eu",
            type=click.Choice(["together", "members"]),
            default="together",
            show_default=True,
            help="The EU as one region, or by member state.",
        ),
        click.option(
            "--joint-developers",
            type=click.Choice(["first", "apart"]),
            default="first",
            show_default=True,
            help="Models by several developers.",
        ),
        click.option("--regions", type=_FILE, help="Another record of names, as kakehashi.regions/1."),
        click.option("--lang", type=click.Choice(["en", "ja"]), default="en", show_default=True),
        workspace_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


def _context_options(function: F) -> F:
    """What must be shown beside groups and cannot be known from scores."""
    for option in (
        click.option("--test-language", default="", help="Language of the test, to be shown."),
        click.option("--selection", default="", help="How the models were selected, to be shown."),
    ):
        function = option(function)
    return function


def _read(
    words: dict[str, Any], methods: Sequence[str] = ()
) -> "tuple[ReportedTable, FactsRecord, GroupRule, dict[str, bool]]":
    from kakehashi.compare import FactsRecord
    from kakehashi.errors import InputError, UnknownNameError
    from kakehashi.work.reported import read_facts, read_rule
    from kakehashi.work.tables import read_reported

    path: Path | None = words["facts_path"]
    record = None if path is None else read_facts(path, source=words["source"], as_of=words["as_of"])
    table = read_reported(
        words["table"],
        columns=_columns(words["columns"]),
        methods=methods,
        facts=record,
        workspace=words["workspace"],
    )
    if table.nameless:
        rows = (
            f"{len(table.nameless)} rows name no model and are left out (the first: line {table.nameless[0]})"
        )
        click.echo(f"note: {rows}", err=True)
    if table.apart:
        click.echo(f"note: {table.apart}", err=True)
    if record is None and not table.facts:
        raise InputError(
            f"{table.source} does not say who developed the models",
            hint="Give a record: --facts FILE, or name the columns of a table: --column developer=NAME",
        )
    facts = FactsRecord(
        table.facts,
        record.source if record else words["source"] or table.source,
        record.as_of if record else words["as_of"] or table.day,
    )
    rule = read_rule(
        words["regions"],
        **{key: words[key] for key in ("joint", "hong_kong", "taiwan", "eu", "joint_developers")},
    )
    known = tuple(dict.fromkeys(one.method for one in table.scores))
    for method in words["lower"]:
        if method not in known:
            raise UnknownNameError("method", method, known)
    return table, facts, rule, {**table.directions, **dict.fromkeys(words["lower"], False)}


def _columns(pairs: Sequence[str]) -> dict[str, str]:
    """``--column MEANING=NAME``, parsed."""
    from kakehashi.errors import UsageError

    columns = {}
    for pair in pairs:
        meaning, equals, name = pair.partition("=")
        if not equals or not name:
            raise UsageError(
                f"--column {pair!r} is not MEANING=NAME", hint="For example: --column value=score"
            )
        columns[meaning] = name
    return columns


@click.command()
@_source_options
@click.option(
    "--statistic",
    type=click.Choice(["rank", "score"]),
    default="rank",
    show_default=True,
    help="Standing by rank among other developers' models, or by standardized score.",
)
@click.option("--alpha", type=Number(0, 1, min_open=True, max_open=True), default=0.05, show_default=True)
@click.option("--replies", type=_FILE, help="What organisations were asked and answered, with dates (CSV).")
@click.option("--seed", type=int, default=0, show_default=True)
@json_option
def selective(
    statistic: str, alpha: float, replies: Path | None, seed: int, as_json: bool, lang: str, **words: Any
) -> None:
    """Test whether what developers published is an unusually favourable selection, and say what else it may be.

    FILE is a CSV with model, method, value, publisher and developer. The publisher of a score is its first party
    where it is the model's developer.

    Example: kakehashi compare selective scores.csv --as-of 2026-05-02
    """
    from kakehashi.compare import party_contrast
    from kakehashi.compare import selective as test_selections
    from kakehashi.compare.statement import innocent_explanations, selective_lines
    from kakehashi.errors import NotEstimableError
    from kakehashi.work.reported import read_replies

    table, facts, rule, directions = _read(words)
    answers = () if replies is None else read_replies(replies)
    with show_work("selections"):
        found = test_selections(
            table.scores,
            facts,
            directions=directions,
            statistic=statistic,
            alpha=alpha,
            rule=rule,
            rng=seed,
        )
        try:
            contrast: Any = party_contrast(table.scores, facts, directions=directions, rule=rule, rng=seed)
        except NotEstimableError as error:
            contrast = error
    on = datetime.now(UTC).date().isoformat()
    if as_json:
        print_json(
            {
                "selective": plain(found),
                "contrast": contrast.facts() if isinstance(contrast, NotEstimableError) else plain(contrast),
                "innocent_explanations": {one: list(innocent_explanations(one)) for one in ("en", "ja")},
                "replies": {"on": on, "answers": plain(answers)},
                "statement": selective_lines(found, contrast, replies=answers, on=on, language=lang),
            }
        )
        return
    for line in selective_lines(found, contrast, replies=answers, on=on, language=lang):
        click.echo(line)


@click.command()
@_source_options
@_context_options
@click.option("--method", required=True, help="The method; scores of different methods are not put together.")
@click.option(
    "--by", type=click.Choice(["country", "weights", "developer"]), default="country", show_default=True
)
@click.option(
    "--value",
    type=click.Choice(["mean", "best"]),
    default="mean",
    show_default=True,
    help="The one value of a developer: mean or best of its models.",
)
@json_option
def groups(
    method: str,
    by: str,
    value: str,
    test_language: str,
    selection: str,
    as_json: bool,
    lang: str,
    **words: Any,
) -> None:
    """Set developers side by side in groups; the unit is the developer, and groups are not ordered.

    Groups of fewer than three developers are not shown.

    Example: kakehashi compare groups scores.csv --method gpqa --by weights --as-of 2026-05-02
    """
    from kakehashi.compare import groups as make_groups
    from kakehashi.compare.statement import group_lines

    table, facts, rule, directions = _read(words, [method])
    with show_work("groups"):
        found = make_groups(
            table.scores,
            facts,
            method=method,
            by=by,  # type: ignore[arg-type]
            value=value,
            higher_is_better=directions.get(method, True),
            rule=rule,
            test_language=test_language,
            selection=selection,
        )
    lines = group_lines(found, rule=rule, language=lang)
    if as_json:
        print_json({"groups": plain(found), "statement": lines})
        return
    for line in lines:
        click.echo(line)


@click.command()
@_source_options
@_context_options
@click.option(
    "--method", "methods", multiple=True, required=True, help="A method; give it again for a sibling."
)
@click.option(
    "--by", type=click.Choice(["country", "weights", "developer"]), default="country", show_default=True
)
@click.option("--first", required=True, help="Group that is subtracted from, such as US or closed.")
@click.option("--second", required=True, help="Group that is subtracted, such as CN or open.")
@click.option(
    "--at", "dates", multiple=True, help="A date; by default the ends of the years and the last release."
)
@click.option(
    "--std-error",
    type=Number(min=0, min_open=True),
    help="Standard error to assume for scores that come without one.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@json_option
def gap(
    methods: tuple[str, ...],
    by: str,
    first: str,
    second: str,
    dates: tuple[str, ...],
    std_error: float | None,
    test_language: str,
    selection: str,
    seed: int,
    as_json: bool,
    lang: str,
    **words: Any,
) -> None:
    """Say how far the best of two groups are apart over time, in points and months, measurement error taken off.

    Several methods stand side by side and are never averaged.

    Example: kakehashi compare gap scores.csv --method gpqa --by weights --first closed --second open --as-of 2026-05-02
    """
    from kakehashi.compare import sibling_gaps
    from kakehashi.compare.statement import gap_lines
    from kakehashi.errors import NotEstimableError

    table, facts, rule, directions = _read(words, methods)
    with show_work("gaps"):
        found = sibling_gaps(
            table.scores,
            facts,
            methods=methods,
            directions=directions,
            rng=seed,
            by=by,
            first=first,
            second=second,
            at=tuple(_day(one) for one in dates) or None,
            std_error=std_error,
            rule=rule,
            test_language=test_language,
            selection=selection,
        )
    if all(isinstance(one, NotEstimableError) for one in found):
        raise next(one for one in found if isinstance(one, NotEstimableError))
    lines = gap_lines(found, methods, rule=rule, language=lang)
    if as_json:
        siblings = [one.facts() if isinstance(one, NotEstimableError) else plain(one) for one in found]
        print_json({"gaps": dict(zip(methods, siblings, strict=True)), "statement": lines})
        return
    for line in lines:
        click.echo(line)


def _day(text: str) -> date:
    from kakehashi.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a date", hint="Write dates as 2026-05-02.") from None
