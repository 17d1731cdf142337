"""The exchange: pages, walks and posts of one server process, against a bare server, a peer and a bare loop."""

import base64
import json
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from subprocess import Popen
from tempfile import mkdtemp

from benchmarks.bench import HERE, Bench, Record, Results
from benchmarks.exchange_node import CLIENTS, SERVE, fill, finding, load, make_node, running, server_cpu
from benchmarks.part import Bound, Part, Row
from benchmarks.peers import ROOT, NotMeasured, PeerEnvironment
from benchmarks.wrk import wrk, wrk_load
from kakehashi.exchange import Node
from kakehashi.exchange.signing import sign, verify_signature
from kakehashi.proof import SigningKey

PAGE, LONG_PAGE, ENVELOPE = 100, 1000, 100
SECONDS = 3.0
MORE = re.compile(rb'"next":"([^"]+)"')  # our server writes it before the objects
Figure = Callable[[Record], float]
TAXII = "application/taxii+json;version=2.1"


def measure(bench: Bench) -> None:
    """All figures of a repetition one after the other; nodes are made anew, outside what is timed."""
    peers = PeerEnvironment(
        ROOT / ".venv-bench-exchange",
        ROOT / "benchmarks" / "requirements-exchange.txt",
        allowed=bench.peers.allowed,
        say=bench.say,
    )
    for repetition in range(bench.repetitions):
        for name, work in (
            ("pages", lambda folder: pages(folder, bench.size(10_000, 1000))),
            ("peer", lambda folder: peer(folder, peers)),
            ("walk", lambda folder: walk(folder, bench.size(100_000, 5000))),
            ("post", lambda folder: post(folder, bench.size(10_000, 500))),
            ("empty", empty),
        ):
            bench.once(name, repetition, lambda work=work: in_folder(bench, work))
    bench.once(
        "first", 0, lambda: in_folder(bench, lambda folder: first_pages(folder, bench.size(100_000, 2000)))
    )


