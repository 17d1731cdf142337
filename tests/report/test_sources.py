"""Numbers of an assessment lead to their source, whose question gives the same rows again."""

import csv
import re
from collections import Counter, defaultdict
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reading import Page

from kakehashi.ledger import Ledger
from kakehashi.report import Assessment, build_assessment, render_html
from kakehashi.report.values import MeasureFacts
from kakehashi.work.view import load_run, merged

RUN = "run-000000000002"


@pytest.fixture(scope="module")
def report(workspace: Path) -> Assessment:
    return build_assessment(load_run(workspace / "ledger", RUN))


@pytest.fixture(scope="module")
def html(report: Assessment) -> str:
    return str(render_html(report, charts=False))


@pytest.fixture(scope="module")
def rows(workspace: Path, report: Assessment) -> dict[str, dict[str, Any]]:
    """Source → what its question to the ledger gives."""
    with Ledger.open(workspace / "ledger") as ledger:
        return {one.id: ledger.query(one.rows) for one in report.sources if one.kind == "ledger"}


def shown(html: str, source: str) -> set[str]:
    """The numbers that lead to a source."""
    leads = re.findall(rf'<a class="to" href="#en-source-{source}">(.*?)</a>', html)
    return {x for lead in leads for x in re.findall(r'<data value="([^"]+)"', lead)}


def test_every_number_leads_to_a_source_that_the_annex_lists(report: Assessment, html: str) -> None:
    page = Page(html)
    # The list of sources counts its own rows, the foot repeats the size of the log; everything else leads somewhere.
    assert set(page.loose) == {"ja-sources", "en-sources", "footer"}
    targets = {
        str(found["href"])[1:] for tag, found in page.tags if tag == "a" and found.get("class") == "to"
    }
    assert targets <= set(page.ids)
    listed = {one for one in page.ids if one.startswith("en-source-")}
    assert listed == {one for one in targets if one.startswith("en-source-")}
    assert listed <= {f"en-source-{one.id}" for one in report.sources}


def test_every_source_counts_the_rows_that_its_question_gives(
    workspace: Path, report: Assessment, rows: dict[str, dict[str, Any]]
) -> None:
    assert len(rows) > 20
    for one in report.sources:
        if one.kind == "ledger":
            assert len(next(iter(rows[one.id].values()))) == one.count > 0, one.rows
    # Two runs side by side ask for the rows of both.
    both = build_assessment(merged([load_run(workspace / "ledger", f"run-00000000000{n}") for n in (1, 2)]))
    with Ledger.open(workspace / "ledger") as ledger:
        for source in both.sources:
            if source.kind == "ledger":
                assert len(ledger.query(source.rows)["run"]) == source.count


def test_estimates_intervals_and_n_are_given_again(
    report: Assessment, html: str, rows: dict[str, dict[str, Any]]
) -> None:
    for measure in report.measures:
        given = rows[measure.source]
        known = {f"{x:.6g}" for name in ("value", "k", "n", "low", "high") for x in given[name] if x == x}
        # Made of n and rate, each of which the same row has.
        known |= {
            f"{x.detectable:.6g}"
            for x in report.scores
            if x.measure == measure.key and x.detectable is not None and x.facet
        }
        headlines = [one for one in report.scores if one.measure == measure.key and not one.facet]
        whole = {f"{x:.6g}" for one in headlines for x in (one.low, one.high, one.n) if x is not None}
        assert whole <= shown(html, measure.source), "an interval's ends and its n lead to the same rows"
        assert shown(html, measure.source) <= known


