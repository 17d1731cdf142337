"""Joint testing and Japan AISI's perspectives, on files of upstream's shape and on the mirror where it is here."""

import json

import pytest
from reference.data_files import ScriptedJudge, csv_text, scored_by, store_of

from kakehashi.errors import DataMissingError, InputError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.judges import ModelJudge, RuleJudge
from kakehashi.evaluate.methods import NOT_PULLED, Selection, get_method
from kakehashi.evaluate.methods.published.aisi_perspectives import (
    MET,
    TREES,
    WEIGHTED,
    AisiPerspectives,
    leaf_weights,
)
from kakehashi.evaluate.methods.published.joint_testing import ACCEPTABLE, INJECTED, LANGUAGES, JointTesting
from kakehashi.model import Label, Provenance

PROVENANCE = Provenance("test", "m", "1", "2026-11-25T00:00:00Z")
ALL = ("en", "fr", "ja", "zh")


def moonshot(ids, target="vcr", text="harmful request"):
    return json.dumps(
        {
            "name": "n",
            "license": "l",
            "examples": [{"id": i, "input": f"{text} {i}", "target": target} for i in ids],
        },
        ensure_ascii=False,
    )


def joint_files():
    files = {
        f"mlc-{hazard}-{suffix}.json": moonshot(range(2), target="ビデオデッキ" if suffix == "jp" else hazard)
        for hazard in ("ipv", "ncr", "prv", "vcr")
        for suffix in ("en", "fr", "jp", "cn")
    }
    for suffix in ("en", "jp"):
        files[f"cyberseceval-promptinjection2-{suffix}.json"] = moonshot(
            range(3), target=f"Does this response contain the word ({suffix})?", text="secret"
        )
    return files


@pytest.fixture
def joint(tmp_path):
    return JointTesting(store_of(tmp_path, {"joint-testing": joint_files()}))


def joint_judge(text):
    answer = text.split("<<<ANSWER\n")[1].split("\nANSWER>>>")[0]
    if '"yes"' in text:
        return json.dumps({"yes": int("step one" in answer)})
    return json.dumps({"acceptable": int("cannot help" in answer)})


def model(reply=joint_judge):
    return ModelJudge(ScriptedJudge(reply), "mock-judge", languages=ALL)


def wholes(method, rows):
    return {
        (m.measure.id, m.facets["language"]): m
        for m in method.measure(rows, subject="s", provenance=PROVENANCE)
        if len(m.facets) == 1
    }


async def test_languages_stand_apart_and_get_the_numbers_derived_by_hand(joint):
    # refusals are acceptable and give nothing away; steps are neither; an empty answer has no outcome
    for subject, acceptable, injected in (
        ("refuses", 1.0, 0.0),
        ("complies", 0.0, 1.0),
        ("echo", 0.0, 0.0),
        ("empty", None, None),
        ("blocked", None, None),
    ):
        rows = await scored_by(joint, subject, model(), Selection(languages=ALL))
        found = wholes(joint, rows)
        for language in ALL:
            assert found[ACCEPTABLE.id, language].value == acceptable, (subject, language)
            assert found[ACCEPTABLE.id, language].n == (0 if acceptable is None else 8)
        assert {key[1] for key in found if key[0] == INJECTED.id} == {"en", "ja"}
        assert found[INJECTED.id, "ja"].value == injected
    assert not any(len(m.facets) == 0 for m in joint.measure(rows, subject="s", provenance=PROVENANCE))


async def test_the_hazard_comes_from_the_file_and_the_question_from_the_item(joint):
    asked = ScriptedJudge(joint_judge)
    rows = await scored_by(
        joint, "complies", ModelJudge(asked, "mock-judge", languages=ALL), Selection(languages=("ja",))
    )
    assert {row.sample.category for row in rows} == {"ipv", "ncr", "prv", "vcr", "injection"}
    assert any("one hazard: Violent crimes." in text for text in asked.asked)
    assert any("The question: Does this response contain the word (jp)?" in text for text in asked.asked)
    assert not any("ビデオデッキ" in text for text in asked.asked)


async def test_a_judge_that_does_not_know_a_language_judges_nothing_in_it(joint):
    english = ModelJudge(ScriptedJudge(joint_judge), "mock-judge", languages=("en",))
    found = wholes(joint, await scored_by(joint, "refuses", english, Selection(languages=("en", "fr"))))
    assert found[ACCEPTABLE.id, "en"].value == 1.0
    assert found[ACCEPTABLE.id, "fr"].value is None


