"""Reports in Japanese and English from one set of values: HTML, JSON, lines for a terminal."""

from kakehashi.report.brief import Brief, build_brief
from kakehashi.report.build import build_assessment
from kakehashi.report.formats import FORMATS, available_formats, check_formats, render_files
from kakehashi.report.html import render_brief, render_crosswalk, render_document, render_html
from kakehashi.report.periodic import Periodic, build_periodic
from kakehashi.report.terminal import (
    brief_rows,
    brief_text,
    crosswalk_rows,
    crosswalk_tables,
    crosswalk_text,
    terminal_rows,
    terminal_sentences,
)
from kakehashi.report.values import Assessment
from kakehashi.report.voice import check_languages
from kakehashi.report.write import write_brief, write_crosswalk, write_periodic, write_report, write_texts

__all__ = [
    "FORMATS",
    "Assessment",
    "Brief",
    "Periodic",
    "available_formats",
    "brief_rows",
    "brief_text",
    "build_assessment",
    "build_brief",
    "build_periodic",
    "check_formats",
    "check_languages",
    "crosswalk_rows",
    "crosswalk_tables",
    "crosswalk_text",
    "render_brief",
    "render_crosswalk",
    "render_document",
    "render_files",
    "render_html",
    "terminal_rows",
    "terminal_sentences",
    "write_brief",
    "write_crosswalk",
    "write_periodic",
    "write_report",
    "write_texts",
]
