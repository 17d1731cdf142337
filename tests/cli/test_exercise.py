"""A joint exercise of two institutes by files alone, each with its own endpoint; and every file that does not fit."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from commands import Done, Served, kakehashi
from reference.upstream_shapes import write_mirror

from kakehashi.cli.main import cli
from kakehashi.errors import KakehashiError, VerificationError
from kakehashi.evaluate.sandbox import find_isolation
from kakehashi.proof import SigningKey, canonical_bytes
from kakehashi.work.holdout import check_opening, leaf_of, root_of
from kakehashi.work.signed import read_key, read_signed, sign_file

# The finished runs of this file are made once, not once for each worker.
pytestmark = pytest.mark.xdist_group("exercise")


def here(*words):
    """The command in this process: its code and what it printed."""
    done = CliRunner().invoke(cli, [str(word) for word in words])
    if isinstance(done.exception, KakehashiError):
        return Done(done.exception.exit_code, done.stdout, str(done.exception))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def good(*words):
    done = here(*words)
    assert done.code == 0, done.both
    return done


REFUSAL = "I'm sorry, but I can't help with that."


def answer_of(refuses):
    """An endpoint that refuses where ``refuses`` says so, and complies elsewhere."""
    return lambda body: (
        REFUSAL if refuses(str(body["messages"][-1]["content"])) else "Sure. Here it is: one, two."
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Two institutes that share nothing but files: everything through the real command."""
    folder = tmp_path_factory.mktemp("exercise")
    alpha, beta, post = folder / "alpha", folder / "beta", folder / "post"
    for place in (alpha, beta, post):
        place.mkdir()
    (beta / "hold.csv").write_text(
        "prompt,kind\n" + "".join(f"held-out question {n},harmful\n" for n in range(9))
    )

    def at(place, *words):
        done = kakehashi(*words, cwd=place)
        assert done.code == 0, done.both
        return done

    with (
        Served(answer=answer_of(lambda text: True)) as one,
        Served(answer=answer_of(lambda text: "e" in text)) as two,
    ):
        at(alpha, "exercise", "key", "alpha")
        at(beta, "exercise", "key", "beta")
        shutil.copy(beta / "beta.pub", alpha)
        at(
            alpha, "exercise", "init", "july", one.subject, "--key", "alpha.key", "--title", "July round",
            "--method", "core", "--language", "en,ja", "--limit", "40", "--seed", "5", "--embargo", "2999-01-01",
            "--human-labels", "two raters, 100 answers", "--site", "alpha.pub", "--site", "beta.pub",
        )  # fmt: skip
        shutil.copytree(alpha / "july", beta / "july")
        at(alpha, "exercise", "join", "july", "--key", "alpha.key", "--out", post)
        at(beta, "methods", "new", "hold.csv", "--construct", "harmful-request-handling", "--language", "en")
        at(beta, "exercise", "join", "july", "--key", "beta.key", "--private", "own/hold", "--out", post)
        at(alpha, "exercise", "run", "july", "--key", "alpha.key")
        ran = at(beta, "exercise", "run", "july", "--key", "beta.key", "--at", f"tiny={two.subject}")
        assert "differs: subjects.tiny.base_url" in ran.err
        assert "kakehashi: not set" not in ran.err
        at(alpha, "exercise", "submit", "july", "--key", "alpha.key", "--early", "--out", post)
        at(beta, "exercise", "submit", "july", "--key", "beta.key", "--early", "--out", post)
    for file in post.iterdir():
        shutil.copy(file, alpha / "july")
        shutil.copy(file, beta / "july")
    combined = at(alpha, "exercise", "combine", "july", "--out", "combined.json")
    return folder, combined


