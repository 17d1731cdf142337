"""Who made a model and which family it is of, so that no model judges itself or its kin unseen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from kakehashi.errors import UsageError


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a model comes from.

    Attributes:
        developer: Who made it, ``""`` where the record does not know its name.
        families: Families whose weights or name it carries; the first word of its name where none is known.
    """

    developer: str
    families: frozenset[str]


@cache
def developers_record() -> Mapping[str, Any]:
    """The record as shipped: ``as_of``, and for each developer the names of its families."""
    text = files("kakehashi.evaluate.judges").joinpath("data/developers.yaml").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = yaml.safe_load(text)
    return loaded


def bare_name(model: str) -> str:
    """The model's name in lower case, without provider or address.

    Examples:
        >>> bare_name("http://127.0.0.1:8000/v1#Tiny"), bare_name("meta-llama/Llama-3.1-8B")
        ('tiny', 'llama-3.1-8b')
    """
    return re.split(r"[/:#]", model.strip().lower().rstrip("/:#"))[-1]


def lineage(model: str, developer: str = "") -> Lineage:
    """Developer and families of a model, by its name.

    Args:
        model: Name as an endpoint knows it.
        developer: Who made it, where that is stated: it overrides the record.

    Examples:
        >>> lineage("openai:gpt-4o-mini").developer, sorted(lineage("DeepSeek-R1-Distill-Qwen-7B").families)
        ('OpenAI', ['deepseek', 'qwen'])
        >>> lineage("house-model-2")
        Lineage(developer='', families=frozenset({'house'}))
    """
    name = bare_name(model)
    words = [word for word in re.split(r"[^a-z0-9]+", name) if word]
    found: list[tuple[int, str, str]] = []
    for maker, entry in developers_record()["developers"].items():
        for family, marks in entry["families"].items():
            places = [
                place for place, word in enumerate(words) if word.startswith(tuple(marks.get("words", ())))
            ]
            if name.startswith(tuple(marks.get("starts", ()))):
                places.append(0)
            if places:
                found.append((min(places), maker, family))
    if not found:
        first = re.match(r"[a-z]+", name)
        return Lineage(developer, frozenset({first[0] if first else name}))
    return Lineage(developer or min(found)[1], frozenset(family for _, _, family in found))


def kinship(first: Lineage, second: Lineage) -> str:
    """What two models have in common, or ``""``.

    Examples:
        >>> kinship(lineage("gpt-4o"), lineage("o3-mini")), kinship(lineage("gpt-4o"), lineage("claude-3"))
        ('the developer OpenAI', '')
        >>> kinship(lineage("llama-3-8b"), lineage("DeepSeek-R1-Distill-Llama-8B"))
        'the family llama'
    """
    if first.developer and first.developer.casefold() == second.developer.casefold():
        return f"the developer {first.developer}"
    shared = sorted(first.families & second.families)
    return f"the family {shared[0]}" if shared else ""


def check_not_itself(judge: str, subject: str, *, judge_by: str = "", subject_by: str = "") -> str:
    """What a judge model and a model under test have in common, which a reader should know; ``""`` for nothing.

    Args:
        judge: Name of the judge model.
        subject: Name of the model under test.
        judge_by: The judge model's developer, where stated.
        subject_by: The other's.

    Raises:
        UsageError: They are the same model.
    """
    if bare_name(subject) == bare_name(judge):
        raise UsageError(
            f"{judge!r} would judge itself",
            hint="Choose a judge of another family, the rule judge, or a panel of others.",
        )
    return kinship(lineage(judge, judge_by), lineage(subject, subject_by))
