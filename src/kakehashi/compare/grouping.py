"""Which group a model belongs to: developer, country or region of the developer, open or closed weights.

Names of the outside world stand in ``data/regions.json``, a dated record; a user may give another.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from kakehashi.compare.facts import ModelFacts
from kakehashi.errors import InputError, UsageError

By = Literal["developer", "country", "weights"]

#: Groups of countries with fewer developers than this are not shown.
MIN_DEVELOPERS = 3


@cache
def shipped_regions() -> Mapping[str, Any]:
    """The record of regions, weights and aliases that comes with the package."""
    text = files("kakehashi.compare").joinpath("data/regions.json").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded


@dataclass(frozen=True, slots=True)
class GroupRule:
    """How groups are made where it is not plain; every output states it.

    Attributes:
        joint: Models by developers of several countries: ``"apart"`` (a group of their own), ``"first"``
            (that of the developer named first) or ``"leave-out"``.
        hong_kong: ``"apart"`` or ``"with-china"``.
        taiwan: ``"apart"`` or ``"leave-out"``.
        eu: ``"together"``, or ``"members"`` for each member state alone.
        joint_developers: Models by several developers: ``"first"`` counts the one named first, ``"apart"``
            counts the team as a developer of its own.
        regions: Record of names (``kakehashi.regions/1``), with its date and source.

    Raises:
        UsageError: A word that is none of these.
    """

    joint: str = "apart"
    hong_kong: str = "apart"
    taiwan: str = "apart"
    eu: str = "together"
    joint_developers: str = "first"
    regions: Mapping[str, Any] = field(default_factory=shipped_regions)

    def __post_init__(self) -> None:
        for name, allowed in (
            ("joint", ("apart", "first", "leave-out")),
            ("hong_kong", ("apart", "with-china")),
            ("taiwan", ("apart", "leave-out")),
            ("eu", ("together", "members")),
            ("joint_developers", ("first", "apart")),
        ):
            if getattr(self, name) not in allowed:
                raise UsageError(
                    f"{name} is {getattr(self, name)!r}", hint=f"It is one of {', '.join(allowed)}."
                )
        missing = {"format", "as_of", "source", "beside", "eu", "regions", "weights"} - set(self.regions)
        if missing or self.regions.get("format") != "kakehashi.regions/1":
            raise InputError(
                f"the record of regions lacks {', '.join(sorted(missing)) or 'its format'}",
                hint="Write it as kakehashi/compare/data/regions.json, format kakehashi.regions/1.",
            )

    def stated(self) -> dict[str, str]:
        """The rule as every output carries it."""
        return {
            "joint": self.joint,
            "hong_kong": self.hong_kong,
            "taiwan": self.taiwan,
            "eu": self.eu,
            "joint_developers": self.joint_developers,
            "as_of": str(self.regions["as_of"]),
            "source": str(self.regions["source"]),
        }

    def title(self, by: By, group: str, language: str) -> str:
        """Name of a group in a language."""
        if by == "developer":
            return group
        names = self.regions["regions" if by == "country" else "weights"].get(group)
        return str(names[language]) if names else group

    def beside(self) -> tuple[str, ...]:
        """Regions that always stand side by side, in the order of their English names."""
        codes = self.regions["beside"]
        return tuple(sorted(codes, key=lambda code: str(self.regions["regions"][code]["en"])))

    def developer(self, facts: ModelFacts) -> str:
        """The developer that a model counts for; ``""`` where the record names none."""
        aliases = self.regions.get("developer_aliases", {})
        names = tuple(dict.fromkeys(str(aliases.get(name, name)) for name in facts.developers))
        if not names:
            return ""
        return names[0] if self.joint_developers == "first" else " + ".join(names)

    def group(self, by: By, facts: ModelFacts) -> str:
        """The group of a model, ``""`` where it is left out.

        Raises:
            UsageError: ``by`` is none of the three.
        """
        if by == "developer":
            return self.developer(facts)
        if by == "weights":
            return self._code("weights", facts.weights) or "unknown"
        if by == "country":
            return self._country(facts)
        raise UsageError(f"groups by {by!r}", hint="Groups are by developer, country or weights.")

    def weights(self, facts: ModelFacts) -> str:
        """``"open"``, ``"closed"`` or ``"unknown"``."""
        return self._code("weights", facts.weights) or "unknown"

    def _code(self, kind: str, name: str) -> str:
        wanted = name.strip().casefold()
        for code, entry in self.regions[kind].items():
            if wanted == code.casefold() or wanted in (str(one).casefold() for one in entry["names"]):
                return str(code)
        return ""

    def _region(self, name: str) -> str:
        if self.eu == "together" and name.strip() in self.regions["eu"]:
            return "EU"
        code = self._code("regions", name) or name.strip()
        return "CN" if code == "HK" and self.hong_kong == "with-china" else code

    def _country(self, facts: ModelFacts) -> str:
        names = facts.countries
        # "Hong Kong,China" is one place written with its state, not a joint work
        if any(self._region(name) == "HK" for name in names):
            names = tuple(name for name in names if self._code("regions", name) != "CN")
        codes = tuple(dict.fromkeys(self._region(name) for name in names))
        if not codes:
            return "unknown"
        if len(codes) > 1:
            codes = {"apart": ("joint",), "first": codes[:1], "leave-out": ("",)}[self.joint]
        if codes[0] == "joint" and self.joint == "leave-out":
            return ""
        return "" if codes[0] == "TW" and self.taiwan == "leave-out" else codes[0]
