"""Reader of JailbreakBench's artifacts: stored jailbreak prompts, and whether what models answered was harmful.

An artifact is one JSON file of an attack against a model, as ``JailbreakBench/artifacts`` publishes them:
``parameters`` and a list ``jailbreaks``. Prompts and responses are never taken into the ledger.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError
from kakehashi.ledger.importers.draft import Draft, Importer, read_head
from kakehashi.model import Interval, Measure, Measurement, Polarity, Provenance

VERSION = "1"
METHOD = "jailbreakbench"

#: Files of upstream's folders that are no artifacts.
BESIDE = ("attack-info.json", "evaluation.json", "submission.json")

#: Parameters of the attack that are kept; an attack's own prompts and strings are not.
_KEPT = ("attack_type", "attack_success_rate", "total_number_of_jailbreaks", "number_of_queries", "judge")
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
        parameters: What else it states of the attack.
    """

    path: Path
    method: str
    model: str
    stated_rate: float | None
    jailbreaks: tuple[Jailbreak, ...]
    sha256: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

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
            {key: parameters[key] for key in _KEPT if isinstance(parameters.get(key), str | int | float)},
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


def recognizes(path: Path) -> bool:
    """Whether a file looks like an artifact."""
    if path.suffix != ".json" or not path.is_file():
        return False
    head = read_head(path)
    return b'"parameters"' in head and b'"jailbreaks"' in head and b'"jailbroken"' in head


def read(path: Path) -> list[Draft]:
    """One draft: the stored attack success rate of one attack against one model, an item row a behaviour.

    Raises:
        InputError: It is of another shape, or states a rate that its own rows do not give.
    """
    one = read_artifact(path)
    method = f"{METHOD}/{one.method}"
    provenance = Provenance(
        source="JailbreakBench/artifacts",
        method=method,
        method_version="",
        created="",
        citation="Chao et al. (2024), arXiv:2404.01318",
    )
    samples = [f"jbb-{row.index:03d}" for row in one.jailbreaks]
    items: dict[str, list[object]] = {
        "sample": list(samples),
        "epoch": [0] * len(samples),
        "measure": [STORED.id] * len(samples),
        "cluster": list(samples),
        "label": ["jailbroken" if row.jailbroken else "not-jailbroken" for row in one.jailbreaks],
        "value": [float(row.jailbroken) for row in one.jailbreaks],
    }
    return [
        Draft(
            subject=one.model,
            method=method,
            method_version="",
            measurements=stored_results([one], provenance=provenance),
            items=items,
            judge="stored verdict of the artifact",
            details={"jailbreakbench": dict(one.parameters)},
        )
    ]


IMPORTER = Importer(METHOD, VERSION, recognizes, read)
