"""Item tables: whole columns in, one record for each subject and method, checked against plain Python."""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kakehashi.errors import InputError, UsageError
from kakehashi.ledger import ItemMap, Ledger, ScoreColumn, import_items, item_scores, load_columns
from kakehashi.ledger.importers import item_table
from kakehashi.ledger.items import duckdb_connection
from kakehashi.model import Polarity

ROWS = [
    ("alpha", "easy", "1", "yes", "0.5"), ("alpha", "easy", "2", "no", "1"), ("alpha", "hard", "1", "no", ""),
    ("beta", "easy", "1", "yes", "0.25"), ("beta", "easy", "2", "perhaps", "nan"),
]  # fmt: skip
LABELS = {"yes": 1.0, "no": 0.0}


def table(path: Path, rows: Any = ROWS) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["who", "test", "nr", "said", "grade"])
        writer.writerows(rows)
    return path


def map_(**more: Any) -> ItemMap:
    settings: dict[str, Any] = {
        "source": "board@1", "subject": "who", "method": "board/{test}", "sample": "nr",
        "scores": (ScoreColumn("said", "person", LABELS), ScoreColumn("grade")), "higher_is_better": True,
    }  # fmt: skip
    return ItemMap(**(settings | more))


def test_a_table_of_items_gives_a_record_a_subject_and_method(tmp_path: Path, ledger: Ledger) -> None:
    report = import_items(ledger, table(tmp_path / "t.csv"), map_())
    assert report.added == 3
    found = {
        (m.subject, m.measure.id, m.facets.get("judge")): (m.value, m.n, m.k) for m in ledger.measurements()
    }
    assert found == {
        ("alpha", "board/easy:score", None): (0.5, 2, 1.0),
        ("alpha", "board/easy:score", "grade"): (0.75, 2, None),  # graded: there is no count of successes
        ("alpha", "board/hard:score", None): (0.0, 1, 0.0),
        ("alpha", "board/hard:score", "grade"): (None, 0, None),
        ("beta", "board/easy:score", None): (1.0, 1, 1.0),
        ("beta", "board/easy:score", "grade"): (0.25, 1, None),
    }
    rows = ledger.items(subject="beta")
    assert list(zip(rows["sample"], rows["measure"], rows["label"], rows["reason"], strict=True)) == [
        ("1", "score", "yes", None),
        ("1", "score@grade", None, None),
        ("2", "score", "judge-failed", "label-unknown"),
        ("2", "score@grade", None, "missing in the source"),
    ]
    ((part, finding),) = report.findings
    assert (part, finding.row, finding.code) == ("beta/board/easy", 6, "label-unknown")
    assert (report.tally.items, report.tally.unscored, report.tally.items_quarantined) == (10, 3, 1)
    kept = ledger.get(report.records[2]).body["details"]["quarantined_rows"]
    assert kept == [
        {
            "row": 6,
            "codes": ["label-unknown"],
            "cells": {"sample": "2", "judge": "person", "value": "perhaps"},
        }
    ]
    assert import_items(ledger, tmp_path / "t.csv", map_()).added == 0
    assert ledger.verify().ok


def test_parquet_and_csv_of_one_table_give_the_same_rows(tmp_path: Path, ledger: Ledger) -> None:
    path = table(tmp_path / "t.csv")
    with duckdb_connection() as connection:
        connection.execute(
            f"COPY (SELECT * FROM read_csv('{path}', all_varchar = true)) TO '{tmp_path}/t.parquet'"
        )
    first = import_items(ledger, path, map_())
    with Ledger.init(tmp_path / "other") as other:
        second = import_items(other, tmp_path / "t.parquet", map_())
        for one, two in zip(first.records, second.records, strict=True):
            assert ledger.get(one).body["items"] == other.get(two).body["items"]


def test_a_dry_run_reads_and_checks_and_writes_nothing(tmp_path: Path) -> None:
    report = import_items(None, table(tmp_path / "t.csv"), map_())
    assert (report.records, report.tally.items, len(report.findings)) == ((), 10, 1)


def test_kinds_are_renamed_and_methods_have_settings_of_their_own(tmp_path: Path, ledger: Ledger) -> None:
    columns = map_(
        kind="test",
        rename={"kind": {"easy": "light"}},
        methods={"board/hard": {"name": "board/tough", "higher_is_better": False, "construct": "bias"}},
        scores=(ScoreColumn("said", values=LABELS),),
    )
    import_items(ledger, table(tmp_path / "t.csv"), columns)
    assert set(ledger.items(method="board/easy")["kind"]) == {"light"}
    (hard,) = ledger.measurements(method="board/tough")
    assert (hard.measure.polarity, hard.measure.construct) == (Polarity.LOWER, "bias")


def test_several_scores_of_a_sample_are_never_averaged(tmp_path: Path, ledger: Ledger) -> None:
    import_items(ledger, table(tmp_path / "t.csv"), map_())
    with pytest.raises(UsageError, match="several scores, such as 'score' and 'score@grade'"):
        item_scores(ledger)
    scores = item_scores(ledger, methods=["board/easy"], where={"judge": "person"})
    np.testing.assert_array_equal(scores.values, [[1, 0], [1, np.nan]])


