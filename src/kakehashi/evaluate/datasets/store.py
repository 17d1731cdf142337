"""The store: what was pulled into a workspace, every file checked against its hash before anybody reads it."""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kakehashi.errors import (
    CorruptFileError,
    DataMissingError,
    FormatVersionError,
    LockedError,
    UnknownNameError,
    VerificationError,
)
from kakehashi.evaluate.datasets.catalogue import DataFile, DataForm, DataSet, data_set, data_sets
from kakehashi.evaluate.engine.lock import FolderLock
from kakehashi.evaluate.local.weights import sha256_of, storage_error

PINS_FORMAT = "kakehashi.data-pins/1"

#: How often and how long to wait for another process that is writing a pin.
_TRIES, _PAUSE = 100, 0.05


class DataStore:
    """The data sets of a workspace.

    Args:
        root: The folder ``data`` of a workspace; nothing is made before something is pulled.
        sets: The catalogue; the shipped one by default.
    """

    def __init__(self, root: Path, sets: tuple[DataSet, ...] | None = None) -> None:
        self.root = Path(root)
        self.sets = data_sets() if sets is None else sets
        self._seen: dict[Path, tuple[int, int, str]] = {}

    @property
    def pins_path(self) -> Path:
        """The file that keeps the hashes of files that the catalogue does not pin."""
        return self.root / "pins.json"

    def set(self, name: str) -> DataSet:
        """The catalogue's entry.

        Raises:
            UnknownNameError: No such set.
        """
        return data_set(name, self.sets)

    def path(self, name: str, file: str) -> Path:
        """Where a file stands or would stand; nothing is checked."""
        self._entry(name, file)
        return self.root / name / file

    def file(self, name: str, file: str) -> Path:
        """A pulled file, its bytes checked against the catalogue's hash or the pin of its first pull.

        Args:
            name: Name of the set.
            file: Name of the file.

        Raises:
            UnknownNameError: No such set, or no such file in it.
            DataMissingError: It was not pulled.
            VerificationError: Its bytes are not those that were pinned.
        """
        path = self.path(name, file)
        expected = self.expected(name, file)
        if expected is None or not path.is_file():
            raise DataMissingError(name, file)
        actual = self._hash(path)
        if actual != expected:
            raise VerificationError(
                f"{path}: SHA-256 is {actual}, and {expected} is what was pinned",
                hint=f"The file was changed or is damaged. Run: kakehashi data pull {name}",
            )
        return path

    def has(self, name: str, file: str) -> bool:
        """Whether a file was pulled; its bytes are not read."""
        return self.expected(name, file) is not None and self.path(name, file).is_file()

    def form(self, name: str) -> DataForm:
        """The first form of a set whose files are all here.

        Raises:
            DataMissingError: None is here whole.
        """
        described = self.set(name)
        for form in described.forms:
            if all(self.has(name, file.path) for file in form.files):
                return form
        raise DataMissingError(name)

    def is_here(self, name: str) -> bool:
        """Whether one form of the set is here whole; bytes are not read."""
        try:
            self.form(name)
        except DataMissingError:
            return False
        return True

    def revision(self, name: str, form: str | None = None) -> str:
        """``"sha256:…"`` over the names and hashes of the files of a form, in the catalogue's order.

        Args:
            name: Name of the set.
            form: Name of the form; the first that is here whole by default.

        Raises:
            DataMissingError: It is not here whole.
        """
        chosen = self.form(name) if form is None else self.set(name).form(form)
        digest = hashlib.sha256()
        for file in chosen.files:
            if not self.has(name, file.path):
                raise DataMissingError(name, file.path)
            digest.update(f"{file.path}\x1f{self.expected(name, file.path)}\n".encode())
        return f"sha256:{digest.hexdigest()}"

    def expected(self, name: str, file: str) -> str | None:
        """The hash that a file must have: the catalogue's, else the one pinned at its first pull, else ``None``."""
        entry = self._entry(name, file)
        return entry.sha256 or self.pins().get(name, {}).get(file)

    def pins(self) -> Mapping[str, Mapping[str, str]]:
        """Set → file → hash of its first pull, for files that the catalogue does not pin.

        Raises:
            CorruptFileError: The file of pins is damaged.
            FormatVersionError: It is of a newer format.
        """
        try:
            content = json.loads(self.pins_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (ValueError, OSError) as error:
            raise CorruptFileError(
                f"the pins cannot be read ({error})",
                path=self.pins_path,
                hint="Restore it, or delete it and pull again; then nothing says that the bytes are the same.",
            ) from None
        if content.get("format") != PINS_FORMAT:
            raise FormatVersionError(str(content.get("format")), PINS_FORMAT, path=self.pins_path)
        pins: Mapping[str, Mapping[str, str]] = content["sets"]
        return pins

    def pin(self, name: str, file: str, sha256: str) -> None:
        """Keep the hash of a file that the catalogue does not pin; two processes do not lose each other's.

        Raises:
            LockedError: Another process has been writing for seconds.
            StorageError: The folder cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error, self.root) from error
        lock = self._locked()
        try:
            self._pin(name, file, sha256)
        finally:
            lock.release()

    def _locked(self) -> FolderLock:
        for _ in range(_TRIES):
            try:
                return FolderLock(self.root / ".pins.lock", "file of pins")
            except LockedError:
                time.sleep(_PAUSE)
        return FolderLock(self.root / ".pins.lock", "file of pins")

    def _pin(self, name: str, file: str, sha256: str) -> None:
        pins: dict[str, Any] = {key: dict(value) for key, value in self.pins().items()}
        pins.setdefault(name, {})[file] = sha256
        text = json.dumps({"format": PINS_FORMAT, "sets": pins}, sort_keys=True, indent=1) + "\n"
        part = self.pins_path.with_suffix(f".{os.getpid()}.part")
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(self.pins_path)
        except OSError as error:
            raise storage_error(error, self.pins_path) from error

    def _entry(self, name: str, file: str) -> DataFile:
        entries = self.set(name).files
        if file not in entries:
            raise UnknownNameError(f"file of {name}", file, list(entries))
        return entries[file]

    def _hash(self, path: Path) -> str:
        stat = path.stat()
        known = self._seen.get(path)
        if known is None or known[:2] != (stat.st_size, stat.st_mtime_ns):
            known = (stat.st_size, stat.st_mtime_ns, sha256_of(path))
            self._seen[path] = known
        return known[2]
