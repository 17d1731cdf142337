"""Lint names what is wrong row by row; screening mends the certain, sets the rest apart, drops nothing."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.ledger.lint import CODES, lint, remedy, screen
from kakehashi.model import Interval, Measure, Measurement, Polarity, Provenance


def row(
    value: float | None,
    *,
    subject: str = "m",
    name: str = "score",
    between: tuple[float, float] | None = None,
    version: str = "1",
    polarity: Polarity = Polarity.HIGHER,
    unit: str = "proportion",
    low: float | None = 0.0,
    high: float | None = 1.0,
    **more: Any,
) -> Measurement:
    interval = None if between is None else Interval(*between, 0.95, "stated")
    reason = "" if value is not None else "none"
    return Measurement(
        subject,
        Measure(f"a:{name}", "own", polarity, unit, low, high),
        value,
        Provenance("s", "a", version, ""),
        interval=interval,
        reason=reason,
        **more,
    )


def codes(*rows: Measurement) -> list[tuple[int, str]]:
    return [(f.row, f.code) for f in lint(rows)]


def test_sound_rows_have_no_findings() -> None:
    assert (
        codes(row(0.5, between=(0.4, 0.6)), row(0.0, subject="n", std_error=0.1), row(None, subject="o"))
        == []
    )


def test_offsets_become_an_interval_only_when_asked() -> None:
    # The real case: score 0.88, lower -0.0318, upper 0.0318, so the interval is 0.8482 to 0.9118.
    wrong = row(0.88, between=(-0.0318, 0.0318))
    assert [(f.code, f.certain, f.blocks) for f in lint([wrong])] == [("interval-offset", True, False)]
    looked = screen([wrong])
    assert looked.kept[0].interval is None
    assert looked.kept[0].value == 0.88
    assert looked.changed[0][0] == wrong
    fixed = screen([wrong], fix=True).kept[0].interval
    assert fixed is not None
    assert (round(fixed.low, 10), round(fixed.high, 10)) == (0.8482, 0.9118)
    assert "offsets" in fixed.method


def test_uneven_offsets_are_suspected_and_never_mended() -> None:
    wrong = row(0.88, between=(-0.05, 0.02))
    assert [(f.code, f.certain) for f in lint([wrong])] == [("interval-offset", False)]
    assert screen([wrong], fix=True).kept[0].interval is None


def test_offsets_that_happen_to_hold_a_small_score_are_suspected() -> None:
    assert codes(row(0.02, between=(-0.03, 0.03))) == [(0, "interval-offset")]
    # Without a lower bound of zero the same numbers may be an honest interval of a difference.
    assert codes(row(0.02, between=(-0.03, 0.03), low=None, high=None)) == []


def test_an_interval_beside_its_score_is_taken_off() -> None:
    wrong = row(0.5, between=(0.6, 0.7))
    assert codes(wrong) == [(0, "interval-excludes-score")]
    assert screen([wrong], fix=True).kept[0].interval is None


def test_an_uncertainty_of_exactly_zero_is_unknown() -> None:
    assert codes(row(1.0, std_error=0.0)) == [(0, "zero-error")]
    kept = screen([row(1.0, std_error=0.0), row(1.0, subject="n", between=(1.0, 1.0))]).kept
    assert [(m.std_error, m.interval) for m in kept] == [(None, None), (None, None)]
    assert codes(row(0.5, std_error=-0.1)) == [(0, "negative-error")]


def test_a_marker_is_set_apart_or_on_request_made_a_missing_value() -> None:
    rows = [row(-1.0), row(0.5, subject="n")]
    assert codes(*rows) == [(0, "sentinel")]
    looked = screen(rows)
    assert [m.subject for m in looked.kept] == ["n"]
    assert [m.value for m, _ in looked.quarantined] == [-1.0]
    fixed = screen(rows, fix=True)
    assert [m.value for m in fixed.kept] == [None, 0.5]
    assert "marked -1" in fixed.kept[0].reason
    assert codes(row(-1.0, low=-5.0, high=5.0)) == []  # there -1 is a score


def test_a_score_outside_its_range_is_set_apart() -> None:
    assert codes(row(1.2)) == [(0, "out-of-range")]
    assert screen([row(1.2)], fix=True).kept == ()
    assert codes(row(1.0 + 1e-12)) == []


def test_percent_among_proportions_is_named_by_row() -> None:
    rows = [row(0.3), row(0.4, subject="b"), row(45.0, subject="c", high=None), row(0.5, subject="d")]
    assert codes(*rows) == [(2, "percent-mixed")]
    percents = [row(v, subject=str(v), unit="percent", high=100.0) for v in (30.0, 0.45, 61.0)]
    assert codes(*percents) == [(1, "percent-mixed")]


@pytest.mark.parametrize(
    ("name", "polarity", "found"),
    [
        ("accuracy", Polarity.LOWER, ["direction-contradicts"]),
        ("attack_success", Polarity.HIGHER, ["direction-contradicts"]),
        ("exact_match", Polarity.HIGHER, []),
        ("toxicity", Polarity.LOWER, []),
        ("terror", Polarity.HIGHER, []),
        ("score", Polarity.NONE, ["direction-missing"]),
    ],
)
def test_directions_are_held_against_the_metric_s_name(
    name: str, polarity: Polarity, found: list[str]
) -> None:
    assert [f.code for f in lint([row(0.5, name=name, polarity=polarity)])] == found


def test_duplicates_that_differ_are_both_set_apart_and_equal_ones_stand_once() -> None:
    assert codes(row(0.5), row(0.6)) == [(0, "duplicate-differs"), (1, "duplicate-differs")]
    assert screen([row(0.5), row(0.6)]).kept == ()
    assert codes(row(0.5), row(0.5)) == [(1, "duplicate")]
    assert len(screen([row(0.5), row(0.5)]).kept) == 1
    assert codes(row(0.5), row(0.6, facets={"language": "ja"})) == []


def test_two_versions_under_one_name_are_named() -> None:
    assert codes(row(0.5), row(0.6, subject="n", version="2")) == [(1, "versions-mixed")]


@given(
    st.lists(
        st.builds(
            row,
            st.sampled_from([-1.0, 0.0, 0.3, 0.9, 45.0, None]),
            subject=st.sampled_from(["a", "b", "c"]),
            between=st.none() | st.just((-0.1, 0.1)) | st.just((0.2, 0.4)),
            version=st.sampled_from(["1", "2"]),
        ),
        max_size=8,
    ),
    st.booleans(),
)
def test_screening_drops_no_row_and_what_it_keeps_is_clean(rows: list[Measurement], fix: bool) -> None:
    done = screen(rows, fix=fix)
    assert len(done.kept) + len(done.quarantined) == len(rows)
    assert {f.code for f in done.findings} <= CODES.keys()
    assert all(reasons for _, reasons in (*done.quarantined, *done.changed))
    again = {f.code for f in lint(done.kept)}
    assert again <= {"direction-missing", "direction-contradicts", "versions-mixed"}


def plain(value: float, subject: str, **more: Any) -> Measurement:
    """A row of a measure that states neither unit nor range."""
    return row(value, subject=subject, unit="score", low=None, high=None, **more)


def test_markers_are_suspected_where_no_range_is_stated() -> None:
    rows = [plain(v, f"m{i}") for i, v in enumerate([12.0, 40.0, 33.0, -1.0, 999.0])]
    assert [(f.row, f.code, f.certain) for f in lint(rows)] == [
        (3, "sentinel", False),
        (4, "sentinel", False),
    ]
    for fix in (False, True):  # a suspicion is never mended
        assert [m.value for m, _ in screen(rows, fix=fix).quarantined] == [-1.0, 999.0]
    # where negative scores are about, -1 is one of them; and three values are the least to judge by
    assert codes(*(plain(v, f"m{i}") for i, v in enumerate([12.0, -3.0, 33.0, -1.0]))) == []
    assert codes(plain(12.0, "a"), plain(-1.0, "b")) == []


def test_percent_and_proportion_are_told_apart_even_where_no_unit_is_stated() -> None:
    rows = [plain(v, f"m{i}") for i, v in enumerate([0.81, 0.9, 77.0, 85.0, 0.0])]
    assert codes(*rows) == [
        (0, "percent-mixed"),
        (1, "percent-mixed"),
        (2, "percent-mixed"),
        (3, "percent-mixed"),
    ]
    # values between the two clusters speak for one scale
    assert codes(*(plain(v, f"m{i}") for i, v in enumerate([0.4, 0.9, 3.0, 40.0, 85.0]))) == []


def test_what_becomes_of_a_row_is_said_before_anything_is_done() -> None:
    offsets, marker = row(0.88, between=(-0.0318, 0.0318)), row(-1.0, subject="n")
    odd, zero = row(0.5, subject="o", between=(0.6, 0.7)), row(0.5, subject="p", std_error=0.0)
    rows = [offsets, marker, odd, zero, row(1.4, subject="q")]
    said = {f.row: (remedy(f, rows[f.row], fix=False), remedy(f, rows[f.row], fix=True)) for f in lint(rows)}
    assert said == {
        0: ("the score stays, the interval is taken off", "the interval becomes 0.8482 to 0.9118"),
        1: ("goes into quarantine", "becomes a missing value"),
        2: ("the score stays, the interval is taken off",) * 2,
        3: ("the score stays, its uncertainty is unknown",) * 2,
        4: ("goes into quarantine",) * 2,
    }
    # and it is what screening does
    for fix in (False, True):
        screened = screen(rows, fix=fix)
        assert len(screened.quarantined) == (1 if fix else 2)
        assert screened.repaired == (2 if fix else 0)


@given(
    st.lists(
        st.builds(
            row,
            st.sampled_from([-1.0, 0.0, 0.5, 0.88, 55.0]),
            subject=st.sampled_from("abc"),
            between=st.sampled_from([None, (-0.03, 0.03), (0.4, 0.6), (0.9, 0.95)]),
        ),
        max_size=6,
    ),
    st.booleans(),
)
def test_the_counts_add_up(rows: list[Measurement], fix: bool) -> None:
    screened = screen(rows, fix=fix)
    unchanged = len(screened.kept) - len(screened.changed)
    assert len(rows) == unchanged + len(screened.changed) + len(screened.quarantined)
    assert 0 <= screened.repaired <= len(screened.changed)
    assert screened.repaired == 0 or fix


def test_every_code_has_a_meaning_and_no_other_is_used() -> None:
    source = (Path(__file__).parents[2] / "src/kakehashi/ledger/lint.py").read_text(encoding="utf-8")
    used = set(re.findall(r'(?:finding|_at)\(\s*(?:row, [\w.\[\]]+, )?"([a-z-]+)"', source))
    assert used
    assert used <= CODES.keys()