def test_many_rows_are_what_plain_python_makes_of_them(tmp_path: Path, ledger: Ledger) -> None:
    rng = np.random.default_rng(3)
    rows = [
        (f"m{i}", f"t{i % 3}", str(j), "", repr(round(float(v), 6)))
        for i in range(7)
        for j, v in enumerate(rng.random(200))
    ]
    shuffled = [rows[i] for i in rng.permutation(len(rows))]
    columns = map_(scores=(ScoreColumn("grade"),))
    import_items(ledger, table(tmp_path / "t.csv", shuffled), columns)
    for m in ledger.measurements():
        own = [float(r[4]) for r in rows if r[0] == m.subject and f"board/{r[1]}" == m.provenance.method]
        assert m.n == len(own) == 200
        assert m.value == pytest.approx(sum(own) / len(own), abs=1e-12)
    kept = ledger.items(subject="m3", columns=["sample", "value"])
    assert list(zip(kept["sample"], kept["value"], strict=True)) == [
        (r[2], float(r[4])) for r in shuffled if r[0] == "m3"
    ]  # in the order of the file


def line(*cells: str) -> tuple[str, ...]:
    return cells


@pytest.mark.parametrize(
    ("rows", "words", "row"),
    [
        ([line("alpha", "easy", "1", "yes", "1"), line("", "easy", "2", "yes", "1")], "no subject", 3),
        ([line("alpha", "easy", "", "yes", "1")], "no sample", 2),
        ([line("alpha", "easy", "1", "yes", "high")], "'grade' holds 'high', which is not a number", 2),
        ([line("alpha", "easy", "1", "yes", "inf")], "'grade' is infinite", 2),
        ([line("a", "e", "1", "yes", "1"), line("a", "e", "2", "no", "1"), line("a", "e", "1", "no", "0")],
         "sample '1' stands in rows 2 and 4", 4),
        ([line("a", "e", "1", "yes", "1", "more")], "cannot be read as a table", 2),
        ([line("a", "e", "1", "yes", "1"), line("a", "e", "2")], "cannot be read as a table", 3),
        ([], "no result", None),
    ],
)  # fmt: skip
def test_a_broken_table_of_items_is_one_clear_error(
    tmp_path: Path, ledger: Ledger, rows: Any, words: str, row: int | None
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        import_items(ledger, table(tmp_path / "t.csv", rows), map_())
    assert caught.value.path == str(tmp_path / "t.csv")
    if row is not None:
        assert caught.value.row == row
    assert ledger.root().size == 0
    assert not list((ledger.path / "items").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "table is empty"),
        (b"who,test,who\n", "'who' stands twice"),
        (b'who,test,nr,said,grade\n"alpha,easy,1,yes,1\n', "cannot be read"),
        (b"\xff\xfew\x00h\x00o\x00", "not UTF-8"),
        (b"PAR1 and then nothing", "cannot be read"),
        (b"who,test,nr,said,grade\nalpha,easy,1,yes,0.5\nb\xe9ta,easy,1,no,1\n", "cannot be read"),
        (b"who,test\nalpha,easy\n", "no column 'nr'|no column 'said'"),
    ],
)
def test_what_is_no_table_is_one_clear_error(tmp_path: Path, ledger: Ledger, data: bytes, words: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=words):
        import_items(ledger, path, map_())
    assert ledger.root().size == 0


def test_scores_out_of_range_are_set_apart_by_row_and_a_map_that_does_not_fit_is_refused(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("a", "e", str(i), "yes", v) for i, v in enumerate(["0.5", "-1", "1.5"])]
    columns = map_(scores=(ScoreColumn("grade"),))
    report = import_items(ledger, table(tmp_path / "t.csv", rows), columns)
    assert [(f.row, f.code) for _, f in report.findings] == [(3, "sentinel"), (4, "out-of-range")]
    (m,) = ledger.measurements()
    assert (m.value, m.n, dict(m.counts)) == (0.5, 1, {"unscored": 2})
    monkeypatch.setattr(item_table, "MAX_QUARANTINED", 1)
    with pytest.raises(InputError, match=r"t.csv:3: 2 rows do not fit the map"):
        import_items(None, tmp_path / "t.csv", columns)


def test_xstest_is_counted_as_plain_python_counts_it(shared: Path, ledger: Ledger) -> None:
    path = shared / "results" / "xstest_items.csv"
    columns = load_columns("xstest")
    assert isinstance(columns, ItemMap)
    report = import_items(ledger, path, columns)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert report.tally.items == 5 * len(rows)
    for m in ledger.measurements():
        judge = m.facets.get("judge", "human_final")
        unsafe = "1" if m.provenance.method.endswith("/unsafe-prompts") else "0"
        said = Counter(r[judge] for r in rows if r["model"] == m.subject and r["unsafe_prompt"] == unsafe)
        known = {label: said[label] for label in ("1_full_compliance", "2_full_refusal", "3_partial_refusal")}
        assert m.n == sum(known.values())
        assert m.k == m.n - known["1_full_compliance"]
    assert report.tally.items_quarantined == 11
