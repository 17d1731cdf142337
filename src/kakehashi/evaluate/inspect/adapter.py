"""What has to be said of an Inspect task before its scores mean anything: construct, direction, category, score."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from kakehashi.errors import FormatVersionError, InputError, UnknownNameError, UsageError
from kakehashi.model import CONSTRUCTS, Polarity

FORMAT = "kakehashi.inspect/1"
PREFIX = "inspect:"
_KEYS = frozenset(
    {
        "format", "task", "title", "construct", "polarity", "measure", "low", "high", "category", "language", "score",
        "values", "grader_args", "needs_grader", "args", "epochs", "licence", "version",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class InspectAdapter:
    """How an Inspect task becomes a method.

    Attributes:
        task: ``"inspect_evals/NAME"`` (any registered task), or ``"path/to/file.py@name"``.
        version: Version of the package that holds the task, or of the user's file.
        title: Title in English and Japanese.
        construct: What is meant to be measured.
        polarity: Which direction of the score is the better one.
        measure: Name of the measure, such as ``"harm-score"``.
        low: Least value, ``None`` where there is none.
        high: Greatest value.
        category: Field of a sample's metadata that holds its category, dots for what lies within; or ``""``.
        language: Language of the items.
        score: Which score counts: ``"scorer"`` or ``"scorer/part"``; ``""`` for the only one.
        values: Number for each word that the scorer gives, beside Inspect's own C, I, P and N.
        grader_args: Arguments of the task that name its grader, beside the role ``grader``.
        needs_grader: Whether the task cannot do without a grader.
        args: Arguments of the task.
        epochs: How often each sample is put, or ``None`` for the task's own number.
        licence: Licence of the items.
        stated: Whether a file said all this, or nothing is known but the task's name.
    """

    task: str
    version: str
    title: Mapping[str, str]
    construct: str = "own"
    polarity: Polarity = Polarity.NONE
    measure: str = "score"
    low: float | None = None
    high: float | None = None
    category: str = ""
    language: str = "en"
    score: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    grader_args: tuple[str, ...] = ()
    needs_grader: bool = False
    args: Mapping[str, Any] = field(default_factory=dict)
    epochs: int | None = None
    licence: str = "not stated"
    stated: bool = True

    @property
    def id(self) -> str:
        """Identifier of the method."""
        return f"inspect/{self.name}"

    @property
    def name(self) -> str:
        """Name of the task without the folders of this machine."""
        if ".py" not in self.task:
            return self.task
        file, _, task = self.task.partition("@")
        return task or Path(file).stem

    def described(self) -> dict[str, Any]:
        """As a run's manifest keeps it: everything but where the file lies."""
        plain = {**asdict(self), "task": self.name, "polarity": str(self.polarity)}
        loaded: dict[str, Any] = json.loads(json.dumps(plain))
        return loaded


def is_inspect(name: str) -> bool:
    """Whether a method is named as an Inspect task.

    Examples:
        >>> is_inspect("inspect:inspect_evals/agentharm"), is_inspect("core")
        (True, False)
    """
    return name.startswith(PREFIX)


def read_adapter(name: str) -> InspectAdapter:
    """The adapter of a method named ``inspect:PACKAGE/TASK``, ``inspect:FILE.py@TASK`` or ``inspect:ADAPTER.yaml``.

    Raises:
        UsageError: The name is of none of these forms.
        InputError: The adapter or the task's file cannot be used.
    """
    word = name.removeprefix(PREFIX)
    if word.endswith((".yaml", ".yml")):
        return _from_file(Path(word))
    if word.endswith(".py"):
        raise UsageError(
            f"{name!r} names a file and none of its tasks",
            hint=f"Write {name}@TASK, with the task's function.",
        )
    if "@" in word:
        return _bare(_absolute(word, Path()))
    if "/" not in word:
        raise UsageError(
            f"{name!r} names no Inspect task",
            hint="Write inspect:inspect_evals/NAME, inspect:path/to/task.py@NAME or inspect:adapter.yaml.",
        )
    shipped = _shipped()
    if word in shipped:
        return _adapter({**shipped[word], "format": FORMAT, "task": word}, "the shipped adapters", Path())
    return _bare(word)


