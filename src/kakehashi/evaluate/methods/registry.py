"""The methods that are here: shipped ones and the workspace's own."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from kakehashi.errors import UnknownNameError
from kakehashi.evaluate.methods.base import Method


def _core() -> Method:
    from kakehashi.evaluate.methods.core import CoreSuite

    return CoreSuite()


def _facts() -> Method:
    from kakehashi.evaluate.methods.facts import FactsSuite

    return FactsSuite()


def _attacks() -> Method:
    from kakehashi.evaluate.methods.attacks import AttackSuite

    return AttackSuite()


_SHIPPED: dict[str, Callable[[], Method]] = {
    "kakehashi/core": _core,
    "kakehashi/facts": _facts,
    "kakehashi/attacks": _attacks,
}


@cache
def _shipped(name: str) -> Method:
    return _SHIPPED[name]()


def method_names(own: Path | None = None) -> list[str]:
    """Names of all methods: the shipped ones, then those of a workspace's ``methods`` folder."""
    names = list(_SHIPPED)
    if own is not None and own.is_dir():
        names += [f"own/{path.stem}" for path in sorted(own.glob("*.json"))]
    return names


def get_method(name: str, own: Path | None = None) -> Method:
    """A method by its name; ``core`` is short for ``kakehashi/core``, ``inspect:…`` is a task of Inspect.

    Raises:
        UnknownNameError: No such method; the nearest are suggested.
    """
    if name.startswith("inspect:"):
        from kakehashi.evaluate.inspect.adapter import read_adapter
        from kakehashi.evaluate.inspect.method import InspectMethod

        return InspectMethod(read_adapter(name))
    full = f"kakehashi/{name}" if f"kakehashi/{name}" in _SHIPPED else name
    if full in _SHIPPED:
        return _shipped(full)
    known = method_names(own)
    if own is not None and full in known:
        from kakehashi.evaluate.methods.own import OwnMethod

        return OwnMethod(own / f"{full.removeprefix('own/')}.json")
    short = [entry.removeprefix("kakehashi/") for entry in known]
    raise UnknownNameError("method", name, [*known, *short])
