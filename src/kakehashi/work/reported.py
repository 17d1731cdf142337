"""Reading what the comparisons of selections, groups and gaps stand on: scores, facts, rules, replies."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kakehashi.commitments.lined import Lined, read_lined
from kakehashi.compare.facts import FactsRecord, ModelFacts, ReportedScore
from kakehashi.compare.grouping import GroupRule
from kakehashi.compare.statement import Reply
from kakehashi.compare.uncertainty import uncertainty
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError
from kakehashi.ledger.files import read_bytes
from kakehashi.ledger.importers.column_map import MISSING, ColumnMap, map_for
from kakehashi.ledger.importers.csv_table import read_table, table_rows
from kakehashi.ledger.lint import lint, screen
from kakehashi.model import Polarity
from kakehashi.work.view import RunView

if TYPE_CHECKING:
    from kakehashi.ledger import AliasTable
    from kakehashi.work.tables import Sheet

FACTS_FORMAT = "kakehashi.facts/1"
#: What a column may mean, in the order of the help.
MEANINGS = (
    *("model", "method", "value", "std_error", "publisher", "higher_is_better"),
    *("developer", "country", "release_date", "weights", "endpoint"),
)
_FACTS = ("developer", "country", "release_date", "weights", "endpoint")
#: What column maps call facts otherwise.
_FACT_KEYS = {"released": "release_date"}
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class ReportedTable:
    """A table of reported scores with what it says of its models.

    Attributes:
        scores: The scores, rows without a number left out.
        facts: Model → what the table's own columns say of it; empty where it has none of them.
        directions: Method → whether higher is better, where the table says so.
        nameless: Lines of rows left out because they name no model.
        source: What it comes from: the file, or the run.
        day: Its day, ISO 8601, ``""`` where unknown.
        apart: What lint set apart, in words; ``""`` for nothing.
    """

    scores: tuple[ReportedScore, ...]
    facts: Mapping[str, ModelFacts]
    directions: Mapping[str, bool]
    nameless: tuple[int, ...] = ()
    source: str = ""
    day: str = ""
    apart: str = ""


def read_scores(
    path: Path | str, *, columns: Mapping[str, str] | None = None, methods: Sequence[str] = ()
) -> ReportedTable:
    """Read a table of scores: long (a row a score) or, where it has no column of methods, wide.

    The rows are read and looked over as by every import: what lint sets apart is set apart here and named. Rows that
    contradict one another are left for the comparison to refuse, since dropping both would change a selection.

    Args:
        path: A CSV file in UTF-8.
        columns: Meaning (see :data:`MEANINGS`) → column, where it is called otherwise than in the shipped column
            map for a file of this name, or than the meaning.
        methods: Wide tables: the columns to read as methods.

    Raises:
        InputError: The file cannot be read, a column is missing, or a cell cannot be used; with its row.
        UnknownNameError: A meaning that there is not.
    """
    place = Path(path)
    base = map_for(place.name)
    base = base if isinstance(base, ColumnMap) else ColumnMap(source=place.name, subject="model")
    header, rows = table_rows(place)
    named = _named(base, columns or {}, header, place)
    wide = named["method"] not in header
    if wide and not (methods or base.measures):
        raise InputError(
            f"there is no column {named['method']!r}",
            path=place,
            hint=f"Long tables: --column method=NAME. Wide tables: name the columns as methods. {_have(header)}",
        )
    if not wide and named["value"] not in header:
        raise InputError(
            f"there is no column {named['value']!r}",
            path=place,
            hint=f"Say which column holds the score: --column value=NAME. {_have(header)}",
        )
    measures = tuple(methods or base.measures) if wide else ()
    for method in measures:
        if method not in header:
            raise UnknownNameError("method", method, header)
    facts: dict[str, ModelFacts] = {}
    directions: dict[str, bool] = {}
    nameless: list[int] = []
    for number, row in rows:
        model = _text(row[named["model"]])
        if not model:
            nameless.append(number)
            continue
        _learn(facts, _facts(model, row, named, place, number), place, number)
        for method in measures or (row[named["method"]].strip(),):
            _direct(directions, method, row.get(named["higher_is_better"], ""), place, number)
    map_ = replace(
        base,
        subject=named["model"],
        subject_missing="quarantine",
        measures=measures,
        measure="" if wide else named["method"],
        value="" if wide else named["value"],
        std_error="" if wide or named["std_error"] not in header else named["std_error"],
        publisher=named["publisher"] if named["publisher"] in header else "",
        ignore=(),
        describe={},
        higher_is_better=dict(directions) or base.higher_is_better,
    )
    scores, apart = _scores(place, map_)
    if not scores:
        raise InputError("there is no score in this table", path=place, hint=apart or _have(header))
    known = any(named[meaning] in header for meaning in _FACTS)
    for method in dict.fromkeys(one.method for one in scores):
        if map_.direction(method) is not Polarity.NONE:
            directions[method] = map_.direction(method) is Polarity.HIGHER
    return ReportedTable(
        tuple(scores),
        facts if known else {},
        directions,
        tuple(nameless),
        place.name,
        base.created[:10],
        apart,
    )


def _named(base: ColumnMap, columns: Mapping[str, str], header: Sequence[str], place: Path) -> dict[str, str]:
    """Meaning → column: as the caller says, else as the map says, else as the meaning is called."""
    named = {meaning: meaning for meaning in MEANINGS}
    of_map = {
        **{_FACT_KEYS.get(key, key): column for key, column in base.describe.items()},
        "model": base.subject,
        "method": base.measure,
        "value": base.value,
        "std_error": base.std_error,
        "publisher": base.publisher,
    }
    named.update({meaning: column for meaning, column in of_map.items() if column and meaning in named})
    for meaning, column in columns.items():
        if meaning not in named:
            raise UnknownNameError("meaning of a column", meaning, MEANINGS)
        if column not in header:
            raise InputError(f"there is no column {column!r} (for {meaning})", path=place, hint=_have(header))
        named[meaning] = column
    if named["model"] not in header:
        raise InputError(
            f"there is no column {named['model']!r}",
            path=place,
            hint=f"Say which column names the model: --column model=NAME. {_have(header)}",
        )
    return named


def _scores(place: Path, map_: ColumnMap) -> tuple[list[ReportedScore], str]:
    """The scores that lint lets stand, and what it set apart, in words."""
    drafts = read_table(place, map_)
    stated = [m for draft in drafts for m in draft.measurements]
    lines = [line for draft in drafts for line in draft.rows]
    findings = [one for one in lint(stated) if not one.code.startswith("duplicate")]
    blocked = {one.row: one for one in reversed(findings) if one.blocks}
    kept = screen(stated, findings=findings).kept
    left = [row for row in range(len(stated)) if row not in blocked]
    found = []
    for row, one in zip(left, kept, strict=True):
        if one.value is None:
            continue
        error = one.std_error if one.std_error is not None else uncertainty(one, rng=0).std_error
        publisher = "" if one.provenance.source == map_.source else one.provenance.source
        method = one.measure.id.removeprefix(f"{map_.source}:")
        found.append(
            ReportedScore(
                one.subject, method, one.value, publisher, math.nan if error is None else error, lines[row]
            )
        )
    if not blocked:
        return found, ""
    first = min(blocked)
    return found, (
        f"{len(blocked)} numbers are set apart by lint "
        f"(the first: line {lines[first]}, {blocked[first].code}: {blocked[first].message})"
    )


def scores_of_sheet(sheet: "Sheet") -> ReportedTable:
    """The scores of a table without publishers and developers, such as an Inspect log or an Every Eval Ever file."""
    table = sheet.table
    scores = tuple(
        ReportedScore(
            model, method, float(table.values[i, j]),
            std_error=math.nan if table.std_error is None else float(table.std_error[i, j]),
        )
        for i, model in enumerate(table.models) for j, method in enumerate(table.methods)
        if not math.isnan(table.values[i, j])
    )  # fmt: skip
    directions = dict(zip(table.methods, table.higher_is_better, strict=True))
    return ReportedTable(scores, {}, directions, (), sheet.citation, sheet.data_date, "; ".join(sheet.notes))


def joined(table: ReportedTable, aliases: "AliasTable") -> ReportedTable:
    """The table with names that mean one model put together, by the alias table; see ``AliasTable.joined``.

    Raises:
        InputError: Two names of one model have different developers, dates or weights.
    """
    names = aliases.joined(dict.fromkeys([*(one.model for one in table.scores), *table.facts]))
    facts: dict[str, ModelFacts] = {}
    for model, one in table.facts.items():
        _learn(facts, replace(one, model=names[model]), Path(table.source), None)
    scores = tuple(replace(one, model=names[one.model]) for one in table.scores)
    return replace(table, scores=scores, facts=facts)


def scores_of_run(view: RunView) -> ReportedTable:
    """The headlines of a run as reported scores: one method for each measure and language with a direction.

    Developers and weights are those of the subjects, where they state them; countries and dates are not known
    from a run.

    Args:
        view: The run, or several merged.

    Raises:
        NotEstimableError: No headline has a value.
    """
    scores, directions = [], {}
    for one in view.headlines():
        if one.measure.polarity is Polarity.NONE or one.value is None:
            continue
        method = f"{one.measure.id} [{one.facets['language']}]"
        error = math.nan if one.std_error is None else one.std_error
        scores.append(ReportedScore(one.subject, method, one.value, one.provenance.source, error))
        directions[method] = one.measure.polarity is Polarity.HIGHER
    if not scores:
        raise NotEstimableError(f"{view.run} has no value to compare", diagnostic="no-values")
    facts = {
        one.name: ModelFacts(
            one.name,
            _split(one.developer),
            weights=one.weights or "unknown",
            endpoint=one.endpoint,
        )
        for one in view.subjects
    }
    known = any(one.developers for one in facts.values())
    return ReportedTable(
        tuple(scores), facts if known else {}, directions, source=view.run, day=view.created[:10]
    )


def read_facts(path: Path | str, *, source: str = "", as_of: str = "") -> FactsRecord:
    """Read a record of developers, countries, release dates and weights: CSV, JSON or YAML.

    CSV has the columns ``model``, ``developer``, ``country``, ``release_date``, ``weights``, ``endpoint``;
    JSON and YAML have ``format: kakehashi.facts/1``, ``source``, ``as_of`` and ``models``, a list of the same
    keys.

    Args:
        path: The file.
        source: Where the facts come from; that of the file by default.
        as_of: When they held; that of the file by default.

    Raises:
        InputError: The file cannot be used, with its line or row.
    """
    place = Path(path)
    facts: dict[str, ModelFacts] = {}
    if place.suffix.lower() == ".csv":
        header, rows = table_rows(place)
        if "model" not in header:
            raise InputError("there is no column 'model'", path=place, hint=_have(header))
        entries: Iterator[tuple[int, Mapping[str, str]]] = rows
    else:
        # JSON is YAML too, and so has lines as well.
        loaded = read_lined(place)
        if loaded.get("format") != FACTS_FORMAT:
            raise InputError(
                f"its format is not {FACTS_FORMAT!r}",
                path=place,
                row=loaded.line_of("format"),
                hint=f"format: {FACTS_FORMAT}",
            )
        models = loaded.get("models")
        if not isinstance(models, list) or not all(isinstance(one, Lined) for one in models):
            raise InputError("'models' is not a list of models", path=place, row=loaded.line_of("models"))
        source, as_of = source or str(loaded.get("source", "")), as_of or str(loaded.get("as_of", ""))
        if not as_of:
            raise InputError(
                "it has no date: on which day its facts held is not said",
                path=place,
                row=loaded.line_of("as_of"),
                hint="Write as_of: 2026-05-02",
            )
        entries = ((one.line, {key: _plain_of(one, key, place) for key in one}) for one in models)
    named = {meaning: meaning for meaning in MEANINGS}
    for number, row in entries:
        model = row.get("model", "").strip()
        if not model:
            raise InputError("a row without a model", path=place, row=number)
        if model in facts:
            raise InputError(f"{model!r} stands twice", path=place, row=number, hint="Keep one row a model.")
        facts[model] = _facts(model, row, named, place, number)
    return FactsRecord(facts, source or place.name, as_of)


def read_rule(regions: Path | str | None = None, **words: Any) -> GroupRule:
    """The rule of grouping, with another record of regions where one is given (JSON or YAML)."""
    if regions is None:
        return GroupRule(**words)
    return GroupRule(**words, regions=read_mapping(Path(regions)))


def read_replies(path: Path | str) -> tuple[Reply, ...]:
    """Read what organisations were asked and answered: CSV with organisation, asked, answered, text.

    Raises:
        InputError: A column or a date is missing or wrong.
    """
    place = Path(path)
    header, rows = table_rows(place)
    for column in ("organisation", "asked"):
        if column not in header:
            raise InputError(f"there is no column {column!r}", path=place, hint=_have(header))
    found = []
    for number, row in rows:
        dates = {name: _date(row.get(name, ""), place, number) for name in ("asked", "answered")}
        if dates["asked"] is None:
            raise InputError("a reply without the date of asking", path=place, row=number)
        answered = dates["answered"].isoformat() if dates["answered"] else ""
        text = row.get("text", "").strip()
        if answered and not text:
            raise InputError("an answer without its text", path=place, row=number)
        found.append(Reply(row["organisation"].strip(), dates["asked"].isoformat(), answered, text))
    return tuple(found)


def read_mapping(path: Path) -> dict[str, Any]:
    """A JSON or YAML file that holds one mapping."""
    data = read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
        if path.suffix.lower() == ".json":
            loaded = json.loads(text)
        else:
            import yaml

            loaded = yaml.safe_load(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"it cannot be read: {str(error)[:200]}", path=path) from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "yaml":
            raise
        raise InputError(f"it cannot be read: {str(error)[:200]}", path=path) from None
    if not isinstance(loaded, dict):
        raise InputError("it does not hold a mapping", path=path)
    return loaded


def _plain_of(entry: Lined, key: str, path: Path) -> str:
    value = entry[key]
    if isinstance(value, bool):
        raise InputError(
            f"{key!r} is read as {value!r}, which is not a text",
            path=path,
            row=entry.line_of(key),
            hint="YAML reads no, yes, on and off as other things: quote it.",
        )
    return _plain(value)


def _plain(value: object) -> str:
    if value is None:
        return ""
    return ",".join(str(one) for one in value) if isinstance(value, list) else str(value)


def _have(header: Sequence[str]) -> str:
    return f"It has: {', '.join(header[:20])}{', …' if len(header) > 20 else ''}."


def _text(cell: str) -> str:
    return "" if cell.strip().lower() in MISSING else cell.strip()


def _date(cell: str, path: Path, row: int) -> date | None:
    text = _text(cell)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{text!r} is not a date", path=path, row=row, hint="Write dates as 2026-05-02."
        ) from None


def _split(cell: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for piece in _text(cell).split(",") if (part := _text(piece))))


def _facts(
    model: str, row: Mapping[str, str], named: Mapping[str, str], path: Path, number: int
) -> ModelFacts:
    return ModelFacts(
        model=model,
        developers=_split(row.get(named["developer"], "")),
        countries=_split(row.get(named["country"], "")),
        release_date=_date(row.get(named["release_date"], ""), path, number),
        weights=_text(row.get(named["weights"], "")) or "unknown",
        endpoint=_text(row.get(named["endpoint"], "")),
    )


def _learn(known: dict[str, ModelFacts], new: ModelFacts, path: Path, row: int | None) -> None:
    """Take up what a further row says of a model; a row may say less than another, but nothing else."""
    old = known.get(new.model)
    if old is None:
        known[new.model] = new
        return
    merged: dict[str, Any] = {}
    for key, nothing in (
        ("developers", ()),
        ("countries", ()),
        ("release_date", None),
        ("weights", "unknown"),
        ("endpoint", ""),
    ):
        before, now = getattr(old, key), getattr(new, key)
        if now != nothing and before not in (nothing, now):
            raise InputError(
                f"{new.model!r} has two entries for {key}: {_shown(before)} and {_shown(now)}",
                path=path,
                row=row,
                hint="Correct one, or give the record apart: --facts FILE",
            )
        merged[key] = before if now == nothing else now
    known[new.model] = ModelFacts(new.model, **merged)


def _shown(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _direct(known: dict[str, bool], method: str, cell: str, path: Path, row: int) -> None:
    text = _text(cell).lower()
    if not text:
        return
    if text not in _TRUTH:
        raise InputError(f"{cell!r} is neither true nor false", path=path, row=row)
    if known.setdefault(method, _TRUTH[text]) != _TRUTH[text]:
        raise InputError(f"{method!r} has two directions", path=path, row=row)
