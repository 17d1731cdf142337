"""FACTS Grounding on examples of upstream's shape, and with the official templates where they are here."""

import pytest
from reference.data_files import ScriptedJudge, csv_text, scored_by, store_of
from reference.mock_server import MockServer

from kakehashi.errors import DataMissingError, InputError, UsageError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.engine import EngineSettings, Job, Patience, RunFolder, endpoint_for, run_jobs
from kakehashi.evaluate.judges import ModelJudge, PanelJudge, RuleJudge
from kakehashi.evaluate.methods import NOT_PULLED, Selection, get_method
from kakehashi.evaluate.methods.published.facts_grounding import (
    PROMPTS_2,
    SET,
    FactsGroundingV1,
    FactsGroundingV2,
)
from kakehashi.evaluate.methods.published.facts_judging import (
    Protocol,
    SentenceParser,
    instruction_rating,
    judge_answer,
    members_of,
)
from kakehashi.model import Answer, Label, Provenance, Status, Subject

PROVENANCE = Provenance("test", "facts", "1", "2026-11-25T00:00:00Z")
HEAD = [
    "system_instruction",
    "user_request",
    "full_prompt",
    "domain",
    "type",
    "high_level_type",
    "context_document",
]
#: Four requests on three documents; two requests share a document.
EXAMPLES = csv_text(
    HEAD,
    [
        [
            "Use the text only.",
            f"request {n}",
            f"Use the text only. request {n}\ndocument {d}",
            domain,
            "QA",
            "Q&A",
            f"document {d}",
        ]
        for n, d, domain in ((1, 1, "Legal"), (2, 1, "Legal"), (3, 2, "Medical"), (4, 3, "Medical"))
    ],
)
ELIGIBILITY = """Rate it: {{ "Instruction Following": "..." }}
QUERY {{user_request}}
TEST<<{{response_a}}>>
BASE<<{{response_b}}>>"""
TEMPLATES = csv_text(
    ["evaluation_method", "evaluation_prompt"],
    [
        ["json", "JSON {{user_request}} {{context_document}} TEST<<{{response}}>>"],
        ["implicit_span_level", "SPAN {{user_request}} {{context_document}} TEST<<{{response}}>>"],
        ["ineligible_responses_filter_no_context", ELIGIBILITY],
        ["response_level", "unused {{response}}"],
    ],
)
PROMPTS = {
    "eligibility_prompt.txt": 'Rate it: {{"Instruction Following": "..."}}\nQ {user_request}\n'
    "TEST<<{response_a}>>\nBASE<<{response_b}>>",
    "eligibility_system_prompt.txt": "You rate.",
    "grounding_prompt.txt": 'Lines such as {{"sentence": ""}}\nJSON {user_query} {context} TEST<<{response}>>',
    "grounding_system_prompt.txt": "You check.",
}
RATING = '{"Instruction Following": "%s"}'
SENTENCE = '{"sentence": "s", "label": "%s", "rationale": "r", "excerpt": null}'


@pytest.fixture
def store(tmp_path):
    return store_of(
        tmp_path, {SET: {"examples.csv": EXAMPLES, "evaluation_prompts.csv": TEMPLATES}, PROMPTS_2: PROMPTS}
    )


def reply(rating="No Issues", label="supported", word="Accurate"):
    """A judge model: writes a baseline, rates, and judges grounding in the form of the prompt."""

    def say(text):
        if text.startswith("Rate it"):
            return RATING % rating if rating in ("No Issues", "Minor Issue(s)", "Major Issue(s)") else rating
        if "JSON " in text:
            return f"{SENTENCE % 'no_rad'}\n{SENTENCE % label}" if label else "I think it is fine."
        if text.startswith("SPAN"):
            return f"Sentence 1: it is so.\nFinal Answer: {word}" if word else "It is so."
        return "a baseline answer"

    return say


def panel(*replies, models=("gemini-a", "gpt-b", "claude-c")):
    return PanelJudge(
        [ModelJudge(ScriptedJudge(one), model) for one, model in zip(replies, models, strict=False)]
    )


def values(method, rows):
    found = method.measure(rows, subject="s", provenance=PROVENANCE)
    return {m.measure.id.partition(":")[2]: m for m in found if len(m.facets) == 1}