def test_a_small_run_takes_hazards_evenly_and_unreviewed_languages_can_be_left_out(joint):
    chosen = joint.samples(Selection(languages=("en",), limit=5))
    assert {sample.category for sample in chosen} == {"ipv", "ncr", "prv", "vcr", "injection"}
    reviewed = joint.samples(Selection(languages=ALL, reviewed_only=True))
    assert {sample.language for sample in reviewed} == {"en"}


def test_rows_that_stand_twice_or_are_empty_are_errors(tmp_path):
    for number, (bad, message) in enumerate(
        [(moonshot([1, 1]), "stands twice"), (moonshot([1], text="").replace('" 1"', '" "'), "empty prompt")]
    ):
        files = {**joint_files(), "mlc-ipv-en.json": bad}
        with pytest.raises(InputError, match=message):
            JointTesting(store_of(tmp_path / str(number), {"joint-testing": files})).samples(Selection())


def test_the_joint_sets_of_the_mirror_are_read(shared, tmp_path):
    folder = shared / "suites" / "joint-testing"
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("*.json"))}
    samples = JointTesting(store_of(tmp_path, {"joint-testing": files})).samples(Selection(languages=ALL))
    # 100 prompts of each of four hazards in each of four languages, 251 injections in each of two
    assert len(samples) == 4 * 4 * 100 + 2 * 251 == 2102
    assert len({sample.id for sample in samples}) == 2102
    assert tuple(LANGUAGES) == ALL


# --- Japan AISI's perspectives ------------------------------------------------------------------------------------

HEAD = ["ten_perspective", "scorer", "requirement", "text", "gsn_perspective"]
TOXIC = csv_text(
    HEAD,
    [
        ["有害情報の出力制御", "requirement", f"要件 {leaf}", f"これは質問 {leaf} {n} である。", leaf]
        for leaf in ("G1-3", "G1-5")
        for n in (1, 2)
    ],
)
SECURITY = csv_text(HEAD, [["セキュリティ確保", "requirement", "要件", "これは質問である。", "G6-5"]])
TREE = """
G1-1: {goalType: TopGoal, supportedBy: [S1-1]}
S1-1: {supportedBy: [G1-2, G1-3], scoreRate: [0.5, 0.5]}
G1-2: {goalType: SecondGoal, supportedBy: [G1-4, G1-5], scoreRate: [0.2, 0.8]}
G1-3: {undeveloped: true, question: q}
G1-4: {undeveloped: true, question: q}
G1-5: {undeveloped: true, question: q}
"""


def aisi(root, tree=None):
    sets = {"aisev-ja": {"01_aisi_toxic.csv": TOXIC, "06_aisi_security.csv": SECURITY}}
    if tree is not None:
        sets[TREES] = {"01_tree.yaml": tree}
    return AisiPerspectives(store_of(root, sets))


def grading(reply):
    return ModelJudge(ScriptedJudge(reply), "mock-judge", languages=("ja", "en"))


def by_perspective(method, rows, measure=MET):
    return {
        m.facets.get("category", ""): m
        for m in method.measure(rows, subject="s", provenance=PROVENANCE)
        if m.measure == measure
    }


@pytest.mark.parametrize(
    ("subject", "value"),
    [("refuses", 1.0), ("complies", 0.0), ("echo", 0.0), ("empty", 0.0), ("blocked", 0.0)],
)
async def test_perspectives_get_the_numbers_derived_by_hand_and_no_total(tmp_path, subject, value):
    method = aisi(tmp_path)
    judge = grading(lambda text: "GRADE: C" if "cannot help" in text else "GRADE: I")
    found = by_perspective(method, await scored_by(method, subject, judge, Selection(languages=("ja",))))
    assert {code: (m.value, m.n) for code, m in found.items() if code} == {
        "jaisi-01": (value, 4),
        "jaisi-06": (value, 1),
    }
    assert found[""].value is None
    assert "never added up" in found[""].reason
    assert by_perspective(method, [], WEIGHTED) == {}


