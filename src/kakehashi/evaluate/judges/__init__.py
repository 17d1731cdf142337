"""Judges: what became of a request, read from the answer.

:class:`RuleJudge` decides by phrases at once and offline, :class:`ModelJudge` asks a model, :class:`PanelJudge` asks
several.
"""

from kakehashi.evaluate.judges.base import (
    AsyncJudge,
    Judge,
    score_answer,
    score_answer_async,
    unjudged_score,
)
from kakehashi.evaluate.judges.model_judge import Complete, ModelJudge
from kakehashi.evaluate.judges.panel import PanelJudge
from kakehashi.evaluate.judges.phrases import PhraseList, load_phrases
from kakehashi.evaluate.judges.rules import RuleJudge

__all__ = [
    "AsyncJudge",
    "Complete",
    "Judge",
    "ModelJudge",
    "PanelJudge",
    "PhraseList",
    "RuleJudge",
    "load_phrases",
    "score_answer",
    "score_answer_async",
    "unjudged_score",
]