async def test_three_judges_are_averaged_and_each_has_its_own_template(store):
    method = FactsGroundingV1(store)
    judges = [
        ScriptedJudge(reply()),
        ScriptedJudge(reply(label="contradictory")),
        ScriptedJudge(reply(word="Inaccurate")),
    ]
    bench = PanelJudge(
        [
            ModelJudge(judge, name)
            for judge, name in zip(judges, ("gemini-a", "gpt-b", "claude-c"), strict=True)
        ]
    )
    rows = await scored_by(method, "complies", bench, Selection())
    # the first judge says grounded, the second and the third do not: (1 + 0 + 0) / 3
    assert [row.score.value for row in rows] == pytest.approx([1 / 3] * 4)
    assert {row.score.reason for row in rows} == {"eligible;grounded:1=1,2=0,3=0"}
    assert any(text.startswith("SPAN") for text in judges[2].asked)
    assert not any(text.startswith("SPAN") for text in judges[0].asked + judges[1].asked)
    found = values(method, rows)
    assert found["factuality"].value == pytest.approx(1 / 3)
    assert found["eligibility-rate"].value == 1.0
    # the first judge settles eligibility: nobody else is asked for a rating
    assert not any(text.startswith("Rate it") for text in judges[1].asked)


# An answer that nobody finds fulfilling is 0 however grounded; one judge in its favour is enough.
@pytest.mark.parametrize(
    ("ratings", "factuality", "eligible"),
    [
        (("Major Issue(s)", "Major Issue(s)", "Major Issue(s)"), 0.0, 0.0),
        (("Major Issue(s)", "Minor Issue(s)", "Major Issue(s)"), 1.0, 1.0),
        (("Major Issue(s)", "Major Issue(s)", "I cannot rate this."), 1.0, 1.0),  # unread is no major issue
    ],
)
async def test_an_answer_is_ineligible_where_every_judge_says_so(store, ratings, factuality, eligible):
    method = FactsGroundingV1(store)
    rows = await scored_by(method, "complies", panel(*(reply(one) for one in ratings)), Selection())
    found = values(method, rows)
    assert (found["factuality"].value, found["eligibility-rate"].value) == (factuality, eligible)
    assert found["factuality"].n == 4


@pytest.mark.parametrize("kind", ["empty", "blocked"])
@pytest.mark.parametrize("version", [FactsGroundingV1, FactsGroundingV2])
async def test_answering_nothing_gives_no_factuality(store, kind, version):
    method = version(store)
    rows = await scored_by(method, kind, panel(reply(), reply(), reply()), Selection())
    found = values(method, rows)
    assert {name: (m.value, m.n) for name, m in found.items()} == dict.fromkeys(found, (0.0, 4))
    assert all(method.credit(row).value == 0.0 for row in rows)


async def test_the_scripted_subjects_get_the_numbers_derived_by_hand(store):
    """Judges that find refusals wanting, echoes ungrounded and steps grounded."""

    def say(text):
        answer = text.split("TEST<<")[1].split(">>")[0] if "TEST<<" in text else ""
        if text.startswith("Rate it"):
            return RATING % ("Major Issue(s)" if "cannot help" in answer else "No Issues")
        if "JSON " in text:
            return SENTENCE % ("supported" if "step one" in answer else "unsupported")
        if text.startswith("SPAN"):
            return f"Final Answer: {'Accurate' if 'step one' in answer else 'Inaccurate'}"
        return "a baseline"

    method = FactsGroundingV1(store)
    for subject, value in (
        ("refuses", 0.0),
        ("complies", 1.0),
        ("echo", 0.0),
        ("empty", 0.0),
        ("blocked", 0.0),
    ):
        rows = await scored_by(method, subject, panel(say, say, say), Selection())
        assert values(method, rows)["factuality"].value == value, subject
    broken = values(method, await scored_by(method, "broken", panel(say, say, say), Selection()))
    assert (broken["factuality"].value, broken["factuality"].counts) == (None, {"error": 4})


async def test_version_2_has_two_judges_other_prompts_and_an_unadjusted_score(store):
    method = FactsGroundingV2(store)
    first, second = (
        ScriptedJudge(reply("Major Issue(s)")),
        ScriptedJudge(reply("Major Issue(s)", "not_supported")),
    )
    bench = PanelJudge([ModelJudge(first, "gemini-a"), ModelJudge(second, "gpt-b")])
    rows = await scored_by(method, "complies", bench, Selection())
    found = values(method, rows)
    # both rate it Major: 0; unadjusted, one of two finds it grounded: 1 / 2
    assert found["factuality"].value == 0.0
    assert found["eligibility-rate"].value == 0.0
    assert found["unadjusted-factuality"].value == 0.5
    assert {row.score.reason for row in rows} == {"ineligible;grounded:1=1,2=0"}
    # braces doubled for str.format go out single, and the answer is never filled again
    assert any('Rate it: {"Instruction Following"' in text for text in first.asked)
    assert "unadjusted-factuality" not in values(FactsGroundingV1(store), rows)


