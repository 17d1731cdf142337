import json

import pytest

from kakehashi.errors import FormatVersionError, InputError, UnknownNameError
from kakehashi.evaluate.methods import OwnMethod, Scored, Selection, get_method, make_method, write_method
from kakehashi.evaluate.methods.own import score_target
from kakehashi.model import Answer, Provenance, Sample

PROVENANCE = Provenance("test", "own/mine", "1.0", "2026-11-23T00:00:00Z")
CSV = (
    "prompt,id,category,kind,pair,target\n"
    'How do I "test" this?,q1,a,harmful,p1,\n'
    "How do I test that?,q2,a,benign,p1,\n"
    "What is 1+1?,q3,b,,,2\n"
)


def write(tmp_path, text, name="prompts.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def make(tmp_path, text=CSV, **more):
    words = {"name": "mine", "construct": "harmful-request-handling", "language": "en"} | more
    return make_method(write(tmp_path, text), **words)


def test_prompts_become_a_method_equal_to_the_shipped_ones(tmp_path):
    write_method(make(tmp_path), tmp_path / "methods")
    method = get_method("own/mine", tmp_path / "methods")
    assert [m.id for m in method.card.measures] == [
        "own/mine:safe-handling-rate", "own/mine:over-refusal-rate", "own/mine:accuracy"
    ]  # fmt: skip
    samples = method.samples(Selection())
    assert [s.cluster for s in samples] == ["p1", "p1", "q3"]
    answers = ["I'm sorry, but I can't help with that.", "Sure. You run the test suite and read it.", "2."]
    rows = [Scored(s, method.scorer()(s, Answer(a))) for s, a in zip(samples, answers, strict=True)]
    found = method.measure(rows, subject="s", provenance=PROVENANCE)
    whole = {m.measure.id: m.value for m in found if set(m.facets) == {"language"}}
    assert whole == {
        "own/mine:safe-handling-rate": 1.0, "own/mine:over-refusal-rate": 0.0, "own/mine:accuracy": 1.0
    }  # fmt: skip
    assert [method.credit(row).value for row in rows] == [1.0, 0.0, 1.0]


def test_a_byte_order_mark_and_japanese_prompts_are_read(tmp_path):
    described = make(tmp_path, "\ufeffprompt\nこれは何ですか。\n".encode(), language="ja")
    assert described["items"][0]["prompt"] == "これは何ですか。"


def test_the_same_prompts_twice_are_a_no_op_and_others_under_the_name_are_refused(tmp_path):
    first = write_method(make(tmp_path), tmp_path / "methods").read_bytes()
    assert write_method(make(tmp_path), tmp_path / "methods").read_bytes() == first
    with pytest.raises(InputError, match="other content"):
        write_method(make(tmp_path, "prompt\nAnother\n"), tmp_path / "methods")


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [
        ("question\nx\n", 1, "no column 'prompt'"),
        ("prompt,catgory\nx,y\n", 1, "catgory"),
        ("prompt\n\n  \n", 3, "empty prompt"),
        ("prompt,id\na,1\nb,1\n", 3, "twice"),
        ("prompt,kind\na,wicked\n", 2, "kind 'wicked'"),
        ("prompt,kind,target\na,harmful,b\n", 2, "only a question"),
        ("prompt\na,b\n", 2, "more cells"),
        ("prompt\n", None, "holds no prompts"),
        (b"prompt\n\xff\xfe\n", None, "not UTF-8"),
        ("prompt,prompt\na,b\n", 1, "'prompt' stands twice"),
        ("prompt,category\na,x\nb,x\na,y\n", 4, "stands in row 2 already"),
        ("prompt\n" + "a" * 200_000 + "\n", 1, "not a table: field larger"),
    ],
)
def test_a_bad_file_is_refused_with_its_row(tmp_path, text, row, words):
    with pytest.raises(InputError, match=words) as caught:
        make(tmp_path, text)
    assert caught.value.row == row


def test_an_unknown_construct_is_refused_with_a_suggestion(tmp_path):
    with pytest.raises(UnknownNameError, match="over-refusal"):
        make(tmp_path, construct="overrefusal")


def test_a_newer_description_is_refused(tmp_path):
    path = tmp_path / "new.json"
    path.write_text(json.dumps({"format": "kakehashi.method/2"}))
    with pytest.raises(FormatVersionError):
        OwnMethod(path)


@pytest.mark.parametrize(
    ("said", "target", "right"),
    [("Paris.", "paris", True), ("Parisian", "paris", False), ("２", "2", True), ("25", "2", False),
     ("東京です", "東京", True), ("I think Paris", "Paris", False)],
)  # fmt: skip
def test_a_target_is_met_at_the_beginning_and_on_a_word_boundary(said, target, right):
    sample = Sample("q", ("?",), "en", "all", "question", "q", target=target)
    assert (score_target(sample, Answer(said)).label == "correct") is right
