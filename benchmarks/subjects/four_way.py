"""Seconds for the shipped catalog and the four-way table in a process of its own, and for the command around it."""

import json
import resource
import sys
import time


def main() -> None:
    """Import, read, compare; print the seconds of each as JSON."""
    began = time.perf_counter()
    from kakehashi.commitments import compare_instruments, convergence, load_catalog

    imported = time.perf_counter()
    catalog = load_catalog()
    read = time.perf_counter()
    table = compare_instruments(catalog, ["hiroshima-code", "frontier-commitments", "aiia-2024", "eu-gpai"])
    convergence(catalog, table)
    ended = time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_SELF)
    json.dump(
        {
            "imported": imported - began,
            "read": read - imported,
            "compared": ended - read,
            "seconds": ended - imported,
            "cpu": used.ru_utime + used.ru_stime,
            "instruments": len(catalog.instruments),
            "rows": len(table.rows),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
