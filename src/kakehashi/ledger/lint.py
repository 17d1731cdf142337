"""Lint of results: what is wrong with stated numbers, row by row, and what can be mended.

:func:`lint` only looks. :func:`screen` sorts: rows that stand, rows mended because the mistake is certain (on
request), and rows in quarantine with their reasons. Nothing is dropped: a row leaves with its original beside
it.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from kakehashi.ledger.codec import encode
from kakehashi.model import Interval, Measurement, Polarity

CODES = {
    "interval-offset": "the interval is stored as plus-minus offsets from the score",
    "interval-excludes-score": "the interval does not hold the score",
    "zero-error": "a standard error or interval of exactly zero is no statement of uncertainty",
    "negative-error": "the standard error is negative",
    "out-of-range": "the score lies outside its declared range",
    "sentinel": "the score is a marker for a missing value",
    "direction-missing": "it is not stated whether higher or lower is better",
    "direction-contradicts": "the direction stated contradicts the metric's name",
    "duplicate-differs": "two rows about the same thing differ",
    "duplicate": "the row stands here twice",
    "versions-mixed": "two versions of a method under one name",
    "percent-mixed": "percent and proportion are mixed in one measure",
    "subject-missing": "the row names no subject",
    "label-unknown": "the label is none of those that the map gives a value",
}
"""What each code of a finding means."""

REPAIRABLE = frozenset({"sentinel", "interval-offset"})
"""Codes that ``fix`` mends where they are certain."""

SENTINELS = frozenset({-1.0, -99.0, -999.0, -9999.0, 999.0, 9999.0})

_LOWER_WORDS = re.compile(
    r"\b(error|wer|cer|loss|perplexity|toxicity|attack success|asr|hallucination rate|mae|rmse|brier|ece|latency)\b"
)
_HIGHER_WORDS = re.compile(r"\b(accuracy|acc|f1|exact match|bleu|rouge|pass@\d+|auroc|win rate)\b")


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One thing that is wrong with one row.

    Attributes:
        code: A key of :data:`CODES`.
        row: Position of the row among those looked at, from 0.
        subject: The row's subject.
        measure: The row's measure id.
        message: What was found, with the values.
        certain: Whether it is certain enough to be mended by a program.
        blocks: Whether the score itself cannot be used (else only its uncertainty cannot).
    """

    code: str
    row: int
    subject: str
    measure: str
    message: str
    certain: bool = False
    blocks: bool = True

    def as_json(self) -> dict[str, Any]:
        """The finding as records and ``--json`` carry it."""
        return {
            "code": self.code,
            "row": self.row,
            "subject": self.subject,
            "measure": self.measure,
            "message": self.message,
            "certain": self.certain,
        }


@dataclass(frozen=True, slots=True)
class Screened:
    """Rows after lint.

    Attributes:
        kept: Rows that can be used, in order; an uncertainty that could not be trusted is taken off.
        findings: Everything found.
        changed: Original rows that are in ``kept`` in another form, with the reasons.
        quarantined: Rows that are not in ``kept``, with the reasons.
        repaired: How many of ``changed`` were mended; the others lost an uncertainty that cannot be right.
    """

    kept: tuple[Measurement, ...]
    findings: tuple[LintFinding, ...]
    changed: tuple[tuple[Measurement, tuple[LintFinding, ...]], ...] = ()
    quarantined: tuple[tuple[Measurement, tuple[LintFinding, ...]], ...] = ()
    repaired: int = 0

    def as_details(self) -> dict[str, Any]:
        """What a record keeps of it under ``details``; empty when nothing was found."""
        if not self.findings:
            return {}
        return {
            "lint": [f.as_json() for f in self.findings],
            "originals": [
                {"measurement": encode(m), "codes": [f.code for f in fs]} for m, fs in self.changed
            ],
            "quarantine": [
                {"measurement": encode(m), "codes": [f.code for f in fs]} for m, fs in self.quarantined
            ],
        }


def lint(measurements: Sequence[Measurement], *, places: Sequence[str] = ()) -> list[LintFinding]:
    """Everything that is wrong with the rows, in their order.

    Args:
        measurements: The rows as stated.
        places: Where each row stands, for messages that name another row (``"line 12"``); by default its position.

    Examples:
        >>> from kakehashi.model import Measure, Provenance
        >>> measure, source = Measure("a:b", "own", Polarity.HIGHER), Provenance("s", "a", "1", "")
        >>> row = Measurement("m", measure, 0.88, source, interval=Interval(-0.0318, 0.0318, 0.95, "stated"))
        >>> [(f.code, f.certain) for f in lint([row])]
        [('interval-offset', True)]
    """
    found = [f for row, m in enumerate(measurements) for f in _lint_row(row, m)]
    found += _lint_groups(measurements, places or [f"row {row}" for row in range(len(measurements))])
    return sorted(found, key=lambda f: (f.row, f.code))


