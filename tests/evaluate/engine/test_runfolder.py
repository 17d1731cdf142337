import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.errors import CorruptFileError, FormatVersionError, InputError, LockedError, UsageError
from kakehashi.evaluate.engine import FinishedRow, JobKey, RunFolder
from kakehashi.evaluate.engine.appendlog import AppendLog
from kakehashi.evaluate.engine.rows import from_record, to_line
from kakehashi.evaluate.engine.runfolder import _job_of
from kakehashi.model import Answer, Score, Status

texts = st.text(st.characters(), max_size=30) | st.sampled_from(
    ['","calls":["', ',"calls":[', "half \ud83d", "\\", '"}\n', "é\u2028"]
)


def row(name: str, *, retry: bool = False, text: str = "x", label: str = "ok") -> FinishedRow:
    return FinishedRow(JobKey("s", "m@1", name, 0), Answer(text), Score(name, label, "j@1"), ("ab",), retry)


@settings(deadline=None)
@given(texts, texts, texts, texts, st.booleans(), st.integers(0, 9))
def test_a_row_is_read_as_it_was_written_and_its_job_without_parsing_the_answer(
    subject: str, sample: str, text: str, reason: str, retry: bool, epoch: int
) -> None:
    wanted = FinishedRow(
        JobKey(subject, "m@1", sample, epoch),
        Answer(text, Status.OK, thinking=text, error=reason, prompt_tokens=3, seconds=0.25, cached=True),
        Score(sample, "ok", "j@1", 0.5, reason),
        ("ab", "cd"),
        retry,
    )
    raw = to_line(wanted)
    assert raw.count(b"\n") == 1
    assert from_record(json.loads(raw)) == wanted
    assert _job_of(raw, Path("rows.jsonl"), 0) == (wanted.job, retry)
    keys = list(json.loads(raw))
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("value", "written"), [(np.float64(0.1), 0.1), (True, 1), (1e-7, 1e-7), (None, None)]
)
def test_a_value_is_written_as_a_number_whatever_its_class(
    value: float | None, written: float | None
) -> None:
    score = Score("a", "ok", "j@1", value)
    raw = to_line(FinishedRow(JobKey("s", "m", "a", 0), Answer("x"), score))
    assert json.loads(raw)["score"]["value"] == written


def test_rows_are_found_again_at_their_places_in_any_order(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, {"a": 1}) as folder:
        for name, text in (("1", "é"), ("2", "a\nb"), ("3", "half \ud83d"), ("1", "later")):
            folder.add_row(row(name, text=text))
        placed = {found.job.sample: place for place, found in folder.placed_rows()}
        again = list(folder.rows_at([placed["3"], placed["1"], placed["2"]]))
    assert [(found.job.sample, found.answer.text) for found in again] == [
        ("3", "half \ud83d"),
        ("1", "later"),
        ("2", "a\nb"),
    ]


def test_the_last_row_of_a_job_counts_and_errors_are_not_done(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, {"a": 1}) as folder:
        folder.add_row(row("1", retry=True, label="error"))
        folder.add_row(row("2"))
        folder.add_row(row("3", retry=True, label="error"))
        folder.add_row(row("1", text="later"))
        assert folder.done() == {row("1").job, row("2").job}
        assert [(r.job.sample, r.answer.text, r.retry) for r in folder.rows()] == [
            ("2", "x", False),
            ("3", "x", True),
            ("1", "later", False),
        ]


def test_a_manifest_that_differs_is_refused_with_the_name_of_the_setting(tmp_path: Path) -> None:
    manifest = {"subjects": [{"name": "a", "parameters": {"temperature": 0}}], "notes": {"host": "x"}}
    RunFolder.create(tmp_path, manifest).close()
    other = {"subjects": [{"name": "a", "parameters": {"temperature": 0.7}}], "notes": {"host": "y"}}
    with pytest.raises(UsageError, match=r"subjects\[0\]\.parameters\.temperature: 0 before, 0\.7 now"):
        RunFolder.create(tmp_path, other)
    RunFolder.create(tmp_path, {**manifest, "notes": {"host": "z"}}).close()
    with pytest.raises(UsageError, match="limit: not set before, 5 now"):
        RunFolder.create(tmp_path, {**manifest, "limit": 5})


