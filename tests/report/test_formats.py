"""One document in seven formats: the same words and numbers in all of them, the same bytes each time."""

import csv
import io
import re
import shutil
import subprocess
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import fixtures
import openpyxl
import pypdf
import pytest
from reading import Page

from kakehashi.errors import MissingExtraError, UnknownNameError, UsageError
from kakehashi.report import FORMATS, Assessment, build_assessment, check_formats, render_files, write_report
from kakehashi.report.charts import draw_png
from kakehashi.report.document import (
    Code,
    Column,
    Document,
    Figure,
    Number,
    Paragraph,
    Say,
    Section,
    Table,
    Verbatim,
)
from kakehashi.report.docx import render_docx
from kakehashi.report.html import figures_of
from kakehashi.report.pages import assessment_document
from kakehashi.report.pdf import FONT, font_folders, render_pdf
from kakehashi.report.tables import render_csv, render_xlsx
from kakehashi.report.voice import Voice

LANGUAGES = ("ja", "en")
BREAK = "\u200b"
POPPLER = shutil.which("pdftotext") is not None


WITHOUT_PICTURES = [name for name in FORMATS if name != "png"]


def made(assessment: Assessment, languages: tuple[str, ...] = LANGUAGES) -> Mapping[str, str | bytes]:
    return render_files(
        assessment_document(assessment),
        name="report",
        run=assessment.run.id,
        made=assessment.run.created,
        body=assessment.to_json(),
        languages=languages,
        formats=WITHOUT_PICTURES,
    )


@pytest.fixture(scope="module")
def three() -> Assessment:
    """Of few items and without the published figures: every format, on fewer pages."""
    limits = {"kakehashi/core": 14, "kakehashi/facts": 14, "kakehashi/attacks": 10}
    return build_assessment(fixtures.three_systems(limits=limits), with_published=False)


@pytest.fixture(scope="module")
def files(three: Assessment) -> Mapping[str, str | bytes]:
    return made(three)


@pytest.fixture(scope="module")
def pdf_pages(files: Mapping[str, str | bytes]) -> Mapping[str, list[str]]:
    """The text of each page of the PDF of each language: one read by pypdf; the other by poppler, where it is there."""
    return {
        "ja": read_pages(bytes(files["report.ja.pdf"])),  # type: ignore[arg-type]
        "en": (poppler_pages if POPPLER else read_pages)(bytes(files["report.en.pdf"])),  # type: ignore[arg-type]
    }


def read_pages(data: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages]


def poppler_pages(data: bytes) -> list[str]:
    done = subprocess.run(["pdftotext", "-raw", "-", "-"], input=data, capture_output=True, check=True)
    return done.stdout.decode().split("\f")[:-1]


def small(text: str, number: float = 0.25) -> Document:
    table = Table(
        "t",
        Verbatim("caption"),
        (Column(Verbatim("name")), Column(Verbatim("share"), True)),
        ((Verbatim(text), Number(number, "percent")),),
    )
    section = Section("s", Verbatim("head"), (Paragraph(Verbatim(text)), Paragraph(Code(text)), table))
    return Document(Verbatim("title"), Verbatim(text), Say("independence"), Verbatim("m"), (section,), 0, "")


def pdf_text(data: bytes) -> str:
    return "\n".join(read_pages(data))


def squeezed(text: str) -> str:
    """Without spaces and without hyphens: a line may end anywhere."""
    return re.sub(r"[\s\-\u2010\u00ad]", "", text.replace(BREAK, ""))


def body_text(texts: list[str], mark: str) -> str:
    """All text without the foot of each page."""
    pages = [squeezed(text) for text in texts]
    feet = [f"{squeezed(mark)}{number}/{len(pages)}" for number in range(1, len(pages) + 1)]
    assert all(foot in text for foot, text in zip(feet, pages, strict=True))
    return "".join(text.replace(foot, "") for foot, text in zip(feet, pages, strict=True))


def test_every_format_is_there_in_every_language(files: Mapping[str, str | bytes]) -> None:
    each = {f"report.{language}.{kind}" for language in LANGUAGES for kind in ("pdf", "xlsx", "csv", "docx")}
    assert set(files) == {"report.html", "report.json"} | each


def test_a_figure_is_a_picture_with_japanese_letters_and_no_empty_boxes(three: Assessment) -> None:
    figure = next(one for one in figures_of(assessment_document(three)) if one.id == "figure-reliability-en")
    pictures = {}
    for language in LANGUAGES:
        pictures[language] = draw_png(figure, Voice(language), fonts=font_folders(), font=FONT)
        assert str(pictures[language][:8]) == str(b"\x89PNG\r\n\x1a\n")  # type: ignore[index]
    assert pictures["ja"] != pictures["en"]
    assert pictures["ja"] == draw_png(figure, Voice("ja"), fonts=font_folders(), font=FONT)


