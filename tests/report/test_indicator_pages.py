"""Which values of indicators a page shows: siblings of one period together, what is left out counted."""

import re
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest
from reading import Page

from kakehashi.index import Measure, MeasureSheet, MeasureValue
from kakehashi.model import Interval
from kakehashi.report import build_periodic, render_files
from kakehashi.report.pages.periodic import periodic_document
from kakehashi.report.periodic.families import chosen, in_families
from kakehashi.report.periodic.indicators import indicator_facts
from kakehashi.report.sources import Sources


def words(text):
    return {"en": text, "ja": f"和{text}"}


def value(measure, number, as_of, vintage="2026-02-01", **more):
    return MeasureValue(measure, number, as_of, vintage, "A source", "CC-BY-4.0", **more)


def sheet(name, siblings, *values, bounds="count", unit="count"):
    measure = Measure(
        name, "f", words(name), words("formula."), unit, (), words("caveat."), words("no data"), bounds
    )
    return MeasureSheet(measure, values, siblings, words("apart"), {})


def regions(measure, year, vintage, **counts):
    few = {"en": "fewer than three", "ja": "3者未満"}
    return [
        value(
            measure,
            number,
            year,
            vintage,
            facets={"year": year, "region": code},
            reason={} if number else few,
        )
        for code, number in counts.items()
    ]


#: Two siblings on models: one as printed, one counted from two vintages with more regions than a page can hold.
SHEETS = (
    sheet(
        "printed", ("counted",),
        value("printed", 15, "2024", facets={"region": "CN"}),
        value("printed", 30, "2025", facets={"region": "CN"}),
        bounds="stated",
    ),
    sheet(
        "counted", ("printed",),
        *regions("counted", "2023", "2025-03-16", CN=22, US=76, CA=4),
        *regions("counted", "2024", "2025-03-16", CN=18, US=42, JP=None, EU=None, KR=None, CA=None, GB=None),
        *regions("counted", "2024", "2025-05-31", CN=24, US=46, JP=None, EU=11, KR=None, CA=None, GB=None),
    ),
    sheet("monthly", (), *(value("monthly", i, f"2025-{i:02d}") for i in range(1, 13)),
          *(value("monthly", 20 + i, f"2026-{i:02d}") for i in range(1, 3))),
    sheet("growth", (), value("growth", 56.4, "2024", interval=Interval(27.4, 92.0, 0.95, "x")),
          bounds="estimate", unit="percent"),
)  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kakehashi.report.periodic.build.measure_sheets", lambda *_: SHEETS)
        patch.setattr("kakehashi.report.periodic.build._published", lambda *_: None)
        place = tmp_path_factory.mktemp("empty")
        return build_periodic("annual", as_of="2026-11-25", workspace=place, today=date(2026, 11, 25))


@pytest.fixture(scope="module")
def text(report):
    made = render_files(
        periodic_document(report), name="r", run="", made="2026-11-25", body={}, formats=("html",), charts=False
    )  # fmt: skip
    return str(made["r.html"])


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_all_siblings_of_the_newest_shared_period_are_chosen_whatever_their_vintage(report):
    family = in_families(report.indicators)[0]
    printed, counted = chosen(family)
    # 2024 is the newest year that both have; 2025, which one of them has, comes with it, 2023 does not fit any more
    assert [one.value for one in printed.values] == [15, 30]
    china = [one.value for one in counted.values if one.facets["region"] == "CN"]
    assert china == [18, 24], "the earlier vintage stands beside the later one"
    assert {one.as_of for one in counted.values} == {"2024"}
    assert len(counted.values) == 14


def test_older_periods_follow_whole_while_the_table_is_short(report):
    (monthly,) = chosen(in_families(report.indicators)[1])
    assert [one.as_of for one in monthly.values] == [f"2025-{i:02d}" for i in range(3, 13)] + [
        "2026-01",
        "2026-02",
    ]
    (alone,) = chosen(in_families(report.indicators)[1], most=0)
    assert [one.value for one in alone.values] == [22]


def test_a_sibling_without_the_period_gives_its_own_newest(report):
    printed, counted = in_families(report.indicators)[0]
    old = replace(printed, values=printed.values[:1])
    new = replace(counted, values=tuple(replace(one, as_of="2026") for one in counted.values))
    assert [len(one.values) for one in chosen([old, new])] == [1, 17]


def test_the_page_words_regions_says_what_is_left_out_and_tells_counts_from_unknown(page):
    en, ja = page.text("en"), page.text("ja")
    assert "China" in en
    assert "中国" in ja
    assert " CN " not in en + ja
    # 3 of 2023; Canada and the United Kingdom twice. Japan, the EU and Korea always stand there, withheld or not.
    assert "3 older values are left out" in en
    assert "4 values are withheld or missing and left out" in en
    assert "これより前の 3 件は省略した" in ja.replace("これより前の3件", "これより前の 3 件")
    assert "韓国" in ja
    assert "2 older values are left out" in en  # of 14 months 12 are shown
    assert "complete count" in en
    assert "全数" in ja
    assert "not stated" in en
    assert "記載なし" in ja
    assert page.numbers["en"]
    assert sorted(page.numbers["en"]) == sorted(page.numbers["ja"])


def test_what_is_left_out_and_how_far_siblings_agree_lead_to_the_question_that_shows_them(page, text, report):
    # The list of sources counts its own rows; the threshold of small cells stands where it is explained.
    assert {one.partition("-")[2] for one in page.loose} <= {"sources", "aggregates", ""}
    rows = {one.id: one.rows for one in report.sources}
    leads = re.findall(r'<a class="to" href="#en-source-(S\d+)">(.*?)</a>', text)
    for said in ("3", "4", "2", "apart"):
        shows = [rows[source] for source, words in leads if re.sub("<[^>]+>", "", words) == said]
        assert shows, said
        assert set(shows) <= {"kakehashi index show printed", "kakehashi index show monthly"}, said


def test_the_first_page_shows_an_interval_and_the_vintage_or_how_far_siblings_lie_apart(page):
    en = page.text("en")
    assert "growth: 56.4% [ 27.4 to 92.0% ] (as of 2024 ; vintage 1 February 2026 )" in en
    assert "several values. apart" in en


@pytest.mark.parametrize(
    ("opened", "open_", "severe", "shown"),
    [
        (40, 20, 12, True),
        (40, 3, 12, False),  # three are open
        (40, 37, 12, False),  # three are closed
        (40, 20, 27, False),  # 30 are graded: three are not severe
    ],
)
def test_a_small_count_of_ones_own_register_withholds_all_its_values(opened, open_, severe, shown):
    own = [
        replace(sheet(name, (), value(name, number, "2026-06-30", n=n), unit=unit), why_empty={})
        for name, unit, number, n in (
            ("open", "count", open_, opened),
            ("severe", "percent", 100 * severe / 30, 30),
            ("age", "days", 90.0, open_),
        )
    ]
    guarded = [replace(one, measure=replace(one.measure, inputs=("register",))) for one in own]
    public = sheet("public", (), value("public", 2, "2026-06-30", n=3))
    period = SimpleNamespace(enters=lambda day: True)
    found = indicator_facts([*guarded, public], period, Sources())
    assert [one.values[0].value is not None for one in found] == [shown, shown, shown, True]
    # Neither a share's interval nor the number of rows gives away what is withheld.
    assert shown or {(one.values[0].low, one.values[0].reason["en"]) for one in found[:3]} == {
        (None, "a small count: not shown")
    }
