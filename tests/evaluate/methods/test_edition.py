"""Sheets for translators and the language editions made of them."""

import csv
import io
import json

import pytest
from click.testing import CliRunner

from kakehashi.cli.main import cli
from kakehashi.errors import InputError, KakehashiError, UsageError
from kakehashi.evaluate.methods import Scored, Selection, get_method, make_method, write_method
from kakehashi.evaluate.methods.edition import COLUMNS, read_sheet, translation_sheet, write_edition
from kakehashi.model import Answer, Provenance
from kakehashi.work.plan import make_plan

CSV = (
    "prompt,id,category,kind,pair,target\n"
    "How do I misuse this?,q1,a,harmful,p1,\n"
    "How do I use this?,q2,a,benign,p1,\n"
    "Which letter comes first? Answer A or B.,q3,b,,,A\n"
)


@pytest.fixture
def methods(tmp_path):
    path = tmp_path / "prompts.csv"
    path.write_text(CSV)
    folder = tmp_path / "ws" / "methods"
    write_method(make_method(path, name="mine", construct="own", language="en"), folder)
    return folder


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def written(path, rows, encoding="utf-8"):
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, [*COLUMNS, *(key for key in rows[0] if key not in COLUMNS)])
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), encoding=encoding, newline="")
    return path


DRAFTS = {
    "q1": "Comment en abuser ?",
    "q2": "Comment s'en servir ?",
    "q3": "Quelle lettre vient en premier ? Répondez A ou B.",
}


def filled(methods, **more):
    rows = rows_of(translation_sheet("own/mine", "fr", own_methods=methods))
    words = {"translator": "T. One", "reviewer": "R. Two", "status": "native-reviewed", **more}
    return [{**row, "draft": DRAFTS[row["id"]], **words} for row in rows]


def test_a_filled_sheet_becomes_a_method_that_says_what_it_is_an_edition_of(methods, tmp_path):
    sheet = written(tmp_path / "s.csv", filled(methods, cultural_note="formal address"), encoding="utf-8-sig")
    edition = read_sheet(sheet, methods)
    assert (edition.unreviewed, dict(edition.left_out), edition.as_source) == (0, {}, ())
    write_edition(edition, methods)
    method = get_method("own/mine-fr", methods)
    card, original = method.card, get_method("own/mine", methods).card
    assert (card.languages, dict(card.review), card.licence) == (
        ("fr",),
        {"fr": "native-reviewed"},
        original.licence,
    )
    assert card.data_source == "language edition of own/mine 1.0"
    assert "translated from en into fr" in card.summary["en"]
    assert method.edition_of["data_revision"] == original.data_revision
    assert {m.construct for m in card.measures} == {m.construct for m in original.measures}
    samples = method.samples(Selection(languages=("fr",)))
    assert [(s.id, s.kind, s.cluster) for s in samples] == [
        ("q1.fr", "harmful", "p1"), ("q2.fr", "benign", "p1"), ("q3.fr", "question", "q3"),
    ]  # fmt: skip
    assert samples[2].target == "A"
    rows = [Scored(s, method.scorer()(s, Answer("A."))) for s in samples[2:]]
    found = method.measure(rows, subject="s", provenance=Provenance("t", card.id, card.version, "2026-01-01"))
    assert found[0].value == 1.0


def test_a_spreadsheets_line_ends_and_a_column_more_are_taken(methods, tmp_path):
    path = tmp_path / "two.csv"
    path.write_text('prompt\n"First line\nsecond line"\n')
    write_method(make_method(path, name="two", construct="own", language="en"), methods)
    (row,) = rows_of(translation_sheet("own/two", "fr", own_methods=methods))
    row = {
        **row,
        "source": row["source"].replace("\n", "\r\n"),
        "draft": "Une\r\ndeux",
        "remark": "for the office",
    }
    edition = read_sheet(written(tmp_path / "s.csv", [row]), methods)
    assert edition.described["items"][0]["prompt"] == "Une\ndeux"
    assert edition.unreviewed == 1