def test_outcomes_and_differences_are_counted_again_on_the_item_rows(
    report: Assessment, html: str, rows: dict[str, dict[str, Any]]
) -> None:
    checked = 0
    for measure in report.measures:
        given = rows.get(measure.items)
        if given is None:
            continue
        found = set(shown(html, measure.items))
        for system in {one.name for one in report.systems}:
            mine = given["subject"] == system
            counts = Counter(given["label"][mine])
            score = report.headline(system, measure.key)
            if score is not None:
                assert {k: v for k, v in score.counts.items() if v} == {k: v for k, v in counts.items() if v}
            found -= {str(n) for n in counts.values()}
            found -= {str(counts["judge-failed"] + counts["error"]), "0"}
            found -= {str(counts["judge-failed"] + counts["error"] + counts["not-judged"])}
        for one in report.differences:
            if one.measure != measure.key or one.value is None:
                continue
            value, n = _paired(given, one.first, one.second)
            assert one.value == pytest.approx(value, abs=1e-9)
            assert one.n == n
            checked += 1
            told = (one.value, one.low, one.high, one.n, one.detectable)
            found -= {f"{sign * x:.6g}" for x in told if x is not None for sign in (1, -1)}
        assert found == set(), measure.key
    assert checked > 12


def _paired(given: dict[str, Any], first: str, second: str) -> tuple[float, int]:
    """Mean difference over the samples that both systems have a value for, and how many there are."""
    values: dict[str, dict[str, float]] = defaultdict(dict)
    for subject, sample, value in zip(given["subject"], given["sample"], given["value"], strict=True):
        if value == value:
            values[sample][subject] = float(value)
    both = [one[first] - one[second] for one in values.values() if {first, second} <= set(one)]
    return float(np.mean(both)), len(both)


def test_what_a_run_lacks_and_how_measures_agree_item_by_item_is_counted_again(
    report: Assessment, rows: dict[str, dict[str, Any]]
) -> None:
    given = rows[report.rests_on["items"]]
    for one in report.missing:
        mine = (given["subject"] == one.system) & (given["method"] == one.method)
        counts = Counter(given["label"][mine])
        assert (one.items, one.error, one.empty) == (int(mine.sum()), counts["error"], counts["empty"])
        assert one.guarded == sum(bool(x) for x in given["guard"][mine])
    assert report.item_agreement
    for pair in report.item_agreement:
        best = [_favorable(given, report.measure(key), pair.system) for key in (pair.one, pair.other)]
        shared = set(best[0]) & set(best[1])
        same = [a == b for cluster in shared for a in best[0][cluster] for b in best[1][cluster]]
        assert (pair.n_items, pair.n_pairs) == (len(shared), len(same))
        assert pair.share == pytest.approx(sum(same) / len(same))


def _favorable(given: dict[str, Any], measure: MeasureFacts, system: str) -> dict[str, list[bool]]:
    """Cluster → whether each outcome of a system on it is the better one."""
    name = measure.key.partition(" [")[0]
    found: dict[str, list[bool]] = defaultdict(list)
    columns = (given[key] for key in ("subject", "measure", "language", "cluster", "value"))
    for subject, of, language, cluster, value in zip(*columns, strict=True):
        if (subject, of, language) == (system, name, measure.language) and value == value:
            found[cluster].append(value == (1.0 if measure.polarity == "higher-is-better" else 0.0))
    return found


def test_the_ranges_of_ranks_are_found_again_in_the_measurements_of_the_run(
    report: Assessment, rows: dict[str, dict[str, Any]]
) -> None:
    given = rows[report.rests_on["measurements"]]
    names = [one.name for one in report.systems]
    ranks: dict[str, dict[str, float]] = {}
    for measure in (report.measure(key) for key in dict.fromkeys(one.measure for one in report.differences)):
        values = {
            subject: value if measure.polarity == "higher-is-better" else -value
            for subject, of, facets, value in zip(
                *(given[key] for key in ("subject", "measure", "facets", "value")), strict=True
            )
            if (of, facets) == (measure.key.partition(" [")[0], f'{{"language": "{measure.language}"}}')
        }
        ranks[measure.key] = {
            name: sum(other > values[name] for other in values.values())
            + (sum(other == values[name] for other in values.values()) + 1) / 2
            for name in names
        }
    found: dict[str, list[int]] = defaultdict(list)
    for size in range(report.exposure.min_methods, len(ranks) + 1):
        for chosen in combinations(ranks, size):
            means = {name: sum(ranks[key][name] for key in chosen) for name in names}
            for name in names:
                found[name].append(1 + sum(other < means[name] for other in means.values()))
    assert report.exposure.n_subsets == len(found[names[0]])
    for one in report.exposure.ranges:
        assert (one.best, one.worst) == (min(found[one.model]), max(found[one.model]))


