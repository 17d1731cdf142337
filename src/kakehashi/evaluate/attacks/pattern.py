"""Attack patterns as files: what ``kakehashi watch`` replays against a live endpoint."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from kakehashi.errors import FormatVersionError, InputError, KakehashiError
from kakehashi.model import Sample
from kakehashi.proof import schema_validator

FORMAT = "kakehashi.attack/1"
SUFFIXES = frozenset({".yaml", ".yml", ".json"})
MAX_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class PatternPrompt:
    """One prompt of a pattern; its texts stand in no ``repr``.

    Attributes:
        id: Its place in the pattern: ``"p1"``, ``"p2"``, …
        turns: What the user says, in order.
        system: Text for the system message, or ``None``.
        request: What the judge is shown as the request.
        method: The method whose item it is, or ``""``; that method's scorer then judges.
        sample: That item, or ``None``.
    """

    id: str
    turns: tuple[str, ...] = field(repr=False)
    system: str | None = field(repr=False)
    request: str = field(repr=False)
    method: str = ""
    sample: Sample | None = None


@dataclass(frozen=True, slots=True)
class AttackPattern:
    """One attack of a feed.

    Attributes:
        id: Unique in the feed.
        name: In the sender's words.
        received: When it became known, UTC.
        language: Language of the prompts.
        expected: What counts as detection: ``"blocked"``, ``"refused"`` or ``"blocked-or-refused"``.
        repeats: How often each prompt is put in a round.
        source: Where it comes from.
        prompts: The prompts.
        digest: ``"sha256:…"`` over all of it, what is referred to included.
    """

    id: str
    name: str
    received: datetime
    language: str
    expected: str
    repeats: int
    source: str
    prompts: tuple[PatternPrompt, ...]
    digest: str


#: From a method's name and a sample's identifier to the sample.
FindSample = Callable[[str, str], Sample]


@dataclass(frozen=True, slots=True)
class Feed:
    """What a folder of attack patterns, or an exchange node, holds.

    Attributes:
        patterns: The attacks, by name of file.
        faults: Files that cannot be used, each with its error.
        skipped: Records of an exchange that cannot be replayed: id, name, why.
    """

    patterns: tuple[AttackPattern, ...]
    faults: tuple[tuple[str, KakehashiError], ...]
    skipped: tuple[tuple[str, str, str], ...] = ()


def read_feed(folder: Path, find: FindSample) -> Feed:
    """Read every pattern of a folder (``*.yaml``, ``*.yml``, ``*.json``, not below it).

    A file that cannot be used does not keep the others from being read: a feed grows while it is watched. Of two
    files with one id the second is at fault.

    Raises:
        InputError: There is no such folder.
    """
    if not folder.is_dir():
        raise InputError("no folder of attack patterns", path=folder, hint="Name a folder with --attacks.")
    patterns: dict[str, AttackPattern] = {}
    faults: list[tuple[str, KakehashiError]] = []
    for path in sorted(folder.iterdir()):
        if path.suffix not in SUFFIXES or path.name.startswith(".") or not path.is_file():
            continue
        try:
            pattern = read_pattern(path, find)
            if pattern.id in patterns:
                raise InputError(
                    f"the id {pattern.id!r} is used by another file",
                    path=path,
                    hint="Give it an id of its own.",
                )
            patterns[pattern.id] = pattern
        except KakehashiError as error:
            faults.append((path.name, error))
    return Feed(tuple(patterns.values()), tuple(faults))


def read_pattern(path: Path, find: FindSample) -> AttackPattern:
    """Read one pattern.

    Raises:
        InputError: Not YAML or JSON, not of the schema, a file or a sample that it refers to is not here.
        FormatVersionError: Written for a newer Kakehashi.
    """
    raw = _load(path)
    family, _, version = str(raw.get("format", "")).partition("/")
    if family == "kakehashi.attack" and version.isdigit() and int(version) > 1:
        raise FormatVersionError(str(raw["format"]), FORMAT, path=path)
    if isinstance(raw.get("received"), datetime) or hasattr(raw.get("received"), "isoformat"):
        raw["received"] = raw["received"].isoformat()  # YAML has dates of its own
    error = next(iter(sorted(_validator().iter_errors(raw), key=lambda e: list(map(str, e.path)))), None)
    if error is not None:
        where = "/".join(str(part) for part in error.absolute_path) or "the whole"
        raise InputError(
            f"{where}: {_broken(error)}",
            path=path,
            hint="The format is described in docs/watch.md, with its schema.",
        )
    language = str(raw.get("language", "en"))
    prompts = tuple(
        _prompt(one, f"p{place}", path, find) for place, one in enumerate(raw["prompts"], start=1)
    )
    for prompt in prompts:
        if prompt.sample is not None and prompt.sample.language != language:
            raise InputError(
                f"the sample {prompt.sample.id!r} is in {prompt.sample.language!r}, the attack in {language!r}",
                path=path,
                hint="Set 'language', and put prompts of two languages into two attacks.",
            )
    described = {
        "id": raw["id"],
        "received": _time(raw["received"], path).isoformat(),
        "language": language,
        "expected": raw.get("expected", "blocked-or-refused"),
        "repeats": raw.get("repeats", 1),
        "prompts": [{**asdict(prompt), "sample": prompt.sample and prompt.sample.id} for prompt in prompts],
    }
    text = json.dumps(described, sort_keys=True)
    return AttackPattern(
        id=raw["id"],
        name=raw["name"],
        received=_time(raw["received"], path),
        language=language,
        expected=described["expected"],
        repeats=described["repeats"],
        source=str(raw.get("source", "")),
        prompts=prompts,
        digest=f"sha256:{hashlib.sha256(text.encode()).hexdigest()}",
    )


#: Rule of the schema → what it asks; the validator's own words may repeat the prompt.
_ASKED = {
    "type": "is to be of the type {}",
    "enum": "is to be one of {}",
    "pattern": "is to match {}",
    "minimum": "is to be at least {}",
    "maximum": "is to be at most {}",
    "minItems": "needs at least {}",
    "maxItems": "takes at most {}",
    "minLength": "is empty",
    "maxLength": "takes at most {} characters",
    "oneOf": "needs one of text, turns, file and sample, and no other of them",
}


def _broken(error: Any) -> str:
    if error.validator in {"required", "additionalProperties"}:
        return str(error.message)
    value = error.validator_value
    return _ASKED[error.validator].format(", ".join(value) if error.validator == "enum" else value)


def _load(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"larger than {MAX_BYTES >> 20} MiB", path=path)
        raw = yaml.load(
            path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
    except OSError as error:
        raise InputError(error.strerror or str(error), path=path) from error
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}", path=path, hint="Save it as UTF-8.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        row = None if mark is None else mark.line + 1
        raise InputError("not YAML or JSON", path=path, row=row) from None
    if not isinstance(raw, dict):
        raise InputError("holds no keys", path=path, hint=f"It begins with 'format: {FORMAT}'.")
    return raw


@cache
def _validator() -> Any:
    schema = json.loads((files("kakehashi.evaluate") / "data/schemas/attack.schema.json").read_text("utf-8"))
    return schema_validator(schema)


def _time(text: str, path: Path) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"received: {text!r} is no date",
            path=path,
            hint="Write it like 2026-11-20 or 2026-11-20T09:00:00Z.",
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _prompt(raw: dict[str, Any], name: str, path: Path, find: FindSample) -> PatternPrompt:
    method = ""
    sample: Sample | None = None
    if "sample" in raw:
        method, _, identifier = raw["sample"].partition("#")
        try:
            sample = find(method, identifier)
        except KakehashiError as error:
            raise InputError(error.message, path=path, hint=error.hint) from None
        turns: Sequence[str] = sample.turns
    elif "file" in raw:
        turns = [_text(path.parent, raw["file"], path)]
    else:
        turns = raw["turns"] if "turns" in raw else [raw["text"]]
    system = raw.get("system", sample.system if sample is not None else None)
    return PatternPrompt(name, tuple(turns), system, str(raw.get("request", turns[-1])), method, sample)


def _text(folder: Path, name: str, path: Path) -> str:
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise InputError(f"the file {name!r} lies outside the folder of the feed", path=path)
    try:
        text = target.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(f"the file {name!r} cannot be read as UTF-8 text", path=path) from None
    if not text.strip():
        raise InputError(f"the file {name!r} is empty", path=path)
    return text
