"""Results of others: into the workspace's ledger, looked over by lint, and told whose they are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kakehashi.errors import UnknownNameError, UsageError
from kakehashi.work.seal import open_ledger
from kakehashi.work.workspace import Workspace

if TYPE_CHECKING:
    from kakehashi.ledger import (
        ColumnMap,
        Identity,
        ImportReport,
        ItemMap,
        Ledger,
        LintFinding,
        Record,
        Tally,
    )
    from kakehashi.model import Measurement


def import_results(
    paths: Path | str | Sequence[Path | str],
    *,
    workspace: Path | str | None = None,
    columns: "ColumnMap | ItemMap | Path | str | None" = None,
    source_format: str | None = None,
    fix: bool = False,
    texts: bool = True,
    dry_run: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> "list[ImportReport]":
    r"""Import others' logs and tables into the workspace's ledger, all or none.

    Args:
        paths: Files and folders: Inspect logs, HELM runs, lm-evaluation-harness and Every Eval Ever results,
            garak and promptfoo reports, tables.
        workspace: Folder of the ledger, which is made when it is needed.
        columns: For tables: a column map, its file, or the name of a shipped one such as ``"xstest"``.
        source_format: The format, where it is not to be found out from the files.
        fix: Whether to mend what lint is certain of; the original is kept beside it.
        texts: Whether prompts and answers are taken in too.
        dry_run: Whether only to look.
        progress: Told how much is done, how much there is to do, and what is read.

    Returns:
        One report for every source.

    Raises:
        InputError: A file is broken or not known; the ledger is as it was.

    Examples:
        >>> table = workspace / "board.csv"
        >>> _ = table.write_text("model,accuracy\nalpha,0.5\nbeta,-1\n")
        >>> columns = {"source": "board@1", "subject": "model", "higher_is_better": True, "minimum": 0, "maximum": 1}
        >>> from kakehashi.ledger import ColumnMap
        >>> (report,) = import_results(table, workspace=workspace, columns=ColumnMap.from_mapping(columns))
        >>> report.added, report.tally.kept, report.tally.quarantined
        (2, 1, 1)
    """
    from kakehashi.ledger import import_results as import_all
    from kakehashi.ledger import load_columns

    given = [paths] if isinstance(paths, str | Path) else list(paths)
    map_ = load_columns(columns) if isinstance(columns, str | Path) else columns
    settings: Mapping[str, Any] = {
        "columns": map_, "source_format": source_format, "fix": fix, "texts": texts, "progress": progress,
    }  # fmt: skip
    if dry_run:
        return import_all(None, given, **settings)
    place = Workspace.of(workspace).ledger
    if not place.exists():  # a broken file makes no workspace
        import_all(None, given, **{**settings, "progress": None})
    with open_ledger(place, write=True) as ledger:
        return import_all(ledger, given, **settings)


@dataclass(frozen=True, slots=True)
class LintedRow:
    """A row that lint has something to say of.

    Attributes:
        place: The file, or the record, that it stands in.
        part: Which part of it.
        finding: What was found.
        without_fix: What becomes of the row without ``--fix``.
        with_fix: What becomes of it with ``--fix``.
    """

    place: str
    part: str
    finding: "LintFinding"
    without_fix: str
    with_fix: str

    def as_json(self) -> dict[str, Any]:
        """The row as ``--json`` prints it."""
        return {
            "place": self.place,
            "part": self.part,
            **self.finding.as_json(),
            "without_fix": self.without_fix,
            "with_fix": self.with_fix,
        }


@dataclass(frozen=True, slots=True)
class LintReport:
    """What lint found, and what became of every number.

    Attributes:
        rows: Rows with findings, in order.
        tally: What would become of the numbers, with or without ``fix`` as asked; of results in the ledger,
            what became of them.
        repaired: Records that were superseded by mended ones.
    """

    rows: tuple[LintedRow, ...]
    tally: "Tally"
    repaired: tuple[tuple[str, str], ...] = ()


def lint_results(
    targets: Path | str | Sequence[Path | str],
    *,
    workspace: Path | str | None = None,
    columns: "ColumnMap | ItemMap | Path | str | None" = None,
    source_format: str | None = None,
    fix: bool = False,
) -> LintReport:
    """Look over files, or results in the ledger, row by row.

    Files are only looked at. Of results in the ledger, ``fix`` supersedes those in which something can be
    mended with certainty; the record as imported stays, and queries hide it.

    Args:
        targets: Paths, runs or ids of records; none for all results in the ledger.
        workspace: Folder of the ledger.
        columns: As for :func:`import_results`.
        source_format: As for :func:`import_results`.
        fix: Whether to mend results in the ledger; for files, only what would become of them is counted so.

    Raises:
        UnknownNameError: Neither a path nor a run or record.
    """
    given = [targets] if isinstance(targets, str | Path) else list(targets)
    paths = [Path(one) for one in given if Path(one).exists()]
    names = [str(one) for one in given if not Path(one).exists()]
    for name in names:
        if "/" in name or name.endswith((".csv", ".json", ".jsonl", ".eval", ".parquet")):
            raise UnknownNameError("file, run or record", name)
    rows, tally = _lint_paths(paths, columns, source_format, fix)
    if not paths or names:
        with open_ledger(Workspace.of(workspace).ledger, write=fix) as ledger:
            more, counted, repaired = _lint_ledger(ledger, names, fix)
        return LintReport((*rows, *more), tally + counted, repaired)
    return LintReport(rows, tally)


def _lint_paths(
    paths: list[Path], columns: Any, source_format: str | None, fix: bool
) -> "tuple[tuple[LintedRow, ...], Tally]":
    from kakehashi.ledger import Tally

    rows: list[LintedRow] = []
    tally = Tally()
    if not paths:
        return (), tally
    for report in import_results(paths, columns=columns, source_format=source_format, fix=fix, dry_run=True):
        tally += report.tally
        rows += [
            LintedRow(report.path, part, finding, *remedies)
            for (part, finding), remedies in zip(report.findings, report.remedies, strict=True)
        ]
    return tuple(rows), tally


def _lint_ledger(
    ledger: "Ledger", names: list[str], fix: bool
) -> "tuple[tuple[LintedRow, ...], Tally, tuple[tuple[str, str], ...]]":
    from kakehashi.ledger import Tally, as_imported, lint, remedy, repair_record, screen

    chosen = _chosen(ledger, names)
    stated = [(record, row, m) for record in chosen for row, m in enumerate(as_imported(record), 1)]
    # All together: two versions of a method, or contradicting rows, may stand in different records.
    findings = lint(
        [m for _, _, m in stated], places=[f"row {row} of {record.id[:16]}" for record, row, _ in stated]
    )
    rows = [
        LintedRow(
            stated[f.row][0].id[:16],
            str(stated[f.row][0].body.get("source", {}).get("part", "")),
            replace(f, row=stated[f.row][1]),
            remedy(f, stated[f.row][2], fix=False),
            remedy(f, stated[f.row][2], fix=True),
        )
        for f in findings
    ]
    tally, repaired = Tally(), []
    for record in chosen:
        screened = screen(as_imported(record), fix=fix)
        tally += Tally(
            rows=len(screened.kept) + len(screened.quarantined),
            kept=len(screened.kept) - len(screened.changed),
            repaired=screened.repaired,
            reduced=len(screened.changed) - screened.repaired,
            quarantined=len(screened.quarantined),
        )
        if fix and (made := repair_record(ledger, record)) is not None:
            repaired.append((record.id, made))
    return tuple(rows), tally, tuple(repaired)


def _chosen(ledger: "Ledger", names: list[str]) -> "list[Record]":
    visible = ledger.records(kind="result")
    if not names:
        return visible
    chosen: list[Record] = []
    for name in names:
        of_run = [record for record in visible if record.text("run") == name]
        if not of_run and len(name) >= 4:
            of_run = [record for record in visible if record.id.startswith(name.lower())]
        if not of_run:
            raise UnknownNameError("run or record", name, [r.text("run") for r in visible if r.text("run")])
        chosen += of_run
    return chosen


def identify_names(
    names: Iterable[str] = (),
    *,
    workspace: Path | str | None = None,
    accept: Mapping[str, str] | None = None,
    forget: Iterable[str] = (),
) -> "list[Identity]":
    """What names of models mean: exact id, then the alias table, then a suggestion; never a silent merge.

    Args:
        names: The names; none for all subjects of results in the ledger.
        workspace: Folder of the ledger and of the user's own aliases.
        accept: Name → model, as a person has decided; kept in the workspace.
        forget: Names whose decision is taken back.

    Raises:
        UsageError: A name means another model already.

    Examples:
        >>> [(one.model, one.how) for one in identify_names(["Mixtral-8x7B-Instruct-v0.1"], workspace=workspace)]
        [('mistralai/mixtral-8x7b-instruct-v0.1', 'alias')]
    """
    from kakehashi.ledger import AliasTable

    place = Workspace.of(workspace)
    table = AliasTable.load(place.aliases)
    changed = False
    for name in forget:
        table, changed = table.forget(name), True
    for name, model in (accept or {}).items():
        if not name.strip() or not model.strip():
            raise UsageError(f"{name!r} = {model!r} is no decision", hint="Write --accept NAME=MODEL.")
        table, changed = table.accept(name, model), True
    if changed:
        place.path.mkdir(parents=True, exist_ok=True)
        table.write(place.aliases)
    subjects: list[str] = []
    if place.ledger.exists():
        with open_ledger(place.ledger, write=False) as ledger:
            subjects = list(dict.fromkeys(r.text("subject") for r in ledger.records(kind="result")))
    asked = list(names) or ([*(accept or {})] if changed else subjects)
    return [table.identify(name) for name in asked]


def imported_sources(ledger: "Ledger") -> list[dict[str, Any]]:
    """The sources that results in the ledger came from, with how much of each."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for record in ledger.records(kind="result"):
        source = record.body.get("source")
        if not isinstance(source, Mapping):
            continue
        row = found.setdefault(
            (str(source.get("name")), str(source.get("importer"))),
            {
                "source": source.get("name"),
                "format": source.get("importer"),
                "subjects": set(),
                "methods": set(),
                "numbers": 0,
                "items": 0,
                "records": 0,
            },
        )
        items = record.body.get("items")
        row["subjects"].add(record.text("subject"))
        row["methods"].add(record.text("method"))
        row["numbers"] += len(record.body.get("measurements", ()))
        row["items"] += items["rows"] if isinstance(items, Mapping) else 0
        row["records"] += 1
    return [
        {**row, "subjects": len(row["subjects"]), "methods": sorted(row["methods"])} for row in found.values()
    ]


