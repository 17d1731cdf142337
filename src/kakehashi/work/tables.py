"""A table of systems by measures for ``compare``: from files of others, from runs, from a query, or shipped."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kakehashi.compare import ScoreTable, capability_score, published_robustness, published_robustness_source
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError, UsageError
from kakehashi.work.reconcile import score_table as run_table
from kakehashi.work.results import import_results
from kakehashi.work.seal import open_ledger
from kakehashi.work.view import RunView, load_run, merged
from kakehashi.work.workspace import Workspace

if TYPE_CHECKING:
    from kakehashi.compare import FactsRecord
    from kakehashi.ledger import AliasTable, ColumnMap, ItemMap
    from kakehashi.work.reported import ReportedTable

_TABLES = frozenset({".csv", ".tsv", ".txt"})
_NEEDED = ("subject", "measure", "value", "higher_is_better")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of scores and what has to be said of it.

    Attributes:
        table: Systems by measures.
        citation: Where the figures come from.
        licence: Licence of the source, where stated.
        data_date: Date of the figures, ISO 8601, ``""`` where unknown.
        population: What the systems are, by language; empty where nobody has said.
        selection: Title of the set of measures, by language; empty where all are taken.
        view: The run behind it, where it is one.
        notes: What was left out, and what the reader must know.
    """

    table: ScoreTable
    citation: str
    licence: str = ""
    data_date: str = ""
    population: Mapping[str, str] = field(default_factory=dict)
    selection: Mapping[str, str] = field(default_factory=dict)
    view: RunView | None = None
    notes: tuple[str, ...] = ()


_QUARANTINE = "numbers in quarantine; `kakehashi results lint` with the same options says which and why"


