"""Taking in files: STIX bundles, envelopes, single objects, documents of other formats; folders and archives of them.

``strict`` refuses a file with anything in it that breaks the standard; ``quarantine`` takes in what is sound and keeps
the rest, with the reasons, where it is never exchanged.
"""

import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError
from kakehashi.exchange.formats import recognize
from kakehashi.exchange.ids import TLP_2
from kakehashi.exchange.node import Node
from kakehashi.exchange.renewal import Renewal
from kakehashi.exchange.signing import sign
from kakehashi.exchange.store import Outcome
from kakehashi.exchange.validate import problems_of
from kakehashi.proof import parse_json

_BATCH = 500
ReadFiles = tuple[list[tuple[str, Any]], list[tuple[str, bytes, list[str]]]]
_MOST_BYTES = 64 << 20
_SUFFIXES = (".json", ".csv", ".yaml", ".yml")


@dataclass(slots=True)
class Intake:
    """What became of what was taken in.

    Attributes:
        stored: Outcomes of objects that are in the store.
        held: What was put in quarantine: where it came from, and why.
    """

    stored: list[Outcome] = field(default_factory=list)
    held: list[tuple[str, list[str]]] = field(default_factory=list)

    @property
    def new(self) -> int:
        """How many objects were not here before."""
        return sum(outcome.new for outcome in self.stored)


def take_in(
    node: Node,
    paths: Sequence[Path],
    *,
    collection: str = "findings",
    quarantine: bool = False,
    level: str | None = None,
    signed: bool = False,
    text: str | None = None,
) -> Intake:
    """Take files into a node's own collection, in the name of its owner.

    Args:
        node: The node.
        paths: Files, folders, or ``.tar.gz`` archives.
        collection: Where to.
        quarantine: Whether what breaks the standard is kept aside instead of refused.
        level: TLP level for objects that bear no marking. They stay their creator's alone without one; AVID documents
            are CLEAR unless said.
        signed: Whether to sign what bears no other maker's name with the node's key.
        text: The prompt of the one attack-pattern among the objects: its sketch is put into the record, the text is
            not.

    Raises:
        InputError: In strict mode, something broke the standard, and nothing was taken in; or the store refused an
            object (another content under the same version), and what stood before it was.
    """
    target, done = node.collection(collection), Intake()
    sound, held = read_files(paths, quarantine=quarantine, level=level)
    if text is not None:
        sound = _sketched(sound, text)
    sound = [
        (name, _signed(node, obj) if signed else obj) for name, obj in Renewal(node, target.id).of(sound)
    ]
    for start in range(0, len(sound), _BATCH):
        batch = sound[start : start + _BATCH]
        receipt = node.store.post(node.me(), target.id, [obj for _, obj in batch])
        for (name, obj), outcome in zip(batch, receipt.outcomes, strict=True):
            if outcome.failure is None:
                done.stored.append(outcome)
            elif quarantine:
                held.append((name, json.dumps(obj, ensure_ascii=False).encode(), [outcome.failure]))
            else:
                raise InputError(f"{outcome.id}: {outcome.failure}", path=name)
    for name in dict.fromkeys(name for name, _, _ in held):
        node.store.quarantine(name, [(data, reasons) for where, data, reasons in held if where == name])
    done.held += [(name, reasons) for name, _, reasons in held]
    return done


def read_files(paths: Sequence[Path], *, quarantine: bool = False, level: str | None = None) -> ReadFiles:
    """Read files without taking them in: the sound objects and what is held, each with the name of its file.

    Raises:
        InputError: Something broke the standard, and it was not to be kept aside.
    """
    sound: list[tuple[str, Any]] = []
    held: list[tuple[str, bytes, list[str]]] = []
    for name, data in _documents(paths):
        objects, broken = _read(name, data, level)
        if broken and not quarantine:
            first = "; ".join(broken[0][1])
            raise InputError(
                f"{len(broken)} of {len(broken) + len(objects)} objects break the standard; the first: {first}",
                path=name,
                hint="Mend the file, or give --quarantine to take in the rest and keep these aside.",
            )
        sound += [(name, obj) for obj in objects]
        held += [(name, data, reasons) for data, reasons in broken]
    return sound, held


def _sketched(sound: list[tuple[str, Any]], text: str) -> list[tuple[str, Any]]:
    patterns = [at for at, (_, obj) in enumerate(sound) if obj["type"] == "attack-pattern"]
    if len(patterns) != 1:
        raise InputError(f"a prompt belongs to one attack-pattern, and here are {len(patterns)}")
    from kakehashi.exchange.known import with_sketch

    name, obj = sound[patterns[0]]
    sound[patterns[0]] = (name, with_sketch(obj, text))
    return sound


def _signed(node: Node, obj: Any) -> Any:
    if obj.get("created_by_ref", node.owner) != node.owner:
        return obj
    return sign({**obj, "created_by_ref": node.owner}, node.key())


def _documents(paths: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.suffix not in _SUFFIXES or not file.is_file():
                    continue
                data = file.read_bytes()
                if (
                    file.suffix == ".json" or recognize(data, None) is not None
                ):  # other tables are no business of ours
                    yield file.relative_to(path.parent).as_posix(), data
        elif path.name.endswith((".tar.gz", ".tgz")):
            yield from _archived(path)
        elif path.is_file():
            yield str(path), path.read_bytes()
        else:
            raise InputError("no such file", path=path)


def _archived(path: Path) -> Iterator[tuple[str, bytes]]:
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(
            path, "r|gz"
        ) as archive:  # in one pass: going back in a packed archive reads it anew
            for entry in archive:
                if not entry.isfile() or not entry.name.endswith(".json") or "/scripts/" in f"/{entry.name}":
                    continue
                if entry.size > _MOST_BYTES:
                    raise InputError(f"{entry.name} is greater than {_MOST_BYTES} bytes", path=path)
                stream = archive.extractfile(entry)
                if stream is not None:
                    found[entry.name] = stream.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(f"not an archive that can be read: {error}", path=path) from error
    yield from sorted(found.items())


def _read(name: str, data: bytes, level: str | None) -> tuple[list[Any], list[tuple[bytes, list[str]]]]:
    """The sound objects of a document, and the others with their reasons."""
    try:
        loose = _parsed(data, name)
        if (known := recognize(data, loose)) is not None:
            reading = known.read(data, name, level)
            return list(reading.objects), list(reading.held)
        document = parse_json(data, path=name)
    except InputError as error:
        return [], [(data, [error.message])]
    if isinstance(document, dict) and (document.get("type") == "bundle" or "type" not in document):
        found = document.get("objects")
        if not isinstance(found, list):
            return [], [(data, ["neither a bundle nor an object"])]
    else:
        found = document if isinstance(document, list) else [document]
    sound: list[Any] = []
    held = []
    for obj in found:
        marked = _with_level(obj, level)
        if problems := problems_of(marked):
            held.append((json.dumps(obj, ensure_ascii=False).encode("utf-8", "surrogatepass"), problems))
        else:
            sound.append(marked)
    return sound, held


def _parsed(data: bytes, name: str) -> Any:
    """What JSON makes of a document; ``None`` where its beginning is not JSON's (CSV, YAML)."""
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"["):
        return None
    return parse_json(data, path=name, nan_as_null=True)


def _with_level(obj: Any, level: str | None) -> Any:
    if level is None or not isinstance(obj, dict) or obj.get("type") == "marking-definition":
        return obj
    return obj if "object_marking_refs" in obj else {**obj, "object_marking_refs": [TLP_2[level]]}
