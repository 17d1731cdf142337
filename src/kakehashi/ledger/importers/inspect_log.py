"""Reader of Inspect logs: ``.eval`` archives and their JSON form, without inspect-ai.

An ``.eval`` file is a ZIP archive whose members are compressed with Zstandard (method 93), which Python's
zipfile cannot read before 3.14; older ones use deflate. Members are read one at a time, within limits of size
and ratio.

References:
    Inspect, "Eval logs" (inspect.aisi.org.uk/eval-logs.html); PKWARE APPNOTE 6.3.10, method 93.
"""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kakehashi.errors import FormatVersionError, InputError
from kakehashi.ledger.files import storage_errors
from kakehashi.ledger.importers.draft import (
    Draft,
    Importer,
    a_list,
    a_text,
    an_object,
    number_or_none,
    read_head,
    read_json,
    utc_time,
)
from kakehashi.model import Measure, Measurement, Polarity, Provenance
from kakehashi.proof import parse_json

VERSION = "1"
LOG_VERSION = 2
MAX_MEMBER_BYTES = 256 << 20
MAX_TOTAL_BYTES = 8 << 30
MAX_RATIO = 2000
MAX_MEMBERS = 1_000_000
_ZSTD, _DEFLATE, _STORED = 93, 8, 0
_ERRORS = {"stderr", "bootstrap_stderr"}
_SPREAD = {"std", "var", "ci"}
_GRADES = {"C": (1.0, "correct"), "I": (0.0, "wrong"), "P": (0.5, "partial"), "N": (0.0, "no-answer")}


def recognizes(path: Path) -> bool:
    """Whether a file looks like an Inspect log."""
    if not path.is_file():
        return False
    if path.suffix == ".eval":
        return True
    if path.suffix != ".json":
        return False
    head = read_head(path, 1 << 12)
    return b'"eval"' in head and (b'"run_id"' in head or b'"task_id"' in head or b'"eval_id"' in head)


@dataclass(frozen=True, slots=True)
class Log:
    """An open log.

    Attributes:
        path: The file.
        header: Its header: ``eval``, ``plan``, ``results``, ``status``.
        samples: Gives the samples one at a time; to be called while the log is open.
    """

    path: Path
    header: Mapping[str, Any]
    samples: Callable[[], Iterator[Mapping[str, Any]]]

    @property
    def task(self) -> Mapping[str, Any]:
        """What was run on what."""
        return an_object(self.header.get("eval"), "eval", self.path)


@contextmanager
def open_log(path: Path) -> Iterator[Log]:
    """Open a log to read its header and samples.

    Raises:
        InputError: The log is broken, or its members are beyond the limits.
        FormatVersionError: The log is of a newer version.
    """
    if path.suffix == ".eval":
        with storage_errors(path), path.open("rb") as stream:
            archive = _Archive(path, stream)
            yield _checked(Log(path, archive.header(), archive.samples))
        return
    whole = an_object(read_json(path), "the file", path)
    samples = a_list(whole.get("samples") or [], "samples", path)
    yield _checked(Log(path, whole, lambda: (an_object(s, "a sample", path) for s in samples)))


def _checked(log: Log) -> Log:
    version = log.header.get("version", LOG_VERSION)
    if isinstance(version, int) and version > LOG_VERSION:
        raise FormatVersionError(f"inspect-log {version}", f"inspect-log {LOG_VERSION}", path=log.path)
    return log


def item_rows(sample: Mapping[str, Any], path: Path) -> dict[str, list[Any]]:
    """Rows of one sample: one for each scorer and, where a score has several parts, each part."""
    rows = _Rows()
    rows.add(sample, path)
    return rows.columns


def sample_texts(sample: Mapping[str, Any]) -> dict[str, object]:
    """Prompt and answer of one sample."""
    return _texts(sample)


def read(path: Path) -> list[Draft]:
    """One draft for the task in a log; none where it has neither results nor samples.

    Raises:
        InputError: The log is broken, or its members are beyond the limits.
        FormatVersionError: The log is of a newer version.
    """
    with open_log(path) as log:
        return _draft(path, log.header, log.samples())


