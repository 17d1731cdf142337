"""Write tests/compare/golden/ppi_python.json: what ppi-python gives on small synthetic data.

For developers only, in an environment apart: ``pip install ppi-python`` there, then run this with its python.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ppi_py import ppi_mean_pointestimate

TARGET = Path(__file__).resolve().parent.parent / "tests" / "compare" / "golden" / "ppi_python.json"


def cases() -> list[dict[str, object]]:
    """Labels, judge on them, judge on the rest, and the estimates with lam tuned, 1 and 0.4."""
    rng = np.random.default_rng(20261124)
    found = []
    for n, extra, rate, sens, spec in (
        (40, 200, 0.3, 0.9, 0.8),
        (60, 90, 0.1, 0.7, 0.95),
        (35, 500, 0.6, 0.5, 0.5),
    ):
        truth = rng.random(n + extra) < rate
        judge = np.where(truth, rng.random(n + extra) < sens, rng.random(n + extra) >= spec).astype(float)
        found.append((truth[:n].astype(float), judge[:n], judge[n:]))
    score = rng.random(50)
    found.append((score, np.clip(score + rng.normal(0, 0.2, 50), 0, 1), rng.random(150)))
    return [
        {
            "human": y.tolist(),
            "judge": f.tolist(),
            "judge_only": u.tolist(),
            "estimates": {
                name: float(np.squeeze(ppi_mean_pointestimate(y, f, u, lam=lam)))
                for name, lam in (("plug-in", None), ("1.0", 1.0), ("0.4", 0.4))
            },
        }
        for y, f, u in found
    ]


if __name__ == "__main__":
    made = {
        "made_by": f"ppi-python {version('ppi-python')}",
        "script": "scripts/make_ppi_golden.py",
        "cases": cases(),
    }
    TARGET.write_text(json.dumps(made, sort_keys=True) + "\n", encoding="utf-8")
