"""Which reader knows which path."""

from collections.abc import Iterator
from pathlib import Path

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.ledger.importers import (
    eee,
    garak_report,
    helm_run,
    inspect_log,
    jailbreakbench,
    lm_eval,
    promptfoo_results,
)
from kakehashi.ledger.importers.draft import Importer, ImportReport, ingest
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
        jailbreakbench.IMPORTER,
    )
}
"""The readers, by name of the format, in the order in which they are asked."""


def import_path(
    ledger: Ledger | None,
    path: Path | str,
    *,
    source_format: str | None = None,
    fix: bool = False,
    texts: bool = True,
) -> list[ImportReport]:
    """Import a file, a run folder, or everything below a folder.

    Each source is taken in whole or not at all; the same source again by the same importer is a no-op. For
    several sources that stand or fall together use :func:`~kakehashi.ledger.import_results`.

    Args:
        ledger: The ledger, open for writing; None only looks.
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
    found = list(find_sources(Path(path), source_format))
    return [import_source(ledger, source, importer, fix=fix, texts=texts) for source, importer in found]


def find_sources(path: Path, source_format: str | None = None) -> Iterator[tuple[Path, Importer]]:
    """The sources at or below a path, each with its reader.

    Raises:
        InputError: There is no such path, or nothing that an importer knows.
        UnknownNameError: There is no such format.
    """
    if source_format is not None and source_format not in IMPORTERS:
        raise UnknownNameError("format", source_format, list(IMPORTERS))
    if not path.exists():
        raise InputError("there is no such file", path=path)
    chosen = [IMPORTERS[source_format]] if source_format else list(IMPORTERS.values())
    found = list(_walk(path, chosen))
    if not found and source_format and path.is_file():
        found = [(path, chosen[0])]
    if not found:
        raise InputError(
            "no importer knows this", path=path, hint=f"Formats: {', '.join(IMPORTERS)}; name one with --as."
        )
    yield from found


def import_source(
    ledger: Ledger | None, path: Path, importer: Importer, *, fix: bool = False, texts: bool = True
) -> ImportReport:
    """Import one source with one importer."""
    if importer is eee.IMPORTER and ledger is not None:
        before = ledger.root().size
        restored = eee.restore(ledger, path)
        if restored is not None:
            return ImportReport(str(path), "eee", (restored,), ledger.root().size - before, ())
    return ingest(ledger, path, importer, importer.read(path), fix=fix, texts=texts)


def _walk(path: Path, importers: list[Importer]) -> Iterator[tuple[Path, Importer]]:
    known = next((importer for importer in importers if importer.recognizes(path)), None)
    if known is not None:
        yield path, known
    elif path.is_dir():
        for inner in sorted(path.iterdir()):
            if inner.is_dir() or inner.is_file():
                yield from _walk(inner, importers)