def records_of(ledger: "Ledger", run: str) -> list[dict[str, Any]]:
    """The records that hold a run's results, one a system and method: what retract and purge are told to take."""
    return [
        {
            "record": record.id[:16],
            "subject": record.text("subject"),
            "method": record.text("method"),
            "texts": _texts_state(ledger, record),
        }
        for record in ledger.records(kind="result", run=run)
    ]


def _texts_state(ledger: "Ledger", record: "Record") -> str:
    if not record.body.get("texts"):
        return "none"
    return "kept" if ledger.tombstone(record.id) is None else "purged"


def measurements_of(ledger: "Ledger", name: str) -> "list[Measurement]":
    """The numbers of a record, or of all results of a source, by the beginning of its id or the source's name.

    Raises:
        UnknownNameError: There is none.
    """
    visible = ledger.records(kind="result")
    chosen = [r for r in visible if str(r.body.get("source", {}).get("name", "")) == name]
    chosen = chosen or [r for r in visible if len(name) >= 4 and r.id.startswith(name.lower())]
    if not chosen:
        runs = [r.text("run") for r in ledger.records(kind="run")]
        sources = [str(r.body.get("source", {}).get("name", "")) for r in visible]
        raise UnknownNameError(
            "run, record or source", name, list(dict.fromkeys([*runs, *filter(None, sources)]))
        )
    return [m for record in chosen for m in record.measurements()]
