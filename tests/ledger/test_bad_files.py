"""Broken files of every format: one clear error with file and row, and not a byte of the ledger changed."""

import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest
import zstandard
from ledger_samples import item_columns, result_record, run_record, text_rows

from kakehashi.errors import InputError, KakehashiError
from kakehashi.ledger import ColumnMap, ItemMap, Ledger, ScoreColumn, import_results
from kakehashi.ledger.importers import inspect_log

FIXTURES = Path(__file__).parent / "fixtures"
DEEP = b"[" * 1000 + b"]" * 1000
WIDE = ColumnMap("s", "model", higher_is_better=True)
ITEMS = ItemMap("s", "model", "item", (ScoreColumn("value"),))


@pytest.fixture
def ledger(tmp_path: Path):
    """A ledger with something in it, so that a change would show."""
    with Ledger.init(tmp_path / "ledger") as opened:
        opened.append(run_record())
        opened.append(result_record(), item_columns(), text_rows())
        yield opened


def every_byte(ledger: Ledger) -> Mapping[str, bytes]:
    return {str(p.relative_to(ledger.path)): p.read_bytes() for p in ledger.path.rglob("*") if p.is_file()}


def refused(ledger: Ledger, *paths: Path, columns: ColumnMap | ItemMap | None = None) -> KakehashiError:
    """The error that an import gives, having changed nothing; the ledger works afterwards."""
    before = every_byte(ledger)
    with pytest.raises(KakehashiError) as caught:
        import_results(ledger, paths, columns=columns)
    assert every_byte(ledger) == before
    assert ledger.verify().ok
    assert str(caught.value).strip()
    return caught.value


def member(
    name: str, data: bytes, *, size: int | None = None, crc: int | None = None
) -> tuple[str, bytes, int, int]:
    return (
        name,
        zstandard.compress(data),
        len(data) if size is None else size,
        zlib.crc32(data) if crc is None else crc,
    )


def archive(path: Path, members: list[tuple[str, bytes, int, int]]) -> Path:
    """A ZIP written by hand: Python's own cannot write method 93."""
    body, directory = b"", b""
    for name, packed, size, crc in members:
        common = struct.pack("<HHHHHIIIHH", 20, 0, 93, 0, 33, crc, len(packed), size, len(name), 0)
        head = struct.pack("<HHHII", 0, 0, 0, 0, len(body))
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + common + head + name.encode()
        body += b"PK\x03\x04" + common + name.encode() + packed
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(directory), len(body), 0)
    path.write_bytes(body + directory + b"PK\x05\x06" + end)
    return path


HEADER = json.dumps(
    {"version": 2, "status": "success", "eval": {"task": "t", "model": "m", "run_id": "r"}, "results": {}}
).encode()  # fmt: skip


def sample(number: int) -> bytes:
    return json.dumps({"id": str(number), "epoch": 1, "scores": {"s": {"value": "C"}}}).encode()


# ---------------------------------------------------------------- archives


