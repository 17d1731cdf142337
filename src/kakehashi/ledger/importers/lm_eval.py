"""Reader of lm-evaluation-harness: ``results_*.json`` and the ``samples_*.jsonl`` beside it.

References:
    EleutherAI, lm-evaluation-harness; the shape of version 0.4.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError
from kakehashi.ledger.files import read_bytes
from kakehashi.ledger.importers.draft import (
    Draft,
    Importer,
    an_object,
    number_or_none,
    read_head,
    read_json,
    utc_time,
)
from kakehashi.model import Measure, Measurement, Polarity, Provenance
from kakehashi.proof import parse_json

VERSION = "1"
# Metrics whose range is 0 to 1 by definition; of the others the file does not say it.
_PROPORTIONS = frozenset(
    {"acc", "acc_norm", "exact_match", "f1", "em", "mc1", "mc2", "pass@1", "prompt_level_strict_acc"}
)


def recognizes(path: Path) -> bool:
    """Whether a file looks like results of lm-evaluation-harness."""
    if path.suffix != ".json" or not path.is_file() or not path.name.startswith("results"):
        return False
    head = read_head(path)
    return b'"results"' in head and (
        b'"higher_is_better"' in head or b'"versions"' in head or b'"configs"' in head
    )


def covers(path: Path) -> list[Path]:
    """The results and the samples written with them."""
    return [path, *sorted(path.parent.glob(f"samples_*_{_stamp(path)}.jsonl"))]


def read(path: Path) -> list[Draft]:
    """One draft for every task.

    Raises:
        InputError: A file is broken.
    """
    whole = an_object(read_json(path), "the file", path)
    results = an_object(whole.get("results"), "results", path)
    subject = str(whole.get("model_name") or _pretrained(whole) or "")
    if not subject:
        raise InputError("it does not name its model", path=path, hint="It should have 'model_name'.")
    drafts = []
    for task, metrics in results.items():
        metrics = an_object(metrics, f"results.{task}", path)
        version = str(_of(whole, "versions", task, ""))
        provenance = Provenance(
            source=f"lm_eval/{whole.get('lm_eval_version') or 'unknown'}",
            method=f"lm_eval/{task}",
            method_version=version,
            created=utc_time(whole.get("date")),
            run=str(whole.get("task_hashes", {}).get(task, ""))
            if isinstance(whole.get("task_hashes"), dict)
            else "",
        )
        items, texts = _samples(path, task)
        drafts.append(
            Draft(
                subject=subject,
                method=f"lm_eval/{task}",
                method_version=version,
                measurements=_measurements(whole, task, metrics, subject, provenance),
                items=items,
                texts=texts,
                part=task,
                details={
                    "lm_eval": {
                        "config": _plain(whole.get("config")),
                        "task": _plain(_of(whole, "configs", task, {})),
                        "n-shot": _of(whole, "n-shot", task, None),
                        "samples_in_file": 0 if items is None else len(set(items["sample"])),
                    }
                },
            )
        )
    return drafts


def _measurements(
    whole: Mapping[str, Any], task: str, metrics: Mapping[str, Any], subject: str, provenance: Provenance
) -> list[Measurement]:
    directions = _of(whole, "higher_is_better", task, {})
    counted = _of(whole, "n-samples", task, {})
    count = counted.get("effective") if isinstance(counted, dict) else None
    found = []
    for key, value in metrics.items():
        metric, _, chosen = key.partition(",")
        number = number_or_none(value)
        if metric.endswith("_stderr") or metric == "alias" or number is None:
            continue
        direction = directions.get(metric) if isinstance(directions, dict) else None
        proportion = metric in _PROPORTIONS
        error = number_or_none(metrics.get(f"{metric}_stderr,{chosen}" if chosen else f"{metric}_stderr"))
        found.append(
            Measurement(
                subject=subject,
                measure=Measure(
                    id=f"lm_eval/{task}:{_name(metric, chosen)}",
                    construct="own",
                    polarity=Polarity.NONE
                    if not isinstance(direction, bool)
                    else Polarity.HIGHER
                    if direction
                    else Polarity.LOWER,
                    unit="proportion" if proportion else "score",
                    low=0.0 if proportion else None,
                    high=1.0 if proportion else None,
                ),
                value=number,
                provenance=provenance,
                n=count if isinstance(count, int) and not isinstance(count, bool) else None,
                std_error=error,
            )
        )
    return found


def _name(metric: str, chosen: str) -> str:
    return metric if chosen in ("", "none") else f"{metric},{chosen}"


def _samples(path: Path, task: str) -> tuple[dict[str, list[object]] | None, list[dict[str, object]] | None]:
    file = path.parent / f"samples_{task}_{_stamp(path)}.jsonl"
    if not file.is_file():
        return None, None
    columns: dict[str, list[object]] = {name: [] for name in ("sample", "measure", "value")}
    texts: dict[str, dict[str, object]] = {}
    for number, line in enumerate(read_bytes(file).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = an_object(parse_json(line, nan_as_null=True), "the row", file)
        except InputError as error:
            raise InputError(error.message, path=file, row=number, hint=error.hint) from error
        if "doc_id" not in row:
            raise InputError("the row has no doc_id", path=file, row=number)
        sample, chosen = str(row["doc_id"]), str(row.get("filter") or "")
        names = row.get("metrics") if isinstance(row.get("metrics"), list) else []
        assert isinstance(names, list)
        for metric in names:
            columns["sample"].append(sample)
            columns["measure"].append(_name(str(metric), chosen))
            columns["value"].append(number_or_none(row.get(str(metric))))
        texts.setdefault(sample, _text(sample, row))
    return (columns, list(texts.values())) if columns["sample"] else (None, None)


def _text(sample: str, row: Mapping[str, Any]) -> dict[str, object]:
    found: dict[str, object] = {"sample": sample}
    arguments = row.get("arguments")
    first = arguments.get("gen_args_0") if isinstance(arguments, dict) else None
    prompt = first.get("arg_0") if isinstance(first, dict) else None
    if isinstance(arguments, list) and arguments and isinstance(arguments[0], list) and arguments[0]:
        prompt = arguments[0][0]
    if isinstance(prompt, str):
        found["prompt"] = prompt
    answer: object = row.get("resps")
    while isinstance(answer, list) and answer:
        answer = answer[0]
    if isinstance(answer, str):
        found["response"] = answer
    return found


def _stamp(path: Path) -> str:
    return path.stem.removeprefix("results_")


def _pretrained(whole: Mapping[str, Any]) -> str:
    config = whole.get("config")
    arguments = config.get("model_args") if isinstance(config, dict) else None
    if isinstance(arguments, dict):
        return str(arguments.get("pretrained") or arguments.get("model") or "")
    for part in str(arguments or "").split(","):
        key, _, value = part.partition("=")
        if key.strip() in ("pretrained", "model"):
            return value.strip()
    return ""


def _of(whole: Mapping[str, Any], key: str, task: str, otherwise: Any) -> Any:
    table = whole.get(key)
    return table.get(task, otherwise) if isinstance(table, dict) else otherwise


def _plain(value: object) -> object:
    """Settings without the prompt templates' long texts."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if not (isinstance(v, str) and len(v) > 500)}
    return value


IMPORTER = Importer("lm_eval", VERSION, recognizes, read, covers)