def test_a_folder_with_other_files_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"thesis\.txt"):
        RunFolder.create(tmp_path, {})
    with pytest.raises(InputError, match="no run"):
        RunFolder.open(tmp_path)


def test_a_newer_format_is_refused_and_a_damaged_manifest_named(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, {}).close()
    (tmp_path / "manifest.json").write_text('{"format": "kakehashi.run/2"}')
    with pytest.raises(FormatVersionError):
        RunFolder.open(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format": ')
    with pytest.raises(CorruptFileError):
        RunFolder.open(tmp_path)


def test_a_folder_is_locked_while_it_is_open_and_can_be_read_all_the_same(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, {}) as folder:
        folder.add_row(row("1"))
        with pytest.raises(LockedError):
            RunFolder.open(tmp_path)
        with RunFolder.open(tmp_path, read_only=True) as reader:
            assert len(list(reader.rows())) == 1
            with pytest.raises(UsageError):
                reader.add_row(row("2"))
    RunFolder.open(tmp_path).close()


def test_a_damaged_line_is_named_by_its_place(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, {}) as folder:
        folder.add_row(row("1"))
    with (tmp_path / "rows.jsonl").open("ab") as file:
        file.write(b"\x00\x00\x00\n")
    with (
        RunFolder.open(tmp_path) as folder,
        pytest.raises(CorruptFileError, match=r"rows\.jsonl: damaged at"),
    ):
        folder.done()


def test_complete_holds_hashes_and_falls_when_a_row_is_added(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, {}) as folder:
        folder.add_row(row("1"))
        folder.mark_complete()
        assert folder.is_complete
        note = json.loads((tmp_path / "complete.json").read_bytes())
        assert note["jobs"] == 1
        assert set(note["sha256"]) == {"manifest.json", "calls.jsonl", "rows.jsonl"}
        folder.add_row(row("2"))
        assert not folder.is_complete


@settings(deadline=None)
@given(st.lists(st.binary(max_size=20).filter(lambda b: b"\n" not in b), max_size=6), st.integers(0, 150))
def test_a_log_cut_anywhere_opens_with_its_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], cut: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    log = AppendLog(path)
    for each in lines:
        log.append(each + b"\n")
    log.flush()
    log.close()
    data = path.read_bytes()[:cut]
    path.write_bytes(data)
    AppendLog(path).close()
    assert path.read_bytes() == data[: data.rfind(b"\n") + 1]


def test_a_call_is_found_among_others_whose_keys_begin_alike(tmp_path: Path) -> None:
    first, second, third = ("ab" * 8 + digit * 48 for digit in "123")
    with RunFolder.create(tmp_path, {"a": 1}) as folder:
        folder.add_call(first, '"n":1')
        folder.add_call(second, '"n":2')
        assert folder.find(first) == {"call": first, "n": 1}
        assert folder.find(second) == {"call": second, "n": 2}
        assert folder.find(third) is None
    with RunFolder.open(tmp_path) as folder:
        assert folder.find(first) == {"call": first, "n": 1}
        assert folder.find(third) is None


def test_a_call_whose_key_is_none_is_damage(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, {"a": 1}):
        pass
    (tmp_path / "calls.jsonl").write_text('{"call":"' + "no key at all" * 6 + '"}\n')
    with pytest.raises(CorruptFileError, match="no key at byte 0"):
        RunFolder.open(tmp_path)


def test_what_is_done_is_known_anew_after_each_row(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, {"a": 1}) as folder:
        assert folder.done() == set()
        folder.add_row(row("1"))
        assert folder.done() == {row("1").job}
        folder.add_row(row("1", retry=True, label="error"))
        assert folder.done() == set()
