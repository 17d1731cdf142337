"""Bringing a data set into a workspace: from upstream, a mirror folder or a mirror's address, by the same hashes."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kakehashi.errors import EndpointError, InputError, KakehashiError, VerificationError
from kakehashi.evaluate.datasets.catalogue import DataFile, DataForm, DataSet
from kakehashi.evaluate.datasets.fetch import FetchSettings, fetch
from kakehashi.evaluate.datasets.mirror import Mirror
from kakehashi.evaluate.datasets.store import DataStore
from kakehashi.evaluate.engine.finishing import finish
from kakehashi.evaluate.engine.lock import FolderLock
from kakehashi.evaluate.local.weights import sha256_of, storage_error

#: Who vouches for a file's bytes: the catalogue, or nobody but the first pull into this workspace.
BY_CATALOGUE, BY_FIRST_PULL = "catalogue", "first-pull"

#: Most hashes that are shown of a set before it is taken.
_MOST_HASHES = 8


@dataclass(frozen=True, slots=True)
class PulledFile:
    """A file that is here now.

    Attributes:
        path: Where it stands.
        sha256: Its hash.
        pinned_by: :data:`BY_CATALOGUE`, or :data:`BY_FIRST_PULL` where nobody has checked these bytes for us.
        source: Where it came from: an address, a mirror's file, or ``"here already"``.
    """

    path: Path
    sha256: str
    pinned_by: str
    source: str


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull came to.

    Attributes:
        name: Name of the set.
        form: Name of the form that was brought.
        files: Its files.
        revision: ``"sha256:…"`` over the files.
    """

    name: str
    form: str
    files: tuple[PulledFile, ...]
    revision: str


def pull_set(
    store: DataStore,
    name: str,
    *,
    form: str | None = None,
    mirror: Path | str | None = None,
    accept_new_hash: bool = False,
    settings: FetchSettings | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Pulled:
    """Bring one form of a set into the store and check every file.

    A file that is here with the right bytes is not fetched again; what was cut is gone on with; each file is put in
    its place whole or not at all. A mirror folder that lacks files gives what it has before the error names them.

    Args:
        store: The store.
        name: Name of the set.
        form: Name of the form; from upstream the first, from a mirror the first that it has whole.
        mirror: A folder, or an http(s) address, that holds the files under the catalogue's mirror paths.
        accept_new_hash: Take other bytes than those of the first pull, where the catalogue pins none.
        settings: Patience of downloads.
        say: Called with short messages.

    Raises:
        UnknownNameError: No such set or form.
        InputError: The mirror lacks a file.
        VerificationError: The bytes are not those that were pinned; nothing of them is kept.
        EndpointError: Upstream or the mirror's address refused, or the file has moved.
        StorageError: The workspace cannot be written, or another pull is under way.
    """
    described = store.set(name)
    source = Mirror(mirror) if mirror is not None else None
    chosen = form_to_pull(store, name, form=form, mirror=mirror)
    folder = store.root / name
    with _locked(folder):
        wanted = [file for file in chosen.files if not store.has(name, file.path)]
        lacking = source.lacking(wanted) if source is not None and source.folder is not None else []
        files = tuple(
            _one(store, described, file, source, accept_new_hash, settings, say)
            for file in chosen.files
            if file not in lacking
        )
    if source is not None and lacking:
        raise InputError(
            f"the mirror has no {', '.join(file.mirror for file in lacking)}",
            path=source.folder,
            hint=f"Copy it there, or run without a mirror: kakehashi data pull {name}",
        )
    return Pulled(name, chosen.name, files, store.revision(name, chosen.name))


def form_to_pull(
    store: DataStore, name: str, *, form: str | None = None, mirror: Path | str | None = None
) -> DataForm:
    """The form that a pull would bring: the one named, else what is here, what the mirror has whole, or the first.

    Raises:
        UnknownNameError: No such set or form.
        InputError: There is no such mirror.
    """
    source = Mirror(mirror) if mirror is not None else None
    return _chosen(store.set(name), form, source, store)


def licence_lines(described: DataSet, form: DataForm | None = None) -> list[str]:
    """What a user must have seen before a set is taken: licence, terms, source, hashes, citation, size."""
    shown = form or described.forms[0]
    sizes = [file.bytes for file in shown.files]
    known = sum(size for size in sizes if size is not None)
    size = _size(known) if None not in sizes else "size unknown"
    count = f"{len(shown.files)} file{'s' if len(shown.files) > 1 else ''}"
    unchecked = sum(file.sha256 is None for file in shown.files)
    lines = [
        f"{described.name}: {described.title}",
        f"  licence: {described.licence}",
        f"  terms: {described.terms}",
        f"  source: {shown.home} @ {shown.revision} ({count}, {size})",
        f"  cite: {described.citation}",
    ]
    pinned = [file for file in shown.files if file.sha256 is not None]
    lines += [f"  sha256: {file.sha256} {file.path}" for file in pinned[:_MOST_HASHES]]
    if len(pinned) > _MOST_HASHES:
        lines.append(f"  sha256: {len(pinned) - _MOST_HASHES} more: kakehashi data list --json")
    if described.harmful:
        lines.append("  content: rows are, or ask for, harmful content")
    if unchecked:
        lines.append(
            f"  hashes: {unchecked} of {len(shown.files)} files have no hash in the catalogue; nobody checked their"
            " bytes for us, and the first pull fixes them in this workspace"
        )
    return lines


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def _chosen(described: DataSet, form: str | None, source: Mirror | None, store: DataStore) -> DataForm:
    if form is not None:
        return described.form(form)
    if len(described.forms) == 1:
        return described.forms[0]
    if source is None:
        return next((f for f in described.forms if _whole(store, described.name, f)), described.forms[0])
    return source.form(described)[0]


def _whole(store: DataStore, name: str, form: DataForm) -> bool:
    return all(store.has(name, file.path) for file in form.files)


def _one(
    store: DataStore,
    described: DataSet,
    file: DataFile,
    source: Mirror | None,
    accept_new_hash: bool,
    settings: FetchSettings | None,
    say: Callable[[str], None],
) -> PulledFile:
    name, target = described.name, store.path(described.name, file.path)
    expected = store.expected(name, file.path)
    by = BY_CATALOGUE if file.sha256 is not None else BY_FIRST_PULL
    if target.is_file() and expected is not None and not (accept_new_hash and file.sha256 is None):
        if sha256_of(target) == expected:
            return PulledFile(target, expected, by, "here already")
        say(f"{file.path}: other bytes than those pinned, fetching again")
        if source is not None and source.folder is not None and source.lacking([file]):
            raise InputError(f"the mirror has no {file.mirror}", path=source.folder)
    part = target.with_name(f"{target.name}.part")
    origin = source.named(file) if source is not None else file.url
    try:
        _bring(file, source, part, origin, settings, say)
        actual = sha256_of(part)
        if expected is not None and actual != expected and not (accept_new_hash and file.sha256 is None):
            _forget(part)
            raise VerificationError(
                f"{origin}: SHA-256 is {actual}, {'the catalogue says' if file.sha256 else 'the first pull was'}"
                f" {expected}",
                hint=_other_bytes_hint(name, file),
            )
        part.replace(target)
        _forget(part)
        if file.sha256 is None and actual != expected:
            store.pin(name, file.path, actual)
            say(f"{file.path}: nobody has checked these bytes here; pinned from now on as sha256 {actual}")
    except OSError as error:
        if isinstance(error, TimeoutError):
            raise
        raise storage_error(error, target.parent) from error
    return PulledFile(target, actual, by, origin)


def _other_bytes_hint(name: str, file: DataFile) -> str:
    if file.sha256 is not None:
        return "The file is damaged, or not the one that the catalogue means; nothing was kept."
    return (
        "Upstream has changed the file, or it is damaged; nothing was kept. Results of two contents are not"
        f" comparable. If the new one is meant: kakehashi data pull {name} --accept-new-hash"
    )


def _bring(
    file: DataFile,
    source: Mirror | None,
    part: Path,
    origin: str,
    settings: FetchSettings | None,
    say: Callable[[str], None],
) -> None:
    if source is not None and source.folder is not None:
        try:
            shutil.copyfile(origin, part)
        except OSError:  # half a copy is of no use to the next attempt, and may be what fills the disk
            _forget(part)
            raise
        return
    say(f"fetching {origin}" + (f" ({_size(file.bytes)})" if file.bytes else ""))
    try:
        finish(fetch(origin, part, size=file.bytes if file.sha256 else None, settings=settings, say=say))
    except VerificationError:
        _forget(part)
        raise
    except EndpointError as error:
        if source is not None and error.status in (404, 410):
            raise InputError(
                f"the mirror has no {file.mirror}",
                path=origin,
                hint="Put the file there, or run without --mirror to take it from upstream.",
            ) from None
        raise


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    part.with_suffix(".etag").unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, folder) from error
    lock = FolderLock(folder / ".lock", "data set")
    try:
        yield
    finally:
        lock.release()


