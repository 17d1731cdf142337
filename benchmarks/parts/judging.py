"""Judging stored answers by rules."""

import json
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from benchmarks.bench import Bench, Record, Results
from benchmarks.part import Bound, Part, Row, Table
from benchmarks.peers import ROOT, NotMeasured

ANSWERS = 100_000
REFERENCE = ROOT.parent / "shared" / "reference" / "judging"
OURS = ROOT / "tests" / "evaluate" / "judges" / "data"
#: Name of a set → files of answers, and the language that they are in.
SETS = {
    "english": ([REFERENCE / "xstest_labelled.jsonl", REFERENCE / "do_not_answer_labelled.jsonl"], "en"),
    "japanese": ([OURS / "synthetic_ja.jsonl", OURS / "heldout_ja_3.jsonl"], "ja"),
    "chinese": ([OURS / "synthetic_zh.jsonl"], "zh"),
}


def measure(bench: Bench) -> None:
    """Each set once a repetition."""
    for turn in range(bench.repetitions):
        for name, (files, language) in SETS.items():
            bench.once(
                name, turn, lambda files=files, language=language: judge_answers(bench, files, language)
            )


def judge_answers(bench: Bench, files: list[Path], language: str) -> Record:
    """Score answers by the scorer of a method, as a run does; the phrase list is compiled before the clock starts."""
    from kakehashi.evaluate.judges import RuleJudge
    from kakehashi.evaluate.methods.judged import judged
    from kakehashi.model import Answer, Sample

    texts = list(_texts(files))
    answers = [Answer(text) for text in islice(cycle(texts), bench.size(ANSWERS, smallest=20))]
    sample = Sample("s", ("a request",), language, "c", "harmful", "s")
    scorer = judged(RuleJudge(), lambda each: each.turns[-1])
    scorer(sample, answers[0])
    wall, cpu = time.perf_counter(), time.process_time()
    for answer in answers:
        scorer(sample, answer)
    return {
        "answers": len(answers),
        "characters": sum(map(len, texts)) / len(texts),
        "seconds": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
    }


def _texts(files: list[Path]) -> Iterator[str]:
    for file in files:
        if not file.exists():
            raise NotMeasured(f"{file.name} is not beside the checkout")
        for line in file.read_text(encoding="utf-8").split("\n"):
            if line:
                row = json.loads(line)
                yield str(row.get("response", row.get("answer", "")))


def rows(found: Results) -> list[Row]:
    """The issue's bound, on one core; CPU seconds, which other work on the machine does not stretch."""

    def row(name: str, bound: Bound) -> Row:
        values = found.values(name, lambda record: record["answers"] / record["cpu"])
        work = f"judging {ANSWERS:,} stored answers by rules, {name.capitalize()}"
        return Row(work, "a CPU second", bound, values, digits=0, why_not=found.why_not(name))

    return [row("english", Bound(at_least=20_000)), row("japanese", Bound()), row("chinese", Bound())]


def tables(found: Results) -> list[Table]:
    """How long the answers are."""
    lines = []
    for name in SETS:
        for record in list(found.of(name).values())[:1]:
            if "answers" in record:
                length = f"{record['characters']:.0f}"
                lines.append(
                    [name.capitalize(), f"{record['answers']:,}", length, f"{record['seconds']:.1f}"]
                )
    return [Table("The answers:", ["language", "answers", "characters in the mean", "seconds"], lines)]


PART = Part(
    name="judging",
    order=35,
    title="Judging by rules",
    about="English: the answers of XSTest and Do-Not-Answer that have human labels, again and again. Japanese and "
    "Chinese: our own synthetic answers. Each goes through the scorer of a method, as in a run.",
    measure=measure,
    rows=rows,
    tables=tables,
)
