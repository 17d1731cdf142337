"""The run folder: the log of a run, and the only place from which it goes on.

    manifest.json   what the run is: subjects, methods, settings; format "kakehashi.run/1"
    calls.jsonl     every request that was answered, with the whole response, time and number of tries
    rows.jsonl      every finished sample: answer, score, keys of its calls; a job's last row is the one that counts
    events.jsonl    sessions, failed tries, refused parameters, warnings
    complete.json   counts and hashes, once nothing is missing
    lock            who is writing

A call is written before the row that rests on it, unbuffered, at the end of each turn of the event loop: a kill
at any moment loses nothing that was answered before that turn. Nothing is ever rewritten, and a half line at the
end is cut off on opening.
"""

import asyncio
import contextlib
import hashlib
import json
import re
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from kakehashi.errors import (
    CorruptFileError,
    DiskFullError,
    FormatVersionError,
    InputError,
    StorageError,
    UsageError,
)
from kakehashi.evaluate.engine.appendlog import (
    AppendLog,
    line,
    parse,
    read_lines,
    storage_error,
    write_whole,
)
from kakehashi.evaluate.engine.keyindex import KeyIndex
from kakehashi.evaluate.engine.lock import FolderLock
from kakehashi.evaluate.engine.rows import FinishedRow, JobKey, from_record, to_line

FORMAT = "kakehashi.run/1"
#: Bytes that must be free for more to be asked: what is under way, and its rows, have to be written yet.
ROOM = 8 << 20
NOT_COMPARED = frozenset({"format", "created", "notes"})
_CALL_PREFIX = b'{"call":"'
_KEY_START = len(_CALL_PREFIX)
_KEY_END = _KEY_START + 64
_PLAIN_TAIL = re.compile(
    rb'"calls":\[[^\]]*\],"epoch":(\d+),"method":"([^"]*)","retry":(true|false),"sample":"([^"]*)",'
    rb'"score":.*,"subject":"([^"]*)"\}\n\Z'
)


_second: tuple[int, str] = (0, "")