def set_rows(store: DataStore, mirror: Path | str | None = None) -> list[dict[str, Any]]:
    """The catalogue as plain rows, with what is here, who vouches for its bytes, and what a mirror has of it.

    Args:
        store: The store.
        mirror: A folder, or an http(s) address; nothing is taken from it.

    Raises:
        InputError: There is no such mirror.
        EndpointUnreachableError: Its address cannot be reached.
    """
    source = Mirror(mirror) if mirror is not None else None
    rows = []
    for one in store.sets:
        here = store.form(one.name) if store.is_here(one.name) else None
        shown = here or one.forms[0]
        pinned = sum(file.sha256 is not None for file in shown.files)
        rows.append(
            {
                "name": one.name,
                "title": one.title,
                "licence": one.licence,
                "terms": one.terms,
                "citation": one.citation,
                "harmful": one.harmful,
                "rows": one.rows,
                "here": here is not None,
                "form": shown.name,
                "forms": [form.name for form in one.forms],
                "source": shown.home,
                "source_revision": shown.revision,
                "files": len(shown.files),
                "sha256": {file.path: file.sha256 for file in shown.files},
                "files_here": sum(store.has(one.name, file.path) for file in shown.files),
                "hashes": "catalogue"
                if pinned == len(shown.files)
                else f"{pinned} of {len(shown.files)} in the catalogue, others at first pull",
                "revision": store.revision(one.name, here.name) if here else None,
                **({"mirror": _on_mirror(one, source)} if source is not None else {}),
            }
        )
    return rows


def _on_mirror(described: DataSet, source: Mirror) -> dict[str, Any]:
    form, lacking = source.form(described)
    return {
        "form": form.name,
        "files": len(form.files),
        "files_there": len(form.files) - len(lacking),
        "lacking": [file.mirror for file in lacking],
    }


def verify_set(store: DataStore, name: str) -> list[tuple[str, str]]:
    """Check every pulled file of a set: (file, what is wrong); empty where all is right.

    Raises:
        UnknownNameError: No such set.
    """
    wrong: list[tuple[str, str]] = []
    for path in store.set(name).files:
        if not store.has(name, path):
            continue
        try:
            store.file(name, path)
        except KakehashiError as error:
            wrong.append((path, error.message))
    return wrong
