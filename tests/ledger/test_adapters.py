"""From the ledger to the tables of compare."""

import numpy as np
import pytest
from ledger_samples import item_columns, measurement, provenance, result_record

from kakehashi.errors import InputError, NotEstimableError, UsageError
from kakehashi.ledger import Ledger, encode, item_scores, score_table
from kakehashi.model import Measure, Measurement, Polarity, Provenance


def test_a_score_table_has_a_row_a_subject_and_a_column_a_measure(ledger: Ledger) -> None:
    other = Measurement("bare", Measure("x/y:asr", "jailbreak", Polarity.LOWER), 0.75, provenance("x/y"))
    part = encode(measurement(facets={"category": "violence"}))
    ledger.append(result_record(measurements=[encode(measurement()), part, encode(other)]))
    ledger.append(result_record(subject="primed", value=0.5))
    table = score_table(ledger)
    assert table.models == ("bare", "primed")
    assert table.methods == ("kakehashi/core:safe-handling-rate", "x/y:asr")
    np.testing.assert_array_equal(table.values, [[0.25, 0.75], [0.5, np.nan]])
    assert table.higher_is_better == (True, False)
    assert "size=2 root=" in table.source
    assert score_table(ledger, methods=["x/y"]).methods == ("x/y:asr",)
    assert score_table(ledger, subjects=["primed"]).models == ("primed",)
    assert score_table(ledger, measures=["x/y:asr"], run="r1").values.shape == (1, 1)
    with pytest.raises(NotEstimableError):
        score_table(ledger, run="r2")


def test_two_versions_of_a_method_are_never_put_into_one_column(ledger: Ledger) -> None:
    newer = Measurement(
        "primed", measurement().measure, 0.5, Provenance("k", "kakehashi/core", "2.0", "2026")
    )
    ledger.append(result_record())
    ledger.append(
        result_record(subject="primed", method_version="2.0", measurements=[encode(newer)]), item_columns()
    )
    with pytest.raises(InputError, match=r"two versions of its method, '1.0' and '2.0'"):
        score_table(ledger)
    ledger.append(result_record(subject="third"), item_columns())
    with pytest.raises(InputError, match="two versions"):
        item_scores(ledger)
    assert item_scores(ledger, subjects=["third"]).models == ("third",)


def test_item_scores_are_a_matrix_with_missing_cells_and_clusters(ledger: Ledger) -> None:
    ledger.append(result_record(), item_columns())
    ledger.append(
        result_record(subject="primed"),
        {
            "sample": ["violence-1", "violence-2"],
            "cluster": ["v0", "v1"],
            "value": [1, 0.5],
            "label": ["x", "refused"],
        },
    )
    found = item_scores(ledger)
    assert found.models == ("bare", "primed")
    assert found.items == ("violence-0", "violence-1", "violence-2", "violence-3")
    assert found.clusters == ("v0", "v0", "v1", "v1")
    # bare: 1, 0, 0 and an error (missing); primed answered only items 1 and 2.
    np.testing.assert_array_equal(found.values, [[1, 0, 0, np.nan], [np.nan, 1, 0.5, np.nan]])
    assert found.directions == (True,)
    harmful = item_scores(ledger, where={"kind": "harmful"}, subjects=["bare"])
    assert harmful.items == ("violence-0", "violence-2")
    refused = item_scores(ledger, credit={"refused": 1.0, "complied": 0.0})
    np.testing.assert_array_equal(refused.values, [[1, 0, 0], [np.nan, np.nan, 1]])
    with pytest.raises(NotEstimableError, match="no item row is left"):
        item_scores(ledger, where={"kind": "nothing"})
    with pytest.raises(UsageError, match="unknown item column"):
        item_scores(ledger, where={"1=1; --": "x"})


def test_items_of_several_methods_keep_their_names_apart_and_epochs_are_averaged(ledger: Ledger) -> None:
    ledger.append(result_record(), {"sample": ["a", "a"], "epoch": [1, 2], "value": [1, 0]})
    lower = Measurement("bare", Measure("x/y:asr", "jailbreak", Polarity.LOWER), 0.75, provenance("x/y"))
    ledger.append(
        result_record(method="x/y", measurements=[encode(lower)]), {"sample": ["a"], "value": [0.25]}
    )
    found = item_scores(ledger)
    assert found.items == ("kakehashi/core:a", "x/y:a")
    assert found.method == ("kakehashi/core", "x/y")
    assert found.directions == (True, False)
    np.testing.assert_array_equal(found.values, [[0.5, 0.25]])
    assert item_scores(ledger, higher_is_better=True).directions == (True, True)


def test_items_without_a_known_direction_are_refused(ledger: Ledger) -> None:
    ledger.append(result_record(measurements=[]), item_columns())
    with pytest.raises(InputError, match="direction"):
        item_scores(ledger)
