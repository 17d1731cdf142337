"""The file of a release gate: which rules, which waivers, who approved them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from math import isfinite
from pathlib import Path

from kakehashi.commitments.lined import Lined, read_lined
from kakehashi.errors import FormatVersionError, InputError, UnknownNameError

FORMAT = "kakehashi.gate/1"
_RULE = (
    "id",
    "measure",
    "language",
    "facets",
    "each",
    "at_least",
    "at_most",
    "not_worse_than_released_by",
    "methods",
    "open_findings_at_most",
    "severity",
)
_WAIVER = ("rule", "approver", "reason", "expires")
_TESTS = ("at_least", "at_most", "not_worse_than_released_by", "methods", "open_findings_at_most")
_TOP = ("format", "title", "subject", "released", "rules", "waivers")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: Its name.
        measure: Identifier of a measure, such as ``"kakehashi/core:safe-handling-rate"``.
        language: Language of the items.
        facets: The part that it is about, such as ``{"category": "violence"}``.
        each: A facet of which every value is checked for itself, such as ``"category"``.
        at_least: The interval must lie at or above this.
        at_most: The interval must lie at or below this.
        margin: How much worse than the released run it may be, on the same items.
        methods: Methods (``id`` or ``id@version``) that the run must have; then nothing else.
        open_findings: How many open findings of the exchange may concern the system; with ``severity`` alone.
        severity: From which severity on findings count: ``low``, ``medium``, ``high`` or ``critical``.
        line: Its line in the policy's file.
    """

    id: str
    measure: str = ""
    language: str = "en"
    facets: Mapping[str, str] = field(default_factory=dict)
    each: str = ""
    at_least: float | None = None
    at_most: float | None = None
    margin: float | None = None
    methods: tuple[str, ...] = ()
    open_findings: int | None = None
    severity: str = "high"
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Waiver:
    """A rule that need not hold, who said so, why, and until when (that day included)."""

    rule: str
    approver: str
    reason: str
    expires: str


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """A gate's rules.

    Attributes:
        title: What is gated.
        rules: The rules, in order.
        waivers: Waivers.
        subject: The system, where the policy names it.
        released: The last released run, where the policy names it.
    """

    title: str
    rules: tuple[Rule, ...]
    waivers: tuple[Waiver, ...] = ()
    subject: str = ""
    released: str = ""


def read_policy(path: Path) -> GatePolicy:
    """A policy from its file.

    Raises:
        InputError: It is not there or cannot be used; says which rule, and its line.
        FormatVersionError: A newer format.
    """
    loaded = read_lined(path)
    said = str(loaded.get("format", ""))
    if not said.startswith("kakehashi.gate/"):
        raise InputError("not a gate policy", path=path, hint=f"Begin it with: format: {FORMAT}")
    if said != FORMAT:
        raise FormatVersionError(said, FORMAT, path=path)
    _only(loaded, _TOP, "key", path)
    rules = tuple(_rule(entry, path) for entry in _list(loaded, "rules", path))
    if not rules:
        raise InputError("a gate needs at least one rule", path=path)
    names = [rule.id for rule in rules]
    for rule in rules:
        if names.count(rule.id) > 1:
            raise InputError(f"two rules are called {rule.id!r}", path=path, row=rule.line)
    waivers = tuple(_waiver(entry, names, path) for entry in _list(loaded, "waivers", path))
    return GatePolicy(
        title=_text(loaded, "title", path) or path.stem,
        rules=rules,
        waivers=waivers,
        subject=_text(loaded, "subject", path),
        released=_text(loaded, "released", path),
    )


def _list(loaded: Lined, key: str, path: Path) -> list[Lined]:
    found = loaded.get(key) or []
    if not isinstance(found, list) or not all(isinstance(entry, Lined) for entry in found):
        raise InputError(f"{key!r} must be a list of mappings", path=path, row=loaded.line_of(key))
    return found


def _text(entry: Lined, key: str, path: Path) -> str:
    """A text; what YAML reads as another thing (``no``, ``1.10``) is refused and not guessed."""
    found = entry.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise InputError(
            f"{key!r} is read as {found!r}, which is not a text", path=path, row=entry.line, hint="Quote it."
        )
    return found


def _only(entry: Lined, known: tuple[str, ...], kind: str, path: Path) -> None:
    for key in entry:
        if key not in known:
            wrong = UnknownNameError(kind, str(key), known)
            raise InputError(wrong.message, path=path, row=entry.line, hint=wrong.hint)


