"""Repair in the ledger: a mended record supersedes the one as imported, which stays."""

from pathlib import Path

import pytest

from kakehashi.ledger import ColumnMap, Ledger, as_imported, import_csv, import_path, repair_record
from kakehashi.model import Interval

COLUMNS = ColumnMap(
    "b@1", "m", measure="t", value="v", low="l", high="h", higher_is_better=True, minimum=0, maximum=1
)
TABLE = "m,t,v,l,h\na,x,0.88,-0.0318,0.0318\na,y,-1,,\na,z,0.5,0.4,0.6\na,w,1.7,,\nb,x,0.5,0.4,0.6\n"


@pytest.fixture
def ledger(tmp_path: Path):
    (tmp_path / "t.csv").write_text(TABLE)
    with Ledger.init(tmp_path / "ledger") as opened:
        import_csv(opened, tmp_path / "t.csv", COLUMNS)
        yield opened


def test_what_was_imported_is_put_together_again(ledger: Ledger) -> None:
    first, second = ledger.records(kind="result")
    stated = {m.measure.id.rpartition(":")[2]: m for m in as_imported(first)}
    assert {name: m.value for name, m in stated.items()} == {"x": 0.88, "y": -1, "z": 0.5, "w": 1.7}
    assert stated["x"].interval == Interval(-0.0318, 0.0318, 0.95, "stated")
    assert as_imported(second) == second.measurements()


def test_a_repair_mends_the_certain_keeps_the_original_and_leaves_the_rest_apart(ledger: Ledger) -> None:
    first, second = ledger.records(kind="result")
    size = ledger.root().size
    before = ledger.layout.record(first.id).read_bytes()
    made = repair_record(ledger, first)
    assert made is not None
    assert repair_record(ledger, second) is None  # nothing to mend
    assert ledger.root().size == size + 2  # the mended record, and that it supersedes
    assert ledger.layout.record(first.id).read_bytes() == before
    assert first.id in ledger.hidden()
    found = {m.measure.id.rpartition(":")[2]: m for m in ledger.measurements(subject="a")}
    assert found["x"].interval is not None
    assert round(found["x"].interval.low, 10) == 0.8482
    assert (found["y"].value, found["y"].reason) == (None, "missing in the source (marked -1)")
    assert "w" not in found
    details = ledger.get(made).body["details"]
    assert details["repaired_from"] == first.id
    assert [one["measurement"]["value"] for one in details["quarantine"]] == [1.7]
    assert sorted(one["measurement"]["value"] for one in details["originals"]) == [-1, 0.88]
    assert {m.value for m in as_imported(ledger.get(made))} == {0.88, -1, 0.5, 1.7}
    assert repair_record(ledger, ledger.get(made)) is None  # once is enough
    assert ledger.verify().ok


def test_a_repair_keeps_item_rows_and_texts(tmp_path: Path) -> None:
    with Ledger.init(tmp_path / "ledger") as ledger:
        import_path(ledger, Path(__file__).parent / "fixtures" / "sums.eval")
        (record,) = ledger.records(kind="result")
        # an interval stored as offsets, put there for this test
        body = {k: v for k, v in record.body.items() if k not in ("format", "items", "texts", "source")}
        wrong = dict(body["measurements"][0])
        wrong["interval"] = {"low": -0.1, "high": 0.1, "confidence_level": 0.95, "method": "stated"}
        items = ledger.items(record=record.id)
        owner = ("run", "subject", "method", "method_version")
        made = ledger.append(
            {**body, "run": "other", "measurements": [wrong]},
            {name: column for name, column in items.items() if name not in owner},
            list(ledger.texts(record.id)),
        )
        mended = repair_record(ledger, ledger.get(made))
        assert mended is not None
        assert ledger.get(mended).body["items"] == ledger.get(made).body["items"]
        assert list(ledger.texts(mended)) == list(ledger.texts(record.id))
        assert ledger.verify().ok
