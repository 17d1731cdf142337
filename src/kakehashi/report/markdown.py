"""A document as Markdown in one language: for those who go on writing in it."""

from kakehashi.report.document import Block, Bullets, Document, Figure, Paragraph, Section, Table
from kakehashi.report.voice import Voice

#: What Markdown would read as its own.
_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>#|"})


def render_markdown(document: Document, language: str) -> str:
    """A document as Markdown; figures become their tables.

    Args:
        document: The document.
        language: ``"en"`` or ``"ja"``.
    """
    voice = Voice(language)
    lines = [f"# {_text(voice, document.title)}", "", _text(voice, document.subtitle), ""]
    lines += [f"> {_text(voice, document.independence)}", ""]
    for section in document.sections:
        lines += _section(voice, section, 2)
    if document.root:
        lines += ["---", "", f"{document.tree_size} / `{document.root}`", ""]
    return "\n".join(lines)


def _text(voice: Voice, piece: object) -> str:
    return voice.plain(piece).translate(_SPECIAL).replace("\n", " ").strip()  # type: ignore[arg-type]


def _section(voice: Voice, section: Section, level: int) -> list[str]:
    lines = [f"{'#' * min(level, 6)} {_text(voice, section.title)}", ""]
    for block in section.blocks:
        lines += _block(voice, block)
    for inner in section.sections:
        lines += _section(voice, inner, level + 1)
    return lines


def _block(voice: Voice, block: Block) -> list[str]:
    match block:
        case Paragraph():
            text = _text(voice, block.text)
            return [f"> {text}" if block.kind in ("note", "warning") else text, ""]
        case Bullets():
            mark = "1." if block.ordered else "-"
            return [*(f"{mark} {_text(voice, item)}" for item in block.items), ""]
        case Figure():
            return _table(voice, block.table)
        case Table():
            return _table(voice, block)


def _table(voice: Voice, table: Table) -> list[str]:
    head = [_text(voice, column.title) for column in table.columns]
    rule = ["---:" if column.figures else "---" for column in table.columns]
    rows = [[_text(voice, cell) for cell in row] for row in table.rows]
    lines = [f"**{_text(voice, table.caption)}**", ""]
    lines += [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]
    return [*lines, "", *(f"{_text(voice, note)}\n" for note in table.notes)]
