"""``compare agreement`` on a run whose systems waver: other models, and the same models without noise from items."""

import hashlib
import re

import pytest
from commands import Served, kakehashi, subject_file

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