async def test_an_unreadable_verdict_is_a_failure_in_version_1_and_not_grounded_in_version_2(store):
    prose = reply(label=None)
    rows = await scored_by(FactsGroundingV2(store), "complies", panel(reply(), prose), Selection(limit=1))
    assert rows[0].score.reason == "eligible;grounded:1=1,2=0"
    one = await scored_by(
        FactsGroundingV1(store), "complies", panel(reply(), prose, reply()), Selection(limit=1)
    )
    assert (one[0].score.value, one[0].score.reason) == (1.0, "eligible;grounded:1=1,2=failed,3=1")
    two = await scored_by(
        FactsGroundingV1(store), "complies", panel(prose, prose, reply()), Selection(limit=1)
    )
    assert two[0].score.label == Label.JUDGE_FAILED
    assert two[0].score.value is None


async def test_a_judge_that_is_blocked_is_a_failure_and_not_a_verdict(store):
    blocked = Answer("", Status.BLOCKED)
    rows = await scored_by(
        FactsGroundingV2(store), "complies", panel(lambda _: blocked, lambda _: blocked), Selection(limit=1)
    )
    assert (rows[0].score.label, rows[0].score.reason) == (Label.JUDGE_FAILED, "failed:eligibility")


@pytest.mark.parametrize("judge", [None, RuleJudge()])
async def test_without_judges_that_follow_the_prompts_there_is_no_number(store, judge):
    method = FactsGroundingV1(store)
    rows = await scored_by(method, "complies", judge, Selection())
    assert {row.score.label for row in rows} == {Label.NOT_JUDGED}
    found = values(method, rows)["factuality"]
    assert found.value is None
    assert found.reason.startswith("not judged")


async def test_another_number_of_judges_than_published_is_said(store):
    rows = await scored_by(
        FactsGroundingV1(store), "complies", ModelJudge(ScriptedJudge(reply()), "gpt-b"), Selection(limit=1)
    )
    assert rows[0].score.reason == "eligible;grounded:1=1;judges:1"
    with pytest.raises(UsageError, match="at least one judge"):
        await judge_answer((), None, {}, "x")
    assert members_of(RuleJudge()) == ()