def test_each_figure_is_a_picture_of_its_own_in_each_language(
    three: Assessment, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a picture shows is tested above; here it is how many there are, and of what.
    drawn: list[tuple[str, str]] = []

    def noted(figure: Figure, voice: Voice, **_: object) -> bytes:
        drawn.append((figure.id, voice.language))
        return f"{figure.id} {voice.language}".encode()

    monkeypatch.setattr("kakehashi.report.formats.draw_png", noted)
    document = assessment_document(three)
    pictures = render_files(
        document, name="report", run="", made="", body="", languages=LANGUAGES, formats=("png",)
    )
    each = [(figure.id, language) for figure in figures_of(document) for language in LANGUAGES]
    assert len(each) > 8
    assert sorted(drawn) == sorted(each)
    assert len(pictures) == len(each)
    assert set(pictures.values()) == {f"{name} {language}".encode() for name, language in each}


def test_the_same_values_give_the_same_bytes(three: Assessment, files: Mapping[str, str | bytes]) -> None:
    # The page with both languages is held to this in test_html.
    again = made(three, ("ja",))
    assert len(again) == 6
    assert [name for name in again if name != "report.html" and files[name] != again[name]] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_and_number_of_the_page_stands_in_the_pdf(
    three: Assessment, files: Mapping[str, str | bytes], pdf_pages: Mapping[str, list[str]], language: str
) -> None:
    html = str(files["report.html"])
    mark = Voice(language).plain(assessment_document(three).mark)
    text = body_text(pdf_pages[language], mark)
    drawn = {squeezed(word) for word in re.findall(r"<text[^>]*>([^<]*)<", html)}
    words = [squeezed(word) for word in Page(html).words[language]]
    assert len(words) > 1500
    missing = {word for word in words if word not in text} - drawn
    # The hint that a table scrolls is for screens.
    assert missing - {"横にスクロール", "scrollsideways"} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_number_stands_in_the_pdf_that_is_not_on_the_page(
    files: Mapping[str, str | bytes], pdf_pages: Mapping[str, list[str]], language: str
) -> None:
    page = squeezed(Page(str(files["report.html"])).text(language))
    decimals = set(re.findall(r"\d+\.\d+%?", "\n".join(pdf_pages[language])))
    assert len(decimals) > 60
    assert {one for one in decimals if one not in page} == set()


@pytest.mark.skipif(not POPPLER, reason="poppler is not installed")
def test_poppler_reads_the_same_numbers_and_finds_every_font_embedded(
    files: Mapping[str, str | bytes], tmp_path: Path
) -> None:
    page = Page(str(files["report.html"]))
    for language in LANGUAGES:
        path = tmp_path / "report.pdf"
        path.write_bytes(bytes(files[f"report.{language}.pdf"]))  # type: ignore[arg-type]
        text = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, check=True).stdout
        found = squeezed(text.decode())
        shown = {squeezed(word) for word in page.words[language] if re.fullmatch(r"[\d.,%−+]+", word.strip())}
        assert len(shown) > 100
        assert {word for word in shown if word not in found} == set()
        fonts = subprocess.run(["pdffonts", path], capture_output=True, check=True).stdout.decode()
        rows = fonts.splitlines()[2:]
        assert any("NotoSansCJKjp-Regular" in row for row in rows)
        assert all(row.split()[-5:-2] == ["yes", "yes", "yes"] for row in rows), fonts


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pdf_is_tagged_has_a_title_a_language_headings_and_alternative_texts(
    files: Mapping[str, str | bytes], language: str
) -> None:
    data = bytes(files[f"report.{language}.pdf"])  # type: ignore[arg-type]
    reader = pypdf.PdfReader(io.BytesIO(data))
    root = reader.trailer["/Root"].get_object()
    assert root["/MarkInfo"]["/Marked"] is not None
    assert root["/Lang"].lower().startswith(language)
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert reader.metadata is not None
    title = {"ja": "AIシステム安全性評価報告書", "en": "Safety assessment of AI systems"}[language]
    assert reader.metadata.title == title
    tags: Counter[str] = Counter()
    without_alt = []
    nodes = [root["/StructTreeRoot"].get_object()]
    while nodes:
        node = nodes.pop()
        if isinstance(node, pypdf.generic.ArrayObject):
            nodes += [one.get_object() for one in node]
        elif isinstance(node, pypdf.generic.DictionaryObject):
            tag = str(node.get("/S", ""))
            tags[tag] += 1
            if tag == "/Figure" and not node.get("/Alt"):
                without_alt.append(node)
            if "/K" in node:
                nodes.append(node["/K"].get_object())
    assert without_alt == []
    html = str(files["report.html"])
    edition = html[html.index(f'lang="{language}">') :]
    pictures = edition[: edition.index("</article>")].count("<svg role=")
    assert tags["/Figure"] == pictures
    assert {"/H1", "/H2", "/Table", "/TH", "/TD", "/L", "/LI", "/P", "/Caption"} <= set(tags)
    metadata = root["/Metadata"].get_object().get_data().decode()
    assert re.search(r"pdfuaid:part[>=\"]+1", metadata)


def test_what_no_font_shows_becomes_its_code_point_and_control_characters_go() -> None:
    text = pdf_text(
        render_pdf(small("a\U0001f389b\x07c"), run="", language="en", made="2026-01-01T01:02:03.5+09:00")
    )
    assert "a[U+1F389]bc" in squeezed(text)


