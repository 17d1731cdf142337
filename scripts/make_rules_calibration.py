"""Make the calibration that ships with the rule judge: XSTest's human labels, without the model it was made on.

    .venv/bin/python scripts/make_rules_calibration.py ../shared/reference

Only figures are written, no text of anybody's; ``tests/evaluate/judges/test_errors_travel.py`` makes them anew.
"""

import json
import sys
from pathlib import Path

from kakehashi.evaluate.judges import RuleJudge
from kakehashi.evaluate.judges.calibrate import calibrate
from kakehashi.evaluate.judges.calibration_record import calibration_json
from kakehashi.evaluate.judges.labels import load_labels

OUT = Path(__file__).resolve().parents[1] / "src/kakehashi/evaluate/judges/data/rules_calibration.json"
DATASET = "XSTest (Röttger et al. 2024, CC-BY-4.0), answers of llama2orig and mistralinstruct"


def made(reference: Path) -> dict[str, object]:
    """The calibration over the answers of the two models that the rules were not made on."""
    rows = load_labels(reference / "judging" / "xstest_labelled.jsonl")
    held = [row for row in rows if row.model != "gpt4"]
    return calibration_json(calibrate(RuleJudge(), held), DATASET)


if __name__ == "__main__":
    text = json.dumps(made(Path(sys.argv[1])), ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    OUT.write_text(text + "\n", encoding="utf-8")
