"""Check a kit and install it without a network. Standard library alone: each kit carries this file as ``install.py``.

python3 install.py --to /opt/kakehashi            in the folder of the kit, on a machine without kakehashi
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SUMS, ABOUT = "SHA256SUMS", "kit.json"


class KitError(Exception):
    """A kit that cannot be used; ``kind`` is ``"damaged"``, ``"input"`` or ``"storage"``."""

    def __init__(self, kind: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind, self.message, self.hint = kind, message, hint


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_about(folder: Path) -> dict[str, Any]:
    """What ``kit.json`` says.

    Raises:
        KitError: It is missing, damaged, of a newer format or not finished.
    """
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        family, _, version = str(about["format"]).partition("/")
    except FileNotFoundError:
        raise KitError(
            "input", f"{folder}: there is no kit here", "Name the folder that holds kit.json."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise KitError("damaged", f"{folder / ABOUT}: cannot be read", "Copy the kit again.") from None
    if family != "kakehashi.kit" or version != "1":
        raise KitError(
            "input", f"{folder}: format {about['format']!r} is not 'kakehashi.kit/1'", "Upgrade kakehashi."
        )
    if not about.get("complete"):
        raise KitError(
            "input", f"{folder}: the kit was not finished", "Run `kakehashi kit make` again; it goes on."
        )
    return about


def read_sums(folder: Path) -> dict[str, str]:
    """File → SHA-256, as ``sha256sum`` writes them.

    Raises:
        KitError: The list is missing or no such list.
    """
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise KitError("damaged", f"{folder / SUMS}: missing", "Copy the kit again.") from None
    sums: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        digest, gap, name = line[:64], line[64:66], line[66:]
        inside = name and not name.startswith("/") and ".." not in name.split("/")
        if len(digest) != 64 or gap != "  " or not inside:
            raise KitError("damaged", f"{folder / SUMS}:{number}: not a checksum line", "Copy the kit again.")
        sums[name] = digest
    return sums


def problems_of(folder: Path, say: Callable[[str], None] = lambda _: None) -> list[str]:
    """Files that are missing, changed or not of the kit, each as one line; none where all is well.

    Raises:
        KitError: There is no kit, or its list cannot be read.
    """
    read_about(folder)
    sums = read_sums(folder)
    found = []
    for name, wanted in sums.items():
        path = folder / name
        if not path.is_file():
            found.append(f"missing: {name}")
        elif (actual := sha256_of(path)) != wanted:
            found.append(f"changed: {name} (SHA-256 {actual[:16]}…, the list says {wanted[:16]}…)")
    here = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    found += [f"not of the kit: {name}" for name in sorted(here - sums.keys() - {SUMS})]
    say(f"{len(sums)} files checked")
    return found


def install(
    folder: Path, target: Path, workspace: Path, say: Callable[[str], None] = lambda _: None
) -> dict[str, str]:
    """Check a kit, make an environment of its own for it, and put model and data into a workspace; no network.

    Args:
        folder: The kit.
        target: Folder of the new environment; one that an earlier try left is taken up.
        workspace: Where models and data go.
        say: Told what is done.

    Returns:
        Where things are: ``environment``, ``command``, ``workspace``.

    Raises:
        KitError: The kit is damaged or for another Python or machine, or something cannot be written.
    """
    about = read_about(folder)
    if wrong := problems_of(folder, say):
        raise KitError("damaged", "the kit is damaged:\n  " + "\n  ".join(wrong[:10]), "Copy the kit again.")
    _check_machine(about)
    if (
        target.exists()
        and not (target / "pyvenv.cfg").is_file()
        and (not target.is_dir() or any(target.iterdir()))
    ):
        raise KitError(
            "storage", f"{target}: there is something here already", "Name a new folder with --to."
        )
    scripts = target / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / ("python.exe" if os.name == "nt" else "python")
    if not _has_pip(python):
        say(f"making {target}")
        _call([sys.executable, "-m", "venv", str(target)], "making the environment")
    say(f"installing {about['requirement']} from {folder / 'wheels'}")
    words = ["-m", "pip", "--disable-pip-version-check", "--isolated", "install", "--quiet", "--no-index"]
    words += ["--find-links", str(folder / "wheels"), str(about["requirement"])]
    _call([str(python), *words], "pip")
    for model in about["models"]:
        say(f"placing {model['name']}")
        given = [str(python), "-m", "kakehashi.cli.main", "models", "pull", model["name"], "--offline"]
        given += ["--from", str(folder / model["file"]), "--workspace", str(workspace)]
        _call(given, "kakehashi models pull")
    if (folder / "data").is_dir():
        say("placing the data")
        copy_tree(folder / "data", workspace / "data")
    return {
        "environment": str(target),
        "command": str(scripts / "kakehashi"),
        "workspace": str(workspace),
    }


def _has_pip(python: Path) -> bool:
    if not python.exists():
        return False
    done = subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False)
    return done.returncode == 0


def copy_tree(source: Path, target: Path) -> int:
    """Copy what is not there yet, each file whole or not at all; returns the number of files copied.

    Raises:
        KitError: Something cannot be written.
    """
    copied = 0
    try:
        for path in sorted(source.rglob("*")):
            if path.is_symlink() or not path.is_file() or path.name.endswith(".part"):
                continue
            place = target / path.relative_to(source)
            if (
                place.is_file()
                and place.stat().st_size == path.stat().st_size
                and sha256_of(place) == sha256_of(path)
            ):
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_name(place.name + ".part")
            shutil.copyfile(path, part)
            part.replace(place)
            copied += 1
    except OSError as error:
        raise KitError(
            "storage", f"{target}: {error.strerror or error}", "Free some space; the same command goes on."
        ) from error
    return copied


def machine() -> dict[str, str]:
    """Python and platform that binary wheels are for."""
    return {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "platform": f"{platform.system().lower()}-{platform.machine().lower()}",
    }


def _check_machine(about: dict[str, Any]) -> None:
    if not about.get("binary"):
        return
    here = machine()
    for key in ("python", "platform"):
        if about.get(key) != here[key]:
            raise KitError(
                "input",
                f"the kit is for {key} {about.get(key)}, this is {here[key]}",
                "Make a kit on a machine like this one"
                + (f", or start it with python{about.get('python')}." if key == "python" else "."),
            )


def _call(words: Sequence[str], what: str) -> None:
    kept = {
        k: v for k, v in os.environ.items() if not k.upper().startswith(("PIP_", "PYTHONPATH", "PYTHONHOME"))
    }
    done = subprocess.run(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=kept, encoding="utf-8", errors="replace",
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()] or ["no message"]
        raise KitError("storage", f"{what} failed: {lines[-1]}", "The same command goes on where it was.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Install the kit that this file lies in."""
    parser = argparse.ArgumentParser(description="Install Kakehashi from this kit, without a network.")
    parser.add_argument("--to", type=Path, required=True, help="folder of the new environment")
    parser.add_argument(
        "--workspace", type=Path, default=Path("kakehashi-work"), help="where model and data go"
    )
    parser.add_argument("--kit", type=Path, default=Path(__file__).resolve().parent, help="folder of the kit")
    given = parser.parse_args(arguments)
    if sys.version_info < (3, 11):  # noqa: UP036, as the script meets whatever Python is there
        print(f"error: Python 3.11 or newer is needed, this is {sys.version.split()[0]}", file=sys.stderr)
        return 1
    try:
        done = install(given.kit, given.to, given.workspace, say=print)
    except KitError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(error.hint, file=sys.stderr)
        return 1
    print(f"installed: {done['command']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
