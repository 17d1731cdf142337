"""Taking in files: STIX bundles, envelopes and single objects, AVID documents, folders and archives of them.

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
from kakehashi.exchange.avid import avid_objects, is_avid
from kakehashi.exchange.ids import TLP_2
from kakehashi.exchange.node import Node
from kakehashi.exchange.signing import sign
from kakehashi.exchange.store import Outcome
from kakehashi.exchange.validate import problems_of
from kakehashi.proof import parse_json

_BATCH = 500
_MOST_BYTES = 64 << 20


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

    Raises:
        InputError: In strict mode, something broke the standard, and nothing was taken in; or the store refused an
            object (another content under the same version), and what stood before it was.
    """
    target, done = node.collection(collection), Intake()
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
        sound += [(name, _signed(node, obj) if signed else obj) for obj in objects]
        held += [(name, data, reasons) for data, reasons in broken]
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


def _signed(node: Node, obj: Any) -> Any:
    if obj.get("created_by_ref", node.owner) != node.owner:
        return obj
    return sign({**obj, "created_by_ref": node.owner}, node.key())


def _documents(paths: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*.json")):
                yield file.relative_to(path.parent).as_posix(), file.read_bytes()
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
        document = parse_json(data, path=name, nan_as_null=True)
        if is_avid(document):
            return list(avid_objects(data, name=name, level=level or "clear")), []
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


def _with_level(obj: Any, level: str | None) -> Any:
    if level is None or not isinstance(obj, dict) or obj.get("type") == "marking-definition":
        return obj
    return obj if "object_marking_refs" in obj else {**obj, "object_marking_refs": [TLP_2[level]]}
