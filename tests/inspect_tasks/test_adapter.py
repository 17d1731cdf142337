"""What is said of an Inspect task is checked before anything runs, and nothing is made up where nobody said it."""

import hashlib
import importlib.util

import pytest
import yaml

from kakehashi.errors import FormatVersionError, InputError, MissingExtraError, UsageError
from kakehashi.evaluate.inspect.adapter import read_adapter, shipped_adapters
from kakehashi.evaluate.inspect.method import InspectMethod
from kakehashi.evaluate.methods import get_method
from kakehashi.evaluate.subjects import parse_subject
from kakehashi.model import CONSTRUCTS, Polarity
from kakehashi.work.inspect_tasks import check_grader, check_inspect
from kakehashi.work.plan import make_plan

STATED = {
    "format": "kakehashi.inspect/1",
    "task": "sums.py@sums",
    "construct": "capability",
    "polarity": "higher-is-better",
}


def write(folder, **changes):
    (folder / "sums.py").write_text("# a task\n", encoding="utf-8")
    path = folder / "sums.yaml"
    path.write_text(
        yaml.safe_dump({k: v for k, v in {**STATED, **changes}.items() if v != "-"}), encoding="utf-8"
    )
    return f"inspect:{path}"


def test_an_adapter_of_the_users_own(tmp_path):
    found = read_adapter(write(tmp_path, score="match", category="topic", values={"yes": 1}, measure="right"))
    digest = hashlib.sha256(b"# a task\n").hexdigest()[:12]
    assert (found.id, found.version, found.stated) == ("inspect/sums", f"sha256:{digest}", True)
    assert found.task == f"{(tmp_path / 'sums.py').resolve()}@sums"
    assert (found.low, found.high, found.polarity) == (0.0, 1.0, Polarity.HIGHER)
    card = InspectMethod(found, grader="judge").card
    assert card.measures[0].id == "inspect/sums:right"
    assert card.judge == "inspect:match, grader judge"
    assert not card.own


def test_a_task_without_an_adapter_claims_nothing(tmp_path):
    (tmp_path / "sums.py").write_text("# a task\n", encoding="utf-8")
    card = InspectMethod(read_adapter(f"inspect:{tmp_path / 'sums.py'}@sums")).card
    assert (card.measures[0].construct, card.measures[0].polarity) == ("own", Polarity.NONE)
    assert (card.measures[0].low, card.measures[0].high) == (None, None)
    assert "no adapter" in card.summary["en"]
    assert "アダプターなし" in card.summary["ja"]


def test_no_path_of_this_machine_stands_in_a_manifest(tmp_path):
    plan = make_plan(["mock:echo"], methods=[write(tmp_path)])
    assert str(tmp_path) not in str(plan.manifest)
    (method,) = plan.manifest["methods"]
    assert (method["id"], method["inspect"]["task"], method["samples"]) == ("inspect/sums", "sums", 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"construct": "-"}, "construct"),
        ({"construct": "goodness"}, "goodness"),
        ({"polarity": "up"}, "up"),
        ({"task": "-"}, "task"),
        ({"task": "absent.py@x"}, "absent.py"),
        ({"scores": "match"}, "scores"),
        ({"values": {"yes": "much"}}, "wrong kind"),
        ({"format": "other/1"}, "other/1"),
    ],
)
def test_what_is_wrong_in_an_adapter_is_said(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        read_adapter(write(tmp_path, **changes))


def test_a_newer_format_and_a_name_that_is_none(tmp_path):
    with pytest.raises(FormatVersionError):
        read_adapter(write(tmp_path, format="kakehashi.inspect/2"))
    with pytest.raises(UsageError):
        read_adapter("inspect:agentharm")
    with pytest.raises(InputError):
        get_method("inspect:absent.yaml")


def test_every_shipped_adapter_is_whole_in_both_languages():
    found = shipped_adapters()
    assert len(found) >= 10
    for adapter in found:
        assert adapter.construct in CONSTRUCTS
        assert set(adapter.title) == {"en", "ja"}
        assert any("\u3040" <= letter <= "\u9fff" for letter in adapter.title["ja"])
        assert adapter.score
    names = {adapter.id.rpartition("/")[2] for adapter in found}
    assert {
        "agentharm",
        "agentdojo",
        "mask",
        "wmdp_bio",
        "fortress_adversarial",
        "sosbench",
        "coconot",
    } <= names


def test_a_grader_must_be_named_where_one_is_needed_and_never_grades_itself():
    harm = InspectMethod(read_adapter("inspect:inspect_evals/agentharm"))
    with pytest.raises(UsageError, match="asks a grader"):
        check_grader(None, [parse_subject("mock:comply")], [harm])
    with pytest.raises(UsageError, match="its own answers"):
        check_grader(parse_subject("mock:comply"), [parse_subject("mock:comply")], [harm])
    check_grader(parse_subject("mock:refuse"), [parse_subject("mock:comply")], [harm])


@pytest.mark.skipif(importlib.util.find_spec("inspect_ai") is not None, reason="Inspect is installed here")
def test_without_inspect_the_error_names_the_pip_command():
    with pytest.raises(MissingExtraError) as caught:
        check_inspect(["inspect_evals/agentharm"])
    assert caught.value.hint == "Run: python -m pip install 'kakehashi[inspect]'"


def test_a_file_without_a_task_is_refused_with_the_form_to_write(tmp_path):
    (tmp_path / "sums.py").write_text("# a task\n", encoding="utf-8")
    with pytest.raises(UsageError, match="none of its tasks") as caught:
        read_adapter(f"inspect:{tmp_path / 'sums.py'}")
    assert caught.value.hint.startswith(f"Write inspect:{tmp_path / 'sums.py'}@TASK")
