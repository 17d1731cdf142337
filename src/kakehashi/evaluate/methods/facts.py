"""``kakehashi/facts``: closed questions about claims, documents and sources, with stated confidence."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kakehashi.evaluate.judges import AsyncJudge, Judge
from kakehashi.evaluate.methods.base import Credit, Scored, Scorer, Selection
from kakehashi.evaluate.methods.closed import parse_closed
from kakehashi.evaluate.methods.select import stratified
from kakehashi.evaluate.methods.suite import REVIEWED, load_suite, review_summary
from kakehashi.evaluate.methods.tally import MISSING, mean, proportion, share_credit
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

PARTS = ("claims", "grounded", "sources")
LANGUAGES = ("en", "ja")

#: Most tokens that a closed answer with its confidence needs.
MAX_TOKENS = 8

CLAIMS = Measure("kakehashi/facts:claims-accuracy", "factuality", Polarity.HIGHER)
GROUNDED = Measure("kakehashi/facts:grounded-accuracy", "groundedness", Polarity.HIGHER)
SOURCES = Measure("kakehashi/facts:sources-accuracy", "source-trust", Polarity.HIGHER)
SOURCE_REASONS = Measure("kakehashi/facts:sources-reason-accuracy", "source-trust", Polarity.HIGHER)
BRIER = Measure("kakehashi/facts:brier-score", "calibration", Polarity.LOWER, unit="score")
BIN_ACCURACY = Measure("kakehashi/facts:reliability-accuracy", "calibration", Polarity.NONE)
BIN_CONFIDENCE = Measure("kakehashi/facts:reliability-confidence", "calibration", Polarity.NONE)

_ACCURACY = {"claims": CLAIMS, "grounded": GROUNDED, "sources": SOURCES}
_BINS = 5


class FactsSuite:
    """Our own suite of 216 closed questions; nobody has to judge the answers."""

    def __init__(self) -> None:
        self._files, self._revision = load_suite("facts", PARTS)

    @property
    def card(self) -> MethodCard:
        """What the suite declares."""
        items = [item for content in self._files for item in content["items"]]
        return MethodCard(
            id="kakehashi/facts",
            version=str(self._files[0]["version"]),
            title={"en": "Kakehashi facts suite", "ja": "架け橋 事実性評価セット"},
            summary={
                "en": "216 closed questions: claims, answers from a given document, trust in sources.",
                "ja": "記述の真偽、文書に基づく回答、情報源の信頼性に関する216問の選択式質問。",
            },
            measures=(CLAIMS, GROUNDED, SOURCES, SOURCE_REASONS, BRIER),
            categories={content["task"]: content["title"] for content in self._files},
            languages=LANGUAGES,
            judge="closed answers",
            data_source="written for this project",
            data_revision=self._revision,
            licence="Apache-2.0",
            empty_policy=Policy.WRONG,
            blocked_policy=Policy.WRONG,
            judge_failure_policy=Policy.LEFT_OUT,
            aggregation="share of items, clustered by document; unparsed answers count as wrong",
            own=True,
            review=review_summary(items, LANGUAGES),
        )

    def samples(self, selection: Selection) -> Sequence[Sample]:
        """The chosen questions."""
        return list(self._samples(selection))

    def _samples(self, selection: Selection) -> Iterator[Sample]:
        everything = [(content, item) for content in self._files for item in content["items"]]
        for language in selection.languages:
            usable = [
                pair
                for pair in everything
                if not selection.reviewed_only or pair[1]["review"].get(language) in REVIEWED
            ]
            chosen = stratified(
                usable,
                selection.limit,
                selection.seed,
                stratum=_stratum,
                key=lambda pair: str(pair[1]["id"]),
            )
            for content, item in chosen:
                yield _sample(content, item, language, selection.max_tokens)

    def scorer(self, judge: Judge | AsyncJudge | None = None) -> Scorer:
        """Parses the closed answer; a judge given is not asked."""
        return score_closed

    def measure(self, scored: Iterable[Scored], *, subject: str, provenance: Provenance) -> list[Measurement]:
        """Accuracy for each task, reasons, and calibration over all tasks."""
        rows = list(scored)
        found: list[Measurement] = []
        for language in dict.fromkeys(row.sample.language for row in rows):
            spoken = [row for row in rows if row.sample.language == language]
            found += self._accuracies(spoken, language, subject, provenance)
            found += _calibration(spoken, language, subject, provenance)
        return found

    def credit(self, row: Scored) -> Credit | None:
        """1 where the answer is right."""
        return share_credit(_ACCURACY[row.sample.category].id, row, (Label.CORRECT,))

    def _accuracies(
        self, rows: list[Scored], language: str, subject: str, provenance: Provenance
    ) -> list[Measurement]:
        found = []
        for task, measure in _ACCURACY.items():
            of_task = [row for row in rows if row.sample.category == task]
            parts = [({"language": language}, of_task)]
            parts += [
                ({"language": language, "part": part}, [r for r in of_task if r.sample.kind == part])
                for part in sorted({row.sample.kind for row in of_task})
                if task != "sources"
            ]
            found += [
                proportion(
                    rows_of_part,
                    (Label.CORRECT,),
                    subject=subject,
                    measure=measure,
                    provenance=provenance,
                    facets=facets,
                )
                for facets, rows_of_part in parts
                if rows_of_part
            ]
        reasons = [r for r in rows if r.sample.category == "sources" and r.score.label not in MISSING]
        if reasons:
            found.append(
                mean(
                    reasons,
                    lambda row: float(row.score.reason == row.sample.facets["reason"]),
                    subject=subject,
                    measure=SOURCE_REASONS,
                    provenance=provenance,
                    facets={"language": language},
                )
            )
        return found


def score_closed(sample: Sample, answer: Answer) -> Score:
    """Right, wrong or not in the closed form; the confidence becomes the value.

    ``reason`` holds the parsed answer (``TRUE``, ``B``, ``2c``), which is a key and not a text.
    """
    scorer = "kakehashi/closed@1.1"
    unanswered = {Status.EMPTY: Label.EMPTY, Status.BLOCKED: Label.BLOCKED, Status.ERROR: Label.ERROR}
    if answer.status in unanswered:
        return Score(sample.id, unanswered[answer.status], scorer)
    parsed = parse_closed(answer.text, sample.category)
    if parsed is None:
        return Score(sample.id, Label.UNPARSED, scorer)
    label = Label.CORRECT if parsed.choice == sample.target else Label.WRONG
    reason = parsed.choice + parsed.reason
    return Score(sample.id, label, scorer, value=parsed.confidence, reason=reason)


def _stratum(pair: tuple[dict[str, Any], dict[str, Any]]) -> str:
    content, item = pair
    kind = item["answerable"] if content["task"] == "grounded" else item["answer"]
    return f"{content['task']}/{kind}"


def _sample(content: dict[str, Any], item: dict[str, Any], language: str, max_tokens: int | None) -> Sample:
    task = content["task"]
    fill: dict[str, str]
    facets = {"review": item["review"].get(language, "unreviewed"), "topic": item.get("topic", "")}
    if task == "claims":
        fill = {"claim": item["claim"][language]}
        target, kind, cluster = content["tokens"][item["answer"]], str(item["answer"]), item["id"]
    elif task == "grounded":
        texts = {document["id"]: document["text"][language] for document in content["documents"]}
        fill = {"document": texts[item["document"]], "question": item["question"][language]}
        fill |= item["options"][language]
        target, cluster = item["answer"], item["document"]
        kind = "answerable" if item["answerable"] else "unanswerable"
    else:
        first, second = (source[language] for source in item["sources"])
        fill = {"question": item["question"][language], "source_1": first, "source_2": second}
        target, kind, cluster = item["answer"], "sources", item["id"]
        letters = {reason["code"]: reason["letter"] for reason in content["reasons"]}
        facets["reason"] = target + letters[item["reason"]]
    return Sample(
        id=f"{item['id']}.{language}",
        turns=(content["instruction"][language].format(**fill),),
        language=language,
        category=task,
        kind=kind,
        cluster=cluster,
        target=target,
        max_tokens=min(MAX_TOKENS, max_tokens) if max_tokens else MAX_TOKENS,
        facets=facets,
    )


def _calibration(
    rows: list[Scored], language: str, subject: str, provenance: Provenance
) -> list[Measurement]:
    stated = [row for row in rows if row.score.value is not None and row.score.label in _GRADED]
    found = [
        mean(
            stated,
            lambda row: (_confidence(row) - _right(row)) ** 2,
            subject=subject,
            measure=BRIER,
            provenance=provenance,
            facets={"language": language},
        )
    ]
    for number in range(_BINS):
        of_bin = [row for row in stated if min(int(_confidence(row) * _BINS), _BINS - 1) == number]
        if not of_bin:
            continue
        facets = {"language": language, "bin": f"{number / _BINS:.1f}-{(number + 1) / _BINS:.1f}"}
        for measure, value_of in ((BIN_ACCURACY, _right), (BIN_CONFIDENCE, _confidence)):
            found.append(
                mean(of_bin, value_of, subject=subject, measure=measure, provenance=provenance, facets=facets)
            )
    return found


_GRADED = (Label.CORRECT, Label.WRONG)


def _confidence(row: Scored) -> float:
    return row.score.value if row.score.value is not None else 0.0


def _right(row: Scored) -> float:
    return float(row.score.label == Label.CORRECT)
