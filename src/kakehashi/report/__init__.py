"""Reports in Japanese and English from one set of values: HTML, JSON, lines for a terminal."""

from kakehashi.report.build import build_assessment
from kakehashi.report.html import render_document, render_html
from kakehashi.report.terminal import terminal_rows, terminal_sentences
from kakehashi.report.values import Assessment
from kakehashi.report.voice import check_languages
from kakehashi.report.write import write_report, write_texts

__all__ = [
    "Assessment",
    "build_assessment",
    "check_languages",
    "render_document",
    "render_html",
    "terminal_rows",
    "terminal_sentences",
    "write_report",
    "write_texts",
]
