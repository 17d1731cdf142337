"""Verification finds every changed byte; against a root kept elsewhere, also what was made to fit again."""

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_samples import item_columns, result_record, run_record, text_rows

from kakehashi.errors import InputError, StorageError, VerificationError
from kakehashi.ledger import Ledger, read_reference, verify_ledger
from kakehashi.proof import Checkpoint, SigningKey, TreeHead, root_hash


def build(path: Path, subjects: tuple[str, ...] = ("bare", "primed")) -> Path:
    with Ledger.init(path) as ledger:
        ledger.append(run_record())
        for subject in subjects:
            ledger.append(result_record(subject=subject), item_columns(), text_rows(subject))
        ledger.retract(ledger.append(result_record(subject="other")), "a test")
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("whole") / "ledger")


def test_a_whole_ledger_verifies_and_says_what_was_read(whole: Path) -> None:
    report = verify_ledger(whole)
    assert report.ok
    assert report.notes == ()
    assert report.checked == {"records": 5, "items": 2, "texts": 2}
    assert report.head == Ledger.open(whole).root()
    report.raise_if_bad()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_changed_byte_anywhere_is_found_and_its_file_named(whole: Path, data: st.DataObject) -> None:
    files = sorted(p for p in whole.rglob("*") if p.is_file() and p.stat().st_size and p.name != "lock")
    path = data.draw(st.sampled_from(files))
    before = path.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    changed = bytearray(before)
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        path.write_bytes(bytes(changed))
        report = verify_ledger(whole)
    finally:
        path.write_bytes(before)
    assert not report.ok
    name = path.relative_to(whole).as_posix()
    # A changed id in the log shows as a bad line, or as the record that the wrong id names and nobody has.
    assert any(f.path.startswith(name) for f in report.findings) or name == "log"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_cut_anywhere_is_found(whole: Path, data: st.DataObject) -> None:
    files = sorted(p for p in whole.rglob("*") if p.is_file() and p.stat().st_size and p.name != "lock")
    path = data.draw(st.sampled_from(files))
    before = path.read_bytes()
    length = data.draw(st.integers(0, len(before) - 1))
    # The log cut at a line's end is a shorter log: bare verification cannot know (see the tests of
    # --against).
    if path.name == "log" and (length == 0 or before[length - 1 : length] == b"\n"):
        length += 1
    try:
        path.write_bytes(before[:length])
        assert not verify_ledger(whole).ok
    finally:
        path.write_bytes(before)


