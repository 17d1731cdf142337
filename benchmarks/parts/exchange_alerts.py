"""From an accepted alert to the last of its readers, over server-sent events."""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.bench import Bench, Record, Results
from benchmarks.part import Bound, Part, Row

READERS, ALERTS = 50, 40


def measure(bench: Bench) -> None:
    """One server process, its readers and the poster in another."""
    for turn in range(bench.repetitions):
        bench.once(
            "alerts", turn, lambda: run(bench.size(READERS, smallest=3), bench.size(ALERTS, smallest=2))
        )


def run(readers: int, alerts: int) -> Record:
    """Delays from the answer to the post until each reader has the event, and from before the post."""
    from kakehashi.exchange import Caller, Node, make

    with tempfile.TemporaryDirectory() as folder:
        node = Node.init(Path(folder) / "exchange", "Institute A")
        findings = frozenset({node.collection("findings").id})
        tokens = []
        for number in range(readers + 1):
            identity = f"identity--00000000-0000-4000-8000-{number:012d}"
            node.store.put_member(Caller(identity, "amber", reads=findings, writes=findings), f"m{number}")
            tokens.append(node.tokens.issue(identity)[1])
        record = make("vulnerability", name="x", level="green")
        node.store.post(node.me(), next(iter(findings)), [record])
        node.store.close()
        words = [sys.executable, "-m", "kakehashi.cli.main", "exchange", "serve", "--port", "0"]
        with subprocess.Popen([*words, "--workspace", folder], stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            url = server.stdout.readline().split()[-1].removesuffix("/taxii2/")
            try:
                return asyncio.run(_watch(url, next(iter(findings)), tokens, record["id"], alerts))
            finally:
                server.terminate()
                server.wait(timeout=30)


async def _watch(url: str, collection: str, tokens: list[str], about: str, alerts: int) -> Record:
    import aiohttp

    from kakehashi.exchange import make
    from kakehashi.exchange.events import SseReader
    from kakehashi.exchange.records import extension

    seen: dict[str, list[float]] = {}
    enough = asyncio.Event()
    poster, *readers = tokens
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        ready = asyncio.Semaphore(0)

        async def read(token: str) -> None:
            headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
            sse = SseReader()
            async with session.get(f"{url}/api/x-kakehashi/events/", headers=headers, timeout=None) as answer:
                async for piece in answer.content.iter_any():
                    for event in sse.feed(piece):
                        if event.kind == "alert":
                            seen.setdefault(event.body["object"]["id"], []).append(time.perf_counter())
                            enough.set()
                        else:
                            ready.release()

        tasks = [asyncio.create_task(read(token)) for token in readers]
        for _ in readers:
            await ready.acquire()
        delays, whole = [], []
        headers = {"Authorization": f"Bearer {poster}", "Content-Type": "application/taxii+json;version=2.1"}
        for _ in range(alerts):
            body = extension("alert", level="urgent", action="retest", drill=False)
            note = make("note", level="green", content="x", object_refs=[about], extensions=body)
            began = time.perf_counter()
            path = f"{url}/api/collections/{collection}/objects/"
            async with session.post(path, data=json.dumps({"objects": [note]}), headers=headers) as answer:
                assert answer.status == 202, await answer.text()
                await answer.read()
            accepted = time.perf_counter()
            while len(seen.get(note["id"], ())) < len(readers):
                await enough.wait()
                enough.clear()
            delays += [max(at - accepted, 0.0) for at in seen[note["id"]]]
            whole += [at - began for at in seen[note["id"]]]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    cuts, wholes = statistics.quantiles(delays, n=100), statistics.quantiles(whole, n=100)
    return {"p50": cuts[49], "p99": cuts[98], "whole_p99": wholes[98], "deliveries": len(delays)}


def rows(found: Results) -> list[Row]:
    """The issue's bound."""
    return [
        Row(
            title,
            "s",
            bound,
            found.values("alerts", lambda record, name=figure: record[name]),
            digits=3,
            why_not=found.why_not("alerts"),
        )
        for title, figure, bound in (
            (f"alert accepted to delivered, {READERS} subscribers, p99", "p99", Bound(under=1.0)),
            ("the same, p50", "p50", Bound()),
            ("from before the post, p99", "whole_p99", Bound()),
        )
    ]


PART = Part(
    name="exchange-alerts",
    order=82,
    title="Exchange: alerts by events",
    about=f"One server process on SQLite (`synchronous=FULL`), {READERS} readers of server-sent events, each another"
    f" member; {ALERTS} alerts posted one after another.",
    measure=measure,
    rows=rows,
)
