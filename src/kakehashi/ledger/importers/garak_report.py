"""Reader of garak's ``report.jsonl``: one line a set-up, attempt and evaluation.

garak counts what a system withstood: ``passed`` of ``total_evaluated`` outputs by each detector of a probe.
Detectors give 1 for a hit; the item rows here give 1 for an output that passed, as the rate does.

References:
    NVIDIA/garak, the shape of version 0.17, with the names of fields that 0.9 to 0.16 used.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError
from kakehashi.ledger.files import storage_errors
from kakehashi.ledger.importers.draft import (
    MAX_FILE_BYTES,
    Draft,
    Importer,
    a_text,
    an_object,
    number_or_none,
    read_head,
    utc_time,
)
from kakehashi.model import Measure, Measurement, Polarity, Provenance
from kakehashi.proof import canonical_bytes, parse_json

VERSION = "1"
COMPLETE = 2
DEFAULT_THRESHOLD = 0.5


def recognizes(path: Path) -> bool:
    """Whether a file looks like a report of garak."""
    if path.suffix != ".jsonl" or not path.is_file():
        return False
    head = read_head(path, 1 << 12)
    return b'"entry_type"' in head and (b'"start_run setup"' in head or b'"init"' in head)


def read(path: Path) -> list[Draft]:
    """One draft for every probe.

    Raises:
        InputError: A line is broken, or the report does not say what was tested.
    """
    with storage_errors(path):
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"larger than {MAX_FILE_BYTES >> 20} MiB", path=path)
    setup: dict[str, Any] = {}
    start: dict[str, Any] = {}
    probes: dict[str, _Probe] = {}
    ended = False
    for number, entry in _entries(path):
        kind = entry.get("entry_type")
        if kind == "start_run setup":
            setup = entry
        elif kind == "init":
            start = entry
        elif kind == "attempt" and entry.get("status") == COMPLETE:
            name = a_text(entry.get("probe_classname"), f"probe_classname of line {number}", path)
            probes.setdefault(name, _Probe()).attempt(entry, number, path, _threshold(setup))
        elif kind == "eval":
            name = a_text(entry.get("probe"), f"probe of line {number}", path).removeprefix("probes.")
            probes.setdefault(name, _Probe()).evals.append(entry)
        ended = ended or kind == "completion"
    subject = _subject(setup)
    if not subject:
        raise InputError(
            "it does not say what was tested",
            path=path,
            row=1,
            hint="Its first line should have plugins.target_type.",
        )
    version = str(start.get("garak_version") or setup.get("_config.version") or "")
    run = str(start.get("run") or setup.get("transient.run_id") or "")
    created = utc_time(start.get("start_time") or setup.get("transient.starttime_iso"))
    drafts = []
    for name, probe in probes.items():
        provenance = Provenance(
            source=f"garak/{version}",
            method=f"garak/{name}",
            method_version=version,
            created=created,
            run=run,
        )
        drafts.append(
            Draft(
                subject=subject,
                method=f"garak/{name}",
                method_version=version,
                measurements=[_measurement(subject, name, entry, provenance, path) for entry in probe.evals],
                run=run,
                items=probe.columns if probe.columns["sample"] else None,
                texts=list(probe.texts.values()) or None,
                judge=", ".join(dict.fromkeys(_detector(entry) for entry in probe.evals)),
                part=name,
                details={"garak": _kept(setup, probe.evals)},
                partial=not ended,
            )
        )
    return [draft for draft in drafts if draft.measurements or draft.items]


class _Probe:
    """What the report says of one probe."""

    def __init__(self) -> None:
        self.evals: list[dict[str, Any]] = []
        names = ("sample", "epoch", "measure", "cluster", "label", "value", "judge", "facets")
        self.columns: dict[str, list[object]] = {name: [] for name in names}
        self.texts: dict[tuple[str, int], dict[str, object]] = {}
        self._seen: dict[str, int] = {}

    def attempt(self, entry: Mapping[str, Any], number: int, path: Path, threshold: float) -> None:
        sequence = str(entry.get("seq") if entry.get("seq") is not None else entry.get("uuid") or number)
        # Buffs and probes of several turns send more than one attempt under one number.
        times = self._seen[sequence] = self._seen.get(sequence, 0) + 1
        sample = sequence if times == 1 else f"{sequence}~{times}"
        results = an_object(entry.get("detector_results") or {}, f"detector_results of line {number}", path)
        for detector, scores in results.items():
            if not isinstance(scores, list):
                raise InputError(f"the scores of {detector!r} are not a list", path=path, row=number)
            for epoch, score in enumerate(scores):
                hit = number_or_none(score)
                self.columns["sample"].append(sample)
                self.columns["epoch"].append(epoch)
                self.columns["measure"].append(f"{detector}/pass-rate")
                self.columns["cluster"].append(sequence)
                self.columns["label"].append(None if hit is None else "hit" if hit >= threshold else "passed")
                self.columns["value"].append(None if hit is None else float(hit < threshold))
                self.columns["judge"].append(detector)
                self.columns["facets"].append(
                    None if hit in (None, 0.0, 1.0) else canonical_bytes({"detector_score": hit}).decode()
                )
        prompt = _prompt(entry.get("prompt"))
        for epoch, output in enumerate(entry.get("outputs") or []):
            row: dict[str, object] = {"sample": sample, "epoch": epoch, "prompt": prompt}
            said = output.get("text") if isinstance(output, dict) else output
            if isinstance(said, str):
                row["response"] = said
            self.texts[sample, epoch] = row


def _entries(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with storage_errors(path), path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                yield number, an_object(parse_json(line, nan_as_null=True), "the line", path)
            except InputError as error:
                words = error.message.removeprefix(f"{path}: ")
                raise InputError(words, path=path, row=number, hint=error.hint) from error


def _subject(setup: Mapping[str, Any]) -> str:
    kind = setup.get("plugins.target_type") or setup.get("plugins.model_type")
    name = setup.get("plugins.target_name") or setup.get("plugins.model_name")
    return "/".join(str(part) for part in (kind, name) if part)


def _threshold(setup: Mapping[str, Any]) -> float:
    found = number_or_none(setup.get("run.eval_threshold"))
    return DEFAULT_THRESHOLD if found is None else found


def _detector(entry: Mapping[str, Any]) -> str:
    return str(entry.get("detector") or "").removeprefix("detector.").removeprefix("detectors.")


def _measurement(
    subject: str, probe: str, entry: Mapping[str, Any], provenance: Provenance, path: Path
) -> Measurement:
    passed = number_or_none(entry.get("passed"))
    total = number_or_none(entry.get("total_evaluated", entry.get("total")))
    if passed is None or total is None or not 0 <= passed <= total:
        raise InputError(
            f"{passed} outputs of {total} passed {_detector(entry)!r} in the probe {probe!r}",
            path=path,
            hint="The report is damaged, or of a version that is not known here.",
        )
    nones = number_or_none(entry.get("nones")) or 0
    return Measurement(
        subject=subject,
        measure=Measure(
            f"garak/{probe}:{_detector(entry)}/pass-rate", "own", Polarity.HIGHER, "proportion", 0.0, 1.0
        ),
        value=passed / total if total else None,
        provenance=provenance,
        n=int(total),
        k=passed,
        counts={"not-judged": int(nones)} if nones else {},
        reason="" if total else "no output was evaluated",
    )


def _prompt(value: object) -> str:
    if isinstance(value, dict) and isinstance(value.get("turns"), list):
        said = [turn.get("content") for turn in value["turns"] if isinstance(turn, dict)]
        return "\n\n".join(str(c.get("text") or "") if isinstance(c, dict) else str(c) for c in said)
    if isinstance(value, dict):
        return str(value.get("text") or "")
    return value if isinstance(value, str) else ""


def _kept(setup: Mapping[str, Any], evals: list[dict[str, Any]]) -> dict[str, Any]:
    settings = ("run.seed", "run.generations", "run.eval_threshold", "run.deprefix", "plugins.detector_spec")
    return {
        "settings": {key: setup[key] for key in settings if key in setup},
        "hit_at_k": {_detector(entry): entry["hit_at_k"] for entry in evals if "hit_at_k" in entry},
    }


IMPORTER = Importer("garak", VERSION, recognizes, read)
