"""Manifests that travel: read, written beside an export, held against one another setting by setting."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kakehashi.errors import FormatVersionError, InputError, UnknownNameError
from kakehashi.ledger import Ledger
from kakehashi.ledger.files import write_whole
from kakehashi.model import Subject
from kakehashi.proof import parse_json
from kakehashi.work.view import subject_of

FORMAT = "kakehashi.run/1"
SUFFIX = ".manifest.json"

#: Settings that are each machine's own: runtime of local models, version of the program, sandbox of generated code.
OWN = ("runtime", "kakehashi", "code")

#: In which order settings are looked through for the first that differs: what was asked, of whom, with what.
_ORDER = ("methods", "judge", "languages", "seed", "profile", "subjects", "runtime", "kakehashi")
_NOT_COMPARED = frozenset(
    {"format", "created", "notes", "run", "partial", "key_env", "description", "release"}
)


@dataclass(frozen=True, slots=True)
class SettingDifference:
    """One setting in which two runs differ.

    Attributes:
        path: Where it stands, such as ``"subjects.tiny.base_url"``.
        theirs: The other side's value as JSON text, ``""`` where it has none.
        ours: This side's value as JSON text, ``""`` where it has none.
    """

    path: str
    theirs: str
    ours: str

    def __str__(self) -> str:
        return f"{self.path}: {self.theirs or 'not set'} there, {self.ours or 'not set'} here"


def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest of a run folder, or one that ``results export`` wrote; a folder's is found in it.

    Raises:
        InputError: No such file, not a manifest, or a folder with several.
        FormatVersionError: Written by a newer Kakehashi.
    """
    if path.is_dir():
        found = [path / "manifest.json"] if (path / "manifest.json").is_file() else []
        found = found or sorted(path.glob(f"*{SUFFIX}"))
        if len(found) != 1:
            raise InputError(
                f"holds {len(found)} manifests", path=path, hint="Name the manifest's file itself."
            )
        path = found[0]
    if not path.is_file():
        raise InputError("there is no such manifest", path=path, hint="Name a run folder or its manifest.")
    read = parse_json(path.read_bytes(), path=path)
    if not isinstance(read, dict) or not isinstance(read.get("format"), str):
        raise InputError("not a manifest of a run", path=path)
    family, _, version = str(read["format"]).partition("/")
    if family != "kakehashi.run" or not version.isdigit():
        raise InputError(f"its format is {read['format']!r}, not {FORMAT!r}", path=path)
    if int(version) > 1:
        raise FormatVersionError(str(read["format"]), FORMAT, path=path)
    check_manifest(read, path)
    return read


def check_manifest(manifest: Mapping[str, Any], path: Path | None = None) -> None:
    """Refuse a manifest without what a repetition needs.

    Raises:
        InputError: A key is missing or of another kind.
    """
    for key, kind in (("subjects", list), ("methods", list), ("languages", list), ("seed", int)):
        if not isinstance(manifest.get(key), kind) or isinstance(manifest.get(key), bool):
            raise InputError(f"key {key!r} is missing or of another kind", path=path)
    for key, needed in (("subjects", ("name", "endpoint", "model")), ("methods", ("id", "version"))):
        for row in manifest[key]:
            if not isinstance(row, dict) or any(not isinstance(row.get(name), str) for name in needed):
                raise InputError(f"an entry of {key!r} lacks one of {', '.join(needed)}", path=path)


def manifest_subjects(manifest: Mapping[str, Any], path: Path | None = None) -> tuple[Subject, ...]:
    """The systems of a manifest.

    Raises:
        InputError: A key that no subject has, or a value of another kind.
    """
    found = []
    for row in manifest["subjects"]:
        try:
            found.append(subject_of({"opening": [], **row}))
        except (TypeError, KeyError) as error:
            raise InputError(f"the system {row.get('name')!r} cannot be read: {error}", path=path) from None
    return tuple(found)


def exported_manifest(ledger: Ledger, run: str) -> dict[str, Any]:
    """The manifest of a sealed run as its export carries it: without names of keys.

    Raises:
        UnknownNameError: There is no such run.
    """
    heads = ledger.records(kind="run", run=run)
    if not heads:
        raise UnknownNameError("run", run, [r.text("run") for r in ledger.records(kind="run")])
    body = heads[-1].body
    return {
        **body["settings"],
        "format": FORMAT,
        "run": run,
        "created": body["created"],
        "partial": body["partial"],
        "kakehashi": body["software"].rpartition("/")[2],
        "subjects": body["subjects"],
        "methods": [{key: one[key] for key in one if key != "card"} for one in body["methods"]],
    }


def export_manifest(ledger: Ledger, run: str, folder: Path) -> Path:
    """Write a run's manifest beside its exported results, for ``assess --from``."""
    path = folder / f"{run}{SUFFIX}"
    text = json.dumps(exported_manifest(ledger, run), ensure_ascii=False, sort_keys=True, indent=1)
    write_whole(path, text.encode() + b"\n")
    return path


def shared_manifest(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest without what is a machine's own (:data:`OWN`) and without names of keys."""
    return {
        **{key: value for key, value in manifest.items() if key not in OWN},
        "subjects": [{**row, "key_env": ""} for row in manifest["subjects"]],
    }


def described_subject(subject: Subject) -> dict[str, Any]:
    """A subject as manifests carry it, as plain JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(subject)))
    return plain


def setting_differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> tuple[SettingDifference, ...]:
    """Every setting in which two manifests differ: methods and judge first, software last.

    Examples:
        >>> [str(d) for d in setting_differences({"seed": 1}, {"seed": 2})]
        ['seed: 1 there, 2 here']
    """
    there, here = _flat(theirs), _flat(ours)
    paths = sorted({*there, *here}, key=lambda path: (_place(path), path))
    return tuple(
        SettingDifference(path, there.get(path, ""), here.get(path, ""))
        for path in paths
        if there.get(path) != here.get(path)
    )


def _place(path: str) -> int:
    top = path.partition(".")[0]
    return _ORDER.index(top) if top in _ORDER else _ORDER.index("runtime")


def _flat(value: object, where: str = "") -> dict[str, str]:
    if isinstance(value, Mapping):
        found: dict[str, str] = {}
        for key, inner in value.items():
            if key not in _NOT_COMPARED:
                found |= _flat(inner, f"{where}.{key}" if where else str(key))
        return found
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        named = {str(one.get("name") or one.get("id") or number): one for number, one in enumerate(value)}
        return _flat(named if len(named) == len(value) else dict(enumerate(value)), where)
    return {where: json.dumps(value, ensure_ascii=False, sort_keys=True)}
