"""Seconds for the import of a made-up snapshot of incidents, and for the measures from it, in a process of its own."""

import csv
import json
import resource
import sys
import time
from datetime import date, timedelta
from pathlib import Path

FIRST = date(2015, 1, 1)
SPAN = 3650


def write(path: Path, count: int) -> None:
    """Incidents spread evenly over ten years, with a text in quotes as upstream has."""
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("incident_id", "date", "title", "description"))
        for number in range(count):
            day = (FIRST + timedelta(days=number * SPAN // count)).isoformat()
            lines.writerow(
                (number, day, f"Incident {number}", f'Report "{number}", made up, of {day}.\nSecond line.')
            )


def main() -> None:
    """Write, import, compute; print the seconds of each as JSON."""
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    path = folder / "incidents.csv"
    write(path, count)
    from kakehashi.index import assemble, import_file

    vintage = (FIRST + timedelta(days=SPAN)).isoformat()
    began = time.perf_counter()
    import_file(folder / "first" / "index", path, "aiid", vintage=vintage)
    imported = time.perf_counter()
    sheets = assemble(folder / "first", vintage)
    ended = time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_SELF)
    (years,) = [sheet for sheet in sheets if sheet.measure.id == "incidents-per-year"]
    json.dump(
        {
            "vintage": vintage,
            "imported": imported - began,
            "assembled": ended - imported,
            "cpu": used.ru_utime + used.ru_stime,
            "counted": sum(one.value or 0 for one in years.values),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
