"""``compare selective|groups|gap`` through the real command: outputs in both languages, files that cannot be used."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from commands import kakehashi, subject_file

from kakehashi.cli.main import cli
from kakehashi.errors import InputError
from kakehashi.work.reported import read_facts

HEAD = "model,method,value,std_error,publisher,developer,country,release_date,weights,endpoint\n"
PLACES = (
    *("USA", "USA", "United States of America", "China", "China", "China", "Japan", "France"),
    *("USA", "Multinational", "Hong Kong", "Taiwan"),
)
#: What no output may say, in either language; the guide to words.
NEVER = (
    *("safest", "dangerous country", "safety of country", "most secure", "ranking of countries"),
    *("rank 1", "best rank", "winner", "cherry-pick", "guilty", "dishonest"),
    *("最も安全", "最安全", "危険な国", "国別順位", "国別ランキング", "首位", "1位", "勝者"),
    *("いいとこ取り", "不正"),
)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Twelve developers with two models each by seven methods; Dev0 publishes the three it does best by."""
    rows = []
    for i, place in enumerate(PLACES):
        for m in range(2):
            for j in range(7):
                value = 0.3 + 0.02 * i + 0.1 * m + (0.5 - 0.1 * j if i == 0 else 0.03 * ((i * 5 + j * 3) % 7))
                tail = (
                    f"Dev{i},{place},202{3 + m}-0{1 + i % 9}-01,{'open' if (i + m) % 2 else 'API access'},API"
                )
                rows.append(f"model{i}{m},m{j},{value:.3f},0.02,lab,{tail}")
                if i == 0 and j < 3:
                    rows.append(f"model{i}{m},m{j},{value + 0.01 + 0.01 * m:.3f},0.02,Dev{i},{tail}")
    path = tmp_path_factory.mktemp("tables") / "scores.csv"
    path.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    return path


VERBS = {
    "selective": ["--seed", "1"],
    "groups": ["--method", "m0", "--by", "country"],
    "groups-weights": ["--method", "m0", "--by", "weights", "--value", "best"],
    "groups-developer": ["--method", "m1", "--by", "developer"],
    "gap": ["--method", "m0", "--method", "m1", "--first", "US", "--second", "CN"],
    "gap-weights": ["--method", "m0", "--by", "weights", "--first", "closed", "--second", "open"],
}


@dataclass(frozen=True)
class Printed:
    out: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture(scope="module")
def outputs(table):
    """Every verb in both languages, as text and as JSON; in this process, since there are many."""
    found = {}
    for name, options in VERBS.items():
        for language in ("en", "ja"):
            for form in ((), ("--json",)):
                words = ("compare", name.split("-")[0], str(table), *options, "--as-of", "2026-05-02")
                done = CliRunner().invoke(cli, [*words, "--lang", language, *form], catch_exceptions=False)
                assert done.exit_code == 0, done.output
                found[name, language, bool(form)] = Printed(done.output)
    return found


def test_no_output_says_what_must_never_be_said(outputs):
    for key, done in outputs.items():
        assert [word for word in NEVER if word in done.out.lower()] == [], key


def test_groups_stand_in_the_order_of_their_names_and_not_of_their_values(outputs):
    found = outputs["groups", "en", True].json["groups"]["groups"]
    titles = {"CN": "China", "EU": "EU", "HK": "Hong Kong", "JP": "Japan", "KR": "Korea", "TW": "Taiwan",
              "US": "United States", "joint": "several countries or regions"}  # fmt: skip
    assert [titles[g["name"]] for g in found] == sorted(titles.values())
    values = [g["estimate"]["value"] for g in found if g["estimate"]]
    assert len(values) == 2
    text = outputs["groups", "en", False].out
    assert "says nothing of their values" in text
    assert not re.search(r"(?m)^\s*(1|#1|first)[.):]", text)  # no numbering


def test_what_must_stand_beside_groups_stands_there(outputs):
    english, japanese = (outputs["groups", language, False].out for language in ("en", "ja"))
    for words in (
        *("By developer's country or region", "Language of the test: not stated", "as of 2026-05-02"),
        *(
            "Selection of models: not stated",
            "Japan: not shown, fewer than three developers",
            "Korea: no data",
        ),
        *("Hong Kong stands apart", "Taiwan stands apart", "without one developer", "open weights"),
        *("endpoint: API", "4 developers, 8 models"),
    ):
        assert words in english
    for words in (
        *("開発者の所在国・地域別", "試験の言語：記載なし", "モデルの選定方法：記載なし", "韓国：データなし"),
        *("日本：開発者が3者未満のため示さない", "香港は独立の群とする", "重み公開", "エンドポイント：API"),
        "開発者4者、モデル8件",
    ):
        assert words in japanese
    gap = outputs["gap", "en", False].out
    assert "not averaged" in gap
    assert "Japan: fewer than three developers, not shown" in gap
    assert gap.count("2026-05-02") == 2


