"""Rows of upstream files: every format, and files that are damaged, cut, or have other columns."""

import csv
import gzip
import json

import pytest
from evaluate.datasets.arrow_writer import stream

from kakehashi.errors import InputError
from kakehashi.evaluate.datasets import duplicates, read_rows

ROWS = [{"id": "1", "prompt": "harmless, with a comma"}, {"id": "2", "prompt": "二行の\n問い"}]


def written(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize(
    ("name", "form", "text"),
    [
        ("a.csv", "csv", '\ufeffid,prompt\r\n1,"harmless, with a comma"\r\n2,"二行の\n問い"\r\n'),
        ("a.tsv", "tsv", 'id\tprompt\n1\tharmless, with a comma\n2\t"二行の\n問い"\n'),
        ("a.jsonl", "jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + "\n"),
        ("a.json", "json", json.dumps(ROWS)),
    ],
)
def test_rows_are_read_alike_from_each_format_of_text(tmp_path, name, form, text):
    assert read_rows(written(tmp_path / name, text), form, ["id", "prompt"]) == ROWS
    packed = written(tmp_path / f"{name}.gz", gzip.compress(text.encode(), mtime=0))
    assert read_rows(packed, form) == ROWS


def test_rows_under_a_key_of_a_json_object_are_found(tmp_path):
    path = written(tmp_path / "a.json", json.dumps({"name": "x", "examples": ROWS}))
    assert read_rows(path, "json", ["prompt"], under="examples") == ROWS
    with pytest.raises(InputError, match="has no key 'rows'; its keys are name, examples"):
        read_rows(path, "json", under="rows")


def test_parquet_is_read_by_duckdb_and_a_cut_file_is_an_error(tmp_path):
    import duckdb

    path = tmp_path / "a.parquet"
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT 'q' AS question, ['a', 'b'] AS choices, 1 AS answer")
        connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    assert read_rows(path, "parquet", ["question"]) == [{"question": "q", "choices": ["a", "b"], "answer": 1}]
    written(path, path.read_bytes()[:-20])
    with pytest.raises(InputError, match="is not Parquet, or was cut"):
        read_rows(path, "parquet")


def test_an_arrow_stream_gives_texts_numbers_truth_values_and_nulls(tmp_path):
    columns = {"text": "utf8", "n": "int64", "x": "float64", "yes": "bool"}
    rows = [
        {"text": "第一", "n": -3, "x": 0.5, "yes": True},
        {"text": None, "n": 2**40, "x": None, "yes": False},
        {"text": "", "n": 0, "x": -1.0, "yes": True},
    ]
    path = written(tmp_path / "a.arrow", stream(columns, rows))
    assert read_rows(path, "arrow-stream", ["text"]) == rows


def test_an_arrow_stream_that_is_cut_anywhere_is_an_error_or_whole_batches(tmp_path):
    data = stream({"text": "utf8"}, [{"text": f"row {n}"} for n in range(5)])
    path = tmp_path / "a.arrow"
    for length in range(len(data) - 8):  # the last eight bytes only say that nothing follows
        written(path, data[:length])
        with pytest.raises(InputError):
            read_rows(path, "arrow-stream")


def test_a_kind_of_column_that_is_not_known_is_refused(tmp_path):
    path = written(tmp_path / "a.arrow", stream({"day": "date"}, []))
    with pytest.raises(InputError, match="'day' of another kind"):
        read_rows(path, "arrow-stream")


def test_a_renamed_column_is_an_error_that_names_what_is_there(tmp_path):
    path = written(tmp_path / "a.csv", "id,request\n1,x\n")
    with pytest.raises(InputError, match="has no column 'prompt'; its columns are id, request"):
        read_rows(path, "csv", ["id", "prompt"])
    path = written(tmp_path / "a.jsonl", '{"id": 1, "prompt": "x"}\n{"id": 2}\n')
    with pytest.raises(InputError, match=r"a\.jsonl:2: a row lacks a column"):
        read_rows(path, "jsonl", ["prompt"])


@pytest.mark.parametrize(
    ("name", "form", "data", "message"),
    [
        ("a.csv", "csv", b"", "holds no rows"),
        ("a.csv", "csv", b'id,prompt\n1,"cut in the mid', "is damaged or cut"),
        ("a.csv", "csv", b"id,prompt\n1\n", "another number of cells"),
        ("a.csv", "csv", b"id,prompt\n1,2,3\n", "another number of cells"),
        ("a.csv", "csv", b"id\n\xff\xfe\n", "not UTF-8 at byte 3"),
        ("a.json", "json", b'[{"id": 1}, {"i', "is not JSON, or was cut"),
        ("a.json", "json", b'{"id": 1}', "is not a list of rows"),
        ("a.json", "json", b"[1]", "a row is not an object"),
        ("a.jsonl", "jsonl", b'{"id": 1}\n{"id"', "a.jsonl:2: is not JSON"),
        ("a.json.gz", "json", gzip.compress(b"[]" * 5000, mtime=0)[:30], "cannot be read"),
        ("a.arrow", "arrow-stream", b"PK\x03\x04 not arrow", "is no Arrow stream"),
    ],
)
def test_damaged_files_are_clear_errors(tmp_path, name, form, data, message):
    with pytest.raises(InputError, match=message):
        read_rows(written(tmp_path / name, data), form)


def test_long_documents_are_read_and_the_limit_of_other_readers_stays(tmp_path):
    before = csv.field_size_limit()
    path = written(tmp_path / "a.csv", "id,prompt\n1," + "x" * (before + 1) + "\n")
    assert len(read_rows(path, "csv")[0]["prompt"]) == before + 1
    assert csv.field_size_limit() == before


def test_rows_that_stand_twice_are_kept_and_counted():
    assert duplicates(["a", "b", "a", "c", "a"]) == {"a": 3}


def test_the_judge_prompts_of_the_mirror_are_read(shared):
    path = shared / "suites" / "airbench2024" / "judge_prompts.arrow"
    rows = read_rows(path, "arrow-stream", ["cate-idx", "l4-name", "judge_prompt"])
    assert len({row["cate-idx"] for row in rows}) == len(rows) == 314


def test_reading_a_long_cell_leaves_the_limit_of_others_alone(tmp_path):
    import csv

    path = tmp_path / "long.csv"
    path.write_text("a\n" + "x" * 200_000 + "\n", encoding="utf-8")
    before = csv.field_size_limit()
    assert len(read_rows(path, "csv")[0]["a"]) == 200_000
    path.write_bytes(b"a\n\xff\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read_rows(path, "csv")
    assert csv.field_size_limit() == before
