"""Nodes, servers and load for the part ``exchange``."""

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from benchmarks.bench import HERE, Record
from kakehashi.exchange import Node
from kakehashi.exchange.ids import EXTENSIONS, TLP_2
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.records import stored_bytes
from kakehashi.exchange.sql_base import Clock
from kakehashi.exchange.sql_read import hangs_on, policy_of, version_key

CLIENTS = 16
CREATED = "2026-03-01T09:00:00.000Z"
SERVE = (sys.executable, "-m", "kakehashi.cli.main", "exchange", "serve", "--port", "0", "--workspace")


def finding(number: int) -> Record:
    """A synthetic vulnerability with our extension, GREEN."""
    body = {"hazard": "synthetic", "severity_band": "high", "languages": ["en", "ja"]}
    return {
        "type": "vulnerability",
        "spec_version": "2.1",
        "id": f"vulnerability--{UUID(int=(number << 32) | 0x4000_8000_0000_0000_0000, version=4)}",
        "created": CREATED,
        "modified": CREATED,
        "name": f"weakness {number}",
        "description": "A synthetic record of the benchmark; about as long as a short note to partners. " * 2,
        "object_marking_refs": [TLP_2["green"]],
        "extensions": {EXTENSIONS["vulnerability"]: {"extension_type": "property-extension", **body}},
    }


def make_node(folder: Path, members: int = CLIENTS) -> tuple[Node, list[str]]:
    """A node and its members' tokens."""
    node = Node.init(folder / "exchange", "Benchmark")
    grant = frozenset({node.collection("findings").id})
    tokens = []
    for n in range(members):
        caller = Caller(f"identity--{UUID(int=n, version=4)}", "green", reads=grant, writes=grant)
        node.store.put_member(caller, f"member {n}")
        tokens.append(node.tokens.issue(caller.identity)[1])
    return node, tokens


def fill(node: Node, first: int, last: int, batch: int = 10_000) -> None:
    """Enter findings by the store's own writing, without checking each again: for sizes, not for speed."""
    store, collection = node.store, node.collection("findings").id
    policy, vkey = policy_of(finding(0)), version_key(CREATED)  # the same for all
    for start in range(first, last, batch):
        with store.writing() as con:
            clock, heads, hangs = Clock(con), [], []
            for number in range(start, min(start + batch, last)):
                made = finding(number)
                ref = made["id"]
                what = (collection, ref, CREATED, vkey, "vulnerability", "2.1")
                store._enter(con, clock, "add", what, node.owner, policy, stored_bytes(made))
                heads.append((ref, collection, node.owner, vkey, "vulnerability", policy))
                hangs += [(one, ref) for one in hangs_on(policy)]
            con.executemany("INSERT INTO heads VALUES (?, ?, ?, ?, ?, ?, 0)", heads)
            con.executemany("INSERT INTO hangs VALUES (?, ?)", hangs)


@contextmanager
def running(*words: object) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server that prints its address; gives its port."""
    process = subprocess.Popen(
        [*map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        found = re.search(r":(\d+)/", process.stdout.readline())
        if found is None:
            raise RuntimeError(f"no server: {words[1:3]}")
        yield process, int(found.group(1))
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def server_cpu(process: subprocess.Popen[str]) -> float:
    """Seconds of CPU that a process has taken, its own and the system's for it."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(folder: Path, port: int, path: str, headers: list[str], *words: object) -> Record:
    """What the load client found."""
    place = folder / f"headers-{secrets.token_hex(4)}.json"
    place.write_text(json.dumps(headers))
    command = [sys.executable, HERE / "subjects" / "exchange_load.py", port, path, place, *words]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
    found: Record = json.loads(done.stdout)
    return found
