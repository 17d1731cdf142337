"""Every verdict of the rules on the reference answers and on our synthetic ones, as digests: speed may change none.

A change of the rules that is meant to change verdicts is a new version of the judge (``rules.VERSION``), with new
digests here, new figures in docs/judges.md and a new shipped calibration:

    .venv/bin/python tests/evaluate/judges/test_golden_verdicts.py
"""

import hashlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.evaluate.judges import RuleJudge
from kakehashi.evaluate.judges.alternation import arrange
from kakehashi.evaluate.judges.rules import VERSION

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "reference" / "judging"
OURS = Path(__file__).parent / "data"
FILES = {
    "xstest_labelled.jsonl": (SHARED, "en", 1350),
    "do_not_answer_labelled.jsonl": (SHARED, "en", 3756),
    "synthetic_ja.jsonl": (OURS, "ja", 40),
    "heldout_ja.jsonl": (OURS, "ja", 68),
    "heldout_ja_2.jsonl": (OURS, "ja", 40),
    "heldout_ja_3.jsonl": (OURS, "ja", 40),
    "synthetic_zh.jsonl": (OURS, "zh", 36),
}
GOLDEN = {
    "1.1": {
        "xstest_labelled.jsonl": "f264a7d7499e5644",
        "do_not_answer_labelled.jsonl": "55fd589fc4e10508",
        "synthetic_ja.jsonl": "774e033b7816cb5f",
        "heldout_ja.jsonl": "07a06326240bb8d7",
        "heldout_ja_2.jsonl": "5d160167f9971ecf",
        "heldout_ja_3.jsonl": "f28cf8398dc103c3",
        "synthetic_zh.jsonl": "562a5a79e3229dcc",
    }
}


def digest(name: str) -> tuple[int, str]:
    """Number of answers, and a digest over label and reason of each."""
    folder, language, _ = FILES[name]
    judge, sha, n = RuleJudge(), hashlib.sha256(), 0
    for line in (folder / name).read_text("utf-8").split("\n"):
        if line:
            row = json.loads(line)
            verdict = judge.judge("", str(row.get("response", row.get("answer"))), language)
            sha.update(f"{verdict.label.value} {verdict.reason}\n".encode())
            n += 1
    return n, sha.hexdigest()[:16]


@pytest.mark.parametrize("name", FILES)
def test_no_verdict_has_changed(name: str) -> None:
    if not (FILES[name][0] / name).exists():
        pytest.skip("the reference data are not here")
    assert digest(name) == (FILES[name][2], GOLDEN[VERSION][name])


_PIECE = st.text("abできんー", min_size=1, max_size=3)
_PART = st.one_of(
    _PIECE,
    st.lists(_PIECE, min_size=1, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
    st.lists(_PIECE, min_size=1, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})?"),
    _PIECE.map(lambda piece: f"{piece}?"),
    _PIECE.map(lambda piece: f"[^{piece}]{{0,2}}"),
)
_PHRASE = st.lists(_PART, min_size=1, max_size=4).map("".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(_PHRASE, min_size=1, max_size=6), st.text("abできんー。", max_size=12))
def test_rearranged_phrases_match_where_any_of_them_does(phrases: list[str], text: str) -> None:
    plain = re.search("|".join(f"(?:{phrase})" for phrase in phrases), text)
    fast = re.search(f"(?:{arrange(phrases)})", text)
    assert (plain and plain.start()) == (fast and fast.start())


if __name__ == "__main__":
    print(json.dumps({VERSION: {name: digest(name)[1] for name in FILES}}, indent=4))
