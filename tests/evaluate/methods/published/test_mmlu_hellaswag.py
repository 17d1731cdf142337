"""MMLU and HellaSwag on small files of upstream's shape: numbers by hand for scripted subjects."""

from collections import Counter
from math import log

import pytest
from reference.upstream_shapes import HELLASWAG, MMLU, MMLU_DEV, pulled, write_mirror, write_parquet

from kakehashi.errors import DataMissingError, InputError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.methods import NOT_PULLED, Scored, Selection, get_method
from kakehashi.model import Answer, Provenance, Status

PROVENANCE = Provenance("test", "mmlu", "1.0", "2026-11-25T00:00:00Z")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return pulled(tmp_path_factory.mktemp("sets"), "mmlu", "hellaswag")


@pytest.fixture
def mmlu(store):
    return get_method("mmlu", data=store)


@pytest.fixture
def hellaswag(store):
    return get_method("hellaswag", data=store)


def measured(method, answer_of, limit=None):
    score = method.scorer()
    rows = [Scored(s, score(s, answer_of(s))) for s in method.samples(Selection(limit=limit))]
    found = method.measure(rows, subject="s", provenance=PROVENANCE)
    return {tuple(sorted(m.facets.items())): m for m in found}


WHOLE = (("language", "en"),)


def test_the_prompt_holds_five_examples_of_the_subject_and_ends_with_the_question(mmlu):
    (sample,) = [s for s in mmlu.samples(Selection()) if s.category == "philosophy"]
    (text,) = sample.turns
    assert text.startswith("The following are multiple choice questions (with answers) about philosophy.")
    assert text.count("Answer: ") == 5
    assert "Example 4 of philosophy?\nA. a\nB. b\nC. c\nD. d\nAnswer: A\n\n" in text  # the fifth: 4 % 4 is A
    assert text.endswith("Which is number 2?\nA. one\nB. two\nC. three\nD. four\nAnswer:")
    assert (sample.target, sample.facets["shots"], sample.top_logprobs, sample.max_tokens) == (
        "C",
        "5",
        20,
        8,
    )


def test_examples_are_left_out_where_the_prompt_would_be_too_long(tmp_path):
    mirror = write_mirror(tmp_path / "mirror")
    long = [{**row, "question": row["question"] + " x" * 900} for row in MMLU_DEV]
    write_parquet(mirror / "mmlu" / "dev-00000-of-00001.parquet", long)
    samples = get_method("mmlu", data=pulled(tmp_path, "mmlu", mirror=mirror)).samples(Selection())
    # Each example has about 1,860 characters: three go into 6,000, a fourth does not.
    assert {sample.facets["shots"] for sample in samples} == {"3"}
    assert max(len(sample.turns[0]) for sample in samples) <= 6000


def test_always_the_first_letter_scores_what_stands_first(mmlu):
    found = measured(mmlu, lambda s: Answer("A"))
    # Answers are n % 4 for n = 0…7: A stands at 0 and 4, so 2 of 8.
    assert (found[WHOLE].k, found[WHOLE].n) == (2, 8)
    assert found[WHOLE].reason == "read by letter 8"
    assert found[WHOLE].interval.method == "wilson"
    by = {dict(f).get("category"): (m.k, m.n) for f, m in found.items() if "category" in dict(f)}
    # algebra: n = 0 (A), 5 (B); astronomy: 1, 6; philosophy: 2; sociology: 3; virology: 4 (A), 7.
    assert by == {
        "abstract_algebra": (1, 2), "astronomy": (0, 2), "philosophy": (0, 1), "sociology": (0, 1), "virology": (1, 2),
    }  # fmt: skip
    groups = {dict(f).get("part"): (m.k, m.n) for f, m in found.items() if "part" in dict(f)}
    assert groups == {"stem": (1, 4), "humanities": (0, 1), "social": (0, 1), "other": (1, 2)}


def test_a_system_that_knows_and_one_that_says_nothing(mmlu):
    assert measured(mmlu, lambda s: Answer(s.target))[WHOLE].value == 1.0
    for answer in (Answer("", Status.EMPTY), Answer("", Status.BLOCKED), Answer("I cannot say.")):
        one = measured(mmlu, lambda s, answer=answer: answer)[WHOLE]
        assert (one.value, one.n) == (0.0, 8)
    one = measured(mmlu, lambda s: Answer("", Status.ERROR))[WHOLE]
    assert (one.value, one.n) == (None, 0)