def test_a_zip_bomb_is_refused_by_ratio_size_and_sum(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = b" " * (40 << 20)
    path = tmp_path / "bomb.eval"
    archive(path, [member("header.json", bomb)])
    assert path.stat().st_size < 100_000
    assert "header.json" in refused(ledger, path).message
    # one that lies about its size is cut off where it says that it ends
    archive(path, [member("header.json", bomb, size=1000)])
    assert "damaged" in refused(ledger, path).message
    monkeypatch.setattr(inspect_log, "MAX_MEMBER_BYTES", 100)
    archive(path, [member("header.json", HEADER)])
    assert "too large" in refused(ledger, path).message
    monkeypatch.setattr(inspect_log, "MAX_MEMBER_BYTES", 1 << 20)
    monkeypatch.setattr(inspect_log, "MAX_TOTAL_BYTES", len(HEADER) + 10)
    archive(path, [member("header.json", HEADER), member("samples/1.json", sample(1))])
    assert "unpacks to more than" in refused(ledger, path).message


def test_an_archive_of_too_many_members_is_refused_before_they_are_read(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect_log, "MAX_MEMBERS", 3)
    members = [member("header.json", HEADER), *(member(f"samples/{i}.json", sample(i)) for i in range(3))]
    found = refused(ledger, archive(tmp_path / "many.eval", members))
    assert "4 members" in found.message
    import_results(ledger, [archive(tmp_path / "few.eval", members[:3])])


def test_an_archive_with_a_name_twice_is_refused(tmp_path: Path, ledger: Ledger) -> None:
    members = [
        member("header.json", HEADER),
        member("samples/1.json", sample(1)),
        member("samples/1.json", sample(2)),
    ]
    found = refused(ledger, archive(tmp_path / "twice.eval", members))
    assert "'samples/1.json' stands twice" in found.message


def test_samples_of_one_id_and_epoch_are_refused(tmp_path: Path, ledger: Ledger) -> None:
    members = [member("header.json", HEADER), *(member(f"samples/{i}.json", sample(1)) for i in range(2))]
    found = refused(ledger, archive(tmp_path / "ids.eval", members))
    assert "2 item rows are about one thing (sample '1'" in found.message or "given twice" in found.message
    assert "ids.eval" in found.message


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95, 0.999])
def test_an_archive_cut_off_anywhere_is_refused(tmp_path: Path, ledger: Ledger, share: float) -> None:
    whole = (FIXTURES / "sums.eval").read_bytes()
    path = tmp_path / "cut.eval"
    path.write_bytes(whole[: int(len(whole) * share)])
    found = refused(ledger, path)
    assert isinstance(found, InputError)
    assert "cut.eval" in found.message
    assert found.hint


def test_a_flipped_byte_of_an_archive_is_refused_or_does_not_matter(tmp_path: Path, ledger: Ledger) -> None:
    whole = (FIXTURES / "sums.eval").read_bytes()
    with Ledger.init(tmp_path / "whole") as other:
        import_results(other, [FIXTURES / "sums.eval"])
        numbers, items = other.measurements(), other.items()
    path = tmp_path / "flipped.eval"
    seen = {"refused": 0, "same": 0}
    for place in range(0, len(whole), len(whole) // 14):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with Ledger.init(tmp_path / str(place)) as taken:
            try:
                import_results(taken, [path])
            except KakehashiError:
                refused(ledger, path)
                seen["refused"] += 1
                continue
            # members that no result stands in are not read
            assert taken.measurements() == numbers
            assert all(list(map(str, taken.items()[name])) == list(map(str, items[name])) for name in items)
            seen["same"] += 1
    assert seen["refused"] > 4


# ---------------------------------------------------------------- every format


def nested(text: bytes) -> bytes:
    return text.replace(b"DEEP", DEEP)


HELM_SPEC = b'{"name": "q:model=m", "adapter_spec": {"model": "m"}}'
HEAD = b'{"schema_version": "0.3.0", "evaluation_id": "e", '
LM = b'{"results": {"quiz": {"acc,none": 0.5}}, "versions": {}, "model_name": "m"'
FILES: dict[str, tuple[str, bytes]] = {
    "inspect": ("log.json", b'{"version": 2, "eval": {"run_id": "r", "task": "t", "model": "m"}, "samples": DEEP}'),
    "eee": ("e.json", HEAD + b'"evaluation_results": DEEP}'),
    "lm_eval": ("results_1.json", LM + b', "configs": DEEP}'),
    "garak": ("g.report.jsonl", b'{"entry_type": "init", "plugins.model_type": "m"}\n{"entry_type": DEEP}\n'),
    "promptfoo": ("p.json", b'{"evalId": "e", "results": {"version": 3, "prompts": [], "results": DEEP}}'),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_json_nested_a_thousand_deep_is_refused(tmp_path: Path, ledger: Ledger, name: str) -> None:
    file, text = FILES[name]
    (tmp_path / file).write_bytes(nested(text))
    found = refused(ledger, tmp_path / file)
    assert "nested deeper than" in found.message
    assert file in found.message


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, ledger: Ledger, name: str) -> None:
    file, text = FILES[name]
    (tmp_path / file).write_bytes(text[: text.index(b"DEEP")])
    found = refused(ledger, tmp_path / file)
    assert "not JSON" in found.message
    assert file in found.message


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_encoding_is_refused(tmp_path: Path, ledger: Ledger, name: str) -> None:
    file, text = FILES[name]
    (tmp_path / file).write_bytes(text.replace(b"DEEP", b'"caf\xe9"'))
    found = refused(ledger, tmp_path / file)
    assert "not UTF-8" in found.message
    assert file in found.message


def test_a_helm_run_with_a_broken_file_is_refused(tmp_path: Path, ledger: Ledger) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "run_spec.json").write_bytes(HELM_SPEC)
    stat = {"name": {"name": "exact_match", "split": "test"}, "count": 1, "mean": 0.5}
    good = json.dumps([stat]).encode()
    row = {"instance_id": "i", "train_trial_index": 0, "stats": [stat]}
    for name, data, words in (
        ("stats.json", DEEP, "nested"), ("stats.json", good[:-3], "not JSON"), ("stats.json", b'["\xff"]', "not UTF-8"),
        ("per_instance_stats.json", json.dumps([row, row]).encode(), "about one thing"),
    ):  # fmt: skip
        (run / "stats.json").write_bytes(good)
        (run / "per_instance_stats.json").unlink(missing_ok=True)
        (run / name).write_bytes(data)
        assert words in refused(ledger, run).message
    (run / "per_instance_stats.json").unlink()
    import_results(ledger, [run])


