"""``kakehashi commitments`` from the outside, in both languages."""

import json
import re

import pytest
from commands import in_process, kakehashi

FOUR = ("hiroshima-code", "frontier-commitments", "aiia-2024", "eu-gpai")


def test_the_four_way_table_prints_and_renders_in_both_languages(tmp_path):
    formats = ("--format", "html,json,csv,docx")
    done = kakehashi(
        "commitments", "compare", *FOUR, "--lang", "ja,en", "--out", "out", *formats, cwd=tmp_path
    )
    assert done.code == 0
    each = {f"crosswalk.{code}.{kind}" for code in ("ja", "en") for kind in ("csv", "docx")}
    assert {one.name for one in (tmp_path / "out").iterdir()} == {"crosswalk.html", "crosswalk.json"} | each
    assert "全ての文書に関連する条項があるものは5行" in done.out
    assert "未確認" in done.out
    # Printed too: who issued each for whom with what force, what all ask, what some, what one alone, the course.
    titles = ("比較した文書", "全ての文書に関連する条項があるもの", "一部の文書に関連する条項があるもの")
    titles += ("対応関係の記録がないもの", "時系列での収れん")
    parts = re.split(f"^({'|'.join(titles)})$", done.out, flags=re.M)
    assert tuple(parts[1::2]) == titles
    counts = {title: part.strip().count("\n") for title, part in zip(titles, parts[2::2], strict=True)}
    assert list(counts.values()) == [4, 5, 18, 5, 5]
    assert "発出主体\t名宛人\t法的効力" in parts[2]
    assert "AIIA（産業団体。事務局：CAICT）\t企業\t任意" in parts[2]
    page = (tmp_path / "out" / "crosswalk.html").read_text(encoding="utf-8")
    values = {
        language: re.findall(r'<data value="([^"]+)"', part)
        for language, part in zip(("ja", "en"), page.split('class="edition"')[1:], strict=True)
    }
    assert values["ja"] == values["en"] != []
    written = json.loads((tmp_path / "out" / "crosswalk.json").read_text(encoding="utf-8"))
    assert written["counts"] == {"common": 5, "partial": 18, "rows": 28, "single": 5}
    assert kakehashi("commitments", "compare", *FOUR, "--json", cwd=tmp_path).json == written
    # Nothing was read whole: the page says not checked, and never that there is no such clause.
    assert "not checked" in page
    assert "no such clause in the whole text" not in page
    assert "from a summary" in page


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_list_and_show_speak_the_language(tmp_path, lang):
    shown = in_process("commitments", "show", "jp-ai-act", "--lang", lang, cwd=tmp_path)
    assert {"en": "Basic principles", "ja": "基本理念"}[lang] in shown.out
    assert {"en": "\nLicence: ", "ja": "\nライセンス："}[lang] in shown.out
    # What succeeds another says so, and what was succeeded too.
    newer = in_process("commitments", "show", "china-framework-2025", "--lang", lang, cwd=tmp_path).out
    older = in_process("commitments", "show", "aiia-2024", "--lang", lang, cwd=tmp_path).out
    assert {"en": "\nFollows: ", "ja": "\n先行する文書："}[lang] in newer
    assert {"en": "\nFollowed by: ", "ja": "\n後継の文書："}[lang] in older
    assert "aiia-2024" in newer
    assert "china-framework-2025" in older
    listed = in_process("commitments", "list", "--lang", lang, cwd=tmp_path)
    assert listed.out.count("\n") == 15  # a head and fourteen instruments
    assert {"en": "companies", "ja": "企業"}[lang] in listed.out
    counts = {row.split("\t")[0]: row.split("\t")[6] for row in listed.out.splitlines()[1:]}
    assert (counts["eu-gpai"], counts["nist-ai-rmf"]) == ("34", "19")  # headings are no provisions
    # the help promises the issuer as well
    assert {"en": "Issuer\tAddressee", "ja": "発出主体\t名宛人"}[lang] in listed.out.splitlines()[0]
    assert {"en": "National Diet of Japan", "ja": "国会（日本）"}[lang] in listed.out


