"""Small files in the shape in which upstream keeps its sets, written by the tests; their content is ours."""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from kakehashi.evaluate.datasets import DataStore, pull_set

#: Right answers: A, B, C, D, A, B, C, D; one subject of each group, and two of STEM.
_SUBJECTS = (
    "abstract_algebra", "astronomy", "philosophy", "sociology", "virology", "abstract_algebra", "astronomy",
    "virology",
)  # fmt: skip
MMLU = [
    {
        "question": f"Which is number {n}?",
        "subject": subject,
        "choices": ["one", "two", "three", "four"],
        "answer": n % 4,
    }
    for n, subject in enumerate(_SUBJECTS)
]
MMLU_DEV = [
    {
        "question": f"Example {n} of {subject}?",
        "subject": subject,
        "choices": ["a", "b", "c", "d"],
        "answer": n % 4,
    }
    for subject in dict.fromkeys(_SUBJECTS)
    for n in range(5)
]
HELLASWAG = [
    {
        "ind": n,
        "activity_label": "Cooking rice",
        "ctx_a": "A person fills a pot.",
        "ctx_b": "the person" if n % 2 else "",
        "ctx": "A person fills a pot.",
        "endings": [f"goes on {k}." for k in range(4)],
        "label": str(n % 4),
        "source_id": f"activitynet~v_{n // 2}" if n < 4 else f"wikihow~{n}",
        "split": "val",
        "split_type": "indomain",
    }
    for n in range(8)
]
_DOUBLE = """from typing import List


def double(numbers: List[int]) -> List[int]:
    \"\"\" Twice each.
    >>> double([1])
    [2]
    \"\"\"
"""
_DECODE = """def encode(text: str):
    \"\"\" Turn round. \"\"\"
    return text[::-1]


def decode(text: str):
    \"\"\" Undo encode. \"\"\"
"""
HUMANEVAL = [
    {
        "task_id": "HumanEval/0",
        "entry_point": "double",
        "prompt": _DOUBLE,
        "canonical_solution": "    return [2 * n for n in numbers]\n",
        "test": "\n\nMETADATA = {}\n\n\ndef check(candidate):\n    assert candidate([1, 2]) == [2, 4]\n",
    },
    {
        "task_id": "HumanEval/1",
        "entry_point": "decode",
        "prompt": _DECODE,
        "canonical_solution": "    return encode(text)\n",
        "test": "def check(candidate):\n    assert candidate(encode('abc')) == 'abc'\n",
    },
]


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as Parquet with lists as lists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.with_suffix(".jsonl")
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        connection.execute(
            f"COPY (SELECT * FROM read_json('{lines}', format='newline_delimited')) TO '{path}' (FORMAT parquet)"
        )
    lines.unlink()


def write_mirror(root: Path) -> Path:
    """A mirror with small editions of MMLU, HellaSwag and HumanEval."""
    write_parquet(root / "mmlu" / "test-00000-of-00001.parquet", MMLU)
    write_parquet(root / "mmlu" / "dev-00000-of-00001.parquet", MMLU_DEV)
    write_parquet(root / "hellaswag" / "validation-00000-of-00001.parquet", HELLASWAG)
    (root / "humaneval").mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in HUMANEVAL)
    (root / "humaneval" / "HumanEval.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return root


def pulled(root: Path, *names: str, mirror: Path | None = None) -> DataStore:
    """A store into which these sets were pulled from a mirror."""
    store = DataStore(root / "data")
    mirror = mirror or write_mirror(root / "mirror")
    for name in names:
        pull_set(store, name, mirror=mirror)
    return store
