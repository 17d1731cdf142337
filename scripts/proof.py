"""Run the full sizes and write docs/proof.md: what was shown, by which command, with which seed, at which commit.

Each file of tests that holds one marked ``proof`` is a step, and so are each command of ``COMMANDS`` and the tests that
need Inspect or Ray. A step that passed at this very state of the tree is not run again, so an interrupted proof goes on
where it was; one whose tests were all skipped has shown nothing, and the page says so. A step has ten minutes; two run
at a time.
"""

import hashlib
import json
import platform
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / "out" / "proof"
REFERENCE = Path("../shared/reference")
LIMIT = 600
JOBS = 2
NOTHING = "nothing shown: "

#: What is shown beside the tests: title → words after ``python -m kakehashi.cli.main``; data that it needs.
COMMANDS: Mapping[str, tuple[tuple[str, ...], tuple[Path, ...]]] = {
    "judges on XSTest's human labels": (
        (
            "judge",
            "calibrate",
            str(REFERENCE / "judging/xstest_labelled.jsonl"),
            "--published",
            str(REFERENCE / "results/xstest_items.csv"),
        ),
        (REFERENCE / "judging/xstest_labelled.jsonl", REFERENCE / "results/xstest_items.csv"),
    ),
    "judges on Do-Not-Answer's human labels": (
        ("judge", "calibrate", str(REFERENCE / "judging/do_not_answer_labelled.jsonl")),
        (REFERENCE / "judging/do_not_answer_labelled.jsonl",),
    ),
}


