"""``compare`` on files, runs, queries and the shipped table, through the real command."""

import csv
import json
import re
from importlib.resources import files
from pathlib import Path

import pytest
from commands import kakehashi

SHARED = Path(__file__).resolve().parents[3] / "shared" / "reference" / "results" / "safetywashing_chat.csv"
FORBIDDEN = re.compile(
    r"safest|most secure|dangerous country|最も安全|安全率|露出|いいとこ取り", re.IGNORECASE
)

MAP = """format: kakehashi.columns/1
title: the shipped table, laid out wide
shape: wide
source: shipped@1
subject: model
higher_is_better: true
created: "2024-08-21"
citation: A paper (2024)
constructs: {"HarmBench-*": attack-robustness, rules_redteam: rule-following, cyberseceval2_mitre: cyber-misuse,
  cyberseceval2_prompt_injection: prompt-injection, decodingtrust_adv_demonstration: adversarial-text}
population: {en: open-weight models, ja: 重み公開モデル}
selections:
  jailbreaks: {en: jailbreak, ja: 脱獄, measures: [HarmBench-DirectRequest-all, HarmBench-HumanJailbreaks-all,
    HarmBench-TAP-T-all, HarmBench-GCG-T-all]}
"""


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Path:
    """The shipped table as a foreign wide CSV with a column map of its own."""
    folder = tmp_path_factory.mktemp("wide")
    text = files("kakehashi").joinpath("data/safetywashing_robustness.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    methods = list(dict.fromkeys(row["method"] for row in rows))
    cells = {(row["model"], row["method"]): row["value"] for row in rows}
    with (folder / "board.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["model", *methods])
        for model in dict.fromkeys(row["model"] for row in rows):
            writer.writerow([model, *(cells.get((model, method), "") for method in methods)])
    (folder / "map.yaml").write_text(MAP, encoding="utf-8")
    return folder


def test_the_shipped_table_prints_what_a_policy_reader_needs(tmp_path):
    done = kakehashi("compare", "brief", "--published", cwd=tmp_path)
    assert done.code == 0, done.both
    first = done.out.splitlines()[0]
    assert first.startswith(
        "8 robustness methods of 5 different constructs, 26 open-weight models of 2023 and 2024"
    )
    assert "11 of 26 could be shown first" in first
    assert "within the 4 methods of one construct (robustness to attacks) 4" in first
    noise = re.search(r"from noise alone it would be about ([\d.]+) .* to ([\d.]+) \(unrelated", first)
    assert noise is not None
    # Simulated elsewhere by hand with 2,000 tables: 7.4 and 14.7; here 200 tables.
    assert abs(float(noise[1]) - 7.4) < 1
    assert abs(float(noise[2]) - 14.7) < 1
    assert "Kendall's W is 0.359 and mean tau 0.212; 7 of 28 pairs" in done.out
    assert "15 of 26 systems can be shown first by no such choice" in done.out
    head, *rows = [line.split("\t") for line in done.out.splitlines() if "\t" in line]
    assert len(rows) == 11
    assert all(int(row[head.index("Worst rank")]) > 1 for row in rows)
    assert not FORBIDDEN.search(done.both)


def test_the_same_in_japanese(tmp_path):
    done = kakehashi("compare", "brief", "--published", "--lang", "ja", "--out", "out", cwd=tmp_path)
    first = done.out.splitlines()[0]
    assert first.startswith("頑健性に関する8手法（5種の概念にわたる）、2023年及び2024年の重み公開モデル26件")
    assert "26件のうち11件を1位として示し得る" in first
    assert "4手法の中では4件" in first
    assert not FORBIDDEN.search(done.both)
    page = (tmp_path / "out" / "brief.html").read_text(encoding="utf-8")
    assert 'lang="ja"' in page
    assert 'lang="en"><' not in page.replace('<span lang="en">', "")
    assert "kakehashi-ledger" not in page  # these figures are from no ledger
    values = json.loads((tmp_path / "out" / "brief.json").read_text(encoding="utf-8"))
    assert values["groups"][0]["exposure"]["n_first"] == 11


def test_a_file_of_others_gives_the_same_figures_and_leaves_nothing_behind(wide, tmp_path):
    done = kakehashi(
        "compare", "brief", wide / "board.csv", "--columns", wide / "map.yaml", "--selection", "all", "--json",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.code == 0, done.both
    shipped = kakehashi("compare", "brief", "--published", "--json", cwd=tmp_path).json
    whole = done.json["groups"][0]
    assert whole["exposure"]["n_first"] == shipped["groups"][0]["exposure"]["n_first"]
    assert whole["agreement"]["kendall_w"] == pytest.approx(shipped["groups"][0]["agreement"]["kendall_w"])
    assert done.json["data_date"] == "2024-08-21"
    assert list(tmp_path.iterdir()) == []


def test_a_column_map_may_name_the_methods_that_are_compared(wide, tmp_path):
    words = ("compare", "brief", wide / "board.csv", "--columns", wide / "map.yaml")
    chosen = kakehashi(*words, cwd=tmp_path)
    assert chosen.out.startswith(
        "4 jailbreak methods of one construct (robustness to attacks), 26 open-weight models"
    )
    assert "4 of 26 could be shown first" in chosen.out
    picked = kakehashi(*words, "--method", "cyber*", "--method", "rules_redteam", "--json", cwd=tmp_path).json
    assert sorted(picked["methods"]) == [
        "cyberseceval2_mitre",
        "cyberseceval2_prompt_injection",
        "rules_redteam",
    ]
    of_kind = kakehashi(*words, "--construct", "attack-robustness", "--json", cwd=tmp_path).json
    assert len(of_kind["methods"]) == 4


def test_agreement_and_exposure_take_files_too(wide, tmp_path):
    words = (wide / "board.csv", "--columns", wide / "map.yaml", "--selection", "all", "--json")
    agreed = kakehashi("compare", "agreement", *words, cwd=tmp_path).json["agreement"]
    assert round(agreed["overall"]["kendall_w"]["value"], 3) == 0.359
    exposed = kakehashi("compare", "exposure", *words, cwd=tmp_path).json
    assert exposed["exposure"]["n_first"] == 11
    # without standard errors what is said of ranks is what other methods like these would give
    assert exposed["rank_intervals"]["over"] == "methods"
    bounds = {one["model"]: (one["low"], one["high"]) for one in exposed["rank_intervals"]["models"]}
    assert len(bounds) == 26
    assert all(1 <= low <= high <= 26 for low, high in bounds.values())
    rank = kakehashi("compare", "rank", *words, cwd=tmp_path)
    assert (rank.code, rank.json["diagnostic"]) == (7, "no-std-error")


def test_ranges_are_given_where_noise_cannot_be_simulated(tmp_path):
    """Two systems, and one of them lacks a score: nothing can be shuffled, but either can come first by a choice."""
    (tmp_path / "two.csv").write_text("model,a,b,c\nx,0.9,0.2,0.5\ny,0.1,0.8,\n", encoding="utf-8")
    lines = ("format: kakehashi.columns/1", "title: two", "shape: wide", "source: two@1", "subject: model")
    (tmp_path / "map.yaml").write_text("\n".join((*lines, "higher_is_better: true\n")), encoding="utf-8")
    words = ("compare", "exposure", "two.csv", "--columns", "map.yaml", "--min-methods", "1")
    found = kakehashi(*words, "--json", cwd=tmp_path).json
    assert (found["exposure"]["n_first"], found["noise"]) == (2, None)
    assert "no noise level" in found["noise_reason"]
    said = kakehashi(*words, cwd=tmp_path)
    assert (said.code, "what noise alone would give is not estimated" in said.out) == (0, True)


def test_names_that_a_person_joined_are_one_system_in_files(tmp_path):
    (tmp_path / "one.csv").write_text("model,a,b\n" + "".join(f"m{i},0.{i},0.{9 - i}\n" for i in range(1, 6)))
    (tmp_path / "two.csv").write_text("model,c\n" + "".join(f"M {i} (chat),0.{i}\n" for i in range(1, 6)))
    (tmp_path / "map.yaml").write_text(
        "format: kakehashi.columns/1\nshape: wide\nsource: x@1\nsubject: model\nhigher_is_better: true\n"
    )
    words = (
        "compare",
        "exposure",
        "one.csv",
        "two.csv",
        "--columns",
        "map.yaml",
        "--workspace",
        "ws",
        "--json",
    )
    apart = kakehashi(*words, cwd=tmp_path)  # ten systems, of which none has all three measures
    assert (apart.code, apart.json["error"]) == (7, "NotEstimableError")
    decided = [word for i in range(1, 6) for word in ("--accept", f"M {i} (chat)=m{i}")]
    assert kakehashi("results", "identify", *decided, "--workspace", "ws", cwd=tmp_path).code == 0
    found = kakehashi(*words, cwd=tmp_path).json["exposure"]["models"]
    assert sorted(one["model"] for one in found) == [f"m{i}" for i in range(1, 6)]


def test_what_lint_sets_apart_in_a_file_is_said_beside_the_comparison(tmp_path):
    (tmp_path / "t.csv").write_text("model,a,b\nm,1,1\nm,2,1\no,1,2\nn,2,2\nq,3,1\n")
    (tmp_path / "map.yaml").write_text(
        "format: kakehashi.columns/1\nshape: wide\nsource: x@1\nsubject: model\nhigher_is_better: true\n"
    )
    # m has two scores by a, which differ (two numbers), and by b the same score twice (one)
    for verb in ("brief", "exposure"):
        done = kakehashi("compare", verb, "t.csv", "--columns", "map.yaml", cwd=tmp_path)
        assert "note: 3 numbers in quarantine" in done.err, (verb, done.both)


def test_a_query_over_the_ledger_is_a_table_too(wide, tmp_path):
    imported = kakehashi(
        "results", "import", wide / "board.csv", "--columns", wide / "map.yaml", cwd=tmp_path
    )
    assert imported.code == 0, imported.both
    sql = (
        "SELECT subject, measure, value, construct, polarity = 'higher-is-better' AS higher_is_better "
        "FROM measurements WHERE measure LIKE '%HarmBench%'"
    )
    found = kakehashi("compare", "brief", "--query", sql, "--json", cwd=tmp_path).json
    assert found["groups"][0]["exposure"]["n_first"] == 4
    missing = kakehashi("compare", "brief", "--query", "SELECT subject FROM measurements", cwd=tmp_path)
    assert (missing.code, "measure" in missing.err) == (2, True)
    writing = kakehashi("compare", "brief", "--query", "DROP TABLE measurements", cwd=tmp_path)
    assert writing.code == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "name one or more runs or files"),
        (("--published", "run-1"), 2, "not several of them"),
        (("no-such.csv",), 2, "unknown file"),
        (("run-nothing",), 5, "there is no ledger here yet"),
        (("--published", "--method", "nothing*"), 2, "nothing*"),
        (("--published", "--construct", "attack-robustnes"), 2, "attack-robustness"),
        (("--published", "--method", "rules_redteam"), 7, "measures 1"),
        (("--published", "--lang", "jp"), 2, "ja"),
    ],
)
def test_what_cannot_be_compared_is_one_clear_error(words, code, said, tmp_path):
    done = kakehashi("compare", "brief", *words, cwd=tmp_path)
    assert (done.code, said in done.err) == (code, True), done.both


