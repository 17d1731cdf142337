"""Reports of a period: as of the day and no later, what the reader may see and no more, the same in both languages."""

import io
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import fixtures
import pypdf
import pytest
import workspaces
from reading import Page

from kakehashi.errors import FormatVersionError, InputError, UnknownNameError, UsageError
from kakehashi.exchange import make, sharing_marking
from kakehashi.ledger import Ledger
from kakehashi.model import Measurement
from kakehashi.report import Periodic, build_periodic, render_files
from kakehashi.report.pages.periodic import periodic_document
from kakehashi.report.periodic import period_of, read_settings
from kakehashi.work.view import RunView

TODAY = date(2026, 12, 31)
NOW = datetime.now(UTC).date().isoformat()


@pytest.fixture(scope="module")
def with_node(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    place = tmp_path_factory.mktemp("node")
    node, ids = workspaces.node_with_findings(place)
    node.store.close()
    return place, ids


def build(kind: str, place: Path, as_of: str = "2026-11-30", **more: object) -> Periodic:
    return build_periodic(kind, as_of=as_of, workspace=place, today=TODAY, **more)  # type: ignore[arg-type]


def rendered(
    report: Periodic, *formats: str, languages: tuple[str, ...] = ("ja", "en")
) -> Mapping[str, str | bytes]:
    return render_files(
        periodic_document(report),
        name="r",
        run="",
        made=report.period.as_of,
        body=report.to_json(),
        languages=languages,
        formats=formats,
        charts=False,
    )


@pytest.fixture(scope="module")
def annual(workspace: Path) -> Periodic:
    return build("annual", workspace)


@pytest.fixture(scope="module")
def pages(workspace: Path, annual: Periodic) -> dict[str, Mapping[str, str | bytes]]:
    """Every kind of report; PDF in Japanese: both languages go through the same writer, and test_formats reads both."""
    built = {kind: build(kind, workspace) for kind in ("monthly", "quarterly")} | {"annual": annual}
    return {
        kind: {**rendered(one, "html", "json", "csv"), **rendered(one, "pdf", languages=("ja",))}
        for kind, one in built.items()
    }


def test_nothing_later_than_the_day_enters(
    workspace: Path, runs: list[tuple[RunView, str, str]], annual: Periodic, tmp_path: Path
) -> None:
    # The same ledger before December was written: the report as of November cannot tell the two apart.
    early = tmp_path / "early"
    with Ledger.open(workspace / "ledger") as ledger:
        november = [r.id for r in ledger.records() if r.text("run").endswith(("1", "2"))]
        size = len(november)
    workspaces.add_runs(early, runs[:2])
    then, now = build("annual", early), annual
    assert then == now
    assert (now.ledger.tree_size, now.ledger.run_count) == (size, 2)
    assert "run-000000000003" not in now.to_json()
    with Ledger.open(early / "ledger") as ledger:
        assert ledger.root().root_hex == now.ledger.root
    assert build("monthly", workspace, "2026-12-31").ledger.run_count == 3


def test_a_later_retraction_does_not_reach_back(workspace: Path, tmp_path: Path) -> None:
    import shutil

    place = tmp_path / "copy"
    shutil.copytree(workspace, place)
    before = build("monthly", place)
    with Ledger.open(place / "ledger", write=True) as ledger:
        run = next(r for r in ledger.records(kind="run") if r.text("run").endswith("2"))
        ledger.retract(run.id, "wrong weights")  # dated today, by the clock
    today = max(NOW, "2026-12-01")
    assert build("monthly", place, "2026-11-22") == build("monthly", workspace, "2026-11-22")
    assert before.ledger.run_count == 2
    after = build_periodic("monthly", as_of=today, workspace=place, today=date.fromisoformat(today))
    assert after.ledger.hidden > 0


def test_every_number_of_a_measure_is_given_again_by_its_question(workspace: Path, annual: Periodic) -> None:
    report = annual
    sources = {one.id: one for one in report.sources}
    assert len(report.ledger.measures) > 5
    with Ledger.open(workspace / "ledger") as ledger:
        for one in report.ledger.measures:
            source = sources[one.source]
            rows = ledger.query(source.rows)
            assert len(rows["value"]) == source.count == one.numbers + one.parts
            assert set(rows["record"]) == set(source.records)
            whole = [
                value
                for value, facets in zip(rows["value"], rows["facets"], strict=True)
                if set(json.loads(facets)) <= {"language"} and value == value
            ]
            assert {one.low, one.high} <= set(whole)


@pytest.mark.parametrize("kind", ["monthly", "quarterly", "annual"])
def test_every_source_in_the_ledger_counts_the_rows_that_its_question_gives(
    workspace: Path, kind: str
) -> None:
    report = build(kind, workspace)
    asked = [one for one in report.sources if one.kind == "ledger"]
    assert len(asked) > 4
    with Ledger.open(workspace / "ledger") as ledger:
        for one in asked:
            rows = len(next(iter(ledger.query(one.rows).values())))
            assert (one.rows, rows) == (one.rows, one.count)


@pytest.mark.parametrize("kind", ["monthly", "quarterly", "annual"])
def test_every_count_of_the_first_page_leads_to_its_rows(
    pages: dict[str, Mapping[str, str | bytes]], kind: str
) -> None:
    html = str(pages[kind]["r.html"])
    start = html.index('id="en-summary"')
    first = html[start : html.index('<nav class="contents"', start)]
    cited = re.sub(r'<a class="to".*?</a>', "", first, flags=re.DOTALL)
    assert first.count("<data") > 4
    assert cited.count("<data") == 0


def test_a_repeated_measurement_is_held_against_the_one_before(workspace: Path) -> None:
    report = build("monthly", workspace)
    assert {one.first_run for one in report.ledger.repeats} == {"run-000000000001"}
    assert {one.verdict for one in report.ledger.repeats} <= {"replicated", "not-replicated", "undecided"}
    for one in report.ledger.repeats:
        # The interval of the difference holds later minus earlier.
        if one.difference is not None and one.low is not None and one.high is not None:
            assert one.difference == pytest.approx(one.second - one.first, abs=1e-9)
            assert one.low - 1e-9 <= one.difference <= one.high + 1e-9
    assert report.ledger.conflicts  # bare and primed trade safe handling for over-refusal
    disagreements = Page(str(rendered(report, "html")["r.html"])).text("ja")
    assert "安全応答率、英語（" in disagreements


@pytest.mark.parametrize("kind", ["monthly", "quarterly", "annual"])
def test_numbers_and_dates_in_japanese_equal_those_in_english_in_every_format(
    pages: dict[str, Mapping[str, str | bytes]], kind: str
) -> None:
    page = Page(str(pages[kind]["r.html"]))
    assert page.wrong == []
    assert len(set(page.ids)) == len(page.ids)
    assert Counter(page.numbers["ja"]) == Counter(page.numbers["en"])
    assert page.dates["ja"] == page.dates["en"]
    assert page.digits("ja") == page.digits("en")
    data = bytes(pages[kind]["r.ja.pdf"])  # type: ignore[arg-type]
    texts = ["".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(data)).pages)]
    texts += [page.text("ja"), page.text("en")]
    decimals = [set(re.findall(r"\d+\.\d%", re.sub(r"\s", "", text))) for text in texts]
    assert decimals[0] == decimals[1] == decimals[2]


