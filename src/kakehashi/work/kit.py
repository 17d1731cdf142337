"""A kit for machines without a network: wheels, model, data, documentation, checksums, and what installs it."""

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

from kakehashi import __version__
from kakehashi.errors import InputError, KakehashiError, StorageError, UsageError, VerificationError
from kakehashi.evaluate.datasets import DataStore, verify_set
from kakehashi.evaluate.local import embedded_model, pull, weights_path
from kakehashi.ledger import now_utc
from kakehashi.ledger.files import write_whole
from kakehashi.work import kit_bootstrap as bootstrap
from kakehashi.work.workspace import Workspace

FORMAT = "kakehashi.kit/1"
PARTS = ("wheels", "models", "data", "docs")


@dataclass(frozen=True, slots=True)
class KitReport:
    """What a kit holds.

    Attributes:
        folder: Where it is.
        requirement: What it installs.
        files: Part → number of files.
        bytes: Part → size.
        notes: What is not in it and why.
    """

    folder: Path
    requirement: str
    files: Mapping[str, int]
    bytes: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def total(self) -> int:
        """Size of everything."""
        return sum(self.bytes.values())


def make_kit(
    folder: Path,
    *,
    source: Path | None = None,
    package: str = "kakehashi",
    extras: str = "all",
    models: Sequence[str] = ("smollm2",),
    wheels: Path | None = None,
    workspace: Path | str = Path("kakehashi-work"),
    say: Callable[[str], None] = lambda _: None,
) -> KitReport:
    """Gather everything that a machine without a network needs; the same call goes on where it was stopped.

    Args:
        folder: A new folder, or a kit to go on with.
        source: Checkout to build the package from; the one that this program runs from where there is one, else the
            package comes from the registry.
        package: Name of the package.
        extras: Its extras, with commas.
        models: Embedded models to take along.
        wheels: Folder of wheels to take instead of the registry's.
        workspace: Workspace whose models and data are taken.
        say: Told what is done.

    Raises:
        UsageError: The folder holds other things.
        VerificationError: A file of a data set is not as it was pinned.
        StorageError: pip gave nothing, or the disk is full.
    """
    _must_be_as_pinned(Workspace(Path(workspace)).data)
    _begin(folder)
    here = source or (checkout() if package == "kakehashi" else None)
    notes: list[str] = []
    requirement = f"{package}[{extras}]" if extras else package
    _wheels(folder / "wheels", here, requirement, wheels, say)
    placed = _models(folder / "models", models, Workspace(Path(workspace)), say)
    try:
        data = Workspace(Path(workspace)).data
        if data.is_dir() and any(data.iterdir()):
            say(f"copying {data}")
            bootstrap.copy_tree(data, folder / "data")
        else:
            notes.append(f"no data: {data} is not there or empty")
        if here is not None:
            _docs(here, folder / "docs")
        else:
            notes.append("no documentation: it is taken from a checkout")
    except bootstrap.KitError as error:
        _raise(error)
    shutil.copyfile(Path(bootstrap.__file__), folder / "install.py")
    binary = any(not path.name.endswith("-none-any.whl") for path in (folder / "wheels").glob("*.whl"))
    report = _report(folder, requirement, notes)
    about = {
        "format": FORMAT,
        "complete": True,
        "made": now_utc(),
        "kakehashi": __version__,
        "requirement": requirement,
        "binary": binary,
        **bootstrap.machine(),
        "models": placed,
        "files": dict(report.files),
        "bytes": dict(report.bytes),
        "notes": notes,
    }
    _write_json(folder / bootstrap.ABOUT, about)
    say("hashing")
    names = sorted(
        p.relative_to(folder).as_posix()
        for p in folder.rglob("*")
        if p.is_file() and p.name != bootstrap.SUMS and not p.name.endswith(".part")
    )
    lines = [f"{bootstrap.sha256_of(folder / name)}  {name}\n" for name in names]
    write_whole(folder / bootstrap.SUMS, "".join(lines).encode())
    return report


