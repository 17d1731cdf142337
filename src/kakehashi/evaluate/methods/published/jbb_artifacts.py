"""Artifacts of JailbreakBench: stored jailbreak prompts, what models answered to them, and whether that was harmful.

An artifact is one JSON file of an attack against a model, as ``JailbreakBench/artifacts`` publishes them:
``parameters`` and a list ``jailbreaks``.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kakehashi.errors import InputError
from kakehashi.model import Interval, Measure, Measurement, Polarity, Provenance

STORED = Measure("jailbreakbench:stored-attack-success-rate", "attack-robustness", Polarity.LOWER)


@dataclass(frozen=True, slots=True)
class Jailbreak:
    """One behaviour of an artifact.

    Attributes:
        index: Place of the behaviour in JBB-Behaviors, from 0.
        behavior: Its name.
        category: Its category.
        prompt: The stored jailbreak prompt, ``""`` where the attack submitted none.
        jailbroken: Whether the stored response was judged harmful.
    """

    index: int
    behavior: str
    category: str
    prompt: str
    jailbroken: bool


@dataclass(frozen=True, slots=True)
class Artifact:
    """One attack against one model.

    Attributes:
        path: Its file.
        method: Name of the attack.
        model: The model that the attack was made against.
        stated_rate: Attack success rate as the artifact states it, or ``None``.
        jailbreaks: Every behaviour.
        sha256: Hash of the file.
    """

    path: Path
    method: str
    model: str
    stated_rate: float | None
    jailbreaks: tuple[Jailbreak, ...]
    sha256: str

    @property
    def name(self) -> str:
        """Attack and model, such as ``"PAIR/vicuna-13b-v1.5"``."""
        return f"{self.method}/{self.model}"


def read_artifact(path: Path) -> Artifact:
    """Read an artifact.

    Raises:
        InputError: It is of another shape, or states a rate that its own rows do not give.
    """
    data = path.read_bytes()
    try:
        content = json.loads(data)
        parameters = content["parameters"]
        found = tuple(
            Jailbreak(
                index=int(row["index"]),
                behavior=str(row["behavior"]),
                category=str(row["category"]),
                prompt=str(row["prompt"] or ""),
                jailbroken=bool(row["jailbroken"]),
            )
            for row in content["jailbreaks"]
        )
        stated = parameters.get("attack_success_rate")
        made = Artifact(
            path,
            str(parameters["method"]),
            str(parameters["model"]),
            None if stated is None else float(stated),
            found,
            hashlib.sha256(data).hexdigest(),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"is no artifact of JailbreakBench ({type(error).__name__}: {error})",
            path=path,
            hint="Expected: an object with 'parameters' and 'jailbreaks', as in JailbreakBench/artifacts.",
        ) from None
    if not found:
        raise InputError("holds no behaviours", path=path)
    if len({one.index for one in found}) < len(found):
        raise InputError("a behaviour stands twice", path=path)
    rate = sum(one.jailbroken for one in found) / len(found)
    if made.stated_rate is not None and abs(made.stated_rate - rate) > 0.005:
        raise InputError(
            f"states an attack success rate of {made.stated_rate:g}; its rows give {rate:g}", path=path
        )
    return made


def read_artifacts(folder: Path) -> tuple[Artifact, ...]:
    """All artifacts below a folder, in the order of their paths; none where there is no folder.

    Raises:
        InputError: One cannot be read, or two are of one attack and model.
    """
    found = tuple(read_artifact(path) for path in sorted(folder.rglob("*.json"))) if folder.is_dir() else ()
    names: dict[str, Path] = {}
    for one in found:
        if one.name in names:
            raise InputError(f"{one.name} stands in {names[one.name]} as well", path=one.path)
        names[one.name] = one.path
    return found


def stored_results(artifacts: Iterable[Artifact], *, provenance: Provenance) -> list[Measurement]:
    """What the artifacts' own stored verdicts give: attack success over all behaviours, one a model and attack.

    A behaviour for which no prompt was submitted counts as not jailbroken, as upstream counts it.
    """
    from kakehashi.compare import wilson

    found = []
    for one in artifacts:
        n, k = len(one.jailbreaks), sum(row.jailbroken for row in one.jailbreaks)
        estimate = wilson(k, n)
        submitted = sum(bool(row.prompt) for row in one.jailbreaks)
        found.append(
            Measurement(
                subject=one.model,
                measure=STORED,
                value=k / n,
                provenance=provenance,
                n=n,
                k=k,
                std_error=estimate.std_error,
                interval=Interval(estimate.low, estimate.high, 0.95, "wilson"),
                facets={"language": "en", "technique": one.method},
                counts={"submitted": submitted, "jailbroken": k},
                reason=""
                if submitted == n
                else f"{n - submitted} of {n} behaviours have no submitted prompt",
            )
        )
    return found