def test_two_institutes_finish_a_joint_exercise_by_files_alone(finished):
    folder, combined = finished
    found = json.loads((folder / "alpha" / "combined.json").read_text(encoding="utf-8"))
    assert found["format"] == "kakehashi.exercise-result/1"
    assert [one["site"] for one in found["sites"]] == ["alpha", "beta"]
    (pair,) = found["pairs"]
    by = {(row["measure"]["id"].split(":")[1], row["language"]): row for row in pair["rows"]}
    safe = by["safe-handling-rate", "en"]
    # alpha's endpoint refuses all 40; beta's where the prompt has an "e", which 39 of 40 English ones have or all 40
    submitted = json.loads((folder / "post" / "beta.submission.json").read_text(encoding="utf-8"))
    items = submitted["body"]["runs"][0]["results"][0]["items"]
    kept = [
        label for label, kind, language in zip(items["label"], items["kind"], items["language"], strict=True)
        if (kind, language) == ("harmful", "en")
    ]  # fmt: skip
    assert safe["first"] == 1.0
    assert safe["second"] == kept.count("refused") / len(kept)
    assert safe["items"]["equal"] == kept.count("refused")
    japanese = by["safe-handling-rate", "ja"]
    assert japanese["second"] < 0.2  # Japanese prompts have no "e" but in foreign words
    assert japanese["result"]["verdict"] == "not-replicated"
    verdicts = {(one["measure"], one["language"]): one["verdict"] for one in found["verdicts"]}
    assert verdicts["kakehashi/core:safe-handling-rate", "ja"] == "not-replicated"
    assert [one["path"] for one in pair["settings"]] == ["subjects.tiny.base_url"]
    variance = next(v for v in found["variances"] if v["measure"]["id"].endswith("safe-handling-rate"))
    parts = {part["factor"]: part for part in variance["components"]["components"]}
    assert {"site", "language", "item"} <= parts.keys()
    assert parts["site"]["variance"] > 0.1
    assert set(variance["components"]["constant"]) == {"judge", "system"}
    assert "July round" in combined.out
    assert "alpha and beta" in combined.out


def test_what_is_sent_holds_no_text_and_nothing_of_private_items(finished):
    folder, _ = finished
    sent = "".join(path.read_text(encoding="utf-8") for path in (folder / "post").iterdir())
    assert "held-out question" not in sent
    assert REFUSAL not in sent
    secret = json.loads(next((folder / "beta").rglob("site.json")).read_text())["secret"]
    assert secret not in sent
    for name in ("alpha", "beta"):
        assert "PRIVATE+KEY" not in sent
        key = (folder / name / f"{name}.key").read_text().strip()
        assert key.startswith("PRIVATE+KEY")
    private = json.loads((folder / "post" / "beta.submission.json").read_text())["body"]["private"]
    (part,) = private
    (result,) = part["results"]
    assert result["items"]["response_hash"] == [None] * 9
    assert all(len(sample) == 64 for sample in result["items"]["sample"])
    assert root_of(result["items"]["sample"]) == part["root"]


@pytest.fixture
def copy(finished, tmp_path):
    """The exercise as beta sees it, to be spoiled."""
    shutil.copytree(finished[0] / "beta", tmp_path / "beta")
    return tmp_path / "beta"


def combine(place, *more):
    return here("exercise", "combine", place / "july", *more)


def test_combined_in_japanese_says_the_same(copy):
    done = combine(copy, "--lang", "ja")
    assert done.code == 0, done.err
    for words in (
        "合同評価演習「July round」",
        "再現されなかった",
        "機関間",
        "最初に異なる設定：subjects.tiny.base_url",
    ):
        assert words in done.out
    assert combine(copy, "--json").json == combine(copy, "--json").json


def test_private_items_are_opened_later_and_checked(copy):
    ws = copy / "kakehashi-work"
    words = ("exercise", "open", copy / "july", "--key", copy / "beta.key", "--workspace", ws)
    assert combine(copy, "--json").json["sites"][1]["private"][0]["opened"] == 0
    assert good(*words, "--item", "item-0003.en", "--json").json["opened"] == 1
    assert combine(copy, "--json").json["sites"][1]["private"][0]["opened"] == 1
    assert good(*words, "--json").json["opened"] == 9
    private = combine(copy, "--json").json["sites"][1]["private"][0]
    assert (private["opened"], private["items"]) == (9, 9)
    assert here(*words, "--item", "item-9.en").code == 2
    # other items than those committed to, signed by the right key
    signed = read_signed(copy / "july" / "beta.opening.json", "exercise-opening")
    body = json.loads(json.dumps(signed.body))
    body["private"][0]["opened"][0]["item"]["turns"] = ["another question"]
    sign_file(signed.path, "exercise-opening", body, read_key(copy / "beta.key"))
    done = combine(copy)
    assert (done.code, "none of those that were committed to" in done.err) == (6, True)


def test_items_changed_after_joining_are_refused_before_the_run(copy):
    ws = copy / "kakehashi-work"
    path = ws / "methods" / "hold.json"
    path.write_text(path.read_text().replace("held-out question 3", "an easier question"))
    done = here("exercise", "run", copy / "july", "--key", copy / "beta.key", "--workspace", ws)
    assert (done.code, "not those that the site committed to" in done.err) == (6, True)


def spoil(path: Path, change) -> None:
    whole = json.loads(path.read_text(encoding="utf-8"))
    change(whole)
    path.write_text(json.dumps(whole), encoding="utf-8")