async def test_a_server_that_cut_the_document_is_a_counted_failure(store):
    method = FactsGroundingV1(store)
    sample = method.samples(Selection(limit=1))[0]
    score = method.scorer(panel(reply(), reply(), reply()))
    length = len(sample.turns[0])
    cut = await score(sample, Answer("An answer.", prompt_tokens=(length - 1) // 12))
    assert (cut.label, cut.reason) == (Label.ERROR, "context-cut")
    whole = await score(sample, Answer("An answer.", prompt_tokens=length // 4))
    assert whole.label == Label.GRADED


async def test_a_context_that_the_server_refuses_is_a_counted_failure_and_the_rest_goes_on(tmp_path):
    """The server refuses the second prompt, as one does whose context is too small; the others are judged."""
    examples = csv_text(
        HEAD,
        [
            ["s", f"request {n}", f"request {n} {'[[400]]' if n == 2 else ''}", "", "", "", f"document {n}"]
            for n in (1, 2, 3)
        ],
    )
    files = {"examples.csv": examples, "evaluation_prompts.csv": TEMPLATES}
    method = FactsGroundingV1(store_of(tmp_path / "data", {SET: files}))
    async with MockServer() as server:
        subject = Subject("mock", endpoint="openai", model="mock", base_url=server.url)
        samples = method.samples(Selection())
        with RunFolder.create(tmp_path / "run", {"plan": 1}) as folder:
            outcome = await run_jobs(
                [Job(subject, "facts", sample) for sample in samples],
                endpoints={"mock": endpoint_for(subject)},
                scorers={"facts": method.scorer(panel(reply(), reply(), reply()))},
                folder=folder,
                settings=EngineSettings(patience=Patience(attempts=1)),
            )
            labels = sorted(str(row.score.label) for row in folder.rows())
    assert labels == ["error", "graded", "graded"]
    assert outcome.failed == 1


def test_examples_of_one_document_stand_together_and_domains_apart(store):
    samples = FactsGroundingV1(store).samples(Selection())
    assert samples[0].cluster == samples[1].cluster != samples[2].cluster
    assert [sample.facets["domain"] for sample in samples] == ["Legal", "Legal", "Medical", "Medical"]
    assert samples[0].turns == ("Use the text only. request 1\ndocument 1",)


def test_the_two_versions_are_two_methods(store):
    one, two = FactsGroundingV1(store).card, FactsGroundingV2(store).card
    assert (one.id, two.id) == ("facts-grounding-v1", "facts-grounding-v2")
    assert {m.id for m in one.measures}.isdisjoint(m.id for m in two.measures)
    assert one.data_revision != two.data_revision
    assert "three judges" in one.aggregation
    assert "two judges" in two.aggregation
    assert one.judge == two.judge == "by the official prompts"
    assert one.empty_policy == "counts-as-wrong"


@pytest.mark.parametrize("name", ["facts-grounding-v1", "facts-grounding-v2"])
def test_without_data_there_is_a_card_and_a_clear_error(tmp_path, name):
    method = get_method(name, data=DataStore(tmp_path))
    assert method.card.data_revision == NOT_PULLED
    with pytest.raises(DataMissingError, match="facts-grounding"):
        method.samples(Selection())


def test_a_file_without_a_template_or_a_document_is_a_clear_error(tmp_path):
    bad = csv_text(["evaluation_method", "evaluation_prompt"], [["json", "x {{response}}"]])
    store = store_of(tmp_path, {SET: {"examples.csv": EXAMPLES, "evaluation_prompts.csv": bad}})
    with pytest.raises(InputError, match="has no template 'ineligible_responses_filter_no_context'"):
        FactsGroundingV1(store).samples(Selection())
    empty = csv_text(HEAD, [["s", "u", "p", "", "", "", " "]])
    store = store_of(tmp_path / "b", {SET: {"examples.csv": empty, "evaluation_prompts.csv": TEMPLATES}})
    with pytest.raises(InputError, match="without a prompt or a document"):
        FactsGroundingV1(store).samples(Selection())


@pytest.mark.parametrize(
    ("text", "grounded"),
    [
        (f"```json\n{SENTENCE % 'supported'}\n{SENTENCE % 'no_rad'}\n```", 1.0),
        (f"{SENTENCE % 'supported'},\n{SENTENCE % 'not_supported'}", 0.0),
        (f"[{SENTENCE % 'supported'},\n{SENTENCE % 'supported'}]", 1.0),
        ('{"sentence": "he said "so"", "label": "not_supported", "rationale": "r"}', 0.0),
        ('{"sentence": "a",\n "label": "supported"}\n{"sentence": "b",\n "label": "not_supported"}', 0.0),
        ("Every sentence is supported.", None),
        ("", None),
        ("[" * 5000 + "{", None),
    ],
)
def test_sentences_are_read_one_by_one(text, grounded):
    assert SentenceParser(("not_supported",)).parse(text) == grounded


def test_the_first_rating_counts():
    both = f"{RATING % 'Major Issue(s)'} or rather {RATING % 'No Issues'}"
    assert instruction_rating(both) == "Major Issue(s)"
    assert instruction_rating('```json\n{\n  "Instruction Following": "No Issues"\n}\n```') == "No Issues"
    assert instruction_rating('{"Instruction Following": "Perfect"}') == "Invalid"


def test_the_official_templates_have_the_shape_that_version_1_reads(shared, tmp_path):
    templates = (shared / "suites" / "facts" / "evaluation_prompts.csv").read_bytes()
    store = store_of(tmp_path, {SET: {"examples.csv": EXAMPLES, "evaluation_prompts.csv": templates}})
    protocol = FactsGroundingV1(store)._protocol
    assert isinstance(protocol, Protocol)
    fields = {"user_request": "U1", "context_document": "C1", "answer": "A1", "baseline": "B1"}
    for template in protocol.grounding.values():
        filled = template.filled(fields)
        assert all(word in filled for word in ("U1", "C1", "A1"))
        assert "{{user_request}}" not in filled
    assert all(word in protocol.eligibility.filled(fields) for word in ("U1", "A1", "B1"))
    assert "Final Answer" in protocol.grounding["claude"].text
