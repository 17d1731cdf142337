"""Reader of Every Eval Ever: 0.3, and the 0.2 records that are still about; our own exports come back as they went."""

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from kakehashi.errors import FormatVersionError, InputError
from kakehashi.ledger.eee import (
    EEE_VERSION,
    ITEM_KEY,
    MEASUREMENT_KEY,
    POSITION_KEY,
    RECORD_ID_KEY,
    RECORD_KEY,
    ROW_KEY,
    UNSCORED_ITEMS_KEY,
    UNSCORED_KEY,
)
from kakehashi.ledger.files import digest_of, read_bytes, settle, temporary_beside
from kakehashi.ledger.importers.draft import (
    Draft,
    Importer,
    a_list,
    a_number,
    a_text,
    an_object,
    number_or_none,
    read_head,
    read_json,
    utc_time,
)
from kakehashi.ledger.items import ITEM_COLUMNS, write_items
from kakehashi.ledger.store import Ledger
from kakehashi.model import Interval, Measure, Measurement, Polarity, Provenance
from kakehashi.proof import canonical_bytes, parse_json

VERSION = "1"
ASSUMED_LEVEL = 0.95
_SEARCHED = 8 << 20


def recognizes(path: Path) -> bool:
    """Whether a file looks like an EEE aggregate."""
    if path.suffix != ".json" or not path.is_file():
        return False
    head = read_head(path, _SEARCHED)  # keys may stand in any order, with long details before them
    return b'"evaluation_id"' in head and b'"schema_version"' in head and b'"$schema"' not in head


def covers(path: Path) -> list[Path]:
    """The aggregate and, where it stands beside it, its file of instances."""
    samples = _samples_path(path, None)
    return [path] if samples is None else [path, samples]


def read(path: Path) -> list[Draft]:
    """One draft for every evaluation in an aggregate.

    Raises:
        InputError: The file is not EEE, or its instances do not fit its checksum.
        FormatVersionError: Its schema is newer than 0.3.
    """
    whole = an_object(read_json(path), "the file", path)
    _check_version(whole, path)
    model = an_object(whole.get("model_info"), "model_info", path)
    subject = a_text(model.get("id"), "model_info.id", path)
    source = an_object(whole.get("source_metadata"), "source_metadata", path)
    results = a_list(whole.get("evaluation_results"), "evaluation_results", path)
    instances = _read_instances(path, whole)
    groups: dict[str, list[dict[str, Any]]] = {}
    for number, result in enumerate(results):
        result = an_object(result, f"evaluation_results[{number}]", path)
        groups.setdefault(a_text(result.get("evaluation_name"), "evaluation_name", path), []).append(result)
    drafts = []
    for name, members in groups.items():
        measurements = [_measurement(whole, source, subject, name, member, path) for member in members]
        rows = [row for row in instances if row.get("evaluation_name") == name]
        drafts.append(
            Draft(
                subject=subject,
                method=_method(source, name),
                method_version=_library_version(whole),
                measurements=measurements,
                run=a_text(whole.get("evaluation_id"), "evaluation_id", path),
                items=_items(rows, path) if rows else None,
                texts=_texts(rows) if rows else None,
                part=name,
                details={"eee": _kept(whole, members)},
            )
        )
    return drafts


def restore(ledger: Ledger, path: Path) -> str | None:
    """Take back a record that :func:`kakehashi.ledger.export_eee` wrote, byte for byte.

    Returns:
        The record's id, or None where the file is not one of ours or its item rows cannot be rebuilt to the
        same bytes by this version of DuckDB (it is then imported like any other).

    Raises:
        InputError: It says that it is one of ours, but was changed since.
    """
    whole = an_object(read_json(path), "the file", path)
    own = _own(whole, path)
    if own is None:
        return None
    record_id, data, body = own
    reference = body.get("items")
    if isinstance(reference, dict) and not _restore_items(
        ledger, path, whole, body, str(reference["sha256"])
    ):
        return None
    ledger.adopt([(record_id, data)])
    return record_id