def test_check_names_file_and_line_and_fails_on_errors_only(tmp_path):
    assert in_process("commitments", "check", cwd=tmp_path).code == 0
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.yaml").write_text(
        "format: kakehashi.crosswalk/1\nid: mine\nauthor: me\ndate: 2026-01-02\norigin: own\nstatus: draft\n"
        "relations:\n  - source: hiroshima-code-01\n    targets: [nowhere-1]\n    relation: equal-to\n"
        "    confidence: low\n    gap: {en: none, ja: なし}\n",
        encoding="utf-8",
    )
    done = in_process("commitments", "check", "--catalog", "own", cwd=tmp_path)
    assert done.code == 3
    assert "mine.yaml:8\tunknown-id" in done.out
    # what stands on such a map is refused as well, and nothing is written
    for words in (
        ("compare", *FOUR, "--out", "out"),
        ("export", "--out", "out"),
        ("agree", "core", "mine"),
        ("draft", "hiroshima-report", "--for", "anthropic", "--out", "out"),
    ):
        refused = in_process("commitments", *words, "--catalog", "own", cwd=tmp_path)
        assert (refused.code, refused.out) == (3, "")
        assert "mine.yaml:8: no provision or instrument 'nowhere-1'" in refused.err
        assert {one.name for one in tmp_path.iterdir()} == {"own"}
    text = (own / "mine.yaml").read_text(encoding="utf-8").replace("nowhere-1", "eu-gpai-m9.1")
    (own / "mine.yaml").write_text(text, encoding="utf-8")
    agreed = in_process(
        "commitments", "agree", "core", "mine", "--catalog", "own", "--json", cwd=tmp_path
    ).json
    assert (agreed["both"], agreed["kappa"]) == (0, None)
    # a cell in which two maps speak names each; where one does it is not said again and again
    rival = text.replace("eu-gpai-m9.1", "eu-gpai-m2.1").replace("equal-to", "subset-of")
    (own / "mine.yaml").write_text(rival, encoding="utf-8")
    two = ("commitments", "compare", "hiroshima-code", "eu-gpai", "--lang", "ja")
    said = in_process(*two, "--catalog", "own", cwd=tmp_path).out
    assert "対照表「core」によれば、2.1 特定手順、" in said
    assert "対照表「mine」によれば、2.1 特定手順：含まれる（確度：低）。なし" in said
    assert "によれば、" not in in_process(*two, cwd=tmp_path).out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "hiroshima"), 2, "hiroshima-code"),
        (("compare", "hiroshima-code"), 2, "two or more"),
        (("compare", *FOUR, "--lang", "jp"), 2, "ja"),
        (("compare", *FOUR, "--format", "odt"), 2, "report format"),
        (("compare", *FOUR, "--map", "nothing"), 2, "core"),
        (("check", "--catalog", "nowhere"), 3, "no such folder"),
    ],
)
def test_bad_words_get_one_clear_error(tmp_path, words, code, said):
    done = in_process("commitments", *words, cwd=tmp_path)
    assert done.code == code
    assert said in done.err
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_export_writes_files_that_refer_to_one_another(tmp_path):
    done = in_process(
        "commitments", "export", *FOUR, "--lang", "ja", "--out", "oscal", "--json", cwd=tmp_path
    )
    assert set(done.json) == {path.name for path in (tmp_path / "oscal").iterdir()}
    mapping = json.loads((tmp_path / "oscal" / "core.mapping.ja.json").read_text(encoding="utf-8"))
    for one in mapping["mapping-collection"]["mappings"]:
        assert (tmp_path / "oscal" / one["target-resource"]["href"]).is_file()
    assert in_process("commitments", "export", "--format", "csv", "--out", "t", cwd=tmp_path).code == 0
    assert (tmp_path / "t" / "relations.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert in_process("commitments", "export", "nobody", "--out", "u", cwd=tmp_path).code == 2
    assert not (tmp_path / "u").exists()
