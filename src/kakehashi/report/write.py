"""A report's files on disk."""

import errno
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from kakehashi.commitments import Catalog, CommitmentTable, convergence, table_plain
from kakehashi.errors import DiskFullError, StorageError
from kakehashi.report.brief import Brief
from kakehashi.report.formats import STANDARD_FORMATS, render_files
from kakehashi.report.html import render_brief
from kakehashi.report.pages import assessment_document
from kakehashi.report.pages.crosswalk import crosswalk_document
from kakehashi.report.pages.periodic import periodic_document
from kakehashi.report.periodic.values import Periodic
from kakehashi.report.plain import as_lines
from kakehashi.report.values import Assessment
from kakehashi.report.voice import LANGUAGES


def write_report(
    assessment: Assessment,
    folder: Path | str,
    languages: Sequence[str] = LANGUAGES,
    *,
    charts: bool | None = None,
    formats: Sequence[str] = STANDARD_FORMATS,
) -> dict[str, Path]:
    """Write the report in the formats asked for; all hold the same values, and none is left half-written.

    Args:
        assessment: The values.
        folder: Where the files go; made where it does not exist.
        languages: Languages of the HTML file, and of the other files one each.
        charts: See :func:`~kakehashi.report.html.render_html`.
        formats: ``"html"`` and ``"json"`` by default; see :data:`~kakehashi.report.formats.FORMATS`.

    Returns:
        Name of the file → its path.

    Raises:
        StorageError: The folder cannot be written to.
        UnknownNameError: There is no such format.
        MissingExtraError: A format needs an extra that is not installed.
    """
    files = render_files(
        assessment_document(assessment),
        name="report",
        run=assessment.run.id,
        made=assessment.run.created,
        body=assessment.to_json(),
        languages=languages,
        formats=formats,
        charts=charts,
    )
    return write_texts(files, Path(folder))


def write_periodic(
    report: Periodic,
    folder: Path | str,
    languages: Sequence[str] = LANGUAGES,
    *,
    charts: bool | None = None,
    formats: Sequence[str] = STANDARD_FORMATS,
) -> dict[str, Path]:
    """Write the report of a period under its kind's name; arguments, result and errors as for :func:`write_report`."""
    files = render_files(
        periodic_document(report),
        name=report.period.kind,
        run="",
        made=report.period.as_of,
        body=report.to_json(),
        languages=languages,
        formats=formats,
        charts=charts,
    )
    return write_texts(files, Path(folder))


def write_brief(
    brief: Brief, folder: Path | str, languages: Sequence[str] = LANGUAGES, *, charts: bool | None = None
) -> dict[str, Path]:
    """Write ``brief.html`` and ``brief.json``; arguments, result and errors as for :func:`write_report`."""
    texts = {
        "brief.html": render_brief(brief, languages=languages, charts=charts),
        "brief.json": brief.to_json(),
    }
    return write_texts(texts, Path(folder))


def write_crosswalk(
    catalog: Catalog,
    table: CommitmentTable,
    folder: Path,
    languages: Sequence[str] = LANGUAGES,
    *,
    formats: Sequence[str] = STANDARD_FORMATS,
) -> dict[str, Path]:
    """Write a clause-by-clause table as ``crosswalk``; formats, result and errors as for :func:`write_report`."""
    dates = [one.reading.date for one in table.instruments] + [w.date for w in catalog.crosswalks.values()]
    files = render_files(
        crosswalk_document(catalog, table),
        name="crosswalk",
        run="",
        made=max(dates, default=""),
        body=as_lines(table_plain(table, convergence(catalog, table))),
        languages=languages,
        formats=formats,
    )
    return write_texts(files, folder)


def write_texts(texts: Mapping[str, str | bytes], folder: Path) -> dict[str, Path]:
    """Write files, each whole or not at all.

    Raises:
        DiskFullError: No space is left.
        StorageError: The folder cannot be written to.
    """
    written = {}
    part = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            path = folder / name
            part = path.with_name(f"{name}.part")
            part.write_bytes(text if isinstance(text, bytes) else text.encode())
            part.replace(path)
            written[name] = path
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise DiskFullError(
                "no space left for the report",
                path=folder,
                hint="Free some space or choose another folder with --out, and run the same command again.",
            ) from None
        raise StorageError(
            f"the report cannot be written: {error.strerror}",
            path=folder,
            hint="Choose another folder with --out.",
        ) from None
    return written
