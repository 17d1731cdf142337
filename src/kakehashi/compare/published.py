"""The small table of published figures that comes with the package."""

import csv
import json
from collections.abc import Mapping
from importlib.resources import files

import numpy as np

from kakehashi.compare.table import ScoreTable


def published_robustness() -> ScoreTable:
    """Scores of 26 open-weight chat models of 2023 and 2024 by eight robustness methods (Ren et al. 2024).

    The four HarmBench columns are one construct; the other four are of four constructs.

    Examples:
        >>> published_robustness().shape
        (26, 8)
    """
    text = files("kakehashi").joinpath("data/safetywashing_robustness.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    models = tuple(dict.fromkeys(row["model"] for row in rows))
    methods = tuple(dict.fromkeys(row["method"] for row in rows))
    values = np.full((len(models), len(methods)), np.nan)
    constructs, directions = [""] * len(methods), [True] * len(methods)
    for row in rows:
        i, j = models.index(row["model"]), methods.index(row["method"])
        values[i, j] = float(row["value"])
        constructs[j], directions[j] = row["construct"], row["higher_is_better"] == "true"
    about = published_robustness_source()
    return ScoreTable(
        models,
        methods,
        values,
        tuple(directions),
        constructs=tuple(constructs),
        source=f"{about['citation']}; {about['repository']} at {about['commit']} ({about['data_date']}), "
        f"{about['licence']}",
    )


def published_robustness_source() -> Mapping[str, str]:
    """Citation, licence, commit and date of :func:`published_robustness`."""
    text = files("kakehashi").joinpath("data/safetywashing_robustness.json").read_text(encoding="utf-8")
    loaded: Mapping[str, str] = json.loads(text)
    return loaded
