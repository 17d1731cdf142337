"""Checking texts: what is matched, what is not, places, kinds of files, and bad ones."""

import io
import zipfile

import pytest

from kakehashi.errors import InputError
from kakehashi.index.claims import check_file, check_text

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def verdicts(text):
    return [
        (one.figure.text, one.match.claim.id, one.match.verdict)
        for one in check_text(text)
        if one.match.claim
    ]


def word(*paragraphs, extra="", parts=("word/document.xml",), head=""):
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in parts:
            archive.writestr(
                name, f'{head}<w:document xmlns:w="{W}"><w:body>{body}{extra}</w:body></w:document>'
            )
    return out.getvalue()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("AI incidents grew by 347% in 2024.", [("347%", "c01", "differs")]),
        ("AI incidents grew by 56% in 2024.", [("56%", "c01", "confirmed")]),
        # a third value: which quantity is meant cannot be known
        ("AI incidents grew by 60% in 2024.", []),
        # another year than the source's
        ("AI incidents grew by 56.4% in 2021.", []),
        # 56.4 is over 50, and 50 is its first digit
        ("AI incidents grew by more than 50% in 2024.", [("50%", "c01", "confirmed")]),
        # a firm figure, right within limits
        ("DeepSeek-V3's last run cost $5.576 million.", [("$5.576 million", "c20", "confirmed-with-limits")]),
        (
            "DeepSeek-V3 took 2.788M H800 GPU hours.",
            [("2.788M H800 GPU hours", "c20", "confirmed-with-limits")],
        ),
        # what is counted may stand behind other words, and another thing is counted by another word
        ("In 2024 the AI Incident Database held 233 new AI incidents.", [("233", "c01", "confirmed")]),
        ("In 2024, 233 firms reported to the AI Incident Database on incidents.", []),
        # one secondary page, and memory
        ("DeepSeekを含む中国企業17社が署名した。", [("17社", "c39", "not-checked")]),
        ("EUのAI法の遵守費用は開発費の17～25％である。", [("17～25％", "c21", "not-checked")]),
        # the countries are swapped
        ("2024年の注目すべきモデルは、中国が40件、米国が15件であった。", []),
        # the order in time is swapped
        ("On MMLU the gap went from 0.3 points to 17.5 points.", []),
        # the years are swapped
        ("On MMLU the gap was 0.3 points in 2023.", []),
        # the benchmark is another
        ("On GPQA, unlike MMLU, no gap; on GPQA the gap was 17.5 points.", []),
        (
            "豪州のAIセーフティ・インスティテュートは令和7年11月に発表された。",
            [("令和7年11月", "c33", "confirmed")],
        ),
    ],
)
def test_a_figure_is_matched_only_where_kind_value_and_subject_agree(text, wanted):
    assert verdicts(text) == wanted


def test_a_third_value_names_the_claims_on_its_subject():
    one = next(one for one in check_text("AI incidents grew by 60%.") if one.figure.kind == "percent")
    assert (one.match.verdict, one.match.claim, one.match.related) == ("not-checked", None, ("c01",))