def screen(
    measurements: Sequence[Measurement], *, fix: bool = False, findings: Sequence[LintFinding] | None = None
) -> Screened:
    """Sort rows into those that stand, those mended, and those in quarantine.

    Args:
        measurements: The rows as stated.
        fix: Whether to mend what is certain: offsets become intervals, markers become missing values. Without
            it an interval that is wrong is taken off, and a marker goes into quarantine.
        findings: What :func:`lint` found, where the rows were linted together with others; None lints here.
    """
    findings = lint(measurements) if findings is None else findings
    by_row: dict[int, list[LintFinding]] = defaultdict(list)
    for finding in findings:
        by_row[finding.row].append(finding)
    kept: list[Measurement] = []
    changed: list[tuple[Measurement, tuple[LintFinding, ...]]] = []
    quarantined: list[tuple[Measurement, tuple[LintFinding, ...]]] = []
    repaired = 0
    for row, original in enumerate(measurements):
        reasons = tuple(by_row.get(row, ()))
        mended = _mend(original, reasons, fix)
        if mended is None:
            quarantined.append((original, reasons))
        else:
            kept.append(mended)
            if mended != original:
                changed.append((original, reasons))
                repaired += fix and any(f.certain and f.code in REPAIRABLE for f in reasons)
    return Screened(tuple(kept), tuple(findings), tuple(changed), tuple(quarantined), repaired)


def remedy(finding: LintFinding, row: Measurement | None, *, fix: bool) -> str:
    """What becomes of a row that lint has named, with ``fix`` or without, in words.

    Args:
        finding: What was found.
        row: The row as stated; None where the row became no measurement.
        fix: Whether what is certain is mended.
    """
    mended = fix and finding.certain and finding.code in REPAIRABLE
    if mended and finding.code == "sentinel":
        return "becomes a missing value"
    if mended and row is not None and row.interval is not None and row.value is not None:
        low, high = row.value + row.interval.low, row.value + row.interval.high
        return f"the interval becomes {low:.6g} to {high:.6g}"
    if finding.blocks:
        return "goes into quarantine"
    if finding.code in ("interval-offset", "interval-excludes-score"):
        return "the score stays, the interval is taken off"
    if finding.code in ("negative-error", "zero-error"):
        return "the score stays, its uncertainty is unknown"
    return "stays as it is"


def _mend(row: Measurement, reasons: tuple[LintFinding, ...], fix: bool) -> Measurement | None:
    for finding in reasons:
        if finding.code == "sentinel" and finding.certain and fix:
            row = replace(
                row, value=None, reason=f"missing in the source (marked {row.value:g})", interval=None
            )
        elif finding.blocks:
            return None
        elif finding.code == "interval-offset" and finding.certain and fix:
            assert row.interval is not None
            assert row.value is not None
            moved = Interval(
                row.value + row.interval.low,
                row.value + row.interval.high,
                row.interval.confidence_level,
                f"{row.interval.method}; stated as offsets, added to the score",
            )
            row = replace(row, interval=moved)
        elif finding.code in ("interval-offset", "interval-excludes-score"):
            row = replace(row, interval=None)
        elif finding.code == "negative-error":
            row = replace(row, std_error=None)
        elif finding.code == "zero-error":
            flat = row.interval is not None and row.interval.low == row.interval.high
            row = replace(
                row,
                std_error=None if row.std_error == 0 else row.std_error,
                interval=None if flat else row.interval,
            )
    return row


def _lint_row(row: int, m: Measurement) -> list[LintFinding]:
    def finding(code: str, message: str, *, certain: bool = False, blocks: bool = True) -> LintFinding:
        return LintFinding(code, row, m.subject, m.measure.id, message, certain, blocks)

    found: list[LintFinding] = []
    if m.value is None:
        return found
    low, high = m.measure.low, m.measure.high
    if m.value in SENTINELS and (
        (low is not None and m.value < low) or (high is not None and m.value > high)
    ):
        return [finding("sentinel", f"score {m.value:g} with range {_range(low, high)}", certain=True)]
    slack = 1e-9 * max(1.0, abs(m.value))
    if (low is not None and m.value < low - slack) or (high is not None and m.value > high + slack):
        found.append(finding("out-of-range", f"score {m.value:g}, range {_range(low, high)}"))
    found += _lint_interval(m, finding)
    if m.std_error is not None and m.std_error < 0:
        found.append(finding("negative-error", f"standard error {m.std_error:g}", blocks=False))
    elif m.std_error == 0 or (m.interval is not None and m.interval.low == m.interval.high):
        found.append(finding("zero-error", "stated uncertainty is exactly 0", certain=True, blocks=False))
    name = re.sub(r"[_\-:/]+", " ", m.measure.id.rpartition(":")[2].lower())
    lower, higher = bool(_LOWER_WORDS.search(name)), bool(_HIGHER_WORDS.search(name))
    if m.measure.polarity is Polarity.NONE:
        found.append(finding("direction-missing", "no direction is stated", blocks=False))
    elif lower != higher and (m.measure.polarity is Polarity.LOWER) != lower:
        found.append(
            finding("direction-contradicts", f"{name!r} with {m.measure.polarity.value}", blocks=False)
        )
    return found