@pytest.mark.parametrize("name", ["protocol.json", "alpha.join.json", "beta.submission.json"])
def test_a_tampered_file_is_one_clear_error(copy, name):
    def change(whole):
        body = whole["body"]
        if "runs" in body and "results" in body["runs"][0]:
            body["runs"][0]["results"][0]["measurements"][0]["value"] = 0.99
        else:
            body["created" if "created" in body else "joined"] = "2020-01-01T00:00:00Z"

    spoil(copy / "july" / name, change)
    done = combine(copy, "--json")
    assert done.code == 6
    assert "does not fit the content" in done.err
    assert name in done.err


def resign(path: Path, kind: str, key: SigningKey, change) -> None:
    signed = read_signed(path, kind)
    body = json.loads(json.dumps(signed.body))
    change(body)
    sign_file(path, kind, body, key)


def test_another_protocol_is_one_clear_error(copy):
    key = read_key(copy / "beta.key")
    for name, kind in (("join", "exercise-join"), ("submission", "exercise-submission")):
        path = copy / "july" / f"beta.{name}.json"
        before = path.read_bytes()
        resign(path, kind, key, lambda body: body.update(protocol_sha256="0" * 64))
        done = combine(copy)
        assert (done.code, "of another protocol" in done.err) == (6, True)
        path.write_bytes(before)
    assert combine(copy).code == 0


def test_a_site_that_stands_twice_is_one_clear_error(copy):
    path = copy / "july" / "beta.submission.json"
    shutil.copy(path, copy / "july" / "beta-again.submission.json")
    done = combine(copy)
    assert (done.code, "beta stands twice" in done.err) == (6, True)
    (copy / "july" / "beta-again.submission.json").unlink()
    other = SigningKey.generate("beta")  # somebody else by that name
    resign(path, "exercise-submission", other, lambda body: None)
    done = combine(copy)
    assert (done.code, "another key" in done.err) == (6, True)


def test_a_replaced_submission_is_one_clear_error(copy):
    assert combine(copy).code == 0
    path = copy / "july" / "beta.submission.json"
    resign(path, "exercise-submission", read_key(copy / "beta.key"), lambda body: body.update(early=False))
    done = combine(copy)
    assert (done.code, "replaced" in done.err) == (6, True)
    again = here(
        "exercise", "submit", copy / "july", "--key", copy / "beta.key", "--workspace", copy / "kakehashi-work",
        "--out", copy,
    )  # fmt: skip
    assert (again.code, "has submitted already" in again.err) == (2, True)


def test_the_embargo_holds_unless_every_site_agreed(copy):
    path = copy / "july" / "beta.submission.json"
    resign(path, "exercise-submission", read_key(copy / "beta.key"), lambda body: body.update(early=False))
    done = combine(copy)
    assert (done.code, "embargo lasts until 2999-01-01T23:59:59Z, and beta did not agree" in done.err) == (
        2,
        True,
    )


def test_rows_that_are_not_those_of_the_protocol_are_refused(copy):
    path = copy / "july" / "beta.submission.json"
    before = path.read_bytes()

    def shorter(body):
        items = body["runs"][0]["results"][0]["items"]
        for column in items.values():
            column.pop()

    def other_seed(body):
        body["runs"][0]["manifest"]["seed"] = 6

    def other_revision(body):
        body["runs"][0]["manifest"]["methods"][0]["data_revision"] = "sha256:00"

    def other_items(body):
        body["private"][0]["results"][0]["items"]["sample"][0] = "ab" * 32

    def no_private(body):
        body["private"] = []

    def no_runs(body):
        body["runs"] = []

    def broken(body):
        del body["runs"][0]["results"][0]["items"]["label"]
        body["runs"][0]["results"][0]["items"] = None

    for change, code in (
        (shorter, 6), (other_seed, 6), (other_revision, 6), (other_items, 6),
        (no_private, 6), (no_runs, 6), (broken, 3),
    ):  # fmt: skip
        resign(path, "exercise-submission", read_key(copy / "beta.key"), change)
        (copy / "july" / "received.json").unlink(missing_ok=True)
        done = combine(copy)
        assert (done.code, "beta.submission.json" in done.err) == (code, True), (change.__name__, done.err)
        path.write_bytes(before)


def test_a_number_that_its_rows_do_not_give_is_said(copy):
    def better(body):
        body["runs"][0]["results"][0]["measurements"][0]["value"] = 0.5

    path = copy / "july" / "beta.submission.json"
    resign(path, "exercise-submission", read_key(copy / "beta.key"), better)
    notes = combine(copy, "--json").json["notes"]
    assert any("is 0.5000, its items give" in note for note in notes)


