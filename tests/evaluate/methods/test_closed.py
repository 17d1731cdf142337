import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.evaluate.methods.closed import parse_closed


@pytest.mark.parametrize(
    ("text", "task", "expected"),
    [
        ("TRUE 80", "claims", ("TRUE", "", 0.8)),
        ("false", "claims", ("FALSE", "", None)),
        ("**Unknown** 95%", "claims", ("UNKNOWN", "", 0.95)),
        ("Unknowable. 40", "claims", ("UNKNOWN", "", 0.4)),
        ("ＴＲＵＥ　７０", "claims", ("TRUE", "", 0.7)),
        ("答えは TRUE 70", "claims", ("TRUE", "", 0.7)),
        ("TRUE 800", "claims", ("TRUE", "", None)),
        ("The claim is false.", "claims", ("FALSE", "", None)),
        ("The statement is true. 80", "claims", ("TRUE", "", 0.8)),
        ("この記述は誤りである。 80", "claims", ("FALSE", "", 0.8)),
        ("正しい 90", "claims", ("TRUE", "", 0.9)),
        ("誰にも知りえない 95", "claims", ("UNKNOWN", "", 0.95)),
        ("Aです。 80", "grounded", ("A", "", 0.8)),
        ("b 70", "grounded", ("B", "", 0.7)),
        ("(C) 55", "grounded", ("C", "", 0.55)),
        ("Answer: D, confidence 90", "grounded", ("D", "", 0.9)),
        ("2 c 60", "sources", ("2", "c", 0.6)),
        ("2, c, 60", "sources", ("2", "c", 0.6)),
        ("Source 1 a 90", "sources", ("1", "a", 0.9)),
        ("1", "sources", ("1", "", None)),
        ("2 60", "sources", ("2", "", 0.6)),
    ],
)
def test_closed_answers_are_read(text, task, expected):
    parsed = parse_closed(text, task)
    assert parsed is not None
    assert (parsed.choice, parsed.reason, parsed.confidence) == expected


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("It is true that snow melts", "claims"),
        ("", "claims"),
        ("TRUE or FALSE", "claims"),
        ("TRUE/FALSE 80", "claims"),
        ("Truely", "claims"),
        ("The claim is not true", "claims"),
        ("The claim is true or false", "claims"),
        ("誤りではない 80", "claims"),
        ("正しいとは言えない", "claims"),
        ("A or B", "grounded"),
        ("E 70", "grounded"),
        ("Apples", "grounded"),
        ("The document says A", "grounded"),
        ("3 c 60", "sources"),
        ("12 c 60", "sources"),
    ],
)
def test_what_is_not_in_the_closed_form_is_not_an_answer(text, task):
    assert parse_closed(text, task) is None


@given(st.text(max_size=60), st.sampled_from(["claims", "grounded", "sources"]))
def test_any_text_is_read_or_refused(text, task):
    parsed = parse_closed(text, task)
    assert parsed is None or parsed.confidence is None or 0 <= parsed.confidence <= 1
