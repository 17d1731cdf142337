"""Reading what the comparisons of selections, groups and gaps stand on: scores, facts, rules, replies."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from kakehashi.compare.facts import FactsRecord, ModelFacts, ReportedScore
from kakehashi.compare.grouping import GroupRule
from kakehashi.compare.statement import Reply
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError
from kakehashi.ledger.importers.column_map import MISSING
from kakehashi.model import Polarity
from kakehashi.work.view import RunView

FACTS_FORMAT = "kakehashi.facts/1"
#: What a column may mean, in the order of the help.
MEANINGS = (
    *("model", "method", "value", "std_error", "publisher", "higher_is_better"),
    *("developer", "country", "release_date", "weights", "endpoint"),
)
_FACTS = ("developer", "country", "release_date", "weights", "endpoint")
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class ReportedTable:
    """A table of reported scores with what it says of its models.

    Attributes:
        scores: The scores, rows without a number left out.
        facts: Model → what the table's own columns say of it; empty where it has none of them.
        directions: Method → whether higher is better, where the table says so.
        nameless: Lines of rows left out because they name no model.
    """

    scores: tuple[ReportedScore, ...]
    facts: Mapping[str, ModelFacts]
    directions: Mapping[str, bool]
    nameless: tuple[int, ...] = ()


def read_scores(
    path: Path | str, *, columns: Mapping[str, str] | None = None, methods: Sequence[str] = ()
) -> ReportedTable:
    """Read a table of scores: long (a row a score) or, where it has no column of methods, wide.

    Args:
        path: A CSV file in UTF-8.
        columns: Meaning (see :data:`MEANINGS`) → column, where it is called otherwise.
        methods: Wide tables: the columns to read as methods.

    Raises:
        InputError: The file cannot be read, a column is missing, or a cell cannot be used; with its row.
        UnknownNameError: A meaning that there is not.
    """
    place = Path(path)
    named = {meaning: meaning for meaning in MEANINGS}
    for meaning, column in (columns or {}).items():
        if meaning not in named:
            raise UnknownNameError("meaning of a column", meaning, MEANINGS)
        named[meaning] = column
    header, rows = _rows(place)
    for meaning, column in (columns or {}).items():
        if column not in header:
            raise InputError(f"there is no column {column!r} (for {meaning})", path=place, hint=_have(header))
    if named["model"] not in header:
        raise InputError(
            f"there is no column {named['model']!r}",
            path=place,
            hint=f"Say which column names the model: --column model=NAME. {_have(header)}",
        )
    wide = named["method"] not in header
    if wide and not methods:
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
    for method in methods if wide else ():
        if method not in header:
            raise UnknownNameError("method", method, header)
    scores: list[ReportedScore] = []
    facts: dict[str, ModelFacts] = {}
    directions: dict[str, bool] = {}
    nameless: list[int] = []
    for number, row in rows:
        model = _text(row[named["model"]])
        if not model:
            nameless.append(number)
            continue
        _learn(facts, _facts(model, row, named, place, number), place, number)
        for method, column in (
            [(name, name) for name in methods] if wide else [(row[named["method"]].strip(), named["value"])]
        ):
            if not method:
                raise InputError("a row without a method", path=place, row=number)
            value = _number(row[column], place, number)
            if math.isnan(value):
                continue
            error = math.nan if wide else _number(row.get(named["std_error"], ""), place, number)
            publisher = _text(row.get(named["publisher"], ""))
            scores.append(ReportedScore(model, method, value, publisher, error, number))
            _direct(directions, method, row.get(named["higher_is_better"], ""), place, number)
    if not scores:
        raise InputError("there is no score in this table", path=place, hint=_have(header))
    known = any(named[meaning] in header for meaning in _FACTS)
    return ReportedTable(tuple(scores), facts if known else {}, directions, tuple(nameless))


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
    return ReportedTable(tuple(scores), facts if known else {}, directions)


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
        InputError: The file cannot be used, with its row.
    """
    place = Path(path)
    facts: dict[str, ModelFacts] = {}
    if place.suffix.lower() == ".csv":
        header, rows = _rows(place)
        if "model" not in header:
            raise InputError("there is no column 'model'", path=place, hint=_have(header))
        entries: Iterator[tuple[int, Mapping[str, str]]] = rows
    else:
        loaded = read_mapping(place)
        if loaded.get("format") != FACTS_FORMAT:
            raise InputError(
                f"its format is not {FACTS_FORMAT!r}", path=place, hint=f"format: {FACTS_FORMAT}"
            )
        models = loaded.get("models")
        if not isinstance(models, list) or not all(isinstance(one, Mapping) for one in models):
            raise InputError("'models' is not a list of models", path=place)
        source, as_of = source or str(loaded.get("source", "")), as_of or str(loaded.get("as_of", ""))
        entries = ((i, {k: _plain(v) for k, v in one.items()}) for i, one in enumerate(models, start=1))
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
    header, rows = _rows(place)
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
    text = _decoded(path)
    try:
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


def _plain(value: object) -> str:
    if value is None:
        return ""
    return ",".join(str(one) for one in value) if isinstance(value, list) else str(value)


def _decoded(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"it is not UTF-8 (byte {error.start})", path=path, hint="Save the file in UTF-8."
        ) from None
    except OSError as error:
        raise InputError(error.strerror or "it cannot be read", path=path) from None


def _rows(path: Path) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """The names of the columns, and the rows with their line numbers."""
    text = _decoded(path)
    if not text.strip():
        raise InputError("the file is empty", path=path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)

    def checked() -> Iterator[tuple[int, list[str]]]:
        try:
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            raise InputError(
                f"the table breaks off or is malformed: {error}", path=path, row=reader.line_num
            ) from None

    lines = checked()
    _, header = next(lines)
    header = [name.strip() for name in header]
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise InputError(f"the column {twice[0]!r} stands twice", path=path, row=1)

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        for number, row in lines:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise InputError(
                    f"{len(row)} cells under {len(header)} columns",
                    path=path,
                    row=number,
                    hint="The file may be cut off, or a comma stands in a cell without quotes.",
                )
            yield number, dict(zip(header, row, strict=True))

    return header, rows()


def _have(header: Sequence[str]) -> str:
    return f"It has: {', '.join(header[:20])}{', …' if len(header) > 20 else ''}."


def _text(cell: str) -> str:
    return "" if cell.strip().lower() in MISSING else cell.strip()


def _number(cell: str, path: Path, row: int) -> float:
    text = _text(cell)
    if not text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        raise InputError(
            f"{text!r} is not a number", path=path, row=row, hint="Leave a missing value empty."
        ) from None
    if math.isinf(value):
        raise InputError(f"{text!r} is infinite", path=path, row=row, hint="Leave a missing value empty.")
    return value


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


def _learn(known: dict[str, ModelFacts], new: ModelFacts, path: Path, row: int) -> None:
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
