"""One run of one part: measurements are saved as they are made, so that an interrupted run goes on.

A measurement has a key of a name and a repetition, ``ours-100/2``. Figures of one repetition are compared with one
another, so that what else the machine is doing weighs on both.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.peers import ROOT, NotMeasured, PeerEnvironment

HERE = Path(__file__).resolve().parent
Record = dict[str, Any]


class Results:
    """What was measured: records by name and repetition, and reasons for what is missing."""

    def __init__(self, records: Mapping[str, Record]) -> None:
        self.records = dict(records)

    def of(self, name: str) -> dict[int, Record]:
        """The records of a name by repetition, those that were measured."""
        found = {}
        for key, record in self.records.items():
            stem, _, repetition = key.rpartition("/")
            if stem == name and "not_measured" not in record:
                found[int(repetition)] = record
        return dict(sorted(found.items()))

    def why_not(self, *names: str) -> str:
        """Why one of these names is missing, ``""`` where none is."""
        for name in names:
            if not self.of(name):
                reasons = [
                    str(record["not_measured"])
                    for key, record in self.records.items()
                    if key.rpartition("/")[0] == name and "not_measured" in record
                ]
                return reasons[0] if reasons else "not measured yet"
        return ""

    def values(self, name: str, figure: Callable[[Record], float]) -> list[float]:
        """A figure of each repetition."""
        return [figure(record) for record in self.of(name).values()]

    def ratios(self, above: str, below: str, figure: Callable[[Record], float]) -> list[float]:
        """The ratio of two names within each repetition that has both."""
        top, bottom = self.of(above), self.of(below)
        return [figure(top[r]) / figure(bottom[r]) for r in sorted(top.keys() & bottom.keys())]


class Bench:
    """What a part measures with.

    Args:
        out: Folder of this part; measurements are kept in ``measured.json`` there.
        fingerprint: What must be the same for an interrupted run to go on: commit, sizes.
        peers: The peers' environment.
        repetitions: How often each measurement is made.
        scale: Factor on sizes; tests use a small one.
        say: Takes progress messages.
    """

    def __init__(
        self,
        out: Path,
        *,
        fingerprint: str = "",
        peers: PeerEnvironment | None = None,
        repetitions: int = 3,
        scale: float = 1.0,
        say: Callable[[str], None] = print,
    ) -> None:
        self.out = out
        self.peers = peers or PeerEnvironment(allowed=False)
        self.repetitions = repetitions
        self.scale = scale
        self.say = say
        self._file = out / "measured.json"
        self._fingerprint = fingerprint
        out.mkdir(parents=True, exist_ok=True)
        saved = json.loads(self._file.read_text()) if self._file.exists() else {}
        goes_on = saved.get("fingerprint") == fingerprint
        self.complete = bool(goes_on and saved.get("complete"))
        self._records: dict[str, Record] = saved["records"] if goes_on else {}

    @property
    def results(self) -> Results:
        """What has been measured so far."""
        return Results(self._records)

    def size(self, full: int, smallest: int = 20) -> int:
        """A size at this run's scale."""
        return max(smallest, round(full * self.scale))

    def once(self, name: str, repetition: int, measure: Callable[[], Record]) -> Record:
        """Measure, unless an interrupted run has done so; what cannot be measured is kept with its reason.

        Args:
            name: Of the measurement.
            repetition: Counted from 0.
            measure: Returns the figures, JSON-ready; raises :class:`NotMeasured` with the reason.
        """
        key = f"{name}/{repetition}"
        known = self._records.get(key)
        if known is not None and "not_measured" not in known:
            return known
        began = time.perf_counter()
        try:
            record = measure()
            self.say(f"  {key}: {time.perf_counter() - began:.1f} s")
        except NotMeasured as reason:
            record = {"not_measured": str(reason)}
            self.say(f"  {key}: not measured, {reason}")
        self._records[key] = record
        self._save()
        return record

    def finish(self) -> None:
        """Say that everything is measured."""
        self.complete = True
        self._save()

    def forget(self) -> None:
        """Let the next run begin anew; the figures are kept as ``last.json``."""
        if self._file.exists():
            self._file.replace(self.out / "last.json")

    def _save(self) -> None:
        text = json.dumps(
            {"fingerprint": self._fingerprint, "complete": self.complete, "records": self._records}, indent=1
        )
        temporary = self._file.with_suffix(".new")
        temporary.write_text(text)
        temporary.replace(self._file)

    def subject(
        self,
        script: str,
        *words: object,
        peer: str | None = None,
        peers: PeerEnvironment | None = None,
        timeout: float = 300.0,
    ) -> Record:
        """Run a program of ``benchmarks/subjects`` in a process of its own and return what it reports.

        Args:
            script: Its name, without ``.py``.
            words: Its arguments.
            peer: The peer that it needs; ours is measured with this interpreter.
            peers: The environment where it is, if not the common one.
            timeout: Seconds after which it is given up.

        Raises:
            NotMeasured: A peer is missing or broke down.
            RuntimeError: Ours broke down.
        """
        python = sys.executable if peer is None else str((peers or self.peers).need(peer))
        command = [python, str(HERE / "subjects" / f"{script}.py"), *map(str, words)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=timeout, cwd=ROOT, check=False
            )
            problem = "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no message"])[-1]
        except subprocess.TimeoutExpired:
            problem = f"no end within {timeout:g} s"
        if problem:
            if peer is not None:
                raise NotMeasured(f"{peer} broke down: {problem[:200]}")
            raise RuntimeError(f"{script} broke down: {problem}")
        record: Record = json.loads(done.stdout.strip().splitlines()[-1])
        return record


@contextmanager
def mock_server(delay_ms: float = 50.0) -> Iterator[str]:
    """The mock in a process of its own; gives its base address."""
    server = subprocess.Popen(
        [sys.executable, str(HERE / "mock.py"), "--delay-ms", str(delay_ms)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
    finally:
        server.terminate()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()
