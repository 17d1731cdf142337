"""Krippendorff's alpha against his own example, the slow definition, and simulated truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference.coverage import Recorder, report_coverage
from reference.slow_krippendorff import slow_krippendorff

from kakehashi.compare.krippendorff import krippendorff_alpha
from kakehashi.errors import InputError, NotEstimableError, UsageError

N = float("nan")
FOUR_CODERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
        [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
    ]
)
RATINGS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 5), st.integers(2, 12)),
    elements=st.one_of(st.integers(1, 5).map(float), st.just(N)),
)
LEVELS = ("nominal", "ordinal", "interval")


@pytest.mark.parametrize(("level", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_his_own_example_comes_out(level: str, value: float) -> None:
    e = krippendorff_alpha(FOUR_CODERS, level=level, rng=1)  # type: ignore[arg-type]
    assert round(e.value, 3) == value
    assert e.diagnostics["n_units_used"] == 11  # the last unit has one label only
    assert e.low < value < e.high


@settings(deadline=None)
@given(RATINGS, st.sampled_from(LEVELS))
def test_alpha_equals_the_definition(ratings: np.ndarray, level: str) -> None:
    pairable = ratings[:, (~np.isnan(ratings)).sum(axis=0) >= 2]
    if len(set(pairable[~np.isnan(pairable)].tolist())) < 2:
        with pytest.raises(NotEstimableError):
            krippendorff_alpha(ratings, level=level, n_resamples=0)  # type: ignore[arg-type]
        return
    e = krippendorff_alpha(ratings, level=level, n_resamples=0)  # type: ignore[arg-type]
    assert e.value == pytest.approx(slow_krippendorff(pairable, level), abs=1e-9)


def test_many_distinct_values_take_the_other_path_of_ordinal_to_the_same_number() -> None:
    rng = np.random.default_rng(0)
    ratings = rng.normal(size=(3, 30)) + rng.normal(size=30)
    ratings[rng.random(ratings.shape) < 0.1] = N
    pairable = ratings[:, (~np.isnan(ratings)).sum(axis=0) >= 2]
    for level in LEVELS:
        e = krippendorff_alpha(ratings, level=level, n_resamples=0)  # type: ignore[arg-type]
        assert e.value == pytest.approx(slow_krippendorff(pairable, level), abs=1e-9)


@settings(deadline=None)
@given(RATINGS, st.sampled_from(LEVELS))
def test_raters_units_and_monotone_codes_do_not_matter(ratings: np.ndarray, level: str) -> None:
    try:
        value = krippendorff_alpha(ratings, level=level, n_resamples=0).value  # type: ignore[arg-type]
    except NotEstimableError:
        return
    turned = ratings[::-1, ::-1]
    assert krippendorff_alpha(turned, level=level, n_resamples=0).value == pytest.approx(value)  # type: ignore[arg-type]
    other = np.exp(ratings) if level == "ordinal" else 3 * ratings - 7
    assert krippendorff_alpha(other, level=level, n_resamples=0).value == pytest.approx(value)  # type: ignore[arg-type]


def test_words_may_be_labels() -> None:
    e = krippendorff_alpha([["a", "b", "a", None], ["a", "b", "b", "a"]], rng=1)
    codes = np.array([[0, 1, 0, N], [0, 1, 1, 0.0]])
    assert e.value == pytest.approx(slow_krippendorff(codes[:, :3], "nominal"))
    with pytest.raises(InputError, match="needs numbers"):
        krippendorff_alpha([["a", "b"], ["a", "b"]], level="ordinal")


def test_what_cannot_be_estimated_is_said() -> None:
    with pytest.raises(NotEstimableError) as caught:
        krippendorff_alpha([[1, N], [N, 1]])
    assert caught.value.diagnostic == "no-pairs"
    with pytest.raises(NotEstimableError) as caught:
        krippendorff_alpha([[1, 1], [1, 1]])
    assert caught.value.diagnostic == "one-class"
    with pytest.raises(InputError, match="infinite"):
        krippendorff_alpha([[1, np.inf], [1, 2]])
    with pytest.raises(InputError, match="matrix"):
        krippendorff_alpha([1, 2])  # type: ignore[list-item]
    with pytest.raises(UsageError):
        krippendorff_alpha([[1, 2], [1, 2]], level="ratio")  # type: ignore[arg-type]


def test_perfect_agreement_has_no_lower_end() -> None:
    e = krippendorff_alpha([[1, 2, 3], [1, 2, 3]], rng=1)
    assert e.value == 1.0
    assert np.isnan(e.low)


def _coverage(simulations: int) -> dict[tuple[object, ...], float]:
    rng = np.random.default_rng(17)
    cells: dict[tuple[object, ...], float] = {}
    for units in (15, 60):
        for raters in (2, 5):
            for truth in (0.2, 0.6, 0.9):
                # interval alpha of true score plus noise is the intraclass correlation
                hits = 0
                for _ in range(simulations):
                    scores = np.sqrt(truth) * rng.normal(size=units)
                    ratings = scores + np.sqrt(1 - truth) * rng.normal(size=(raters, units))
                    e = krippendorff_alpha(ratings, level="interval", n_resamples=100, rng=rng)
                    hits += e.low <= truth <= e.high
                cells["interval", units, raters, truth] = hits / simulations
        for raters, classes, right in ((2, 2, 0.8), (3, 3, 0.5), (5, 4, 0.95)):
            # right with this chance, else at random among classes of equal share: nominal alpha is its square
            hits = 0
            for _ in range(simulations):
                truth_labels = rng.integers(0, classes, units)
                guess = rng.integers(0, classes, (raters, units))
                ratings = np.where(rng.random((raters, units)) < right, truth_labels, guess).astype(float)
                e = krippendorff_alpha(ratings, n_resamples=100, rng=rng)
                hits += np.isnan(e.low) or e.low <= right**2 <= e.high
            cells["nominal", units, raters, right] = hits / simulations
    return cells


def test_alpha_intervals_cover_93_to_97_percent_on_average() -> None:
    cells = _coverage(400)
    assert 0.93 <= np.mean(list(cells.values())) <= 0.97, cells


@pytest.mark.proof
def test_alpha_intervals_cover_at_full_size(record_property: Recorder) -> None:
    cells = _coverage(3000)
    assert 0.93 <= report_coverage(record_property, cells, 3000) <= 0.97, cells
    assert min(cells.values()) > 0.89, cells