@dataclass(frozen=True)
class Step:
    """One thing to show.

    Attributes:
        title: What it is about.
        command: The command as a reader would type it, from the checkout's root.
        words: The words that are run.
        needs: Files without which it cannot be run.
    """

    title: str
    command: str
    words: tuple[str, ...]
    needs: tuple[Path, ...] = ()

    @property
    def slug(self) -> str:
        """A file name for its outcome."""
        return hashlib.sha256(self.command.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Outcome:
    """What a step came to, and for which tree."""

    tree: str
    passed: bool
    result: str
    seconds: float
    coverage: tuple[tuple[str, str], ...] = ()
    cells: tuple[tuple[str, str], ...] = ()
    rates: tuple[tuple[str, str], ...] = ()


def steps() -> Iterator[Step]:
    """Every step: files of tests marked ``proof``, then the commands."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if "pytest.mark.proof" in path.read_text(encoding="utf-8"):
            name = path.relative_to(ROOT).as_posix()
            report = ("-o", "junit_family=xunit1", f"--junitxml={STATE / path.stem}.xml")
            words = (sys.executable, "-m", "pytest", "-q", "-rN", "-m", "proof", name, *report)
            yield Step(name.removeprefix("tests/"), f"python -m pytest -m proof {name}", words)
    yield Step("Inspect itself, in its own environment", "make inspect-test", ("make", "inspect-test"))
    yield Step("a Ray cluster of two nodes, in its own environment", "make ray-test", ("make", "ray-test"))
    for title, (arguments, needs) in COMMANDS.items():
        words = (sys.executable, "-m", "kakehashi.cli.main", *arguments)
        yield Step(title, f"kakehashi {' '.join(arguments)}", words, needs)


def tree_state() -> str:
    """The commit, and a hash of what is not committed; docs/proof.md itself does not count."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("diff", "HEAD", "--", ".", ":!docs/proof.md", ":!docs/benchmarks.md")
    return commit if not changed else f"{commit}+{hashlib.sha256(changed.encode()).hexdigest()[:8]}"


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def run(step: Step, tree: str) -> Outcome:
    """Run one step, or take its outcome from an earlier proof of the same tree."""
    kept = STATE / f"{step.slug}.json"
    if kept.is_file():
        before = json.loads(kept.read_text(encoding="utf-8"))
        if before["tree"] == tree and before["passed"] and not before["result"].startswith(NOTHING):
            pairs = {name: tuple(map(tuple, before.get(name, ()))) for name in ("coverage", "cells", "rates")}
            return Outcome(**{**before, **pairs})
    absent = [path for path in step.needs if not (ROOT / path).exists()]
    if absent:
        return Outcome(tree, True, f"{NOTHING}{absent[0].name} is not here", 0.0)
    started = time.monotonic()
    try:
        done = subprocess.run(
            step.words, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        passed, text = done.returncode == 0, done.stdout
    except subprocess.TimeoutExpired:
        passed, text = False, f"not finished within {LIMIT} s"
    seconds = round(time.monotonic() - started, 1)
    covered, cells, rates = (tuple(_properties(step, name)) for name in ("coverage", "cells", "error rate"))
    outcome = Outcome(tree, passed, _result(text), seconds, covered, cells, rates)
    kept.write_text(json.dumps(asdict(outcome)), encoding="utf-8")
    if not passed:
        print(text[-3000:], file=sys.stderr)
    return outcome


def _result(text: str) -> str:
    """The line that says how it ended: pytest's summary, or a judge's kappas."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("make[")]
    figures = [line.replace("\t", " ") for line in lines if line.startswith("all\tkappa")][:2]
    last = lines[-1] if lines else "no output"
    result = "; ".join(figures) if figures else last.strip("= ").split(" in ")[0]
    return f"{NOTHING}{result}" if "skipped" in result and " passed" not in result else result


def _properties(step: Step, name: str) -> Iterator[tuple[str, str]]:
    """What the tests of a step recorded under a name; see tests/reference/coverage.py."""
    report = next((word.split("=", 1)[1] for word in step.words if word.startswith("--junitxml=")), None)
    if report is None or not Path(report).is_file():
        return
    for case in ET.parse(report).iter("testcase"):
        for one in case.iter("property"):
            if one.get("name") == name:
                yield str(case.get("name")), str(one.get("value"))


def page(found: list[tuple[Step, Outcome]], tree: str) -> str:
    """docs/proof.md."""
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    lines = [
        "# Proof: the full sizes",
        "",
        "Written by `make proof`. Seeds stand in the tests named; every one is fixed.",
        "",
        f"Commit {tree}, {datetime.now(UTC):%Y-%m-%d}, {machine}.",
        "",
        "| shown | command | result | seconds |",
        "|---|---|---|---|",
    ]
    for step, one in found:
        state = one.result if one.passed else f"**failed**: {one.result}"
        if one.result.startswith(NOTHING):
            state = f"**{one.result}**"
        lines.append(f"| {step.title} | `{step.command}` | {state} | {one.seconds:.0f} |")
    covered = [(f"{step.title}::{name}", value) for step, one in found for name, value in one.coverage]
    if covered:
        lines += ["", "## Coverage of nominal 95% intervals", "", "| test | coverage |", "|---|---|"]
        lines += [f"| `{name}` | {value} |" for name, value in covered]
    rates = [(f"{step.title}::{name}", value) for step, one in found for name, value in one.rates]
    if rates:
        lines += ["", "## Error rates and power of sequential tests", "", "| test | found |", "|---|---|"]
        lines += [f"| `{name}` | {value} |" for name, value in rates]
    single = [(f"{step.title}::{name}", value) for step, one in found for name, value in one.cells]
    if single:
        lines += ["", "<details><summary>Every cell</summary>", ""]
        lines += [f"- `{name}`: {value}" for name, value in single]
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run every step; the exit code says whether all passed."""
    STATE.mkdir(parents=True, exist_ok=True)
    tree = tree_state()
    every = list(steps())
    outcomes: dict[str, Outcome] = {}

    def prove(step: Step) -> None:
        outcomes[step.title] = run(step, tree)
        one = outcomes[step.title]
        print(f"[{len(outcomes)}/{len(every)}] {step.title}: {one.result}", file=sys.stderr, flush=True)
        done = [(each, outcomes[each.title]) for each in every if each.title in outcomes]
        (ROOT / "docs" / "proof.md").write_text(page(done, tree), encoding="utf-8")

    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(prove, every))
    found = [(step, outcomes[step.title]) for step in every]
    (ROOT / "docs" / "proof.md").write_text(page(found, tree), encoding="utf-8")
    failed = [step.title for step, one in found if not one.passed]
    empty = sum(one.result.startswith(NOTHING) for _step, one in found)
    names = f": {', '.join(failed)}" if failed else ""
    print(f"proof: {len(found)} steps, {empty} showed nothing, {len(failed)} failed{names}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