def test_the_selection_is_found_with_explanations_and_a_right_of_reply(outputs, table):
    # of C(7,3) = 35 choices the one made is the best: p = 1/35
    found = outputs["selective", "en", True].json
    (test,) = found["selective"]["tests"]
    assert (test["vendor"], test["verdict"], test["p_value"]) == (
        "Dev0",
        "unusually-favourable",
        pytest.approx(1 / 35),
    )
    assert (test["n_measured"], test["n_published"], found["selective"]["smallest_n"]) == (7, 3, 6)
    assert found["contrast"]["n_pairs"] == 6
    english, japanese = (outputs["selective", language, False].out for language in ("en", "ja"))
    assert "unusually favourable selection" in english
    assert "not about anybody's intention" in english
    assert "Right of reply: no request to Dev0 is on record here (as of 20" in english
    assert "反論の機会：Dev0への照会の記録はない" in japanese
    assert (
        japanese.count("\n  - ") == english.count("\n  - ") == len(found["innocent_explanations"]["ja"]) >= 6
    )
    replies = table.parent / "replies.csv"
    replies.write_text(
        "organisation,asked,answered,text\nDev0,2026-05-03,2026-05-10,We publish those every year.\n"
    )
    done = kakehashi(
        "compare", "selective", table, "--as-of", "2026-05-02", "--replies", replies, cwd=table.parent
    )
    assert "asked on 2026-05-03 and answered on 2026-05-10: We publish those every year." in done.out


def test_json_and_sentences_hold_the_same_numbers_and_the_twin_gives_them_too(outputs, table):
    from kakehashi.compare import FactsRecord, sibling_gaps
    from kakehashi.work.reported import read_scores

    printed = outputs["gap", "en", True].json["gaps"]
    read = read_scores(table)
    twin = sibling_gaps(
        read.scores,
        FactsRecord(read.facts, "x", "2026-05-02"),
        methods=["m0", "m1"],
        first="US",
        second="CN",
        rng=0,
    )
    for method, one in zip(("m0", "m1"), twin, strict=True):
        assert [p["gap"] for p in printed[method]["points"]] == [
            None if p.status != "shown" else pytest.approx(p.gap) for p in one.points
        ]
        for point in one.points:
            if point.status == "shown":
                assert (
                    f"{point.date}: {point.gap:.3f} [{point.low:.3f}, {point.high:.3f}]"
                    in outputs["gap", "en", False].out
                )


def test_a_wide_table_and_a_record_apart_serve_as_well(tmp_path):
    (tmp_path / "wide.csv").write_text("model,q,r\n" + "".join(f"m{i},0.{i},\n" for i in range(1, 9)))
    models = [
        {"model": f"m{i}", "developer": f"D{i}", "country": "Japan" if i < 5 else ["China"]}
        for i in range(1, 9)
    ]
    record = {"format": "kakehashi.facts/1", "source": "made up", "as_of": "2026-01-01", "models": models}
    (tmp_path / "facts.yaml").write_text(json.dumps(record))
    done = kakehashi(
        "compare", "groups", "wide.csv", "--facts", "facts.yaml", "--method", "q", "--json", cwd=tmp_path
    )
    groups = {g["name"]: g for g in done.json["groups"]["groups"]}
    # .1, .2, .3, .4: mean .25
    assert groups["JP"]["estimate"]["value"] == pytest.approx(0.25)
    assert groups["US"]["status"] == "no-data"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("models: 3\n", ":3: 'models' is not a list"),
        # Norway's code is what YAML reads as false.
        ("models:\n  - {model: a, country: NO}\n", ":4: 'country' is read as False"),
        ("models:\n  - {model: a}\n  - {model: a}\n", ":5: 'a' stands twice"),
        ("models:\n  - {model: a, release_date: soon}\n", ":4: 'soon' is not a date"),
        ("as_of: 2026-01-02\nmodels: []\n", ":3: the key 'as_of' stands twice"),
    ],
)
def test_a_record_that_cannot_be_used_is_named_with_its_line(tmp_path, body, words):
    path = tmp_path / "facts.yaml"
    path.write_text("format: kakehashi.facts/1\nas_of: 2026-01-01\n" + body)
    with pytest.raises(InputError, match=re.escape(f"facts.yaml{words}")):
        read_facts(path)


