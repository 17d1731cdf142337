"""The first page of a document as a Word file, for those who paste it into a paper of their own.

Written by hand: six short XML parts in a ZIP archive. The usual library would bring a compiled XML parser along for
paragraphs, one table and a list.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from html import escape
from unicodedata import east_asian_width

from kakehashi.report.document import Bullets, Document, Figure, Paragraph, Piece, Table
from kakehashi.report.html import document_footer
from kakehashi.report.runs import Run, runs_of
from kakehashi.report.voice import Voice

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"

#: What fits on one page beside head and foot: lines of text, rows and columns of the one table.
_MOST_LINES, _MOST_ROWS, _MOST_COLUMNS = 42, 10, 6

#: Letters on a line and, of a table, in all columns of a row together; a Japanese letter counts twice.
_LETTERS, _ROW_LETTERS = 92, 100

#: Twips between the margins of A4.
_LINE = 9638
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_TAGS = {"ja": "ja-JP", "en": "en-GB"}


def render_docx(document: Document, *, run: str, language: str) -> bytes:
    """The first page of a document in one language as DOCX: its sentences and its first small table.

    Args:
        document: The document.
        run: Id of the run that the foot names, ``""`` where there is none.
        language: ``"en"`` or ``"ja"``.
    """
    voice = Voice(language)
    body = "".join(_body(document, run, voice))
    page = (
        f"{_HEAD}<w:document {_W}><w:body>{body}<w:sectPr>"
        '<w:pgSz w:w="11906" w:h="16838"/>'
        '<w:pgMar w:top="1020" w:right="1134" w:bottom="1020" w:left="1134" w:header="567" w:footer="567" '
        'w:gutter="0"/></w:sectPr></w:body></w:document>'
    )
    title = escape(_clean(voice.plain(document.title)), quote=False)
    core = (
        f'{_HEAD}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{title}</dc:title><dc:creator>Kakehashi</dc:creator>"
        f"<dc:language>{_TAGS[language]}</dc:language></cp:coreProperties>"
    )
    parts = {
        "[Content_Types].xml": _types(),
        "_rels/.rels": _relations(
            ("rId1", f"{_OFFICE}/officeDocument", "word/document.xml"),
            ("rId2", f"{_PACKAGE}/relationships/metadata/core-properties", "docProps/core.xml"),
        ),
        "docProps/core.xml": core,
        "word/_rels/document.xml.rels": _relations(
            ("rId1", f"{_OFFICE}/styles", "styles.xml"), ("rId2", f"{_OFFICE}/numbering", "numbering.xml")
        ),
        "word/document.xml": page,
        "word/numbering.xml": _numbering(),
        "word/styles.xml": _styles(),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), text.encode(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _body(document: Document, run: str, voice: Voice) -> Iterator[str]:
    yield _paragraph(document.title, voice, "Title")
    yield _paragraph(document.subtitle, voice, "Subtitle")
    yield _paragraph(document.independence, voice, "Note")
    if document.sections:
        first = document.sections[0]
        yield _paragraph(first.title, voice, "Heading1")
        room, tabled = float(_MOST_LINES), False
        for block in first.blocks:
            table = block.table if isinstance(block, Figure) else block
            if isinstance(table, Table) and not tabled and len(table.columns) <= _MOST_COLUMNS:
                caption = block.caption if isinstance(block, Figure) else table.caption
                yield _paragraph(caption, voice, "Caption")
                yield _table(table, voice)
                tabled = True
                room -= 1 + _table_lines(table, voice)
            elif isinstance(block, Paragraph) and (needed := _lines(block.text, voice)) <= room:
                yield _paragraph(block.text, voice, "Note" if block.kind == "note" else "Normal")
                room -= needed
            elif isinstance(block, Bullets):
                for item in block.items:
                    needed = _lines(item, voice)
                    if needed > room:
                        break
                    yield _paragraph(item, voice, "ListBullet")
                    room -= needed
    yield _paragraph(document_footer(document, run), voice, "Note")


def _breadth(piece: Piece, voice: Voice) -> int:
    """Breadth of a text in Latin letters."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in voice.plain(piece))


