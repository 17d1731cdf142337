"""The ledger: what goes in comes out, nothing changes, what is hidden is counted."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from ledger_samples import files_of, item_columns, measurement, result_record, run_record, text_rows

from kakehashi.errors import (
    FormatVersionError,
    InputError,
    KakehashiError,
    StorageError,
    UnknownNameError,
    UsageError,
)
from kakehashi.ledger import Entry, Ledger, encode
from kakehashi.proof import EMPTY_ROOT, canonical_bytes, root_hash


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
