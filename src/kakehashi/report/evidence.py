"""Coverage, drafts and the index of a pack, in every form: HTML, Markdown, JSON, lines for a terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kakehashi.commitments import Catalog, Coverage, Draft, Evidence, draft_plain
from kakehashi.commitments.coverage import STATES
from kakehashi.commitments.plain import as_plain
from kakehashi.report.document import Document, Say
from kakehashi.report.formats import check_formats, render_files
from kakehashi.report.html import render_document
from kakehashi.report.markdown import render_markdown
from kakehashi.report.pages.draft import draft_document, draft_sentences
from kakehashi.report.pages.evidence import (
    coverage_document,
    coverage_sentences,
    organization_name,
    pack_document,
    provision_name,
)
from kakehashi.report.plain import as_lines
from kakehashi.report.voice import LANGUAGES, Voice
from kakehashi.report.write import write_texts

#: What is written unless others are asked for.
FORMATS = ("html", "json", "md")
COVERAGE_FORMAT = "kakehashi.evidence-coverage/1"


def check_evidence_formats(formats: Sequence[str]) -> None:
    """Say at once that a format cannot be written; errors as for :func:`~kakehashi.report.formats.check_formats`."""
    others = [one for one in formats if one != "md"]
    if others or not formats:
        check_formats(others)


def coverage_plain(coverage: Coverage) -> dict[str, Any]:
    """Coverage for JSON."""
    return {
        "format": COVERAGE_FORMAT,
        "about": "an indicator of public evidence, not a grade of virtue",
        "instrument": coverage.instrument.id,
        "version": coverage.instrument.version,
        "listed": coverage.listed,
        "total": coverage.total,
        "complete": coverage.complete,
        "sampled": coverage.sampled,
        "withdrawn": coverage.withdrawn,
        "ledger": {"size": coverage.size, "root": coverage.root},
        "organizations": [
            {
                "organization": name,
                "signature": as_plain(coverage.signatures.get(name)),
                "n": len(coverage.provisions),
                "counts": coverage.counts(name),
            }
            for name in coverage.organizations
        ],
        "provisions": as_plain(coverage.provisions),
        "cells": [as_plain(cell) for cell in coverage.cells if cell.evidence],
    }


def coverage_text(catalog: Catalog, coverage: Coverage, *, language: str = "en") -> list[str]:
    """What coverage says in short, as plain text."""
    voice = Voice(language)
    return [voice.plain(one) for one in coverage_sentences(catalog, coverage)]


def coverage_rows(catalog: Catalog, coverage: Coverage, *, language: str = "en") -> list[list[str]]:
    """A head, then one row an organization."""
    voice = Voice(language)
    head = [voice.plain(Say(f"column.{name}")) for name in ("organization", "provisions", *STATES)]
    rows = []
    for name in coverage.organizations:
        signature, counts = coverage.signatures.get(name), coverage.counts(name)
        title = voice.plain(
            organization_name(catalog, name, signature.on if signature is not None else "9999")
        )
        rows.append([title, str(len(coverage.provisions)), *(str(counts[state]) for state in STATES)])
    return [head, *rows]


def write_coverage(
    catalog: Catalog,
    coverage: Coverage,
    folder: Path,
    languages: Sequence[str] = LANGUAGES,
    *,
    formats: Sequence[str] = FORMATS,
) -> dict[str, Path]:
    """Write ``coverage.html``, ``coverage.json`` and a ``coverage.LANGUAGE.md`` each; whole or not at all.

    Args:
        catalog: Names.
        coverage: The counts.
        folder: Where the files go.
        languages: Languages, the first shown first.
        formats: ``md``, and those of :func:`~kakehashi.report.formats.render_files`.
    """
    dates = [e.created for cell in coverage.cells for e in cell.evidence]
    document, body = coverage_document(catalog, coverage), as_lines(coverage_plain(coverage))
    made = max(dates, default=coverage.instrument.reading.date)
    return write_texts(_texts("coverage", document, body, languages, formats, made), folder)


def draft_text(draft: Draft, *, language: str = "ja") -> list[str]:
    """What a draft holds, as plain text."""
    voice = Voice(language)
    return [voice.plain(one) for one in draft_sentences(draft)]


def draft_rows(catalog: Catalog, draft: Draft, *, language: str = "ja") -> list[list[str]]:
    """A head, then one row a point; what is asked is left out where no point of the form says it."""
    voice = Voice(language)
    head = [voice.plain(Say(f"column.{name}")) for name in ("provision", "what", "standing")]
    rows = []
    for section in draft.sections:
        title = voice.plain(provision_name(catalog, section.provision, whose=False))
        for point in section.points:
            asked = point.title.get(language, "")
            said = voice.plain(Say(f"draft.standing.{point.standing}"))
            rows.append(
                [f"{title} ({point.id})" if point.id else title, asked, f"{said} [{len(point.answers)}]"]
            )
    asks = any(asked for _, asked, _ in rows)
    return [[cell for n, cell in enumerate(row) if asks or n != 1] for row in (head, *rows)]


def write_draft(
    catalog: Catalog,
    draft: Draft,
    folder: Path,
    languages: Sequence[str] = LANGUAGES,
    *,
    formats: Sequence[str] = FORMATS,
) -> dict[str, Path]:
    """Write ``draft.html``, ``draft.json``, ``draft.LANGUAGE.md``; arguments as for :func:`write_coverage`."""
    document, body = draft_document(catalog, draft), as_lines(draft_plain(draft, catalog))
    return write_texts(_texts("draft", document, body, languages, formats, draft.date), folder)


def pack_pages(
    catalog: Catalog, entries: Sequence[Evidence], files: Mapping[str, str], *, size: int, root: str
) -> dict[str, bytes]:
    """The index of a pack: ``index.html`` in both languages, ``index.txt`` as lines."""
    document = pack_document(catalog, entries, files, size=size, root=root)
    page = render_document(document, run="", languages=LANGUAGES, charts=False)
    text = "\n".join(render_markdown(document, language) for language in LANGUAGES)
    return {"index.html": page.encode(), "index.txt": text.encode()}


def _texts(
    name: str,
    document: Document,
    body: str,
    languages: Sequence[str],
    formats: Sequence[str],
    made: str,
) -> dict[str, str | bytes]:
    wanted = [one for one in formats if one != "md"]
    found: dict[str, str | bytes] = {}
    if "md" in formats:
        found |= {f"{name}.{language}.md": render_markdown(document, language) for language in languages}
    if wanted or not found:
        found |= render_files(
            document,
            name=name,
            run="",
            made=made,
            body=body,
            languages=languages,
            formats=wanted,
            charts=False,
        )
    return found