class _Archive:
    """The members of an ``.eval`` file."""

    def __init__(self, path: Path, stream: Any) -> None:
        self.path = path
        self.stream = stream
        self.total = 0
        try:
            listed = zipfile.ZipFile(stream).infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
            raise InputError(
                f"not a whole archive: {error}", path=path, hint="Copy the log again; it may have been cut."
            ) from error
        if len(listed) > MAX_MEMBERS:
            raise InputError(
                f"the archive has {len(listed)} members", path=path, hint=f"At most {MAX_MEMBERS} are read."
            )
        self.members: dict[str, zipfile.ZipInfo] = {}
        for info in listed:
            if info.filename in self.members:
                raise InputError(
                    f"the member {info.filename!r} stands twice", path=path, hint="This is no honest log."
                )
            self.members[info.filename] = info

    def header(self) -> dict[str, Any]:
        if "header.json" in self.members:
            return an_object(self._json("header.json"), "header.json", self.path)
        if "_journal/start.json" in self.members:  # the run was cut off before it could write its header
            start = an_object(self._json("_journal/start.json"), "_journal/start.json", self.path)
            return {**start, "status": "started"}
        raise InputError("the archive has no header.json", path=self.path, hint="Is this an Inspect log?")

    def samples(self) -> Iterator[dict[str, Any]]:
        for name in sorted(self.members):
            if name.startswith("samples/") and name.endswith(".json"):
                yield an_object(self._json(name), name, self.path)

    def _json(self, name: str) -> object:
        return parse_json(self._read(self.members[name]), path=f"{self.path}!{name}", nan_as_null=True)

    def _read(self, info: zipfile.ZipInfo) -> bytes:
        size, packed = info.file_size, info.compress_size
        if size > MAX_MEMBER_BYTES or size > MAX_RATIO * max(packed, 1):
            raise self._bomb(info.filename, f"{packed} bytes say that they unpack to {size}")
        self.total += size
        if self.total > MAX_TOTAL_BYTES:
            raise self._bomb(info.filename, f"the archive unpacks to more than {MAX_TOTAL_BYTES >> 30} GiB")
        # The local header repeats the name and may have another extra field: its lengths say where the
        # data begin.
        self.stream.seek(info.header_offset)
        head = self.stream.read(30)
        if len(head) < 30 or head[:4] != b"PK\x03\x04" or info.flag_bits & 1:
            raise InputError(f"the member {info.filename!r} is damaged or encrypted", path=self.path)
        name_length, extra_length = struct.unpack("<HH", head[26:30])
        self.stream.seek(name_length + extra_length, 1)
        raw = self.stream.read(packed)
        data = self._unpack(raw, info, size)
        if len(raw) != packed or len(data) != size or zlib.crc32(data) != info.CRC:
            raise InputError(f"the member {info.filename!r} is damaged (length or checksum)", path=self.path)
        return data

    def _unpack(self, raw: bytes, info: zipfile.ZipInfo, size: int) -> bytes:
        """At most one byte more than the member says that it has."""
        try:
            if info.compress_type == _ZSTD:
                import zstandard

                try:
                    with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(raw) as reader:
                        return bytes(reader.read(size + 1))
                except zstandard.ZstdError as error:
                    raise InputError(
                        f"the member {info.filename!r} is damaged: {error}", path=self.path
                    ) from error
            if info.compress_type == _DEFLATE:
                return zlib.decompressobj(-15).decompress(raw, size + 1)
        except zlib.error as error:
            raise InputError(f"the member {info.filename!r} is damaged: {error}", path=self.path) from error
        if info.compress_type == _STORED:
            return raw
        raise InputError(f"the member {info.filename!r} has compression {info.compress_type}", path=self.path)

    def _bomb(self, name: str, words: str) -> InputError:
        return InputError(
            f"the member {name!r} is too large: {words}", path=self.path, hint="This is no honest log."
        )