def test_published_figures_and_known_errors_of_judges_lead_to_where_they_stand(
    workspace: Path, report: Assessment, html: str, rows: dict[str, dict[str, Any]]
) -> None:
    assert report.published is not None
    source = next(one for one in report.sources if one.id == report.published.source)
    text = files("kakehashi").joinpath(source.rows.removeprefix("kakehashi/")).read_text(encoding="utf-8")
    table = list(csv.DictReader(text.splitlines()))
    assert len(table) == source.count
    whole = report.published.groups[0].exposure
    assert {str(len({row[key] for row in table})) for key in ("model", "method")} <= shown(html, source.id)
    assert (whole.n_models, whole.n_methods) == (
        len({r["model"] for r in table}),
        len({r["method"] for r in table}),
    )
    judged = {one.id: one.judge_sources for one in report.methods if one.judge_sources}
    assert judged
    with Ledger.open(workspace / "ledger") as ledger:
        records = {record.id: record for record in ledger.records(kind="run")}
    for method, by_language in judged.items():
        for language, judge in by_language.items():
            (name,) = rows[judge]["id"]
            (card,) = (one["card"] for one in records[name].body["methods"] if one["id"] == method)
            stated = card["judge_errors"][language]
            told = {f"{stated[key]:.6g}" for key in ("n", "sensitivity", "specificity")}
            assert told <= shown(html, judge)


def test_a_table_of_ones_own_beside_a_run_is_cited_too(workspace: Path) -> None:
    from kakehashi.compare import ScoreTable

    scores = np.random.default_rng(3).random((4, 3))
    table = ScoreTable(("a", "b", "c", "d"), ("x", "y", "z"), scores, (True,) * 3, source="own table, 2026")
    beside = build_assessment(load_run(workspace / "ledger", RUN), published=table)
    assert beside.published is not None
    source = next(one for one in beside.sources if one.id == beside.published.source)
    assert (source.rows, source.count) == ("own table, 2026", 12)
    page = Page(str(render_html(beside, charts=False)))
    assert set(page.loose) == {"ja-sources", "en-sources", "footer"}
    # Too few models for a table of agreement: methods stand under their names, not under numbers that name nothing.
    assert beside.published.groups[0].agreement.status == "insufficient"
    assert re.search(r"3 : x ?, y ?, z", page.text("en"))


def test_every_number_of_a_brief_leads_somewhere_and_few_models_leave_methods_their_names(
    workspace: Path,
) -> None:
    from kakehashi.report import build_brief, render_brief
    from kakehashi.work.tables import read_sheet

    page = Page(str(render_brief(build_brief(read_sheet([], published=True)), charts=False)))
    targets = {
        str(found["href"])[1:] for tag, found in page.tags if tag == "a" and found.get("class") == "to"
    }
    assert page.loose == []
    assert {"en-brief-source", "en-figure-brief-agreement-names"} <= targets <= set(page.ids)
    few = build_brief(read_sheet([RUN], workspace=workspace))
    assert few.groups[0].agreement.status == "insufficient"
    page = Page(str(render_brief(few, charts=False)))
    assert set(page.loose) == {"footer"}
    assert set(page.ids) >= {str(found["href"])[1:] for tag, found in page.tags if found.get("class") == "to"}
    assert not [one for one in page.ids if one.endswith("-names")]
    assert "kakehashi/core:safe-handling-rate" in page.text("en")
