"""Writes bradley_terry_evalica.json beside itself; needs evalica, which the project does not depend on.

    python -m venv /tmp/evalica && /tmp/evalica/bin/pip install evalica==0.4.2
    /tmp/evalica/bin/python tests/compare/golden/make_evalica_bradley_terry.py

evalica adds pseudo-wins of the size of its tolerance to empty cells and stops by the same tolerance, so it is
set far below what the test asks for. Its scores are normalised in its own way; the test compares centred logs.
"""

import json
from pathlib import Path

import numpy as np


def main() -> None:
    import evalica

    cases = []
    for case, (models, comparisons, ties) in enumerate(
        [(4, 60, 0.0), (6, 300, 0.0), (8, 400, 0.15), (15, 3000, 0.3)]
    ):
        rng = np.random.default_rng(100 + case)
        truth = rng.normal(0, 0.8, models)
        first = rng.integers(0, models, comparisons)
        second = (first + rng.integers(1, models, comparisons)) % models
        won = (rng.random(comparisons) < 1 / (1 + np.exp(truth[second] - truth[first]))).astype(float)
        won[rng.random(comparisons) < ties] = 0.5
        winners = [
            evalica.Winner.X if w == 1 else evalica.Winner.Y if w == 0 else evalica.Winner.Draw for w in won
        ]
        found = evalica.bradley_terry(
            first.tolist(), second.tolist(), winners, tolerance=1e-13, limit=1_000_000, solver="pyo3"
        )
        scores = found.scores.sort_index().to_numpy()
        assert found.iterations < 1_000_000
        strength = np.log(scores) - np.log(scores).mean()
        cases.append(
            {
                "first": first.tolist(),
                "second": second.tolist(),
                "outcome": won.tolist(),
                "strength": [round(float(s), 12) for s in strength],
            }
        )
    out = {"made_with": f"evalica {evalica.__version__}", "cases": cases}
    text = json.dumps(out, separators=(",", ":")).replace('{"first"', '\n{"first"')
    Path(__file__).with_name("bradley_terry_evalica.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
