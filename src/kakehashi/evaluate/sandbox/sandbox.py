"""Runs a program that nobody has read: cut off from network, files and processes, within limits."""

import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kakehashi.errors import IsolationError
from kakehashi.evaluate.sandbox.syscalls import forbidding_filter

#: Without all of these no program is run, unless the user has said that it may.
REQUIRED = ("users", "network", "processes", "filesystem")
_INNER = Path(__file__).with_name("inner.py")
_VERDICT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class CodeLimits:
    """What one program may use.

    Attributes:
        wall_seconds: From the start to the end, whatever it waits for.
        cpu_seconds: Seconds of computing.
        memory_bytes: Address space of a process.
        folder_bytes: All that it writes into its folder.
        file_bytes: One file.
        files: Files and folders that it makes.
        open_files: Files open at once.
        processes: Processes and threads at once, itself included.
        output_bytes: What it prints, both streams together.
    """

    wall_seconds: float = 20.0
    cpu_seconds: int = 5
    memory_bytes: int = 512 * 2**20
    folder_bytes: int = 16 * 2**20
    file_bytes: int = 8 * 2**20
    files: int = 256
    open_files: int = 32
    processes: int = 1
    output_bytes: int = 64 * 2**10


@dataclass(frozen=True, slots=True)
class Isolation:
    """What a program is cut off from on this machine.

    Attributes:
        parts: ``users``, ``network``, ``processes``, ``filesystem``, ``ipc``, ``names``, ``system-calls``.
        reason: Why a part is missing, in the kernel's words; empty where none is.
    """

    parts: tuple[str, ...]
    reason: str = ""

    @property
    def is_enough(self) -> bool:
        """Whether a program that nobody has read may be run."""
        return set(REQUIRED) <= set(self.parts)


@dataclass(frozen=True, slots=True)
class CodeRun:
    """How a program ended.

    Attributes:
        passed: It came to its end without an error.
        reason: ``""`` where it passed; else the class of the error, ``"timeout"``, ``"output-limit"``,
            ``"cpu-limit"``, ``"killed-by-signal-N"``, ``"ended-early"`` or ``"could-not-start"``.
        output: The beginning of what it printed, never more than the limit.
        cpu_seconds: Computing time, where it was learnt.
        memory_bytes: Greatest resident size, where it was learnt.
    """

    passed: bool
    reason: str
    output: str = field(default="", repr=False)
    cpu_seconds: float | None = None
    memory_bytes: int | None = None


class Sandbox:
    """Runs programs one by one, each in a sandbox of its own that is gone afterwards.

    Args:
        limits: What one program may use.
        unisolated: Run programs even where this machine cannot isolate them: limits hold, a clean environment
            and an empty folder are given, but network and files are within reach. Only for a machine that can be
            thrown away.

    Raises:
        IsolationError: The machine cannot isolate a program, and ``unisolated`` was not said.
    """

    def __init__(self, limits: CodeLimits | None = None, *, unisolated: bool = False) -> None:
        self.limits = limits or CodeLimits()
        self.isolation = find_isolation()
        self._require = () if unisolated else REQUIRED
        if not unisolated and not self.isolation.is_enough:
            raise no_isolation(self.isolation)
        tried = self.run("")
        if not tried.passed:  # else every program would fail, and look as if it were wrong
            raise IsolationError(
                f"an empty program does not run in the sandbox of this machine ({tried.reason})",
                hint="Look whether the Python that runs kakehashi can be read by every user.",
            )

    def described(self) -> dict[str, Any]:
        """What a manifest says: what programs are cut off from, and the limits."""
        return {
            "isolation": list(self.isolation.parts),
            "required": bool(self._require),
            "limits": asdict(self.limits),
        }

    def run(self, program: str) -> CodeRun:
        """Run a Python program with the standard library; nothing that it does is an error here."""
        mark = secrets.token_hex(16)
        ended = _run(program, mark, self.limits, self._require)
        if ended.cut:
            return CodeRun(False, ended.cut, ended.output)
        said = ended.said
        if "status" not in said:
            broken = bool(said.get("broken")) or not ended.verdict
            return CodeRun(False, "could-not-start" if broken else "ended-early", ended.output)
        passed = ended.verdict == mark and said["status"] == 0
        reason = "" if passed else _reason(said["status"], ended.verdict, mark)
        return CodeRun(passed, reason, ended.output, said["cpu_seconds"], said["memory_bytes"])


