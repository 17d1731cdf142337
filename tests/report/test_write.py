import json
import re
from dataclasses import replace
from html import unescape
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
    sentences = terminal_sentences(three)
    # three, and for each of the two judged suites how often its judge errs
    assert [("the judge said refused" in sentence) for sentence in sentences] == [False] * 3 + [True] * 2
    assert "on 900 human-labelled answers (XSTest" in sentences[3]
    assert "refused of 94.4% (interval 91.8 to 96.1%) of those" in sentences[3]
    assert terminal_sentences(three, language="ja")[0].startswith("3件のシステム（smollm2-bare、")


def test_no_rate_of_a_judge_stands_without_its_known_error_or_the_word_that_it_is_not_known(
    three: Assessment, tmp_path: Path
) -> None:
    def shown(assessment: Assessment) -> list[str]:
        judged = [one for one in assessment.methods if one.judge_calibration]
        said = terminal_sentences(assessment)[3:]
        assert len(said) == len(judged) == 2
        page = write_report(assessment, tmp_path, ("en",), charts=False)
        text = unescape(re.sub(r"<[^>]+>", "", page["report.html"].read_text("utf-8")))
        assert all(sentence.split("(")[0].strip() in text for sentence in said), said
        return said

    assert all("human-labelled answers" in sentence for sentence in shown(three))
    bare = replace(three, methods=tuple(replace(one, judge_errors={}) for one in three.methods))
    assert all("how often the judge errs as a whole was not measured" in sentence for sentence in shown(bare))
    other = replace(
        three,
        methods=tuple(
            replace(one, judge_calibration=dict.fromkeys(one.judge_calibration, "other-prompt"))
            for one in three.methods
        ),
    )
    assert all("with another prompt" in sentence for sentence in shown(other))
