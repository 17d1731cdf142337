"""``compare agreement`` on a run whose systems waver: other models, and the same models without noise from items."""

import hashlib
import re

import numpy as np
import pytest
from commands import Served, kakehashi, subject_file
from scipy import stats

from kakehashi.cli.compare import print_published
from kakehashi.compare import published_robustness

REFUSAL, ANSWER = "I'm sorry, but I can't help with that.", "Sure, here is what you asked for: first do this."


def _wavering(body):
    """System t refuses about t in ten of the prompts, by a hash of prompt and system."""
    share = int(body["model"][1:]) / 10 + 0.05
    text = body["model"] + str(body["messages"][-1]["content"])
    return REFUSAL if hashlib.sha256(text.encode()).digest()[0] / 256 < share else ANSWER


def test_the_question_of_noise_is_answered_for_a_run_by_its_items(tmp_path):
    with Served(answer=_wavering) as served:
        names = [
            subject_file(tmp_path, name=f"s{i}", endpoint=f"{served.server.url}#t{i}") for i in range(10)
        ]
        done = kakehashi("assess", *names, "--method", "core", "--limit", "40", "--json", cwd=tmp_path)
    assert done.code == 0, done.both
    run = done.json["run"]
    group = kakehashi("compare", "agreement", run, "--json", cwd=tmp_path).json["agreement"]["overall"]
    # Who refuses more handles more safely and refuses too much: the two measures order systems in opposite ways.
    assert group["kendall_w"]["value"] < 0.2
    assert 0 <= group["w_noise_low"] <= group["w_noise_high"] < 0.5
    assert -1 <= group["alpha_noise_low"] < group["alpha_noise_high"] < 0
    assert -1 <= group["noise_low"] < group["noise_high"] < 0
    # K = 2 methods on M = 10 systems: W = (1 + r)/2 and alpha = 1 - (1 - r) 19/20 of the same r
    rho = 2 * group["w_noise_high"] - 1
    assert group["alpha_noise_high"] == pytest.approx(1 - (1 - rho) * 19 / 20)
    text = kakehashi("compare", "agreement", run, cwd=tmp_path).out
    line = next(line for line in text.splitlines() if "without noise from items" in line)
    for name, key in (("W", "w_noise"), ("alpha", "alpha_noise"), ("mean tau", "noise")):
        low, high = re.search(rf"{name} (-?[\d.]+) to (-?[\d.]+)", line).groups()
        assert (float(low), float(high)) == (
            pytest.approx(group[f"{key}_low"], abs=6e-4),
            pytest.approx(group[f"{key}_high"], abs=6e-4),
        )


def test_ability_held_fixed_and_its_share_in_each_method_come_by_an_option(tmp_path):
    rng = np.random.default_rng(3)
    general = rng.normal(size=14)
    columns = {
        "alike": general + 0.3 * rng.normal(size=14),
        "apart": rng.normal(size=14),
        "able_1": general + 0.1 * rng.normal(size=14),
        "able_2": general + 0.1 * rng.normal(size=14),
    }
    lines = [",".join([f"m{i}", *(f"{column[i]:.6f}" for column in columns.values())]) for i in range(14)]
    (tmp_path / "t.csv").write_text(
        "\n".join([",".join(["model", *columns]), *lines, "m14,0.1,0.2,,0.3", ""])
    )
    (tmp_path / "map.yaml").write_text(
        "format: kakehashi.columns/1\nshape: wide\nsource: x@1\nsubject: model\nhigher_is_better: true\n"
        "selections:\n  two: {en: two, ja: 二, measures: [alike, apart]}\n"
    )
    words = ("compare", "agreement", "t.csv", "--columns", "map.yaml", "--capability", "able_*")
    found = kakehashi(*words, "--json", cwd=tmp_path).json
    able = np.column_stack([columns["able_1"], columns["able_2"]])
    # the two columns are nearly one, so their component is nearly their sum
    total = ((able - able.mean(axis=0)) / able.std(axis=0)).sum(axis=1)
    for name in ("alike", "apart"):
        expected = stats.spearmanr(columns[name], total).statistic
        assert found["capability"][name]["value"] == pytest.approx(expected)
        assert found["capability"][name]["n"] == 14  # the fifteenth lacks one measure of ability
    ab, ac, bc = (
        stats.kendalltau(x, y).statistic
        for x, y in (
            (columns["alike"], columns["apart"]), (columns["alike"], total), (columns["apart"], total)
        )
    )  # fmt: skip
    (pair,) = found["agreement"]["pairs"]
    assert pair["partial_tau"] == pytest.approx((ab - ac * bc) / np.sqrt((1 - ac**2) * (1 - bc**2)))
    text = kakehashi(*words, cwd=tmp_path).out
    assert "with ability held fixed: mean tau" in text
    assert "Correlation of each method with general ability (Spearman):" in text
    one = kakehashi(
        "compare", "agreement", "t.csv", "--columns", "map.yaml", "--capability", "able_1", cwd=tmp_path
    )
    assert (one.code, "measures 1" in one.err) == (7, True)


def test_the_pairs_that_agree_least_are_listed_with_figures_that_scipy_gives_too(tmp_path):
    table = published_robustness()
    done = kakehashi("compare", "agreement", "--published", cwd=tmp_path)
    lines = done.out.splitlines()
    start = next(i for i, text in enumerate(lines) if text.startswith("first\tsecond"))
    rows = [text.split("\t") for text in lines[start + 1 : start + 29]]
    assert len(rows) == 8 * 7 // 2
    taus = []
    for first, second, systems, tau, _, top, _, _ in rows:
        a, b = (table.values[:, table.methods.index(name)] for name in (first, second))
        keep = ~(np.isnan(a) | np.isnan(b))
        taus.append(float(tau.split()[0]))
        assert int(systems) == keep.sum()
        assert taus[-1] == pytest.approx(stats.kendalltau(a[keep], b[keep]).statistic, abs=6e-4)
        best = [set(np.argsort(-column[keep], kind="stable")[:5].tolist()) for column in (a, b)]
        if len(np.unique(a)) == len(a) and len(np.unique(b)) == len(b):  # ties leave the best five open
            assert float(top) == len(best[0] & best[1]) / 5
    assert taus == sorted(taus)
    assert "Krippendorff's alpha of the ranks 0.271" in done.out


def test_the_demonstration_ends_with_ranks_that_resampling_methods_gives_too(tmp_path, capsys):
    print_published()
    said = re.search(
        r"(\d+) of 26 systems may be first, and the widest bounds are (\d+) to (\d+)", capsys.readouterr().out
    )
    first, low, high = map(int, said.groups())
    # Independent of the estimator: draw the eight methods anew and rank the mean ranks, without any correction. The
    # bounds are conservative, so they are no narrower.
    table = published_robustness()
    keep = ~np.isnan(table.values).any(axis=1)
    ranks = stats.rankdata(-table.values[keep], axis=0)
    rng = np.random.default_rng(1)
    drawn = [stats.rankdata(ranks[:, rng.integers(0, 8, 8)].mean(axis=1)) for _ in range(2000)]
    lows, highs = np.quantile(drawn, [0.025, 0.975], axis=0)
    assert first >= (lows <= 1).sum()
    assert high - low >= (highs - lows).max()
    assert 1 <= low < high <= 26
