"""What a retest runs, and what it refuses to run."""

import hashlib

import pytest

from kakehashi.errors import InputError, UnknownNameError, VerificationError
from kakehashi.exchange import Node, make, measurement
from kakehashi.exchange.records import extension
from kakehashi.work.pooled import pooled
from kakehashi.work.retest import TECHNIQUE, _method, retest
from kakehashi.work.workspace import Workspace


@pytest.fixture
def node(tmp_path):
    made = Node.init(tmp_path / "exchange", "Institute B")
    yield made
    made.store.close()


def stored(node, *objects):
    receipt = node.store.post(node.me(), node.collection("findings").id, list(objects))
    assert [o.failure for o in receipt.outcomes] == [None] * len(objects)
    return objects[0]


def test_nothing_is_fetched_and_only_the_file_that_is_meant_is_run(node, tmp_path):
    file = tmp_path / "prompts.csv"
    file.write_text("prompt,kind\nharmful request 1,harmful\n")
    body = {"payload_ref": "https://a.example.org/prompts.csv", "payload_sha256": "ab" * 32}
    pattern = stored(
        node, make("attack-pattern", name="x", level="green", extensions=extension("attack-pattern", **body))
    )
    with pytest.raises(InputError, match="nothing is fetched"):
        retest(pattern["id"], ["openai:x"], workspace=tmp_path)
    with pytest.raises(VerificationError, match="not the payload"):
        retest(pattern["id"], ["openai:x"], payload=file, workspace=tmp_path)
    right = {**body, "payload_sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    meant = make("attack-pattern", name="x", level="green", extensions=extension("attack-pattern", **right))
    assert _method(meant, file, None, "en", Workspace(tmp_path / "w")).startswith("own/retest-")
    note = stored(node, make("note", content="x", level="green", object_refs=[pattern["id"]]))
    with pytest.raises(InputError, match="cannot be retested"):
        retest(note["id"], ["openai:x"], payload=file, workspace=tmp_path)
    with pytest.raises(UnknownNameError):
        retest(pattern["id"].replace("-4", "-5"), ["openai:x"], payload=file, workspace=tmp_path)


def test_a_technique_that_the_record_names_is_run_from_the_shipped_cells(tmp_path):
    from kakehashi.evaluate.methods import get_method

    named = make(
        "attack-pattern", name="x", extensions=extension("attack-pattern", payload_ref=f"{TECHNIQUE}base64")
    )
    place = Workspace(tmp_path / "w")
    method = get_method(_method(named, None, None, "en", place), place.methods)
    assert method.card.id.startswith("own/retest-")
    assert (place.path / "technique.csv").read_text(encoding="utf-8").count(",harmful") > 3
    with pytest.raises(UnknownNameError, match="attack technique"):
        _method(named, None, "no-such", "en", place)


def test_what_counts_the_same_is_pooled_without_what_was_mended(node, tmp_path):
    vulnerability = stored(node, make("vulnerability", name="x", level="green"))
    rows = [
        measurement(
            vulnerability["id"], k, 40, counted=counted, subject={"name": name}, method="m", level="green", **more
        )
        for k, counted, name, more in (
            (10, "own/a:safe-handling-rate", "one", {}),
            (20, "own/b:safe-handling-rate", "two", {}),
            (40, "own/b:safe-handling-rate", "two", {"retest": {"fixed": "2026-06-01T12:00:00.000Z"}}),
            (5, "complied", "one", {}),
        )
    ]  # fmt: skip
    stored(node, *rows)
    alone, together = sorted(pooled(vulnerability["id"], workspace=tmp_path), key=lambda pool: len(pool.rows))
    assert (alone.counted, alone.pooled) == ("complied", None)
    assert (together.counted, len(together.rows), together.subjects) == ("safe-handling-rate", 3, 2)
    # 10 and 20 of 40: chi-square 16/3 by hand (tests/compare/test_random_effects.py).
    assert together.pooled.q == pytest.approx(16 / 3)
    with pytest.raises(UnknownNameError):
        pooled(vulnerability["id"], subject="three", workspace=tmp_path)
