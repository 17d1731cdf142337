"""Logs of Inspect, read without it: archives of every compression, damaged ones, and the genuine ones."""

import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from ledger_samples import put

from kakehashi.errors import FormatVersionError, InputError
from kakehashi.ledger import Ledger
from kakehashi.ledger.importers import import_path, inspect_log

EVAL = Path(__file__).parent / "fixtures" / "sums.eval"


def test_an_eval_archive_made_by_inspect_is_read_without_inspect(ledger: Ledger) -> None:
    (report,) = import_path(ledger, EVAL)
    assert report.importer == "inspect"
    accuracy = {m.measure.id: m for m in ledger.measurements()}
    # Answers 4, 5, 10 and 4, 6, 11: sample means over two epochs are 1, 1/2, 1/2.
    match = accuracy["inspect/sums:match/accuracy"]
    assert match.value == pytest.approx(2 / 3)
    assert match.std_error == pytest.approx(np.std([1, 0.5, 0.5], ddof=1) / np.sqrt(3))
    assert (match.n, match.subject, match.provenance.method_version) == (3, "mockllm/model", "3")
    rows = ledger.items(columns=["sample", "epoch", "measure", "value", "label", "prompt_tokens"])
    mine = sorted(
        (s, e, v)
        for s, e, m, v in zip(*(rows[k] for k in ("sample", "epoch", "measure", "value")), strict=True)
        if m == "match"
    )
    assert mine == [("s1", 1, 1), ("s1", 2, 1), ("s2", 1, 0), ("s2", 2, 1), ("s3", 1, 1), ("s3", 2, 0)]
    assert set(rows["prompt_tokens"]) == {5}
    said = {(r["sample"], r["epoch"]): r["response"] for r in ledger.texts(report.records[0])}
    assert said["s2", 1] == "5"
    assert import_path(ledger, EVAL)[0].added == 0
    assert ledger.verify().ok


def test_texts_stay_out_when_they_are_not_wanted(ledger: Ledger) -> None:
    import_path(ledger, EVAL, texts=False)
    assert not list((ledger.path / "blobs").rglob("*.zst"))


def archive(path: Path, members: dict[str, bytes], *, method: int = 93, lie: int | None = None) -> Path:
    """A ZIP written by hand, because Python's cannot write method 93; ``lie`` is a false unpacked size."""
    body, directory = b"", b""
    for name, data in members.items():
        packed = (
            zstandard.compress(data) if method == 93 else zlib.compress(data)[2:-4] if method == 8 else data
        )
        size = len(data) if lie is None else lie
        common = struct.pack(
            "<HHHHHIIIHH", 20, 0, method, 0, 33, zlib.crc32(data), len(packed), size, len(name), 0
        )
        directory += (
            b"PK\x01\x02"
            + struct.pack("<H", 20)
            + common
            + struct.pack("<HHHII", 0, 0, 0, 0, len(body))
            + name.encode()
        )
        body += b"PK\x03\x04" + common + name.encode() + packed
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(directory), len(body), 0)
    path.write_bytes(body + directory + b"PK\x05\x06" + end)
    return path


def inspect_header(**more: Any) -> dict[str, Any]:
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "task": "t",
            "model": "m",
            "run_id": "r",
            "eval_id": "e",
            "created": "2026-01-01T00:00:00+00:00",
        },
        "results": {
            "completed_samples": 2,
            "scores": [
                {"name": "s", "scorer": "s", "metrics": {"accuracy": {"name": "accuracy", "value": 0.5}}}
            ],
        },
    } | more


def sample(identifier: object, value: object, **more: Any) -> dict[str, Any]:
    return {"id": identifier, "epoch": 1, "input": "q", "scores": {"s": {"value": value}}} | more


@pytest.mark.parametrize("method", [93, 8, 0])
def test_archives_of_every_compression_are_read(tmp_path: Path, ledger: Ledger, method: int) -> None:
    members = {
        "header.json": json.dumps(inspect_header()).encode(),
        "samples/1.json": json.dumps(sample(1, "C")).encode(),
        "samples/2.json": json.dumps(sample("b", "I", error={"message": "x"})).encode(),
    }
    import_path(ledger, archive(tmp_path / "a.eval", members, method=method))
    rows = ledger.items()
    assert list(rows["sample"]) == ["1", "b"]
    assert list(rows["label"]) == ["correct", "error"]
    np.testing.assert_array_equal(
        rows["value"], [1, np.nan]
    )  # a failed sample has no score, whatever stands there


