"""The embedded model server, as a child process on a free loopback port."""

import importlib.metadata
import importlib.util
import json
import os
import queue
import socket
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from kakehashi.errors import EndpointUnreachableError, MissingExtraError
from kakehashi.evaluate.local.catalogue import EmbeddedModel


@dataclass(frozen=True, slots=True)
class RuntimeSettings:
    """Settings of the runtime that may change answers; they stand in the manifest and in the cache key.

    Attributes:
        n_threads: Threads for generating; more than the idle cores make it many times slower.
        n_threads_batch: Threads for reading prompts; the same holds.
        n_parallel: Slots. One where results must repeat exactly.
        n_ctx: Context of one slot in tokens.
    """

    n_threads: int = 1
    n_threads_batch: int = 1
    n_parallel: int = 1
    n_ctx: int = 2048


def server_count(cores: int | None = None) -> int:
    """How many servers of one thread each this machine carries: one a core, and at most four.

    Threads of one server wait for one another, which on busy cores takes many times as long as the work;
    servers do not.
    """
    return max(1, min(4, cores if cores is not None else os.cpu_count() or 1))


class LocalServer:
    """Serves an embedded model while a ``with`` block lasts.

    Args:
        model: The model of the catalogue.
        weights: Path of its weights.
        settings: Runtime settings; one thread and one slot by default.
        port: Port to listen on; a free one by default.

    Raises:
        MissingExtraError: The extra ``local`` is not installed.
        EndpointUnreachableError: The runtime did not come up.
    """

    def __init__(
        self,
        model: EmbeddedModel,
        weights: Path,
        *,
        settings: RuntimeSettings | None = None,
        port: int | None = None,
        timeout: float = 60.0,
    ) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise MissingExtraError("local", f"serving {model.name!r} on this machine")
        self.model = model
        self.weights = weights
        self.settings = settings or RuntimeSettings(n_ctx=model.context)
        self._port = port
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""
        self.runtime = importlib.metadata.version("xllamacpp")

    @property
    def base_url(self) -> str:
        """Address for OpenAI-compatible clients."""
        return f"{self.address}/v1"

    @property
    def identity(self) -> dict[str, object]:
        """What answers depend on: weights, runtime and its settings."""
        return {
            "kind": "local",
            "model": self.model.name,
            "weights_sha256": self.model.sha256,
            "runtime": f"xllamacpp {self.runtime}",
            **asdict(self.settings),
        }

    def __enter__(self) -> Self:
        """Start the child and wait until it answers."""
        described = {
            "model_path": str(self.weights),
            "alias": self.model.name,
            "port": self._port or _free_port(),
            **asdict(self.settings),
        }
        words = [sys.executable, "-m", "kakehashi.evaluate.local.child", json.dumps(described)]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            ready = self._first_line()
        except BaseException:
            self.close()
            raise
        self.address = str(ready["address"]).rstrip("/")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the child."""
        self.close()

    def close(self) -> None:
        """Stop the child; safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _first_line(self) -> dict[str, object]:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=lambda out=process.stdout: lines.put(out.readline()), daemon=True).start()
        try:
            line = lines.get(timeout=self._timeout)
        except queue.Empty:
            line = b""
        if not line:
            raise EndpointUnreachableError(
                f"the embedded server for {self.model.name!r} did not start (exit code {process.poll()})",
                endpoint=f"local/{self.model.name}",
                hint="Run: kakehashi doctor",
            )
        described: dict[str, object] = json.loads(line)
        return described


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
