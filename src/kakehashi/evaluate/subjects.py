"""Subjects from the command line and from YAML files."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import yaml

from kakehashi.errors import FormatVersionError, InputError, UnknownNameError, UsageError
from kakehashi.evaluate.local import embedded_model
from kakehashi.model import GuardSpec, Message, Subject

FORMAT = "kakehashi.subject/1"

_KEYS = {
    "format",
    "name",
    "endpoint",
    "system",
    "opening",
    "guard",
    "parameters",
    "key_env",
    "developer",
    "weights",
    "description",
}
_GUARD_KEYS = {"name", "input_phrases", "output_phrases", "answer"}
_MOCKS = ("refuse", "comply", "echo", "empty", "blocked", "babble")
#: Parameters of subjects named on the command line; a file says its own.
_DEFAULTS: dict[str, dict[str, object]] = {"local": {"temperature": 0, "seed": 0}, "mock": {}}
_SUFFIXES = {".yaml", ".yml"}


class _OnceLoader(yaml.SafeLoader):
    """Plain YAML in which a key stands once: of two, one would be dropped in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for place, (key, _) in enumerate(node.value):
            if isinstance(key, yaml.ScalarNode) and key.value in keys[:place] and key.value != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
        return super().construct_mapping(node, deep)


def parse_subject(text: str) -> Subject:
    """A subject from what a user types.

    ``local/NAME``, ``openai:MODEL``, ``anthropic:MODEL``, ``http(s)://host/v1#MODEL``, ``mock:BEHAVIOR``, the
    name of a shipped subject (``smollm2-primed``), or the path of a YAML file.

    Raises:
        UnknownNameError: An embedded model, a mock behavior or a name that does not exist.
        UsageError: Words of no known form.
        InputError: A file that cannot be used.

    Examples:
        >>> parse_subject("openai:gpt-4o").model
        'gpt-4o'
        >>> parse_subject("http://127.0.0.1:8000/v1#tiny").base_url
        'http://127.0.0.1:8000/v1'
    """
    if Path(text).suffix in _SUFFIXES:
        return subject_from_file(Path(text))
    if text in shipped_subjects():
        return subject_from_text(_shipped(text).read_text(encoding="utf-8"), where=f"{text}.yaml")
    endpoint, model, base_url = _endpoint(text)
    developer = weights = ""
    if endpoint == "local":
        known = embedded_model(model)
        developer, weights = known.developer, known.weights
    return Subject(
        name=_name(model if endpoint != "mock" else f"mock-{model}"),
        endpoint=endpoint,
        model=model,
        base_url=base_url,
        parameters=dict(_DEFAULTS.get(endpoint, {"temperature": 0})),
        developer=developer,
        weights=weights,
    )


def shipped_subjects() -> tuple[str, ...]:
    """Names of the subjects that the package ships for the demonstration."""
    folder = files("kakehashi.evaluate") / "data" / "subjects"
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir()))


def _shipped(name: str) -> Any:
    return files("kakehashi.evaluate") / "data" / "subjects" / f"{name}.yaml"


