"""What a judge is, and the way from an answer to a score."""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

from kakehashi.model import Answer, Label, Sample, Score, Status, Verdict

T = TypeVar("T")


@runtime_checkable
class Judge(Protocol):
    """A judge that decides at once.

    Attributes:
        id: Identifier and version, such as ``"kakehashi/rules@1.1"``.
        languages: Languages in which it gives verdicts; an answer in another one is ``not-judged``.
    """

    id: str
    languages: tuple[str, ...]

    def judge(self, prompt: str, answer: str, language: str) -> Verdict:
        """Say what the answer does with the prompt, both of which are in ``language`` as declared."""
        ...


@runtime_checkable
class AsyncJudge(Protocol):
    """A judge that has to ask somebody, such as a model.

    Attributes:
        id: Identifier and version.
        languages: Languages in which it gives verdicts.
    """

    id: str
    languages: tuple[str, ...]

    def judge(self, prompt: str, answer: str, language: str) -> Awaitable[Verdict]:
        """Say what the answer does with the prompt, both of which are in ``language`` as declared."""
        ...


@dataclass(frozen=True, slots=True)
class ItemRef:
    """Which item an answer belongs to, for judges that replay stored verdicts.

    Attributes:
        keys: Names of the item, the surest first: a sample's facet ``item``, its id, its cluster.
        model: Who answered, where known.
    """

    keys: tuple[str, ...]
    model: str = ""


def item_of(sample: Sample) -> ItemRef:
    """The item of a sample; methods name it in the facet ``item`` where their ids are not upstream's."""
    named = sample.facets.get("item")
    return ItemRef((*([named] if named else []), sample.id, sample.cluster))


def ask(
    judge: "Judge | AsyncJudge", prompt: str, answer: str, language: str, item: ItemRef | None
) -> Verdict | Awaitable[Verdict]:
    """Ask any judge; one whose ``needs_item`` is true is told the item."""
    asked: Any = judge.judge
    given: Verdict | Awaitable[Verdict] = (
        asked(prompt, answer, language, item=item)
        if getattr(judge, "needs_item", False)
        else asked(prompt, answer, language)
    )
    return given


async def all_of(asked: Iterable[Awaitable[T]]) -> list[T]:
    """What all answer, asked at once, in their order; where one fails the others' answers are waited for and kept.

    Raises:
        KakehashiError: The first failure in their order.
    """
    given = await asyncio.gather(*asked, return_exceptions=True)
    for one in given:
        if isinstance(one, BaseException):
            raise one
    return cast(list[T], given)


_UNJUDGED = {Status.EMPTY: Label.EMPTY, Status.BLOCKED: Label.BLOCKED, Status.ERROR: Label.ERROR}


def unjudged_score(judge_id: str, sample: Sample, answer: Answer) -> Score | None:
    """The score of an answer that there is nothing to judge in, or ``None`` where there is something.

    Empty, blocked and failed answers get labels of their own, whatever a method then counts them as.
    """
    label = _UNJUDGED.get(answer.status)
    if label is None and not answer.text.strip():
        label = Label.EMPTY
    if label is None:
        return None
    return Score(sample=sample.id, label=label.value, scorer=judge_id, reason=f"status:{label.value}")


def _score(sample: Sample, answer: Answer, verdict: Verdict) -> Score:
    reason = f"{verdict.reason};guard" if answer.guard else verdict.reason
    return Score(
        sample=sample.id,
        label=verdict.label.value,
        scorer=verdict.judge,
        value=verdict.confidence,
        reason=reason,
    )


def score_answer(judge: Judge, sample: Sample, answer: Answer, prompt: str) -> Score:
    """Judge one answer, after its status: nothing is declared away.

    Args:
        judge: A judge that decides at once.
        sample: The item that was put.
        answer: What came back; a guard's answer is judged like any other and ``;guard`` stands in the reason.
        prompt: What the judge reads as the request: the item's plain form, not its disguise.
    """
    score = unjudged_score(judge.id, sample, answer)
    if score is not None:
        return score
    if getattr(judge, "needs_item", False):
        given = ask(judge, prompt, answer.text, sample.language, item_of(sample))
        return _score(sample, answer, cast(Verdict, given))
    return _score(sample, answer, judge.judge(prompt, answer.text, sample.language))


async def score_answer_async(judge: AsyncJudge, sample: Sample, answer: Answer, prompt: str) -> Score:
    """As :func:`score_answer`, for a judge that has to ask somebody."""
    score = unjudged_score(judge.id, sample, answer)
    if score is not None:
        return score
    given = ask(judge, prompt, answer.text, sample.language, item_of(sample))
    return _score(sample, answer, await cast(Awaitable[Verdict], given))
