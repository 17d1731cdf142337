"""wrk, the load generator of Debian's packages: the one that is installed, else fetched without being installed."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache

from benchmarks.bench import HERE, Record
from benchmarks.peers import ROOT

_PLACE = ROOT / ".venv-bench-wrk"
_PACKAGES = ("wrk", "libluajit-5.1-2")


@cache
def wrk() -> tuple[str, str] | None:
    """The program and the folder of its libraries; ``None`` where it can neither be found nor fetched."""
    if found := shutil.which("wrk"):
        return found, ""
    program = _PLACE / "usr" / "bin" / "wrk"
    if not program.exists():
        _PLACE.mkdir(exist_ok=True)
        try:
            subprocess.run(
                ["apt-get", "download", *_PACKAGES], cwd=_PLACE, check=True, capture_output=True, timeout=60
            )
            for package in _PLACE.glob("*.deb"):
                subprocess.run(["dpkg", "-x", package, _PLACE], check=True, capture_output=True)
        except (OSError, subprocess.SubprocessError):
            return None
    library = next(_PLACE.rglob("libluajit-5.1.so.2"), None)
    return None if library is None or not program.exists() else (str(program), str(library.parent))


def wrk_load(port: int, path: str, tokens: Sequence[str], *, clients: int, seconds: float) -> Record | None:
    """Pages that clients got in a time, each following ``next``; ``None`` without wrk."""
    found = wrk()
    if found is None:
        return None
    program, libraries = found
    words = [f"-t{clients}", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--timeout", "60s", "-s"]
    done = subprocess.run(
        [
            program,
            *words,
            HERE / "subjects" / "exchange.lua",
            f"http://127.0.0.1:{port}",
            "--",
            path,
            *tokens,
        ],
        env={**os.environ, "LD_LIBRARY_PATH": libraries} if libraries else None,
        capture_output=True,
        text=True,
        check=True,
    )
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"wrk met errors: {done.stdout[-300:]}")
    told = re.search(r"(\d+) requests in ([\d.]+)(s|m)", done.stdout)
    assert told is not None, done.stdout
    return {"pages": int(told[1]), "seconds": float(told[2]) * (60 if told[3] == "m" else 1)}
