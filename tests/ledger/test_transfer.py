"""Copies for others, and taking in another's records."""

from pathlib import Path

import pytest
from ledger_samples import item_columns, result_record, run_record, text_rows

from kakehashi.errors import StorageError, VerificationError
from kakehashi.ledger import Ledger, copy_ledger, merge_ledger
from kakehashi.proof import SigningKey


def test_a_copy_has_the_same_root_and_no_texts_unless_asked(tmp_path: Path) -> None:
    with Ledger.init(tmp_path / "mine") as ledger:
        ledger.append(result_record(), item_columns(), text_rows("canary"))
        purged = ledger.append(result_record(subject="p"), item_columns(), text_rows("purged"))
        ledger.purge(purged, "asked")
        head = copy_ledger(ledger, tmp_path / "bare")
        assert head == ledger.root()
        copy_ledger(ledger, tmp_path / "full", texts=True)
        with pytest.raises(StorageError, match="something here already"):
            copy_ledger(ledger, tmp_path / "full")
    bare, full = Ledger.open(tmp_path / "bare"), Ledger.open(tmp_path / "full")
    assert not (tmp_path / "bare" / "blobs").exists()
    assert not (tmp_path / "full" / "salt").exists()
    for copy in (bare, full):
        assert copy.root() == head
        assert copy.verify(head).ok
        assert len(copy.items()["sample"]) == 8
    assert len(list((tmp_path / "full" / "blobs").rglob("*.zst"))) == 1
    assert len(list(full.texts(full.records(subject="bare")[0].id))) == 4
    with pytest.raises(StorageError, match="not in this copy"):
        bare.texts(bare.records(subject="bare")[0].id)


def test_a_copy_takes_records_but_no_texts_for_want_of_a_salt(tmp_path: Path) -> None:
    with Ledger.init(tmp_path / "mine") as ledger:
        copy_ledger(ledger, tmp_path / "copy")
    with Ledger.open(tmp_path / "copy", write=True) as copy:
        copy.append(run_record())
        with pytest.raises(StorageError, match="without a salt"):
            copy.append(result_record(), item_columns(), text_rows())
        assert copy.root().size == 1
        assert copy.verify().ok


def test_two_copies_are_merged_byte_for_byte_with_the_other_s_head(tmp_path: Path) -> None:
    with Ledger.init(tmp_path / "theirs") as theirs:
        shared = theirs.append(run_record())
        wrong = theirs.append(result_record(subject="primed"), item_columns(), text_rows())
        theirs.retract(wrong, "a test")
        key = SigningKey.generate("them")
        note = theirs.checkpoint().signed_by(key)
        theirs.append(result_record(subject="later"), item_columns())
    with Ledger.init(tmp_path / "mine") as mine:
        assert mine.append(run_record()) == shared
        mine.append(result_record(), item_columns())
        done = merge_ledger(mine, tmp_path / "theirs", checkpoint=note, keys=(key.verifier,))
        assert len(done.added) == 3
        assert done.head.size == 4
        body = mine.get(done.record).body
        assert (body["size"], body["root"], body["checkpoint"]) == (4, done.head.root_hex, note.text())
        assert mine.verify().ok
        assert [r.text("subject") for r in mine.records(kind="result")] == ["bare", "later"]
        assert len(mine.items()["sample"]) == 8
        size = mine.root().size
        assert merge_ledger(mine, tmp_path / "theirs").record == done.record
        assert mine.root().size == size


def test_a_damaged_or_rewritten_ledger_is_not_taken_in(tmp_path: Path) -> None:
    with Ledger.init(tmp_path / "theirs") as theirs:
        record_id = theirs.append(result_record(), item_columns())
        note = theirs.checkpoint()
        path = theirs.layout.items(theirs.get(record_id).body["items"]["sha256"])
    with Ledger.init(tmp_path / "other") as other:
        other.append(run_record())
    with Ledger.init(tmp_path / "mine") as mine:
        with pytest.raises(VerificationError, match="rewritten"):
            merge_ledger(mine, tmp_path / "other", checkpoint=note)
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        with pytest.raises(VerificationError, match="changed"):
            merge_ledger(mine, tmp_path / "theirs")
        assert mine.root().size == 0