def read_export(path: Path) -> tuple[dict[str, Any], list[Mapping[str, Any]]] | None:
    """Body and item rows of a record that :func:`kakehashi.ledger.export_eee` wrote, without a ledger.

    Returns:
        The record and its rows in order, or None where the file is not one of ours.

    Raises:
        InputError: It says that it is one of ours, but was changed since.
    """
    whole = an_object(read_json(path), "the file", path)
    own = _own(whole, path)
    if own is None:
        return None
    body = own[2]
    return body, _own_rows(path, whole) if isinstance(body.get("items"), dict) else []


def _own(whole: Mapping[str, Any], path: Path) -> tuple[str, bytes, dict[str, Any]] | None:
    """Id, bytes and body of a record of ours, held against the hash that it says; None where it is not one."""
    _check_version(whole, path)
    source = whole.get("source_metadata")
    details = source.get("additional_details") if isinstance(source, dict) else None
    if not isinstance(details, dict) or RECORD_ID_KEY not in details:
        return None
    body = an_object(_json(details.get(RECORD_KEY), path), RECORD_KEY, path)
    placed = [
        (int(position), measurement)
        for position, measurement in a_list(_json(details.get(UNSCORED_KEY), path), UNSCORED_KEY, path)
    ]
    results = a_list(whole.get("evaluation_results"), "evaluation_results", path)
    placed += [_placed(an_object(result, "an evaluation result", path), path) for result in results]
    body["measurements"] = [measurement for _, measurement in sorted(placed, key=lambda pair: pair[0])]
    data = canonical_bytes(body)
    record_id = sha256(data).hexdigest()
    if record_id != details[RECORD_ID_KEY]:
        raise InputError(
            f"it claims to be record {details[RECORD_ID_KEY][:12]}, but was changed since (it gives {record_id[:12]})",
            path=path,
            hint="Ask its sender for the export again.",
        )
    return record_id, data, body


def _placed(result: Mapping[str, Any], path: Path) -> tuple[int, object]:
    config = an_object(result.get("metric_config"), "metric_config", path)
    extra = an_object(config.get("additional_details"), "metric_config.additional_details", path)
    measurement = an_object(_json(extra.get(MEASUREMENT_KEY), path), MEASUREMENT_KEY, path)
    score = an_object(result.get("score_details"), "score_details", path).get("score")
    if score != measurement.get("value"):
        raise InputError(
            f"its score {score} contradicts the measurement beside it, {measurement.get('value')}",
            path=path,
            hint="Ask its sender for the export again.",
        )
    return int(extra[POSITION_KEY]), measurement


def _restore_items(
    ledger: Ledger, path: Path, whole: Mapping[str, Any], body: Mapping[str, Any], digest: str
) -> bool:
    ordered = _own_rows(path, whole)
    # Every column, so that the file has the bytes it had.
    columns = {name: [row.get(name) for row in ordered] for name in ITEM_COLUMNS}
    owner = {key: str(body.get(key, "")) for key in ("run", "subject", "method", "method_version")}
    with temporary_beside(ledger.layout.root / "items") as temporary:
        write_items(columns, owner, temporary)
        if digest_of(temporary) != digest:
            return False
        settle(temporary, ledger.layout.items(digest))
    return True


