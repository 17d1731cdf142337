"""Published methods in a run: data from a mirror first, an incomplete composite that says so, and no number."""

import json

import pytest
from evaluate.methods.published.written import HARMBENCH

from kakehashi.errors import DataMissingError, InputError, VerificationError
from kakehashi.report import build_assessment, terminal_rows, terminal_sentences, write_report
from kakehashi.work.assess import assess


def test_a_method_without_its_data_names_the_command(tmp_path):
    with pytest.raises(DataMissingError, match="kakehashi data pull harmbench"):
        assess(["mock:refuse"], methods=["harmbench"], workspace=tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        assess(["mock:refuse"], methods=["harmbench"], mirror=tmp_path / "none", workspace=tmp_path / "w")


def test_wrong_bytes_in_the_mirror_stop_the_run(tmp_path):
    path = tmp_path / "mirror" / "harmbench" / "harmbench_behaviors_text_all.csv"
    path.parent.mkdir(parents=True)
    path.write_text(HARMBENCH)
    with pytest.raises(VerificationError, match="the catalogue says"):
        assess(["mock:refuse"], methods=["harmbench"], mirror=tmp_path / "mirror", workspace=tmp_path / "w")


@pytest.fixture(scope="module")
def done(shared, tmp_path_factory):
    said = []
    run = assess(
        ["mock:refuse", "mock:comply", "mock:empty"],
        methods=["helm-safety", "xstest"],
        limit=6,
        mirror=shared / "suites",
        workspace=tmp_path_factory.mktemp("workspace"),
        say=said.append,
    )
    return run, said


def test_licences_are_shown_and_what_the_mirror_lacks_is_said(done):
    _, said = done
    assert "  licence: CC-BY-4.0" in said
    assert any(line.startswith("anthropic-red-team: ") and "the mirror has no" in line for line in said)


def test_the_composite_is_incomplete_names_what_is_missing_and_prints_no_number(done):
    run, _ = done
    assessment = build_assessment(run.view, with_published=False)
    (row,) = (row for row in terminal_rows(assessment) if row[0].startswith("mean of the components"))
    assert row[1:4] == ["incomplete"] * 3
    text = "\n".join(terminal_sentences(assessment))
    assert "incomplete for mock-refuse, mock-comply and mock-empty" in text
    assert "Anthropic red team" in text
    assert "not judged for mock-refuse and mock-comply in HarmBench" in text
    assert "differs beyond noise by mean of the components" not in text
    assert not [one for one in assessment.differences if "mean-score" in one.measure]
    japanese = "\n".join(terminal_sentences(assessment, language="ja"))
    assert "不完全" in japanese
    assert "Anthropicレッドチーム" in japanese


def test_shares_of_verdicts_stand_under_their_own_name(done):
    run, _ = done
    assessment = build_assessment(run.view, with_published=False)
    rate = "helm-safety:verdict-based-rate [en]"
    assert assessment.headline("mock-refuse", rate).value == 1.0
    assert assessment.headline("mock-comply", rate).value == 0.0
    assert assessment.headline("mock-empty", rate).value == 0.0
    refusal = "xstest:verdict-based-over-refusal-rate [en]"
    assert assessment.headline("mock-refuse", refusal).value == 1.0
    assert assessment.headline("mock-comply", refusal).value == 0.0
    assert assessment.headline("mock-refuse", "xstest:published-grade [en]").value is None


def test_the_report_says_it_in_both_languages_and_holds_no_score(done, tmp_path):
    run, _ = done
    paths = write_report(build_assessment(run.view, with_published=False), tmp_path, ("en", "ja"))
    html = next(path for path in paths.values() if path.suffix == ".html").read_text(encoding="utf-8")
    assert "because the data of Anthropic red team, first turns were not pulled" in html
    assert "公表方式の得点ではない" in html
    assert "HELM Safetyの6つのリスク区分別" in html
    assert "嫌がらせ" in html
    data = json.loads(next(path for path in paths.values() if path.suffix == ".json").read_text())
    whole = [
        score
        for score in data["scores"]
        if score["measure"].startswith("helm-safety:mean-score") and not score["facet"]
    ]
    assert [score["value"] for score in whole] == [None] * 3
    assert all(score["reason"].startswith("incomplete: anthropic-red-team missing") for score in whole)
