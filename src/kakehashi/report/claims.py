"""The check of quoted figures in every form: lines for a terminal, HTML, CSV and JSON of one shape."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kakehashi.index.claims.check import CheckedFigure, ClaimCheck
from kakehashi.index.claims.records import ClaimBook, ClaimRecord
from kakehashi.report.document import Code, Document, Say
from kakehashi.report.formats import check_formats, render_files
from kakehashi.report.pages.claims import (
    check_sentences,
    claim_check_document,
    claim_list_document,
    claim_sentence,
    figure_sentence,
)
from kakehashi.report.plain import as_lines
from kakehashi.report.voice import LANGUAGES, Voice
from kakehashi.report.write import write_texts

#: What is written unless said otherwise; every format of a report may be asked for.
CLAIM_FORMATS = ("html", "csv", "json")
CHECK_FORMAT = "kakehashi.claim-check/1"
LIST_FORMAT = "kakehashi.claim-list/1"


def claim_plain(claim: ClaimRecord) -> dict[str, Any]:
    """A claim for JSON, with its sentence in both languages."""
    return {
        "id": claim.id,
        "quantity": dict(claim.quantity),
        "quoted": dict(claim.quoted),
        "attribution": dict(claim.attribution),
        "found": dict(claim.found),
        "values": [
            {
                "unit": value.kind,
                "source": [_target(one) for one in value.source],
                "quoted": [_target(one) for one in value.quoted],
            }
            for value in claim.values
        ],
        "definition": dict(claim.definition),
        "source": {
            "title": dict(claim.source.title),
            "date": claim.source.date,
            "grade": claim.source.grade,
        },
        "as_of": claim.as_of,
        "newer": dict(claim.newer) or None,
        "verdict": claim.verdict,
        "sentence": {one: Voice(one).plain(claim_sentence(claim)) for one in LANGUAGES},
    }


def list_plain(book: ClaimBook) -> dict[str, Any]:
    """All claims for JSON."""
    return {
        "format": LIST_FORMAT,
        "title": dict(book.title),
        "read": book.read,
        "claims": [claim_plain(one) for one in book.claims],
    }


def check_plain(check: ClaimCheck) -> dict[str, Any]:
    """A check for JSON: every figure has the same keys, with null where there is no match."""
    return {
        "format": CHECK_FORMAT,
        "name": check.name,
        "read": check.read,
        "counts": {"figures": len(check.figures), "matched": len(check.matched), **check.counts},
        "figures": [_figure_plain(one) for one in check.figures],
    }


def check_text_lines(check: ClaimCheck, *, language: str) -> list[str]:
    """What a check came to, as plain text."""
    voice = Voice(language)
    return [voice.plain(one) for one in check_sentences(check)]


def check_rows(check: ClaimCheck, *, language: str) -> list[list[str]]:
    """A head, then one row a figure: line, figure, verdict, id, and the sentence to paste or the text's own."""
    voice = Voice(language)
    names = ("line", "figure", "verdict", "id", "paste", "sentence", "related")
    return [
        [voice.plain(Say(f"claims.column.{name}")) for name in names],
        *(_figure_row(one, voice) for one in check.figures),
    ]


def list_rows(book: ClaimBook, *, language: str) -> list[list[str]]:
    """A head, then one row a claim."""
    voice = Voice(language)
    names = ("id", "quantity", "quoted", "verdict", "grade", "as-of", "source", "paste")
    return [
        [voice.plain(Say(f"claims.column.{name}")) for name in names],
        *(
            [
                one.id,
                one.quantity[language],
                one.quoted[language],
                voice.plain(Say(f"claims.verdict.{one.verdict}")),
                voice.plain(Say(f"claims.basis.{one.source.grade}")),
                one.as_of,
                one.source.title[language],
                voice.plain(claim_sentence(one)),
            ]
            for one in book.claims
        ),
    ]


def show_lines(claim: ClaimRecord, *, language: str) -> list[str]:
    """One claim as plain text."""
    voice = Voice(language)
    return [f"{claim.id}\t{claim.quantity[language]}", voice.plain(claim_sentence(claim))]


def write_claim_check(
    check: ClaimCheck,
    folder: Path,
    languages: Sequence[str] = LANGUAGES,
    *,
    formats: Sequence[str] = CLAIM_FORMATS,
) -> dict[str, Path]:
    """Write ``claims.html``, ``claims.LANGUAGE.csv`` and ``claims.json``; each whole or not at all.

    Other formats of reports (``"pdf"``, ``"docx"``, ``"xlsx"``) may be asked for as well.
    """
    tables = {one: check_rows(check, language=one) for one in languages}
    return _write(
        claim_check_document(check),
        tables,
        as_lines(check_plain(check)),
        folder,
        languages,
        formats,
        check.read,
    )


def write_claim_list(
    book: ClaimBook,
    folder: Path,
    languages: Sequence[str] = LANGUAGES,
    *,
    formats: Sequence[str] = CLAIM_FORMATS,
) -> dict[str, Path]:
    """Write the claims on record; files as for :func:`write_claim_check`."""
    tables = {one: list_rows(book, language=one) for one in languages}
    return _write(
        claim_list_document(book), tables, as_lines(list_plain(book)), folder, languages, formats, book.read
    )


def csv_with_mark(rows: Sequence[Sequence[str]]) -> str:
    """Rows as CSV with a byte-order mark, as spreadsheets want it; a cell that would run as a formula is quoted."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(
        [f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t") else cell for cell in row] for row in rows
    )
    return "\ufeff" + out.getvalue()


def _write(
    document: Document,
    tables: dict[str, list[list[str]]],
    body: str,
    folder: Path,
    languages: Sequence[str],
    formats: Sequence[str],
    made: str,
) -> dict[str, Path]:
    check_formats(formats)
    drawn = [
        name for name in formats if name != "csv"
    ]  # the table of figures is the CSV, not the page's tables
    files: dict[str, str | bytes] = {}
    if drawn:
        files |= render_files(
            document,
            name="claims",
            run="",
            made=made,
            body=body,
            languages=languages,
            formats=drawn,
            charts=False,
        )
    if "csv" in formats:
        files |= {f"claims.{name}.csv": csv_with_mark(rows) for name, rows in tables.items()}
    return write_texts(files, folder)


def _figure_row(one: CheckedFigure, voice: Voice) -> list[str]:
    claim = one.match.claim
    return [
        str(one.line),
        one.figure.text,
        voice.plain(Say(f"claims.verdict.{one.match.verdict}")),
        "" if claim is None else claim.id,
        "" if claim is None else voice.plain(figure_sentence(one)),
        one.sentence,
        voice.plain(Code(", ".join(one.match.related))),
    ]


def _figure_plain(one: CheckedFigure) -> dict[str, Any]:
    claim, figure = one.match.claim, one.figure
    return {
        "line": one.line,
        "column": one.column,
        "text": figure.text,
        "kind": figure.kind,
        "value": None if figure.low is None else float(figure.low),
        "upper": None if figure.high is None else float(figure.high),
        "date": figure.date or None,
        "until": figure.until or None,
        "said": figure.said or None,
        "sentence": one.sentence,
        "verdict": one.match.verdict,
        "claim": None if claim is None else claim.id,
        "matched_on": one.match.how or None,
        "related": list(one.match.related),
        "paste": None
        if claim is None
        else {name: Voice(name).plain(figure_sentence(one)) for name in LANGUAGES},
    }


def _target(target: Any) -> Any:
    return list(target) if isinstance(target, tuple) else target
