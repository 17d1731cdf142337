"""The ledger: what goes in comes out, nothing changes, what is hidden is counted."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from ledger_samples import item_columns, measurement, result_record, run_record, text_rows

from kakehashi.errors import (
    CorruptFileError,
    DiskFullError,
    FormatVersionError,
    InputError,
    KakehashiError,
    LockedError,
    StorageError,
    UnknownNameError,
    UsageError,
)
from kakehashi.ledger import Entry, Ledger, encode
from kakehashi.proof import EMPTY_ROOT, canonical_bytes, root_hash


@pytest.fixture
def ledger(tmp_path: Path):
    with Ledger.init(tmp_path / "ledger") as opened:
        yield opened


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "lock"
    }


def test_an_empty_ledger_has_the_empty_root(ledger: Ledger) -> None:
    assert ledger.root().size == 0
    assert ledger.root().root_hex == EMPTY_ROOT.hex()
    assert ledger.records() == []
    assert ledger.measurements() == []
    assert len(ledger.items()["sample"]) == 0
    assert ledger.verify().ok


def test_a_record_is_stored_canonically_under_the_hash_of_its_bytes(ledger: Ledger) -> None:
    record_id = ledger.append(result_record())
    data = ledger.layout.record(record_id).read_bytes()
    assert sha256(data).hexdigest() == record_id
    assert canonical_bytes(json.loads(data)) == data
    assert json.loads(data)["format"] == "kakehashi.record/1"
    assert ledger.layout.log.read_text() == f"{record_id}\n"
    assert ledger.root().root_hex == root_hash([bytes.fromhex(record_id)]).hex()


def test_the_same_content_again_is_a_no_op(ledger: Ledger) -> None:
    first = ledger.append(result_record(), item_columns(), text_rows())
    before = files_of(ledger.path)
    assert ledger.append(result_record(), item_columns(), text_rows()) == first
    assert files_of(ledger.path) == before


def test_the_same_source_by_the_same_importer_version_is_a_no_op(ledger: Ledger) -> None:
    source = {"sha256": "0" * 64, "importer": "eee", "importer_version": "1", "part": "a"}
    first = ledger.append(result_record(source=source))
    assert ledger.append(result_record(value=0.5, source=source)) == first
    assert ledger.append(result_record(value=0.5, source={**source, "importer_version": "2"})) != first
    assert ledger.append(result_record(value=0.5, source={**source, "part": "b"})) != first
    assert ledger.root().size == 3
    with_twice = [Entry(result_record(source={**source, "part": "c"}))] * 2
    assert len(set(ledger.append_all(with_twice))) == 1


def test_measurements_come_back_equal_and_are_chosen_by_their_keys(ledger: Ledger) -> None:
    whole = measurement()
    part = measurement(value=0.5, facets={"category": "violence"})
    ledger.append(result_record(measurements=[encode(whole), encode(part)]))
    ledger.append(result_record(subject="primed"))
    assert ledger.measurements(subject="bare") == [whole, part]
    assert ledger.measurements(subject="bare", facets={}) == [whole]
    assert ledger.measurements(facets={"category": "violence"}) == [part]
    assert ledger.measurements(measure="nothing") == []
    assert len(ledger.measurements(measure=["kakehashi/core:safe-handling-rate"], run="r1")) == 3
    assert ledger.measurements(method="other") == []


def test_a_record_is_found_by_the_beginning_of_its_id(ledger: Ledger) -> None:
    record_id = ledger.append(run_record())
    assert ledger.get(record_id[:4]).id == record_id
    assert ledger.get(record_id.upper()).body["run"] == "r1"
    with pytest.raises(UnknownNameError):
        ledger.get("0000" if not record_id.startswith("0000") else "1111")
    for word in ("", "ab", "not hex", "../../etc/passwd"):
        with pytest.raises(UsageError, match="not a record id"):
            ledger.get(word)


def test_item_rows_come_back_with_nulls_as_none_and_nan(ledger: Ledger) -> None:
    ledger.append(result_record(), item_columns())
    ledger.append(result_record(subject="primed"), item_columns(offset=10))
    rows = ledger.items(subject="bare")
    assert list(rows["sample"]) == [f"violence-{i}" for i in range(4)]
    assert list(rows["subject"]) == ["bare"] * 4
    assert rows["value"].dtype == np.float64
    np.testing.assert_array_equal(rows["value"], [1.0, 0.0, 0.0, np.nan])
    np.testing.assert_array_equal(rows["prompt_tokens"], [3, 4, np.nan, 5])
    assert list(rows["technique"]) == [None] * 4
    both = ledger.items(run="r1", columns=["subject", "sample"])
    assert list(both) == ["subject", "sample"]
    assert list(both["sample"]) == [f"violence-{i}" for i in (0, 1, 2, 3, 10, 11, 12, 13)]
    with pytest.raises(UsageError, match="unknown item column 'answer'"):
        ledger.items(columns=["answer"])


def test_sql_sees_records_measurements_and_items(ledger: Ledger) -> None:
    ledger.append(run_record())
    record_id = ledger.append(result_record(), item_columns())
    found = ledger.query("SELECT label, count(*) AS n FROM items GROUP BY label ORDER BY label")
    assert dict(zip(found["label"], found["n"], strict=True)) == {"complied": 2, "error": 1, "refused": 1}
    found = ledger.query(
        "SELECT id, item_rows, created FROM records WHERE kind = ? OR kind = 'run'", ["result"]
    )
    assert list(found["id"])[1] == record_id
    np.testing.assert_array_equal(found["item_rows"], [np.nan, 4])
    assert found["created"][0] == np.datetime64("2026-07-01T12:00:00")
    found = ledger.query("SELECT value, low, n, category FROM measurements")
    assert (found["value"][0], found["low"][0], found["n"][0], found["category"][0]) == (0.25, 0.05, 4, None)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("DROP TABLE records", "one SELECT"),
        ("SELECT 1; SELECT 2", "one SELECT"),
        ("COPY items TO 'x.csv'", "one SELECT"),
        ("ATTACH 'x.db'", "one SELECT"),
        ("SELECT * FROM read_csv('/etc/passwd')", "Permission|disabled"),
        ("SELECT * FROM read_text('ledger/salt')", "Permission|disabled"),
        ("SELECT nothing FROM items", "nothing"),
        ("SELEC 1", "syntax|cannot be read"),
    ],
)
def test_sql_that_is_not_a_select_over_the_views_is_refused(ledger: Ledger, sql: str, words: str) -> None:
    ledger.append(result_record(), item_columns())
    before = files_of(ledger.path)
    with pytest.raises(UsageError, match=words):
        ledger.query(sql)
    assert files_of(ledger.path) == before


def test_what_was_retracted_is_hidden_counted_and_can_come_back(ledger: Ledger) -> None:
    record_id = ledger.append(result_record(), item_columns())
    retraction = ledger.retract(record_id[:10], "wrong prompts", author="A. Person")
    assert ledger.measurements() == []
    assert len(ledger.measurements(include_retracted=True)) == 1
    assert len(ledger.items()["sample"]) == 0
    assert len(ledger.items(record=record_id)["sample"]) == 4
    assert [(h.record, h.how, h.reason) for h in ledger.hidden().values()] == [
        (record_id, "retract", "wrong prompts")
    ]
    assert ledger.query("SELECT count(*) AS n FROM measurements")["n"][0] == 0
    assert ledger.query("SELECT hidden FROM records")["hidden"][0] == "retract"
    with pytest.raises(UsageError, match="hidden already"):
        ledger.retract(record_id, "again")
    ledger.retract(retraction, "the prompts were right")
    assert len(ledger.measurements()) == 1
    assert record_id not in ledger.hidden()


def test_retracting_a_run_hides_its_results_and_no_others(ledger: Ledger) -> None:
    run = ledger.append(run_record())
    ledger.append(result_record())
    ledger.append(result_record(run="r2"))
    ledger.retract(run, "the endpoint was another model")
    assert [r.text("run") for r in ledger.records(kind="result")] == ["r2"]


def test_a_superseded_record_gives_way_to_its_successor(ledger: Ledger) -> None:
    old = ledger.append(result_record(value=0.25))
    new = ledger.append(result_record(value=0.5))
    ledger.supersede(old, new, "counted again")
    assert [m.value for m in ledger.measurements()] == [0.5]
    with pytest.raises(UsageError, match="itself"):
        ledger.supersede(new, new, "nonsense")
    with pytest.raises(UsageError, match="a result cannot be superseded by a run"):
        ledger.supersede(new, ledger.append(run_record()), "nonsense")
    with pytest.raises(UsageError, match="reason"):
        ledger.retract(new, "")


def test_texts_come_back_and_a_purge_leaves_a_tombstone_only(ledger: Ledger) -> None:
    record_id = ledger.append(result_record(), item_columns(), text_rows())
    assert [row["response"] for row in ledger.texts(record_id)] == [f"the answer {i}" for i in range(4)]
    digest = ledger.get(record_id).body["texts"]["sha256"]
    stone = ledger.purge(record_id, "asked by the data subject", author="A. Person")
    assert not ledger.layout.blob(digest).exists()
    assert ledger.get(stone).kind == "tombstone"
    assert ledger.verify().ok
    assert len(ledger.items()["sample"]) == 4
    with pytest.raises(StorageError, match=r"purged .*asked by the data subject"):
        ledger.texts(record_id)
    assert ledger.purge(record_id, "again") == stone
    with pytest.raises(UsageError, match="has no texts"):
        ledger.purge(ledger.append(run_record()), "none")


def test_no_text_stands_outside_the_blob_folder(ledger: Ledger) -> None:
    ledger.append(result_record(), item_columns(), text_rows("a very secret canary"))
    for name, data in files_of(ledger.path).items():
        assert b"canary" not in data, name


def test_hashes_of_public_answers_are_plain_and_of_private_ones_salted(ledger: Ledger) -> None:
    ledger.append(result_record(), item_columns(), text_rows())
    ledger.append(result_record(subject="p", private=True), item_columns(), text_rows())
    plain = sha256(b"the answer 2").hexdigest()
    assert ledger.items(subject="bare")["response_hash"][2] == plain
    salted = ledger.items(subject="p")["response_hash"]
    assert plain not in salted
    assert all(len(h) == 64 for h in salted)


def test_the_hash_of_texts_cannot_be_guessed_without_the_salt(tmp_path: Path) -> None:
    digests = set()
    for name in ("a", "b"):
        with Ledger.init(tmp_path / name) as ledger:
            digests.add(ledger.get(ledger.append(result_record(), None, text_rows())).body["texts"]["sha256"])
    assert len(digests) == 2


def test_the_salt_is_readable_by_its_owner_alone(ledger: Ledger) -> None:
    if os.name == "nt":
        pytest.skip("permission bits are POSIX's")
    assert ledger.layout.salt.stat().st_mode & 0o077 == 0


# ---------------------------------------------------------------- bad input

BAD_RECORDS = [
    ({"kind": "rumor"}, "kind: 'rumor' is not one of"),
    (result_record(colour="red"), "'colour' was unexpected"),
    ({k: v for k, v in run_record().items() if k != "run"}, "'run' is a required property"),
    (run_record(created="yesterday"), "created"),
    (result_record(measurements=[{"subject": "x"}]), r"measurements\[0\].*missing"),
    (
        result_record(measurements=[encode(measurement()) | {"value": "high"}]),
        r"measurements\[0\].value: expected a number",
    ),
    (result_record(measurements=[encode(measurement()) | {"value": None}]), "no reason is given"),
    (run_record(settings={"x": float("nan")}), "nan is not a JSON number"),
    (result_record(items={"sha256": "0" * 64, "rows": 1}), "filled in by the ledger"),
]


@pytest.mark.parametrize(("record", "words"), BAD_RECORDS)
def test_a_bad_record_is_one_clear_error_and_changes_nothing(
    ledger: Ledger, record: dict, words: str
) -> None:
    ledger.append(run_record())
    before = files_of(ledger.path)
    with pytest.raises(InputError, match=words):
        ledger.append(record, item_columns())
    assert files_of(ledger.path) == before
    ledger.append(result_record())
    assert ledger.verify().ok


def test_a_record_of_a_newer_format_is_refused(ledger: Ledger) -> None:
    deep: object = 1
    for _ in range(1000):
        deep = [deep]
    with pytest.raises(InputError, match="nested deeper"):
        ledger.append(run_record(settings={"deep": deep}))
    # A newer program wrote this one: its hash is right, its format is not ours.
    data = canonical_bytes({**result_record(), "format": "kakehashi.record/2"})
    record_id = sha256(data).hexdigest()
    ledger.layout.record(record_id).parent.mkdir(parents=True)
    ledger.layout.record(record_id).write_bytes(data)
    ledger.layout.log.write_text(record_id + "\n")
    with Ledger.open(ledger.path) as reader:
        with pytest.raises(FormatVersionError, match=r"kakehashi.record/2"):
            reader.records()
        (finding,) = reader.verify().findings
        assert finding.kind == "unreadable"


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ({"label": ["x"]}, "no column 'sample'"),
        ({"sample": ["a", "b"], "label": ["x"]}, "'label' has 1 rows, 'sample' has 2"),
        ({"sample": ["a", "a"]}, "2 item rows are about one thing .sample 'a'"),
        ({"sample": ["a", "a"], "epoch": [1, 1]}, "about one thing"),
        ({"sample": ["a", None]}, "no sample id"),
        ({"sample": ["a"], "answer": ["text"]}, "unknown item column 'answer'"),
        ({"sample": ["a"], "value": ["high"]}, "not a number"),
        ({"sample": ["a"], "value": [float("inf")]}, "infinity"),
        ({"sample": ["a"], "label": [3]}, "holds 3, which is not a text"),
    ],
)
def test_bad_items_are_one_clear_error_and_change_nothing(ledger: Ledger, items: dict, words: str) -> None:
    before = files_of(ledger.path)
    with pytest.raises(InputError, match=words):
        ledger.append(result_record(), items, text_rows())
    assert files_of(ledger.path) == before


def test_repeated_samples_are_told_apart_by_epoch_and_measure(ledger: Ledger) -> None:
    items = {
        "sample": ["a"] * 4,
        "epoch": [1, 1, 2, 2],
        "measure": ["x", "y", "x", "y"],
        "value": [0, 1, 2, 3],
    }
    ledger.append(result_record(), items)
    assert list(ledger.items()["value"]) == [0, 1, 2, 3]


def test_bad_texts_are_one_clear_error_and_change_nothing(ledger: Ledger) -> None:
    before = files_of(ledger.path)
    for texts, words in (
        ([{"response": "x"}], "does not name its sample"),
        ([{"sample": "a"}, {"sample": "a"}], "given twice"),
        ([{"sample": "a", "epoch": "one"}], "not a whole number"),
    ):
        with pytest.raises(InputError, match=words):
            ledger.append(result_record(), item_columns(), texts)
    assert files_of(ledger.path) == before


def test_of_several_records_all_or_none_are_stored(ledger: Ledger) -> None:
    before = files_of(ledger.path)
    with pytest.raises(InputError):
        ledger.append_all(
            [Entry(run_record()), Entry(result_record(), item_columns()), Entry({"kind": "rumor"})]
        )
    assert files_of(ledger.path) == before
    assert len(ledger.append_all([Entry(run_record()), Entry(result_record(), item_columns())])) == 2


def test_a_retraction_of_what_does_not_exist_is_refused(ledger: Ledger) -> None:
    record = {"kind": "retract", "target": "0" * 64, "reason": "x", "created": "2026-07-01T00:00:00Z"}
    with pytest.raises(UnknownNameError, match="unknown record"):
        ledger.append(record)


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


def test_importing_the_ledger_loads_no_heavy_library() -> None:
    code = (
        "import sys, kakehashi.ledger; "
        "print(sorted({'duckdb', 'jsonschema', 'zstandard', 'cryptography', 'scipy'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_error_of_the_ledger_is_one_of_ours(ledger: Ledger) -> None:
    with pytest.raises(KakehashiError):
        ledger.append({"kind": "result", "measurements": object()})
    with pytest.raises(KakehashiError):
        ledger.append({})


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


def test_new_records_take_the_place_of_old_ones_in_one_write(ledger: Ledger) -> None:
    old = ledger.append(result_record(value=0.25, partial=True))
    same = ledger.append(run_record())
    entries = [Entry(run_record()), Entry(result_record(value=0.5))]
    ids = ledger.append_all(entries, replaces={0: same, 1: old}, reason="the run went on")
    assert ids[0] == same  # the same content takes nobody's place
    assert [m.value for m in ledger.measurements()] == [0.5]
    assert ledger.hidden()[old].how == "supersede"
    before = ledger.root()
    with pytest.raises(UsageError, match="a run cannot be superseded by a result"):
        ledger.append_all([Entry(result_record(value=0.75))], replaces={0: same}, reason="x")
    assert ledger.root() == before
    with pytest.raises(UsageError, match="reason"):
        ledger.append_all(entries, replaces={0: same})
