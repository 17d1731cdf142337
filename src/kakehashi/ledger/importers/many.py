"""Import of several paths at once: foreign logs, run folders and tables; all are read before one is written."""

from collections.abc import Callable, Sequence
from pathlib import Path

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.ledger.importers.column_map import ColumnMap, ItemMap, shipped_maps
from kakehashi.ledger.importers.csv_table import import_csv
from kakehashi.ledger.importers.draft import Importer, ImportReport
from kakehashi.ledger.importers.item_table import import_items
from kakehashi.ledger.importers.sources import IMPORTERS, find_sources, import_source
from kakehashi.ledger.store import Ledger

TABLES = frozenset({".csv", ".tsv", ".parquet"})

Progress = Callable[[int, int, str], None]
"""Called with how much is done, how much there is to do, and what is being read."""


def import_results(
    ledger: Ledger | None,
    paths: Sequence[Path | str],
    *,
    columns: ColumnMap | ItemMap | None = None,
    source_format: str | None = None,
    fix: bool = False,
    texts: bool = True,
    progress: Progress | None = None,
) -> list[ImportReport]:
    """Import files, run folders, tables, or everything below a folder.

    Where there are several sources, all are read and checked before the first is written: a broken one leaves
    the ledger as it was.

    Args:
        ledger: The ledger, open for writing; None only looks (a dry run).
        paths: Files and folders.
        columns: What the columns of tables mean.
        source_format: A key of :data:`IMPORTERS`; None asks each importer whether it knows the file.
        fix: Whether to mend what lint is certain of; the original is kept beside it.
        texts: Whether prompts and answers are taken in too, into the blob folder.
        progress: Told how far it is.

    Returns:
        One report for every source read.

    Raises:
        InputError: No importer knows a path, or a file is broken. The ledger is as it was.
    """
    found = [source for path in paths for source in _find(Path(path), columns, source_format)]
    passes = [None, ledger] if ledger is not None and len(found) > 1 else [ledger]
    total = len(found) * len(passes)
    reports: list[ImportReport] = []
    for number, target in enumerate(passes):
        reports = []
        for place, (path, importer) in enumerate(found):
            done = number * len(found) + place
            if progress is not None:
                progress(done, total, path.name)
            reports.append(
                _import(target, path, importer, columns, fix, texts, progress if total == 1 else None)
            )
    if progress is not None:
        progress(total, total, "")
    return reports


def _import(
    ledger: Ledger | None,
    path: Path,
    importer: Importer | None,
    columns: ColumnMap | ItemMap | None,
    fix: bool,
    texts: bool,
    progress: Progress | None,
) -> ImportReport:
    if importer is not None:
        return import_source(ledger, path, importer, fix=fix, texts=texts)
    if isinstance(columns, ItemMap):
        inner = None if progress is None else lambda done, total: progress(done, total, path.name)
        return import_items(ledger, path, columns, progress=inner)
    assert columns is not None
    return import_csv(ledger, path, columns, fix=fix)


def _find(
    path: Path, columns: ColumnMap | ItemMap | None, source_format: str | None
) -> list[tuple[Path, Importer | None]]:
    if not path.exists():
        raise InputError("there is no such file", path=path, hint="Check the path.")
    if source_format is not None and source_format not in IMPORTERS:
        raise UnknownNameError("format", source_format, list(IMPORTERS))
    if columns is not None and source_format is None:
        if path.is_dir():
            tables = sorted(inner for inner in path.iterdir() if inner.suffix.lower() in TABLES)
            if not tables:
                raise InputError("there is no table in this folder", path=path)
            return [(table, None) for table in tables]
        return [(path, None)]
    if source_format is None and path.is_file() and path.suffix.lower() in TABLES:
        raise InputError("what its columns mean is not stated", path=path, hint=_hint(path))
    return list(find_sources(path, source_format))


def _hint(path: Path) -> str:
    maps = shipped_maps()
    fitting = [name for name, about in maps.items() if about.get("file") == path.name]
    if fitting:
        return f"Its name is that of a known table: add --columns {fitting[0]}."
    return f"Add --columns MAP.yaml, --wide SUBJECT, or a shipped map: --columns {', '.join(maps)}."
