"""The taxonomies that items are tagged to, read from the file that ``kakehashi/core`` is tagged by."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def taxonomies() -> tuple[Mapping[str, Any], ...]:
    """All taxonomies in the order of the file."""
    text = (files("kakehashi.evaluate") / "data" / "core" / "taxonomies.yaml").read_text(encoding="utf-8")
    return tuple(yaml.safe_load(text)["taxonomies"])


def classes(taxonomy: str) -> dict[str, Mapping[str, Any]]:
    """Classes of a taxonomy by their code.

    Examples:
        >>> classes("air-2024-l2")["Self-harm"]["ja"]
        '自傷'
    """
    found = next(one for one in taxonomies() if one["id"] == taxonomy)
    return {str(entry["code"]): entry for entry in found["classes"]}
