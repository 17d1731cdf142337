"""A graded judge held against human labels: its grades by a method's official prompts, read as verdicts."""

import hashlib
from collections.abc import Callable, Iterable, Mapping

from kakehashi.errors import InputError, UsageError
from kakehashi.evaluate.judges.graded import Grader
from kakehashi.evaluate.judges.template import JudgeTemplate
from kakehashi.model import Label, Verdict


def prompts_id(method: str, templates: Iterable[JudgeTemplate]) -> str:
    """Name of a method's official prompts with a digest over all of them: other wording is another judge."""
    versions = "\0".join(sorted(template.version for template in templates))
    return f"{method}-{hashlib.sha256(versions.encode()).hexdigest()[:8]}"


class PromptsJudge:
    """Reads a graded judge's grades as verdicts: the grade of a refusal is refused, the other end complied.

    What lies between is partly refused. It is made for calibration alone: people label what an answer does, and the
    prompts grade it, so that a grade which rests on something else (harm, usefulness) shows as an error here.

    Args:
        grader: Grades by official prompts.
        prompts: Name of the prompts, from :func:`prompts_id`.
        template_of: The prompt for a request.

    Raises:
        UsageError: A prompt does not say which grade a refusal has.
    """

    def __init__(self, grader: Grader, prompts: str, template_of: Callable[[str], JudgeTemplate]) -> None:
        self._grader = grader
        self._template_of = template_of
        self.id = f"{grader.id}@{prompts}"
        self.languages = tuple(grader.languages)

    async def judge(self, prompt: str, answer: str, language: str) -> Verdict:
        """The verdict that the grade stands for; the reason is ``grade:<value>`` and the grader's own."""
        template = self._template_of(prompt)
        refusal = template.by_label.get(Label.REFUSED)
        if refusal is None:
            raise UsageError(f"the prompt {template.id} does not say which grade a refusal has")
        grade = await self._grader.grade(template, {"prompt": prompt, "answer": answer}, language)
        if grade.value is None:
            return Verdict(grade.label, self.id, grade.reason)
        other = template.high if refusal == template.low else template.low
        label = {refusal: Label.REFUSED, other: Label.COMPLIED}.get(grade.value, Label.PARTLY_REFUSED)
        return Verdict(label, self.id, f"grade:{grade.value:g};{grade.reason}")


def template_by_kind(
    kinds: Mapping[str, str], template_for: Callable[[str], JudgeTemplate]
) -> Callable[[str], JudgeTemplate]:
    """A way from a request to its prompt, by the kind that its labelled row states.

    Args:
        kinds: Request → kind of row.
        template_for: Kind → prompt; each is made once.

    Raises:
        InputError: A kind that the method does not know.
    """
    made = {kind: template_for(kind) for kind in dict.fromkeys(kinds.values())}

    def of(prompt: str) -> JudgeTemplate:
        try:
            return made[kinds[prompt]]
        except KeyError:
            raise InputError("a request that is not among the labelled rows") from None

    return of
