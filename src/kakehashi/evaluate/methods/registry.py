"""The methods that are here: shipped ones, published ones whose data are pulled, and the workspace's own."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path

from kakehashi.errors import UnknownNameError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.methods.base import Method

#: Where pulled data are looked for when nobody says where.
_NO_DATA = Path("kakehashi-work") / "data"


def _core() -> Method:
    from kakehashi.evaluate.methods.core import CoreSuite

    return CoreSuite()


def _facts() -> Method:
    from kakehashi.evaluate.methods.facts import FactsSuite

    return FactsSuite()


def _attacks() -> Method:
    from kakehashi.evaluate.methods.attacks import AttackSuite

    return AttackSuite()


def _disclosure() -> Method:
    from kakehashi.evaluate.methods.disclosure import DisclosureSuite

    return DisclosureSuite()


_SHIPPED: dict[str, Callable[[], Method]] = {
    "kakehashi/core": _core,
    "kakehashi/facts": _facts,
    "kakehashi/attacks": _attacks,
    "kakehashi/disclosure": _disclosure,
}


#: Published methods: name → (module of ``published/``, class). The class is made with the store of pulled data.
PUBLISHED: dict[str, tuple[str, str]] = {
    "helm-safety": ("helm_safety", "HelmSafety"),
    "harmbench": ("harmbench", "HarmBench"),
    "simple-safety-tests": ("simple_safety_tests", "SimpleSafetyTests"),
    "xstest": ("xstest", "XSTest"),
    "bbq": ("bbq", "BBQ"),
    "anthropic-red-team": ("anthropic_red_team", "AnthropicRedTeam"),
    "air-bench-2024": ("air_bench", "AirBench2024"),
    "facts-grounding-v1": ("facts_grounding", "FactsGroundingV1"),
    "facts-grounding-v2": ("facts_grounding", "FactsGroundingV2"),
    "strongreject": ("strongreject", "StrongReject"),
    "do-not-answer": ("do_not_answer", "DoNotAnswer"),
    "jailbreakbench": ("jailbreakbench", "JailbreakBench"),
    "mlcommons-joint-testing": ("joint_testing", "JointTesting"),
    "aisi-ja-perspectives": ("aisi_perspectives", "AisiPerspectives"),
    "mmlu": ("mmlu", "Mmlu"),
    "hellaswag": ("hellaswag", "HellaSwag"),
    "humaneval": ("humaneval", "HumanEval"),
}


#: Other names of shipped methods.
_ALIASES = {"ai-disclosure": "kakehashi/disclosure"}


@cache
def _shipped(name: str) -> Method:
    return _SHIPPED[name]()


def method_names(own: Path | None = None) -> list[str]:
    """Names of all methods: the shipped ones, the published ones, those of a workspace's ``methods`` folder.

    Published methods are named whether or not their data were pulled.
    """
    names = [*_SHIPPED, *PUBLISHED]
    if own is not None and own.is_dir():
        names += [f"own/{path.stem}" for path in sorted(own.glob("*.json"))]
    return names


def published_sets(name: str) -> tuple[str, ...]:
    """Data sets that a method is made of; empty for methods that bring their items along."""
    if name not in PUBLISHED:
        return ()
    module, kind = PUBLISHED[name]
    sets: tuple[str, ...] = getattr(getattr(_published_module(module), kind), "sets", ())
    return sets


def get_method(name: str, own: Path | None = None, data: DataStore | None = None) -> Method:
    """A method by its name; ``core`` is short for ``kakehashi/core``, ``inspect:…`` is a task of Inspect.

    Args:
        name: Its name.
        own: Folder of the user's own methods.
        data: Pulled data sets, for published methods; ``kakehashi-work/data`` by default.

    Raises:
        UnknownNameError: No such method; the nearest are suggested.
    """
    if name.startswith("inspect:"):
        from kakehashi.evaluate.inspect.adapter import read_adapter
        from kakehashi.evaluate.inspect.method import InspectMethod

        return InspectMethod(read_adapter(name))
    name = _ALIASES.get(name, name)
    full = f"kakehashi/{name}" if f"kakehashi/{name}" in _SHIPPED else name
    if full in _SHIPPED:
        return _shipped(full)
    if full in PUBLISHED:
        module, kind = PUBLISHED[full]
        made: Method = getattr(_published_module(module), kind)(data or DataStore(_NO_DATA))
        return made
    known = method_names(own)
    if own is not None and full in known:
        from kakehashi.evaluate.methods.own import OwnMethod

        return OwnMethod(own / f"{full.removeprefix('own/')}.json")
    short = [entry.removeprefix("kakehashi/") for entry in known]
    raise UnknownNameError("method", name, [*known, *short])


def _published_module(name: str) -> object:
    return import_module(f"kakehashi.evaluate.methods.published.{name}")