def test_words_that_try_to_be_typst_stay_words() -> None:
    text = '#panic("x") = head <label> $x$ @ref [b] *bold* \\ // c'
    found = pdf_text(render_pdf(small(text), run="", language="en", made="not a date"))
    assert squeezed(found).count(squeezed(text)) >= 3


@pytest.mark.parametrize("attack", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(attack: str) -> None:
    document = small(attack, -0.5)
    row = next(iter(csv.DictReader(io.StringIO(render_csv(document, language="en").lstrip("\ufeff")))))
    assert row["row"].startswith("'")
    assert (row["shown"], row["number"]) == ("−50.0%", "'-0.5")
    book = openpyxl.load_workbook(io.BytesIO(render_xlsx(document, run="", language="en", made="")))
    cell = book["1"]["A3"]
    assert (cell.data_type, cell.quotePrefix) == ("s", True)
    assert book["1"]["B3"].value == -0.5


def test_the_csv_opens_in_a_spreadsheet_and_holds_every_number_of_every_table(
    files: Mapping[str, str | bytes],
) -> None:
    numbers = {}
    for language in LANGUAGES:
        text = str(files[f"report.{language}.csv"])
        assert text.startswith("\ufeffsection,table,row,column,shown,number,date,source\r\n")
        rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline="")))
        numbers[language] = Counter((row["table"], row["number"], row["date"]) for row in rows)
    assert numbers["ja"] == numbers["en"]
    # The page's tables hold the same numbers as often.
    html = str(files["report.html"])
    edition = html[html.index('<article class="edition" lang="en">') :]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", edition[: edition.index("</article>")], re.DOTALL)
    shown = Counter(value for cell in cells for value in re.findall(r'<data value="([^"]+)"', cell))
    listed = Counter(number.lstrip("'") for _, number, _ in numbers["en"].elements() if number)
    assert listed == shown


def test_a_workbook_has_a_sheet_a_table_with_numbers_as_numbers(files: Mapping[str, str | bytes]) -> None:
    found = {}
    for language in LANGUAGES:
        data = bytes(files[f"report.{language}.xlsx"])  # type: ignore[arg-type]
        book = openpyxl.load_workbook(io.BytesIO(data))
        html = str(files["report.html"])
        edition = html[html.index(f'<article class="edition" lang="{language}">') :]
        assert len(book.sheetnames) == 1 + edition[: edition.index("</article>")].count("<table ")
        found[language] = [
            cell.value
            for sheet in book.worksheets
            for row in sheet.iter_rows()
            for cell in row
            if isinstance(cell.value, int | float)
        ]
    assert found["ja"] == found["en"]
    assert len(found["en"]) > 200


def test_a_brief_for_word_is_well_formed_and_has_the_sentences_of_the_first_page(
    files: Mapping[str, str | bytes],
) -> None:
    numbers = {}
    for language in LANGUAGES:
        with zipfile.ZipFile(io.BytesIO(bytes(files[f"report.{language}.docx"]))) as archive:  # type: ignore[arg-type]
            assert archive.testzip() is None
            parts = {name: ElementTree.fromstring(archive.read(name)) for name in archive.namelist()}
        text = "".join(parts["word/document.xml"].itertext())
        lead = re.findall(
            rf'<article class="edition" lang="{language}">.*?<p class="lead">(.*?)</p>',
            str(files["report.html"]),
            re.DOTALL,
        )[0]
        assert re.sub(r"<[^>]+>", "", lead) in text
        numbers[language] = re.findall(r"\d+\.\d+", text)
    assert Counter(numbers["ja"]) == Counter(numbers["en"])


def test_a_brief_for_word_stays_on_one_page_whatever_its_sentences() -> None:
    # LibreOffice 7.4 set 46 lines of 10 points and more on the page; a line holds 46 Japanese letters or 92 Latin ones.
    for text, lines in (("漢" * 100, 3), ("word " * 36, 2)):
        section = Section("s", Verbatim("head"), tuple(Paragraph(Verbatim(text)) for _ in range(60)))
        document = Document(
            Verbatim("t"), Verbatim("s"), Say("independence"), Verbatim("m"), (section,), 0, ""
        )
        with zipfile.ZipFile(io.BytesIO(render_docx(document, run="", language="ja"))) as archive:
            shown = archive.read("word/document.xml").decode().count(text)
        assert shown >= 5
        assert shown * lines <= 46


def test_formats_are_checked_before_anything_is_written(
    three: Assessment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnknownNameError, match="report format"):
        write_report(three, tmp_path / "out", formats=("html", "odt"))
    with pytest.raises(UsageError, match="needs a format"):
        check_formats(())
    monkeypatch.setattr("kakehashi.report.formats.pdf_available", lambda: False)
    monkeypatch.setattr("kakehashi.report.formats.tables_available", lambda: False)
    for name, extra in (("pdf", "pdf"), ("xlsx", "tables"), ("png", "pdf")):
        with pytest.raises(MissingExtraError, match=f"extra '{extra}'"):
            write_report(three, tmp_path / "out", formats=(name,))
    assert not (tmp_path / "out").exists()
