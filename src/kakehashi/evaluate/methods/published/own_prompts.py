"""Judge prompts of our own wording, where a method's own is not among the pulled data."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

from kakehashi.evaluate.judges import GradeParser, JudgeTemplate
from kakehashi.model import Label, Polarity

_USUAL = {"{{question}}": "prompt", "{{answer}}": "answer"}


@cache
def _prompts() -> tuple[str, Mapping[str, str]]:
    text = (files("kakehashi.evaluate") / "data" / "judge_prompts.yaml").read_text(encoding="utf-8")
    loaded = yaml.safe_load(text)
    return str(loaded["version"]), {str(name): str(prompt) for name, prompt in loaded["prompts"].items()}


def own_template(
    name: str,
    parser: GradeParser,
    polarity: Polarity,
    *,
    grades: tuple[float, ...] | None = (0.0, 1.0),
    extra: Mapping[str, str] | None = None,
    by_label: Mapping[Label, float] | None = None,
) -> JudgeTemplate:
    """A prompt of ours by its name; scores that it makes carry ``our-wording`` in their judge's name.

    Args:
        name: Name in ``judge_prompts.yaml``.
        parser: Reads the reply.
        polarity: Whether a higher grade is the better answer.
        grades: Grades that may be given.
        extra: Placeholders beside the request and the answer, with their fields.
        by_label: What a plain verdict counts as, for a cascade.
    """
    version, prompts = _prompts()
    text = prompts[name]
    wanted = {**_USUAL, **(extra or {})}
    return JudgeTemplate(
        f"{name}/our-wording@{version}",
        text,
        parser=parser,
        polarity=polarity,
        placeholders={mark: meant for mark, meant in wanted.items() if mark in text},
        grades=grades,
        by_label=by_label or {},
        source="kakehashi, data/judge_prompts.yaml",
    )