def verify_kit(folder: Path, say: Callable[[str], None] = lambda _: None) -> int:
    """Hold every file of a kit against its checksum; returns the number of files.

    Raises:
        VerificationError: Files are missing, changed or not of the kit; each is named.
        InputError: There is no kit.
    """
    try:
        wrong = bootstrap.problems_of(folder, say)
        count = len(bootstrap.read_sums(folder))
    except bootstrap.KitError as error:
        _raise(error)
    if wrong:
        raise VerificationError(
            f"{len(wrong)} files of the kit do not fit:\n  " + "\n  ".join(wrong[:20]),
            hint="Copy the kit again, or run `kakehashi kit make` on it again.",
        )
    return count


def install_kit(
    folder: Path, target: Path, workspace: Path, say: Callable[[str], None] = lambda _: None
) -> dict[str, str]:
    """Install a kit into a new environment and a workspace, without a network.

    Raises:
        VerificationError: The kit is damaged.
        InputError: There is none, or it is for another Python or machine.
        StorageError: Something cannot be written.
    """
    try:
        return bootstrap.install(folder.absolute(), target.absolute(), workspace.absolute(), say)
    except bootstrap.KitError as error:
        _raise(error)


def checkout() -> Path | None:
    """The checkout that this program runs from, where it runs from one."""
    root = Path(__file__).resolve().parents[3]
    return root if (root / "pyproject.toml").is_file() and (root / "src" / "kakehashi").is_dir() else None


def _begin(folder: Path) -> None:
    about = folder / bootstrap.ABOUT
    if not about.is_file() and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} holds other things", hint="Name a new folder for the kit.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / bootstrap.SUMS).unlink(missing_ok=True)
    _write_json(about, {"format": FORMAT, "complete": False})
    for path in folder.rglob("*.part"):
        path.unlink()


def _wheels(
    folder: Path, source: Path | None, requirement: str, given: Path | None, say: Callable[[str], None]
) -> None:
    folder.mkdir(exist_ok=True)
    where = [] if given is None else ["--no-index", "--find-links", str(given.absolute())]
    wanted, own = requirement, ""
    if source is not None:
        say(f"building the package from {source}")
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".build-") as scratch:
            copied = _source_copy(source, Path(scratch) / "source")
            _pip(["wheel", "--quiet", "--no-deps", *where, "--wheel-dir", scratch, str(copied)])
            (built,) = Path(scratch).glob("*.whl")
            own = built.name
            built.replace(folder / own)
        extras = requirement.partition("[")[2]
        wanted = f"{(folder / own).absolute()}{'[' + extras if extras else ''}"
    constraints = [] if source is None else _constraints(source)
    say("finding out what is needed")
    needed = _resolved(wanted, [*where, *constraints])
    names = {own, *needed}
    for path in folder.glob("*.whl"):
        if path.name not in names:
            path.unlink()
    for number, (name, (what, digest)) in enumerate(sorted(needed.items()), start=1):
        place = folder / name
        if name == own or _is_whole(place, digest):
            continue
        place.unlink(missing_ok=True)  # pip stumbles over what is cut off
        say(f"fetching {number} of {len(needed)}: {name}")
        _pip(
            [
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary",
                ":all:",
                *where,
                "--dest",
                str(folder),
                what,
            ]
        )
        if not place.is_file():
            raise StorageError(
                f"pip gave another file than {name}", path=folder, hint="The same command goes on."
            )


def _is_whole(wheel: Path, digest: str) -> bool:
    """Whether a wheel is there and undamaged: by the registry's hash, or by the archive's own where it says none."""
    if not wheel.is_file():
        return False
    if digest:
        return bootstrap.sha256_of(wheel) == digest
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, EOFError, OSError):
        return False


