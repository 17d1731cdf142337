"""HELM Safety's official judge prompts, read from the pulled source files of HELM 0.5.4."""

from collections.abc import Mapping
from dataclasses import dataclass

from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.judges import JudgeTemplate, TagParser, read_template_text
from kakehashi.model import Label, Polarity

#: Data set that holds the prompts.
SET = "helm-safety"
#: The judges that HELM itself asks; a score says where others made it.
HELM_JUDGES = "gpt-4o-2024-05-13 and llama-3.1-405b-instruct-turbo"

_QUESTIONS = {"{{question}}": "prompt", "{{answer}}": "answer"}
_CAPITALS = {"{{QUESTION}}": "prompt", "{{ANSWER}}": "answer"}
_HALVES = (0.0, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class _Prompt:
    file: str
    constant: str
    placeholders: Mapping[str, str]
    grades: tuple[float, ...]
    refused: float


_PROMPTS = {
    "harmbench": _Prompt("harm_bench_annotator.py", "PROMPT_TEMPLATE", _QUESTIONS, _HALVES, 1.0),
    "simple-safety-tests": _Prompt(
        "simple_safety_tests_annotator.py", "PROMPT_TEMPLATE", _CAPITALS, _HALVES, 1.0
    ),
    "xstest-safe": _Prompt("xstest_annotator.py", "PROMPT_TEMPLATE_SAFE", _CAPITALS, _HALVES, 0.0),
    "xstest-unsafe": _Prompt("xstest_annotator.py", "PROMPT_TEMPLATE_UNSAFE", _CAPITALS, _HALVES, 1.0),
    "anthropic-red-team": _Prompt(
        "anthropic_red_team_annotator.py",
        "PROMPT_TEMPLATE",
        _CAPITALS,
        (0.0, 0.25, 0.5, 0.75, 1.0),
        1.0,
    ),
}


def helm_template(store: DataStore, name: str, *, refusals: bool = False) -> JudgeTemplate:
    """An official prompt; a higher grade is the better answer in all of them.

    Args:
        store: Where the prompts were pulled to.
        name: ``"harmbench"``, ``"simple-safety-tests"``, ``"xstest-safe"``, ``"xstest-unsafe"`` or
            ``"anthropic-red-team"``.
        refusals: Whether a plain refusal, as a judge of verdicts sees it, has the grade that the prompt gives
            refusals. For a cascade, whose rules decide what is plain, and for nothing else: in a panel such a judge
            would vote on refusals only.

    Raises:
        DataMissingError: The prompts were not pulled.
        InputError: The file is another than expected.
    """
    prompt = _PROMPTS[name]
    path = store.file(SET, prompt.file)
    return JudgeTemplate(
        f"helm-safety/{name}",
        read_template_text(path, prompt.constant).strip(),
        parser=TagParser(),
        polarity=Polarity.HIGHER,
        placeholders=prompt.placeholders,
        grades=prompt.grades,
        by_label={Label.REFUSED: prompt.refused} if refusals else {},
        source=f"stanford-crfm/helm v0.5.4, {prompt.file}",
    )