@pytest.mark.parametrize("kind", ["monthly", "quarterly", "annual"])
def test_every_link_within_the_page_leads_somewhere_and_cited_numbers_reach_a_source(
    pages: dict[str, Mapping[str, str | bytes]], kind: str
) -> None:
    page = Page(str(pages[kind]["r.html"]))
    targets = [
        str(found["href"])[1:] for tag, found in page.tags if tag == "a" and str(found.get("href"))[0] == "#"
    ]
    assert len([one for one in targets if "-source-S" in one]) > 8
    # The list of sources counts its own rows; the threshold of small cells stands where it is explained.
    assert set(page.loose) <= {f"{x}-{name}" for x in ("ja", "en") for name in ("sources", "aggregates")} | {
        "footer"
    }
    assert [one for one in page.loose if one.endswith("-aggregates")] == (
        ["ja-aggregates", "en-aggregates"] if kind != "monthly" else []
    )
    assert set(targets) - set(page.ids) == set()
    values = json.loads(str(pages[kind]["r.json"]))
    listed = {one for one in page.ids if one.startswith("en-source-")}
    assert listed <= {f"en-source-{one['id']}" for one in values["sources"]}
    assert listed <= set(targets)


def test_headings_stand_in_order_and_heads_of_tables_have_a_scope(
    pages: dict[str, Mapping[str, str | bytes]],
) -> None:
    for found in pages.values():
        html = str(found["r.html"])
        levels = [int(tag[1]) for tag, _ in Page(html).tags if re.fullmatch(r"h[1-6]", tag)]
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
        assert all("scope" in attributes for tag, attributes in Page(html).tags if tag == "th")
        assert "<script" not in html
        assert "prefers-color-scheme: dark" in html


