"""Environments of peers: made by the benchmark itself, from pins, and honest about what could not be installed."""

import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_NAME = re.compile(r"[A-Za-z0-9._-]+")


class NotMeasured(Exception):
    """Why something is not measured; the table shows it."""


class PeerEnvironment:
    """A virtual environment with pinned peers.

    Args:
        folder: Where it is made, such as ``.venv-bench``; the pattern ``.venv-*`` is ignored by git.
        requirements: File of pins.
        allowed: Whether it may be made and used at all.
        say: Takes progress messages.
    """

    def __init__(
        self,
        folder: Path = ROOT / ".venv-bench",
        requirements: Path = ROOT / "benchmarks" / "requirements-peers.txt",
        *,
        allowed: bool = True,
        say: Callable[[str], None] = print,
    ) -> None:
        self.folder = folder
        self.pins = [
            line.strip()
            for line in requirements.read_text(encoding="utf-8").splitlines()
            if line.strip() and not line.startswith("#")
        ]
        self.allowed = allowed
        self._say = say
        self._state: dict[str, str] | None = None

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "bin" / "python"

    def need(self, peer: str) -> Path:
        """The interpreter with which a peer can be run; the environment is made at the first call.

        Raises:
            NotMeasured: It could not be installed, or peers were left out.
        """
        if not self.allowed:
            raise NotMeasured("peers were left out of this run")
        if self._state is None:
            self._state = self._install()
        if peer in self._state:
            raise NotMeasured(self._state[peer])
        return self.python

    def versions(self) -> dict[str, str]:
        """Peer → version as installed, those of the pins alone."""
        if self._state is None or not self.python.exists():
            return {}
        done = subprocess.run(
            [self.python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"],
            capture_output=True,
            text=True,
            check=False,
        )
        found = {
            each["name"].lower().replace("_", "-"): each["version"]
            for each in json.loads(done.stdout or "[]")
        }
        return {name: found[name] for name in map(name_of, self.pins) if name in found}

    def _install(self) -> dict[str, str]:
        """Peer → why it is missing."""
        mark = self.folder / "installed.json"
        wanted = hashlib.sha256("\n".join(self.pins).encode()).hexdigest()
        if mark.exists():
            state = json.loads(mark.read_text())
            if state["pins"] == wanted and not state["missing"]:
                return {}
        self._say(f"installing {len(self.pins)} peers into {self.folder.name} (two to five minutes, once)")
        began = time.perf_counter()
        if not self.python.exists():
            subprocess.run([sys.executable, "-m", "venv", self.folder], check=True)
        missing = {}
        if self._pip(self.pins):
            for pin in self.pins:
                problem = self._pip([pin])
                if problem:
                    missing[name_of(pin)] = f"{pin} could not be installed: {problem}"
        mark.write_text(json.dumps({"pins": wanted, "missing": missing}))
        self._say(
            f"installed in {time.perf_counter() - began:.0f} s; missing: {', '.join(missing) or 'none'}"
        )
        return missing

    def _pip(self, pins: list[str]) -> str:
        """Install; the last line of what pip complained of, or ``""``."""
        done = subprocess.run(
            [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return ""
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
        return said[-1][:200]


def name_of(pin: str) -> str:
    """The package that a pin names."""
    found = _NAME.match(pin)
    if found is None:
        raise ValueError(f"no pin: {pin!r}")
    return found.group().lower().replace("_", "-")