def _source_copy(source: Path, target: Path) -> Path:
    """What the package is built from, apart, so that the build neither writes into a checkout nor takes old remains."""
    target.mkdir()
    for path in (*source.glob("*.toml"), *source.glob("README*"), *source.glob("LICENSE*")):
        shutil.copyfile(path, target / path.name)
    shutil.copytree(
        source / "src", target / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    return target


def _constraints(source: Path) -> list[str]:
    path = source / "constraints.txt"
    return ["--constraint", str(path)] if path.is_file() else []


def _resolved(wanted: str, words: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Wheel's file name → requirement that fetches it and its SHA-256 where the registry says it."""
    with tempfile.TemporaryDirectory(prefix="kakehashi-kit-") as scratch:
        report = Path(scratch) / "report.json"
        _pip(
            [
                *("install", "--quiet", "--dry-run", "--ignore-installed", "--only-binary", ":all:"),
                *(*words, "--report", str(report), wanted),
            ]
        )
        read: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    found = {}
    for one in read["install"]:
        info = one["download_info"]
        name = unquote(urlsplit(info["url"]).path.rsplit("/", 1)[-1])
        digest = str(info.get("archive_info", {}).get("hashes", {}).get("sha256", ""))
        found[name] = (f"{one['metadata']['name']}=={one['metadata']['version']}", digest)
    return found


def _models(
    folder: Path, models: Sequence[str], rooms: Workspace, say: Callable[[str], None]
) -> list[dict[str, str]]:
    placed = []
    for name in models:
        model = embedded_model(name)
        pull(model, rooms.models, say=say)
        place = folder / model.file_name
        if not (place.is_file() and bootstrap.sha256_of(place) == model.sha256):
            say(f"copying {place.name} ({model.bytes / 1e6:.0f} MB)")
            folder.mkdir(exist_ok=True)
            part = place.with_name(place.name + ".part")
            try:
                shutil.copyfile(weights_path(model, rooms.models), part)
                part.replace(place)
            except OSError as error:
                raise StorageError(error.strerror or str(error), path=place) from error
        placed.append({"name": name, "file": f"models/{place.name}", "sha256": model.sha256})
    return placed


def _must_be_as_pinned(data: Path) -> None:
    """Refuse to take along what a machine without a network could not pull anew."""
    store = DataStore(data)
    wrong = [
        f"{one.name}: {path}: {what}" for one in store.sets for path, what in verify_set(store, one.name)
    ]
    if wrong:
        raise VerificationError(
            f"{len(wrong)} files of data sets are not as pinned: {'; '.join(wrong[:5])}",
            hint=f"Run: kakehashi data pull {' '.join(dict.fromkeys(line.partition(':')[0] for line in wrong))}",
        )


def _docs(source: Path, folder: Path) -> None:
    bootstrap.copy_tree(source / "docs", folder)
    for path in (*source.glob("README*.md"), source / "LICENSE"):
        if path.is_file():
            shutil.copyfile(path, folder / path.name)


def _report(folder: Path, requirement: str, notes: Sequence[str]) -> KitReport:
    files = {part: [p for p in (folder / part).rglob("*") if p.is_file()] for part in PARTS}
    return KitReport(
        folder,
        requirement,
        {part: len(found) for part, found in files.items()},
        {part: sum(p.stat().st_size for p in found) for part, found in files.items()},
        tuple(notes),
    )


def _pip(words: Sequence[str]) -> None:
    # pip knows the user's mirrors, proxies and certificate authorities; we do not try to know them better.
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.strip().splitlines() if line.startswith("ERROR")] or [
            "no message"
        ]
        shown = " ".join("<address>" if "://" in word else word for word in lines[-1].split())
        raise StorageError(
            f"pip {words[0]} failed: {shown}",
            hint="Check the package mirror and the disk; the same command goes on where it was.",
        )


def _write_json(path: Path, value: object) -> None:
    write_whole(path, json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n")


def _raise(error: bootstrap.KitError) -> NoReturn:
    kinds: dict[str, type[KakehashiError]] = {
        "damaged": VerificationError,
        "input": InputError,
        "storage": StorageError,
    }
    raise kinds[error.kind](error.message, hint=error.hint or None) from None
