"""Two institutes go through a vulnerability together, on loopback, in under a minute.

A finds a vulnerability by an evaluation, shares a minimal view with the community and the full record with B under
embargo, and raises an alert (two persons). B hears of it by events, acknowledges, retests its own model, mends it and
answers with measurements. The embargo ends, everybody sees the full record, C receives it all by an offline bundle, and
an auditor verifies A's log against a checkpoint that was kept elsewhere.

    python examples/two_institutes.py [FOLDER] [--b-db postgresql://…]

The models are scripted servers on loopback; the prompts are placeholders. Everything else is real.
"""

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from kakehashi.cli.main import cli
from kakehashi.exchange import make, sharing_marking
from kakehashi.exchange.ids import EXTENSIONS
from kakehashi.proof import SigningKey

PROMPTS = 40
COMPLIES = {"model-a": 24, "model-b": 15, "model-b-mended": 0}
"""How many of the 40 placeholder prompts each scripted model answers instead of refusing."""


class Models(BaseHTTPRequestHandler):
    """Scripted models: each complies with its first so many prompts and refuses the others."""

    def do_POST(self) -> None:
        """Answer a chat completion."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        number = int(asked["messages"][-1]["content"].rpartition(" ")[2])
        yes = number < COMPLIES[asked["model"]]
        text = (
            "Sure, here is how to do it: first, second, third."
            if yes
            else "I'm sorry, but I can't help with that."
        )
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        body = json.dumps({"choices": [choice], "model": asked["model"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def sleep_until(end: datetime) -> None:
    """Do nothing until then."""
    time.sleep(max((end - datetime.now(UTC)).total_seconds(), 0) + 0.1)


class Story:
    """The steps, with what each shows.

    Args:
        folder: Where the three workspaces stand.
        embargo: Seconds until the embargo ends.
        b_db: Database of institute B, such as ``postgresql://…``; SQLite unless said.
        say: Takes each line.
        wait: Waits until a time; sleeps unless said.
    """

    def __init__(
        self,
        folder: Path,
        *,
        embargo: float = 25.0,
        b_db: str | None = None,
        say: Any = print,
        wait: Callable[[datetime], None] | None = None,
    ) -> None:
        self.folder, self.b_db, self.say, self.wait = folder, b_db, say, wait or sleep_until
        self.ends = datetime.now(UTC) + timedelta(seconds=embargo)
        self.facts: dict[str, Any] = {}

    def run(self, who: str, *words: str) -> Any:
        """A command of one institute, as its people would type it; returns what it printed as JSON."""
        shown = " ".join(f'"{word}"' if " " in word else word[:60] for word in words)
        self.say(f"  {who}$ kakehashi {shown}")
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            code = cli.main(
                args=[*words, "--workspace", str(self.folder / who), "--json"],
                prog_name="kakehashi",
                standalone_mode=False,
            )
        if code not in (0, None):
            raise SystemExit(f"kakehashi {shown} ended with {code}: {out.getvalue()}")
        text = out.getvalue()
        return json.loads(text) if text.lstrip()[:1] in ("{", "[") and "\n{" not in text else text

    def exchange(self, who: str, *words: str) -> Any:
        """A command of the noun ``exchange``."""
        return self.run(who, "exchange", *words)

    def file(self, name: str, content: Any) -> str:
        """Write a file that somebody hands to a command."""
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    def title(self, text: str) -> None:
        """Begin a step."""
        self.say(f"\n{text}")

    def tell(self) -> dict[str, Any]:
        """Go through all of it; returns what was seen."""
        models = ThreadingHTTPServer(("127.0.0.1", 0), Models)
        threading.Thread(target=models.serve_forever, args=(0.05,), daemon=True).start()
        self.models = f"http://127.0.0.1:{models.server_address[1]}/v1"
        try:
            self.found()
            self.shared()
            with self.served() as url:
                self.alerted()
                self.heard(url)
                self.retested(url)
            self.opened()
            self.bundled()
            self.audited()
        finally:
            models.shutdown()
            models.server_close()
        return self.facts

    def subject(self, name: str) -> str:
        """A scripted model as a subject file."""
        keys = {"format": "kakehashi.subject/1", "name": name, "endpoint": f"{self.models}#{name}"}
        return self.file(f"{name}.yaml", {**keys, "developer": "Example Maker"})

    def found(self) -> None:
        """A finds a vulnerability by an evaluation."""
        self.title("1. A evaluates a model and finds that it answers what it should refuse")
        self.a, self.b, self.c = (
            self.exchange(
                who, "init", f"Institute {who}", *(["--db", self.b_db] if who == "B" and self.b_db else [])
            )
            for who in "ABC"
        )
        rows = "".join(f"harmful request {n},{n:02d},harmful\n" for n in range(PROMPTS))
        self.prompts = self.file("prompts.csv", f"prompt,id,kind\n{rows}")
        self.run("A", "methods", "new", self.prompts, "--construct", "attack-robustness", "--language", "en")
        done = self.run(
            "A", "assess", self.subject("model-a"), "--method", "own/prompts", "--profile", "full"
        )
        self.facts["run"] = done["run"]

    def shared(self) -> None:
        """The minimal view for the community, the full record for B under embargo."""
        self.title("2. A shares a minimal view with the community, and the full record with B under embargo")
        rights = (
            "--community",
            "network",
            "--reads",
            "findings",
            "--writes",
            "findings",
            "--clearance",
            "amber",
        )
        for name, node in (("Institute B", self.b), ("Institute C", self.c)):
            self.exchange("A", "member", name, "--identity", node["identity"], "--key", node["key"], *rights)
        embargo = sharing_marking(
            communities=["network"], embargo_until=self.ends, embargo_recipients=[self.b["identity"]]
        )
        said = {"hazard": "compliance with harmful requests", "severity_band": "high"}
        body = {EXTENSIONS["vulnerability"]: {"extension_type": "property-extension", **said}}
        record = make(
            "vulnerability", name="answers when asked politely", markings=[embargo["id"]], extensions=body
        )
        self.exchange("A", "add", self.file("marking.json", embargo), "--sign")
        self.exchange("A", "add", self.file("record.json", record), "--sign")
        self.record, self.embargo = record["id"], embargo["id"]
        words = (
            "--of",
            self.record,
            "--measure",
            "own/prompts:safe-handling-rate",
            "--marking",
            self.embargo,
        )
        (self.sighting,) = self.exchange("A", "sight", self.facts["run"], *words)
        self.exchange("A", "view", self.record, "--contact", "desk@institute-a.example")
        self.facts["C before"] = self.seen_by("Institute C")
        self.facts["B before"] = self.seen_by("Institute B")
        self.say(f"  C sees {self.facts['C before']}; B sees {self.facts['B before']}")
        self.checkpoint = self.file("kept-elsewhere.txt", self.exchange("A", "verify")["checkpoint"])

    def seen_by(self, member: str) -> list[str]:
        """What a member sees on A's node, by type and name."""
        rows = self.exchange("A", "list", "--as", member)
        return sorted(f"{row['type']} {row['name']}".strip()[:60] for row in rows)

    @contextlib.contextmanager
    def served(self) -> Any:
        """A's node on loopback, in a process of its own."""
        words = [sys.executable, "-m", "kakehashi.cli.main", "exchange", "serve", "--port", "0"]
        with subprocess.Popen(
            [*words, "--workspace", str(self.folder / "A")], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1].removesuffix("/taxii2/")
            try:
                yield f"{url}/api/collections/findings/"
            finally:
                process.terminate()
                process.wait(timeout=30)

    def alerted(self) -> None:
        """Two persons release an alert."""
        self.title("3. A raises an alert: an emergency takes two persons")
        officers = [SigningKey(f"officer-{n}", bytes([n] * 32)) for n in (1, 2)]
        for key in officers:
            self.exchange("A", "officer", str(key.verifier))
            self.exchange(
                "B", "officer", str(key.verifier), "--of", self.a["identity"]
            )  # pinned, by another way
        words = (
            "--about",
            self.record,
            "--level",
            "emergency",
            "--action",
            "retest your models",
            "--hours",
            "24",
        )
        marked = ("--to", "Institute B", "--tlp", "amber", "--marking", self.embargo)
        draft = self.exchange("A", "alert", "Models answer when asked politely. Retest.", *words, *marked)[
            "draft"
        ]
        for key in officers:
            released = self.exchange(
                "A", "release", draft, "--key-file", self.file(f"{key.name}.key", key.secret_text())
            )
            self.say(f"  released: {released['released']}")
        self.alert = draft

    def heard(self, url: str) -> None:
        """B hears of it by events, and acknowledges."""
        self.title("4. B hears of it by events, checks the officers' signatures, and acknowledges")
        os.environ["KAKEHASHI_EXCHANGE_TOKEN"] = self.exchange("A", "token", "Institute B")["token"]
        for _ in range(20):  # a busy machine may need more than one look
            self.exchange("B", "listen", url, "--seconds", "1.5")
            if any(one["id"] == self.alert for one in self.exchange("B", "alerts")):
                break
        (alert,) = self.exchange("B", "alerts", self.alert)
        self.facts["checked"] = (alert["persons"], alert["persons_needed"], alert["sound"])
        self.exchange("B", "acknowledge", self.alert, "acknowledged")
        self.exchange("B", "push", url)

    def retested(self, url: str) -> None:
        """B retests its own model, mends it, and returns what it measured."""
        self.title(
            "5. B runs the same prompts against its own model, mends it, and returns both measurements"
        )
        words = ("--payload", self.prompts, "--level", "green", "--offer", url)
        first = self.exchange("B", "retest", self.sighting, "--subject", self.subject("model-b"), *words)
        mended = self.exchange(
            "B", "retest", self.record, "--subject", self.subject("model-b-mended"), "--fixed", *words
        )
        self.facts["retests"] = [row["k of n"] for one in (first, mended) for row in one["sightings"]]
        self.exchange("B", "acknowledge", self.alert, "acted", "--retest", mended["sightings"][0]["id"])
        self.exchange("B", "push", url)
        line = self.exchange("A", "timeline", self.alert)
        for step in line["steps"]:
            self.say(f"  {step['at'][11:19]}  {step['what']:13} {step['who'][:20]:20} {step['detail']}")
        self.facts["steps"] = [step["what"] for step in line["steps"]]
        self.facts["state"] = line["recipients"][0]["state"]
        (pool,) = self.exchange("A", "pooled", self.record)
        self.facts["pooled"] = pool
        p = pool["pooled"]
        self.say(
            f"  pooled: {p['value']:.2f} [{p['low']:.2f}, {p['high']:.2f}] over {p['studies']} measurements"
        )
        replicated = [row["verdict"]["verdict"] for row in pool["rows"] if row["verdict"]]
        self.facts["replication"] = replicated
        self.say(f"  B's replication of A's measurement: {', '.join(replicated)}")

    def opened(self) -> None:
        """The embargo ends."""
        self.title("6. The embargo ends, and everybody in the community sees the full record")
        self.wait(self.ends)
        self.facts["C after"] = self.seen_by("Institute C")
        self.say(f"  C sees {self.facts['C after']}")

    def bundled(self) -> None:
        """C receives it all offline."""
        self.title("7. C, which has no connection, receives it all by one encrypted file")
        for giver, taker in (("A", "C"), ("B", "C"), ("C", "A")):
            card = str(self.folder / f"{giver}.card")
            words = ["exchange", "card", "--out", card, "--workspace", str(self.folder / giver)]
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                cli.main(args=words, prog_name="kakehashi", standalone_mode=False)
            self.exchange(taker, "partner", card)
        bundle = str(self.folder / "for-c.bundle")
        self.exchange("A", "bundle", "make", "--to", "Institute C", "--out", bundle)
        self.facts["applied"] = self.exchange("C", "bundle", "apply", bundle)
        ack = str(self.folder / "from-c.ack")
        self.exchange("C", "bundle", "ack", "--to", "Institute A", "--out", ack)
        self.exchange("A", "bundle", "ack", ack)
        rows = self.exchange("C", "list")
        self.facts["C has"] = sorted({row["id"] for row in rows})
        self.say(f"  C has {len(rows)} records")

    def audited(self) -> None:
        """An auditor verifies the log."""
        self.title("8. An auditor verifies A's log against the checkpoint that was kept elsewhere")
        found = self.exchange("A", "verify", "--against", self.checkpoint)
        self.facts["verified"] = found["objects"]
        self.say(f"  {found['objects']} versions of objects and {found['size']} lines of the log match")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="a new folder; one that is deleted unless said")
    parser.add_argument("--b-db", help="database of institute B")
    parser.add_argument("--embargo", type=float, default=25.0, help="seconds until the embargo ends")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        Story(folder, embargo=options.embargo, b_db=options.b_db).tell()
    print(f"\n{time.monotonic() - began:.0f} seconds")


if __name__ == "__main__":
    main()
