"""``mmlu``: questions with four answers on 57 subjects (Hendrycks et al. 2021)."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from typing import Any

import yaml

from kakehashi.errors import InputError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.judges import AsyncJudge, Judge
from kakehashi.evaluate.methods.base import Credit, Scored, Scorer, Selection
from kakehashi.evaluate.methods.published.cells import place_of, revision_of, rows_of, texts_of
from kakehashi.evaluate.methods.published.choices import (
    LETTERS,
    MAX_TOKENS,
    TOP_LOGPROBS,
    accuracies,
    lettered,
    score_choice,
)
from kakehashi.evaluate.methods.select import stratified
from kakehashi.evaluate.methods.tally import share_credit
from kakehashi.model import (
    Label,
    Measure,
    Measurement,
    MethodCard,
    Polarity,
    Policy,
    Provenance,
    Sample,
)

ACCURACY = Measure("mmlu:accuracy", "capability", Polarity.HIGHER)
TEST, DEV = "test-00000-of-00001.parquet", "dev-00000-of-00001.parquet"
SHOTS = 5
#: Longest prompt in characters; examples are left out from the end until it fits, and their number is a facet.
LONGEST = 6000
_HEAD = (
    "The following are multiple choice questions (with answers) about {subject}. "
    "Answer the last one with its letter (A, B, C or D) and nothing else.\n\n"
)


class Mmlu:
    """MMLU, five examples before each question, read by log-probability or letter.

    Args:
        store: Where the set ``mmlu`` is, in the layout of ``cais/mmlu`` (configuration ``all``).
    """

    sets = ("mmlu",)

    def __init__(self, store: DataStore) -> None:
        self._store = store

    @property
    def card(self) -> MethodCard:
        """What the method declares."""
        return MethodCard(
            id="mmlu",
            version="1.0-chat-5-shot",
            title={"en": "MMLU", "ja": "MMLU(多分野知識)"},
            summary={
                "en": "Questions with four answers on 57 subjects; a guess is right in one of four.",
                "ja": "57分野の四択問題。当て推量でも4問に1問は正答となる。",
            },
            measures=(ACCURACY,),
            categories={
                name: {"en": one["en"], "ja": one["ja"]} for name, one in self._known["subjects"].items()
            },
            languages=("en",),
            judge="closed answers",
            data_source="Hendrycks et al. 2021, cais/mmlu",
            data_revision=revision_of(self._store, "mmlu"),
            licence="MIT",
            empty_policy=Policy.WRONG,
            blocked_policy=Policy.WRONG,
            judge_failure_policy=Policy.LEFT_OUT,
            aggregation="share of questions, each once; Wilson interval; answers that give no letter are wrong",
            own=False,
        )

    @cached_property
    def _known(self) -> Mapping[str, Any]:
        text = (files("kakehashi.evaluate") / "data" / "mmlu" / "subjects.yaml").read_text(encoding="utf-8")
        known: Mapping[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return known

    def _read(self, file: str) -> list[dict[str, Any]]:
        path, rows = rows_of(self._store, "mmlu", file, ("question", "subject", "choices", "answer"))
        items = []
        places: dict[str, int] = {}
        for number, row in enumerate(rows, start=1):
            subject = str(row["subject"])
            if subject not in self._known["subjects"]:
                raise InputError(f"the subject {subject!r} is none of MMLU's 57", path=path, row=number)
            places[subject] = places.get(subject, 0) + 1
            items.append(
                {
                    "id": f"{subject}-{places[subject]:04d}",
                    "subject": subject,
                    "question": str(row["question"]).strip(),
                    "choices": texts_of(row["choices"], path=path, row=number, many=4),
                    "answer": LETTERS[place_of(row["answer"], path=path, row=number, many=4)],
                }
            )
        return items

    @cached_property
    def _items(self) -> list[dict[str, Any]]:
        return self._read(TEST)

    @cached_property
    def _examples(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for item in self._read(DEV):
            found.setdefault(item["subject"], []).append(item)
        return found

    def samples(self, selection: Selection) -> Sequence[Sample]:
        """The chosen questions, spread over the subjects."""
        if "en" not in selection.languages:
            return []
        chosen = stratified(
            self._items,
            selection.limit,
            selection.seed,
            stratum=lambda item: str(item["subject"]),
            key=lambda item: str(item["id"]),
        )
        return [self._sample(item, selection.max_tokens) for item in chosen]

    def _sample(self, item: Mapping[str, Any], max_tokens: int | None) -> Sample:
        known = self._known["subjects"][item["subject"]]
        head, last = _HEAD.format(subject=known["en"]), _asked(item)
        shown: list[str] = []
        for example in self._examples.get(item["subject"], [])[:SHOTS]:
            text = f"{_asked(example)} {example['answer']}\n\n"
            if len(head) + len(last) + sum(map(len, shown)) + len(text) > LONGEST:
                break
            shown.append(text)
        return Sample(
            id=item["id"],
            turns=(head + "".join(shown) + last,),
            language="en",
            category=item["subject"],
            kind=known["group"],
            cluster=item["id"],
            target=item["answer"],
            max_tokens=min(MAX_TOKENS, max_tokens) if max_tokens else MAX_TOKENS,
            top_logprobs=TOP_LOGPROBS,
            facets={"shots": str(len(shown))},
        )

    def scorer(self, judge: Judge | AsyncJudge | None = None) -> Scorer:
        """Reads the letter; a judge given is not asked."""
        return score_choice

    def measure(self, scored: Iterable[Scored], *, subject: str, provenance: Provenance) -> list[Measurement]:
        """Accuracy over all questions, by group of subjects, and by subject."""
        rows = list(scored)
        parts: list[tuple[Mapping[str, str], list[Scored]]] = [
            ({"language": "en", "part": group}, [row for row in rows if row.sample.kind == group])
            for group in self._known["groups"]
        ]
        parts += [
            ({"language": "en", "category": name}, [row for row in rows if row.sample.category == name])
            for name in self._known["subjects"]
        ]
        return (
            accuracies(rows, parts, subject=subject, measure=ACCURACY, provenance=provenance) if rows else []
        )

    def credit(self, row: Scored) -> Credit | None:
        """1 where the answer is right."""
        return share_credit(ACCURACY.id, row, (Label.CORRECT,))


def _asked(item: Mapping[str, Any]) -> str:
    return f"{item['question']}\n{lettered(item['choices'])}\nAnswer:"