GOOD = HEAD + "a,q,1,,lab,A,USA,2024-01-01,open,\nb,q,2,,lab,B,China,2024-02-01,open,\n"


@pytest.mark.parametrize(
    ("content", "options", "code", "words"),
    [
        (GOOD.replace("2024-02-01", "1 Feb 2024"), [], 3, ":3: '1 Feb 2024' is not a date"),
        (GOOD.replace("q,2", "q,inf"), [], 3, ":3: 'value' is infinite"),
        (GOOD.replace("q,2", "q,two"), [], 3, ":3: 'value' holds 'two', which is not a number"),
        (GOOD + GOOD.splitlines()[1].replace("q,1", "q,3") + "\n", [], 3, "two scores"),
        (GOOD + "a,q2,1,,lab,Z,USA,2024-01-01,open,\n", [], 3, "two entries for developers"),
        (GOOD[:-12], [], 3, "cells, but 10 columns"),
        (GOOD.replace("value", "score"), [], 3, "--column value=NAME"),
        (GOOD, ["--column", "value=score"], 3, "no column 'score'"),
        (GOOD, ["--column", "worth=value"], 2, "unknown meaning of a column"),
        ("", [], 3, "the table is empty"),
        (HEAD, [], 3, "no score in this table"),
        (GOOD.replace("lab", "l\udcffb"), [], 3, "not UTF-8"),
        (GOOD, ["--as-of", "soon"], 3, "--as-of 2026-05-02"),
        (GOOD, ["--lower", "zz"], 2, "unknown method: 'zz'"),
        (GOOD.replace("China", "USA"), [], 7, "all models are in one group"),
        (GOOD.replace("q,2", "q,1"), [], 7, "the same score"),
        (GOOD.replace("q,1", "q,nan").replace("q,2", "q,"), [], 3, "no score"),
    ],
)  # fmt: skip
def test_each_bad_table_gets_one_clear_error(tmp_path, content, options, code, words):
    path = tmp_path / "scores.csv"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    done = kakehashi(
        "compare", "groups", path, "--method", "q", "--as-of", "2026-01-01", *options, cwd=tmp_path
    )
    assert (done.code, words in done.err) == (code, True), done.err
    assert done.out == ""


