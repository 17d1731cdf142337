"""Sheets out to annotators and back: blinded, shuffled, adjudicated, with the agreement."""

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kakehashi.cli.main import cli
from kakehashi.compare import cohen_kappa
from kakehashi.errors import FormatVersionError, InputError, UsageError
from kakehashi.evaluate.judges.labels import load_labels
from kakehashi.work.sheet import SheetRow, export_sheet, import_sheet, rows_of_file


def answers(n: int = 40) -> list[SheetRow]:
    return [
        SheetRow(
            item=f"i{i // 2}",
            model=("secret-a", "secret-b")[i % 2],
            language="en",
            prompt=f"harmful request {i // 2}",
            answer="=SUM(A1)" if i == 0 else f"answer {i}\nin two lines, 日本語\u2028and more",
            category="c",
            cluster=f"i{i // 2}",
            judge="refused" if i % 3 else "complied",
        )
        for i in range(n)
    ]


def sheet(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def fill(path: Path, label_of, delimiter: str = ",", encoding: str = "utf-8-sig") -> None:
    rows = sheet(path)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows({**row, "label": label_of(row)} for row in rows)
    path.write_bytes(stream.getvalue().encode(encoding))


def number(row: dict[str, str]) -> int:
    return 0 if "SUM" in row["answer"] else int(row["answer"].split()[1])


def test_sheets_are_blind_shuffled_each_for_itself_and_the_same_for_a_seed(tmp_path) -> None:
    export_sheet(answers(), tmp_path / "one", seed=7)
    export_sheet(answers(), tmp_path / "two", seed=7)
    export_sheet(answers(), tmp_path / "three", seed=8)
    first, second = (sheet(tmp_path / "one" / f"annotator-{i}.csv") for i in (1, 2))
    assert list(first[0]) == ["row", "language", "prompt", "answer", "label", "note"]
    # each row has a cell for label and note
    assert None not in {cell for row in first for cell in row.values()}
    assert {row["row"] for row in first} == {row["row"] for row in second}
    assert [row["row"] for row in first] != [row["row"] for row in second]
    for name in ("annotator-1.csv", "annotator-2.csv"):
        data = (tmp_path / "one" / name).read_bytes()
        assert data.startswith(b"\xef\xbb\xbf")  # so that a spreadsheet reads UTF-8
        assert b"secret" not in data
        assert b"refused" not in data
        assert data == (tmp_path / "two" / name).read_bytes()
        assert data != (tmp_path / "three" / name).read_bytes()
    assert "'=SUM(A1)" in {row["answer"] for row in first}  # no formula
    # the names of rows tell nothing of the order of the source
    order = [number(row) for row in sorted(first, key=lambda row: row["row"])]
    assert order != sorted(order)
    assert {path.name for path in (tmp_path / "one").iterdir()} == {
        "annotator-1.csv", "annotator-2.csv", "guide.en.md", "guide.ja.md", "key.jsonl",
    }  # fmt: skip


def test_labels_come_back_with_agreement_and_what_was_not_settled_is_left_out(tmp_path) -> None:
    folder = tmp_path / "sheets"
    export_sheet(answers(), folder, seed=1)

    def first(row):
        return "refused" if number(row) % 2 else "complied"

    def second(row):  # disagrees on answers 0 to 3, leaves answer 39 empty
        i = number(row)
        return "" if i == 39 else "Partly refused" if i < 4 else first(row)

    fill(folder / "annotator-1.csv", first)
    fill(folder / "annotator-2.csv", second, delimiter=";", encoding="utf-16")  # as some spreadsheets save
    found = import_sheet(folder)
    assert (found.rows, found.agreed, found.open, found.unlabelled) == (40, 35, 4, 1)
    assert found.labelled == {"annotator-1": 40, "annotator-2": 39}
    by_hand = cohen_kappa(
        ["refused" if i % 2 else "complied" for i in range(39)],
        ["partly-refused" if i < 4 else "refused" if i % 2 else "complied" for i in range(39)],
    )
    (kappa,) = found.kappa.values()
    assert kappa.value == pytest.approx(by_hand.value)
    assert kappa.low < kappa.value < kappa.high
    # refused or not: answers 0 and 2 differ, 37 of 39 agree; p_e from 19/39 and 21/39 refused
    (binary,) = found.binary.values()
    p_e = 19 / 39 * 21 / 39 + 20 / 39 * 18 / 39
    assert binary.value == pytest.approx((37 / 39 - p_e) / (1 - p_e))
    assert len(load_labels(Path(found.labels))) == 35
    assert len(sheet(folder / "adjudicate.csv")) == 4

    fill(folder / "adjudicate.csv", lambda row: "complied" if number(row) < 3 else "")
    settled = import_sheet(folder)
    assert (settled.adjudicated, settled.open) == (3, 1)
    again = import_sheet(folder)  # what was settled stays
    assert (again.adjudicated, again.open) == (3, 1)
    rows = {row.answer: row for row in load_labels(Path(settled.labels))}
    assert (rows["=SUM(A1)"].label, rows["=SUM(A1)"].rater1, rows["=SUM(A1)"].rater2) == (
        "complied", "complied", "partly-refused",
    )  # fmt: skip
    assert rows["answer 5\nin two lines, 日本語\u2028and more"].model == "secret-b"


def test_the_labels_feed_judge_calibrate_and_compare_judges(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        {"prompt": f"Request {i}", "answer": "I'm sorry, but I can't help with that." if i % 2 else "Boil it well.",
         "language": "en", "item": f"i{i}", "model": f"m{i % 3}", "judge": "refused" if i % 2 else "complied"}
        for i in range(240)
    ]  # fmt: skip
    Path("answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    def run(*words: str) -> str:
        done = CliRunner().invoke(cli, list(words))
        assert done.exit_code == 0, done.output
        return done.output

    out = run("judge", "sheet", "export", "answers.jsonl", "--items", "120", "--out", "sheets", "--seed", "2")
    assert "120 of 240 answers" in out
    key = [json.loads(line) for line in Path("sheets/key.jsonl").read_text("utf-8").splitlines()]
    assert sum("answer" in row for row in key) == 120  # texts of those on the sheets alone
    for i in (1, 2):
        fill(
            Path(f"sheets/annotator-{i}.csv"),
            lambda row: "complied" if "Boil" in row["answer"] else "refused",
        )
    out = run("judge", "sheet", "import", "sheets")
    assert "120 agreed" in out
    assert "1.000" in out
    calibration = json.loads(run("judge", "calibrate", "sheets/labels.jsonl", "--json"))
    assert calibration["by_language"]["en"]["n_judged"] == 120
    rates = json.loads(
        run("compare", "judges", "sheets/answers.csv", "--human", "human", "--judge", "judge", "--positive", "refused",
            "--system", "model", "--item", "item", "--json")
    )  # fmt: skip
    assert sum(r["diagnostics"]["n_labels"] for r in rates["judges"]["judge"]["rates"].values()) == 120


def test_bad_sheets_are_clear_errors(tmp_path) -> None:
    folder = tmp_path / "sheets"
    export_sheet(answers(), folder)
    with pytest.raises(UsageError, match="not empty"):
        export_sheet(answers(), folder)
    with pytest.raises(UsageError, match="99 answers cannot be drawn from 40"):
        export_sheet(answers(), tmp_path / "x", items=99)
    with pytest.raises(UsageError, match="2 to 9"):
        export_sheet(answers(), tmp_path / "x", annotators=1)
    whole = (folder / "annotator-1.csv").read_bytes()
    for label, message in (("refuse", "unknown label: 'refuse'"), ("x", "unknown label")):
        fill(folder / "annotator-1.csv", lambda row, label=label: label)
        with pytest.raises(InputError, match=message):
            import_sheet(folder)
    (folder / "annotator-1.csv").write_bytes(whole.replace(b"r00001", b"r99999"))
    with pytest.raises(InputError, match="row 'r99999' is not on this sheet"):
        import_sheet(folder)
    (folder / "annotator-1.csv").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(InputError, match="no columns 'row' and 'label'"):
        import_sheet(folder)
    (folder / "annotator-1.csv").write_bytes("row,label,答\n".encode("cp932"))
    with pytest.raises(InputError, match="not UTF-8"):
        import_sheet(folder)
    (folder / "annotator-1.csv").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        import_sheet(folder)
    key = (folder / "key.jsonl").read_text("utf-8")
    (folder / "key.jsonl").write_text(key.replace("kakehashi.sheet/1", "kakehashi.sheet/2"), "utf-8")
    with pytest.raises(FormatVersionError):
        import_sheet(folder)
    (tmp_path / "rows.csv").write_text("prompt,answer\na,b\n", "utf-8")
    with pytest.raises(InputError, match="lacks 'language'"):
        rows_of_file(tmp_path / "rows.csv")


def test_an_answer_with_half_a_surrogate_and_a_nul_goes_out_and_comes_back(tmp_path) -> None:
    rows = [SheetRow("a", "m", "en", "q", "half \ud800 and \0 nul"), SheetRow("b", "m", "en", "q", "whole")]
    export_sheet(rows, tmp_path / "s")
    for i in (1, 2):
        fill(tmp_path / "s" / f"annotator-{i}.csv", lambda row: "complied")
    assert import_sheet(tmp_path / "s").agreed == 2


def test_a_sealed_run_goes_onto_sheets_with_the_verdicts_of_its_judge_in_the_key(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["assess", "mock:comply", "mock:refuse", "--method", "core", "--method", "facts", "--limit", "7"]
    done = CliRunner().invoke(cli, [*words, "--json", "--workspace", "ws"])
    assert done.exit_code == 0, done.output
    (run,) = (path.name for path in Path("ws/runs").iterdir())
    out = CliRunner().invoke(
        cli, ["judge", "sheet", "export", run, "--out", "sheets", "--workspace", "ws", "--json"]
    )
    assert out.exit_code == 0, out.output
    rows = [json.loads(line) for line in Path("sheets/key.jsonl").read_text("utf-8").split("\n")[1:] if line]
    assert len(rows) == 2 * 14  # seven pairs of twins for each system; closed questions need no annotator
    assert {(row["model"], row["judge"]) for row in rows} == {
        ("mock-comply", "complied"),
        ("mock-refuse", "refused"),
    }
