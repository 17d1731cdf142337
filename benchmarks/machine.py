"""What the figures were measured on, and of what."""

import hashlib
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = ("kakehashi", "aiohttp", "numpy", "scipy", "duckdb")


def commit() -> str:
    """The commit, with ``+ changes`` and a hash of them where the code here differs from it."""
    head = _git("rev-parse", "--short=10", "HEAD") or "no commit"
    changes = _git("diff", "HEAD", "--", "src", "benchmarks") + _git(
        "ls-files", "--others", "--exclude-standard", "--", "src", "benchmarks"
    )
    return f"{head} + changes {hashlib.sha256(changes.encode()).hexdigest()[:6]}" if changes else head


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def machine() -> dict[str, str]:
    """Processor, cores, memory, system and Python; nothing that names this machine."""
    facts = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.machine()}, kernel {platform.release().split('-')[0]}",
        "Python": platform.python_version(),
    }
    return {name: value for name, value in facts.items() if value}


def load() -> float | None:
    """Processes that were running or waiting in the last minute; this machine may be busy with other things."""
    try:
        return round(os.getloadavg()[0], 1)
    except OSError:
        return None


def own_versions() -> dict[str, str]:
    """Versions of ours and of what it stands on."""
    return {name: version(name) for name in OURS}


def today() -> str:
    """The date, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _field(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _processor() -> str:
    return _field("/proc/cpuinfo", "model name") or platform.processor()


def _memory() -> str:
    kilobytes = _field("/proc/meminfo", "MemTotal").split()
    return f"{int(kilobytes[0]) * 1024 / 1e9:.1f} GB" if kilobytes else ""
