"""The append-only log of a watch, from which a session knows where the ones before it ended."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from kakehashi.errors import CorruptFileError, UsageError
from kakehashi.evaluate.engine.appendlog import AppendLog, line, parse, read_lines, write_whole
from kakehashi.evaluate.engine.lock import FolderLock
from kakehashi.evaluate.engine.runfolder import differences
from kakehashi.model import Subject
from kakehashi.work.watch_state import AttackState, Happening, RoundResult, WatchSettings, after_round
from kakehashi.work.workspace import Workspace

FORMAT = "kakehashi.watch/1"


class WatchLog:
    """The append-only log of a watch: its settings, attacks as they appear, rounds as they begin and end.

    A context manager that holds the watch's lock.

    Args:
        rooms: The workspace.
        subject: The system that is watched.
        name: Tells watches of one system apart.
        settings: What decides the watch's statements.
        max_tokens: Most tokens for each answer.

    Attributes:
        watch: Identifier of the watch.
        path: Folder of the log.
        settings: As given.
        attacks: Where each attack stands.
        digests: Attack → digest of its pattern when it was first seen.
        rounds: Number of the last round.
        open_round: The round that was begun and has not ended, or ``None``.

    Raises:
        LockedError: Another process runs this watch.
        UsageError: Other settings than those that the watch was begun with.
        CorruptFileError: The log is damaged.
    """

    def __init__(
        self, rooms: Workspace, subject: Subject, name: str, settings: WatchSettings, max_tokens: int
    ) -> None:
        self.settings = settings
        identity = {"subject": json.loads(json.dumps(asdict(subject))), "feed": name}
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        self.watch = f"watch-{digest[:12]}"
        self.path = rooms.runs / self.watch
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(self.path / "lock", "watch")
        try:
            self._check(
                {"format": FORMAT, **identity, "settings": asdict(settings), "max_tokens": max_tokens}
            )
            self._log = AppendLog(self.path / "watch.jsonl")
            self.attacks: dict[str, AttackState] = {}
            self.digests: dict[str, str] = {}
            self.rounds = 0
            self.open_round: Mapping[str, Any] | None = None
            for event in self._events():
                self._take(event)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> "WatchLog":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the log and release the lock."""
        self._log.close()
        self._lock.release()

    def _check(self, manifest: dict[str, Any]) -> None:
        path = self.path / "watch.json"
        if not path.exists():
            text = json.dumps(manifest, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
            write_whole(path, text.encode())
            return
        try:
            found = json.loads(path.read_bytes())
        except ValueError:
            raise CorruptFileError("is no manifest of a watch", path=path) from None
        changed = differences(found, manifest)
        if changed:
            raise UsageError(
                f"{self.path} holds a watch with other settings:\n  " + "\n  ".join(changed[:20]),
                hint="Give the same settings to go on with it, or --name for a new watch.",
            )

    def _events(self) -> Iterator[dict[str, Any]]:
        path = self.path / "watch.jsonl"
        for offset, raw in read_lines(path):
            yield parse(raw, path, offset)

    def write(self, event: str, when: datetime, **facts: object) -> list[Happening]:
        """Append an event, force it onto the disk and take it in."""
        record = {"event": event, "time": when.isoformat(), **facts}
        self._log.append(line(record))
        self._log.flush()
        self._log.sync()
        return self._take(json.loads(line(record)))

    def _take(self, event: Mapping[str, Any]) -> list[Happening]:
        happened: list[Happening] = []
        if event["event"] == "attack-seen":
            name = event["attack"]
            self.digests[name] = event["digest"]
            self.attacks[name] = AttackState.new(
                name, len(self.attacks) + 1, datetime.fromisoformat(event["received"]), self.settings
            )
        elif event["event"] == "round-begins":
            self.open_round, self.rounds = event, event["round"]
        elif event["event"] == "round-ends":
            self.open_round = None
            for name, raw in event["results"].items():
                self.attacks[name], new = after_round(
                    self.attacks[name], RoundResult.from_json(raw), self.settings
                )
                happened += new
        return happened