def find_isolation() -> Isolation:
    """Try what this machine can cut a program off from; nothing is run."""
    if sys.platform != "linux":
        return Isolation((), f"{sys.platform} has no namespaces that this sandbox knows")
    said = _run(None, "", CodeLimits(), ()).said
    parts = [str(part) for part in said.get("isolated", [])]
    if parts and forbidding_filter():
        parts.append("system-calls")
    return Isolation(tuple(parts), str(said.get("why", "the sandbox did not answer")))


def no_isolation(found: Isolation) -> IsolationError:
    """The error that says what is missing."""
    missing = [part for part in REQUIRED if part not in found.parts]
    return IsolationError(
        f"this machine cannot isolate generated code: no isolation of {', '.join(missing)}"
        + (f" ({found.reason})" if found.reason else ""),
        hint="Use a Linux machine that allows user namespaces (in a container: one started with them), or, on a"
        " machine that can be thrown away, add --allow-code-unisolated.",
    )


@dataclass(frozen=True, slots=True)
class _Ended:
    said: Mapping[str, Any]
    verdict: str
    output: str
    cut: str


def _reason(status: int, verdict: str, mark: str) -> str:
    if status == -signal.SIGXCPU:
        return "cpu-limit"
    if status < 0:
        return "cpu-limit" if status == -signal.SIGKILL and not verdict else f"killed-by-signal-{-status}"
    if verdict == mark or not verdict:
        return "ended-early"
    return verdict if verdict.isidentifier() and len(verdict) <= 40 else "error"


def _run(program: str | None, mark: str, limits: CodeLimits, require: tuple[str, ...]) -> _Ended:
    with tempfile.TemporaryDirectory(prefix="kakehashi-code-") as root:
        if not require:
            Path(root).chmod(0o777)  # without a root of its own it is the program's folder
        pipes = {name: os.pipe() for name in ("report", "verdict", "output")}
        config = {
            "root": root,
            "program": program,
            "mark": mark,
            "limits": asdict(limits),
            "require": require,
            "isolate": sys.platform == "linux",
            "python": os.path.realpath(sys._base_executable),  # type: ignore[attr-defined]
            "runtime": [sys.base_prefix, sys.base_exec_prefix],
            "environment": {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ},
            "filter": forbidding_filter().hex(),
            **{name: write for name, (_, write) in pipes.items()},
        }
        with ExitStack() as stack:
            for read, _ in pipes.values():
                stack.callback(os.close, read)
            try:
                process = subprocess.Popen(
                    [str(config["python"]), "-I", "-S", "-B", str(_INNER)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[write for _, write in pipes.values()],
                    env={"PATH": "/usr/bin:/bin", **config["environment"]},
                    cwd=root,
                    start_new_session=True,
                )
            finally:
                for _, write in pipes.values():
                    os.close(write)
            stack.callback(_end, process)
            reads = {name: read for name, (read, _) in pipes.items()}
            return _watch(process, json.dumps(config), reads, limits)


def _watch(
    process: "subprocess.Popen[bytes]", config: str, reads: Mapping[str, int], limits: CodeLimits
) -> _Ended:
    """Read what comes until the end, a limit, or the time is over."""
    assert process.stdin is not None
    end = time.monotonic() + limits.wall_seconds
    most = {"report": 2**16, "verdict": _VERDICT_BYTES, "output": limits.output_bytes}
    had = {name: bytearray() for name in reads}
    cut = ""
    try:
        process.stdin.write(config.encode())
        process.stdin.close()
    except BrokenPipeError:
        cut = "could-not-start"
    with selectors.DefaultSelector() as selector:
        for name, read in reads.items():
            selector.register(read, selectors.EVENT_READ, name)
        while selector.get_map() and not cut:
            left = end - time.monotonic()
            if left <= 0:
                cut = "timeout"
                break
            for key, _ in selector.select(left):
                data = os.read(key.fd, 2**16)
                if not data:
                    selector.unregister(key.fd)
                elif len(had[key.data]) + len(data) > most[key.data]:
                    had[key.data] += data[: most[key.data] - len(had[key.data])]
                    cut = "output-limit"
                else:
                    had[key.data] += data
    said: dict[str, Any] = {}
    for line in had["report"].splitlines():
        said |= json.loads(line)
    return _Ended(said, had["verdict"].decode(errors="replace"), had["output"].decode(errors="replace"), cut)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the first process and its session; with it the namespace of processes ends."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
