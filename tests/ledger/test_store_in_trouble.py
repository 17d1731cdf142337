"""The ledger in trouble: other writers, kills, full disks and damage leave it as it was, or are named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_samples import files_of, item_columns, result_record, run_record, text_rows

from kakehashi.errors import (
    CorruptFileError,
    DiskFullError,
    FormatVersionError,
    LockedError,
    StorageError,
    UsageError,
)
from kakehashi.ledger import Ledger


def test_a_second_writer_is_told_who_holds_the_ledger(ledger: Ledger) -> None:
    with pytest.raises(LockedError, match=f"process {os.getpid()} on"):
        Ledger.open(ledger.path, write=True)
    with Ledger.open(ledger.path) as reader:
        assert reader.root().size == 0
        with pytest.raises(UsageError, match="reading only"):
            reader.append(run_record())


def test_the_lock_is_free_when_its_holder_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    Ledger.init(path).close()
    code = (
        "import sys, time; from kakehashi.ledger import Ledger; "
        f"ledger = Ledger.open({str(path)!r}, write=True); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=f"process {holder.pid} on"):
            Ledger.open(path, write=True)
        holder.kill()
    with Ledger.open(path, write=True) as ledger:
        ledger.append(run_record())


def test_a_folder_that_is_not_a_ledger_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no ledger here"):
        Ledger.open(tmp_path)
    (tmp_path / "something").write_text("x")
    with pytest.raises(StorageError, match="something here already"):
        Ledger.init(tmp_path)


def test_a_ledger_of_a_newer_format_is_refused(ledger: Ledger) -> None:
    ledger.layout.about.write_text('{"format": "kakehashi.ledger/2"}')
    with pytest.raises(FormatVersionError, match=r"kakehashi.ledger/2"):
        Ledger.open(ledger.path)
    ledger.layout.about.write_text('{"format": ')
    with pytest.raises(CorruptFileError):
        Ledger.open(ledger.path)


def test_half_a_line_at_the_end_of_the_log_is_cut_by_the_next_writer(ledger: Ledger) -> None:
    ledger.append(run_record())
    whole = ledger.layout.log.read_bytes()
    ledger.close()
    with ledger.layout.log.open("ab") as stream:
        stream.write(b"0123abc")
    with Ledger.open(ledger.path) as reader:  # a reader does not mind, and changes nothing
        assert reader.root().size == 1
    assert ledger.layout.log.read_bytes() != whole
    with Ledger.open(ledger.path, write=True) as writer:
        assert writer.root().size == 1
    assert ledger.layout.log.read_bytes() == whole


@pytest.mark.parametrize("end", [b"half a word", b"0" * 65, b"00\n", b"XYZ\n"])
def test_an_end_of_the_log_that_no_crash_leaves_is_never_cut(ledger: Ledger, end: bytes) -> None:
    ledger.append(run_record())
    ledger.close()
    with ledger.layout.log.open("ab") as stream:
        stream.write(end)
    before = ledger.layout.log.read_bytes()
    with (
        pytest.raises(CorruptFileError, match="line 2 is not a record id"),
        Ledger.open(ledger.path, write=True) as w,
    ):
        w.root()
    assert ledger.layout.log.read_bytes() == before


def test_a_last_line_without_its_end_is_kept(ledger: Ledger) -> None:
    record_id = ledger.append(run_record())
    ledger.close()
    ledger.layout.log.write_bytes(record_id.encode())
    with Ledger.open(ledger.path, write=True) as writer:
        assert writer.get(record_id).kind == "run"
    assert ledger.layout.log.read_bytes() == record_id.encode() + b"\n"


def test_a_cut_or_changed_record_is_named_when_it_is_read(ledger: Ledger) -> None:
    record_id = ledger.append(run_record())
    path = ledger.layout.record(record_id)
    data = path.read_bytes()
    for wrong in (data[:50], data.replace(b'"r1"', b'"r2"'), b"", data.decode().encode("utf-16")):
        path.write_bytes(wrong)
        with Ledger.open(ledger.path) as reader, pytest.raises(CorruptFileError, match=record_id):
            reader.get(record_id)
    path.unlink()
    with Ledger.open(ledger.path) as reader, pytest.raises(CorruptFileError, match="file is missing"):
        reader.get(record_id)


def test_a_cut_item_file_is_one_clear_error(ledger: Ledger) -> None:
    record_id = ledger.append(result_record(), item_columns())
    path = ledger.layout.items(ledger.get(record_id).body["items"]["sha256"])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StorageError):
        ledger.items()
    path.unlink()
    with pytest.raises(StorageError, match="missing"):
        ledger.items()


def test_cut_texts_are_one_clear_error(ledger: Ledger) -> None:
    record_id = ledger.append(result_record(), None, text_rows())
    path = ledger.layout.blob(ledger.get(record_id).body["texts"]["sha256"])
    data = path.read_bytes()
    for wrong in (data[: len(data) // 2], b"not zstd at all", b""):
        path.write_bytes(wrong)
        with pytest.raises(CorruptFileError):
            list(ledger.texts(record_id))


# ---------------------------------------------------------------- disk full


def fail_with_no_space(*_: object, **__: object) -> None:
    import errno

    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "where", ["os.fsync", "pathlib.Path.write_bytes", "pathlib.Path.replace", "pathlib.Path.mkdir"]
)
def test_a_full_disk_leaves_the_ledger_as_it_was(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    ledger.append(run_record())
    before = files_of(ledger.path)
    with monkeypatch.context() as patched:
        patched.setattr(where, fail_with_no_space)
        with pytest.raises(DiskFullError, match="no space left"):
            ledger.append(result_record(), item_columns(), text_rows())
    assert files_of(ledger.path) == before
    assert ledger.verify().ok
    ledger.append(result_record(), item_columns(), text_rows())
    assert ledger.root().size == 2


def test_a_disk_that_fills_while_the_log_is_written_leaves_the_log_as_it_was(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.append(run_record())
    before = files_of(ledger.path)
    real, calls = os.fsync, []

    def last_one_fails(descriptor: int) -> None:
        calls.append(descriptor)
        if os.path.samestat(os.fstat(descriptor), ledger.layout.log.stat()):
            fail_with_no_space()
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", last_one_fails)
        with pytest.raises(DiskFullError):
            ledger.append(result_record())
    assert calls
    assert files_of(ledger.path) == before
    with Ledger.open(ledger.path) as reader:
        assert reader.root().size == 1


def test_items_larger_than_the_permitted_file_size_are_a_full_disk(tmp_path: Path) -> None:
    """A limit of the operating system, not a stand-in: DuckDB's own write fails."""
    if os.name == "nt":
        pytest.skip("file size limits are POSIX's")
    code = f"""
import resource, random
from kakehashi.errors import DiskFullError
from kakehashi.ledger import Ledger
ledger = Ledger.init({str(tmp_path / "ledger")!r})
rows = [random.random() for _ in range(100_000)]
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
record = {result_record()!r}
try:
    ledger.append(record, {{"sample": [str(r) for r in rows], "value": rows}})
except DiskFullError as error:
    print("full", ledger.root().size, sorted(p.name for p in ledger.path.rglob("*") if p.is_file()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == "full 0 ['ledger.json', 'lock', 'log', 'salt']", done.stderr


def test_unfinished_files_that_a_crash_left_are_cleared_by_the_next_writer(ledger: Ledger) -> None:
    ledger.append(result_record(), item_columns(), text_rows())
    before = files_of(ledger.path)
    ledger.close()
    for folder in ("items", "blobs", "records/ab"):
        (ledger.path / folder).mkdir(exist_ok=True)
        (ledger.path / folder / ".tmp-0123").write_bytes(b"half")
    Ledger.open(ledger.path, write=True).close()
    assert files_of(ledger.path) == before


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupt_leaves_either_the_old_ledger_or_the_new_one(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    from kakehashi.ledger import deposit

    ledger.append(run_record())
    before, real = files_of(ledger.path), deposit.append_log

    def interrupted(path: Path, ids: list[str]) -> None:
        if when == "after":
            real(path, ids)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(deposit, "append_log", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ledger.append(result_record(), item_columns(), text_rows())
    assert ledger.verify().ok
    if when == "before":
        assert files_of(ledger.path) == before
    assert ledger.root().size == (1 if when == "before" else 2)
    ledger.append(result_record(), item_columns(), text_rows())
    assert ledger.root().size == 2
    assert Ledger.open(ledger.path).root() == ledger.root()