def _draft(path: Path, header: Mapping[str, Any], samples: Iterable[Mapping[str, Any]]) -> list[Draft]:
    task = an_object(header.get("eval"), "eval", path)
    subject = a_text(task.get("model"), "eval.model", path)
    name = a_text(task.get("task"), "eval.task", path)
    method = f"inspect/{name}"
    provenance = Provenance(
        source=f"inspect_ai/{_package(task)}",
        method=method,
        method_version=str(task.get("task_version", "")),
        created=utc_time(task.get("created")),
        run=str(task.get("run_id") or task.get("eval_id") or ""),
    )
    results = header.get("results") if isinstance(header.get("results"), dict) else {}
    assert isinstance(results, dict)
    measurements: list[Measurement] = []
    scorers = []
    for score in a_list(results.get("scores") or [], "results.scores", path):
        score = an_object(score, "a score", path)
        scorers.append(str(score.get("scorer") or score.get("name")))
        measurements += _measurements(score, results, subject, method, provenance, path)
    rows, texts = _Rows(), []
    for sample in samples:
        rows.add(sample, path)
        texts.append(_texts(sample))
    status = str(header.get("status") or "unknown")
    if not measurements and not rows.columns["sample"]:
        return []
    return [
        Draft(
            subject=subject,
            method=method,
            method_version=provenance.method_version,
            measurements=measurements,
            run=provenance.run,
            items=rows.columns if rows.columns["sample"] else None,
            texts=texts or None,
            judge=", ".join(dict.fromkeys(scorers)),
            part=str(task.get("eval_id") or task.get("task_id") or name),
            details={"inspect": _kept(header, task, results, len(texts))},
            partial=status != "success",
        )
    ]


def _package(task: Mapping[str, Any]) -> str:
    packages = task.get("packages")
    return str(packages.get("inspect_ai", "unknown")) if isinstance(packages, dict) else "unknown"


def _kept(
    header: Mapping[str, Any], task: Mapping[str, Any], results: Mapping[str, Any], samples: int
) -> dict[str, Any]:
    dataset = task.get("dataset") if isinstance(task.get("dataset"), dict) else {}
    assert isinstance(dataset, dict)
    return {
        "status": header.get("status"),
        "dataset": {k: dataset[k] for k in ("name", "location", "samples", "shuffled") if k in dataset},
        "config": task.get("config") or {},
        "model_generate_config": task.get("model_generate_config") or {},
        "total_samples": results.get("total_samples"),
        "completed_samples": results.get("completed_samples"),
        "samples_in_log": samples,
    }


def _measurements(
    score: Mapping[str, Any],
    results: Mapping[str, Any],
    subject: str,
    method: str,
    provenance: Provenance,
    path: Path,
) -> list[Measurement]:
    metrics = an_object(score.get("metrics"), "metrics", path)
    values = {
        key: number_or_none(metric.get("value"))
        for key, metric in metrics.items()
        if isinstance(metric, dict)
    }
    error = next((values[key] for key in values if key in _ERRORS), None)
    count = score.get("scored_samples", results.get("completed_samples"))
    found = []
    name = str(score.get("name") or score.get("scorer") or "score")
    for key, value in values.items():
        if key in _ERRORS or key in _SPREAD:
            continue
        accuracy = key == "accuracy"
        found.append(
            Measurement(
                subject=subject,
                # Inspect states no direction; of accuracy there is only one.
                measure=Measure(
                    id=f"{method}:{name}/{key}",
                    construct="own",
                    polarity=Polarity.HIGHER if accuracy else Polarity.NONE,
                    unit="proportion" if accuracy else "score",
                    low=0.0 if accuracy else None,
                    high=1.0 if accuracy else None,
                ),
                value=value,
                provenance=provenance,
                n=count if isinstance(count, int) and not isinstance(count, bool) else None,
                std_error=error if key in ("accuracy", "mean") else None,
                reason="" if value is not None else "the log holds no number",
            )
        )
    return found


