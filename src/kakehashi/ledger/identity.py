"""Which names mean the same model: exact id, then the alias table, then a suggestion that a person accepts.

Two names are never merged because they look alike. A quantized copy, another system prompt or a provider's
filter make another system: such names stand in the table as *related*, which only ever makes a suggestion.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from importlib.resources import files
from pathlib import Path

from kakehashi.errors import FormatVersionError, InputError, UsageError
from kakehashi.ledger.files import read_bytes, write_whole
from kakehashi.proof import canonical_bytes, parse_json

ALIASES_FORMAT = "kakehashi.aliases/1"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A model that a name may mean; a person decides.

    Attributes:
        model: The model's canonical name.
        reason: Why it is suggested.
        likeness: Between 0 and 1.
    """

    model: str
    reason: str
    likeness: float


@dataclass(frozen=True, slots=True)
class Identity:
    """What a name means.

    Attributes:
        name: The name as it stands in the source.
        model: The canonical name, or None where it is not known.
        how: ``"exact"``, ``"alias"`` (shipped table), ``"accepted"`` (by a person) or ``"unknown"``.
        suggestions: For an unknown name, the likeliest models, best first.
    """

    name: str
    model: str | None
    how: str
    suggestions: tuple[Suggestion, ...] = ()


@dataclass(frozen=True, slots=True)
class AliasTable:
    """Canonical names and what else they are called.

    Attributes:
        same: Alias → canonical name, from the shipped table.
        related: Alias → (canonical name, what is different).
        accepted: Alias → canonical name, as accepted by a person.
        canonical: Canonical names that go by no other name (rows of the table whose alias is the name).

    Examples:
        >>> table = AliasTable.shipped()
        >>> table.identify("Meta-Llama-3-8B-Instruct").model
        'meta-llama/meta-llama-3-8b-instruct'
        >>> table.identify("meta/llama-3.1-8b-instruct-turbo").model is None
        True
    """

    same: Mapping[str, str]
    related: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    accepted: Mapping[str, str] = field(default_factory=dict)
    canonical: frozenset[str] = frozenset()

    @classmethod
    def shipped(cls) -> "AliasTable":
        """The table in the package: the models of public leaderboards, as of November 2026."""
        text = files("kakehashi.ledger").joinpath("data/model_aliases.csv").read_text(encoding="utf-8")
        same: dict[str, str] = {}
        related: dict[str, tuple[str, str]] = {}
        canonical: set[str] = set()
        for row in csv.DictReader(text.splitlines()):
            if row["alias"] == row["model"]:
                canonical.add(row["model"])
            elif row["relation"] == "same":
                same[row["alias"]] = row["model"]
            else:
                related[row["alias"]] = (row["model"], row["note"])
        return cls(same, related, canonical=frozenset(canonical))

    @classmethod
    def load(cls, path: Path) -> "AliasTable":
        """The shipped table with what the user has accepted, where there is such a file.

        Raises:
            InputError: The file is not one of aliases.
            FormatVersionError: It is newer than this program.
        """
        return cls.shipped().read(path) if path.is_file() else cls.shipped()

    @property
    def models(self) -> frozenset[str]:
        """All canonical names."""
        related = (model for model, _ in self.related.values())
        return self.canonical.union(self.same.values(), self.accepted.values(), related)

    def identify(self, name: str, *, known: Iterable[str] = ()) -> Identity:
        """What a name means.

        Args:
            name: The name as it stands in the source.
            known: Further canonical names, such as the subjects in the ledger; they are only suggested.
        """
        if name in self.accepted:
            return Identity(name, self.accepted[name], "accepted")
        if name in self.models:
            return Identity(name, name, "exact")
        if name in self.same:
            return Identity(name, self.same[name], "alias")
        return Identity(name, None, "unknown", self._suggest(name, known))

    def resolve(self, name: str) -> str:
        """The canonical name where it is known for certain, else the name itself."""
        if name in self.accepted:
            return self.accepted[name]
        return name if name in self.models else self.same.get(name, name)

    def joined(self, names: Iterable[str]) -> dict[str, str]:
        """What each of several names stands as when their rows are put together.

        That is the canonical name where several of the names mean one model or a person has decided so, and the
        name as it stands otherwise: a source that has to be joined with nothing keeps its own names.

        Examples:
            >>> table = AliasTable.shipped()
            >>> table.joined(["Mixtral-8x7B-Instruct-v0.1", "our-model"])["Mixtral-8x7B-Instruct-v0.1"]
            'Mixtral-8x7B-Instruct-v0.1'
            >>> two = table.joined(["Mixtral-8x7B-Instruct-v0.1", "mistralai/mixtral-8x7b-instruct-v0.1"])
            >>> set(two.values())
            {'mistralai/mixtral-8x7b-instruct-v0.1'}
        """
        found = {name: self.resolve(name) for name in names}
        meaning = Counter(found.values())
        return {
            name: model if meaning[model] > 1 or name in self.accepted else name
            for name, model in found.items()
        }

    def accept(self, name: str, model: str) -> "AliasTable":
        """The table with one more alias, as a person has decided.

        Raises:
            UsageError: The name means another model already, or is itself canonical.
        """
        before = self.identify(name)
        if before.how == "exact" and name != model:
            raise UsageError(f"{name!r} is the name of a model itself and cannot be an alias of {model!r}")
        if before.model is not None and before.model != model:
            raise UsageError(
                f"{name!r} means {before.model!r} already",
                hint="Take that back first: kakehashi results identify --forget NAME.",
            )
        return replace(self, accepted={**self.accepted, name: model})

    def forget(self, name: str) -> "AliasTable":
        """The table without an alias that a person had accepted.

        Raises:
            UsageError: It was never accepted.
        """
        if name not in self.accepted:
            raise UsageError(
                f"{name!r} was not accepted by anybody here",
                hint="Only your own decisions can be taken back.",
            )
        return replace(self, accepted={key: value for key, value in self.accepted.items() if key != name})

    def write(self, path: Path) -> None:
        """Keep what was accepted in a file."""
        body = {"format": ALIASES_FORMAT, "accepted": dict(self.accepted)}
        write_whole(path, canonical_bytes(body) + b"\n")

    def read(self, path: Path) -> "AliasTable":
        """The table with what a file says was accepted.

        Raises:
            InputError: The file is not one of aliases.
            FormatVersionError: It is newer than this program.
        """
        body = parse_json(read_bytes(path), path=path)
        accepted = body.get("accepted") if isinstance(body, dict) else None
        found = str(body.get("format")) if isinstance(body, dict) else ""
        if found != ALIASES_FORMAT and re.fullmatch(r"kakehashi\.aliases/\d+", found):
            raise FormatVersionError(found, ALIASES_FORMAT, path=path)
        if found != ALIASES_FORMAT or not isinstance(accepted, dict):
            raise InputError(f"this is not a file of {ALIASES_FORMAT}", path=path)
        return replace(self, accepted={**self.accepted, **{str(k): str(v) for k, v in accepted.items()}})

    def _suggest(self, name: str, known: Iterable[str]) -> tuple[Suggestion, ...]:
        found: dict[str, Suggestion] = {}
        if name in self.related:
            model, note = self.related[name]
            found[model] = Suggestion(model, f"related, but not the same: {note}", 1.0)
        spoken = {model: model for model in (*self.models, *known) if model != name}
        spoken |= {alias: model for alias, model in self.same.items() if alias != name}
        for other, model in spoken.items():
            likeness = _likeness(name, other)
            if likeness >= 0.8 and (model not in found or found[model].likeness < likeness):
                found[model] = Suggestion(model, f"looks like {other!r}", round(likeness, 3))
        best = sorted(found.values(), key=lambda s: (-s.likeness, s.model))
        return tuple(best[:3])


def _likeness(one: str, other: str) -> float:
    """How alike two names are; 0 where their numbers (size, version, date) differ."""
    first, second = _plain(one), _plain(other)
    if re.findall(r"\d+", first) != re.findall(r"\d+", second):
        return 0.0
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", name.rpartition("/")[2].lower()).strip()
