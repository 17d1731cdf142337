"""An event with what came before and after it: page, rows, JSON; dates in their order and no word on why."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kakehashi.index.claims.events import ACTS, Event, Step
from kakehashi.report.claims import csv_with_mark
from kakehashi.report.document import (
    Column,
    Date,
    Document,
    Listed,
    Number,
    Paragraph,
    Piece,
    Say,
    Section,
    Table,
    Term,
    Verbatim,
)
from kakehashi.report.html import render_document
from kakehashi.report.plain import as_lines
from kakehashi.report.voice import LANGUAGES, Voice, check_languages
from kakehashi.report.write import write_texts

EVENT_FORMAT = "kakehashi.event-table/1"
_COLUMNS = ("days", "date", "kind", "what", "source")


def event_document(event: Event) -> Document:
    """An event as a page."""
    lead, *rest = _sentences(event)
    table = Table(
        id="event",
        caption=Say("claims.event.caption", {"date": Date(event.date)}),
        columns=tuple(Column(Say(f"claims.event.column.{one}")) for one in _COLUMNS),
        rows=tuple(_cells(event, one) for one in event.steps),
        notes=(Say("claims.event.order"),),
    )
    sections = (
        Section(
            "summary", Say("section.summary"), (Paragraph(lead, "lead"), *(Paragraph(one) for one in rest))
        ),
        *([Section("acts", Say("claims.event.section"), (table,))] if event.steps else []),
    )
    return Document(
        title=Say("claims.event.title", {"what": Term(event.what)}),
        subtitle=Say("claims.event.subtitle", {"date": Date(event.date), "source": Verbatim(event.source)}),
        independence=Say("independence"),
        mark=Say("claims.event.mark"),
        sections=sections,
        tree_size=0,
        root="",
    )


def event_text(event: Event, *, language: str) -> list[str]:
    """What a page of an event says in short."""
    voice = Voice(language)
    return [voice.plain(event_document(event).title), *(voice.plain(one) for one in _sentences(event))]


def event_rows(event: Event, *, language: str) -> list[list[str]]:
    """A head, then one row an act."""
    voice = Voice(language)
    return [
        [voice.plain(Say(f"claims.event.column.{one}")) for one in _COLUMNS],
        *([voice.plain(cell) for cell in _cells(event, one)] for one in event.steps),
    ]


def event_plain(event: Event) -> dict[str, Any]:
    """An event for JSON."""
    return {
        "format": EVENT_FORMAT,
        "what": dict(event.what),
        "date": event.date,
        "source": event.source,
        "acts": [
            {
                "kind": one.kind,
                "date": one.date,
                "days": event.days(one),
                "what": dict(one.what),
                "source": one.source,
                "origin": one.origin,
            }
            for one in event.steps
        ],
        "days_to_first": {
            kind: None if (found := event.first(kind)) is None else event.days(found) for kind in ACTS
        },
    }


def write_event(event: Event, folder: Path, languages: Sequence[str] = LANGUAGES) -> dict[str, Path]:
    """Write ``event.html``, ``event.LANGUAGE.csv`` and ``event.json``; each whole or not at all."""
    check_languages(languages)
    files: dict[str, str | bytes] = {
        "event.html": render_document(event_document(event), run="", languages=languages, charts=False),
        "event.json": as_lines(event_plain(event)),
    }
    files |= {f"event.{one}.csv": csv_with_mark(event_rows(event, language=one)) for one in languages}
    return write_texts(files, folder)


def _sentences(event: Event) -> tuple[Piece, ...]:
    before = sum(event.days(one) < 0 for one in event.steps)
    found: list[Piece] = [
        Say(
            "claims.event.lead",
            {
                "count": Number(len(event.steps)),
                "date": Date(event.date),
                "before": Number(before),
                "after": Number(len(event.steps) - before),
            },
        )
    ]
    firsts = [(kind, one) for kind in ACTS if (one := event.first(kind)) is not None]
    if firsts:
        said = tuple(
            Say("claims.event.first-one", {"kind": _kind(kind), "days": Number(event.days(one))})
            for kind, one in firsts
        )
        found.append(Say("claims.event.first", {"list": Listed(said, "semicolon")}))
    missing = [kind for kind in ACTS if event.first(kind) is None]
    if missing:
        found.append(
            Say("claims.event.missing", {"list": Listed(tuple(_kind(one) for one in missing), "comma")})
        )
    return (*found, Say("claims.event.order"))


def _kind(kind: str) -> Piece:
    return Say(f"claims.event.kind.{kind}")


def _cells(event: Event, one: Step) -> tuple[Piece, ...]:
    origin = Say(f"claims.event.origin.{one.origin}")
    source: Piece = Verbatim(one.source)
    return (
        Number(event.days(one)),
        Date(one.date),
        _kind(one.kind),
        Term(one.what),
        source if one.origin == "file" else Listed((origin, source), "comma"),
    )