def subject_from_file(path: Path) -> Subject:
    """A subject from a YAML file of format ``kakehashi.subject/1``.

    Raises:
        InputError: Missing, not UTF-8, not YAML, a wrong or missing key, or a value of the wrong type.
        FormatVersionError: Written for a newer Kakehashi.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError("no such subject file", path=path) from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8 at byte {error.start}", path=path, hint="Save the file as UTF-8."
        ) from None
    except OSError as error:
        raise InputError(error.strerror or str(error), path=path) from error
    return subject_from_text(text, where=str(path))


def subject_from_text(text: str, *, where: str) -> Subject:
    """A subject from YAML text; ``where`` names it in errors."""
    try:
        raw = yaml.load(text, Loader=_OnceLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        row = None if mark is None else mark.line + 1
        raise InputError(f"not YAML: {getattr(error, 'problem', error)}", path=where, row=row) from None
    if not isinstance(raw, dict):
        raise InputError("holds no keys; a subject needs at least 'name' and 'endpoint'", path=where)
    _check_format(raw.get("format", FORMAT), where)
    _check_keys(raw, _KEYS, where)
    for key in ("name", "endpoint"):
        if not isinstance(raw.get(key), str):
            raise InputError(f"key {key!r} is missing or not text", path=where)
    base = parse_subject(raw["endpoint"])
    return Subject(
        name=_name(raw["name"]),
        endpoint=base.endpoint,
        model=base.model,
        base_url=base.base_url,
        system=_text(raw, "system", where),
        opening=_opening(raw.get("opening", []), where),
        guard=_guard(raw.get("guard"), where),
        parameters=_parameters(raw["parameters"], where) if "parameters" in raw else base.parameters,
        key_env=_text(raw, "key_env", where) or base.key_env,
        developer=_text(raw, "developer", where) or base.developer,
        weights=_text(raw, "weights", where) or base.weights,
        description=_text(raw, "description", where),
    )


def _endpoint(text: str) -> tuple[str, str, str]:
    if text.startswith(("http://", "https://")):
        parts = urlsplit(text)
        if not parts.fragment:
            raise UsageError(
                f"{_shown(text)!r} names no model",
                hint="Write the model after a '#': http://host:8000/v1#name",
            )
        if "@" in parts.netloc:
            raise UsageError(
                "an address must not hold a user name or a password",
                hint="Put the key into an environment variable.",
            )
        return "openai", parts.fragment, urlunsplit((parts.scheme, parts.netloc, parts.path, parts.query, ""))
    if "://" in text:
        raise UsageError(
            f"{_shown(text)!r} is no http or https address",
            hint="Write it like http://127.0.0.1:8000/v1#name",
        )
    if text.startswith("local/"):
        return "local", embedded_model(text.removeprefix("local/")).name, ""
    kind, colon, model = text.partition(":")
    if colon and kind in {"openai", "anthropic"} and model:
        return kind, model, ""
    if colon and kind == "mock":
        if model not in _MOCKS:
            raise UnknownNameError("mock behavior", model, _MOCKS)
        return "mock", model, ""
    near = [*shipped_subjects(), "local/smollm2", "openai:MODEL", "anthropic:MODEL"]
    raise UnknownNameError("subject", text, near)


def _shown(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rsplit("@", 1)[-1], parts.path, "", ""))


def _name(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", text).strip("-") or "subject"


def _check_format(found: object, where: str) -> None:
    family, _, version = str(found).rpartition("/")
    if family != "kakehashi.subject" or not version.isdigit():
        raise InputError(f"format {found!r} is not {FORMAT!r}", path=where)
    if int(version) > 1:
        raise FormatVersionError(str(found), FORMAT, path=where)


def _check_keys(raw: Mapping[object, object], known: set[str], where: str) -> None:
    for key in raw:
        if key not in known:
            wrong = UnknownNameError("key", str(key), sorted(known))
            raise InputError(wrong.message, path=where, hint=wrong.hint)


def _text(raw: Mapping[str, object], key: str, where: str) -> str:
    value = raw.get(key, "")
    if not isinstance(value, str):
        raise InputError(f"key {key!r} must be text, not {type(value).__name__}", path=where)
    return value


def _opening(raw: object, where: str) -> tuple[Message, ...]:
    if not isinstance(raw, list):
        raise InputError("key 'opening' must be a list of {role, content}", path=where)
    messages = []
    for row in raw:
        if (
            not isinstance(row, dict)
            or set(row) != {"role", "content"}
            or row["role"] not in {"user", "assistant"}
            or not isinstance(row["content"], str)
        ):
            raise InputError(
                "each entry of 'opening' needs 'role' (user or assistant) and 'content' (text)", path=where
            )
        messages.append(Message(row["role"], row["content"]))
    return tuple(messages)


def _guard(raw: object, where: str) -> GuardSpec | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise InputError("key 'guard' must hold name, input_phrases, output_phrases, answer", path=where)
    _check_keys(raw, _GUARD_KEYS, where)
    phrases: dict[str, tuple[str, ...]] = {}
    for key in ("input_phrases", "output_phrases"):
        value = raw.get(key, [])
        if not isinstance(value, list) or not all(isinstance(entry, str) and entry for entry in value):
            raise InputError(f"guard.{key} must be a list of texts", path=where)
        phrases[key] = tuple(value)
    guard = GuardSpec(
        name=_text(raw, "name", where) or "guard",
        input_phrases=phrases["input_phrases"],
        output_phrases=phrases["output_phrases"],
    )
    return replace(guard, answer=_text(raw, "answer", where)) if "answer" in raw else guard


def _parameters(raw: object, where: str) -> dict[str, object]:
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise InputError("key 'parameters' must hold names and values", path=where)
    for key in raw:
        if key in {"messages", "model", "stream", "n"} or "key" in key.lower() or key.lower() == "token":
            raise InputError(f"parameters.{key} cannot be set here", path=where)
        try:
            json.dumps(raw[key], allow_nan=False)
        except (TypeError, ValueError):
            raise InputError(
                f"parameters.{key} is {raw[key]!r}, which no request can carry",
                path=where,
                hint="Write a finite number, a text, true or false, a list or keys and values.",
            ) from None
    return dict(raw)
