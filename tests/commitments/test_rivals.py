import pytest
from catalogs import catalog, crosswalk, instrument, line

from kakehashi.commitments import Relationship, compare_maps
from kakehashi.errors import UnknownNameError, UsageError


def world(folder, first, second):
    names = [f"{side}-{i}" for side in "ab" for i in range(12)]
    return catalog(
        folder,
        instrument("a", *names[:12]),
        instrument("b", *names[12:]),
        crosswalk("m", *first),
        crosswalk("n", *second),
    )


def test_a_line_and_its_inverse_are_the_same_statement(tmp_path):
    found = world(tmp_path, [line("a-1", "subset-of", "b-1")], [line("b-1", "superset-of", "a-1")])
    agreement = compare_maps(found, "m", "n")
    assert (agreement.both, agreement.same) == (1, 1)
    assert agreement.kappa is None  # one pair says nothing


def test_what_one_map_leaves_out_is_no_disagreement(tmp_path):
    found = world(tmp_path, [line("a-1", "equal-to", "b-1", "b-2")], [line("a-1", "subset-of", "b-1")])
    agreement = compare_maps(found, "m", "n")
    assert [(p.target, p.first, p.second) for p in agreement.pairs] == [
        ("b-1", Relationship.EQUAL, Relationship.SUBSET),
        ("b-2", Relationship.EQUAL, None),
    ]
    assert (agreement.both, agreement.same) == (1, 0)


def test_kappa_by_hand(tmp_path):
    # 12 pairs: the first map says equal 6 times, then intersects 6 times; the second differs in pairs 0 and 11.
    # Observed 10/12; each says each word 6 times of 12, so chance is 1/2: kappa = (10/12 - 1/2) / (1/2) = 2/3.
    words = ["equal-to"] * 6 + ["intersects-with"] * 6
    other = ["intersects-with", *words[1:11], "equal-to"]
    found = world(
        tmp_path,
        [line(f"a-{i}", word, f"b-{i}") for i, word in enumerate(words)],
        [line(f"a-{i}", word, f"b-{i}") for i, word in enumerate(other)],
    )
    agreement = compare_maps(found, "m", "n")
    assert (agreement.both, agreement.same) == (12, 10)
    assert agreement.kappa.value == pytest.approx(2 / 3)
    assert agreement.kappa.low < 2 / 3 < agreement.kappa.high


def test_a_map_is_not_compared_with_itself_or_nobody(tmp_path):
    found = world(tmp_path, [line("a-1", "equal-to", "b-1")], [])
    with pytest.raises(UsageError):
        compare_maps(found, "m", "m")
    with pytest.raises(UnknownNameError):
        compare_maps(found, "m", "nobody")
