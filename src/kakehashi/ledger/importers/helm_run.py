"""Reader of HELM run folders: ``run_spec.json``, ``stats.json``, ``per_instance_stats.json``, ``scenario_state.json``.

References:
    Liang et al. (2023), Holistic Evaluation of Language Models; stanford-crfm/helm.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from kakehashi.ledger.importers.draft import (
    Draft,
    Importer,
    a_list,
    a_text,
    an_object,
    number_or_none,
    read_json,
)
from kakehashi.model import Measure, Measurement, Polarity, Provenance
from kakehashi.proof import canonical_bytes

VERSION = "1"
MAIN_SPLIT = "test"

_BOOKKEEPING = re.compile(
    r"num_.*|finish_reason_.*|inference_.*|batch_size|prompt_truncated|training_.*|max_prob|logprob.*|"
    r"perplexity|bits_per_byte|estimated_num_tokens_cost"
)
# Direction and range of metrics, where HELM's own definition leaves no doubt.
_PROPORTIONS = re.compile(
    r"(quasi_)?(prefix_)?exact_match(@\d+)?|f1_score|f1_set_match|rouge_[l12]|bleu_[14]|iou_set_match"
)


def recognizes(path: Path) -> bool:
    """Whether a folder is a HELM run."""
    return path.is_dir() and (path / "run_spec.json").is_file() and (path / "stats.json").is_file()


def covers(path: Path) -> list[Path]:
    """The files of a run that are read."""
    names = ("run_spec.json", "stats.json", "per_instance_stats.json", "scenario_state.json")
    return [path / name for name in names if (path / name).is_file()]


def read(path: Path) -> list[Draft]:
    """One draft for the run.

    Numbers of the test split stand for the whole; other splits and perturbed copies are facets. HELM states
    no version of a scenario: the version here is a hash of scenario and adapter without the model, so that
    runs with other settings are not taken for the same method.

    Raises:
        InputError: A file of the run is broken.
    """
    spec = an_object(read_json(path / "run_spec.json"), "run_spec.json", path)
    adapter = an_object(spec.get("adapter_spec"), "adapter_spec", path)
    subject = a_text(adapter.get("model"), "adapter_spec.model", path)
    name = a_text(spec.get("name"), "name", path)
    method = "helm/" + re.sub(r"[:,]?model=[^,]*", "", name).strip(",:")
    settings = {k: v for k, v in adapter.items() if k not in ("model", "model_deployment")}
    version = "spec-" + sha256(canonical_bytes([spec.get("scenario_spec"), settings])).hexdigest()[:12]
    provenance = Provenance(source="helm", method=method, method_version=version, created="", run=name)
    instances = _instances(path)
    counts = _counts(instances)
    measurements = []
    for stat in a_list(read_json(path / "stats.json"), "stats.json", path):
        key = _key(an_object(stat, "a statistic", path), path)
        if not _BOOKKEEPING.fullmatch(key[0]) and stat.get("count"):
            measurements.append(_measurement(stat, key, subject, method, provenance, counts.get(key), path))
    return [
        Draft(
            subject=subject,
            method=method,
            method_version=version,
            measurements=measurements,
            run=name,
            items=_items(instances, path) if instances else None,
            texts=_texts(path) or None,
            judge=", ".join(
                str(m.get("class_name")).rpartition(".")[2] for m in spec.get("metric_specs") or []
            ),
            part=name,
            details={
                "helm": {k: spec[k] for k in ("name", "scenario_spec", "groups") if k in spec}
                | {"adapter": settings}
            },
        )
    ]


_Key = tuple[str, str, str]


def _key(stat: Mapping[str, Any], path: Path) -> _Key:
    """Name, split and perturbation of a statistic."""
    name = an_object(stat.get("name"), "the name of a statistic", path)
    perturbation = name.get("perturbation")
    changed = str(perturbation.get("name")) if isinstance(perturbation, dict) else ""
    if isinstance(perturbation, dict) and perturbation.get("computed_on"):
        changed += f"/{perturbation['computed_on']}"
    return a_text(name.get("name"), "the name of a statistic", path), str(name.get("split") or ""), changed


def _measurement(
    stat: Mapping[str, Any],
    key: _Key,
    subject: str,
    method: str,
    provenance: Provenance,
    count: int | None,
    path: Path,
) -> Measurement:
    name, split, perturbation = key
    value = number_or_none(stat.get("mean"))
    proportion = bool(_PROPORTIONS.fullmatch(name))
    facets = {"split": split} if split not in (MAIN_SPLIT, "") else {}
    if perturbation:
        facets["perturbation"] = perturbation
    return Measurement(
        subject=subject,
        measure=Measure(
            id=f"{method}:{name}",
            construct="own",
            polarity=Polarity.HIGHER if proportion else Polarity.NONE,
            unit="proportion" if proportion else "score",
            low=0.0 if proportion else None,
            high=1.0 if proportion else None,
        ),
        value=value,
        provenance=provenance,
        n=count,
        facets=facets,
        reason="" if value is not None else "the run holds no number",
    )


def _instances(path: Path) -> list[dict[str, Any]]:
    file = path / "per_instance_stats.json"
    if not file.is_file():
        return []
    return [
        an_object(row, "an instance", file)
        for row in a_list(read_json(file), "per_instance_stats.json", file)
    ]


def _counts(instances: list[dict[str, Any]]) -> dict[_Key, int]:
    """On how many instances each statistic rests."""
    seen: dict[_Key, set[str]] = {}
    for row in instances:
        for stat in row.get("stats") or []:
            if isinstance(stat, dict) and isinstance(stat.get("name"), dict) and stat.get("count"):
                name = stat["name"]
                if not isinstance(name.get("perturbation"), dict):
                    key = (str(name.get("name")), str(name.get("split") or ""), "")
                    seen.setdefault(key, set()).add(str(row.get("instance_id")))
    return {key: len(ids) for key, ids in seen.items()}


def _items(instances: list[dict[str, Any]], path: Path) -> dict[str, list[object]]:
    columns: dict[str, list[object]] = {
        name: [] for name in ("sample", "epoch", "measure", "cluster", "kind", "value", "facets")
    }
    for row in instances:
        identifier = a_text(row.get("instance_id"), "instance_id", path)
        trial = row.get("train_trial_index")
        for stat in a_list(row.get("stats"), "stats", path):
            name, split, changed = _key(an_object(stat, "a statistic", path), path)
            if _BOOKKEEPING.fullmatch(name) or not stat.get("count"):
                continue
            columns["sample"].append(f"{identifier}~{changed}" if changed else identifier)
            columns["epoch"].append(trial if isinstance(trial, int) else 0)
            columns["measure"].append(name)
            columns["cluster"].append(identifier)
            columns["kind"].append(split or None)
            columns["value"].append(number_or_none(stat.get("mean")))
            columns["facets"].append(canonical_bytes({"perturbation": changed}).decode() if changed else None)
    return columns


def _texts(path: Path) -> list[dict[str, object]]:
    file = path / "scenario_state.json"
    if not file.is_file():
        return []
    state = an_object(read_json(file), "scenario_state.json", file)
    found: dict[tuple[str, int], dict[str, object]] = {}
    for request in a_list(state.get("request_states"), "request_states", file):
        request = an_object(request, "a request", file)
        instance = an_object(request.get("instance"), "an instance", file)
        asked = request.get("request") if isinstance(request.get("request"), dict) else {}
        result = request.get("result") if isinstance(request.get("result"), dict) else {}
        perturbation = instance.get("perturbation")
        identifier = str(instance.get("id"))
        if isinstance(perturbation, dict):
            identifier += f"~{perturbation.get('name')}"
        trial = request.get("train_trial_index")
        key = (identifier, trial if isinstance(trial, int) else 0)
        row: dict[str, object] = {"sample": key[0], "epoch": key[1]}
        if isinstance(asked, dict) and isinstance(asked.get("prompt"), str):
            row["prompt"] = asked["prompt"]
        completions = result.get("completions") if isinstance(result, dict) else None
        if isinstance(completions, list) and completions and isinstance(completions[0], dict):
            row["response"] = str(completions[0].get("text", ""))
        # Several requests for one instance (one a choice): the first stands for the instance.
        found.setdefault(key, row)
    return list(found.values())


IMPORTER = Importer("helm", VERSION, recognizes, read, covers)
