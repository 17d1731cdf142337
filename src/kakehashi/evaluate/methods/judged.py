"""A scorer that asks a judge, at once or by waiting."""

import inspect
from collections.abc import Callable, Iterable
from typing import cast

from kakehashi.evaluate.judges import AsyncJudge, Judge, score_answer, score_answer_async
from kakehashi.evaluate.judges.phrases import shipped_calibration
from kakehashi.evaluate.judges.rules import VERSION
from kakehashi.evaluate.methods.base import Scorer
from kakehashi.model import Answer, Sample, Score

#: Identifier of the judge that is asked where none is given; making one takes time that a card need not cost.
DEFAULT_JUDGE = f"kakehashi/rules@{VERSION}"

#: What the card of a method says that is judged by its own official prompts and by whatever judge is named.
OFFICIAL_PROMPTS = "by the official prompts"


def default_calibration(languages: Iterable[str]) -> dict[str, str]:
    """What the default judge was checked on in each language.

    Examples:
        >>> default_calibration(["en", "sw"])
        {'en': 'human', 'sw': 'none'}
    """
    return {language: shipped_calibration(language) for language in languages}


def judged(judge: Judge | AsyncJudge, prompt_of: Callable[[Sample], str]) -> Scorer:
    """A scorer that lets a judge read the answer.

    Args:
        judge: Judge that decides at once, or one that has to ask a model.
        prompt_of: The request that the judge is shown for a sample: its plain form, not its disguise.
    """
    if inspect.iscoroutinefunction(judge.judge):
        asking = cast(AsyncJudge, judge)

        async def ask(sample: Sample, answer: Answer) -> Score:
            return await score_answer_async(asking, sample, answer, prompt=prompt_of(sample))

        return ask
    deciding = cast(Judge, judge)

    def decide(sample: Sample, answer: Answer) -> Score:
        return score_answer(deciding, sample, answer, prompt=prompt_of(sample))

    return decide