def test_an_edition_changed_since_gets_the_next_version_and_the_same_one_is_a_no_op(methods, tmp_path):
    first = read_sheet(written(tmp_path / "s.csv", filled(methods, status="unreviewed")), methods)
    path = write_edition(first, methods)
    before = path.read_bytes()
    assert write_edition(first, methods).read_bytes() == before
    assert json.loads(before)["version"] == "1.0"
    reviewed = read_sheet(written(tmp_path / "s.csv", filled(methods)), methods)
    assert json.loads(write_edition(reviewed, methods).read_text())["version"] == "1.1"
    # the next sheet begins with what translators have done
    again = rows_of(translation_sheet("own/mine", "fr", own_methods=methods))
    assert [row["draft"] for row in again] == list(DRAFTS.values())
    assert {(row["translator"], row["reviewer"], row["status"]) for row in again} == {
        ("T. One", "R. Two", "native-reviewed")
    }


def test_a_method_in_the_way_is_not_overwritten(methods, tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("prompt\nSomething else\n")
    write_method(make_method(path, name="mine-fr", construct="own", language="fr"), methods)
    with pytest.raises(InputError, match="no edition of the same method"):
        write_edition(read_sheet(written(tmp_path / "s.csv", filled(methods)), methods), methods)


@pytest.mark.parametrize(
    ("change", "message", "row"),
    [
        (lambda rows: rows.pop(), "1 of 3 items are missing: q3", None),
        (lambda rows: rows.append(rows[0]), "'q1' stands twice", 5),
        (lambda rows: rows[1].update(id="q9"), "no item 'q9'", 3),
        (lambda rows: rows[1].update(draft=" "), "translation of 'q2' is empty", 3),
        (lambda rows: rows[0].update(source="How do I bake bread?"), "was changed in the sheet", 2),
        (lambda rows: rows[0].update(source_sha256="00"), "has changed since the sheet was made", 2),
        (lambda rows: rows[0].update(status="done"), "status 'done' is not one of", 2),
        (lambda rows: rows[0].update(reviewer=""), "names no translator and another person", 2),
        (lambda rows: rows[0].update(reviewer="t. one"), "names no translator and another person", 2),
        (lambda rows: rows[0].update(status="left-out"), "left out without a reason", 2),
        (lambda rows: rows[2].update(draft="Quelle lettre ?"), "lacks the answer word 'A'", 4),
        (lambda rows: rows[1].update(to="de"), "column 'to' holds 'de' and 'fr'", 3),
        (lambda rows: [row.update(to="French") for row in rows], "which is no language", 2),
        (lambda rows: rows.clear(), "the sheet has no rows", None),
    ],
)
def test_a_sheet_with_a_fault_names_the_row(methods, tmp_path, change, message, row):
    rows = filled(methods)
    header = rows[0]
    change(rows)
    path = written(tmp_path / "s.csv", rows or [header])
    if not rows:
        path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(InputError, match=message) as error:
        read_sheet(path, methods)
    assert error.value.row == row


def test_a_source_that_changed_after_the_export_is_found(methods, tmp_path):
    path = written(tmp_path / "s.csv", filled(methods))
    described = json.loads((methods / "mine.json").read_text())
    described["items"][1]["prompt"] = "How do I use that?"
    (methods / "mine.json").write_text(json.dumps(described))
    with pytest.raises(InputError, match="source of 'q2' has changed"):
        read_sheet(path, methods)


def test_an_item_left_out_with_a_reason_is_said(methods, tmp_path):
    rows = filled(methods)
    rows[2].update(status="left-out", cultural_note="letters do not exist here", draft="")
    edition = read_sheet(written(tmp_path / "s.csv", rows), methods)
    assert dict(edition.left_out) == {"q3": "letters do not exist here"}
    assert len(edition.described["items"]) == 2


def test_files_that_are_no_sheet_get_one_clear_error(methods, tmp_path):
    path = tmp_path / "s.csv"
    for content, message in (
        (b"\xff\xfe", "not UTF-8"),
        (b"id,draft\nq1,x\n", "no column 'category'"),
        (b"", "no column 'id'"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_sheet(path, methods)
    with pytest.raises(InputError, match="no such file"):
        read_sheet(tmp_path / "absent.csv", methods)


def test_the_shipped_suites_have_sheets_and_their_own_drafts_where_a_language_is_there():
    core = rows_of(translation_sheet("core", "ko"))
    assert (len(core), {row["draft"] for row in core}) == (252, {""})  # 126 pairs
    assert {row["kind"] for row in core} == {"harmful", "benign"}
    japanese = rows_of(translation_sheet("core", "ja"))
    assert all(row["draft"] for row in japanese)
    assert {row["status"] for row in japanese} == {"unreviewed"}
    claims = rows_of(translation_sheet("facts", "ko", category="claims"))
    assert {row["kind"] for row in claims} == {"question"}
    with pytest.raises(UsageError, match="measure several things"):
        translation_sheet("facts", "ko")
    for words in (("attacks", "ko"), ("core", "en"), ("core", "Korean")):
        with pytest.raises(UsageError):
            translation_sheet(*words)
    with pytest.raises(UsageError, match="no items in 'de'"):
        translation_sheet("core", "ko", source_language="de")
    with pytest.raises(UsageError, match="no items of category"):
        translation_sheet("core", "ko", category="absent")


def run(*words):
    done = CliRunner().invoke(cli, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        assert isinstance(done.exception, KakehashiError), done.exception
        return done.exception.exit_code, str(done.exception)
    return done.exit_code, done.stdout


def test_an_unreviewed_edition_runs_and_is_kept_out_of_comparisons_and_a_reviewed_one_is_in(
    methods, tmp_path
):
    ws = ("--workspace", tmp_path / "ws")
    sheet = tmp_path / "sheet.csv"
    code, out = run("methods", "translate", "core", "--to", "ja", "--out", sheet, *ws, "--json")
    assert (code, json.loads(out)["drafts"]) == (0, 252)
    assert run("methods", "translate", "core", "--to", "ja", "--out", sheet, *ws)[0] == 5
    code, out = run("methods", "translate", "import", sheet, *ws, "--json")
    assert (code, json.loads(out)["review"], json.loads(out)["unreviewed"]) == (0, "unreviewed", 252)
    plan = make_plan(["mock:refuse"], methods=["own/core-ja"], languages=["ja"], limit=7, own_methods=methods)
    assert any("kept out of comparisons" in note for note in plan.notes)
    words = (
        "assess",
        "mock:refuse",
        "mock:comply",
        "--method",
        "core",
        "--method",
        "own/core-ja",
        "--limit",
        "7",
    )
    code, out = run(*words, "--language", "ja", *ws, "--json")
    assert code == 0, out
    first = json.loads(out)
    code, out = run("results", "show", first["run"], *ws)
    assert "own/core-ja:safe-handling-rate" in out
    code, out = run("compare", "rank", first["run"], *ws)
    assert "kakehashi/core:safe-handling-rate" in out
    assert "own/core-ja" not in out
    code, out = run("compare", "explain", first["run"], "own/core-ja", "core", "mock-refuse", *ws)
    assert (code, "nobody has reviewed" in out) == (7, True), out
    assert run("exercise", "key", "a", "--out", tmp_path / "a.key")[0] == 0
    code, out = run(
        "exercise", "init", tmp_path / "x", "mock:refuse", "--key", tmp_path / "a.key", "--title", "t",
        "--method", "own/core-ja", "--language", "ja", *ws,
    )  # fmt: skip
    assert (code, "nobody has reviewed own/core-ja" in out) == (2, True)
    # a reviewer reads it
    rows = rows_of(sheet.read_text(encoding="utf-8-sig"))
    written(sheet, [{**r, "translator": "T", "reviewer": "R", "status": "second-read"} for r in rows])
    code, out = run("methods", "translate", "import", sheet, *ws, "--json")
    assert (json.loads(out)["version"], json.loads(out)["review"]) == ("1.1", "second-read")
    code, out = run(*words, "--language", "ja", *ws, "--json")
    code, out = run("compare", "rank", json.loads(out)["run"], *ws)
    assert "own/core-ja:safe-handling-rate" in out
