"""``humaneval``: Python functions written from their description, run against tests in a sandbox (Chen et al. 2021)."""

import asyncio
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import Any

from kakehashi.errors import UsageError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.judges import AsyncJudge, Judge
from kakehashi.evaluate.methods.base import Credit, Scored, Scorer, Selection
from kakehashi.evaluate.methods.published.cells import check_distinct, revision_of, rows_of
from kakehashi.evaluate.methods.select import stratified
from kakehashi.evaluate.methods.tally import MISSING, mean, proportion, share_credit
from kakehashi.evaluate.sandbox import Sandbox
from kakehashi.model import (
    Answer,
    Label,
    Measure,
    Measurement,
    MethodCard,
    Polarity,
    Policy,
    Provenance,
    Sample,
    Score,
    Status,
)

PASS_1 = Measure("humaneval:pass-at-1", "capability", Polarity.HIGHER)
FILE = "HumanEval.jsonl.gz"
SCORER = "kakehashi/python-sandbox@1.0"
#: Most tokens of an answer, whatever the profile: a function that is cut off says nothing of its writer.
MAX_TOKENS = 768
_K = (10, 100)
_BROKEN = "could-not-start"
_HEAD = (
    "Complete this Python function. Use only the standard library. "
    "Answer with the whole function in one code block and nothing else.\n\n"
)
_BLOCK = re.compile(r"```[ \t]*(?:python|py|python3)?[ \t]*\r?\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)


class HumanEval:
    """HumanEval's 164 problems; generated code runs in a sandbox, and not at all unless asked for.

    Args:
        store: Where the set ``humaneval`` is, in the layout of ``openai/human-eval``.
        sandbox: Where programs run; without one nothing is scored.
    """

    sets = ("humaneval",)

    def __init__(self, store: DataStore, sandbox: Sandbox | None = None) -> None:
        self._store = store
        self.sandbox = sandbox

    def in_sandbox(self, sandbox: Sandbox) -> "HumanEval":
        """The same method with a place to run programs."""
        return HumanEval(self._store, sandbox)

    @property
    def card(self) -> MethodCard:
        """What the method declares."""
        return MethodCard(
            id="humaneval",
            version="1.0-chat",
            title={"en": "HumanEval", "ja": "HumanEval(プログラム作成)"},
            summary={
                "en": "164 Python functions to write; each is run against tests in a sandbox.",
                "ja": "Python関数を書く164問。生成されたコードを隔離環境で実行し、テストで採点する。",
            },
            measures=(PASS_1,),
            categories={"python": {"en": "Python functions", "ja": "Python関数"}},
            languages=("en",),
            judge="tests run in a sandbox",
            data_source="Chen et al. 2021, openai/human-eval",
            data_revision=revision_of(self._store, "humaneval"),
            licence="MIT",
            empty_policy=Policy.WRONG,
            blocked_policy=Policy.WRONG,
            judge_failure_policy=Policy.LEFT_OUT,
            aggregation="share of answers that pass all tests, clustered by problem; pass@k unbiased",
            own=False,
        )

    @cached_property
    def _items(self) -> dict[str, dict[str, Any]]:
        path, rows = rows_of(self._store, "humaneval", FILE, ("task_id", "prompt", "entry_point", "test"))
        items = [{**row, "id": str(row["task_id"])} for row in rows]
        check_distinct(items, path)
        return {item["id"]: item for item in items}

    def samples(self, selection: Selection) -> Sequence[Sample]:
        """The chosen problems, each as often as answers are wanted."""
        if "en" not in selection.languages:
            return []
        chosen = stratified(
            self._items.values(),
            selection.limit,
            selection.seed,
            stratum=lambda item: "python",
            key=lambda item: str(item["id"]),
        )
        return [
            Sample(
                id=item["id"] if selection.repeats == 1 else f"{item['id']}#{repeat}",
                turns=(f"{_HEAD}```python\n{item['prompt'].rstrip()}\n```",),
                language="en",
                category="python",
                kind="function",
                cluster=item["id"],
                max_tokens=MAX_TOKENS,
                repeat=repeat,
            )
            for item in chosen
            for repeat in range(selection.repeats)
        ]

    def scorer(self, judge: Judge | AsyncJudge | None = None) -> Scorer:
        """Runs each answer against its tests; a judge given is not asked.

        Raises:
            UsageError: No sandbox was given: running generated code has to be asked for.
        """
        sandbox = self.sandbox
        if sandbox is None:
            raise UsageError(
                "humaneval has no sandbox to run programs in", hint="Give it one with in_sandbox()."
            )
        # As many programs at a time as there are cores, so that none waits long enough to look endless.
        workers = ThreadPoolExecutor(max_workers=max(1, os.cpu_count() or 1), thread_name_prefix="sandbox")

        async def score(sample: Sample, answer: Answer) -> Score:
            unanswered = {
                Status.EMPTY: Label.EMPTY,
                Status.BLOCKED: Label.BLOCKED,
                Status.ERROR: Label.ERROR,
            }
            if answer.status in unanswered:
                return Score(sample.id, unanswered[answer.status], SCORER)
            program = program_of(self._items[sample.cluster], answer.text)
            ended = await asyncio.get_running_loop().run_in_executor(workers, sandbox.run, program)
            if ended.reason == _BROKEN:
                return Score(sample.id, Label.JUDGE_FAILED, SCORER, reason=ended.reason)
            reason = ended.reason
            if not ended.passed and answer.finish_reason in ("length", "max_tokens"):
                reason = f"{reason}, answer cut off"
            return Score(sample.id, Label.CORRECT if ended.passed else Label.WRONG, SCORER, reason=reason)

        return score

    def measure(self, scored: Iterable[Scored], *, subject: str, provenance: Provenance) -> list[Measurement]:
        """pass@1, and pass@10 and pass@100 where every problem has so many answers."""
        rows = list(scored)
        if not rows:
            return []
        facets = {"language": "en"}
        first = proportion(
            rows, (Label.CORRECT,), subject=subject, measure=PASS_1, provenance=provenance, facets=facets
        )
        used = self._isolation()
        found = [replace(first, reason="; ".join(text for text in (first.reason, used) if text))]
        by_problem: dict[str, list[Scored]] = defaultdict(list)
        for row in rows:
            if row.score.label not in MISSING:
                by_problem[row.sample.cluster].append(row)
        fewest = min(map(len, by_problem.values()), default=0)
        found += [
            _at_k(by_problem, k, subject=subject, provenance=provenance, facets=facets)
            for k in _K
            if k <= fewest
        ]
        return found

    def _isolation(self) -> str:
        if self.sandbox is None:
            return ""
        parts = self.sandbox.isolation.parts
        return f"code run isolated from {', '.join(parts)}" if parts else "code run without isolation"

    def credit(self, row: Scored) -> Credit | None:
        """1 where the function passes its tests."""
        return share_credit(PASS_1.id, row, (Label.CORRECT,))


def program_of(item: Mapping[str, Any], text: str) -> str:
    """The program that decides: what stands before the function, the answer's code, the tests, their call.

    An answer may be the whole function in a code block, bare code, or only the rest of the function.
    """
    prompt, entry = str(item["prompt"]), str(item["entry_point"])
    block = _BLOCK.search(text)
    code = block[1] if block else text
    defines = re.search(rf"^(?:async )?def {re.escape(entry)}\b", code, re.MULTILINE) is not None
    if defines:
        head = re.split(rf"^def {re.escape(entry)}\b", prompt, maxsplit=1, flags=re.MULTILINE)[0]
        whole = f"{head}\n{code}"
    else:
        whole = f"{prompt}{code}"
    return f"{whole}\n\n{item['test']}\n\ncheck({entry})\n"


def _at_k(
    by_problem: Mapping[str, Sequence[Scored]],
    k: int,
    *,
    subject: str,
    provenance: Provenance,
    facets: Mapping[str, str],
) -> Measurement:
    from kakehashi.compare.pass_at_k import pass_at_k

    firsts = [answers[0] for answers in by_problem.values()]
    value = {
        problem: pass_at_k(len(answers), sum(row.score.label == Label.CORRECT for row in answers), k)
        for problem, answers in by_problem.items()
    }
    return mean(
        firsts,
        lambda row: value[row.sample.cluster],
        subject=subject,
        measure=Measure(f"humaneval:pass-at-{k}", "capability", Polarity.HIGHER),
        provenance=provenance,
        facets=facets,
    )