def _rule(entry: Lined, path: Path) -> Rule:
    _only(entry, _RULE, "key of a rule", path)
    name = _text(entry, "id", path)
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise InputError(
            f"a rule's id may hold small letters, digits, '.', '_' and '-' only, not {name!r}",
            path=path,
            row=entry.line,
        )
    tests = [key for key in _TESTS if key in entry]
    if len(tests) != 1:
        raise InputError(
            f"rule {name!r} has {len(tests)} of {', '.join(_TESTS)}",
            path=path,
            row=entry.line,
            hint="Give each rule exactly one of them.",
        )
    if "methods" in entry:
        methods = entry["methods"]
        if not isinstance(methods, list) or not methods:
            raise InputError(f"rule {name!r}: 'methods' must be a list of methods", path=path, row=entry.line)
        return Rule(name, methods=tuple(map(str, methods)), line=entry.line)
    if "open_findings_at_most" in entry:
        return _findings_rule(entry, name, path)
    measure = _text(entry, "measure", path)
    if ":" not in measure:
        raise InputError(
            f"rule {name!r}: a measure such as kakehashi/core:safe-handling-rate is needed, not {measure!r}",
            path=path,
            row=entry.line,
            hint="Run: kakehashi methods show core",
        )
    facets = entry.get("facets") or Lined()
    if not isinstance(facets, Lined):
        raise InputError(f"rule {name!r}: 'facets' must be a mapping", path=path, row=entry.line)
    return Rule(
        id=name,
        measure=measure,
        language=_text(entry, "language", path) or "en",
        facets={key: _text(facets, key, path) for key in facets},
        each=_text(entry, "each", path),
        at_least=_number(entry, "at_least", name, path),
        at_most=_number(entry, "at_most", name, path),
        margin=_number(entry, "not_worse_than_released_by", name, path, least=0.0),
        line=entry.line,
    )


def _findings_rule(entry: Lined, name: str, path: Path) -> Rule:
    most, severity = entry["open_findings_at_most"], entry.get("severity") or "high"
    if isinstance(most, bool) or not isinstance(most, int) or most < 0:
        raise InputError(
            f"rule {name!r}: open_findings_at_most must be a whole number, not {most!r}",
            path=path,
            row=entry.line,
        )
    if severity not in ("low", "medium", "high", "critical"):
        raise InputError(
            f"rule {name!r}: {severity!r} is no severity",
            path=path,
            row=entry.line,
            hint="Write low, medium, high or critical.",
        )
    extra = sorted(set(entry) - {"id", "open_findings_at_most", "severity"})
    if extra:
        raise InputError(
            f"rule {name!r} is about findings and takes no {', '.join(extra)}", path=path, row=entry.line
        )
    return Rule(name, open_findings=most, severity=severity, line=entry.line)


def _number(entry: Lined, key: str, rule: str, path: Path, *, least: float | None = None) -> float | None:
    if key not in entry:
        return None
    value = entry[key]
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not isfinite(value)
        or (least is not None and value < least)
    ):
        wanted = "a number" if least is None else f"a number of at least {least:g}"
        raise InputError(f"rule {rule!r}: {key} must be {wanted}, not {value!r}", path=path, row=entry.line)
    return float(value)


def _waiver(entry: Lined, rules: list[str], path: Path) -> Waiver:
    _only(entry, _WAIVER, "key of a waiver", path)
    said = {key: _text(entry, key, path).strip() for key in _WAIVER}
    for key, text in said.items():
        if not text:
            raise InputError(
                f"a waiver needs {', '.join(_WAIVER)}; {key!r} is missing",
                path=path,
                row=entry.line,
                hint="Nothing is waived for ever.",
            )
    if said["rule"] not in rules and said["rule"] != "complete-run":
        wrong = UnknownNameError("rule", said["rule"], rules)
        raise InputError(f"waiver: {wrong.message}", path=path, row=entry.line, hint=wrong.hint)
    try:
        said["expires"] = date.fromisoformat(said["expires"]).isoformat()
    except ValueError:
        raise InputError(
            f"waiver of {said['rule']!r}: expires {said['expires']!r} is no date",
            path=path,
            row=entry.line,
            hint="Write 2027-01-31.",
        ) from None
    return Waiver(**said)