def small(folder, *more, sites=("a", "b")):
    """An exercise of scripted systems in this process: protocol and keys."""
    for name in sites:
        good("exercise", "key", name, "--out", folder / f"{name}.key")
    return here(
        "exercise", "init", folder / "x", "mock:refuse", "--key", folder / "a.key", "--title", "t", "--method", "core",
        "--limit", "7", *more,
    )  # fmt: skip


def step(folder, verb, name, *more):
    return here(
        "exercise", verb, folder / "x", "--key", folder / f"{name}.key", "--workspace", folder / name, *more
    )


def test_a_late_submission_is_one_clear_error(tmp_path):
    assert small(tmp_path, "--deadline", "2020-01-01").code == 0
    for name in ("a", "b"):
        for verb in ("join", "run", "submit"):
            assert step(tmp_path, verb, name).code == 0
    done = here("exercise", "combine", tmp_path / "x")
    assert (done.code, "late: submitted" in done.err) == (6, True)


def test_a_missing_site_is_named_and_one_site_is_not_enough(tmp_path):
    assert small(tmp_path, sites=("a", "b", "c")).code == 0
    assert here("exercise", "combine", tmp_path / "x").code == 3  # nobody has joined
    assert step(tmp_path, "run", "a").code == 2  # not joined
    for name in ("a", "b", "c"):
        assert step(tmp_path, "join", name).code == 0
    assert step(tmp_path, "submit", "a").code == 2  # not run
    for verb in ("run", "submit"):
        assert step(tmp_path, verb, "a").code == 0
    done = here("exercise", "combine", tmp_path / "x")
    assert (done.code, "not yet submitted: b, c" in done.err) == (10, True)
    assert here("exercise", "combine", tmp_path / "x", "--partial").code == 2
    for verb in ("run", "submit"):
        assert step(tmp_path, verb, "b").code == 0
    done = here("exercise", "combine", tmp_path / "x", "--partial", "--json")
    assert (done.code, done.json["missing"]) == (0, ["c"])
    # all scores are equal on both sides: there is no variance to split, and that is said
    assert {one["reason"] for one in done.json["variances"]} == {
        "all scores are equal: there is no variance to split"
    }


def test_bad_words_and_strangers_get_one_clear_error(tmp_path):
    assert small(tmp_path, "--embargo", "soon").code == 2
    assert small(tmp_path / "two", "--site", tmp_path / "a.pub").code == 0
    assert step(tmp_path / "two", "join", "b").code == 2  # the protocol does not name b
    assert here("exercise", "key", "a", "--out", tmp_path / "a.key").code == 5
    for name in ("a b", "a+b", "../a", ".a", ""):
        assert here("exercise", "key", name, "--out", tmp_path / "ab.key").code == 3
    init = ("exercise", "init", tmp_path / "two" / "x", "mock:refuse", "--title", "t", "--method", "core")
    assert here(*init, "--key", tmp_path / "a.key").code == 2  # a protocol is not changed
    assert here("exercise", "join", tmp_path / "absent", "--key", tmp_path / "a.key").code == 3
    public = here("exercise", "join", tmp_path / "two" / "x", "--key", tmp_path / "a.pub")
    assert (public.code, "not a signing key" in public.err) == (3, True)
    done = here("exercise", "combine", tmp_path / "two" / "x", "--organizer", tmp_path / "a.pub")
    assert (done.code, "not by the organizer's key" in done.err) == (6, True)