@pytest.mark.skipif(not SHARED.exists(), reason="the reference data are not here")
def test_on_the_original_file_the_shipped_map_and_its_selection_are_found(tmp_path):
    done = kakehashi("compare", "brief", SHARED, cwd=tmp_path)
    assert done.code == 0, done.both
    first = done.out.splitlines()[0]
    assert first.startswith(
        "8 robustness methods of 5 different constructs, 26 open-weight models of 2023 and 2024"
    )
    assert "11 of 26 could be shown first" in first


def test_a_table_of_ones_own_needs_no_map_file(tmp_path):
    # Three systems by three methods, written down wide and long: the same table, the same answer.
    (tmp_path / "wide.csv").write_text("system,a,b,c\nx,.1,.2,.9\ny,.3,.1,.5\nz,.2,.3,.7\n")
    (tmp_path / "long.csv").write_text(
        "who,by,score\nx,a,.1\nx,b,.2\nx,c,.9\ny,a,.3\ny,b,.1\ny,c,.5\nz,a,.2\nz,b,.3\nz,c,.7\n"
    )
    up = ("--set", "higher_is_better=true", "--json")
    wide = kakehashi("compare", "exposure", "wide.csv", "--wide", "system", *up, cwd=tmp_path).json
    long = kakehashi("compare", "exposure", "long.csv", "--long", "who,by,score", *up, cwd=tmp_path).json
    assert wide["exposure"]["models"] == long["exposure"]["models"]
    # Mean ranks by all three: x 3, 2, 1 = 2; y 1, 3, 3 = 7/3; z 2, 1, 2 = 5/3: one table, and z leads it.
    assert [(one["model"], one["best_rank"]) for one in wide["exposure"]["models"]] == [
        ("x", 2), ("y", 3), ("z", 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("system,a,b\nx,.1,.2\ny,.3,.1\n", (), "not stated whether higher or lower is better: t:a"),
        ("system,a,b\nx,.1,.2\n", ("--set", "higher_is_better=true"), "systems 1, measures 2"),
        (
            "system,a,b\nx,.1,.2\nx,.3,.1\ny,.1,.1\n",
            ("--set", "higher_is_better=true"),
            "systems 1, measures 2 (left out: 4 numbers in quarantine; `kakehashi results lint`",
        ),
    ],
)
def test_a_table_that_cannot_be_compared_says_why(tmp_path, text, more, said):
    (tmp_path / "t.csv").write_text(text)
    done = kakehashi("compare", "brief", "t.csv", "--wide", "system", *more, cwd=tmp_path)
    assert done.code == 7
    assert said in done.err
