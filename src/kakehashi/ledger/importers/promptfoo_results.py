"""Reader of promptfoo's JSON results (``promptfoo eval -o results.json``).

A pass rate here is passed of passed and failed; tests that ended in an error have no outcome and are counted
beside it, where promptfoo counts them as not passed.

References:
    promptfoo, output file of version 3 (promptfoo 0.100 and later).
"""

from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from kakehashi.errors import FormatVersionError, InputError
from kakehashi.ledger.importers.draft import (
    Draft,
    Importer,
    a_list,
    an_object,
    number_or_none,
    read_head,
    read_json,
    utc_time,
)
from kakehashi.model import Measure, Measurement, Polarity, Provenance
from kakehashi.proof import canonical_bytes

VERSION = "1"
RESULTS_VERSION = 3
_ERROR = 2


def recognizes(path: Path) -> bool:
    """Whether a file looks like results of promptfoo."""
    if path.suffix != ".json" or not path.is_file():
        return False
    head = read_head(path)
    return b'"evalId"' in head and b'"results"' in head and b'"prompts"' in head


def read(path: Path) -> list[Draft]:
    """One draft for every provider and prompt.

    Raises:
        InputError: The file is broken, or of a shape that is not known.
        FormatVersionError: It is newer than this reader.
    """
    whole = an_object(read_json(path), "the file", path)
    results = an_object(whole.get("results"), "results", path)
    version = results.get("version")
    if isinstance(version, int) and version > RESULTS_VERSION:
        raise FormatVersionError(
            f"promptfoo results {version}", f"promptfoo results {RESULTS_VERSION}", path=path
        )
    if version != RESULTS_VERSION:
        raise InputError(
            f"results of version {version!r}",
            path=path,
            hint="Export them again with promptfoo 0.100 or later.",
        )
    rows = [
        an_object(row, "a result", path) for row in a_list(results.get("results"), "results.results", path)
    ]
    config = whole.get("config") if isinstance(whole.get("config"), dict) else {}
    assert isinstance(config, dict)
    made = whole.get("metadata") if isinstance(whole.get("metadata"), dict) else {}
    assert isinstance(made, dict)
    title = str(config.get("description") or "evaluation")
    settings = sha256(
        canonical_bytes([config.get("prompts"), config.get("tests"), config.get("defaultTest")])
    )
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        index = row.get("promptIdx")
        groups.setdefault((_provider(row, path), index if isinstance(index, int) else 0), []).append(row)
    prompts = {provider: len({_template(row) for key, rs in groups.items() if key[0] == provider for row in rs})
               for provider, _ in groups}  # fmt: skip
    drafts = []
    for (provider, index), members in groups.items():
        # A provider under several prompts is several systems: what is asked is part of the system.
        subject = provider if prompts[provider] == 1 else f"{provider} [prompt {index + 1}]"
        provenance = Provenance(
            source=f"promptfoo/{made.get('promptfooVersion') or 'unknown'}",
            method=f"promptfoo/{title}",
            method_version="spec-" + settings.hexdigest()[:12],
            created=utc_time(results.get("timestamp")),
            run=str(whole.get("evalId") or ""),
        )
        items, texts = _items(members)
        drafts.append(
            Draft(
                subject=subject,
                method=provenance.method,
                method_version=provenance.method_version,
                measurements=_measurements(subject, members, provenance),
                run=provenance.run,
                items=items,
                texts=texts,
                judge="promptfoo assertions",
                part=f"{provider}/{index}",
                details={"promptfoo": {"prompt": _prompt_id(members[0]), "provider": provider}},
            )
        )
    return drafts


def _provider(row: Mapping[str, Any], path: Path) -> str:
    provider = row.get("provider")
    name = (provider.get("label") or provider.get("id")) if isinstance(provider, dict) else provider
    if not isinstance(name, str) or not name:
        raise InputError("a result does not name its provider", path=path)
    return name


def _template(row: Mapping[str, Any]) -> str:
    prompt = row.get("prompt")
    return str(prompt.get("label") or prompt.get("raw")) if isinstance(prompt, dict) else str(prompt)


def _prompt_id(row: Mapping[str, Any]) -> str:
    return str(row.get("promptId") or sha256(_template(row).encode()).hexdigest())


