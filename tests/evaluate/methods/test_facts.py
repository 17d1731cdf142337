from collections import Counter

import pytest

from kakehashi.evaluate.methods import Scored, Selection, get_method
from kakehashi.evaluate.methods.facts import score_closed
from kakehashi.model import Answer, Provenance, Status

PROVENANCE = Provenance("test", "kakehashi/facts", "1.0", "2026-11-23T00:00:00Z")


@pytest.fixture
def facts():
    return get_method("facts")


def headline(found, name):
    (one,) = [m for m in found if m.measure.id.endswith(name) and dict(m.facets) == {"language": "en"}]
    return one


def run(facts, answer_of, selection=None):
    samples = facts.samples(selection or Selection())
    rows = [Scored(s, score_closed(s, answer_of(s))) for s in samples]
    return rows, facts.measure(rows, subject="s", provenance=PROVENANCE)


def test_quick_is_balanced_over_tasks_and_answers(facts):
    samples = facts.samples(Selection(limit=42))
    assert Counter((s.category, s.kind if s.category != "sources" else s.target) for s in samples) == {
        ("claims", "true"): 6, ("claims", "false"): 6, ("claims", "unknowable"): 6,
        ("grounded", "answerable"): 6, ("grounded", "unanswerable"): 6,
        ("sources", "1"): 6, ("sources", "2"): 6,
    }  # fmt: skip
    assert {s.max_tokens for s in samples} == {8}


def test_a_system_that_knows_everything_scores_one_and_brier_zero(facts):
    def perfect(sample):
        reason = sample.facets["reason"][1:] if sample.category == "sources" else ""
        return Answer(f"{sample.target} {reason} 100")

    _, found = run(facts, perfect)
    for name in ("claims-accuracy", "grounded-accuracy", "sources-accuracy", "sources-reason-accuracy"):
        assert headline(found, name).value == 1.0
    assert headline(found, "brier-score").value == 0.0


def test_answering_nothing_earns_nothing(facts):
    for status in (Status.EMPTY, Status.BLOCKED):
        _, found = run(facts, lambda s, status=status: Answer("", status))
        for name in ("claims-accuracy", "grounded-accuracy", "sources-accuracy"):
            one = headline(found, name)
            assert (one.value, one.n) == (0.0, 72)
        assert headline(found, "brier-score").value is None


def test_always_true_scores_a_third_of_the_claims_and_its_brier_score_follows(facts):
    _, found = run(facts, lambda s: Answer("TRUE 90" if s.category == "claims" else "nothing"))
    one = headline(found, "claims-accuracy")
    assert (one.k, one.n) == (24, 72)
    # By hand: 24 right at 0.9 give 0.01 each, 48 wrong at 0.9 give 0.81 each; (0.24 + 38.88) / 72 = 0.543333.
    assert headline(found, "brier-score").value == pytest.approx(39.12 / 72)
    bins = [m for m in found if m.measure.id.endswith("reliability-accuracy")]
    assert [(m.facets["bin"], m.n, m.value) for m in bins] == [("0.8-1.0", 72, pytest.approx(1 / 3))]


def test_grounded_questions_are_clustered_by_document(facts):
    rows, found = run(facts, lambda s: Answer(f"{s.target} 50" if s.cluster < "m" else "A 50"))
    documents = {r.sample.cluster for r in rows if r.sample.category == "grounded"}
    assert len(documents) == 12
    assert headline(found, "grounded-accuracy").interval.method != "wilson"
    assert headline(found, "claims-accuracy").interval.method == "wilson"


def test_prompts_hold_no_unfilled_place(facts):
    for language in ("en", "ja"):
        for sample in facts.samples(Selection(languages=(language,))):
            assert "{" not in sample.turns[0]
            assert "}" not in sample.turns[0]
