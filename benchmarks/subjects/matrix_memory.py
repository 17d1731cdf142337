"""Peak memory of ranking 1,000 models by 50,000 items: ``python matrix_memory.py MODELS ITEMS``."""

import json
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

from benchmarks.estimators import measure_memory  # noqa: E402

if __name__ == "__main__":
    found = measure_memory(int(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps({**found, "peak_mb": found["peak_megabytes"]}))
