"""Make the small cited table of published robustness figures that the package ships.

Usage: python scripts/make_safetywashing_table.py CHAT_CSV OUT_CSV

CHAT_CSV is ``safetywashing_chat.csv`` made from centerforaisafety/safetywashing at commit
bee302c11f. We write our own layout: long format, four significant digits, one construct a column.
"""

import csv
import sys
from pathlib import Path

# column of the source: (our method name, construct, metric as the source words it)
COLUMNS = {
    "HarmBench-DirectRequest-all": ("attack-robustness", "attack failure rate, percent"),
    "HarmBench-HumanJailbreaks-all": ("attack-robustness", "attack failure rate, percent"),
    "HarmBench-TAP-T-all": ("attack-robustness", "attack failure rate, percent"),
    "HarmBench-GCG-T-all": ("attack-robustness", "attack failure rate, percent"),
    "rules_redteam": ("rule-following", "instructions followed"),
    "cyberseceval2_mitre": ("cyber-misuse", "safe response rate"),
    "cyberseceval2_prompt_injection": ("prompt-injection", "attack failure rate"),
    "decodingtrust_adv_demonstration": ("adversarial-text", "accuracy"),
}


def main(source: Path, target: Path) -> None:
    """Read the wide table, keep eight columns, write them long."""
    with source.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["model", "method", "construct", "metric", "higher_is_better", "value"])
        for row in sorted(rows, key=lambda r: r["model"].casefold()):
            for column, (construct, metric) in COLUMNS.items():
                # every column of the source points upwards: the file of metrics marks each with an arrow
                writer.writerow(
                    [row["model"], column, construct, metric, "true", f"{float(row[column]):.4g}"]
                )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
