"""The table of scores: what it accepts, what it refuses, how it is made."""

from dataclasses import replace

import numpy as np
import pytest

from kakehashi.compare.table import ItemScores, ScoreTable
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError
from kakehashi.model import Interval, Measure, Measurement, Polarity, Provenance


def table() -> ScoreTable:
    return ScoreTable(
        ("a", "b", "c"),
        ("x", "y"),
        [[0.1, 9.0], [0.2, np.nan], [0.3, 7.0]],
        (True, False),
        constructs=("bias", "own"),
    )


def test_oriented_turns_the_methods_whose_low_scores_are_good() -> None:
    turned = table().oriented()
    np.testing.assert_array_equal(turned.values, [[0.1, -9.0], [0.2, np.nan], [0.3, -7.0]])
    assert turned.higher_is_better == (True, True)


def test_select_keeps_the_order_given() -> None:
    part = table().select(models=["c", "a"], methods=["y"])
    np.testing.assert_array_equal(part.values, [[7.0], [9.0]])
    assert part.constructs == ("own",)
    with pytest.raises(UnknownNameError, match="unknown model"):
        table().select(models=["d"])


def test_the_values_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="read-only"):
        table().values[0, 0] = 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": ("a", "a", "c")}, "'a' stands in the table twice"),
        ({"models": ("a", "", "c")}, "is not a name"),
        ({"models": ()}, "no models"),
        ({"methods": ("x",)}, "shape"),
        ({"values": [[0.1, np.inf], [1, 1], [1, 1]]}, "'a' by 'y' is infinite"),
        ({"values": [["one", 1], [1, 1], [1, 1]]}, "not a number"),
        ({"values": [[0.1, 1], [np.nan, np.nan], [1, 1]]}, "model 'b' has no value"),
        ({"values": [[0.1, np.nan], [1, np.nan], [1, np.nan]]}, "method 'y' has no value"),
        ({"higher_is_better": (True,)}, "higher_is_better has 1"),
        ({"constructs": ("own",)}, "constructs has 1"),
        ({"std_error": [[-1, 0], [0, 0], [0, 0]]}, "std_error of 'a' by 'x' is negative"),
    ],
)
def test_bad_tables_are_refused_with_the_place(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(table(), **change)


PROVENANCE = Provenance("test", "m", "1", "2026-01-01")


def measurement(subject: str, name: str, value: float | None, **extra: object) -> Measurement:
    measure = Measure(f"m:{name}", "own", extra.pop("polarity", Polarity.HIGHER))  # type: ignore[arg-type]
    return Measurement(subject, measure, value, PROVENANCE, **extra)  # type: ignore[arg-type]


def test_measurements_become_a_table_with_their_uncertainty() -> None:
    made = ScoreTable.from_measurements(
        [
            measurement("a", "x", 0.5, std_error=0.04),
            measurement("b", "x", 0.5, interval=Interval(0.4, 0.6, 0.95, "stated")),
            measurement("a", "y", 0.0, n=20, polarity=Polarity.LOWER),
            measurement("b", "y", None, reason="judge failed"),
            measurement("c", "y", None),
            measurement("a", "z", 3.0, polarity=Polarity.NONE),
            measurement("a", "x", 0.1, facets={"category": "violence"}),
        ]
    )
    assert made.models == ("a", "b")
    assert made.methods == ("m:x", "m:y")
    assert made.higher_is_better == (True, False)
    assert made.std_error is not None
    assert made.std_error[0, 0] == 0.04
    assert made.std_error[1, 0] == pytest.approx(0.1 / 1.959964)
    # Wilson at 0 of 20: 0 to 0.1611; a rate of zero is not known without error
    assert made.std_error[0, 1] == pytest.approx(0.1611 / 2 / 1.959964, rel=1e-3)
    assert np.isnan(made.std_error[1, 1])
    assert made.left_out == ("m:z: no direction", "c: no value")


def test_two_values_of_one_cell_are_refused_and_the_same_twice_is_not() -> None:
    with pytest.raises(InputError, match="two values"):
        ScoreTable.from_measurements([measurement("a", "x", 0.5), measurement("a", "x", 0.6)])
    assert ScoreTable.from_measurements([measurement("a", "x", 0.5)] * 2).shape == (1, 1)


def test_nothing_to_compare_is_said() -> None:
    with pytest.raises(NotEstimableError):
        ScoreTable.from_measurements([])


def test_items_become_means_with_cluster_robust_errors() -> None:
    # model a, method x: clusters means 0, .5, .5, 1 as in the intervals' test: 0.2041
    scores = ItemScores(
        ("a", "b"),
        tuple(f"i{i}" for i in range(10)),
        [[0, 0, 1, 0, 0, 1, 1, 1, 0.5, 0.7], [1] * 8 + [0.5, np.nan]],
        clusters=(1, 1, 2, 2, 3, 3, 4, 4, 5, 6),
        method=("x",) * 8 + ("y",) * 2,
        higher_is_better=(True, False),
    )
    made = scores.table(constructs=("own", "own"))
    np.testing.assert_allclose(made.values, [[0.5, 0.6], [1.0, 0.5]])
    assert made.std_error is not None
    assert made.std_error[0, 0] == pytest.approx(np.sqrt(1 / 6 / 4))
    assert np.isnan(made.std_error[1, 0])  # no variation seen: unknown, never zero
    assert np.isnan(made.std_error[1, 1])  # a single cluster
    np.testing.assert_array_equal(made.n, [[8, 2], [8, 1]])
    assert made.higher_is_better == (True, False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"items": ("i", "i")}, "twice"),
        ({"values": np.zeros((1, 3))}, "shape"),
        ({"values": np.array([[np.inf, 0.0]])}, "infinite"),
        ({"clusters": (1,)}, "clusters has 1"),
        ({"higher_is_better": (True, False)}, "2 entries for 1"),
    ],
)
def test_bad_items_are_refused(change: dict[str, object], message: str) -> None:
    good = ItemScores(("a",), ("i", "j"), np.array([[0.0, 1.0]]))
    with pytest.raises(InputError, match=message):
        replace(good, **change)


def test_single_precision_is_kept() -> None:
    assert ItemScores(("a",), ("i", "j"), np.zeros((1, 2), dtype=np.float32)).values.dtype == np.float32