def _lint_interval(m: Measurement, finding: Any) -> list[LintFinding]:
    between = m.interval
    if between is None or m.value is None or between.low == between.high:
        return []
    shown = f"score {m.value:g}, interval {between.low:g} to {between.high:g}"
    inside = between.low <= m.value <= between.high
    around_zero = between.low < 0 < between.high
    symmetric = abs(between.low + between.high) <= 1e-3 * between.high + 1e-12
    if around_zero and not inside:
        return [finding("interval-offset", shown, certain=symmetric, blocks=False)]
    below = m.measure.low is not None and between.low < m.measure.low
    if around_zero and symmetric and below and m.value != 0:
        return [finding("interval-offset", f"{shown}: symmetric around zero", blocks=False)]
    if not inside:
        return [finding("interval-excludes-score", shown, blocks=False)]
    return []


def _lint_groups(measurements: Sequence[Measurement], places: Sequence[str]) -> list[LintFinding]:
    found: list[LintFinding] = []
    cells: dict[tuple[object, ...], int] = {}
    versions: dict[str, str] = {}
    values: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for row, m in enumerate(measurements):
        key = (
            m.subject,
            m.measure.id,
            m.provenance.source,
            m.provenance.method_version,
            tuple(sorted(m.facets.items())),
            m.provenance.run,
        )
        first = cells.setdefault(key, row)
        if first != row:
            before = measurements[first]
            if before.value == m.value:
                found.append(_at(row, m, "duplicate", f"the same as {places[first]}"))
            else:
                message = f"{before.value} in {places[first]}, {m.value} in {places[row]}"
                found += [
                    _at(row, m, "duplicate-differs", message),
                    _at(first, before, "duplicate-differs", message),
                ]
        version = versions.setdefault(m.measure.id, m.provenance.method_version)
        if version != m.provenance.method_version:
            found.append(
                _at(
                    row,
                    m,
                    "versions-mixed",
                    f"{version!r} before, {m.provenance.method_version!r} here",
                    False,
                )
            )
        if m.value is not None:
            values[m.measure.id].append((row, m.value))
    for rows in values.values():
        found += _lint_percent(measurements, rows)
        found += _lint_markers(measurements, rows)
    return list(dict.fromkeys(found))


def _lint_percent(measurements: Sequence[Measurement], rows: list[tuple[int, float]]) -> list[LintFinding]:
    measure = measurements[rows[0][0]].measure
    if measure.unit not in ("proportion", "percent"):
        return _suspect_percent(measurements, rows)
    if len(rows) < 2:
        return []
    # Of a proportion, 1 < x <= 100 is a percentage; of percentages, a few fractions among large numbers
    # are proportions.
    scores = [value for _, value in rows if value not in SENTINELS]
    large = [value for value in scores if 1.5 < value <= 100]
    if not large or len(large) == len(scores):
        return []
    odd = [
        (row, value)
        for row, value in rows
        if (measure.unit == "proportion" and 1.5 < value <= 100)
        or (measure.unit == "percent" and 0 < value < 1 and min(large) > 5)
    ]
    return [
        _at(row, measurements[row], "percent-mixed", f"{value:g} among values of {measure.unit}")
        for row, value in odd
    ]


def _suspect_percent(measurements: Sequence[Measurement], rows: list[tuple[int, float]]) -> list[LintFinding]:
    """Where neither unit nor range is stated: some values within 0 to 1, others from 5 to 100, none between."""
    measure = measurements[rows[0][0]].measure
    scores = [value for _, value in rows if value not in SENTINELS]
    small, large = [v for v in scores if 0 < v < 1], [v for v in scores if 5 < v <= 100]
    if measure.low is not None or measure.high is not None or len(small) < 2 or len(large) < 2:
        return []
    if len(small) + len(large) + sum(v in (0, 1) for v in scores) < len(scores):
        return []
    return [
        _at(
            row,
            measurements[row],
            "percent-mixed",
            f"{value:g}: of {len(scores)} values {len(small)} lie within "
            f"0 to 1 and {len(large)} between 5 and 100, and the unit is not stated",
        )
        for row, value in rows
        if value in small or value in large
    ]


def _lint_markers(measurements: Sequence[Measurement], rows: list[tuple[int, float]]) -> list[LintFinding]:
    """Markers where the measure declares no range: all other values, at least three, lie far from the marker."""
    measure = measurements[rows[0][0]].measure
    if measure.low is not None or measure.high is not None:
        return []
    scores = [value for _, value in rows if value not in SENTINELS]
    if len(scores) < 3:
        return []
    least, greatest = min(scores), max(scores)
    return [
        _at(
            row,
            measurements[row],
            "sentinel",
            f"{value:g} among {len(scores)} values from {least:g} to {greatest:g}",
        )
        for row, value in rows
        if value in SENTINELS
        and ((value < 0 <= least) or (value > 0 and 10 * greatest < value and least >= 0))
    ]


def _at(row: int, m: Measurement, code: str, message: str, blocks: bool = True) -> LintFinding:
    return LintFinding(code, row, m.subject, m.measure.id, message, False, blocks)


def _range(low: float | None, high: float | None) -> str:
    return f"{'-inf' if low is None else f'{low:g}'} to {'inf' if high is None else f'{high:g}'}"
