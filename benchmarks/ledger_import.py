"""Import of item rows from Parquet into the ledger, and agreement over them, against a bare DuckDB scan.

    python benchmarks/ledger_import.py 1000000

Rows of 200 systems and as many items as that takes; each system by one method. The scan reads every column of the
same file once (a hash of all values), which is the least that any import must do. Peak memory is that of the
import in a process of its own, with the memory of the interpreter and its libraries beside it.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

MODELS = 200


def make_rows(path: Path, rows: int) -> int:
    """Item rows as Parquet: 200 systems that differ in ability, items in clusters of five; returns their number."""
    import duckdb

    items = max(rows // MODELS, 1)
    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false", "threads": "2"})
    connection.execute("SELECT setseed(0.5)")
    connection.execute(
        f"COPY (SELECT 'system-' || m AS model, 'bench/one' AS method, 'item-' || i AS sample, "
        f"'cluster-' || (i // 5) AS cluster, 'category-' || (i % 8) AS category, 'en' AS language, "
        # a fixed hash of system and item against the system's rate: the same rows every time
        f"CASE WHEN (hash(m * 1000003 + i) % 1000) / 1000.0 < 0.2 + 0.6 * m / {MODELS} THEN 1.0 ELSE 0.0 END AS value "
        f"FROM range({MODELS}) models(m), range({items}) items(i)) TO '{path}' (FORMAT parquet)"
    )
    connection.close()
    return MODELS * items


def scan_seconds(path: Path) -> float:
    """Seconds of a bare scan of every column, the better of three."""
    import duckdb

    best = float("inf")
    for _ in range(3):
        connection = duckdb.connect(":memory:", config={"threads": "2"})
        start = time.perf_counter()
        connection.execute(f"SELECT bit_xor(hash(COLUMNS(*))) FROM read_parquet('{path}')").fetchall()
        best = min(best, time.perf_counter() - start)
        connection.close()
    return best


def _import_here(path: Path, folder: Path) -> dict[str, Any]:
    """What the child process does: import, read back, agree; prints seconds and peak memory."""
    from kakehashi.ledger import ItemMap, Ledger, ScoreColumn, import_items, item_scores
    from kakehashi.ledger.items import duckdb_connection

    with duckdb_connection() as connection:  # so that loading the library is no part of the import
        connection.execute("SELECT 1")
    columns = ItemMap(
        source="bench", subject="model", method="method", sample="sample", cluster="cluster", category="category",
        language="language", scores=(ScoreColumn("value"),), higher_is_better=True,
    )  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    with Ledger.init(folder / "ledger") as ledger:
        report = import_items(ledger, path, columns)
    imported = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    with Ledger.open(folder / "ledger") as ledger:
        scores = item_scores(ledger)
    read = time.perf_counter() - start
    # agreement over the rows: do the halves of the items order the systems alike?
    start = time.perf_counter()
    import numpy as np

    from kakehashi.compare.correlation import kendall_w

    halves = np.column_stack([np.nanmean(scores.values[:, part::2], axis=1) for part in (0, 1)])
    agreed = kendall_w(halves).value
    return {
        "rows": report.tally.items,
        "records": report.added,
        "import_seconds": imported,
        "base_mb": before / 1024,
        "peak_mb": peak / 1024,
        "read_seconds": read,
        "agreement_seconds": time.perf_counter() - start,
        "kendall_w": float(agreed),
    }


def measure_import(rows: int) -> dict[str, Any]:
    """Import ``rows`` item rows into a new ledger and compare with a bare scan of the same Parquet.

    Args:
        rows: How many; rounded down to a multiple of 200 systems.

    Returns:
        ``rows``, ``records``, ``import_seconds``, ``rows_per_second``, ``scan_seconds``, ``scan_rows_per_second``,
        ``ratio`` (import over scan, in seconds), ``base_mb`` and ``peak_mb`` (memory before and at the peak),
        ``read_seconds`` (back as a matrix of systems and items), ``agreement_seconds``, ``kendall_w``.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "items.parquet"
        made = make_rows(path, rows)
        done = subprocess.run(
            [sys.executable, __file__, "--child", str(path), str(folder)],
            capture_output=True,
            text=True,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        assert found["rows"] == made
        scan = scan_seconds(path)
    found["rows_per_second"] = made / found["import_seconds"]
    found["scan_seconds"], found["scan_rows_per_second"] = scan, made / scan
    found["ratio"] = found["import_seconds"] / scan
    return found


if __name__ == "__main__":
    if sys.argv[1] == "--child":
        print(json.dumps(_import_here(Path(sys.argv[2]), Path(sys.argv[3]))))
    else:
        print(json.dumps(measure_import(int(sys.argv[1])), indent=1))
