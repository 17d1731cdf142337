"""Measures by hand, and the published figures again from the reference files."""

import json
from datetime import date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from kakehashi.cli.main import cli
from kakehashi.errors import InputError, KakehashiError
from kakehashi.index import assemble, datasets, import_file, load_measures
from kakehashi.index.datasets import latest_day

SHARED = Path(__file__).resolve().parents[3] / "shared" / "reference"
TODAY = date(2026, 11, 25)
UNITS = {one.id: one.unit for one in load_measures()}


VALUES = "measure,value,unit,as_of,source,n,low,high\n"


def put(workspace, path, kind, vintage, **more):
    return import_file(
        workspace / "index", path, kind, vintage=vintage, source="made up", today=TODAY, known=UNITS, **more
    )


def sheet(workspace, name, as_of="2026-11-25"):
    return next(one for one in assemble(workspace, as_of) if one.measure.id == name)


def table(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    return path


REGISTER = """id,opened,closed,severity
a,2026-01-01,2026-01-11,severe
b,2026-01-01,,minor
c,2026-01-21,,Critical
d,2026-01-30,2026-02-20,
e,2026-02-05,,severe
"""


def test_the_register_by_hand(tmp_path):
    put(tmp_path, table(tmp_path, REGISTER), "register", "2026-01-31")
    # on 2026-01-31: a is closed; b, c, d are open for 30, 10 and 1 days; e does not exist yet
    assert sheet(tmp_path, "open-cases").values[0].value == 3
    assert sheet(tmp_path, "median-days-open").values[0].value == 10
    # a, b and c have a severity, a and c are severe; d has none
    (share,) = sheet(tmp_path, "severe-share").values
    assert (round(share.value, 2), share.n, share.facets) == (66.67, 3, {"without severity": "1"})
    # Wilson for 2 of 3 with z = 1.96: centre (2/3 + z²/6)/(1 + z²/3) = 0.5730, half width 0.3654
    assert share.interval.low == pytest.approx(20.77, abs=0.02)
    assert share.interval.high == pytest.approx(93.85, abs=0.02)


def test_a_month_without_its_day_counts_from_its_last_day(tmp_path):
    rows = "id,opened,closed\na,2026-01-10,2026-01\n"
    path = table(tmp_path, rows)
    for vintage, still in (("2026-01-30", 1), ("2026-01-31", 0)):
        put(tmp_path / vintage, path, "register", vintage)
        assert sheet(tmp_path / vintage, "open-cases").values[0].value == still
    path = table(tmp_path, "system,audited,date\ns,yes,2026-01\n")
    for vintage, audited in (("2026-01-30", 0), ("2026-01-31", 100)):
        put(tmp_path / vintage, path, "audits", vintage)
        assert sheet(tmp_path / vintage, "audit-rate").values[0].value == audited


def test_evaluations_surveys_and_audits_by_hand(tmp_path):
    rows = 'model,developer,method,evaluator\nm1,A,x,A\nm1,A,y,B\nm1,A,z,A\nm2,"P,A",x,a\nm3,C,,\nm4,D,x,E\nm4,D,x,E\n'
    put(tmp_path, table(tmp_path, rows), "evaluations", "2026-01-31")
    found = {one.facets["rule"]: one.value for one in sheet(tmp_path, "evaluation-coverage").values}
    # of 4 models: m1, m2, m4 have a method; m1 has three; m1 and m4 have an evaluator of another name
    assert found == {"at least one method": 75, "at least three methods": 25, "an outside evaluator": 50}
    put(
        tmp_path,
        table(tmp_path, "system,audited,auditor,date\ns,yes,X,2026-01\nt,no,,\nu,no,,\nv,no,,\n"),
        "audits",
        "2026-01-31",
    )
    assert sheet(tmp_path, "audit-rate").values[0].value == 25
    put(
        tmp_path,
        table(tmp_path, "question,group,percent,n,date\nq,g,50,100,2026-01\n"),
        "survey",
        "2026-01-31",
    )
    (one,) = sheet(tmp_path, "perception-gap").values
    # Wilson for 50 of 100: 0.5 ± 1.96·sqrt(.25/100 + 1.96²/40000)/(1+1.96²/100) = 0.4038 to 0.5962
    assert (round(one.interval.low, 1), round(one.interval.high, 1), one.n) == (40.4, 59.6, 100)


def test_incidents_count_whole_months_and_years_only(tmp_path):
    rows = "incident_id,date\n1,2024-03-01\n2,2025-01-05\n3,2025-12-31\n4,2026-01-02\n5,2026-02-01\n"
    put(tmp_path, table(tmp_path, rows), "aiid", "2026-02-10", licence="CC-BY-SA-4.0")
    months = {one.as_of: one.value for one in sheet(tmp_path, "incidents-per-month").values}
    assert (months["2026-01"], months["2025-12"], months["2025-02"]) == (1, 1, 0)
    assert "2026-02" not in months
    years = {one.as_of: one.value for one in sheet(tmp_path, "incidents-per-year").values}
    assert years == {"2024": 1, "2025": 2}
    (growth,) = sheet(tmp_path, "incidents-growth").values
    assert (growth.value, growth.licence) == (100, "CC-BY-SA-4.0")
    assert not sheet(tmp_path, "incidents-per-year", "2026-02-09").values, "a later vintage does not enter"
    assert sheet(tmp_path, "severe-share").why_empty["ja"].startswith("公開スナップショットには")


def test_regions_of_few_developers_are_withheld_and_silent_ones_named(tmp_path):
    rows = "model,publication_date,organization,country\n"
    rows += (
        'a,2024-01-01,A,China\nb,2024-01-01,B,China\nc,2024-01-01,"C,D","China,United States of America"\n'
    )
    rows += "d,2024-05-05,E,Japan\ne,2024-05-05,F,A cell that was cut o\n"
    put(tmp_path, table(tmp_path, rows), "epoch-models", "2025-01-15")
    any_ = {
        one.facets["region"]: (one.value, one.n, one.reason.get("en"))
        for one in sheet(tmp_path, "notable-models-any").values
        if one.as_of == "2024"
    }
    few = "fewer than three developers: not shown"
    assert any_["CN"] == (3, 3, None)
    assert any_["US"] == (None, 1, few)
    assert any_["JP"] == (None, 1, few)
    assert any_["KR"] == (None, 0, "no data")
    assert any_["other"] == (None, 1, few)
    only = {
        o.facets["region"]: o.value
        for o in sheet(tmp_path, "notable-models-only").values
        if o.as_of == "2024"
    }
    assert only["CN"] is None, "two developers alone"


@pytest.mark.parametrize(("here", "utc"), [(26, 25), (25, 26)])
def test_a_morning_in_tokyo_and_an_evening_in_new_york_are_no_days_to_come(monkeypatch, here, utc):
    class Day(date):
        @classmethod
        def today(cls):
            return date(2026, 11, here)

    class Moment(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 11, utc, 23, 30, tzinfo=tz)

    monkeypatch.setattr(datasets, "date", Day)
    monkeypatch.setattr(datasets, "datetime", Moment)
    assert latest_day() == date(2026, 11, 26)


def test_work_of_several_countries_is_no_countrys_alone(tmp_path):
    rows = "model,publication_date,organization,country\n"
    rows += "".join(f"{name},2024-01-01,{name.upper()},Japan\n" for name in "abc")
    rows += 'd,2024-05-05,D,"Multinational,Japan"\n'
    put(tmp_path, table(tmp_path, rows), "epoch-models", "2025-01-15")
    found = {
        way: [
            (one.value, one.n)
            for one in sheet(tmp_path, f"notable-models-{way}").values
            if one.facets == {"year": "2024", "region": "JP"}
        ]
        for way in ("any", "only")
    }
    assert found == {"any": [(4, 4)], "only": [(3, 3)]}


def test_the_pace_is_the_median_between_records(tmp_path):
    rows = "Model,eci,eci_ci_low,eci_ci_high,date,Organization,Country (of organization)\n"
    rows += "a,10,,,2025-01-01,A,US\nb,9,,,2025-01-05,A,US\nc,11,,,2025-01-11,A,US\nd,12,,,2025-02-10,A,US\n"
    # a smaller sibling of the same day is no release of its own, and a month alone says no day
    rows += "e,11.5,,,2025-02-10,A,US\nf,20,,,2025-01,A,US\n"
    put(tmp_path, table(tmp_path, rows), "epoch-eci", "2025-03-01")
    assert sheet(tmp_path, "release-pace").values[0].value == 20  # of 10 and 30 days


@pytest.mark.parametrize(
    ("kind", "text", "row", "said"),
    [
        ("aiid", "incident_id,date\n1,2027-01-01\n", 2, "future"),
        ("aiid", "incident_id,date\n1,yesterday\n", 2, "no date"),
        ("aiid", "incident_id,date\n1,20250301\n", 2, "no date"),  # a date to Python, of no month of ours
        ("aiid", "incident_id,date\n1,2025-W09\n", 2, "no date"),
        ("aiid", "incident_id,date\n1,2024-01-01\n1,2024-01-02\n", 3, "twice"),
        ("aiid", "incident_id,day\n1,2024-01-01\n", 1, "lacks the column date"),
        ("aiid", 'incident_id,date\n1,"2024-01-01\n', 2, "not CSV"),
        ("aiid", "incident_id,date\n1,2024-01-01,x\n", 2, "3 cells"),
        ("register", "id,opened,closed\na,2024-02-01,2024-01-01\n", 2, "before it was opened"),
        ("values", "measure,value,unit,as_of,source\nopen-cases,3,furlongs,2024-01,x\n", 2, "unknown unit"),
        ("values", "measure,value,unit,as_of,source\nopen-case,3,count,2024-01,x\n", 2, "unknown measure"),
        ("values", "measure,value,unit,as_of,source\nopen-cases,nan,count,2024-01,x\n", 2, "not finite"),
        ("survey", "question,group,percent,n,date\nq,g,120,10,2024-01\n", 2, "outside 0 to 100"),
        ("survey", "question,group,percent,n,date\nq,g,12,10.5,2024-01\n", 2, "no whole number"),
        ("values", f"{VALUES}open-cases,3_0,count,2024-01,x,,,\n", 2, "no number"),
        ("values", f"{VALUES}open-cases,3,count,2024-01,x,-3,,\n", 2, "counts nothing"),
        ("values", f"{VALUES}open-cases,3,count,2024-01,x,,2,\n", 2, "one end"),
        ("values", f"{VALUES}open-cases,3,count,2024-01,x,,4,5\n", 2, "outside its interval"),
        ("aiid", "incident_id,date\n1,2024-01-\0\n", 2, "zero bytes"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line_and_nothing_is_written(tmp_path, kind, text, row, said):
    with pytest.raises(InputError) as caught:
        put(tmp_path, table(tmp_path, text), kind, "2024-06-01")
    assert f"t.csv:{row}: " in caught.value.message
    assert said in caught.value.message
    assert not list(tmp_path.glob("index/*"))


def test_cp932_and_a_byte_order_mark_are_read(tmp_path):
    text = "question,group,percent,n,date\n安全か,企業,50,10,2024-01\n"
    for encoding in ("cp932", "utf-8-sig"):
        made, _ = put(tmp_path, table(tmp_path, text, encoding), "survey", "2024-06-01")
        assert made.rows[0]["question"] == "安全か"
    with pytest.raises(InputError, match="zero bytes"):
        put(tmp_path, table(tmp_path, text, "utf-16"), "survey", "2024-06-01")


def test_a_damaged_set_is_one_error(tmp_path):
    _, path = put(tmp_path, table(tmp_path, "incident_id,date\n1,2024-01-01\n"), "aiid", "2024-06-01")
    path.write_text("{", encoding="utf-8")
    with pytest.raises(KakehashiError, match="damaged"):
        assemble(tmp_path, "2026-01-01")


def test_without_data_each_measure_has_a_value_or_a_reason_in_both_languages(tmp_path):
    for one in assemble(tmp_path, "2026-11-25"):
        assert bool(one.values) != bool(one.why_empty)
        for words in (one.measure.title, one.measure.formula, one.measure.caveat, one.agreement):
            assert set(words) == {"en", "ja"}
    (framework,) = sheet(tmp_path, "framework-publication").values
    assert (framework.value, framework.n, framework.as_of) == (12, 20, "2025-12")


def test_the_command_lists_shows_and_computes(tmp_path):
    def run(*words):
        return CliRunner().invoke(
            cli, ["index", *words, "--workspace", str(tmp_path)], catch_exceptions=False
        )

    shown = run("show", "notable-models-published", "--lang", "ja").output
    assert "開発者の所在国・地域別" in shown
    assert "注目モデルの一覧が取り込まれていない" in shown, "siblings stand beside it"
    assert len(json.loads(run("list", "--json").output)) == len(load_measures())
    out = str(tmp_path / "out")
    assert "wrote" in run("compute", "--as-of", "2025-12-31", "--out", out).output
    body = (tmp_path / "out" / "index.json").read_text("utf-8")
    assert "AI Index 2026, by" not in body, "an edition of later is not known then"


@pytest.mark.skipif(not SHARED.is_dir(), reason="no reference files")
def test_published_figures_again_from_the_reference_files(tmp_path):
    indicators = SHARED / "indicators"
    for name, kind, vintage in (
        ("epoch_notable_models_2025-03.csv", "epoch-models", "2025-03-16"),
        ("epoch_notable_models_2025-05.csv", "epoch-models", "2025-05-01"),
        ("epoch_benchmarks_by_country_2025-05.csv", "epoch-benchmarks", "2025-05-01"),
    ):
        put(tmp_path, indicators / name, kind, vintage)
    put(tmp_path, SHARED / "exchange" / "aiid" / "incidents.csv", "aiid", "2026-02-28")
    china = [
        (one.vintage, one.value)
        for name in ("notable-models-published", "notable-models-any")
        for one in sheet(tmp_path, name).values
        if one.facets["region"] == "CN" and one.as_of == "2024"
    ]
    # counted with a spreadsheet's filter: rows dated 2024 whose country cell holds "China"
    assert china == [("2025-04-07", 15), ("2025-03-16", 18), ("2025-05-01", 24)]
    assert "2024 China: 15 to 24 (5 values)" in sheet(tmp_path, "notable-models-any").agreement["en"]
    assert "2024年の中国：15～24（5件）" in sheet(tmp_path, "notable-models-any").agreement["ja"]
    said = sheet(tmp_path, "frontier-gap-points").agreement
    assert "; 31 December 2024: 0.3 (MMLU)" in said["en"]
    assert "。2024年12月31日：0.3（MMLU）" in said["ja"]
    gaps = sheet(tmp_path, "frontier-gap-points").values
    (gpqa,) = (o for o in gaps if o.facets["benchmark"].startswith("GPQA") and o.as_of == "2024-12-31")
    assert round(gpqa.value, 1) == 20.2  # o1 (2024-12-17) 76.77 minus DeepSeek-V3 (2024-12-26) 56.53
    put(tmp_path, indicators / "epoch_eci_scores_2026-02.csv", "epoch-eci", "2026-02-20")
    # days with a new record, LLaMA's of 2023-02-24 first: 13 steps of 7 to 352 days, the seventh of them 55
    assert [(o.value, o.n) for o in sheet(tmp_path, "release-pace", "2026-11-25").values] == [(55, 13)]
    years = {one.as_of: one.value for one in sheet(tmp_path, "incidents-per-year").values}
    assert (years["2023"], years["2024"], years["2025"]) == (168, 283, 370)  # grep -c of the date column
