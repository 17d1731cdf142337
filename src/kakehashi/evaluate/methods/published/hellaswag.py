"""``hellaswag``: which of four endings goes on with a text (Zellers et al. 2019), as a question with letters."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

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

ACCURACY = Measure("hellaswag:accuracy", "capability", Polarity.HIGHER)
VALIDATION = "validation-00000-of-00001.parquet"
SOURCES = {
    "activitynet": {"en": "captions of videos (ActivityNet)", "ja": "動画の説明文(ActivityNet)"},
    "wikihow": {"en": "instructions (WikiHow)", "ja": "手順の説明文(WikiHow)"},
}
_HEAD = (
    "Which ending goes on with the text most naturally? "
    "Answer with its letter (A, B, C or D) and nothing else.\n\n"
)


class HellaSwag:
    """HellaSwag's validation split with the endings lettered.

    The published figures compare the probabilities of whole endings, which chat endpoints do not give; these
    numbers are of another form of the task and are not to be set beside them.

    Args:
        store: Where the set ``hellaswag`` is, in the columns of ``Rowan/hellaswag``.
    """

    sets = ("hellaswag",)

    def __init__(self, store: DataStore) -> None:
        self._store = store

    @property
    def card(self) -> MethodCard:
        """What the method declares."""
        return MethodCard(
            id="hellaswag",
            version="1.0-lettered",
            title={"en": "HellaSwag, lettered endings", "ja": "HellaSwag(続きの選択式)"},
            summary={
                "en": "Which of four endings goes on with a text; a guess is right in one of four.",
                "ja": "文章の続きを四つの候補から選ぶ問題。当て推量でも4問に1問は正答となる。",
            },
            measures=(ACCURACY,),
            categories=SOURCES,
            languages=("en",),
            judge="closed answers",
            data_source="Zellers et al. 2019, Rowan/hellaswag, validation split",
            data_revision=revision_of(self._store, "hellaswag"),
            licence="MIT",
            empty_policy=Policy.WRONG,
            blocked_policy=Policy.WRONG,
            judge_failure_policy=Policy.LEFT_OUT,
            aggregation="share of questions, clustered by source text; answers that give no letter are wrong",
            own=False,
        )

    @cached_property
    def _items(self) -> list[dict[str, Any]]:
        wanted = ("activity_label", "ctx_a", "ctx_b", "endings", "label", "source_id")
        path, rows = rows_of(self._store, "hellaswag", VALIDATION, wanted)
        items = []
        for number, row in enumerate(rows, start=1):
            endings = texts_of(row["endings"], path=path, row=number, many=4)
            source = str(row["source_id"])
            context = f"{row['ctx_a']} {str(row['ctx_b']).strip().capitalize()}".strip()
            items.append(
                {
                    "id": f"hellaswag-{number:05d}",
                    "text": clean(f"{row['activity_label']}: {context}"),
                    "endings": [clean(ending) for ending in endings],
                    "answer": LETTERS[place_of(row["label"], path=path, row=number, many=4)],
                    "source": source.partition("~")[0],
                    "cluster": source,
                }
            )
        return items

    def samples(self, selection: Selection) -> Sequence[Sample]:
        """The chosen texts, spread over both sources."""
        if "en" not in selection.languages:
            return []
        chosen = stratified(
            self._items,
            selection.limit,
            selection.seed,
            stratum=lambda item: str(item["source"]),
            key=lambda item: str(item["id"]),
        )
        limit = min(MAX_TOKENS, selection.max_tokens) if selection.max_tokens else MAX_TOKENS
        return [
            Sample(
                id=item["id"],
                turns=(f"{_HEAD}{item['text']}\n\n{lettered(item['endings'])}\n\nAnswer:",),
                language="en",
                category=item["source"],
                kind="ending",
                cluster=item["cluster"],
                target=item["answer"],
                max_tokens=limit,
                top_logprobs=TOP_LOGPROBS,
            )
            for item in chosen
        ]

    def scorer(self, judge: Judge | AsyncJudge | None = None) -> Scorer:
        """Reads the letter; a judge given is not asked."""
        return score_choice

    def measure(self, scored: Iterable[Scored], *, subject: str, provenance: Provenance) -> list[Measurement]:
        """Accuracy over all texts and by source."""
        rows = list(scored)
        parts: list[tuple[Mapping[str, str], list[Scored]]] = [
            ({"language": "en", "category": name}, [row for row in rows if row.sample.category == name])
            for name in SOURCES
        ]
        return (
            accuracies(rows, parts, subject=subject, measure=ACCURACY, provenance=provenance) if rows else []
        )

    def credit(self, row: Scored) -> Credit | None:
        """1 where the ending is the right one."""
        return share_credit(ACCURACY.id, row, (Label.CORRECT,))


def clean(text: str) -> str:
    """A text without WikiHow's marks, as evaluations of this set take them off.

    Examples:
        >>> clean("Cook rice: [header] How to cook rice [title] Wash it. [step] Use  water.")
        'Cook rice: How to cook rice. Wash it. Use water.'
    """
    text = text.replace(" [title]", ".")
    return re.sub(r"\s+", " ", re.sub(r"\[[^\]]{0,40}\]", "", text)).strip()