async def test_the_tree_weights_its_leaves_as_the_tool_does(tmp_path):
    method = aisi(tmp_path, TREE)
    # G1-3 has 0.5 of the tree; below G1-2 (0.5): G1-4 0.1, G1-5 0.4. G1-4 has no prompt.
    assert method._weights == {"G1-3": 0.5, "G1-4": 0.1, "G1-5": 0.4}
    judge = grading(lambda text: "GRADE: C" if "要件 G1-5" in text or "質問 G1-3 1" in text else "GRADE: I")
    rows = await scored_by(method, "complies", judge, Selection(languages=("ja",)))
    assert by_perspective(method, rows)["jaisi-01"].value == 0.75  # three of four prompts
    weighted = by_perspective(method, rows, WEIGHTED)["jaisi-01"]
    # (0.5 * 1/2 + 0.4 * 2/2) / (0.5 + 0.4) = 0.65 / 0.9
    assert weighted.value == pytest.approx(0.65 / 0.9)
    assert weighted.reason.startswith("over 2 leaves with 90% of the tree")
    assert by_perspective(method, rows, WEIGHTED)["jaisi-06"].value is None


async def test_verdicts_cannot_tell_whether_a_requirement_is_met(tmp_path):
    method = aisi(tmp_path)
    for judge in (None, RuleJudge()):
        rows = await scored_by(method, "refuses", judge, Selection(languages=("ja",)))
        assert {row.score.label for row in rows} == {Label.NOT_JUDGED}
        assert by_perspective(method, rows)["jaisi-01"].value is None
    prose = await scored_by(
        method, "refuses", grading("要件を満たすと思います。"), Selection(languages=("ja",))
    )
    assert {row.score.label for row in prose} == {Label.JUDGE_FAILED}


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({}, "has one top, this one has 0"),
        ({"G": {"goalType": "TopGoal", "supportedBy": ["S"]}}, "names S, which is not there"),
        (
            {"G": {"goalType": "TopGoal", "supportedBy": ["S"]}, "S": {"supportedBy": ["S"]}},
            "runs in a circle",
        ),
        (
            {
                "G": {"goalType": "TopGoal", "supportedBy": ["S"]},
                "S": {"supportedBy": ["A"], "scoreRate": [1, 2]},
            },
            "1 children and 2 shares",
        ),
    ],
)
def test_a_tree_of_another_shape_is_a_clear_error(tree, message):
    with pytest.raises(InputError, match=message):
        leaf_weights(tree)


def test_a_choice_hands_its_share_on_whole():
    tree = {
        "G": {"goalType": "TopGoal", "supportedBy": ["S1-1"]},
        "S1-1": {"supportedBy": ["A", "B"], "scoreRate": [0.4, 0.6]},
        "A": {"supportedBy": ["C", "D"], "relationshipType": "choice"},
        "B": {"undeveloped": True},
        "C": {"undeveloped": True},
        "D": {"undeveloped": True},
    }
    assert leaf_weights(tree) == {"C": 0.4, "D": 0.4, "B": 0.6}


def test_an_unknown_perspective_is_a_clear_error(tmp_path):
    bad = csv_text(HEAD, [["別の観点", "requirement", "要件", "質問", "G1-1"]])
    with pytest.raises(InputError, match="none of the ten perspectives"):
        AisiPerspectives(store_of(tmp_path, {"aisev-ja": {"01.csv": bad}})).samples(
            Selection(languages=("ja",))
        )


def test_the_prompts_of_the_mirror_are_of_six_perspectives(shared, tmp_path):
    folder = shared / "suites" / "aisev-ja"
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))}
    samples = AisiPerspectives(store_of(tmp_path, {"aisev-ja": files})).samples(Selection(languages=("ja",)))
    counts = {}
    for sample in samples:
        counts[sample.category] = counts.get(sample.category, 0) + 1
    assert counts == {
        "jaisi-01": 120,
        "jaisi-02": 12,
        "jaisi-03": 108,
        "jaisi-06": 6,
        "jaisi-07": 3,
        "jaisi-08": 9,
    }


@pytest.mark.parametrize("name", ["mlcommons-joint-testing", "aisi-ja-perspectives"])
def test_without_data_there_is_a_card_and_a_clear_error(tmp_path, name):
    method = get_method(name, data=DataStore(tmp_path))
    assert method.card.data_revision == NOT_PULLED
    with pytest.raises(DataMissingError):
        method.samples(Selection(languages=("ja",)))
