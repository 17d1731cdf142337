"""A scorer that lets a judge grade the answer by an official prompt."""

from collections.abc import Callable, Mapping

from kakehashi.evaluate.judges import AsyncJudge, Grader, Judge, JudgeTemplate, as_grader, unjudged_score
from kakehashi.evaluate.methods.base import Scorer
from kakehashi.model import Answer, Sample, Score


def graded(
    judge: Judge | AsyncJudge | Grader | None,
    template_of: Callable[[Sample], JudgeTemplate],
    fields_of: Callable[[Sample], Mapping[str, str]] = lambda sample: {"prompt": sample.turns[-1]},
) -> Scorer:
    """A scorer whose ``value`` is the grade and whose ``scorer`` names judge and prompt.

    Empty, blocked and failed answers are not shown to a judge and keep labels of their own; what they count as is the
    method's to say, by its card.

    Args:
        judge: Any judge: see :func:`~kakehashi.evaluate.judges.as_grader`. ``None``: everything is ``not-judged``.
        template_of: The official prompt for a sample (one for each category in some methods).
        fields_of: What its placeholders stand for, the answer apart.
    """
    grader = as_grader(judge)

    async def ask(sample: Sample, answer: Answer) -> Score:
        template = template_of(sample)
        score = unjudged_score(f"{grader.id}@{template.version}", sample, answer)
        if score is not None:
            return score
        fields = {
            "item": sample.facets.get("item", sample.id),
            "cluster": sample.cluster,
            **fields_of(sample),
            "answer": answer.text,
        }
        grade = await grader.grade(template, fields, sample.language)
        reason = f"{grade.reason};guard" if answer.guard else grade.reason
        return Score(sample.id, grade.label.value, grade.judge, grade.value, reason)

    return ask
