import json
from pathlib import Path

import pytest

from kakehashi.errors import StorageError
from kakehashi.report import Assessment, terminal_rows, terminal_sentences, write_report


def test_both_files_are_written_whole(three: Assessment, tmp_path: Path) -> None:
    paths = write_report(three, tmp_path / "out", ("en",), charts=False)
    assert set(paths) == {"report.html", "report.json"}
    assert json.loads(paths["report.json"].read_text(encoding="utf-8"))["run"]["id"] == three.run.id
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "report.json"]


def test_a_folder_that_cannot_be_written_is_one_clear_error(three: Assessment, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(StorageError, match="cannot be written"):
        write_report(three, tmp_path / "out", ("en",), charts=False)


def test_the_terminal_table_has_a_row_a_measure_and_says_what_could_be_seen(three: Assessment) -> None:
    head, *rows = terminal_rows(three)
    assert head == [
        "Measure",
        "smollm2-bare",
        "smollm2-primed",
        "smollm2-filtered",
        "Smallest detectable difference",
    ]
    assert [row[0] for row in rows][:2] == ["safe-handling rate", "over-refusal"]
    assert all(len(row) == len(head) for row in rows)
    assert rows[0][1] == "16.7% (8.3 to 30.6%; n=42)"


def test_three_sentences_in_each_language(three: Assessment) -> None:
    assert len(terminal_sentences(three)) == 3
    assert terminal_sentences(three, language="ja")[0].startswith("3件のシステム（smollm2-bare、")