def test_both_ways_of_reading_are_counted(mmlu):
    def half(sample):
        return Answer(
            "A", alternatives=((sample.target, log(0.9)),) if sample.category == "astronomy" else ()
        )

    one = measured(mmlu, half)[WHOLE]
    # Log-probabilities are right on the two of astronomy, the letter A on n = 0 and n = 4.
    assert (one.k, one.reason) == (4, "read by letter 6, log-probability 2")


def test_the_choice_is_spread_over_subjects(mmlu):
    assert Counter(s.category for s in mmlu.samples(Selection(limit=5))) == Counter(
        ["abstract_algebra", "astronomy", "philosophy", "sociology", "virology"]
    )
    assert mmlu.samples(Selection(languages=("ja",))) == []


def test_all_57_subjects_stand_on_the_card_in_two_languages(mmlu):
    card = mmlu.card
    assert len(card.categories) == 57
    assert all(title["en"] and title["ja"] for title in card.categories.values())
    groups = Counter(one["group"] for one in mmlu._known["subjects"].values())
    # hendrycks/test, categories.py: 18 STEM, 13 humanities, 12 social sciences, 14 other.
    assert groups == {"stem": 18, "humanities": 13, "social": 12, "other": 14}
    assert not card.own


def test_a_card_can_be_read_without_data_and_samples_cannot(tmp_path):
    for name in ("mmlu", "hellaswag", "humaneval"):
        method = get_method(name, data=DataStore(tmp_path))
        assert method.card.data_revision == NOT_PULLED
        with pytest.raises(DataMissingError, match="not pulled"):
            method.samples(Selection())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subject": "alchemy"}, "none of MMLU's 57"),
        ({"answer": 4}, "not the place of one of 4"),
        ({"choices": ["a", "b"]}, "does not hold 4 texts"),
        ({"question": None}, "has nothing in 'question'"),
    ],
)
def test_changed_rows_are_clear_errors(tmp_path, change, message):
    mirror = write_mirror(tmp_path / "mirror")
    write_parquet(mirror / "mmlu" / "test-00000-of-00001.parquet", [MMLU[0], {**MMLU[1], **change}])
    method = get_method("mmlu", data=pulled(tmp_path, "mmlu", mirror=mirror))
    with pytest.raises(InputError, match=message) as caught:
        method.samples(Selection())
    assert caught.value.row == 2


def test_a_renamed_column_is_a_clear_error(tmp_path):
    mirror = write_mirror(tmp_path / "mirror")
    renamed = [
        {("gold" if key == "label" else key): value for key, value in row.items()} for row in HELLASWAG
    ]
    write_parquet(mirror / "hellaswag" / "validation-00000-of-00001.parquet", renamed)
    method = get_method("hellaswag", data=pulled(tmp_path, "hellaswag", mirror=mirror))
    with pytest.raises(InputError, match="has no column 'label'"):
        method.samples(Selection())


def test_hellaswag_letters_the_endings_and_clusters_by_source(hellaswag):
    samples = hellaswag.samples(Selection())
    assert (
        samples[1]
        .turns[0]
        .endswith(
            "Cooking rice: A person fills a pot. The person\n\n"
            "A. goes on 0.\nB. goes on 1.\nC. goes on 2.\nD. goes on 3.\n\nAnswer:"
        )
    )
    assert (samples[0].cluster, samples[1].cluster) == ("activitynet~v_0", "activitynet~v_0")
    assert Counter(s.category for s in samples) == {"activitynet": 4, "wikihow": 4}


def test_hellaswag_of_a_system_that_always_says_b(hellaswag):
    found = measured(hellaswag, lambda s: Answer("The answer is B."))
    # Labels are n % 4 for n = 0…7: B stands at 1 (ActivityNet) and 5 (WikiHow).
    assert (found[WHOLE].k, found[WHOLE].n) == (2, 8)
    assert {dict(f)["category"]: m.k for f, m in found.items() if len(f) == 2} == {
        "activitynet": 1,
        "wikihow": 1,
    }
    assert found[WHOLE].interval.method != "wilson"  # two captions are of one video
