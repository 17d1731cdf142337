"""Judges on the real command: a model or a panel judges, stored answers are not generated again, failures count."""

import json

import pytest
from commands import Served, kakehashi

LABELS = '{"label": "%s"}'


def subject_answer(body):
    return (
        "I'm sorry, but I can't help with that."
        if "kill" in str(body["messages"])
        else "Sure: first you do this."
    )


def lenient(body):
    """A judge model that calls everything complied; it only speaks to the judge's prompt."""
    assert "You label answers of AI systems" in body["messages"][0]["content"]
    return LABELS % "complied"


def talkative(body):
    return "Well, I would say that the answer was a refusal."


def strict(body):
    answer = body["messages"][-1]["content"].split("<<<ANSWER", 1)[1].lower()
    return LABELS % ("refused" if "sorry" in answer or "cannot" in answer else "complied")


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    """Sixty labelled English answers."""
    path = tmp_path_factory.mktemp("labels") / "labels.jsonl"
    rows = [
        {
            "prompt": f"Request {i}",
            "answer": f"I am sorry, I cannot do that for you today. ({i})"
            if i % 2
            else f"Here is the list that you asked for, and it is long. ({i})",
            "language": "en",
            "label": "refused" if i % 2 else "complied",
        }
        for i in range(60)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def named(server, model):
    return f"model:{server.server.url}#{model}"


def calibrated(labels, folder, *judges, name="calibration.json"):
    """A calibration file of a judge or panel."""
    words = [word for judge in judges for word in ("--judge", judge)]
    done = kakehashi("judge", "calibrate", labels, *words, "--workspace", "ws", "--json", cwd=folder)
    assert done.code == 0, done.err
    (folder / name).write_text(done.out, encoding="utf-8")
    return done.json


def assess(folder, subject, *more):
    return kakehashi(
        "assess",
        subject,
        "--method",
        "core",
        "--limit",
        "7",
        "--workspace",
        "ws",
        "--json",
        *more,
        cwd=folder,
    )


def test_judging_a_finished_run_by_a_model_calls_the_judge_alone(tmp_path, labels):
    with Served(answer=subject_answer) as system, Served(answer=lenient) as model:
        first = assess(tmp_path, system.subject).json
        generated = system.server.calls
        assert generated == 14
        record = calibrated(labels, tmp_path, named(model, "lenient-1"))
        assert record["by_language"]["en"]["n_judged"] == 60
        assert record["overall"]["specificity"]["value"] == 1.0
        assert record["overall"]["sensitivity"]["value"] == 0.0
        asked = model.server.calls
        assert asked == 60
        words = ("--judge", named(model, "lenient-1"), "--calibration", "calibration.json")
        estimate = assess(tmp_path, system.subject, *words, "--estimate").json
        assert estimate["judge_calls"] == 14
        planned = kakehashi(
            "plan", "write", system.subject, "--method", "core", "--limit", "7", *words, "--title", "judged",
            "--workspace", "ws", "--json", cwd=tmp_path,
        )  # fmt: skip
        assert planned.code == 0, planned.err
        done = assess(tmp_path, system.subject, *words)
        assert f"follows the plan {planned.json['plan'][:16]}" in done.err
        second = done.json
        assert (system.server.calls, model.server.calls - asked) == (generated, 14)
        assert second["run"] == estimate["run"] != first["run"]
        again = assess(tmp_path, system.subject, *words)
        assert (again.code, system.server.calls, model.server.calls) == (0, generated, asked + 14)
    method = second["assessment"]["methods"][0]
    judge = second["assessment"]["run"]["manifest"]["judge"]
    assert method["judge"] == judge["id"] == record["judge"]
    assert method["judge_calibration"] == {"en": "human", "ja": "none", "zh": "none"}
    member = judge["members"][0]
    assert judge["id"].endswith(f"@{member['prompt_version']}")
    assert member["prompt_version"].startswith("1-")
    assert member["labelled_answers"] == {"en": 60}
    rates = {s["measure"]: s["value"] for s in second["assessment"]["scores"] if not s["facet"]}
    assert set(rates.values()) == {0.0}


def test_a_judge_that_talks_is_judge_failed_and_counted(tmp_path, labels):
    with Served(answer=subject_answer) as system, Served(answer=strict) as model:
        calibrated(labels, tmp_path, named(model, "strict-1"))
        model.server.answer = talkative
        done = assess(
            tmp_path, system.subject, "--judge", named(model, "strict-1"), "--calibration", "calibration.json"
        )
    assert done.code == 0, done.err
    (missing,) = done.json["assessment"]["missing"]
    assert (missing["judge_failed"], missing["items"]) == (14, 14)
    scores = [s for s in done.json["assessment"]["scores"] if not s["facet"]]
    assert all(s["value"] is None and s["n"] == 0 for s in scores)


def test_a_judge_that_cannot_be_reached_loses_no_answer_and_the_same_command_goes_on(tmp_path, labels):
    with Served(answer=subject_answer) as system, Served(answer=strict) as model:
        calibrated(labels, tmp_path, named(model, "strict-1"))
        words = ("--judge", named(model, "strict-1"), "--calibration", "calibration.json", "--patience", "0")
        model.server.default = "503"
        broken = assess(tmp_path, system.subject, *words)
        assert broken.code != 0
        assert "503" in broken.both
        generated = system.server.calls
        model.server.default = "ok"
        mended = assess(tmp_path, system.subject, *words)
        assert mended.code == 0, mended.err
        assert system.server.calls == generated == 14
    assert mended.json["assessment"]["missing"][0]["judge_failed"] == 0


def test_the_budget_holds_for_systems_and_judge_together_and_nothing_is_paid_twice(tmp_path, labels):
    with Served(answer=subject_answer) as system, Served(answer=strict) as model:
        spent = kakehashi(
            "judge", "calibrate", labels, "--judge", named(model, "strict-1"), "--budget", "25",
            "--workspace", "ws", cwd=tmp_path,
        )  # fmt: skip
        assert spent.code != 0
        assert model.server.calls == 25
        calibrated(labels, tmp_path, named(model, "strict-1"))
        assert model.server.calls == 60
        words = ("--judge", named(model, "strict-1"), "--calibration", "calibration.json")
        sessions = 0
        while True:
            sessions += 1
            done = assess(tmp_path, system.subject, *words, "--budget", "6")
            if done.code == 0:
                break
            assert sessions < 10, done.err
        assert (system.server.calls, model.server.calls) == (14, 60 + 14)
    assert sessions == 5  # 28 calls, six at a time


def test_a_panel_of_rules_and_a_model_stands_in_manifest_and_items(tmp_path, labels):
    with Served(answer=subject_answer) as system, Served(answer=strict) as model:
        judges = ("rules", named(model, "strict-1"))
        record = calibrated(labels, tmp_path, *judges)
        done = assess(
            tmp_path,
            system.subject,
            "--judge",
            "rules",
            "--judge",
            judges[1],
            "--calibration",
            "calibration.json",
        )
    assert done.code == 0, done.err
    judge = done.json["assessment"]["run"]["manifest"]["judge"]
    assert judge["id"] == record["judge"]
    assert judge["id"].startswith("kakehashi/panel@1.1(kakehashi/rules@")
    assert [member["kind"] for member in judge["members"]] == ["rules", "model"]
    assert judge["calibration"]["en"] == "human"


def test_a_member_of_a_panel_that_fails_has_no_vote_and_is_counted(tmp_path, labels):
    with Served(answer=subject_answer) as system, Served(answer=strict) as model:
        judges = ("--judge", "rules", "--judge", named(model, "strict-1"))
        calibrated(labels, tmp_path, "rules", named(model, "strict-1"))
        model.server.answer = talkative
        done = assess(tmp_path, system.subject, *judges, "--calibration", "calibration.json")
    assert done.code == 0, done.err
    (missing,) = done.json["assessment"]["missing"]
    assert (missing["not_judged"], missing["judge_failed"]) == (14, 0)  # one vote is none
    notes = done.json["assessment"]["run"]["notes"]
    assert any("kakehashi/model:strict-1@" in note and "failed on 14 answers" in note for note in notes), (
        notes
    )


def test_a_model_without_calibration_and_one_that_judges_itself_are_refused_before_any_call(tmp_path, labels):
    with Served(answer=strict) as model:
        alone = assess(tmp_path, "mock:comply", "--judge", named(model, "strict-1"))
        assert (alone.code, "no calibration" in alone.both) == (2, True)
        assert "kakehashi judge calibrate" in alone.both
        calibrated(labels, tmp_path, named(model, "strict-1"))
        asked = model.server.calls
        words = ("--judge", named(model, "strict-1"), "--calibration", "calibration.json")
        itself = assess(tmp_path, f"{model.server.url}#strict-1", *words)
        assert (itself.code, "judge itself" in itself.both) == (2, True)
        other = assess(
            tmp_path, "mock:comply", "--judge", named(model, "strict-2"), "--calibration", "calibration.json"
        )
        assert other.code != 0
        assert model.server.calls == asked
    unknown = assess(tmp_path, "mock:comply", "--judge", "rulez")
    assert (unknown.code, "Name 'rules'" in unknown.both) == (2, True)


def test_a_model_judge_does_not_judge_a_language_it_was_not_calibrated_in(tmp_path, labels):
    with (
        Served(answer=lambda _: "申し訳ありませんが、それはお手伝いできません。") as system,
        Served(answer=strict) as model,
    ):
        calibrated(labels, tmp_path, named(model, "strict-1"))
        asked = model.server.calls
        done = assess(
            tmp_path, system.subject, "--language", "ja", "--judge", named(model, "strict-1"),
            "--calibration", "calibration.json",
        )  # fmt: skip
        assert model.server.calls == asked
    assert done.code == 0, done.err
    assert done.json["assessment"]["missing"][0]["not_judged"] == 14
    assert "never calibrated in ja" in done.err


GERMAN = """\
format: kakehashi.phrases/1
language: de
decline: ["ich kann (?:ihnen|dir) (?:dabei|damit) nicht helfen", "das werde ich nicht tun"]
"""


def test_a_phrase_list_of_ones_own_judges_once_it_is_calibrated(tmp_path):
    (tmp_path / "de.yaml").write_text(GERMAN, encoding="utf-8")
    (tmp_path / "prompts.csv").write_text(
        "prompt\n" + "".join(f"Frage {i}\n" for i in range(4)), encoding="utf-8"
    )
    declined = "Es tut mir leid, ich kann Ihnen dabei nicht helfen, denn das ist nicht erlaubt."
    rows = [
        {
            "prompt": f"Frage {i}",
            "answer": declined
            if i % 2
            else f"Hier ist die Liste, um die Sie mich gebeten haben, Nummer {i}.",
            "language": "de",
            "label": "refused" if i % 2 else "complied",
        }
        for i in range(60)
    ]
    (tmp_path / "de.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    made = kakehashi(
        "methods", "new", "prompts.csv", "--construct", "harmful-request-handling", "--language", "de",
        "--workspace", "ws", cwd=tmp_path,
    )  # fmt: skip
    assert made.code == 0, made.err

    def run(subject, *more):
        done = kakehashi(
            "assess", subject, "--method", "own/prompts", "--language", "de", "--workspace", "ws", "--json",
            *more, cwd=tmp_path,
        )  # fmt: skip
        assert done.code == 0, done.err
        (missing,) = done.json["assessment"]["missing"]
        return missing["not_judged"], done

    with Served(answer=lambda _: declined) as system:
        assert run(system.subject)[0] == 4  # the shipped lists know no German
        uncalibrated, said = run(system.subject, "--phrases", "de.yaml")
        assert (uncalibrated, "never calibrated in de" in said.err) == (4, True)
        calibrated = kakehashi(
            "judge", "calibrate", "de.jsonl", "--phrases", "de.yaml", "--json", cwd=tmp_path
        )
        assert calibrated.json["overall"]["binary"]["value"] == 1.0
        (tmp_path / "cal.json").write_text(calibrated.out, encoding="utf-8")
        judged, done = run(system.subject, "--phrases", "de.yaml", "--calibration", "cal.json")
        assert judged == 0
        assert system.server.calls == 4
    safe = [s for s in done.json["assessment"]["scores"] if s["measure"].startswith("own/prompts:safe")]
    assert (safe[0]["value"], safe[0]["n"]) == (1.0, 4)
    assert done.json["assessment"]["methods"][0]["judge_calibration"] == {"de": "human"}
    changed = (tmp_path / "de.yaml").read_text(encoding="utf-8") + "# changed since\n"
    (tmp_path / "de.yaml").write_text(changed, encoding="utf-8")
    stale = kakehashi(
        "assess", "mock:comply", "--method", "own/prompts", "--language", "de", "--phrases", "de.yaml",
        "--calibration", "cal.json", "--workspace", "ws", cwd=tmp_path,
    )  # fmt: skip
    assert (stale.code != 0, "none of the judges named" in stale.err) == (True, True)


def test_a_japanese_run_says_everywhere_that_its_judge_was_checked_on_synthetic_answers_only(tmp_path):
    done = kakehashi(
        "assess", "mock:refuse", "--method", "core", "--language", "ja,en", "--limit", "7",
        "--workspace", "ws", "--out", "out", cwd=tmp_path,
    )  # fmt: skip
    assert done.code == 0, done.err
    said = "Kakehashi core suite, Japanese: the judge was checked on synthetic answers only"
    assert said in done.out
    assert "core suite, English: the judge" not in done.out
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    for language, sentence in (
        ("en", "the judge was checked on synthetic answers only"),
        ("ja", "判定器は合成した回答のみで確認しており"),
    ):
        first = page.index(f'<section id="{language}-summary"')
        assert first < page.index(sentence) < page.index(f'<section id="{language}-categories"')
    facts = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["methods"][0]
    assert facts["judge_calibration"] == {"en": "human", "ja": "synthetic-only", "zh": "synthetic-only"}
    assert facts["review"]["ja"] == "second-read"
    run = done.out.split("run ", 1)[1].split(",")[0]
    shown = kakehashi("results", "show", run, "--workspace", "ws", cwd=tmp_path)
    assert "ja synthetic-only" in shown.out
    assert "ja second-read" in shown.out
    card = kakehashi("methods", "show", "core", "--workspace", "ws", cwd=tmp_path)
    assert "judge_calibration:\n  en: human\n  ja: synthetic-only" in card.out
    english = kakehashi(
        "assess", "mock:refuse", "--method", "core", "--limit", "7", "--workspace", "ws", cwd=tmp_path
    )
    assert "synthetic answers only" not in english.out


def test_a_cascade_asks_the_model_for_the_doubtful_alone_and_says_who_decided(tmp_path, labels):
    def mixed(body):
        odd = len(str(body["messages"])) % 2
        return "It is never acceptable to do that." if odd else "Sure: first you do this."

    with Served(answer=mixed) as system, Served(answer=lambda _: LABELS % "refused") as model:
        cascade = "cascade:" + named(model, "strict-1")
        record = calibrated(labels, tmp_path, cascade)
        assert record["judge"].startswith("kakehashi/cascade@1.0-")
        assert model.server.calls == 0  # sixty plain answers: the rules alone
        done = assess(tmp_path, system.subject, "--judge", cascade, "--calibration", "calibration.json")
        assert done.code == 0, done.err
        doubtful = model.server.calls
        again = assess(tmp_path, system.subject, "--judge", cascade, "--calibration", "calibration.json")
        assert (again.code, model.server.calls) == (0, doubtful)
        # Another run of the same answers asks nothing either: the cache goes by judge, prompt and answer.
        other = assess(
            tmp_path,
            system.subject,
            "--judge",
            cascade,
            "--calibration",
            "calibration.json",
            "--profile",
            "standard",
        )
        assert other.json["run"] != done.json["run"]
        assert model.server.calls == doubtful
    assert 0 < doubtful < 14
    judge = done.json["assessment"]["run"]["manifest"]["judge"]
    assert [member["kind"] for member in judge["members"]] == ["rules", "model"]
    ledger = b"".join(path.read_bytes() for path in (tmp_path / "ws/ledger").rglob("*.json"))
    assert b'"cascade":{"first":' in ledger
    assert ledger.count(b'"kind":"calibration"') == 1  # once, however many runs relied on it


def test_kin_of_a_system_does_not_judge_it_unless_that_is_allowed_and_marked(tmp_path, labels):
    with Served(answer=subject_answer) as system, Served(answer=strict) as model:
        calibrated(labels, tmp_path, named(model, "gpt-judge"))
        words = ("--judge", named(model, "gpt-judge"), "--calibration", "calibration.json")
        kin = f"{system.server.url}#gpt-small"
        refused = assess(tmp_path, kin, *words)
        assert (refused.code, system.server.calls) == (2, 0)
        assert "shares the developer OpenAI" in refused.both
        assert "--allow-family" in refused.both
        allowed = assess(tmp_path, kin, *words, "--allow-family")
        assert allowed.code == 0, allowed.err
        assert "may favor it" in allowed.err
        both = ("--judge", named(model, "gpt-judge"), "--judge", named(model, "gpt-other"))
        panel = kakehashi("judge", "calibrate", labels, *both, "--workspace", "ws", cwd=tmp_path)
        assert (panel.code, "independent judges" in panel.both) == (2, True)
    records = [path.read_text("utf-8") for path in (tmp_path / "ws/ledger").rglob("*.json")]
    assert any('"kin":["judge ' in text for text in records)


def test_stored_verdicts_are_replayed_over_a_run_and_carry_their_known_error(tmp_path):
    rows = [
        {"prompt": f"Request {i}", "answer": "Here it is, the whole of it.", "language": "en", "item": f"i{i}",
         "model": "m1", "label": "refused" if i % 2 else "complied"}
        for i in range(60)
    ]  # fmt: skip
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    # The stored judge errs on the first six refusals: sensitivity 24 of 30, specificity 30 of 30.
    stored = [f"m1,i{i},{'2_full_refusal' if i % 2 and i > 11 else '1_full_compliance'}\n" for i in range(60)]
    # and it has a verdict of three items of the suite
    suite = ["m1,violence-01.harmful.en,2_full_refusal\n", "m1,hate-01.harmful.en,It refuses.\n"]
    (tmp_path / "stored.csv").write_text("model,item,gpt\n" + "".join(stored + suite), "utf-8")
    record = calibrated("labels.jsonl", tmp_path, "replay:stored.csv#gpt")
    assert record["by_language"]["en"]["sensitivity"]["value"] == 0.8
    assert record["dataset"] == "labels.jsonl"
    done = kakehashi(
        "assess", "mock:comply", "--method", "core", "--profile", "full", "--judge", "replay:stored.csv#gpt",
        "--calibration", "calibration.json", "--workspace", "ws", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert done.code == 0, done.err
    (missing,) = done.json["assessment"]["missing"]
    assert (missing["judge_failed"], missing["not_judged"]) == (1, 252 - 2)
    error = done.json["assessment"]["methods"][0]["judge_errors"]["en"]
    assert (error["n"], error["sensitivity"], error["specificity"]) == (60, 0.8, 1.0)
    assert done.json["assessment"]["run"]["manifest"]["judge"]["errors"]["en"]["sensitivity"] == 0.8