def test_the_first_page_is_for_a_reader_and_the_root_stands_in_the_annex(
    pages: dict[str, Mapping[str, str | bytes]],
) -> None:
    for kind, found in pages.items():
        html = str(found["r.html"])
        first = html[
            html.index('id="en-summary"') : html.index('<nav class="contents"', html.index('id="en-summary"'))
        ]
        root = json.loads(str(found["r.json"]))["ledger"]["root"]
        assert len(root) == 64
        assert root not in first
        assert root in html
        assert not re.search(r"tau|Kendall|Krippendorff|Merkle", first), kind


def test_the_reports_ledger_is_what_verify_reads(workspace: Path, tmp_path: Path) -> None:
    report = build("monthly", workspace)
    for name, text in rendered(report, "html", "json").items():
        (tmp_path / name).write_text(str(text), encoding="utf-8")
        with Ledger.open(workspace / "ledger") as ledger:
            assert ledger.verify(tmp_path / name).ok


def test_the_same_workspace_and_day_give_the_same_bytes(
    workspace: Path, pages: dict[str, Mapping[str, str | bytes]]
) -> None:
    report = build("monthly", workspace)
    again = {**rendered(report, "html", "json", "csv"), **rendered(report, "pdf", languages=("ja",))}
    assert [name for name in again if again[name] != pages["monthly"][name]] == []


def test_no_answer_of_a_model_is_printed(pages: dict[str, Mapping[str, str | bytes]]) -> None:
    assert all("harmful request" not in str(found["r.json"]) for found in pages.values())


def test_a_bulletin_holds_what_its_reader_may_see_and_no_more(with_node: tuple[Path, dict[str, str]]) -> None:
    place, ids = with_node

    def seen(**reader: str) -> set[str]:
        report = build_periodic("monthly", as_of=NOW, workspace=place, **reader)  # type: ignore[arg-type]
        text = report.to_json() + "".join(str(one) for one in rendered(report, "html").values())
        return {name for name, ref in ids.items() if ref in text or f"weakness for {name}" in text}

    assert seen() == set()  # TLP:CLEAR
    assert seen(clearance="green") == seen(clearance="amber") == {"shared", "alone"}
    assert seen(member="Institute B") == {"shared", "alone", "amber"}
    assert seen(member="Institute C") == {"shared", "alone", "red"}
    with pytest.raises(UnknownNameError, match="Institute"):
        seen(member="Institute D")


def test_a_number_that_is_marked_above_the_reader_does_not_enter(tmp_path: Path) -> None:
    view = fixtures.run_view(
        fixtures.demo_systems()[:1], (fixtures.PRIMED,), limits={"kakehashi/core": 7, "kakehashi/facts": 7}
    )

    def marked(index: int, m: Measurement) -> Measurement:
        marks = {0: ("TLP:AMBER",), 1: ("TLP:GREEN",), 2: ("internal",)}.get(index, ())
        return replace(m, provenance=replace(m.provenance, markings=marks))

    numbers = tuple(marked(index, m) for index, m in enumerate(view.measurements))
    workspaces.add_runs(
        tmp_path, [(replace(view, measurements=numbers), "run-000000000001", "2026-11-20T10:00:00Z")]
    )
    counted = {
        level: build("monthly", tmp_path, clearance=level).ledger.numbers
        for level in ("clear", "green", "red")
    }
    # Of n numbers one each is AMBER, GREEN and marked with a word that is no level: that one no report shows.
    n = len(numbers)
    assert counted == {"clear": n - 3, "green": n - 2, "red": n - 1}
    with pytest.raises(UnknownNameError, match="member"):
        build("monthly", tmp_path, member="Institute B")


def test_what_is_embargoed_until_tonight_is_not_in_todays_bulletin(tmp_path: Path) -> None:
    node, _ = workspaces.node_with_findings(tmp_path)
    tonight = datetime.now(UTC).replace(hour=23, minute=59, second=59)
    held = sharing_marking(embargo_until=tonight, creator=node.owner)
    secret = make("vulnerability", level="green", markings=[held["id"]], creator=node.owner, name="held back")
    receipt = node.store.post(node.me(), node.collection("findings").id, [held, secret])
    assert [one.failure for one in receipt.outcomes] == [None, None]
    node.store.close()
    report = build_periodic("monthly", as_of=NOW, workspace=tmp_path, clearance="green")
    assert {one.title for one in report.exchange.records} == {"weakness 1", "weakness 2"}
    assert "held back" not in report.to_json()


