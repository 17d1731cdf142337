"""Every genuine file: read, exported as valid Every Eval Ever, and back byte for byte."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from kakehashi.ledger import Ledger, export_eee, import_path
from kakehashi.ledger.eee import to_eee

FIXTURES = Path(__file__).parent / "fixtures"
OURS = ["sums.eval", "tests.report.jsonl", "promptfoo_sums.json"]
FOLDERS = ["inspect", "helm", "lm_eval", "eee"]


def round_trip(ledger: Ledger, folder: Path, other: Ledger) -> int:
    """Export every record and read it back; returns how many there were."""
    records = ledger.records(kind="result")
    for record in records:
        export_eee(ledger, record.id, folder / record.id[:12])
        (report,) = import_path(other, folder / record.id[:12])
        assert report.records == (record.id,)
        assert other.layout.record(record.id).read_bytes() == ledger.layout.record(record.id).read_bytes()
    assert other.measurements() == ledger.measurements()
    mine, theirs = ledger.items(), other.items()
    for name, column in mine.items():
        if column.dtype.kind == "f":
            np.testing.assert_array_equal(column, theirs[name])
        else:
            assert list(column) == list(theirs[name])
    assert other.verify().ok
    return len(records)


@pytest.mark.parametrize("name", OURS)
def test_what_a_tool_wrote_goes_out_as_eee_and_comes_back_byte_for_byte(tmp_path: Path, name: str) -> None:
    with Ledger.init(tmp_path / "one") as ledger, Ledger.init(tmp_path / "two") as other:
        import_path(ledger, FIXTURES / name)
        assert round_trip(ledger, tmp_path / "out", other) >= 1


@pytest.mark.parametrize("name", FOLDERS)
def test_the_genuine_files_go_out_as_eee_and_come_back_byte_for_byte(
    shared: Path, tmp_path: Path, name: str
) -> None:
    with Ledger.init(tmp_path / "one") as ledger, Ledger.init(tmp_path / "two") as other:
        import_path(ledger, shared / "logs" / name)
        assert round_trip(ledger, tmp_path / "out", other) >= 2


@pytest.mark.parametrize("name", [*FOLDERS, *OURS])
def test_every_export_is_valid_by_the_published_schemas(shared: Path, tmp_path: Path, name: str) -> None:
    schemas = shared / "logs" / "eee" / "schemas"
    aggregate, instance = (
        jsonschema.Draft7Validator(json.loads((schemas / file).read_text()))
        for file in ("eval.schema.json", "instance_level_eval.schema.json")
    )
    path = FIXTURES / name if name in OURS else shared / "logs" / name
    rows = 0
    with Ledger.init(tmp_path / "ledger") as ledger:
        import_path(ledger, path)
        for record in ledger.records(kind="result"):
            document = (
                to_eee(ledger, record.id, texts=True) if "texts" in record.body else to_eee(ledger, record.id)
            )
            aggregate.validate(document.aggregate)
            for row in document.instances:
                instance.validate(row)
            rows += len(document.instances)
    assert rows > 0
