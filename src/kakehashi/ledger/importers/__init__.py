"""Importers: what others' tools wrote, into the ledger."""

from collections.abc import Iterator
from pathlib import Path

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.ledger.importers import (
    eee,
    garak_report,
    helm_run,
    inspect_log,
    lm_eval,
    promptfoo_results,
)
from kakehashi.ledger.importers.column_map import ColumnMap
from kakehashi.ledger.importers.csv_table import import_csv
from kakehashi.ledger.importers.draft import Draft, Importer, ImportReport, ingest
from kakehashi.ledger.store import Ledger

IMPORTERS: dict[str, Importer] = {
    importer.name: importer
    for importer in (
        helm_run.IMPORTER,
        inspect_log.IMPORTER,
        lm_eval.IMPORTER,
        eee.IMPORTER,
        garak_report.IMPORTER,
        promptfoo_results.IMPORTER,
    )
}
"""The readers, by name of the format, in the order in which they are asked."""


def import_path(
    ledger: Ledger,
    path: Path | str,
    *,
    source_format: str | None = None,
    fix: bool = False,
    texts: bool = True,
) -> list[ImportReport]:
    """Import a file, a run folder, or everything below a folder.

    Each source is taken in whole or not at all; the same source again by the same importer is a no-op.

    Args:
        ledger: The ledger, open for writing.
        path: A file or folder.
        source_format: A key of :data:`IMPORTERS`; None asks each importer whether it knows the file.
        fix: Whether to mend what lint is certain of; the original is kept beside it.
        texts: Whether prompts and answers are taken in too, into the blob folder.

    Returns:
        One report for every source read.

    Raises:
        InputError: No importer knows the path, or a file is broken. Sources before it are in the ledger
            already.
    """
    path = Path(path)
    if source_format is not None and source_format not in IMPORTERS:
        raise UnknownNameError("format", source_format, list(IMPORTERS))
    if not path.exists():
        raise InputError("there is no such file", path=path)
    chosen = [IMPORTERS[source_format]] if source_format else list(IMPORTERS.values())
    found = list(_sources(path, chosen))
    if not found and source_format and path.is_file():
        found = [(path, chosen[0])]
    if not found:
        raise InputError(
            "no importer knows this",
            path=path,
            hint=f"Formats: {', '.join(IMPORTERS)}; name one with --format.",
        )
    return [import_source(ledger, source, importer, fix=fix, texts=texts) for source, importer in found]


def import_source(
    ledger: Ledger, path: Path, importer: Importer, *, fix: bool = False, texts: bool = True
) -> ImportReport:
    """Import one source with one importer."""
    if importer is eee.IMPORTER:
        before = ledger.root().size
        restored = eee.restore(ledger, path)
        if restored is not None:
            return ImportReport(str(path), "eee", (restored,), ledger.root().size - before, ())
    return ingest(ledger, path, importer, importer.read(path), fix=fix, texts=texts)


def _sources(path: Path, importers: list[Importer]) -> Iterator[tuple[Path, Importer]]:
    known = next((importer for importer in importers if importer.recognizes(path)), None)
    if known is not None:
        yield path, known
    elif path.is_dir():
        for inner in sorted(path.iterdir()):
            if inner.is_dir() or inner.is_file():
                yield from _sources(inner, importers)


__all__ = [
    "IMPORTERS",
    "ColumnMap",
    "Draft",
    "ImportReport",
    "Importer",
    "import_csv",
    "import_path",
    "import_source",
    "ingest",
]
