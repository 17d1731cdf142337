"""Where ``watch`` takes its attacks from: a folder, or the attack patterns of an exchange node."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kakehashi.errors import EndpointError, InputError, KakehashiError
from kakehashi.evaluate.attacks.pattern import (
    MAX_BYTES,
    SUFFIXES,
    AttackPattern,
    Feed,
    FindSample,
    read_feed,
    read_pattern,
)
from kakehashi.work.workspace import Workspace

if TYPE_CHECKING:
    from kakehashi.exchange import Node

EXCHANGE = "exchange:"


@dataclass(frozen=True, slots=True)
class AttackSource:
    """Where attacks come from.

    Attributes:
        name: Tells it apart from other feeds of one system.
        folder: Folder of patterns, or of the payloads that the records of a node refer to.
        node: Folder of the exchange node, or ``None`` for a plain folder.
        url: Collection that is pulled into the node before each reading, or ``""``.
        token: What opens it; it stands in no ``repr``.
    """

    name: str
    folder: Path
    node: Path | None = None
    url: str = ""
    token: str = field(default="", repr=False)

    def read(self, find: FindSample, unreachable: Callable[[KakehashiError], None] | None = None) -> Feed:
        """What there is now.

        Args:
            find: From a method's name and a sample's identifier to the sample.
            unreachable: Told that the collection cannot be reached, and what the node has is taken; without it that is
                an error.

        Raises:
            InputError: No such folder or node.
            EndpointError: The collection cannot be reached.
        """
        if self.node is None:
            return read_feed(self.folder, find)
        from kakehashi.exchange import Node, pull

        node = Node.open(self.node)
        try:
            if self.url:
                try:
                    pull(node, self.url, self.token)
                except EndpointError as error:
                    if unreachable is None:
                        raise
                    unreachable(error)
            return _of_node(node, self.folder, find)
        finally:
            node.store.close()


def attack_source(
    words: Path | str, rooms: Workspace, *, payloads: Path | None = None, token: str = ""
) -> AttackSource:
    """What the words name: ``exchange:`` with a node's folder, the address of a collection, or a folder.

    Args:
        words: ``exchange:`` alone is the workspace's own node; a collection is pulled into that.
        rooms: The workspace.
        payloads: Folder of the payloads; ``payloads`` in the node's folder by default.
        token: What opens the collection.

    Raises:
        InputError: There is no such node.
    """
    text = str(words)
    url = text if text.startswith(("http://", "https://")) else ""
    if not url and not text.startswith(EXCHANGE):
        return AttackSource(Path(words).resolve().name, Path(words))
    named = "" if url else text.removeprefix(EXCHANGE)
    node = Path(named) if named else rooms.exchange
    if not (node / "node.sqlite").exists() and (node / "exchange" / "node.sqlite").exists():
        node = node / "exchange"  # a workspace was named
    if not (node / "node.sqlite").exists():
        raise InputError("there is no exchange node here", path=node, hint="Run: kakehashi exchange init")
    return AttackSource(url or node.resolve().parent.name, payloads or node / "payloads", node, url, token)


def _of_node(node: "Node", folder: Path, find: FindSample) -> Feed:
    """The node's attack patterns whose payloads are held here; records name them by hash alone."""
    held = _held(folder)
    patterns: dict[str, AttackPattern] = {}
    faults: list[tuple[str, KakehashiError]] = []
    skipped: list[tuple[str, str, str]] = []
    for made in _records(node):
        name, digest = str(made.get("name", "")), _payload(made)
        path = held.get(digest)
        if path is None:
            skipped.append((str(made["id"]), name, "no payload"))
            continue
        try:
            pattern = read_pattern(path, find)
            if pattern.id in patterns:
                raise InputError(f"the id {pattern.id!r} is used by another record", path=path)
            patterns[pattern.id] = pattern
        except KakehashiError as error:
            faults.append((path.name, error))
    return Feed(tuple(patterns.values()), tuple(faults), tuple(skipped))


def _records(node: "Node") -> list[Mapping[str, Any]]:
    """The newest version of each attack pattern that the node's owner may see, in the order of their ids."""
    from kakehashi.exchange import Filters

    found: dict[str, Mapping[str, Any]] = {}
    for collection in node.store.collections():
        page = node.store.page(
            node.me(),
            collection.id,
            Filters(types=frozenset({"attack-pattern"})),
            limit=10**6,
            budget=1 << 40,
        )
        found |= {entry.id: json.loads(entry.data) for entry in page.entries}
    return [made for _, made in sorted(found.items()) if not made.get("revoked")]


def _payload(made: Mapping[str, Any]) -> str:
    from kakehashi.exchange import extension_of

    return str((extension_of(made, "attack-pattern") or {}).get("payload_sha256", ""))


def _held(folder: Path) -> dict[str, Path]:
    """SHA-256 → file, of the payloads that are here."""
    if not folder.is_dir():
        return {}
    return {
        hashlib.sha256(path.read_bytes()).hexdigest(): path
        for path in sorted(folder.iterdir())
        if path.suffix in SUFFIXES and path.is_file() and path.stat().st_size <= MAX_BYTES
    }
