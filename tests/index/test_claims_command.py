"""``kakehashi index claims`` from the outside: one shape of JSON, pages in both languages, nothing half-written."""

import csv
import io
import json
import re

import pytest
from click.testing import CliRunner

from kakehashi.cli.main import cli
from kakehashi.errors import InputError, UnknownNameError

SPEECH = """# Speech

2024年のAIインシデント報告は前年比347%増となった。参加者は120人である。

China released 15 notable models in 2024; @SUM(1) costs 3%.
"""


def run(*words):
    return CliRunner().invoke(cli, ["index", "claims", *map(str, words)])


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("claims")
    (folder / "speech.md").write_text(SPEECH, encoding="utf-8")
    done = run("check", folder / "speech.md", "--lang", "ja,en", "--out", folder / "out", "--json")
    assert done.exit_code == 0, done.output
    return folder / "out", json.loads(done.stdout)


def test_printed_and_written_json_are_one(checked):
    out, printed = checked
    assert json.loads((out / "claims.json").read_text(encoding="utf-8")) == printed
    assert {tuple(sorted(one)) for one in printed["figures"]} == {tuple(sorted(printed["figures"][0]))}
    assert [(one["line"], one["text"], one["claim"], one["verdict"]) for one in printed["figures"]] == [
        (3, "2024年", None, "not-checked"),
        (3, "347%", "c01", "differs"),
        (3, "120人", None, "not-checked"),
        (5, "15", "c13", "confirmed"),
        (5, "2024", None, "not-checked"),
        (5, "1", None, "not-checked"),
        (5, "3%", None, "not-checked"),
    ]
    assert printed["counts"]["figures"] == 7
    assert (
        sum(printed["counts"][name] for name in printed["counts"] if name not in ("figures", "matched")) == 7
    )


def test_the_page_has_the_same_values_in_both_languages_and_no_script(checked):
    out, _ = checked
    page = (out / "claims.html").read_text(encoding="utf-8")
    editions = page.split('class="edition"')[1:]
    values = [re.findall(r'<data value="([^"]+)"', one) for one in editions]
    assert values[0] == values[1] != []
    assert "<script" not in page
    assert "一致する二次資料2件（B）" in editions[0]
    assert "two secondary pages that agree (B)" in editions[1]


def test_csv_has_a_mark_and_no_cell_that_runs(checked):
    out, printed = checked
    for language in ("ja", "en"):
        data = (out / f"claims.{language}.csv").read_bytes()
        assert data.startswith(b"\xef\xbb\xbf")
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
        assert len(rows) == 1 + len(printed["figures"])
        assert all(cell[:1] not in ("=", "+", "-", "@") for row in rows for cell in row)


def test_list_gives_all_claims_in_every_form(tmp_path):
    done = run("list", "--lang", "ja,en", "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert sum(line.startswith("c") for line in done.stdout.splitlines()) == 48
    page = (tmp_path / "out" / "claims.html").read_text(encoding="utf-8")
    assert "引用数値の照合例" in page
    assert (
        json.loads((tmp_path / "out" / "claims.json").read_text(encoding="utf-8"))["claims"][47]["id"]
        == "c48"
    )


@pytest.mark.parametrize(("lang", "word"), [("en", "Verdict: differs"), ("ja", "照合結果：相違")])
def test_show_gives_the_sentence_in_the_readers_language(lang, word):
    assert word in run("show", "c01", "--lang", lang).output


def test_what_cannot_be_done_writes_nothing(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1\n", encoding="utf-8")
    (tmp_path / "t.txt").write_text("3%", encoding="utf-8")
    out = tmp_path / "out"
    for words, error in (
        (("check", tmp_path / "t.csv"), InputError),
        (("check", tmp_path / "t.txt", "--lang", "fr"), UnknownNameError),
        (("check", tmp_path / "t.txt", "--format", "pptx"), UnknownNameError),
    ):
        assert isinstance(run(*words, "--out", out).exception, error)
    assert isinstance(run("show", "c99").exception, UnknownNameError)
    assert not out.exists()