@pytest.mark.parametrize(
    ("columns", "text", "words"),
    [
        (WIDE, b"model,score\na,NaN\nb,inf\n", "t.csv:3: 'score' is infinite"),
        (WIDE, b"model,score\na,0.5\nb\n", "t.csv:3: 1 cells, but 2 columns"),
        (WIDE, b"\xff\xfem\x00", "not UTF-8"),
        (ITEMS, b"model,item,value\na,1,0.5\na,1,0.25\n", "t.csv:3: sample '1' stands in rows 2 and 3"),
        (ITEMS, b"model,item,value\na,1,Infinity\n", "t.csv:2: the column 'value' is infinite"),
        (ITEMS, b"model,item,value\na,1\x00,0\n", "t.csv:2: a NUL byte in the sample"),
    ],
)
def test_a_broken_table_is_refused(
    tmp_path: Path, ledger: Ledger, columns: ColumnMap | ItemMap, text: bytes, words: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text)
    assert words in refused(ledger, path, columns=columns).message


def test_nan_in_a_log_is_a_missing_value_and_never_a_number(tmp_path: Path, ledger: Ledger) -> None:
    results = {
        "completed_samples": 1,
        "scores": [{"name": "s", "metrics": {"accuracy": {"value": float("nan")}}}],
    }
    log = {
        "version": 2,
        "status": "success",
        "eval": {"run_id": "r", "task": "t", "model": "m"},
        "results": results,
    }
    (tmp_path / "log.json").write_text(json.dumps(log))
    assert "NaN" in (tmp_path / "log.json").read_text()
    import_results(ledger, [tmp_path / "log.json"])
    (m,) = ledger.measurements(method="inspect/t")
    assert m.value is None
    assert m.reason == "the log holds no number"


def test_one_broken_file_among_several_leaves_the_ledger_as_it_was(tmp_path: Path, ledger: Ledger) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.eval").write_bytes((FIXTURES / "sums.eval").read_bytes())
    (folder / "b.report.jsonl").write_bytes((FIXTURES / "tests.report.jsonl").read_bytes())
    (folder / "c.eval").write_bytes(b"PK\x03\x04 and no more")
    assert "c.eval" in refused(ledger, folder).message
    assert "c.eval" in refused(ledger, folder / "a.eval", folder / "c.eval").message
    (folder / "c.eval").unlink()
    assert [report.added for report in import_results(ledger, [folder])] == [1, 2]


def test_a_path_that_is_not_there_or_not_known_is_named(tmp_path: Path, ledger: Ledger) -> None:
    assert "there is no such file" in refused(ledger, tmp_path / "nowhere").message
    (tmp_path / "odd.xyz").write_text("?")
    found = refused(ledger, tmp_path / "odd.xyz")
    assert "promptfoo" in str(found.hint)
    (tmp_path / "xstest_items.csv").write_text("model\n")
    assert "--columns xstest" in str(refused(ledger, tmp_path / "xstest_items.csv").hint)