def test_gaps_without_dates_or_shared_methods_say_so(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text(GOOD.replace("2024-01-01", "").replace("2024-02-01", ""))
    words = ["--as-of", "2026-01-01", "--json"]
    gap = kakehashi(
        "compare", "gap", path, "--method", "q", "--first", "US", "--second", "CN", *words, cwd=tmp_path
    )
    assert (gap.code, gap.json["diagnostic"]) == (7, "no-dates")
    none = kakehashi("compare", "selective", path, *words, cwd=tmp_path)
    assert (none.code, none.json["diagnostic"]) == (7, "no-first-party")
    path.write_text(GOOD.replace("a,q,1,,lab", "a,p,1,,A"))
    none = kakehashi("compare", "selective", path, *words, cwd=tmp_path)
    assert (none.code, none.json["diagnostic"]) == (7, "no-shared-methods")


def test_what_lint_sets_apart_on_import_is_set_apart_here_and_named(tmp_path):
    rows = "".join(f"m{i},q,0.{i},,lab,D{i},Japan,2024-01-0{i},open,\n" for i in range(1, 8))
    path = tmp_path / "scores.csv"
    path.write_text(HEAD + rows + "m8,q,-1,,lab,D8,Japan,2024-01-08,open,\n")
    words = (
        "compare",
        "groups",
        path,
        "--method",
        "q",
        "--by",
        "developer",
        "--as-of",
        "2026-01-01",
        "--json",
    )
    done = kakehashi(*words, cwd=tmp_path)
    # seven scores of .1 to .7 and a marker: the eighth developer has no score
    assert "1 numbers are set apart by lint (the first: line 9, sentinel: -1 among 7 values" in done.err
    assert [g["name"] for g in done.json["groups"]["groups"]] == [f"D{i}" for i in range(1, 8)]


def test_a_file_with_a_shipped_column_map_needs_no_columns_named(tmp_path):
    rows = [
        f"gpqa_diamond,v{i},Score,0.{i},0.01,2024-0{i}-01,Org{i},{'Japan' if i < 5 else 'China'},Open weights,\n"
        for i in range(1, 9)
    ]
    head = (
        "benchmark,model_version,score_column,score,stderr,release_date,organization,country,accessibility,"
    )
    head += "training_flop\n"
    (tmp_path / "epoch_benchmarks_long.csv").write_text(
        head + "".join(rows) + "gpqa_diamond,,Score,0.5,,,,,,\n"
    )
    words = ("--method", "gpqa_diamond", "--as-of", "2026-05-02", "--json")
    done = kakehashi("compare", "groups", "epoch_benchmarks_long.csv", *words, cwd=tmp_path)
    groups = {g["name"]: g for g in done.json["groups"]["groups"]}
    # .1, .2, .3, .4 and .5, .6, .7, .8
    assert groups["JP"]["estimate"]["value"] == pytest.approx(0.25)
    assert groups["CN"]["estimate"]["value"] == pytest.approx(0.65)
    assert "1 rows name no model" in done.err


def test_names_that_a_person_joined_are_joined_with_the_record_of_facts(tmp_path):
    (tmp_path / "s.csv").write_text("model,method,value\n" + "".join(f"m{i},q,0.{i}\n" for i in range(1, 9)))
    models = [
        {"model": f"org/m-{i}", "developer": f"D{i}", "country": "Japan" if i < 5 else "China"}
        for i in range(1, 9)
    ]
    record = {"format": "kakehashi.facts/1", "source": "made up", "as_of": "2026-01-01", "models": models}
    (tmp_path / "facts.json").write_text(json.dumps(record))
    words = (
        "compare",
        "groups",
        "s.csv",
        "--facts",
        "facts.json",
        "--method",
        "q",
        "--workspace",
        "ws",
        "--json",
    )
    apart = kakehashi(*words, cwd=tmp_path)
    assert apart.code == 7, apart.both
    decided = [word for i in range(1, 9) for word in ("--accept", f"m{i}=org/m-{i}")]
    assert kakehashi("results", "identify", *decided, "--workspace", "ws", cwd=tmp_path).code == 0
    groups = {g["name"]: g for g in kakehashi(*words, cwd=tmp_path).json["groups"]["groups"]}
    assert groups["JP"]["estimate"]["value"] == pytest.approx(0.25)


def test_a_foreign_log_serves_as_well_as_a_table(tmp_path):
    """Aggregates in Every Eval Ever's form name no developers: they come from the record."""
    folder = Path(__file__).resolve().parents[1] / "ledger" / "fixtures"
    record = {"format": "kakehashi.facts/1", "source": "made up", "as_of": "2026-01-01", "models": []}
    (tmp_path / "facts.json").write_text(json.dumps(record))
    words = ("--facts", "facts.json", "--json")
    done = kakehashi("compare", "selective", folder / "sums.eval", *words, cwd=tmp_path)
    assert (done.code, done.json["diagnostic"]) == (7, "no-first-party"), done.both
    broken = kakehashi(
        "compare", "selective", folder / "sums.eval", "--column", "model=x", *words, cwd=tmp_path
    )
    assert broken.code == 3


def test_a_run_of_the_ledger_serves_with_the_developers_that_its_systems_state(tmp_path):
    names = [
        subject_file(
            tmp_path, name=f"s{i}", endpoint="mock:refuse" if i % 2 else "mock:comply",
            developer=f"D{i}", weights="open" if i < 3 else "closed",
        )
        for i in range(6)
    ]  # fmt: skip
    done = kakehashi(
        "assess", *names, "--method", "core", "--limit", "5", "--workspace", "ws", "--json", cwd=tmp_path
    )
    assert done.code == 0, done.err
    method = "kakehashi/core:over-refusal-rate [en]"
    words = ("--method", method, "--by", "weights", "--value", "best", "--workspace", "ws", "--json")
    found = kakehashi("compare", "groups", done.json["run"], *words, cwd=tmp_path).json["groups"]
    # comply, refuse, comply against refuse, comply, refuse: 1/3 and 2/3 of the twins refused
    assert found["difference"]["value"] == pytest.approx(-1 / 3)
    assert [g["endpoints"] for g in found["groups"]] == [{"mock": 3}, {"mock": 3}]
    assert (found["settings"]["higher_is_better"], found["facts_source"]) == (False, done.json["run"])
    unknown = kakehashi("compare", "groups", "run-0", *words, cwd=tmp_path)
    assert (unknown.code, unknown.json["error"]) == (2, "UnknownNameError")
    absent = kakehashi("compare", "groups", "none.csv", *words, cwd=tmp_path)
    assert (absent.code, "no such file" in absent.json["message"]) == (3, True)
