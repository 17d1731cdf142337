from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.evaluate.methods.published.choices import how_read, read_letter, read_logprobs, score_choice
from kakehashi.model import Answer, Label, Sample, Status

SAMPLE = Sample("q", ("?",), "en", "c", "k", "q", target="B")


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"), (" b", None), ("B.", "B"), ("(B)", "B"), ("**B**", "B"), ("B) because", "B"), ("B: two", "B"),
        ("B\nBecause", "B"), ("`B`", "B"), ("Ｂ", "B"), ("[B]", "B"), ('"B"', "B"), ("B, since", "B"),
        ("Answer: B", "B"), ("The answer is B.", "B"), ("The correct answer is (B)", "B"), ("answer is **B**", "B"),
        ("I think option B fits best", "B"), ("The answer is option B", "B"), ("Choice: b", "B"),
        ("The answer is B. The answer is B.", "B"),
        ("A man walks on", None), ("A", "A"), ("A dog", None), ("Because", None), ("", None), ("Bee", None),
        ("A or B", None), ("A, B", None), ("A/B", None), ("A and C are right", None), ("Either B or C", None),
        ("The answer is A. No, the answer is B.", None), ("E", None), ("I cannot answer", None), ("answer A's", None),
        ("C'est", None), ("D'oh", None),
    ],
)  # fmt: skip
def test_a_letter_is_read_only_where_one_was_given(text, letter):
    assert read_letter(text) == letter


def test_log_probabilities_of_one_letter_are_added_up():
    # By hand: B has 0.3 + 0.1 as "B" and " B", A has 0.2; "The" is no letter. 0.4 / 0.6 = 2/3.
    found = read_logprobs([("The", log(0.35)), ("B", log(0.3)), ("A", log(0.2)), (" B", log(0.1))])
    assert found == ("B", pytest.approx(2 / 3))
    assert read_logprobs([("The", -0.1), ("Bee", -1.0), ("b", -2.0)]) is None
    assert read_logprobs([]) is None
    assert read_logprobs([("B", log(0.2)), ("A", log(0.2))]) == ("A", 0.5)  # a tie: the first letter


@given(st.lists(st.tuples(st.sampled_from("ABCD"), st.floats(-700, 0)), max_size=20))
def test_a_reading_is_a_letter_with_at_least_a_quarter(pairs):
    found = read_logprobs(pairs)
    assert (found is None) == (not pairs) or all(value < -690 for _, value in pairs)
    if found:
        assert found[0] in "ABCD"
        assert 0.25 - 1e-9 <= found[1] <= 1


def test_log_probabilities_go_before_the_letter_written():
    given_both = Answer("A", alternatives=(("B", log(0.6)), ("A", log(0.2))))
    score = score_choice(SAMPLE, given_both)
    assert (score.label, score.value, score.reason) == (Label.CORRECT, 0.75, "log-probability B")
    score = score_choice(SAMPLE, Answer("B"))
    assert (score.label, score.value, score.reason) == (Label.CORRECT, None, "letter B")
    score = score_choice(SAMPLE, Answer("C", alternatives=(("The", -0.1),)))
    assert (score.label, score.reason) == (Label.WRONG, "letter C")
    # The first token of an answer behind thinking is a thought.
    score = score_choice(SAMPLE, Answer("B", thinking="A?", alternatives=(("A", -0.1),)))
    assert (score.label, score.reason) == (Label.CORRECT, "letter B")


def test_what_is_no_answer_has_its_own_label():
    assert score_choice(SAMPLE, Answer("Hm.")).label == Label.UNPARSED
    assert score_choice(SAMPLE, Answer("", Status.EMPTY)).label == Label.EMPTY
    assert score_choice(SAMPLE, Answer("", Status.BLOCKED)).label == Label.BLOCKED
    assert how_read([]) == ""