def _lines(piece: Piece, voice: Voice) -> float:
    """Lines that a paragraph takes, the space under it included."""
    return -(-_breadth(piece, voice) // _LETTERS) + 0.4


def _table_lines(table: Table, voice: Voice) -> float:
    """Lines that a table takes: a row is as high as its longest cell."""
    rows = ([column.title for column in table.columns], *table.rows[:_MOST_ROWS])
    width = _ROW_LETTERS // len(table.columns)
    return sum(max(-(-_breadth(cell, voice) // width) for cell in row) for row in rows)


def _paragraph(piece: Piece, voice: Voice, style: str) -> str:
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr>{_runs(runs_of(piece, voice))}</w:p>'


def _runs(runs: Sequence[Run], *, bold: bool = False) -> str:
    return "".join(_run(one, bold) for one in runs)


def _run(run: Run, bold: bool) -> str:
    marks = "<w:b/>" if bold else ""
    if run.code:
        marks = '<w:rFonts w:ascii="Consolas" w:hAnsi="Consolas"/>' + marks
    if run.language in _TAGS:
        marks += f'<w:lang w:val="{_TAGS[run.language]}"/>'
    text = escape(_clean(run.text), quote=False)
    properties = f"<w:rPr>{marks}</w:rPr>" if marks else ""
    return f'<w:r>{properties}<w:t xml:space="preserve">{text}</w:t></w:r>'


def _clean(text: str) -> str:
    return _ILLEGAL.sub("", text)


def _table(table: Table, voice: Voice) -> str:
    width = _LINE // len(table.columns)
    borders = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="BBBBBB"/>'
        for side in ("top", "bottom", "insideH")
    )
    grid = f'<w:gridCol w:w="{width}"/>' * len(table.columns)
    head = "".join(
        _cell(runs_of(column.title, voice), width, column.figures, bold=True) for column in table.columns
    )
    rows = "".join(
        "<w:tr>"
        + "".join(
            _cell(runs_of(cell, voice), width, column.figures, bold=place < table.heads)
            for place, (cell, column) in enumerate(zip(row, table.columns, strict=True))
        )
        + "</w:tr>"
        for row in table.rows[:_MOST_ROWS]
    )
    return (
        f'<w:tbl><w:tblPr><w:tblW w:w="{_LINE}" w:type="dxa"/><w:tblBorders>{borders}</w:tblBorders>'
        '<w:tblLook w:firstRow="1" w:firstColumn="1" w:noVBand="1"/></w:tblPr>'
        f"<w:tblGrid>{grid}</w:tblGrid><w:tr><w:trPr><w:tblHeader/></w:trPr>{head}</w:tr>{rows}</w:tbl>"
    )


def _cell(runs: Sequence[Run], width: int, figures: bool, *, bold: bool) -> str:
    side = '<w:jc w:val="right"/>' if figures else ""
    return (
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>'
        f'<w:p><w:pPr><w:pStyle w:val="Cell"/>{side}</w:pPr>{_runs(runs, bold=bold)}</w:p></w:tc>'
    )


def _types() -> str:
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    overrides = (
        ("/word/document.xml", f"{word}.document.main+xml"),
        ("/word/styles.xml", f"{word}.styles+xml"),
        ("/word/numbering.xml", f"{word}.numbering+xml"),
        ("/docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml"),
    )
    listed = "".join(f'<Override PartName="{name}" ContentType="{kind}"/>' for name, kind in overrides)
    return (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{listed}</Types>'
    )


def _relations(*found: tuple[str, str, str]) -> str:
    listed = "".join(f'<Relationship Id="{i}" Type="{kind}" Target="{to}"/>' for i, kind, to in found)
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def _numbering() -> str:
    return (
        f'{_HEAD}<w:numbering {_W}><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="1"/>'
        '<w:numFmt w:val="bullet"/><w:lvlText w:val="•"/><w:lvlJc w:val="left"/>'
        '<w:pPr><w:ind w:left="340" w:hanging="340"/></w:pPr></w:lvl></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
    )


def _styles() -> str:
    def style(name: str, shown: str, size: int, more: str = "", look: str = "") -> str:
        default = ' w:default="1"' if name == "Normal" else ""
        based = "" if name == "Normal" else '<w:basedOn w:val="Normal"/>'
        return (
            f'<w:style w:type="paragraph"{default} w:styleId="{name}"><w:name w:val="{shown}"/>{based}'
            f'<w:pPr>{more}</w:pPr><w:rPr>{look}<w:sz w:val="{size}"/></w:rPr></w:style>'
        )

    def space(before: int, after: int) -> str:
        return f'<w:spacing w:before="{before}" w:after="{after}"/>'

    blue = '<w:b/><w:color w:val="004F7C"/>'
    listed = (
        style("Normal", "Normal", 20, space(0, 100)),
        style("Title", "Title", 32, space(0, 60), blue),
        style("Subtitle", "Subtitle", 18, space(0, 60), '<w:color w:val="555555"/>'),
        style("Heading1", "heading 1", 24, space(160, 80) + '<w:outlineLvl w:val="0"/>', blue),
        style("Caption", "caption", 18, space(100, 40), "<w:b/>"),
        style("Cell", "Cell", 16, space(20, 20)),
        style("Note", "Note", 16, space(0, 60), '<w:color w:val="555555"/>'),
        style("ListBullet", "List Bullet", 20, '<w:numPr><w:numId w:val="1"/></w:numPr>' + space(0, 60)),
    )
    # Latin words in a Japanese text are English: in "ja-JP" a line would end within a name or a number.
    tag = _TAGS["en"]
    fonts = '<w:rFonts w:ascii="Calibri" w:hAnsi="Calibri" w:eastAsia="Yu Gothic" w:cs="Calibri"/>'
    defaults = (
        f'<w:docDefaults><w:rPrDefault><w:rPr>{fonts}<w:lang w:val="{tag}" w:eastAsia="ja-JP"/></w:rPr>'
        "</w:rPrDefault></w:docDefaults>"
    )
    return f"{_HEAD}<w:styles {_W}>{defaults}{''.join(listed)}</w:styles>"
