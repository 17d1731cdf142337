"""A document as PDF, set by Typst: tagged after PDF/UA-1, fonts embedded, the same input the same bytes.

Words, numbers and pictures go to a fixed template as data; none of them can become markup of it.
"""

import importlib.util
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeAlias

from markupsafe import Markup

from kakehashi.errors import InputError, MissingExtraError
from kakehashi.report.document import Block, Bullets, Document, Figure, Paragraph, Piece, Say, Section, Table
from kakehashi.report.html import Pictures, document_footer, drawn_figures, first_cell_spans
from kakehashi.report.runs import runs_of
from kakehashi.report.voice import Voice

STANDARD: Literal["ua-1"] = "ua-1"

#: Packages that bring the Japanese fonts; where they lie is looked up without importing them.
FONT_PACKAGES = ("noto_cjk_sans_jp_regular", "noto_cjk_sans_jp_bold")
FONT = "Noto Sans CJK JP"

#: A code is broken after this many characters at the latest, so that no table runs off the page.
_CODE_STEP = 12
_BREAK = "\u200b"
#: Id of a figure → its picture.
Drawn: TypeAlias = Mapping[str, Markup | None]

_REGIONS = {"ja": "JP", "en": "GB"}


def pdf_available() -> bool:
    """Whether the extra ``pdf`` is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("typst", *FONT_PACKAGES))


def render_pdf(
    document: Document,
    *,
    run: str,
    language: str,
    made: str,
    charts: bool | None = None,
    pictures: Pictures | None = None,
) -> bytes:
    """A document in one language as a tagged PDF.

    Args:
        document: The document.
        run: Id of the run that the foot names, ``""`` where there is none.
        language: ``"en"`` or ``"ja"``.
        made: Date of the document's data in ISO 8601: the file says that it was made then, so that the same values
            give the same bytes.
        charts: Whether figures are drawn; by default where the extra ``charts`` is installed.
        pictures: Figures that are drawn already, by language and id.

    Raises:
        MissingExtraError: The extra ``pdf`` is not installed, or figures were asked for without ``charts``.
    """
    if not pdf_available():
        raise MissingExtraError("pdf", "writing PDF")
    import typst

    voice = Voice(language)
    shown = drawn_figures(document, (language,), charts=charts) if pictures is None else pictures
    data = json.dumps(_whole(document, voice, run, shown[language]), ensure_ascii=False)
    template = (files("kakehashi.report") / "templates" / "report.typ").read_bytes()
    for _ in range(_MOST_ROUNDS):
        try:
            found = typst.compile(
                template,
                font_paths=_fonts(),
                ignore_system_fonts=True,
                sys_inputs={"data": data},
                pdf_standards=[STANDARD],
                timestamp=_moment(made),
            )
        except typst.TypstError as error:
            data = _with_code_points(data, str(error.message))
        else:
            return bytes(found)
    raise InputError(
        f"the report has more than {_MOST_ROUNDS} kinds of text that the fonts of the PDF cannot show",
        hint="Use --format html, which the reader's own fonts show.",
    )


#: How often a text that no font shows is replaced before the PDF is given up.
_MOST_ROUNDS = 40
_NOT_SHOWN = re.compile(r"the text `\"(.+?)\"` could not be displayed", re.DOTALL)
_ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")


def _with_code_points(data: str, message: str) -> str:
    """The data with the characters that no font has as their code points, such as ``[U+1F389]``.

    Raises:
        RuntimeError: Typst's complaint is another one: a defect of the template.
    """
    found = _NOT_SHOWN.search(message)
    text = _ESCAPED.sub(lambda one: chr(int(one.group(1), 16)), found.group(1)) if found else ""
    missing = [character for character in dict.fromkeys(text) if not character.isascii()]
    if not missing:
        raise RuntimeError(f"Typst does not take the report: {message}")
    for character in missing:
        data = data.replace(character, f"[U+{ord(character):04X}]")
    return data


def _moment(made: str) -> datetime:
    try:
        when = datetime.fromisoformat(made)
    except ValueError:
        when = datetime(2000, 1, 1)
    when = when.replace(microsecond=0)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


@cache
def _fonts() -> Any:
    import typst

    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=True,
        font_paths=list(font_folders()),
    )


def font_folders() -> tuple[str, ...]:
    """Where the Japanese fonts of the extra ``pdf`` lie.

    Raises:
        MissingExtraError: The extra is not installed.
    """
    return tuple(str(_folder(name)) for name in FONT_PACKAGES)


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("pdf", "writing PDF")
    return Path(next(iter(spec.submodule_search_locations)))


def _whole(document: Document, voice: Voice, run: str, drawn: Drawn) -> dict[str, Any]:
    return {
        "lang": voice.language,
        "region": _REGIONS[voice.language],
        "title": _shown(voice.plain(document.title)),
        "author": "Kakehashi",
        "description": _shown(voice.plain(document.subtitle)),
        "heading": _runs(document.title, voice),
        "subtitle": _runs(document.subtitle, voice),
        "independence": _runs(document.independence, voice),
        "mark": _shown(voice.plain(document.mark)),
        "contents": _runs(Say("page.contents"), voice),
        "footer": _runs(document_footer(document, run), voice),
        "sections": [_section(part, voice, 2, drawn) for part in document.sections],
    }


def _section(part: Section, voice: Voice, level: int, drawn: Drawn) -> dict[str, Any]:
    return {
        "id": f"{voice.language}-{part.id}",
        "level": level,
        "title": _runs(part.title, voice),
        "blocks": [_block(block, voice, drawn) for block in part.blocks],
        "sections": [_section(inner, voice, level + 1, drawn) for inner in part.sections],
    }


def _block(block: Block, voice: Voice, drawn: Drawn) -> dict[str, Any]:
    match block:
        case Paragraph():
            return {"kind": "paragraph", "look": block.kind, "runs": _runs(block.text, voice)}
        case Bullets():
            items = [_runs(item, voice) for item in block.items]
            return {"kind": "bullets", "ordered": block.ordered, "items": items}
        case Table():
            return _table(block, voice)
        case Figure():
            return _figure(block, voice, drawn)


def _figure(figure: Figure, voice: Voice, drawn: Drawn) -> dict[str, Any]:
    picture = drawn.get(figure.id)
    table = _table(figure.table, voice)
    if picture is None:
        table["caption"] = _runs(figure.caption, voice)
        return table
    svg, width = _paper(picture)
    return {
        "kind": "figure",
        "caption": _runs(figure.caption, voice),
        "alt": _shown(voice.plain(figure.alt)),
        "svg": svg,
        "width": width,
        "table": table,
    }


#: A picture is at most this large on paper, in millimetres; a pixel of the page is 0.27 mm.
_WIDEST, _HIGHEST, _PIXEL = 174.0, 150.0, 0.27


def _paper(picture: str) -> tuple[str, float]:
    """A picture of the page for paper and its width there in millimetres: in the fonts that the file embeds."""
    svg = str(picture)
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert found is not None, "vl-convert writes a view box"
    width, height = found.groups()
    named = f'<svg width="{width}" height="{height}" font-family="{FONT}" '
    return svg.replace("<svg ", named, 1).replace("#fffffd", "#ffffff"), round(
        min(_WIDEST, float(width) * _PIXEL, _HIGHEST * float(width) / float(height)), 1
    )


def _table(table: Table, voice: Voice) -> dict[str, Any]:
    rows = []
    plain: list[list[str]] = []
    dates: list[float] = [0.0] * len(table.columns)
    spans = first_cell_spans(table)
    for row, span in zip(table.rows, spans, strict=True):
        cells = [
            _unbroken(runs) if column.figures else runs
            for runs, column in zip((_runs(cell, voice) for cell in row), table.columns, strict=True)
        ]
        plain.append(["".join(_text(run) for run in cell) for cell in cells])
        for place, cell in enumerate(cells):
            whole = [_breadth(_text(run)) + _SPACED for run in cell if isinstance(run, dict) and "d" in run]
            dates[place] = max(dates[place], *whole, 0.0)
        rows.append(
            [
                {
                    "runs": runs,
                    "head": place < table.heads,
                    "span": span if place == 0 else 1,
                    "long": len(plain[-1][place]) > _LONG,
                }
                for place, runs in enumerate(cells)
                if place or span
            ]
        )
    titles = [_runs(column.title, voice) for column in table.columns]
    plain.append(["".join(_text(run) for run in title) for title in titles])
    return {
        "kind": "table",
        "caption": _runs(table.caption, voice),
        "columns": [
            {"title": title, "figures": column.figures}
            for title, column in zip(titles, table.columns, strict=True)
        ],
        "widths": _widths(plain, dates),
        "rows": rows,
        "notes": [_runs(note, voice) for note in table.notes],
    }


def _unbroken(runs: list[str | dict[str, Any]]) -> list[str | dict[str, Any]]:
    """Short figures stay on one line: an interval is not torn apart."""
    if sum(len(_text(run)) for run in runs) > _FIGURE:
        return runs
    return [
        {**run, "t": run["t"].replace(" ", "\u00a0")} if isinstance(run, dict) else run.replace(" ", "\u00a0")
        for run in runs
    ]


#: A longer cell may go on on the next page.
_LONG = 800

#: Longest figure with its interval that is not broken.
_FIGURE = 18


def _text(run: str | dict[str, Any]) -> str:
    return run if isinstance(run, str) else str(run["t"])


#: Characters that fit on a line of a table, in widths of a Latin letter, by the most columns that it has.
_LINES = ((6, 104.0), (9, 112.0), (99, 128.0))

#: Room for the small gaps between figures and Japanese letters in a date.
_SPACED = 3

#: A column need not be wider for one word.
_WIDEST_WORD = 22


def _widths(rows: Sequence[Sequence[str]], dates: Sequence[float]) -> list[float]:
    """Shares of the line: 0 lets a column take what it needs; shares where the table is wider than the page.

    Every column has room for its longest word and date; the rest goes by the root of the longest cell.
    """
    if not rows or not rows[0]:
        return []
    line = next(width for most, width in _LINES if len(rows[0]) <= most)
    longest = [max(_breadth(row[place]) for row in rows) for place in range(len(rows[0]))]
    if sum(longest) + 2 * len(longest) <= line:
        return [0] * len(longest)
    words = [
        max((_breadth(word) for row in rows for word in _WORDS.findall(row[place])), default=1.0)
        for place in range(len(rows[0]))
    ]
    floors = [
        min(max(word, date), max(whole, date), _WIDEST_WORD) + 2
        for word, date, whole in zip(words, dates, longest, strict=True)
    ]
    left = max(0.0, line - sum(floors))
    wants = [max(0.0, min(whole, 400) - floor) ** 0.5 for whole, floor in zip(longest, floors, strict=True)]
    total = sum(wants) or 1.0
    return [round(floor + left * want / total, 2) for floor, want in zip(floors, wants, strict=True)]


_WORDS = re.compile(r"[^\s\u200b\u3000-\u9fff\uff00-\uffef]+|[\u3000-\u9fff\uff00-\uffef]{1,2}")


def _breadth(text: str) -> float:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else c != _BREAK for c in text)


def _runs(piece: Piece | str, voice: Voice) -> list[str | dict[str, Any]]:
    """Runs as the template takes them: a plain string, or its text with what sets it apart."""
    out: list[str | dict[str, Any]] = []
    for run in runs_of(piece, voice):
        text = _shown(_breakable(run.text) if run.code else run.text)
        marks = {
            key: value
            for key, value in (
                ("c", run.code),
                ("b", run.blank),
                ("l", run.language),
                ("h", run.link),
                ("a", run.anchor),
                ("d", bool(run.date)),
            )
            if value
        }
        last = out[-1] if out else ""
        if (
            isinstance(last, dict)
            and marks
            and marks == {k: v for k, v in last.items() if k != "t"} == {"h": run.link}
        ):
            last["t"] += text  # both ends of an interval are one link
        else:
            out.append({"t": text, **marks} if marks else text)
    return out


def _breakable(text: str) -> str:
    """A code with places where a line may end: behind its punctuation, and in what is long without any."""
    if len(text) < _CODE_STEP:
        return text
    text = re.sub(r"([/.:_,=@-])(?=\w)", rf"\1{_BREAK}", text)
    return re.sub(rf"(\w{{{_CODE_STEP}}})(?=\w)", rf"\1{_BREAK}", text)


def _shown(text: str) -> str:
    """Without the control characters that no font draws."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")