def _failed(row: Mapping[str, Any]) -> bool:
    if row.get("failureReason") == _ERROR:
        return True
    return "failureReason" not in row and bool(row.get("error")) and not row.get("response")


def _measurements(subject: str, rows: list[dict[str, Any]], provenance: Provenance) -> list[Measurement]:
    judged = [row for row in rows if not _failed(row)]
    errors = len(rows) - len(judged)
    passed = sum(row.get("success") is True for row in judged)
    counts = {"error": errors} if errors else {}
    found = [
        Measurement(
            subject=subject,
            measure=_measure(provenance, "pass-rate", proportion=True),
            value=passed / len(judged) if judged else None,
            provenance=provenance,
            n=len(judged),
            k=float(passed) if judged else None,
            counts=counts,
            reason="" if judged else "every test ended in an error",
        )
    ]
    scores: dict[str, list[float]] = {}
    for row in judged:
        for name, score in _scores(row).items():
            scores.setdefault(name, []).append(score)
    found += [
        Measurement(
            subject=subject,
            measure=_measure(provenance, name),
            value=sum(values) / len(values),
            provenance=provenance,
            n=len(values),
            counts=counts,
        )
        for name, values in scores.items()
    ]
    return found


def _measure(provenance: Provenance, name: str, *, proportion: bool = False) -> Measure:
    low, high = (0.0, 1.0) if proportion else (None, None)
    unit = "proportion" if proportion else "score"
    return Measure(f"{provenance.method}:{name}", "own", Polarity.HIGHER, unit, low, high)


def _scores(row: Mapping[str, Any]) -> dict[str, float]:
    """The mean score of the assertions and the named ones."""
    named = row.get("namedScores") if isinstance(row.get("namedScores"), dict) else {}
    assert isinstance(named, dict)
    given = {"score": row.get("score"), **{f"score/{name}": score for name, score in named.items()}}
    return {name: score for name, value in given.items() if (score := number_or_none(value)) is not None}


def _items(rows: list[dict[str, Any]]) -> tuple[dict[str, list[object]], list[dict[str, object]]]:
    names = (
        "sample", "epoch", "measure", "label", "value", "status", "seconds", "prompt_tokens", "completion_tokens",
    )  # fmt: skip
    columns: dict[str, list[object]] = {name: [] for name in names}
    texts: list[dict[str, object]] = []
    seen: Counter[str] = Counter()
    for row in rows:
        sample = _sample(row)
        seen[sample] += 1
        failed = _failed(row)
        usage = row.get("tokenUsage") if isinstance(row.get("tokenUsage"), dict) else {}
        assert isinstance(usage, dict)
        seconds = number_or_none(row.get("latencyMs"))
        values = {"pass-rate": float(row.get("success") is True), **_scores(row)}
        for measure, value in ({"pass-rate": None} if failed else values).items():
            columns["sample"].append(sample)
            columns["epoch"].append(seen[sample])
            columns["measure"].append(measure)
            columns["label"].append(
                "error" if failed else None if measure != "pass-rate" else "passed" if value else "failed"
            )
            columns["value"].append(value)
            columns["status"].append("error" if failed else "ok")
            columns["seconds"].append(None if seconds is None else seconds / 1000)
            columns["prompt_tokens"].append(number_or_none(usage.get("prompt")) or None)
            columns["completion_tokens"].append(number_or_none(usage.get("completion")) or None)
        text: dict[str, object] = {"sample": sample, "epoch": seen[sample]}
        prompt, response = row.get("prompt"), row.get("response")
        if isinstance(prompt, dict) and isinstance(prompt.get("raw"), str):
            text["prompt"] = prompt["raw"]
        if isinstance(response, dict) and isinstance(response.get("output"), str):
            text["response"] = response["output"]
        texts.append(text)
    return columns, texts


def _sample(row: Mapping[str, Any]) -> str:
    """Repetitions have a number of their own in promptfoo; what they share is the test's variables and assertions."""
    test = row.get("testCase") if isinstance(row.get("testCase"), dict) else {}
    assert isinstance(test, dict)
    given = {key: value for key, value in (row.get("vars") or {}).items() if not str(key).startswith("__")}
    body = [test.get("description"), given, test.get("assert")]
    name = str(test.get("description") or "test")[:60]
    return f"{name}#{sha256(canonical_bytes(body)).hexdigest()[:12]}"


IMPORTER = Importer("promptfoo", VERSION, recognizes, read)