def test_two_judges_each_read_all_answers_and_their_variance_is_told(tmp_path):
    rows = [
        {
            "prompt": f"Request {i}",
            "answer": f"I am sorry, I cannot do that for you today. ({i})"
            if i % 2
            else f"Here is the long list. ({i})",
            "language": "en",
            "label": "refused" if i % 2 else "complied",
        }
        for i in range(60)
    ]
    labels = tmp_path / "labels.jsonl"
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def lenient(body):  # a judge model that calls everything complied
        return '{"label": "complied"}'

    with Served(answer=lenient) as one, Served(answer=lenient) as two:
        here_judge, there_judge = (f"model:{server.server.url}#lenient-1" for server in (one, two))
        calibration = tmp_path / "calibration.json"
        done = good(
            "judge", "calibrate", labels, "--judge", here_judge, "--workspace", tmp_path / "c", "--json"
        )
        calibration.write_text(done.out)
        judges = ("--judge", "rules", "--judge", here_judge, "--calibration", calibration)
        assert small(tmp_path, *judges).code == 0
        for name, more in (
            ("a", ("--calibration", calibration)),
            ("b", ("--calibration", calibration, "--judge", "rules", "--judge", there_judge)),
        ):
            assert step(tmp_path, "join", name).code == 0
            wrong = step(tmp_path, "run", name, *more, "--judge", "rules")
            assert wrong.code == 2
            ran = step(tmp_path, "run", name, *more, "--json")
            assert ran.code == 0, ran.both
            assert len(ran.json["runs"]) == 2
            assert step(tmp_path, "submit", name).code == 0
        # the systems' answers were had once: the second judge only reads them
        assert len(one.server.bodies) > 0
    found = here("exercise", "combine", tmp_path / "x", "--json").json
    assert found["pairs"][0]["judge"] == ""
    assert "lenient-1" in found["pairs"][1]["judge"]
    split = next(v for v in found["variances"] if v["measure"]["id"].endswith("safe-handling-rate"))
    parts = {part["factor"]: part for part in split["components"]["components"]}
    # rules say refused (1) of every answer, the model complied (0), at both sites: between judges 1^2 / 2
    assert parts["judge"]["variance"] == pytest.approx(0.5)
    assert parts["site"]["variance"] == pytest.approx(0, abs=1e-9)
    assert found["pairs"][1]["settings"][0]["path"].endswith("base_url")


# ------------------------------------------------------------------ commitments


def test_a_leaf_is_the_hash_of_salt_and_item_and_the_root_that_of_sorted_leaves():
    from hashlib import sha256

    item = {"id": "a", "turns": ["q"]}
    assert leaf_of(item, "00ff") == sha256(b"\x00\xff" + canonical_bytes(item)).hexdigest()
    low, high = sorted([leaf_of(item, "00"), leaf_of(item, "01")])
    left, right = (sha256(b"\x00" + bytes.fromhex(leaf)).digest() for leaf in (low, high))
    assert root_of([high, low]) == sha256(b"\x01" + left + right).hexdigest()


def test_an_item_opened_twice_or_of_another_root_is_refused():
    item = {"id": "a"}
    leaf = leaf_of(item, "00")
    committed = {"method": "own/a", "version": "1.0", "items": 1, "root": root_of([leaf])}
    row = {"item": item, "salt": "00"}
    assert check_opening({**committed, "opened": [row]}, committed, [leaf]) == 1
    for wrong in (
        {**committed, "opened": [row, row]},
        {**committed, "root": "00", "opened": [row]},
        {**committed, "opened": [{"item": item, "salt": "01"}]},
    ):
        with pytest.raises(VerificationError):
            check_opening(wrong, committed, [leaf])


def test_several_answers_to_an_item_stand_in_the_protocol_and_are_compared(tmp_path):
    if not find_isolation().is_enough:
        pytest.skip("no isolation here")
    mirror = write_mirror(tmp_path / "mirror")
    for name in ("alpha", "beta"):
        good("exercise", "key", name, "--out", tmp_path / f"{name}.key")
    made = good(
        "exercise", "init", tmp_path / "july", "mock:comply", "--key", tmp_path / "alpha.key", "--title", "Code",
        "--method", "humaneval", "--repeats", "2", "--mirror", mirror, "--workspace", tmp_path / "alpha", "--json",
    )  # fmt: skip
    assert [one["repeats"] for one in made.json["runs"][0]["methods"]] == [2]
    for name in ("alpha", "beta"):
        words = (tmp_path / "july", "--key", tmp_path / f"{name}.key", "--workspace", tmp_path / name)
        good("exercise", "join", *words)
        refused = here("exercise", "run", *words, "--mirror", mirror)
        assert (refused.code, "--allow-code" in refused.both) == (
            2,
            True,
        )  # a protocol runs no code by itself
        good("exercise", "run", *words, "--mirror", mirror, "--allow-code")
        good("exercise", "submit", *words)
    good("exercise", "combine", tmp_path / "july", "--out", tmp_path / "combined.json")
    (pair,) = json.loads((tmp_path / "combined.json").read_text())["pairs"]
    (row,) = [one for one in pair["rows"] if one["measure"]["id"] == "humaneval:pass-at-1"]
    sent = json.loads((tmp_path / "july" / "beta.submission.json").read_text())["body"]["runs"][0]["results"][
        0
    ]
    # Two answers to each of the mirror's problems, and a system that only says "Sure" solves none of them.
    assert len(sent["items"]["label"]) == 2 * len(set(sent["items"]["cluster"]))
    assert (row["first"], row["second"]) == (0.0, 0.0)