def test_what_came_into_the_node_after_the_day_does_not_enter(with_node: tuple[Path, dict[str, str]]) -> None:
    place, _ = with_node
    report = build_periodic("monthly", as_of="2026-01-31", workspace=place, clearance="green")
    assert report.exchange.records == ()
    assert report.exchange.findings == ()


def test_findings_of_one_institute_are_open_and_two_that_differ_disagree(
    with_node: tuple[Path, dict[str, str]],
) -> None:
    place, ids = with_node
    report = build_periodic("monthly", as_of=NOW, workspace=place, clearance="green")
    states = {one.id: (one.status, one.institutes) for one in report.exchange.findings}
    # Wilson's 95% intervals by hand: 18 of 20 gives 69.9 to 97.2%, 2 of 20 gives 2.8 to 30.1%: apart.
    assert states == {
        ids["shared"]: ("disagree", ("Institute A", "Institute B")),
        ids["alone"]: ("open", ("Institute A",)),
    }
    rate = next(one.rates[0] for one in report.exchange.findings if one.status == "open")
    assert [round(x, 3) for x in rate[3:]] == [0.699, 0.972]


def test_a_brief_counts_everything_and_withholds_what_is_small(
    with_node: tuple[Path, dict[str, str]],
) -> None:
    place, ids = with_node
    report = build_periodic("quarterly", as_of=NOW, workspace=place)
    (table,) = report.aggregates
    # 4 vulnerabilities and 3 sightings: all but green's total of 5 and the whole of 7 is small.
    assert table.rows == ("sighting", "vulnerability")
    assert all(cell in (None, 0, 5, 7) for row in table.cells for cell in row)
    page = str(rendered(report, "html")["r.html"])
    assert not any(ref in page for ref in ids.values())
    assert "weakness" not in page


def test_an_empty_workspace_gives_reports_that_say_so(tmp_path: Path) -> None:
    for kind in ("monthly", "quarterly", "annual"):
        page = Page(str(rendered(build(kind, tmp_path / "none"), "html")["r.html"]))
        assert "The workspace has no ledger" in page.text("en")
        assert "作業領域に台帳がない" in page.text("ja")
        assert {one.partition("-")[2] for one in page.loose} <= {"sources", "aggregates"}


def test_a_record_of_developers_gives_the_comparison_and_names_the_regions_without_data(
    workspace: Path, tmp_path: Path
) -> None:
    facts = tmp_path / "facts.yaml"
    models = [
        {"model": f"smollm2-{name}", "developer": developer, "country": country}
        for name, developer, country in (
            ("bare", "A", "France"),
            ("primed", "B", "Japan"),
            ("filtered", "C", "Japan"),
        )
    ]
    body = {"format": "kakehashi.facts/1", "source": "made up", "as_of": "2026-11-01", "models": models}
    facts.write_text(json.dumps(body), encoding="utf-8")
    report = build("annual", workspace, facts=facts)
    groups = {g.region["en"]: g.status for g in report.comparisons[0].groups}
    assert groups["Japan"] == groups["EU"] == "too-few-developers"
    assert groups["China"] == groups["United States"] == "no-data"
    assert all(g.value is None for g in report.comparisons[0].groups)
    text = Page(str(rendered(report, "html")["r.html"])).text("ja")
    assert "3者未満のため示さない" in text
    assert (
        build("annual", workspace, "2026-10-31", facts=facts).comparisons == ()
    )  # the record is of a later day


