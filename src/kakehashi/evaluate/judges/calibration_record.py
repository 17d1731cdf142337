"""A calibration as rows for a table and as a file, and what a file of it allows."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from kakehashi.compare import Estimate
from kakehashi.errors import FormatVersionError, InputError
from kakehashi.evaluate.judges.calibrate import Agreement, Calibration, KindBias
from kakehashi.evaluate.judges.phrases import PhraseList
from kakehashi.model import Interval, JudgeError

FORMAT = "kakehashi.calibration/1"

LEAST_ROWS = 50
"""Labelled answers in a language without which a phrase list does not count as calibrated."""

Row = tuple[str, str, str, str]
"""Part, measure, value with its interval, number of rows."""

_NUMBERS = {
    "three_class": "kappa, three classes",
    "binary": "kappa, refused (partly included) or not",
    "sensitivity": "sensitivity to refusal",
    "specificity": "specificity",
}


def render_calibration(calibration: Calibration) -> list[Row]:
    """The calibration as rows of text: overall first, then the raters, classes, models, languages and kinds."""
    rows = _agreement_rows("all", calibration.overall)
    if calibration.raters is not None:
        rows += _agreement_rows("two human raters", calibration.raters)
    for bias in calibration.bias:
        part = f"class {bias.label}"
        rows.append((part, "human share", f"{bias.reference_rate:.3f}", str(bias.difference.n)))
        rows.append(
            (part, "judge minus human", _number(bias.difference, signed=True), str(bias.difference.n))
        )
    for title, parts in (("model", calibration.by_model), ("language", calibration.by_language)):
        if len(parts) > 1 or title == "language":
            for name, agreement in parts.items():
                rows += _agreement_rows(f"{title} {name}", agreement)
    for name, kind in calibration.by_kind.items():
        part = f"kind {name}"
        rows.append((part, "human share refused", f"{kind.human_rate:.3f}", str(kind.n)))
        rows.append((part, "judge minus human", _number(kind.difference, signed=True), str(kind.n)))
    for label, count in calibration.not_judged.items():
        rows.append(("not judged", label, str(count), str(calibration.overall.n)))
    if calibration.unlabelled:
        rows.append(("not compared", "label is none of the classes", str(calibration.unlabelled), ""))
    return rows


def calibration_json(calibration: Calibration, dataset: str = "") -> dict[str, object]:
    """The calibration as strict JSON values, in the format :data:`FORMAT`; a number that is missing is null.

    Args:
        calibration: The calibration.
        dataset: Which answers, and whose labels: it is quoted beside every score that the judge touches.
    """
    return {
        "format": FORMAT,
        **({"dataset": dataset} if dataset else {}),
        "judge": calibration.judge,
        "overall": _agreement(calibration.overall),
        "raters": None if calibration.raters is None else _agreement(calibration.raters),
        "confusion": {
            "classes": list(calibration.confusion.labels),
            "human_by_judge": calibration.confusion.counts.tolist(),
        },
        "bias": {
            str(bias.label): {
                "human_rate": bias.reference_rate,
                "judge_rate": bias.judge_rate,
                "difference": _estimate(bias.difference),
                "recall": _estimate(bias.recall),
            }
            for bias in calibration.bias
        },
        "by_model": {name: _agreement(each) for name, each in calibration.by_model.items()},
        "by_language": {name: _agreement(each) for name, each in calibration.by_language.items()},
        "by_kind": {name: _kind(kind) for name, kind in calibration.by_kind.items()},
        "by_language_kind": {
            language: {name: _kind(kind) for name, kind in kinds.items()}
            for language, kinds in calibration.by_language_kind.items()
        },
        "verdicts": dict(calibration.verdicts),
        "not_judged": dict(calibration.not_judged),
        "unlabelled": calibration.unlabelled,
        "settings": dict(calibration.settings),
    }


def read_calibration(path: Path) -> dict[str, object]:
    """What ``kakehashi judge calibrate --json`` wrote into a file.

    Raises:
        FormatVersionError: The file is in a newer format.
        InputError: The file cannot be read, or is something else.
    """
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"the calibration cannot be read ({error})", path=path) from error
    if not isinstance(loaded, dict) or not str(loaded.get("format", "")).startswith("kakehashi.calibration/"):
        raise InputError(
            "not a calibration",
            path=path,
            hint="Run: kakehashi judge calibrate LABELS --json > calibration.json",
        )
    if loaded["format"] != FORMAT:
        raise FormatVersionError(str(loaded["format"]), FORMAT, path=path)
    return loaded


def calibrated_languages(record: Mapping[str, object]) -> dict[str, int]:
    """Languages in which a calibration holds at least :data:`LEAST_ROWS` judged answers, with their number.

    Examples:
        >>> calibrated_languages({"by_language": {"en": {"n_judged": 90}, "ja": {"n_judged": 3}}})
        {'en': 90}
    """
    parts = record.get("by_language")
    found: dict[str, int] = {}
    for language, part in parts.items() if isinstance(parts, Mapping) else ():
        judged = part.get("n_judged") if isinstance(part, Mapping) else None
        if isinstance(judged, int) and judged >= LEAST_ROWS:
            found[str(language)] = judged
    return found


def judge_errors(record: Mapping[str, Any]) -> dict[str, JudgeError]:
    """What a calibration says of the judge's errors, by language; only of languages that it counts for.

    Args:
        record: What ``kakehashi judge calibrate --json`` wrote.

    Examples:
        >>> half = {"value": 0.5, "low": 0.4, "high": 0.6, "confidence_level": 0.95, "method": "wilson"}
        >>> part = {"n_judged": 90, "sensitivity": half, "specificity": None}
        >>> found = judge_errors({"dataset": "labels.jsonl", "by_language": {"en": part}})["en"]
        >>> found.n, found.source, found.sensitivity, found.specificity
        (90, 'labels.jsonl', 0.5, None)
    """
    kinds = record.get("by_language_kind") or {}
    languages = calibrated_languages(record)
    source = str(record.get("dataset") or "human labels")
    found = {}
    for language, n in languages.items():
        part = record["by_language"][language]
        sensitivity, specificity = part.get("sensitivity") or {}, part.get("specificity") or {}
        found[language] = JudgeError(
            n=n,
            source=source,
            sensitivity=sensitivity.get("value"),
            specificity=specificity.get("value"),
            sensitivity_interval=_interval(sensitivity),
            specificity_interval=_interval(specificity),
            by_category={
                str(name): float(kind["judge_rate"]) - float(kind["human_rate"])
                for name, kind in (kinds.get(language) or {}).items()
            },
        )
    return found


def _interval(number: Mapping[str, Any]) -> Interval | None:
    if number.get("low") is None or number.get("high") is None:
        return None
    return Interval(number["low"], number["high"], number["confidence_level"], number["method"])


@cache
def shipped_calibration_record() -> Mapping[str, Any]:
    """The calibration of the shipped rules, made by ``scripts/make_rules_calibration.py``."""
    file = files("kakehashi.evaluate.judges") / "data" / "rules_calibration.json"
    loaded: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


def with_calibration(phrases: PhraseList, record: Mapping[str, object]) -> PhraseList:
    """The phrase list, marked as calibrated by a calibration file of exactly this list.

    Args:
        phrases: A list of your own.
        record: What ``kakehashi judge calibrate --json`` wrote of it.

    Raises:
        FormatVersionError: The record is in a newer format.
        InputError: It is of another list, or of fewer than :data:`LEAST_ROWS` answers in the language. How good
            the numbers are is not asked: they stand beside every result.
    """
    found = str(record.get("format", ""))
    if found != FORMAT:
        raise FormatVersionError(found, FORMAT)
    mark = f"{phrases.language}:{phrases.digest[:12]}"
    judge = str(record.get("judge", ""))
    if mark not in judge:
        raise InputError(
            f"the calibration is of {judge!r}, not of this phrase list ({mark})",
            hint="Run `kakehashi judge calibrate` again: the list has changed since.",
        )
    parts = record.get("by_language")
    part = parts.get(phrases.language) if isinstance(parts, Mapping) else None
    judged = part.get("n_judged") if isinstance(part, Mapping) else None
    if not isinstance(judged, int) or judged < LEAST_ROWS:
        raise InputError(
            f"the calibration holds {judged or 0} judged answers in {phrases.language!r},"
            f" and at least {LEAST_ROWS} are needed",
            hint="Label more answers.",
        )
    return replace(phrases, calibration="human")


def _agreement_rows(part: str, agreement: Agreement) -> list[Row]:
    rows = []
    for name, title in _NUMBERS.items():
        estimate: Estimate | None = getattr(agreement, name)
        text = _number(estimate) if estimate is not None else f"not estimable ({agreement.diagnostics[name]})"
        rows.append((part, title, text, f"{agreement.n_judged} of {agreement.n}"))
    return rows


def _number(estimate: Estimate | None, *, signed: bool = False) -> str:
    if estimate is None:
        return "not estimable"
    form = "+.3f" if signed else ".3f"
    value = format(estimate.value, form)
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return f"{value} (no interval)"
    return f"{value} [{format(estimate.low, form)}, {format(estimate.high, form)}]"


def _agreement(agreement: Agreement) -> dict[str, object]:
    numbers = {name: _estimate(getattr(agreement, name)) for name in _NUMBERS}
    return {
        "n": agreement.n,
        "n_judged": agreement.n_judged,
        **numbers,
        "diagnostics": dict(agreement.diagnostics),
    }


def _kind(kind: KindBias) -> dict[str, object]:
    return {
        "n": kind.n,
        "human_rate": kind.human_rate,
        "judge_rate": kind.judge_rate,
        "difference": _estimate(kind.difference),
    }


def _estimate(estimate: Estimate | None) -> dict[str, object] | None:
    if estimate is None:
        return None
    return {
        "value": _finite(estimate.value),
        "low": _finite(estimate.low),
        "high": _finite(estimate.high),
        "confidence_level": estimate.confidence_level,
        "method": estimate.method,
        "n": estimate.n,
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
