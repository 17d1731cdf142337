"""Coverage, drafts and the index of a pack, in every form: HTML, Markdown, JSON, lines for a terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kakehashi.commitments import Catalog, Coverage, Draft, Evidence, draft_plain
from kakehashi.commitments.coverage import STATES
from kakehashi.commitments.plain import as_plain
from kakehashi.report.document import Document, Say
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
from kakehashi.report.values import as_lines
from kakehashi.report.voice import LANGUAGES, Voice
from kakehashi.report.write import write_texts

COVERAGE_FORMAT = "kakehashi.evidence-coverage/1"


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
    catalog: Catalog, coverage: Coverage, folder: Path, languages: Sequence[str] = LANGUAGES
) -> dict[str, Path]:
    """Write ``coverage.html``, ``coverage.json`` and a ``coverage.LANGUAGE.md`` each; whole or not at all."""
    texts = _texts(
        "coverage", coverage_document(catalog, coverage), as_lines(coverage_plain(coverage)), languages
    )
    return write_texts(texts, folder)


def draft_text(draft: Draft, *, language: str = "ja") -> list[str]:
    """What a draft holds, as plain text."""
    voice = Voice(language)
    return [voice.plain(one) for one in draft_sentences(draft)]


def draft_rows(catalog: Catalog, draft: Draft, *, language: str = "ja") -> list[list[str]]:
    """A head, then one row a point."""
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
    return [head, *rows]


def write_draft(
    catalog: Catalog, draft: Draft, folder: Path, languages: Sequence[str] = LANGUAGES
) -> dict[str, Path]:
    """Write ``draft.html``, ``draft.json`` and a ``draft.LANGUAGE.md`` each; whole or not at all."""
    texts = _texts("draft", draft_document(catalog, draft), as_lines(draft_plain(draft, catalog)), languages)
    return write_texts(texts, folder)


def pack_pages(
    catalog: Catalog, entries: Sequence[Evidence], files: Mapping[str, str], *, size: int, root: str
) -> dict[str, bytes]:
    """The index of a pack: ``index.html`` in both languages, ``index.txt`` as lines."""
    document = pack_document(catalog, entries, files, size=size, root=root)
    page = render_document(document, run="", languages=LANGUAGES, charts=False)
    text = "\n".join(render_markdown(document, language) for language in LANGUAGES)
    return {"index.html": page.encode(), "index.txt": text.encode()}


def _texts(name: str, document: Document, json_text: str, languages: Sequence[str]) -> dict[str, str]:
    return {
        f"{name}.html": render_document(document, run="", languages=languages, charts=False),
        **{f"{name}.{language}.md": render_markdown(document, language) for language in languages},
        f"{name}.json": json_text,
    }
