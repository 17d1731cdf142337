"""All techniques: the code of the families joined with the words in ``data/attacks/techniques.yaml``."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml

from kakehashi.errors import FormatVersionError, UnknownNameError
from kakehashi.evaluate.attacks import (
    conversation,
    encoding,
    extraction,
    fiction,
    form,
    injection,
    language,
    obfuscation,
    persuasion,
    reframing,
    splitting,
    suppression,
)
from kakehashi.evaluate.attacks.technique import Technique, Transformation

FORMAT = "kakehashi.attack-techniques/1"

_FAMILIES = (
    encoding,
    obfuscation,
    splitting,
    fiction,
    reframing,
    suppression,
    persuasion,
    language,
    injection,
    conversation,
    form,
    extraction,
)


@dataclass(frozen=True, slots=True)
class TechniqueTable:
    """The shipped techniques.

    Attributes:
        version: Version of techniques, wordings and cells together.
        families: Title of each family by language.
        techniques: The techniques by id, in the order of the table.
    """

    version: str
    families: MappingProxyType[str, dict[str, str]]
    techniques: MappingProxyType[str, Technique]

    def __getitem__(self, name: str) -> Technique:
        try:
            return self.techniques[name]
        except KeyError:
            raise UnknownNameError("attack technique", name, list(self.techniques)) from None


@cache
def technique_table() -> TechniqueTable:
    """The shipped techniques, read once.

    Raises:
        FormatVersionError: The table has a newer format.

    Examples:
        >>> len(technique_table().techniques)
        40
    """
    data = (files("kakehashi.evaluate") / "data" / "attacks" / "techniques.yaml").read_bytes()
    content: dict[str, Any] = yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if content["format"] != FORMAT:
        raise FormatVersionError(content["format"], FORMAT, path="techniques.yaml")
    code = transformations()
    techniques = {
        row["id"]: Technique(
            id=row["id"],
            family=row["family"],
            title=row["title"],
            references=tuple(row["references"]),
            citation=row["citation"],
            notes=row["notes"],
            transformation=code[row["id"]],
        )
        for row in content["techniques"]
    }
    return TechniqueTable(
        version=content["version"],
        families=MappingProxyType(content["families"]),
        techniques=MappingProxyType(techniques),
    )


def transformations() -> dict[str, Transformation]:
    """The code of every technique by id."""
    return {part.id: part for family in _FAMILIES for part in family.TRANSFORMATIONS}
