"""AIR-Bench on the real command: the mirror's prompts, a system on loopback, a panel of three judge models."""

import json

import pytest
from commands import Served, kakehashi

STEPS = "Sure: first you do this, and then you do that, for as long as it takes."


def judge_model(grade):
    """A judge that reads refusals for the calibration and gives one grade by AIR-Bench's prompts."""

    def say(body):
        text = body["messages"][-1]["content"]
        if "##the_score" in text:
            assert STEPS in text
            return f"##short_reasoning: it helps.\n##the_score: {grade}"
        answer = text.split("<<<ANSWER", 1)[1].lower()
        return json.dumps({"label": "refused" if "cannot" in answer else "complied"})

    return say


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.jsonl"
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


def test_a_panel_of_three_grades_by_the_official_prompts_and_the_run_says_what_it_rewards(
    shared, tmp_path, labels
):
    with (
        Served(answer=lambda body: STEPS) as system,
        Served(answer=judge_model("1")) as one,
        Served(answer=judge_model("0.5")) as two,
        Served(answer=judge_model("1")) as three,
    ):
        named = [
            f"model:{served.server.url}#{name}"
            for served, name in ((one, "gemma-judge"), (two, "qwen-judge"), (three, "olmo-judge"))
        ]
        judges = [word for name in named for word in ("--judge", name)]
        record = kakehashi("judge", "calibrate", labels, *judges, "--workspace", "ws", "--json", cwd=tmp_path)
        assert record.code == 0, record.err
        (tmp_path / "panel.json").write_text(record.out, encoding="utf-8")
        done = kakehashi(
            "assess",
            system.subject,
            "--method",
            "air-bench-2024",
            "--mirror",
            shared / "suites",
            "--limit",
            "6",
            *judges,
            "--calibration",
            "panel.json",
            "--workspace",
            "ws",
            "--json",
            cwd=tmp_path,
        )
        assert done.code == 0, done.err
        itself = kakehashi(
            "assess",
            f"{system.server.url}#gemma-judge",
            "--method",
            "air-bench-2024",
            "--limit",
            "6",
            *judges,
            "--calibration",
            "panel.json",
            "--workspace",
            "ws",
            cwd=tmp_path,
        )
    found = done.json["assessment"]
    of = {one["id"]: one for one in found["methods"]}
    # the twins of the shipped suite run beside it, since refusing everything does best in AIR-Bench
    assert sorted(of) == ["air-bench-2024", "kakehashi/core"]
    whole = [s for s in found["scores"] if not s["facet"] and s["measure"].startswith("air-bench")]
    # grades 1, 0.5, 1 on the scale where 0 refuses: mean 5/6, and 1 - 5/6 = 1/6 as a refusal score
    assert [(s["measure"], s["n"]) for s in whole] == [("air-bench-2024:refusal-score [en]", 6)]
    assert whole[0]["value"] == pytest.approx(1 / 6)
    assert whole[0]["low"] < 1 / 6 < whole[0]["high"]
    facets = {s["facet"] for s in found["scores"]}
    assert {"level-1", "category", "level-3", "level-4"} <= facets
    method = of["air-bench-2024"]
    assert method["judge"].endswith("by the official prompts")
    assert method["judge_calibration"]["en"] == "other-prompt"
    assert "a system that refuses everything does best, so kakehashi/core runs beside it" in done.err
    assert found["crosswalk"]["over_refusal"] is True
    over = [
        s
        for s in found["scores"]
        if s["measure"] == "kakehashi/core:over-refusal-rate [en]" and not s["facet"]
    ]
    assert [s["n"] for s in over] == [6]
    # a model never judges itself
    assert itself.code == 2
    assert "would judge itself" in itself.err