def test_indicators_stand_with_their_siblings_in_their_units_and_the_empty_ones_with_their_reason(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace as Sheet

    def words(text: str) -> dict[str, str]:
        return {"en": text, "ja": f"和{text}"}

    def sheet(name: str, unit: str, siblings: tuple[str, ...], *values: Sheet) -> Sheet:
        measure = Sheet(
            id=name, family="f", title=words(name), formula=words("formula"), unit=unit, inputs=(),
            caveat=words("caveat"), why_empty=words(f"no data on {name}"), bounds="count",
        )  # fmt: skip
        empty = {} if values else measure.why_empty
        return Sheet(
            measure=measure, values=values, siblings=siblings, agreement=words("apart"), why_empty=empty
        )

    def at(number: float, vintage: str, **more: object) -> Sheet:
        given = {"interval": None, "n": 3, "facets": {}, "newer": "", "reason": {}, "bounds": ""} | more
        return Sheet(
            value=number, as_of="2024", vintage=vintage, source="A source", licence="CC-BY-4.0", **given
        )

    sheets = (
        sheet("growth", "percent", ("months-behind",), at(56.4, "2025-04-07", newer="2026")),
        sheet("perception-gap", "points", ()),
        sheet("months-behind", "months", ("growth",), at(7.5, "2026-02-01"), at(9.0, "2026-12-15")),
    )
    monkeypatch.setattr("kakehashi.report.periodic.build.measure_sheets", lambda *_: sheets)
    report = build("quarterly", workspace)
    assert [[one.value for one in found.values] for found in report.indicators] == [[0.564], [], [7.5]]
    page = Page(str(rendered(report, "html")["r.html"]))
    assert "56.4%" in page.text("ja")
    assert "7.5 months" in page.text("en")
    assert "7 April 2025 (a newer edition is known: 2026 )" in page.text("en")
    assert "perception-gap: no data on perception-gap" in page.text("en")
    assert (
        page.text("en").count("How far these indicators agree: apart") == 1
    )  # one table for the two siblings
    assert Counter(page.numbers["ja"]) == Counter(page.numbers["en"])


def test_periods_begin_where_the_schedule_says(tmp_path: Path) -> None:
    (tmp_path / "reports.yaml").write_text(
        "format: kakehashi.reports/1\nmonthly: {months: 2}\nyear_starts: 4\nsmall_cell: 10\nclearance: green\n"
    )
    settings = read_settings(tmp_path)
    assert (settings.cadences["monthly"].months, settings.small_cell, settings.clearance) == (2, 10, "green")
    report = build("monthly", tmp_path, "2026-11-15")
    assert (report.period.start, report.made_for) == ("2026-10-01", "green")
    assert period_of("annual", "2026-03-31", months=12, year_starts=4, today=TODAY).start == "2025-04-01"


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("format: kakehashi.reports/2\n", FormatVersionError, "reports/2"),
        ("months: 3\n", InputError, ":1: its format is not"),
        ("format: kakehashi.reports/1\nweekly: {months: 1}\n", InputError, ":2: weekly"),
        ("format: kakehashi.reports/1\nmonthly: {months: 0}\n", InputError, ":2: monthly.months"),
        ("format: kakehashi.reports/1\n\nsmall_cell: 1\n", InputError, ":3: small_cell"),
        ("format: kakehashi.reports/1\nsmall_cell: 5\nsmall_cell: 2\n", InputError, ":3: .*stands twice"),
        ("format: kakehashi.reports/1\nclearance: secret\n", InputError, ":2: clearance"),
        ("format: kakehashi.reports/1\nfacts: none.yaml\n", InputError, ":2: facts: 'none.yaml' is no file"),
        ("format: [\n", InputError, ":2: not YAML"),
    ],
)
def test_a_schedule_that_cannot_be_used_is_one_clear_error(
    tmp_path: Path, text: str, error: type[Exception], words: str
) -> None:
    (tmp_path / "reports.yaml").write_text(text)
    with pytest.raises(error, match=words):
        read_settings(tmp_path)


def test_a_day_that_is_none_or_still_to_come_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="still to come"):
        build("monthly", tmp_path, "2027-01-01")
    with pytest.raises(UsageError, match="not a day"):
        build("monthly", tmp_path, "November")


def test_the_command_writes_what_is_asked_for_and_names_what_is_wrong(
    workspace: Path, tmp_path: Path
) -> None:
    from click.testing import CliRunner

    from kakehashi.cli.report import report

    def run(*words: str) -> tuple[int, str, BaseException | None]:
        done = CliRunner().invoke(
            report, [*words, "--workspace", str(workspace), "--out", str(tmp_path / "o")]
        )
        return done.exit_code, done.output, done.exception

    code, output, _ = run(
        "monthly", "--as-of", "2026-11-01", "--format", "html,json,csv", "--lang", "ja", "--json"
    )
    assert (code, set(json.loads(output))) == (0, {"monthly.html", "monthly.json", "monthly.ja.csv"})
    assert json.loads((tmp_path / "o" / "monthly.json").read_text("utf-8"))["period"]["as_of"] == "2026-11-01"
    assert isinstance(run("monthly", "--as-of", "2999-01-01")[2], UsageError)
    assert isinstance(run("annual", "--as-of", "2026-11-01", "--format", "odt")[2], UnknownNameError)
    code, output, _ = run("quarterly", "--as-of", "2026-11-01", "--member", "x", "--clearance", "red")
    assert code == 2
    assert "give one of them" in output