def test_places_are_lines_columns_and_sentences(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("見出し\n\n甲は3件である。乙は\n４割である。\n", encoding="utf-8")
    found = check_file(path).figures
    assert [(one.line, one.column, one.figure.text) for one in found] == [(3, 3, "3件"), (4, 1, "４割")]
    assert found[1].sentence == "乙は ４割である。"


def test_word_files_are_read_by_paragraph_and_deleted_text_is_not(tmp_path):
    path = tmp_path / "t.docx"
    gone = "<w:p><w:del><w:r><w:delText>99%</w:delText></w:r></w:del></w:p>"
    path.write_bytes(word("Title", "AI incidents grew by 347%.", extra=gone))
    assert [(one.line, one.figure.text, one.match.verdict) for one in check_file(path).figures] == [
        (2, "347%", "differs")
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_tables_are_read_by_row_with_their_head(tmp_path, encoding):
    path = tmp_path / "t.csv"
    path.write_bytes(
        '項目,数値\nAIインシデント報告の前年比増加率,347%\n利用者,"1,200万人"\n'.encode(encoding)
    )
    found = check_file(path).figures
    assert [(one.line, one.figure.text, one.match.verdict) for one in found] == [
        (2, "347%", "differs"),
        (3, "1,200万人", "not-checked"),
    ]


def torn():
    data = word("AI incidents grew by 347%." * 50)
    return data[: len(data) // 2]


def bent():
    data = bytearray(word("AI incidents grew by 347%." * 50))
    data[60:90] = b"\x00" * 30
    return bytes(data)


BOMB = '<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;&x;">]>'


@pytest.mark.parametrize(
    ("name", "data", "message", "row"),
    [
        ("t.pdf", b"%PDF", "is not read", None),
        ("t", b"x", "without a suffix", None),
        ("t.txt", b"", "holds no text", None),
        ("t.txt", b"\n \n", "holds no text", None),
        ("t.txt", b"ab\ncd\xff\xfe\x80", "neither UTF-8 nor cp932", 2),
        ("t.txt", b"ab\n\x00", "zero byte", 2),
        ("t.csv", b"a,b\n1\n", "1 cells, the head has 2", 2),
        ("t.csv", b'a,b\n1,"2\n', "not CSV", 2),
        ("t.docx", b"PK\x03\x04", "torn", None),
        ("t.docx", torn(), "torn", None),
        ("t.docx", bent(), "torn", None),
        ("t.docx", word("x", parts=("other.xml",)), "no word/document.xml", None),
        ("t.docx", word("x", head=BOMB), "document type", None),
        ("t.docx", word("x", extra="<w:p>"), "no XML", None),
        ("t.docx", word("x" * 6_000_000), "unpacks to more", None),
    ],
    # Zip files hold the second in which they were made: two workers must call the tests alike.
    ids=lambda value: "data" if isinstance(value, bytes) else None,
)
def test_a_bad_file_is_one_clear_error(tmp_path, name, data, message, row):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        check_file(path)
    assert (caught.value.path, caught.value.row) == (str(path), row)


def test_long_passages_are_read_whole_and_runs_of_digits_are_no_figures():
    text = "AI incidents grew by 347%. " * 300 + "1" * 5000
    found = check_text(text)
    assert [one.figure.text for one in found] == ["347%"] * 300
    assert {one.match.verdict for one in found} == {"differs"}
    assert all(text[one.figure.start : one.figure.end] == "347%" for one in found)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        check_file(tmp_path / "t.md")


def test_a_tables_unit_may_stand_in_its_head_alone(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "年,国・地域,注目モデル数（件）,投資（億ドル）,Cost (USD million),Share (%),n (2024),注目モデルの備考（参考）\n"
        "2024,中国,15,93,5.6,56.4,20,7\n",
        encoding="utf-8",
    )
    found = check_file(path).figures
    assert [one.figure.text for one in found] == [
        "2024", "15件", "93億ドル", "USD 5.6 million", "56.4%", "20", "7",
    ]  # fmt: skip
    assert [one.match.claim.id for one in found if one.match.claim] == ["c13"]


def test_a_markdown_table_is_read_by_row_with_the_units_of_its_head(tmp_path):
    path = tmp_path / "t.md"
    path.write_text(
        "投資は次の表のとおり。\n"
        "| 年 | 国・地域 | 注目モデル数（件） | 民間投資（百万ドル） |\n"
        "|:--|---|--:|--:|\n"
        "| 2024 | 中国 | **15** | 9,290 |\n"
        "| 2024 | 日本 | 3 |\n"
        "\n"
        "a | 7 and no table\n",
        encoding="utf-8",
    )
    found = check_file(path).figures
    assert [(one.line, one.figure.text) for one in found] == [
        (4, "2024"), (4, "15件"), (4, "9,290百万ドル"), (5, "2024"), (5, "3"), (7, "7"),
    ]  # fmt: skip
    assert found[2].figure.low == 9_290_000_000
    assert [one.match.claim.id for one in found if one.match.claim] == ["c13"]


def cell(*paragraphs):
    return "<w:tc>" + "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs) + "</w:tc>"


def test_a_word_table_is_read_by_row_and_a_table_that_only_places_text_is_not(tmp_path):
    rows = [
        cell("年") + cell("国・地域") + cell("注目モデル数（件）"),
        cell("2024") + cell("中国") + cell("15"),
    ]
    layout = cell("右の欄。", "AI incidents grew by 347% in 2024.") + cell("7件。")
    table = "".join(f"<w:tr>{row}</w:tr>" for row in rows)
    path = tmp_path / "t.docx"
    path.write_bytes(word("前文", extra=f"<w:tbl>{table}</w:tbl><w:tbl><w:tr>{layout}</w:tr></w:tbl>"))
    found = check_file(path).figures
    assert [(one.line, one.figure.text) for one in found] == [
        (3, "2024"), (3, "15件"), (5, "347%"), (5, "2024"), (6, "7件"),
    ]  # fmt: skip
    assert [one.match.claim.id for one in found if one.match.claim] == ["c13", "c01"]