class _Rows:
    """Item rows of samples: one for each scorer and, where a score has several parts, each part."""

    def __init__(self) -> None:
        names = (
            "sample", "epoch", "measure", "label", "value", "status", "seconds", "prompt_tokens", "completion_tokens",
        )  # fmt: skip
        self.columns: dict[str, list[Any]] = {name: [] for name in names}

    def add(self, sample: Mapping[str, Any], path: Path) -> None:
        identifier = sample.get("id")
        if not isinstance(identifier, str | int) or isinstance(identifier, bool) or identifier == "":
            raise InputError(f"a sample has no id: {identifier!r}", path=path)
        failed = bool(sample.get("error"))
        scores = sample.get("scores") if isinstance(sample.get("scores"), dict) else {}
        assert isinstance(scores, dict)
        usage = [u for u in (sample.get("model_usage") or {}).values() if isinstance(u, dict)]
        parts = [part for name, score in scores.items() for part in _parts(str(name), score)]
        for measure, value, label in parts or _NO_SCORE:
            self.columns["sample"].append(str(identifier))
            self.columns["epoch"].append(sample.get("epoch") if isinstance(sample.get("epoch"), int) else 1)
            self.columns["measure"].append(measure)
            self.columns["label"].append("error" if failed else label)
            self.columns["value"].append(None if failed else value)
            self.columns["status"].append("error" if failed else "ok")
            self.columns["seconds"].append(number_or_none(sample.get("total_time")))
            for column, key in (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")):
                counted = [n for u in usage if (n := number_or_none(u.get(key))) is not None]
                self.columns[column].append(sum(counted) if counted else None)


_NO_SCORE: list[tuple[str | None, float | None, str | None]] = [(None, None, None)]


def _parts(name: str, score: object) -> list[tuple[str | None, float | None, str | None]]:
    value = score.get("value") if isinstance(score, dict) else score
    if isinstance(value, dict):
        return [(f"{name}/{key}", *_graded(part)) for key, part in value.items()]
    return [(name, *_graded(value))]


def _graded(value: object) -> tuple[float | None, str | None]:
    """Inspect's value_to_float: C, I, P and N, yes and no, numbers and numbers in words."""
    if isinstance(value, bool):
        return float(value), "correct" if value else "wrong"
    number = number_or_none(value)
    if number is not None:
        return number, None
    if not isinstance(value, str):
        return None, None
    if value in _GRADES:
        return _GRADES[value]
    if value.lower() in ("yes", "true", "no", "false"):
        return float(value.lower() in ("yes", "true")), value.lower()
    try:
        return float(value), None
    except ValueError:
        return None, value[:80]


def _texts(sample: Mapping[str, Any]) -> dict[str, object]:
    attachments = sample.get("attachments") if isinstance(sample.get("attachments"), dict) else {}
    assert isinstance(attachments, dict)
    given = sample.get("input")
    prompt = (
        "\n\n".join(_content(m.get("content")) for m in given if isinstance(m, dict))
        if isinstance(given, list)
        else _content(given)
    )
    output = sample.get("output")
    choices = output.get("choices") if isinstance(output, dict) else None
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    message = first.get("message") if isinstance(first.get("message"), dict) else {}
    row: dict[str, object] = {
        "sample": str(sample.get("id")),
        "epoch": sample.get("epoch") if isinstance(sample.get("epoch"), int) else 1,
        "prompt": _attached(prompt, attachments),
    }
    if message:
        row["response"] = _attached(_content(message.get("content")), attachments)
    return row


def _content(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(
            str(part.get("text")) for part in value if isinstance(part, dict) and part.get("text")
        )
    return ""


def _attached(text: str, attachments: Mapping[str, Any]) -> str:
    key = text.removeprefix("attachment://")
    found = attachments.get(key) if key != text else None
    return found if isinstance(found, str) else text


IMPORTER = Importer("inspect", VERSION, recognizes, read)