def test_a_log_that_was_cut_off_is_partial(tmp_path: Path, ledger: Ledger) -> None:
    members = {
        "_journal/start.json": json.dumps({"version": 2, "eval": inspect_header()["eval"]}).encode(),
        "samples/1.json": json.dumps(sample(1, "C")).encode(),
    }
    (report,) = import_path(ledger, archive(tmp_path / "a.eval", members))
    assert ledger.get(report.records[0]).body["partial"] is True


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("C", (1.0, "correct")), ("I", (0.0, "wrong")), ("P", (0.5, "partial")), ("N", (0.0, "no-answer")),
        (True, (1.0, "correct")), (0.25, (0.25, None)), ("0.65", (0.65, None)), ("yes", (1.0, "yes")),
        ("something", (None, "something")), (None, (None, None)),
    ],
)  # fmt: skip
def test_grades_are_those_of_inspect(value: object, found: tuple[object, object]) -> None:
    assert inspect_log._graded(value) == found


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, ledger: Ledger) -> None:
    zeros = b" " * (30 << 20)
    for lie, words in ((None, "too large"), (100, "length or checksum"), (1 << 31, "too large")):
        path = archive(tmp_path / "bomb.eval", {"header.json": zeros}, lie=lie)
        assert path.stat().st_size < 100_000
        with pytest.raises(InputError, match=words):
            import_path(ledger, path)
    assert ledger.root().size == 0


def test_a_damaged_archive_is_one_clear_error(tmp_path: Path, ledger: Ledger) -> None:
    whole = EVAL.read_bytes()
    info = zipfile.ZipFile(EVAL).getinfo("header.json")
    start = info.header_offset + 30 + len("header.json") + 40
    path = tmp_path / "a.eval"
    for wrong in (
        b"",
        b"no archive",
        whole[: len(whole) // 2],
        whole[:start] + bytes([whole[start] ^ 0xFF]) + whole[start + 1 :],
    ):
        path.write_bytes(wrong)
        with pytest.raises(InputError, match=r"a.eval"):
            import_path(ledger, path)
    archive(path, {"other.json": b"{}"})
    with pytest.raises(InputError, match=r"no header.json"):
        import_path(ledger, path)
    archive(path, {"header.json": b'{"eval": ' + b"[" * 1000 + b"]" * 1000 + b"}"})
    with pytest.raises(InputError, match=r"a.eval!header.json: nested deeper"):
        import_path(ledger, path)
    archive(path, {"header.json": b"{}"}, method=12)
    with pytest.raises(InputError, match="compression 12"):
        import_path(ledger, path)
    assert ledger.root().size == 0


def test_a_newer_or_nameless_inspect_log_is_refused(tmp_path: Path, ledger: Ledger) -> None:
    with pytest.raises(FormatVersionError, match="inspect-log 3"):
        import_path(ledger, put(tmp_path / "a.json", inspect_header(version=3)))
    with pytest.raises(InputError, match=r"eval.model is not a text"):
        import_path(ledger, put(tmp_path / "b.json", inspect_header(eval={"task": "t", "run_id": "r"})))
    with pytest.raises(InputError, match="a sample has no id"):
        import_path(ledger, put(tmp_path / "c.json", inspect_header(samples=[sample(None, "C")])))


def test_parts_of_a_score_and_messages_and_attachments_are_read(tmp_path: Path, ledger: Ledger) -> None:
    long = sample(
        "x",
        {"honest": 1, "kind": 0.5},
        input=[{"role": "user", "content": "attachment://abc"}],
        attachments={"abc": "the whole question"},
        output={"choices": [{"message": {"content": [{"type": "text", "text": "the answer"}]}}]},
    )
    (report,) = import_path(ledger, put(tmp_path / "a.json", inspect_header(samples=[long])))
    rows = ledger.items()
    assert dict(zip(rows["measure"], rows["value"], strict=True)) == {"s/honest": 1, "s/kind": 0.5}
    (said,) = ledger.texts(report.records[0])
    assert (said["prompt"], said["response"]) == ("the whole question", "the answer")


def test_the_real_inspect_logs_are_read(shared: Path, ledger: Ledger) -> None:
    reports = import_path(ledger, shared / "logs" / "inspect")
    assert len(reports) == 7
    found = {
        (m.subject, m.provenance.method): (m.value, m.n)
        for m in ledger.measurements()
        if "accuracy" in m.measure.id
    }
    assert found["ollama/qwen2.5:0.5b", "inspect/inspect_evals/arc_easy"] == (1 / 3, 3)
    assert found["anthropic/claude-opus-4-6", "inspect/simpleqa_verified"] == (0.431, 1000)
    # A standard error of 0 from two right answers is no certainty.
    perfect = [m for m in ledger.measurements() if m.value == 1.0]
    assert perfect
    assert all(m.std_error is None for m in perfect)
    failed = ledger.items(method="inspect/cvebench")
    assert list(failed["status"]) == ["error"]
    assert ledger.verify().ok
