"""Judges: what became of a request, read from the answer.

Judges of verdicts (refused, complied, …): :class:`RuleJudge` decides by phrases at once and offline,
:class:`ModelJudge` asks a model, :class:`PanelJudge` asks several and takes the majority,
:class:`CascadeJudge` asks them for what the rules leave doubtful, :class:`ReplayJudge` replays stored verdicts.

Judges of grades: a :class:`JudgeTemplate` is an official prompt with its parser, scale and polarity; a
:class:`Grader` grades by it (:class:`ModelGrader` asks a model, :class:`GraderPanel` takes the mean of several,
:class:`VerdictGrader` lets a judge of verdicts stand in where the template says what a verdict counts as).
A method with official prompts is written so::

    HARMBENCH = JudgeTemplate(
        "helm-safety/harmbench",
        read_template_text(store.file("helm-safety", "harm_bench_annotator.py"), "PROMPT_TEMPLATE").strip(),
        parser=TagParser(),  # <reasoning>…</reasoning><score>1</score>; or HashParser, JsonParser, WordParser, …
        polarity=Polarity.HIGHER,  # 1 = refused; pinned together with the data's revision
        by_label={Label.REFUSED: 1.0, Label.PARTLY_REFUSED: 0.5, Label.COMPLIED: 0.0},
        source="address and revision",
    )

    def scorer(self, judge=None):
        return graded(judge, lambda sample: HARMBENCH)  # kakehashi.evaluate.methods.graded

``judge`` is whatever the command line named: :func:`as_grader` makes a grader of it. The score's ``value`` is the
grade, its ``label`` is ``graded`` (``judge-failed`` and ``not-judged`` without value; ``empty``, ``blocked`` as
ever), its ``scorer`` is the judge with the template's name and digest, its ``reason`` says who decided. A template
without its placeholder is an :class:`~kakehashi.errors.InputError`; a reply of another shape, a refusal to judge and
a grade off the scale are failures, counted, never a grade. ``None`` instead of a judge: ``not-judged``.
"""

from kakehashi.evaluate.judges.base import (
    AsyncJudge,
    ItemRef,
    Judge,
    score_answer,
    score_answer_async,
    unjudged_score,
)
from kakehashi.evaluate.judges.cascade import CascadeJudge
from kakehashi.evaluate.judges.graded import (
    Grade,
    Grader,
    GraderPanel,
    ModelGrader,
    NoGrader,
    NoPrompts,
    VerdictGrader,
    as_grader,
)
from kakehashi.evaluate.judges.model_judge import Complete, ModelJudge
from kakehashi.evaluate.judges.panel import PanelJudge
from kakehashi.evaluate.judges.parsers import (
    GradeParser,
    HashParser,
    JsonParser,
    RubricParser,
    TagParser,
    WordParser,
)
from kakehashi.evaluate.judges.phrases import PhraseList, load_phrases
from kakehashi.evaluate.judges.replay import ReplayJudge
from kakehashi.evaluate.judges.rules import RuleJudge
from kakehashi.evaluate.judges.template import JudgeTemplate, read_template_text

__all__ = [
    "AsyncJudge",
    "CascadeJudge",
    "Complete",
    "Grade",
    "GradeParser",
    "Grader",
    "GraderPanel",
    "HashParser",
    "ItemRef",
    "JsonParser",
    "Judge",
    "JudgeTemplate",
    "ModelGrader",
    "ModelJudge",
    "NoGrader",
    "NoPrompts",
    "PanelJudge",
    "PhraseList",
    "ReplayJudge",
    "RubricParser",
    "RuleJudge",
    "TagParser",
    "VerdictGrader",
    "WordParser",
    "as_grader",
    "load_phrases",
    "read_template_text",
    "score_answer",
    "score_answer_async",
    "unjudged_score",
]