def test_findings_say_which_file_what_was_expected_and_what_is_there(whole: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(whole, tmp_path / "copy")
    record_id = Ledger.open(copy).records(kind="run")[0].id
    path = copy / "records" / record_id[:2] / f"{record_id}.json"
    path.write_bytes(path.read_bytes().replace(b'"r1"', b'"r9"'))
    (finding,) = verify_ledger(copy).findings
    assert finding.kind == "changed"
    assert finding.path == f"records/{record_id[:2]}/{record_id}.json"
    assert record_id in finding.expected
    assert sha256(path.read_bytes()).hexdigest() in finding.found
    with pytest.raises(VerificationError, match=record_id):
        verify_ledger(copy).raise_if_bad()
    path.unlink()
    (finding,) = verify_ledger(copy).findings
    assert (finding.kind, finding.found) == ("missing", "no file")


def test_missing_texts_are_a_note_and_missing_items_a_finding(whole: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(whole, tmp_path / "copy")
    shutil.rmtree(copy / "blobs")
    report = verify_ledger(copy)
    assert report.ok
    assert report.notes == ("the texts of 2 records are not in this copy",)
    shutil.rmtree(copy / "items")
    assert [f.kind for f in verify_ledger(copy).findings] == ["missing", "missing"]


def test_texts_that_a_tombstone_says_are_gone_must_be_gone(whole: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(whole, tmp_path / "copy")
    with Ledger.open(copy, write=True) as ledger:
        record = ledger.records(subject="bare")[0]
        path = ledger.layout.blob(record.body["texts"]["sha256"])
        data = path.read_bytes()
        ledger.purge(record.id, "asked")
        assert ledger.verify().ok
        path.write_bytes(data)
        assert [f.kind for f in ledger.verify().findings] == ["not-purged"]


def test_a_file_that_no_record_names_is_a_note(whole: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(whole, tmp_path / "copy")
    (copy / "records" / "planted.json").write_text("{}")
    report = verify_ledger(copy)
    assert report.ok
    assert "records/planted.json" in report.notes[0]


def test_a_line_that_stands_twice_in_the_log_is_found(whole: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(whole, tmp_path / "copy")
    lines = (copy / "log").read_text().splitlines(keepends=True)
    (copy / "log").write_text("".join([*lines, lines[0]]))
    (finding,) = verify_ledger(copy).findings
    assert (finding.path, finding.found) == ("log:6", "the id of line 1")


def test_where_there_is_no_ledger_there_is_nothing_to_verify(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no ledger here"):
        verify_ledger(tmp_path)


# ---------------------------------------------------------------- against


def test_truncation_is_found_only_against_a_root_kept_elsewhere(whole: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(whole, tmp_path / "copy")
    head = Ledger.open(copy).root()
    lines = (copy / "log").read_text().splitlines(keepends=True)
    (copy / "log").write_text("".join(lines[:-1]))  # the retraction is gone
    assert verify_ledger(copy).ok
    (finding,) = verify_ledger(copy, head).findings
    assert (finding.kind, finding.expected, finding.found) == ("truncated", "at least 5 records", "4 records")
    (finding,) = verify_ledger(copy, head.root_hex).findings
    assert finding.kind == "rewritten"


def test_a_rewritten_ledger_is_found_only_against_a_root_kept_elsewhere(whole: Path, tmp_path: Path) -> None:
    head = Ledger.open(whole).root()
    forged = build(tmp_path / "forged", subjects=("bare", "better"))
    assert verify_ledger(forged).ok
    (finding,) = verify_ledger(forged, head).findings
    assert finding.kind == "rewritten"
    assert head.root_hex in finding.expected


def test_a_ledger_that_only_grew_verifies_against_every_earlier_state(tmp_path: Path) -> None:
    with Ledger.init(tmp_path / "ledger") as ledger:
        heads = [ledger.root()]
        for number in range(9):
            ledger.append(run_record(run=f"r{number}"))
            heads.append(ledger.root())
        for head in heads:
            assert ledger.verify(head).ok
            assert ledger.verify(head.root_hex).ok
            assert ledger.verify(f"{head.size}:{head.root_hex}").ok
            assert ledger.root(head.size) == head


@pytest.mark.parametrize("form", ["html", "json", "checkpoint"])
def test_roots_are_read_from_reports_and_checkpoints(whole: Path, tmp_path: Path, form: str) -> None:
    head = Ledger.open(whole).root(3)
    content = {
        "html": f"<!doctype html><html><head><meta charset=utf-8>{head.meta_tag()}</head><body>a report</body></html>",
        "json": json.dumps({"title": "a report", "ledger": head.as_json()}),
        "checkpoint": Checkpoint("somewhere", head).text(),
    }[form]
    path = tmp_path / f"report.{form}"
    path.write_text(content, encoding="utf-8")
    assert verify_ledger(whole, path).ok
    assert verify_ledger(whole, str(path)).ok
    other = TreeHead(3, "0" * 64)
    path.write_text(content.replace(head.root_hex, other.root_hex), encoding="utf-8")
    if form == "checkpoint":
        path.write_text(Checkpoint("somewhere", other).text(), encoding="utf-8")
    assert [f.kind for f in verify_ledger(whole, path).findings] == ["rewritten"]


def test_signatures_are_looked_at_when_a_key_is_given(whole: Path, tmp_path: Path) -> None:
    key = SigningKey.generate("institute")
    note = Ledger.open(whole).checkpoint().signed_by(key)
    path = tmp_path / "checkpoint"
    path.write_text(note.text(), encoding="utf-8")
    report = verify_ledger(whole, path, keys=(key.verifier,))
    assert report.ok
    assert report.notes == ("the checkpoint is signed by institute",)
    assert "no key was given" in verify_ledger(whole, path).notes[0]
    stranger = SigningKey.generate("stranger").verifier
    assert [f.kind for f in verify_ledger(whole, path, keys=(stranger,)).findings] == ["signature"]
    with pytest.raises(InputError, match="bears no signature"):
        verify_ledger(whole, note.head, keys=(key.verifier,))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<html></html>", "names no ledger root"),
        (
            f"<html>{TreeHead(1, '0' * 64).meta_tag()}{TreeHead(2, '1' * 64).meta_tag()}</html>",
            "2 ledger roots",
        ),
        ('<meta name="kakehashi-ledger" content="size=x">', "not a tree head"),
        ('{"ledger": {"size": 1}}', "not a tree head"),
        ('{"ledger": ', "not JSON"),
        ("[]", "names no ledger root"),
        ("some text", "not a checkpoint"),
        (b"\xff\xfe\x00", "neither a report nor a checkpoint"),
    ],
)
def test_a_file_without_a_root_is_one_clear_error(tmp_path: Path, content: str | bytes, words: str) -> None:
    path = tmp_path / "report"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=words) as caught:
        read_reference(path)
    assert str(path) in str(caught.value)


def test_what_is_neither_file_nor_root_is_said_so(whole: Path) -> None:
    for word in ("nonsense", "size=3", "abc123"):
        with pytest.raises(InputError, match="neither a file nor a root"):
            verify_ledger(whole, word)


def test_the_root_is_that_of_the_raw_record_hashes(whole: Path) -> None:
    ids = (whole / "log").read_text().split()
    assert Ledger.open(whole).root().root_hex == root_hash([bytes.fromhex(i) for i in ids]).hex()


def test_the_report_is_strict_json(whole: Path) -> None:
    body = json.loads(json.dumps(verify_ledger(whole).as_json(), allow_nan=False))
    assert body["ok"] is True
    assert body["ledger"]["size"] == 5
