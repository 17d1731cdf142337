"""Judges that give a grade by an official prompt, beside those that give a verdict."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol, runtime_checkable

from kakehashi.errors import UsageError
from kakehashi.evaluate.judges.base import AsyncJudge, ItemRef, Judge, all_of, ask
from kakehashi.evaluate.judges.language import language_of_answer
from kakehashi.evaluate.judges.model_judge import Complete, ModelJudge
from kakehashi.evaluate.judges.panel import PanelJudge
from kakehashi.evaluate.judges.rules import RuleJudge
from kakehashi.evaluate.judges.template import JudgeTemplate
from kakehashi.model import Label, Message, Status, Verdict


@dataclass(frozen=True, slots=True)
class Grade:
    """What a graded judge says of one answer.

    Attributes:
        value: The grade on the template's scale, or ``None`` where none was given.
        judge: Identifier of the judge, with the digest of its prompt.
        reason: Short stable ground, who decided included; never the text of an answer.
        label: ``graded``; ``judge-failed`` and ``not-judged`` where there is no grade.
    """

    value: float | None
    judge: str
    reason: str = ""
    label: Label = Label.GRADED


@runtime_checkable
class Grader(Protocol):
    """A judge that grades by a template.

    Attributes:
        id: Identifier without template.
        languages: Languages in which it grades; an answer in another one is ``not-judged``.
    """

    id: str
    languages: tuple[str, ...]

    async def grade(self, template: JudgeTemplate, fields: Mapping[str, str], language: str) -> Grade:
        """Grade ``fields["answer"]`` by the template.

        Args:
            template: The official prompt and its scale.
            fields: What its placeholders stand for: ``prompt``, ``answer``, and what else it names.
            language: Language in which the item was put, ISO 639-1.
        """
        ...


def asks_for_nothing(text: str) -> str:
    """Why a reply is no grade: the judge declined to judge, or wrote something else."""
    return "judge-refused" if _rules().judge("", text, "en").label is Label.REFUSED else "unparsed"


@cache
def _rules() -> RuleJudge:
    return RuleJudge(("en",))


class ModelGrader:
    """A model that grades by official prompts.

    Its reply must have the template's shape; prose, a refusal to judge, two scores and a score outside the scale are
    ``judge-failed``, counted, and never a grade. The prompt goes out as published, in one user message.

    Args:
        complete: Asks the judge model.
        model: Its name as its endpoint knows it.
        languages: Languages in which the model is known as a judge.
    """

    def __init__(self, complete: Complete, model: str, *, languages: Sequence[str] = ("en",)) -> None:
        if not model.strip():
            raise UsageError("a graded judge needs the name of its model")
        self._complete = complete
        self.model = model
        self.languages = tuple(languages)
        self.id = f"kakehashi/grader:{model}"

    async def grade(self, template: JudgeTemplate, fields: Mapping[str, str], language: str) -> Grade:
        """Ask for a grade; the reason is ``model``, and of a failure why, such as ``unparsed`` or ``judge-refused``."""
        name = f"{self.id}@{template.version}"
        answer = fields["answer"]
        found = language_of_answer(answer, language)
        for each in (language, found):
            if each not in self.languages:
                return Grade(None, name, f"language:{each}", Label.NOT_JUDGED)
        messages = [Message("system", template.system)] if template.system else []
        messages.append(Message("user", template.filled(fields)))
        reply = await self._complete(messages)
        if reply.status is not Status.OK:
            return Grade(None, name, f"status:{reply.status.value}", Label.JUDGE_FAILED)
        value = template.parser.parse(reply.text)
        if value is None:
            return Grade(None, name, asks_for_nothing(reply.text), Label.JUDGE_FAILED)
        if not template.accepts(value):
            return Grade(None, name, "off-scale", Label.JUDGE_FAILED)
        reason = "model;closing-marker-in-answer" if template.marker_in(answer) else "model"
        return Grade(value, name, reason)


class VerdictGrader:
    """A judge of verdicts that stands in for a graded one, where the template says what a verdict counts as.

    Its grades are no grades of the official judge: the score names the judge that gave them.

    Args:
        judge: A judge that gives verdicts, such as the rule judge.
    """

    def __init__(self, judge: Judge | AsyncJudge) -> None:
        self._judge = judge
        self.languages = tuple(judge.languages)
        self.id = judge.id

    async def grade(self, template: JudgeTemplate, fields: Mapping[str, str], language: str) -> Grade:
        """The verdict's grade; the reason is ``verdict:<label>;<the verdict's own>``."""
        name = f"{self.id}@{template.version}"
        if not template.by_label:
            return Grade(None, name, "no-verdict-scale", Label.NOT_JUDGED)
        item = ItemRef(tuple(fields[key] for key in ("item", "cluster") if key in fields))
        given = ask(self._judge, fields.get("prompt", ""), fields["answer"], language, item)
        verdict = await given if inspect.isawaitable(given) else given
        if verdict.label in (Label.NOT_JUDGED, Label.JUDGE_FAILED):
            return Grade(None, name, verdict.reason, verdict.label)
        value = template.by_label.get(verdict.label)
        if value is None:
            return Grade(None, name, f"no-grade-for:{verdict.label.value}", Label.NOT_JUDGED)
        return Grade(value, name, f"verdict:{verdict.label.value};{verdict.reason}")


class GraderPanel:
    """Several graded judges; the grade is the mean of those that gave one.

    Args:
        graders: At least two, no two of the same id.
        least: How many must have graded; with fewer the answer is ``judge-failed`` (where any failed) or
            ``not-judged``.

    Raises:
        UsageError: Fewer than two, one twice, or an impossible ``least``.
    """

    def __init__(self, graders: Sequence[Grader], *, least: int = 2) -> None:
        ids = [grader.id for grader in graders]
        if len(ids) < 2:
            raise UsageError(f"a panel has at least two judges, not {len(ids)}")
        if len(set(ids)) < len(ids):
            raise UsageError(f"a judge sits twice on the panel: {', '.join(sorted(ids))}")
        if not 1 <= least <= len(ids):
            raise UsageError(f"{least} of {len(ids)} judges cannot be asked for")
        self._graders = tuple(graders)
        self._least = least
        self.id = f"kakehashi/grader-panel@1.0({','.join(ids)})"
        spoken = [language for grader in graders for language in set(grader.languages)]
        self.languages = tuple(sorted({one for one in spoken if spoken.count(one) >= least}))

    async def grade(self, template: JudgeTemplate, fields: Mapping[str, str], language: str) -> Grade:
        """Ask all at once; the reason names each grade by the place of its judge.

        Such as ``"mean-of-2:1=0.5,3=1;failed:2"``.
        """
        given = await all_of(grader.grade(template, fields, language) for grader in self._graders)
        name = f"{self.id}@{template.version}"
        grades = {i: grade.value for i, grade in enumerate(given, 1) if grade.value is not None}
        failed = [str(i) for i, grade in enumerate(given, 1) if grade.label is Label.JUDGE_FAILED]
        ground = ",".join(f"{i}={value:g}" for i, value in grades.items())
        after = f";failed:{','.join(failed)}" if failed else ""
        if len(grades) < self._least:
            label = Label.JUDGE_FAILED if failed else Label.NOT_JUDGED
            return Grade(None, name, f"grades:{ground or 0}{after}", label)
        return Grade(sum(grades.values()) / len(grades), name, f"mean-of-{len(grades)}:{ground}{after}")


class NoGrader:
    """No judge: everything is ``not-judged``, and the method prints no number."""

    id = "none"
    languages: tuple[str, ...] = ()

    async def grade(self, template: JudgeTemplate, fields: Mapping[str, str], language: str) -> Grade:
        """Never a grade."""
        return Grade(None, f"{self.id}@{template.version}", "no-judge", Label.NOT_JUDGED)


class NoPrompts:
    """Stands in for a judge that could grade, where the official prompts were not pulled: nothing is judged."""

    id = "none (the official prompts were not pulled)"
    languages: tuple[str, ...] = ()

    def judge(self, prompt: str, answer: str, language: str) -> Verdict:
        """Never a verdict."""
        return Verdict(Label.NOT_JUDGED, self.id, "official-prompts-not-pulled")


def as_grader(judge: Judge | AsyncJudge | Grader | None) -> Grader:
    """The graded judge that a judge can be: a model by the official prompt, a panel by the mean, rules by verdict.

    Args:
        judge: What the command line named, or ``None`` for no judge.
    """
    if judge is None:
        return NoGrader()
    if isinstance(judge, Grader):
        return judge
    if isinstance(judge, ModelJudge):
        return ModelGrader(judge.complete, judge.model, languages=judge.languages)
    from kakehashi.evaluate.judges.cascade import CascadeGrader, CascadeJudge

    if isinstance(judge, CascadeJudge):
        return CascadeGrader(judge, as_grader(judge.second))
    if isinstance(judge, PanelJudge):
        return GraderPanel([as_grader(member) for member in judge.members])
    return VerdictGrader(judge)