def now() -> str:
    """The time as logs write it: ISO 8601, UTC, milliseconds."""
    global _second  # the text of the running second; nearly all times of a log share theirs
    seconds, rest = divmod(time.time_ns(), 1_000_000_000)
    if seconds != _second[0]:
        _second = (seconds, datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    return f"{_second[1]}.{rest // 1_000_000:03d}Z"


def differences(old: object, new: object, where: str = "") -> list[str]:
    """The settings in which two manifests differ, each as ``path: old, then new``.

    Examples:
        >>> differences({"a": [1, 2]}, {"a": [1, 3]})
        ['a[1]: 2 before, 3 now']
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        found = []
        for name in sorted({*old, *new}, key=str):
            path = f"{where}.{name}" if where else str(name)
            if name not in old:
                found.append(f"{path}: not set before, {_short(new[name])} now")
            elif name not in new:
                found.append(f"{path}: {_short(old[name])} before, not set now")
            else:
                found.extend(differences(old[name], new[name], path))
        return found
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            each
            for i, (a, b) in enumerate(zip(old, new, strict=True))
            for each in differences(a, b, f"{where}[{i}]")
        ]
    return [] if old == new else [f"{where}: {_short(old)} before, {_short(new)} now"]


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"


class RunFolder:
    """An open run folder; use :meth:`create` or :meth:`open`, and as a context manager.

    Attributes:
        path: The folder.
        manifest: What the run is.
        read_only: Whether it was opened without the lock, for reading alone.
    """

    def __init__(self, path: Path, manifest: dict[str, Any], lock: FolderLock | None) -> None:
        self.path = path
        self.manifest = manifest
        self.read_only = lock is None
        self._lock = lock
        self._calls: AppendLog | None = None
        self._rows: AppendLog | None = None
        self._events: AppendLog | None = None
        self._index = KeyIndex()
        self._done: frozenset[JobKey] | None = None
        self._marked = self.is_complete
        self._flush_planned = False
        if lock is not None:
            self._calls = AppendLog(path / "calls.jsonl")
            self._rows = AppendLog(path / "rows.jsonl")
            self._events = AppendLog(path / "events.jsonl")
            for offset, raw in read_lines(path / "calls.jsonl"):
                if not raw.startswith(_CALL_PREFIX):
                    raise CorruptFileError(f"no call at byte {offset}", path=path / "calls.jsonl")
                try:
                    self._index.add(raw[_KEY_START:_KEY_END], offset)
                except ValueError:
                    raise CorruptFileError(f"no key at byte {offset}", path=path / "calls.jsonl") from None

    @classmethod
    def create(cls, path: Path | str, manifest: Mapping[str, Any]) -> "RunFolder":
        """Begin a run, or go on with the one that is there if its manifest says the same.

        Args:
            path: The folder; made when missing.
            manifest: What the run is, JSON-ready. ``created`` and ``notes`` may differ on resuming (put
                the time, the machine and the budget there), everything else may not.

        Raises:
            LockedError: Another process is writing there.
            UsageError: The run there has other settings; the message names each.
            InputError: The folder holds other things.
        """
        folder = Path(path)
        wanted: dict[str, Any] = json.loads(line(dict(manifest)))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise storage_error(exc, folder) from exc
        if not (folder / "manifest.json").exists():
            strangers = sorted(
                p.name for p in folder.iterdir() if p.name not in ("lock", "manifest.json.new")
            )
            if strangers:
                raise InputError(
                    f"holds other files ({', '.join(strangers[:3])}) and no run",
                    path=folder,
                    hint="Give an empty or a new folder.",
                )
        lock = FolderLock(folder / "lock", "run folder")
        try:
            if (folder / "manifest.json").exists():
                found = _read_manifest(folder)
                changed = differences(_compared(found), _compared(wanted))
                if changed:
                    raise UsageError(
                        f"{folder} holds a run with other settings:\n  " + "\n  ".join(changed[:20]),
                        hint="Give the same settings to go on with it, or another folder for a new run.",
                    )
            else:
                found = {"created": now(), **wanted, "format": FORMAT}
                text = json.dumps(found, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
                write_whole(folder / "manifest.json", text.encode())
            return cls(folder, found, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, path: Path | str, *, read_only: bool = False) -> "RunFolder":
        """Open the run that is there, whatever its settings are.

        Args:
            path: The folder.
            read_only: Without the lock: rows can be read, also while another process is writing.

        Raises:
            InputError: There is no run.
            LockedError: Another process is writing there.
        """
        folder = Path(path)
        if not (folder / "manifest.json").is_file():
            raise InputError("there is no run here", path=folder, hint="Name the folder given with --out.")
        if read_only:
            return cls(folder, _read_manifest(folder), None)
        lock = FolderLock(folder / "lock", "run folder")
        try:
            return cls(folder, _read_manifest(folder), lock)
        except BaseException:
            lock.release()
            raise

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except StorageError:
            if error is None:  # else it is the same full disk, or something worse
                raise

    # Reading

    def _records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        self.flush()
        path = self.path / "rows.jsonl"
        for offset, raw in read_lines(path):
            yield offset, parse(raw, path, offset)

    def _jobs(self) -> Iterator[tuple[int, JobKey, bool]]:
        """Each row: where it begins, its job, and whether that is to be tried again."""
        self.flush()
        path = self.path / "rows.jsonl"
        for offset, raw in read_lines(path):
            yield offset, *_job_of(raw, path, offset)

    def done(self) -> frozenset[JobKey]:
        """Jobs that are finished; those that ended in an error are not among them and are tried again.

        Until the next row is written the answer is kept: on resuming a long run several ask.
        """
        if self._done is not None:
            return self._done
        finished: set[JobKey] = set()
        for _, key, retry in self._jobs():
            if retry:
                finished.discard(key)
            else:
                finished.add(key)
        found = frozenset(finished)
        if not self.read_only:  # else another process may be writing
            self._done = found
        return found

    def rows(self) -> Iterator[FinishedRow]:
        """The last row of each job, in the order in which they were written, one at a time."""
        for _, row in self.placed_rows():
            yield row

    def placed_rows(self) -> Iterator[tuple[int, FinishedRow]]:
        """As :meth:`rows`, each with the place at which :meth:`rows_at` finds it again."""
        latest = {key: offset for offset, key, _ in self._jobs()}
        current = set(latest.values())
        del latest
        for offset, record in self._records():
            if offset in current:
                yield offset, from_record(record)

    def rows_at(self, places: Iterable[int]) -> Iterator[FinishedRow]:
        """The rows at these places, in their order, one at a time: texts need not stay in memory to be sorted."""
        self.flush()
        path = self.path / "rows.jsonl"
        with path.open("rb") as file:
            for offset in places:
                file.seek(offset)
                yield from_record(parse(file.readline(), path, offset))

    def calls(self) -> Iterator[dict[str, Any]]:
        """Every call: key, request, response, time."""
        self.flush()
        path = self.path / "calls.jsonl"
        for offset, raw in read_lines(path):
            yield parse(raw, path, offset)

    def events(self, kind: str = "") -> Iterator[dict[str, Any]]:
        """Sessions, failed tries, refused parameters, warnings; those of one kind, or all."""
        self.flush()
        path = self.path / "events.jsonl"
        mark = f'"event":"{kind}"'.encode()
        for offset, raw in read_lines(path):
            if not kind or mark in raw:
                event = parse(raw, path, offset)
                if not kind or event["event"] == kind:
                    yield event

    def find(self, key: str) -> dict[str, Any] | None:
        """The call under a key, if this run has made it."""
        if self._calls is None:
            return None
        for offset in self._index.offsets(key):
            record = self._calls.read_at(offset)
            if record["call"] == key:
                return record
        return None

    @property
    def is_complete(self) -> bool:
        """Whether :meth:`mark_complete` was called and nothing was written since."""
        return (self.path / "complete.json").is_file()

    # Writing

    def _writable(self, log: AppendLog | None) -> AppendLog:
        if log is None:
            raise UsageError(f"{self.path} was opened for reading alone")
        return log

    def add_call(self, key: str, fields: str) -> None:
        """Log one answered request.

        Args:
            key: Key of the wire request.
            fields: The other fields as JSON, sorted, without braces.

        Raises:
            DiskFullError: No space left; everything before is whole.
        """
        data = f'{{"call":"{key}",{fields}}}\n'.encode()
        self._index.add(key, self._writable(self._calls).append(data))
        self._flush_soon()

    def add_row(self, row: FinishedRow) -> None:
        """Append one finished sample.

        Raises:
            DiskFullError: No space left; everything before is whole.
        """
        log = self._writable(self._rows)
        if self._marked:
            (self.path / "complete.json").unlink(missing_ok=True)
            self._marked = False
        self._done = None
        log.append(to_line(row))
        self._flush_soon()

    def add_event(self, event: str, **facts: object) -> None:
        """Log something that happened to the run."""
        self._writable(self._events).append(line({"event": event, "time": now(), **facts}))
        self._flush_soon()

    def _flush_soon(self) -> None:
        """Write at the end of this turn of the event loop, or now where there is no loop."""
        if self._flush_planned:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        self._flush_planned = True
        loop.call_soon(self._flush_at_end_of_turn)

    def _flush_at_end_of_turn(self) -> None:
        self._flush_planned = False
        with contextlib.suppress(StorageError):  # the next append or flush raises it again
            self.flush()

    def flush(self) -> None:
        """Write what was added: calls before the rows that rest on them.

        Raises:
            DiskFullError: No space left; everything before is whole.
        """
        for log in (self._calls, self._rows, self._events):
            if log is not None:
                log.flush()

    def check_room(self) -> None:
        """Look whether there is room for the answers that are under way, before more are asked for.

        Raises:
            DiskFullError: Less than :data:`ROOM` bytes are left. What is under way can still be written.
        """
        try:
            usage = shutil.disk_usage(self.path)
        except OSError:  # what cannot be asked is found out in writing
            return
        if usage.total and usage.free < ROOM:
            raise DiskFullError(
                f"no space left to go on: {usage.free / 1e6:.1f} MB, and answers under way need room",
                path=self.path,
                hint="Free some space and run the same command again: it goes on where it was.",
            )

    def sync(self) -> None:
        """Force everything onto the disk."""
        for log in (self._calls, self._rows, self._events):
            if log is not None:
                log.sync()

    def mark_complete(self) -> None:
        """Say that nothing is missing, with the number of rows and the hashes of the files."""
        self._writable(self._rows)
        self.flush()
        self.sync()
        jobs = len({key for _, key, _ in self._jobs()})
        note = {
            "finished": now(),
            "format": FORMAT,
            "jobs": jobs,
            "sha256": {
                name: _sha256(self.path / name) for name in ("manifest.json", "calls.jsonl", "rows.jsonl")
            },
        }
        write_whole(self.path / "complete.json", json.dumps(note, sort_keys=True, indent=2).encode() + b"\n")
        self._marked = True

    def close(self) -> None:
        """Force everything onto the disk and give the lock back; further calls do nothing."""
        try:
            self.flush()
            self.sync()
        finally:
            for log in (self._calls, self._rows, self._events):
                if log is not None:
                    log.close()
            self._calls = self._rows = self._events = None
            if self._lock is not None:
                self._lock.release()
                self._lock = None


def _compared(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in manifest.items() if name not in NOT_COMPARED}


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_bytes())
    except OSError as exc:
        raise storage_error(exc, path) from exc
    except ValueError:
        manifest = None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("format"), str):
        raise CorruptFileError("is no manifest of a run", path=path)
    name, _, version = manifest["format"].partition("/")
    if name != "kakehashi.run" or not version.isdigit():
        raise CorruptFileError(f"is no manifest of a run (format {manifest['format']!r})", path=path)
    if int(version) > int(FORMAT.partition("/")[2]):
        raise FormatVersionError(manifest["format"], FORMAT, path=path)
    return manifest


def _job_of(raw: bytes, path: Path, offset: int) -> tuple[JobKey, bool]:
    """The job of a row, and whether it is to be tried again, without parsing the answer.

    Within a JSON string a quotation mark follows a backslash, so ``,"calls":[`` is found nowhere but where that
    field begins, behind the answer.
    """
    tail = raw[raw.rfind(b',"calls":[') + 1 :]
    plain = _PLAIN_TAIL.match(tail) if b"\\" not in tail else None
    if plain is not None:
        epoch, method, retry, sample, subject = plain.groups()
        return (
            JobKey(sys.intern(subject.decode()), sys.intern(method.decode()), sample.decode(), int(epoch)),
            retry == b"true",
        )
    record = parse(b"{" + tail, path, offset)
    try:
        return (
            JobKey(record["subject"], record["method"], record["sample"], record["epoch"]),
            bool(record["retry"]),
        )
    except KeyError:
        raise CorruptFileError(f"no finished sample at byte {offset}", path=path) from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