def read_sheet(
    targets: Sequence[str | Path] = (),
    *,
    published: bool = False,
    query: str = "",
    columns: "ColumnMap | ItemMap | Path | str | None" = None,
    selection: str = "",
    methods: Sequence[str] = (),
    construct: str = "",
    workspace: Path | str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Sheet:
    """A table from exactly one kind of source.

    Args:
        targets: Files and folders as for ``results import`` (nothing is written to the ledger), or runs of the ledger.
        published: The table of 26 models by 8 robustness methods that comes with the package.
        query: One SELECT over the ledger that gives ``subject``, ``measure``, ``value``, ``higher_is_better``
            and, where wanted, ``std_error`` and ``construct``.
        columns: For tables in files: a column map, its file, or a shipped map's name; found by the file's name where
            a shipped map is for it.
        selection: A set of measures that the column map names; the first of them where there is one and no
            other choice is made, ``"all"`` for every measure.
        methods: Only measures whose names fit one of these patterns (``"HarmBench-*"``).
        construct: Only measures of this construct.
        workspace: Folder of the ledger, and of the alias table by which names in files are joined.
        progress: As for :func:`~kakehashi.work.results.import_results`.

    Raises:
        UsageError: No source, or several kinds.
        UnknownNameError: No such run, file, selection, construct or method.
        NotEstimableError: Fewer than two systems or two measures are left.
    """
    if sum(map(bool, (published, query, targets))) != 1:
        raise UsageError(
            "name one or more runs or files, or --query, or --published"
            if not (published or query or targets)
            else "give runs or files, or --query, or --published, and not several of them",
            hint="Runs are listed by: kakehashi results list",
        )
    rooms = Workspace.of(workspace)
    if published:
        sheet = _published()
    elif query:
        sheet = _queried(query, rooms)
    elif _are_files(targets):
        sheet = _from_files(targets, columns, selection, bool(methods or construct), progress, rooms)
    else:
        sheet = _from_runs([str(one) for one in targets], rooms)
    return _narrowed(sheet, methods, construct)


def read_reported(
    target: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    methods: Sequence[str] = (),
    facts: "FactsRecord | None" = None,
    workspace: Path | str | None = None,
) -> "ReportedTable":
    """The scores of one file or run with publishers and facts of the models, for selections, groups and gaps.

    Args:
        target: A table (CSV), any other file that ``results import`` reads, or a run of the ledger.
        columns: Tables: meaning → column, as for :func:`~kakehashi.work.reported.read_scores`.
        methods: Wide tables: the columns to read as methods.
        facts: A record of facts, in place of what the source itself says of its models.
        workspace: Folder of the ledger and of the alias table by which names are joined.

    Raises:
        InputError: There is no such file, or it cannot be read.
        UsageError: Columns are named for what has none.
        UnknownNameError: No such run.
    """
    from kakehashi.work.reported import joined, read_scores, scores_of_run, scores_of_sheet

    rooms = Workspace.of(workspace)
    path = Path(target)
    if path.is_file() and (columns or path.suffix.lower() in _TABLES):
        found = read_scores(path, columns=columns, methods=methods)
    elif path.exists():
        found = scores_of_sheet(_from_files([path], None, "", True, None, rooms))
    elif path.suffix or len(path.parts) > 1:
        raise InputError("there is no such file", path=path)
    elif columns:
        raise UsageError("a run has no columns to name", hint="Leave out --column.")
    else:
        found = scores_of_run(load_run(rooms.ledger, str(target)))
    if facts is not None:
        found = replace(found, facts=facts.models)
    return joined(found, _aliases(rooms))


def ability(table: ScoreTable, measures: ScoreTable) -> NDArray[np.float64]:
    """General ability of each model of a table, from measures of it; NaN for models that lack one of them.

    Args:
        table: Whose models.
        measures: Models by measures of general ability.

    Raises:
        NotEstimableError: Too few models have all measures.
    """
    whole = [
        model
        for model, row in zip(measures.models, measures.values, strict=True)
        if model in table.models and not np.isnan(row).any()
    ]
    out = np.full(len(table.models), np.nan)
    if len(whole) < 3:
        raise NotEstimableError(
            f"{len(whole)} systems have all {len(measures.methods)} measures of ability",
            diagnostic="too-small",
            hint="Name fewer measures of ability, or such as more systems have.",
        )
    out[[table.models.index(model) for model in whole]] = capability_score(measures.select(models=whole))
    return out


def _aliases(rooms: Workspace) -> "AliasTable":
    from kakehashi.ledger import AliasTable

    return AliasTable.load(rooms.aliases)


def _are_files(targets: Sequence[str | Path]) -> bool:
    exist = [Path(one).exists() for one in targets]
    if any(exist) and not all(exist):
        missing = next(str(one) for one, there in zip(targets, exist, strict=True) if not there)
        raise UnknownNameError("file", missing, hint="Give either files or runs.")
    for one in map(str, targets):
        if not Path(one).exists() and ("/" in one or Path(one).suffix):
            raise UnknownNameError("file", one, hint="Look whether the path is right.")
    return all(exist)


def _published() -> Sheet:
    about = published_robustness_source()
    return Sheet(
        published_robustness(),
        citation=f"{about['citation']}; {about['repository']} at {about['commit']}",
        licence=about["licence"],
        data_date=about["data_date"],
        population={"en": "open-weight models of 2023 and 2024", "ja": "2023年及び2024年の重み公開モデル"},
        selection={"en": "robustness", "ja": "頑健性"},
    )


def _from_runs(runs: Sequence[str], rooms: Workspace) -> Sheet:
    view = merged([load_run(rooms.ledger, run) for run in runs])
    table = run_table(view)
    if table is None:
        raise NotEstimableError(
            "there are not two systems and two measures to compare",
            diagnostic="too-small",
            hint="Assess another system, or name another run beside this one.",
        )
    return Sheet(table, citation=table.source, data_date=view.created[:10], view=view, notes=table.left_out)


def _from_files(
    targets: Sequence[str | Path],
    columns: Any,
    selection: str,
    chosen: bool,
    progress: Any,
    rooms: Workspace,
) -> Sheet:
    from kakehashi.ledger import ColumnMap, load_columns
    from kakehashi.ledger.adapters import score_table
    from kakehashi.ledger.importers.column_map import map_for

    map_ = load_columns(columns) if isinstance(columns, str | Path) else columns
    if map_ is None and len(targets) == 1:
        map_ = map_for(Path(targets[0]).name)
    picked = _selection(map_, selection, chosen)
    # The way of every import: lint looks the rows over, and quarantine keeps what it refuses. The ledger is a
    # scratch one, so that comparing a file leaves nothing behind.
    with tempfile.TemporaryDirectory(prefix="kakehashi-compare-") as scratch:
        reports = import_results(
            [Path(one) for one in targets], workspace=scratch, columns=map_, texts=False, progress=progress
        )
        with open_ledger(Workspace(Path(scratch)).ledger, write=False) as ledger:
            records = ledger.records(kind="result")
            known = {m.measure.id for r in records for m in r.measurements() if not m.facets}
            wanted = None
            if picked is not None:
                wanted = {one for one in known if one.rpartition(":")[2] in set(picked["measures"])}
                if len(wanted) < len(picked["measures"]):
                    absent = sorted(set(picked["measures"]) - {one.rpartition(":")[2] for one in wanted})
                    raise UnknownNameError("measure", absent[0], sorted(known))
            aliases = _aliases(rooms)
            names = aliases.joined(dict.fromkeys(record.text("subject") for record in records))
            table = score_table(ledger, measures=wanted, aliases=aliases)
            shown = {aliases.resolve(name): stands for name, stands in names.items()}
            table = replace(table, models=tuple(shown[model] for model in table.models))
    quarantined = sum(report.tally.quarantined for report in reports)
    notes = [*table.left_out, *([f"{quarantined} {_QUARANTINE}"] if quarantined else [])]
    about = map_ if isinstance(map_, ColumnMap) else None
    source = ", ".join(Path(one).name for one in targets)
    return Sheet(
        _short_names(replace(table, source=about.citation if about and about.citation else source)),
        citation=about.citation or about.source if about else source,
        licence=about.licence if about else "",
        data_date=about.created[:10] if about else "",
        population=about.population if about else {},
        selection={key: picked[key] for key in ("en", "ja") if key in picked} if picked else {},
        notes=tuple(notes),
    )


def _selection(map_: Any, name: str, chosen: bool) -> Mapping[str, Any] | None:
    known: Mapping[str, Mapping[str, Any]] = getattr(map_, "selections", {})
    if name and name != "all" and name not in known:
        raise UnknownNameError("selection of measures", name, [*known, "all"])
    if name == "all" or (chosen and not name) or not known:
        return None
    return known[name] if name else next(iter(known.values()))


def _short_names(table: ScoreTable) -> ScoreTable:
    """Measures by their own names, where these tell them apart without the publisher."""
    short = tuple(name.rpartition(":")[2] for name in table.methods)
    return table if len(set(short)) < len(short) else replace(table, methods=short)


def _queried(sql: str, rooms: Workspace) -> Sheet:
    with open_ledger(rooms.ledger, write=False) as ledger:
        found = ledger.query(sql)
        source = f"{ledger.about.origin} {ledger.root()}"
    absent = [name for name in _NEEDED if name not in found]
    if absent:
        raise UsageError(
            f"the query gives no column {absent[0]!r}",
            hint="SELECT subject, measure, value, polarity = 'higher-is-better' AS higher_is_better, construct, "
            "std_error FROM measurements WHERE …",
        )
    subjects = list(dict.fromkeys(map(str, found["subject"])))
    measures = list(dict.fromkeys(map(str, found["measure"])))
    values, errors = (np.full((len(subjects), len(measures)), np.nan) for _ in range(2))
    directions: dict[str, bool] = {}
    constructs: dict[str, str] = {}
    for place, (subject, measure) in enumerate(zip(found["subject"], found["measure"], strict=True)):
        i, j = subjects.index(str(subject)), measures.index(str(measure))
        value = found["value"][place]
        if value is None or value != value:
            continue
        if not np.isnan(values[i, j]) and values[i, j] != float(value):
            raise UsageError(
                f"the query gives {subject!r} two values of {measure!r}",
                hint="Choose one run, one language and no category in its WHERE.",
            )
        values[i, j] = float(value)
        if "std_error" in found and found["std_error"][place] is not None:
            errors[i, j] = float(found["std_error"][place])
        directions[str(measure)] = bool(found["higher_is_better"][place])
        constructs[str(measure)] = str(found["construct"][place]) if "construct" in found else "own"
    kept = [m for m in measures if m in directions]
    if not kept:
        raise NotEstimableError("the query gives no value", diagnostic="no-values", hint="Look at its WHERE.")
    rows = ~np.isnan(values).all(axis=1)
    block = np.ix_(rows, [measures.index(m) for m in kept])
    table = ScoreTable(
        tuple(s for s, row in zip(subjects, rows, strict=True) if row),
        tuple(kept),
        values[block],
        tuple(directions[m] for m in kept),
        std_error=None if np.isnan(errors[block]).all() else errors[block],
        constructs=tuple(constructs[m] for m in kept),
        source=source,
    )
    return Sheet(table, citation=source)


def _narrowed(sheet: Sheet, methods: Sequence[str], construct: str) -> Sheet:
    table = sheet.table
    kept = list(table.methods)
    if methods:
        for pattern in methods:
            if not any(fnmatchcase(name, pattern) for name in table.methods):
                raise UnknownNameError("method", pattern, table.methods)
        kept = [name for name in kept if any(fnmatchcase(name, pattern) for pattern in methods)]
    if construct:
        of = dict(zip(table.methods, table.constructs or (), strict=False))
        if construct not in of.values():
            raise UnknownNameError("construct", construct, sorted(set(of.values())))
        kept = [name for name in kept if of.get(name) == construct]
    if len(kept) < len(table.methods):
        part = table.values[:, [table.methods.index(name) for name in kept]]
        models = [table.models[i] for i in np.flatnonzero(~np.isnan(part).all(axis=1))]
        sheet = replace(sheet, table=table.select(methods=kept, models=models), selection={})
    if min(sheet.table.shape) < 2:
        systems, measures = sheet.table.shape
        why = f" (left out: {'; '.join(sheet.notes[:3])})" if sheet.notes else ""
        raise NotEstimableError(
            f"too few are left to compare: systems {systems}, measures {measures}{why}",
            diagnostic="too-small",
            hint="Two of each are needed.",
        )
    return sheet