def in_folder(bench: Bench, work: Callable[[Path], Record]) -> Record:
    """A measurement in a folder of its own, on the disk that the benchmark writes to."""
    folder = Path(mkdtemp(dir=bench.out))
    try:
        return work(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def path_of(node: Node, limit: int) -> str:
    """Address of a page."""
    return f"/api/collections/{node.collection('findings').id}/objects/?limit={limit}"


def bearer(token: str) -> str:
    """The header line of a token."""
    return f"Authorization: Bearer {token}\r\n"


def one_page(port: int, path: str, token: str) -> tuple[bytes, float]:
    """A page over a fresh connection, and its seconds."""
    began = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", path, headers={"Accept": TAXII, "Authorization": f"Bearer {token}"})
    body = connection.getresponse().read()
    connection.close()
    return body, time.perf_counter() - began


def pages(folder: Path, objects: int) -> Record:
    """Pages of 100 by 16 members: first each page decided anew, then again; then the floor with a page's bytes."""
    node, tokens = make_node(folder)
    fill(node, 0, objects)
    path, headers = path_of(node, PAGE), [bearer(token) for token in tokens]
    node.store.close()
    found: Record = {"by": "wrk" if wrk() else "our own client"}

    def note(name: str, process: Popen[str], work: Callable[[], Record]) -> None:
        before = server_cpu(process)
        done = work()
        found[name] = done["pages"] / done["seconds"]
        found[f"{name} cpu"] = (server_cpu(process) - before) / done["pages"]

    def steady(port: int, path: str, tokens: list[str]) -> Record:
        done = wrk_load(port, path, [f"Bearer {one}" for one in tokens], clients=CLIENTS, seconds=SECONDS)
        lines = [bearer(one) for one in tokens] or [""]
        return done or load(
            folder, port, path, lines * (CLIENTS // len(lines)), "--follow", "--seconds", SECONDS
        )

    with running(*SERVE, folder) as (process, port):
        body, _ = one_page(port, path, tokens[0])
        note(
            "fresh",
            process,
            lambda: load(folder, port, path, headers, "--follow", "--pages", objects // PAGE),
        )
        note("again", process, lambda: steady(port, path, tokens))
        note("same", process, lambda: steady(port, path, tokens[:1]))
    (folder / "page").write_bytes(body.replace(b'"next"', b'"past"', 1))
    with running(sys.executable, HERE / "subjects" / "exchange_floor.py", folder / "page") as (process, port):
        load(folder, port, "/?", [""] * CLIENTS, "--seconds", 0.5)
        note("floor", process, lambda: steady(port, "/?", []))
    return found | {"bytes": len(body)}


def peer(folder: Path, peers: PeerEnvironment) -> Record:
    """medallion and ours with 1,000 objects, pages of 100, 16 clients."""
    python = peers.need("medallion")
    node, tokens = make_node(folder)
    fill(node, 0, 1000)
    path, headers = path_of(node, PAGE), [bearer(token) for token in tokens]
    node.store.close()
    with running(*SERVE, folder) as (_, port):
        mine = load(folder, port, path, headers, "--seconds", SECONDS)
    bundle = folder / "objects.json"
    bundle.write_text(json.dumps([finding(n) for n in range(1000)]))
    basic = f"Authorization: Basic {base64.b64encode(b'x:y').decode()}\r\n"
    there = "/api/collections/91a7b528-80eb-42ed-a74d-c6fbd5a26116/objects/?limit=100"
    try:
        with running(python, HERE / "subjects" / "medallion_pages.py", bundle) as (_, port):
            theirs = load(folder, port, there, [basic] * CLIENTS, "--seconds", SECONDS)
    except RuntimeError as error:
        raise NotMeasured(f"medallion broke down: {error}") from None
    return {"ours": mine["pages"] / mine["seconds"], "medallion": theirs["pages"] / theirs["seconds"]}


def walk(folder: Path, objects: int) -> Record:
    """One member walks everything in pages of 1,000, each decided anew; the node was not asked before."""
    node, tokens = make_node(folder, 1)
    fill(node, 0, objects)
    path = path_of(node, LONG_PAGE)
    node.store.close()
    seconds, bodies, cursor = [], [], ""
    with running(*SERVE, folder) as (_, port):
        one_page(port, "/api/", tokens[0])
        began = time.perf_counter()
        while True:
            body, took = one_page(port, path + cursor, tokens[0])
            seconds.append(took)
            bodies.append(body)
            following = MORE.search(body, 0, 500)
            if following is None:
                break
            cursor = f"&next={following[1].decode()}"
        whole = time.perf_counter() - began
    found = sum(
        len(json.loads(body)["objects"]) for body in bodies
    )  # the client's work, outside what is timed
    assert found == objects, (found, objects)
    return {
        "seconds": whole,
        "last over first": median(seconds[-5:]) / median(seconds[:5]),
        "objects": objects,
    }


def post(folder: Path, objects: int) -> Record:
    """Signed objects posted in envelopes of 100 over one connection; and their verification with bare inserts."""
    key = SigningKey.generate("benchmark")
    made = [sign(finding(n), key) for n in range(objects)]
    envelopes = [made[start : start + ENVELOPE] for start in range(0, objects, ENVELOPE)]
    bodies = [json.dumps({"objects": envelope}).encode() for envelope in envelopes]
    node, tokens = make_node(folder, 1)
    path = path_of(node, PAGE).partition("?")[0]
    node.store.close()
    headers = {"Accept": TAXII, "Content-Type": TAXII, "Authorization": f"Bearer {tokens[0]}"}
    with running(*SERVE, folder) as (_, port):
        connection = HTTPConnection("127.0.0.1", port, timeout=120)
        began = time.perf_counter()
        for body in bodies:
            connection.request("POST", path, body, headers)
            answer = json.loads(connection.getresponse().read())
            assert answer["failure_count"] == 0, answer
        ours = objects / (time.perf_counter() - began)
        connection.close()
    con = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    con.execute("PRAGMA journal_mode=WAL")
    con.execute("PRAGMA synchronous=FULL")
    con.execute("CREATE TABLE objects (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, data BLOB)")
    began = time.perf_counter()
    for body in bodies:
        con.execute("BEGIN IMMEDIATE")
        for obj in json.loads(body)["objects"]:
            verify_signature(obj, [key.verifier])
            con.execute("INSERT INTO objects (id, data) VALUES (?, ?)", (obj["id"], json.dumps(obj).encode()))
        con.execute("COMMIT")
    bare = objects / (time.perf_counter() - began)
    con.close()
    return {"ours": ours, "bare": bare}


def first_pages(folder: Path, objects: int) -> Record:
    """The first page at a size and at ten times that, each by members who have not asked before."""
    node, tokens = make_node(folder, 14)
    path, found = path_of(node, PAGE), {}
    for name, upto, asking in (("small", objects, tokens[:7]), ("large", 10 * objects, tokens[7:])):
        fill(node, 0 if name == "small" else objects, upto)
        node.store.close()
        with running(*SERVE, folder) as (_, port):
            one_page(port, "/api/", tokens[0])
            found[name] = median(one_page(port, path, token)[1] for token in asking)
    return found


def empty(folder: Path) -> Record:
    """An empty node: seconds from the command to the first answer, and resident memory then."""
    node, tokens = make_node(folder, 1)
    node.store.close()
    began = time.perf_counter()
    with running(*SERVE, folder) as (process, port):
        one_page(port, path_of(node, PAGE), tokens[0])
        seconds = time.perf_counter() - began
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    resident = next(line for line in lines if line.startswith("VmHWM"))
    return {"seconds": seconds, "mb": int(resident.split()[1]) * 1024 / 1e6}


def rows(found: Results) -> list[Row]:
    """The issue's bounds."""

    def row(
        work: str, unit: str, bound: Bound, name: str, figure: Figure, digits: int = 2, note: str = ""
    ) -> Row:
        values = found.values(name, figure)
        return Row(work, unit, bound, values, digits, found.why_not(name), note)

    none, of_floor = Bound(), "of the floor"
    get, post_work = "GET 100-object pages, 16 clients", "durable POST, validated, signature checked"
    kept = (
        "each of the 16 members walks by `next`; a page that was decided on is kept until something changes"
    )
    asked, envelopes = "medians of seven members who had not asked before", "envelopes of 100, one connection"
    return [
        row(get, of_floor, Bound(at_least=0.35), "pages", lambda r: r["again"] / r["floor"], note=kept),
        row(
            f"{get}, the server's CPU for each", of_floor, none, "pages", lambda r: r["floor cpu"] / r["again cpu"],
            note="floor over ours: what the load client takes does not count here",
        ),
        row(
            f"{get}, each decided for the first time, CPU", of_floor, none, "pages",
            lambda r: r["floor cpu"] / r["fresh cpu"],
        ),
        row(f"{get}, all of one member", of_floor, none, "pages", lambda r: r["same"] / r["floor"]),
        row(get, "pages/s", none, "pages", lambda r: r["again"], 0),
        row(
            f"{get}, 1,000 objects", "× medallion", Bound(at_least=50), "peer",
            lambda r: r["ours"] / r["medallion"], 0, "medallion answered one page to each client",
        ),
        row("full walk of 100,000 objects, pages of 1,000", "s", Bound(under=4), "walk", lambda r: r["seconds"]),
        row(
            "last pages of that walk", "× the first", Bound(at_most=1.2), "walk",
            lambda r: r["last over first"], note="medians of five",
        ),
        row(post_work, "objects/s", Bound(at_least=2500), "post", lambda r: r["ours"], 0, envelopes),
        row(
            post_work, "of bare SQLite inserts with Ed25519 verification", Bound(at_least=0.4), "post",
            lambda r: r["ours"] / r["bare"],
        ),
        row(
            "first page at 1,000,000 objects", "× that at 100,000", Bound(at_most=2), "first",
            lambda r: r["large"] / r["small"], note=asked,
        ),
        row("empty node: command to first answer", "s", Bound(under=1), "empty", lambda r: r["seconds"]),
        row("empty node: highest resident memory", "MB", Bound(under=120), "empty", lambda r: r["mb"], 0),
    ]  # fmt: skip


PART = Part(
    name="exchange",
    order=80,
    title="Exchange: pages, walks and posts",
    about=(
        "One server process on SQLite, `synchronous=FULL`, as `kakehashi exchange serve` starts it. The load comes "
        "from wrk (16 threads of one connection each; a client of ours on bare sockets where wrk cannot be had, for "
        "the pages decided for the first time, and against medallion); it shares the cores with the server. "
        "The floor is a bare Starlette application that "
        "returns the bytes of a page from memory, on the same server. medallion runs threaded with its memory "
        "backend. Objects are synthetic, about 750 bytes each; for the sizes they are entered by the store's own "
        "writing without being checked again, for the posts they come over HTTP."
    ),
    measure=measure,
    rows=rows,
)
