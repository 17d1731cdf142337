"""Sheets for annotators as workbooks: the same blind sheets, labels back, nothing ever a formula."""

import io
import zipfile

import openpyxl
import pytest

from kakehashi.cli.main import cli
from kakehashi.errors import InputError, UsageError
from kakehashi.work import sheet_book
from kakehashi.work.sheet import SheetRow, export_sheet, import_sheet

TEXTS = [
    "=HYPERLINK(A1)",
    "+1",
    "-1",
    "@SUM(A1)",
    "全角の回答，Ｆｕｌｌ－ｗｉｄｔｈ　空白",
    "第一行\n第二行\n\n第四行",
    "before\x07after",
    "'already quoted",
]


def answers() -> list[SheetRow]:
    return [
        SheetRow(f"i{n}", "secret-model", "ja", f"有害な要求 {n}", text, judge="refused")
        for n, text in enumerate(TEXTS)
    ]


def fill(path, label_of) -> None:
    book = openpyxl.load_workbook(path)
    sheet = book.active
    names = [cell.value for cell in sheet[1]]
    for row in sheet.iter_rows(min_row=2):
        row[names.index("label")].value = label_of(dict(zip(names, (c.value for c in row), strict=True)))
    book.save(path)


@pytest.fixture
def folder(tmp_path):
    export_sheet(answers(), tmp_path / "s", form="xlsx", seed=3)
    return tmp_path / "s"


def test_texts_come_through_whole_and_nothing_is_a_formula(folder) -> None:
    sheet = openpyxl.load_workbook(folder / "annotator-1.xlsx").active
    assert [cell.value for cell in sheet[1]] == ["row", "language", "prompt", "answer", "label", "note"]
    found = {row[2].value: row[3] for row in sheet.iter_rows(min_row=2)}
    expected = {f"有害な要求 {n}": text.replace("\x07", "") for n, text in enumerate(TEXTS)}
    assert {prompt: cell.value for prompt, cell in found.items()} == expected
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} == {"s"}
    assert {cell.value for cell in found.values() if cell.quotePrefix} == set(TEXTS[:4])
    with zipfile.ZipFile(folder / "annotator-1.xlsx") as packed:
        whole = b"".join(packed.read(name) for name in packed.namelist())
    assert b"<f>" not in whole
    assert b"secret-model" not in whole  # blind


def test_the_same_seed_gives_the_same_bytes(folder, tmp_path) -> None:
    export_sheet(answers(), tmp_path / "again", form="xlsx", seed=3)
    for name in ("annotator-1.xlsx", "annotator-2.xlsx", "key.jsonl"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_labels_come_back_disagreements_are_settled_in_a_workbook(folder) -> None:
    fill(folder / "annotator-1.xlsx", lambda row: "refused")
    fill(folder / "annotator-2.xlsx", lambda row: "Complied " if row["answer"] == "+1" else "refused")
    found = import_sheet(folder)
    # 8 rows; the annotators differ on the one whose answer is "+1"
    assert (found.rows, found.agreed, found.open) == (8, 7, 1)
    assert found.adjudicate == str(folder / "adjudicate.xlsx")
    fill(folder / "adjudicate.xlsx", lambda row: "complied")
    again = import_sheet(folder)
    assert (again.agreed, again.adjudicated, again.open) == (7, 1, 0)


def test_one_annotator_may_save_csv(folder) -> None:
    _, rows = sheet_book.read_book(folder / "annotator-1.xlsx")
    lines = ["row,label", *(f"{row['row']},refused" for row in rows)]
    (folder / "annotator-1.csv").write_text("\n".join(lines), encoding="utf-8")
    fill(folder / "annotator-2.xlsx", lambda row: "refused")
    with pytest.raises(InputError, match="are both here"):
        import_sheet(folder)
    (folder / "annotator-1.xlsx").unlink()
    assert import_sheet(folder).agreed == 8


def test_what_is_no_workbook_or_bursts_or_does_not_fit_is_refused(folder, tmp_path, monkeypatch) -> None:
    (folder / "annotator-1.xlsx").write_bytes(b"row,label\n")
    with pytest.raises(InputError, match="not a workbook"):
        import_sheet(folder)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b"0" * 5000)
    (folder / "annotator-1.xlsx").write_bytes(held.getvalue())
    monkeypatch.setattr(sheet_book, "_MOST_BYTES", 4096)
    with pytest.raises(InputError, match="unpacks to more"):
        import_sheet(folder)
    long = SheetRow("i", "m", "en", "p", "x" * (sheet_book.MOST + 1))
    with pytest.raises(InputError, match="32,768 characters does not fit"):
        export_sheet([long], tmp_path / "new", form="xlsx")
    assert not (tmp_path / "new").exists()
    with pytest.raises(UsageError, match="'ods' is no form"):
        export_sheet(answers(), tmp_path / "new", form="ods")


def test_the_command_writes_workbooks(tmp_path) -> None:
    from click.testing import CliRunner

    source = tmp_path / "a.csv"
    source.write_text("prompt,answer,language\nrequest 1,=1+1,en\n", encoding="utf-8")
    done = CliRunner().invoke(
        cli, ["judge", "sheet", "export", str(source), "--form", "xlsx", "--out", str(tmp_path / "o")]
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "o" / "annotator-2.xlsx").is_file()
