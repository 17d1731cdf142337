"""What the tests of the command share: the command in a process of its own, and a mock server in a thread."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

from reference.mock_server import MockServer
from reference.proxy_server import ProxyServer

#: No proxy, key or workspace of the machine that runs the tests reaches the command.
_OURS = ("PROXY", "KAKEHASHI_", "API_KEY", "SSL_CERT", "PIP_", "CA_BUNDLE")


def environment(**more: str) -> dict[str, str]:
    """The environment of a command: this one's without anything that changes where calls go."""
    kept = {name: value for name, value in os.environ.items() if not any(w in name.upper() for w in _OURS)}
    return {**kept, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1", **more}


def words(*arguments: str | Path) -> list[str]:
    """The command line of ``kakehashi``."""
    return [sys.executable, "-m", "kakehashi.cli.main", *map(str, arguments)]


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as strict JSON: NaN and Infinity fail."""
        return json.loads(self.out, parse_constant=_refuse)

    @property
    def both(self) -> str:
        """Both streams."""
        return self.out + self.err


def _refuse(name: str) -> float:
    raise AssertionError(f"{name} is not JSON")


def kakehashi(*arguments: str | Path, cwd: Path, timeout: float = 120, **env: str) -> Done:
    """Run the command to its end; whatever happens it shows no traceback."""
    ended = subprocess.run(
        words(*arguments), cwd=cwd, env=environment(**env), capture_output=True, timeout=timeout, check=False
    )
    done = Done(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
    assert "Traceback" not in done.both, done.both
    assert "a defect of kakehashi" not in done.both, done.both
    return done


def in_process(*arguments: str | Path, cwd: Path, **env: str) -> Done:
    """Run the command to its end in this process, as it would run in one of its own; a third of the time."""
    from kakehashi.cli.main import run

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    code: object = 0
    try:
        with (
            patch.dict(os.environ, environment(**env), clear=True),
            chdir(cwd),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            run(list(map(str, arguments)))
    except SystemExit as ended:
        code = ended.code
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert isinstance(code, int)
    out.flush()
    err.flush()
    done = Done(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]
    assert "a defect of kakehashi" not in done.both, done.both
    return done


def start(
    *arguments: str | Path, cwd: Path, before: Callable[[], object] | None = None, **env: str
) -> "subprocess.Popen[bytes]":
    """Start the command and let it run; ``before`` runs in the new process, ahead of the command."""
    return subprocess.Popen(
        words(*arguments),
        cwd=cwd,
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=before,
    )


class InThread:
    """Servers in a thread, so that commands in other processes can call them; subclasses say which."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        async with AsyncExitStack() as stack:
            await self._open(stack)
            self._ready.set()
            await self._over.wait()

    async def _open(self, stack: AsyncExitStack) -> None:
        raise NotImplementedError


class Served(InThread):
    """A mock server."""

    def __init__(self, plan: Sequence[str] = (), **settings: Any) -> None:
        super().__init__()
        self.server = MockServer(plan, **settings)

    async def _open(self, stack: AsyncExitStack) -> None:
        await stack.enter_async_context(self.server)

    def hold(self) -> None:
        """Hold all answers back."""
        self._loop.call_soon_threadsafe(self.server.gate.clear)

    def let_go(self) -> None:
        """Give the answers that were held back."""
        self._loop.call_soon_threadsafe(self.server.gate.set)

    def settle(self) -> None:
        """Wait until the server has counted all that a client sent which was killed."""
        asyncio.run_coroutine_threadsafe(self.server.settled(), self._loop).result(60)

    @property
    def subject(self) -> str:
        """The subject that it serves, as typed."""
        return f"{self.server.url}#tiny"

    def mend(self) -> None:
        """End all trouble: from now on every request is answered."""
        self.server.plan, self.server.default, self.server.tags = [], "ok", False

    def requests(self) -> list[str]:
        """Every request body that arrived, as canonical text."""
        return [json.dumps(body, sort_keys=True) for body in self.server.bodies]


class Proxied(InThread):
    """A proxy that sends everything to one port on loopback, whatever host is named."""

    def __init__(self, target_port: int) -> None:
        super().__init__()
        self.proxy = ProxyServer(target_port)

    async def _open(self, stack: AsyncExitStack) -> None:
        await stack.enter_async_context(self.proxy)


def subject_file(folder: Path, **keys: Any) -> Path:
    """A subject file; JSON is YAML."""
    path = folder / f"{keys['name']}.yaml"
    path.write_text(json.dumps({"format": "kakehashi.subject/1", **keys}), encoding="utf-8")
    return path


def own_method(folder: Path, prompts: Sequence[str], name: str = "mine") -> str:
    """Make a method of harmless prompts in the folder's workspace; returns what to call it."""
    rows = "".join(f'"{prompt}",harmful,p{n},\n' for n, prompt in enumerate(prompts))
    (folder / f"{name}.csv").write_text(f"prompt,kind,pair,target\n{rows}", encoding="utf-8")
    done = kakehashi(
        "methods",
        "new",
        f"{name}.csv",
        "--construct",
        "harmful-request-handling",
        "--language",
        "en",
        cwd=folder,
    )
    assert done.code == 0, done.err
    return f"own/{name}"


def run_files(workspace: Path, name: str) -> list[dict[str, Any]]:
    """The lines of one file of the only run folder."""
    (path,) = workspace.glob(f"runs/*/{name}.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def files_under(folder: Path) -> Mapping[str, bytes]:
    """Every file under a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