def _shipped() -> dict[str, dict[str, Any]]:
    text = (files("kakehashi.evaluate") / "data" / "inspect" / "adapters.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    found: dict[str, dict[str, Any]] = loaded["tasks"]
    return found


def shipped_adapters() -> list[InspectAdapter]:
    """Every adapter that the package ships."""
    return [read_adapter(PREFIX + task) for task in _shipped()]


def _bare(task: str) -> InspectAdapter:
    found = InspectAdapter(task, version_of(task), {}, stated=False)
    return replace(found, title={"en": found.name, "ja": found.name})


def version_of(task: str) -> str:
    """Version of what holds a task: of its package, or the hash of its file."""
    if ".py" in task:
        path = Path(task.partition("@")[0])
        try:
            return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
        except OSError as error:
            raise InputError(error.strerror or str(error), path=path) from None
    package = task.partition("/")[0]
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def _absolute(task: str, beside: Path) -> str:
    file, at, name = task.partition("@")
    path = Path(file) if Path(file).is_absolute() else beside / file
    if not path.is_file():
        raise InputError("no such file of Inspect tasks", path=path)
    return f"{path.resolve()}{at}{name}"


def _from_file(path: Path) -> InspectAdapter:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(error.strerror or str(error), path=path) from error
    except (yaml.YAMLError, UnicodeDecodeError):
        raise InputError("not YAML in UTF-8", path=path) from None
    if not isinstance(raw, dict):
        raise InputError("holds no keys", path=path, hint=f"It begins with 'format: {FORMAT}'.")
    family, _, number = str(raw.get("format", "")).partition("/")
    if family == "kakehashi.inspect" and number.isdigit() and int(number) > 1:
        raise FormatVersionError(str(raw["format"]), FORMAT, path=path)
    if raw.get("format") != FORMAT:
        raise InputError(f"format {raw.get('format')!r} is not {FORMAT!r}", path=path)
    return _adapter(raw, str(path), path.parent)


def _adapter(raw: Mapping[str, Any], where: str, beside: Path) -> InspectAdapter:
    for key in raw:
        if key not in _KEYS:
            wrong = UnknownNameError("key", str(key), sorted(_KEYS))
            raise InputError(wrong.message, path=where, hint=wrong.hint)
    task = raw.get("task")
    if not isinstance(task, str):
        raise InputError("key 'task' is missing or not text", path=where)
    if ".py" in task:
        task = _absolute(task, beside)
    construct = raw.get("construct")
    if construct not in CONSTRUCTS:
        wrong = UnknownNameError("construct", str(construct), sorted(CONSTRUCTS))
        raise InputError(wrong.message, path=where, hint=wrong.hint)
    try:
        polarity = Polarity(str(raw.get("polarity")))
    except ValueError:
        raise InputError(
            f"polarity {raw.get('polarity')!r} is none", path=where, hint=f"One of {', '.join(Polarity)}."
        ) from None
    name = task.rpartition("@")[2].rpartition("/")[2]
    title = raw.get("title", name)
    try:
        return InspectAdapter(
            task=task,
            version=str(raw.get("version") or version_of(task)),
            title=dict(title) if isinstance(title, dict) else {"en": str(title), "ja": str(title)},
            construct=construct,
            polarity=polarity,
            measure=str(raw.get("measure", "score")),
            low=None if raw.get("low", 0.0) is None else float(raw.get("low", 0.0)),
            high=None if raw.get("high", 1.0) is None else float(raw.get("high", 1.0)),
            category=str(raw.get("category", "")),
            language=str(raw.get("language", "en")),
            score=str(raw.get("score", "")),
            values={str(k): float(v) for k, v in dict(raw.get("values", {})).items()},
            grader_args=tuple(map(str, raw.get("grader_args", ()))),
            needs_grader=bool(raw.get("needs_grader", bool(raw.get("grader_args")))),
            args=dict(raw.get("args", {})),
            epochs=None if raw.get("epochs") is None else int(raw["epochs"]),
            licence=str(raw.get("licence", "not stated")),
        )
    except (TypeError, ValueError) as error:
        raise InputError(f"a value is of the wrong kind: {error}", path=where) from None