def _own_rows(path: Path, whole: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    detailed = an_object(whole.get("detailed_evaluation_results"), "detailed_evaluation_results", path)
    extra = an_object(detailed.get("additional_details"), "its additional_details", path)
    rows: dict[int, Mapping[str, Any]] = {
        int(number): row for number, row in a_list(_json(extra.get(UNSCORED_ITEMS_KEY), path), "items", path)
    }
    for instance in _read_instances(path, whole):
        metadata = an_object(instance.get("metadata"), "metadata", path)
        row = an_object(_json(metadata.get(ITEM_KEY), path), ITEM_KEY, path)
        if row.get("value") != an_object(instance.get("evaluation"), "evaluation", path).get("score"):
            raise InputError(
                f"the score of sample {row.get('sample')!r} was changed since the export", path=path
            )
        rows[int(metadata[ROW_KEY])] = row
    return [rows[number] for number in sorted(rows)]


def _json(text: object, path: Path) -> object:
    if not isinstance(text, str):
        raise InputError("one of its kakehashi.… details is missing", path=path)
    return parse_json(text.encode(), path=path)


def _check_version(whole: Mapping[str, Any], path: Path) -> None:
    found = str(whole.get("schema_version"))
    numbers = found.split(".")
    if not all(n.isdigit() for n in numbers) or len(numbers) < 2:
        raise InputError(f"schema_version is {found!r}; this is not Every Eval Ever", path=path)
    if tuple(int(n) for n in numbers[:2]) > tuple(int(n) for n in EEE_VERSION.split(".")[:2]):
        raise FormatVersionError(f"every-eval-ever {found}", EEE_VERSION, path=path)


def _method(source: Mapping[str, Any], name: str) -> str:
    publisher = source.get("source_name") or source.get("source_organization_name") or "unknown"
    return f"{publisher}/{name}"


def _library_version(whole: Mapping[str, Any]) -> str:
    library = whole.get("eval_library")
    version = library.get("version") if isinstance(library, dict) else None
    return version if isinstance(version, str) and version != "unknown" else ""


def _measurement(
    whole: Mapping[str, Any],
    source: Mapping[str, Any],
    subject: str,
    name: str,
    result: Mapping[str, Any],
    path: Path,
) -> Measurement:
    config = an_object(result.get("metric_config"), f"metric_config of {name!r}", path)
    details = an_object(result.get("score_details"), f"score_details of {name!r}", path)
    value = a_number(details.get("score"), f"the score of {name!r}", path)
    metric = config.get("metric_id") or config.get("metric_name") or "score"
    low, high = number_or_none(config.get("min_score")), number_or_none(config.get("max_score"))
    direction = config.get("lower_is_better")
    measure = Measure(
        id=f"{_method(source, name)}:{metric}",
        construct="own",
        polarity=Polarity.NONE
        if not isinstance(direction, bool)
        else Polarity.LOWER
        if direction
        else Polarity.HIGHER,
        unit=str(config.get("metric_unit") or ("proportion" if (low, high) == (0, 1) else "score")),
        low=low,
        high=high,
    )
    created = utc_time(result.get("evaluation_timestamp") or whole.get("evaluation_timestamp"))
    made = Measurement(
        subject=subject,
        measure=measure,
        value=value,
        provenance=Provenance(
            source=str(source.get("source_name") or "unknown"),
            method=_method(source, name),
            method_version=_library_version(whole),
            created=created,
            retrieved=utc_time(whole.get("retrieved_timestamp")),
            author=str(source.get("source_organization_name") or ""),
            run=str(whole.get("evaluation_id")),
            citation=str(source.get("source_organization_url") or ""),
        ),
        **_uncertainty(details.get("uncertainty"), path),
    )
    if config.get("score_type") == "levels" and config.get("has_unknown_level") is True and value == -1:
        return replace(made, value=None, interval=None, reason="the source's level 'unknown'")
    return made


def _uncertainty(value: object, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    found: dict[str, Any] = {}
    error, between, count = (
        value.get("standard_error"),
        value.get("confidence_interval"),
        value.get("num_samples"),
    )
    if isinstance(error, dict | int | float):  # older records hold the bare number
        found["std_error"] = number_or_none(error.get("value") if isinstance(error, dict) else error)
    if isinstance(between, dict):
        level = number_or_none(between.get("confidence_level"))
        method = str(between.get("method") or "unknown")
        note = "" if level else f"; level not stated, {ASSUMED_LEVEL:g} assumed"
        found["interval"] = Interval(
            a_number(between.get("lower"), "the lower bound", path),
            a_number(between.get("upper"), "the upper bound", path),
            level if level is not None and 0 < level < 1 else ASSUMED_LEVEL,
            f"stated ({method}{note})",
        )
    if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
        found["n"] = count
    return found


def _kept(whole: Mapping[str, Any], members: list[dict[str, Any]]) -> dict[str, Any]:
    """What else the source says, for the record's details."""
    keys = ("schema_version", "evaluation_id", "source_metadata", "eval_library", "model_info")
    kept = {key: whole[key] for key in keys if key in whole}
    kept["results"] = [
        {
            key: m[key]
            for key in ("source_data", "metric_config", "generation_config", "score_details")
            if key in m
        }
        for m in members
    ]
    found: dict[str, Any] = json.loads(canonical_bytes(kept))
    return found


def _samples_path(path: Path, stated: object) -> Path | None:
    names = [f"{path.stem}_samples.jsonl"]
    if isinstance(stated, str):
        names.append(stated.replace("\\", "/").rpartition("/")[2])
    return next((p for name in names if (p := path.parent / name).is_file()), None)


def _read_instances(path: Path, whole: Mapping[str, Any]) -> list[dict[str, Any]]:
    detailed = whole.get("detailed_evaluation_results")
    if not isinstance(detailed, dict):
        return []
    samples = _samples_path(path, detailed.get("file_path"))
    if samples is None:
        return []
    data = read_bytes(samples)
    stated = detailed.get("checksum")
    if stated and detailed.get("hash_algorithm", "sha256") == "sha256":
        found = sha256(data).hexdigest()
        if found != stated:
            raise InputError(f"its SHA-256 is {found}, the aggregate says {stated}", path=samples)
    rows = []
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                rows.append(an_object(parse_json(line, nan_as_null=True), "the row", samples))
            except InputError as error:
                raise InputError(error.message, path=samples, row=number, hint=error.hint) from error
    total = detailed.get("total_rows")
    if isinstance(total, int) and total != len(rows):
        raise InputError(f"it has {len(rows)} rows, the aggregate says {total}", path=samples)
    return rows


def _items(rows: list[dict[str, Any]], path: Path) -> dict[str, list[object]]:
    columns: dict[str, list[object]] = {
        name: []
        for name in (
            "sample", "epoch", "measure", "value", "label", "status", "seconds", "prompt_tokens", "completion_tokens",
        )
    }  # fmt: skip
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        sample = a_text(row.get("sample_id"), "sample_id", path)
        measure = str(row.get("evaluation_result_id") or "")
        epoch = seen[sample, measure] = seen.get((sample, measure), 0) + 1
        evaluation = an_object(row.get("evaluation"), "evaluation", path)
        usage, latency = row.get("token_usage") or {}, row.get("performance") or {}
        correct = evaluation.get("is_correct")
        failed = bool(row.get("error"))
        columns["sample"].append(sample)
        columns["epoch"].append(epoch)
        columns["measure"].append(measure or None)
        columns["value"].append(None if failed else number_or_none(evaluation.get("score")))
        columns["label"].append(
            "error" if failed else "correct" if correct is True else "wrong" if correct is False else None
        )
        columns["status"].append("error" if failed else "ok")
        milliseconds = number_or_none(latency.get("latency_ms"))
        columns["seconds"].append(None if milliseconds is None else milliseconds / 1000)
        columns["prompt_tokens"].append(number_or_none(usage.get("input_tokens")))
        columns["completion_tokens"].append(number_or_none(usage.get("output_tokens")))
    return columns


def _texts(rows: list[dict[str, Any]]) -> list[dict[str, object]]:
    found: dict[tuple[str, int], dict[str, object]] = {}
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (str(row["sample_id"]), str(row.get("evaluation_result_id") or ""))
        epoch = seen[key] = seen.get(key, 0) + 1
        given, made = row.get("input"), row.get("output")
        prompt = given.get("raw") if isinstance(given, dict) else None
        answers = made.get("raw") if isinstance(made, dict) else None
        response = answers[0] if isinstance(answers, list) and answers else None
        text: dict[str, object] = {"sample": key[0], "epoch": epoch}
        text |= {"prompt": prompt} if isinstance(prompt, str) else {}
        text |= {"response": response} if isinstance(response, str) else {}
        found.setdefault((key[0], epoch), text)
    return list(found.values())


IMPORTER = Importer("eee", VERSION, recognizes, read, covers)
