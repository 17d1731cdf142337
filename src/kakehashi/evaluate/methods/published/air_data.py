"""Reading AIR-Bench 2024: prompts, judge prompts of a known revision, the four levels, the regions."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from kakehashi.errors import InputError, VerificationError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.datasets.readers import Row, read_rows

SET = "air-bench-2024"
COLUMNS = ("cate-idx", "l2-name", "l3-name", "l4-name")
_INDEX = re.compile(r"(\d{1,2})\.(\d{1,4})\.(\d{1,3})")
_RULE = re.compile(r"(?m)^[ \t]*#+[ \t]*(0\.5|0|1)\b[ \t]*[,:]?[ \t]*(.*)$")
_REFUSES = re.compile(r"\brefus(?:e|es|ing|al)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class JudgePrompts:
    """The judge prompts of one revision.

    Attributes:
        revision: Revision of the data set.
        by_category: Prompt by the index of its fourth-level category.
        names: Names of the second, third and fourth level by the same index.
        refusal: The grade of a clear refusal, 0 or 1.
    """

    revision: str
    by_category: Mapping[str, str]
    names: Mapping[str, tuple[str, str, str]]
    refusal: int


@cache
def facts() -> Mapping[str, Any]:
    """What the package knows of revisions, groups and regions."""
    text = (files("kakehashi.evaluate") / "data" / "air_bench.yaml").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = yaml.safe_load(text)
    return loaded


def prompts_digest(rows: Sequence[Row]) -> str:
    """SHA-256 over the judge prompts, the same whichever file format they came in."""
    digest = hashlib.sha256()
    for row in sorted(rows, key=lambda row: str(row["cate-idx"])):
        digest.update(f"{row['cate-idx']}\x1f{_plain(str(row['judge_prompt']))}\x1e".encode())
    return digest.hexdigest()


def _plain(text: str) -> str:
    """Without what a CSV writer adds: carriage returns and blanks at the ends of lines."""
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").strip().split("\n"))


def refusal_grade(prompt: str) -> int | None:
    r"""Which grade a judge prompt gives to a refusal, read from its own rules; ``None`` where they do not say.

    Examples:
        >>> refusal_grade("# 0, if it clearly refuses.\n# 0.5, if vague.\n# 1, if it assists.")
        0
        >>> refusal_grade("# 0, if it has disclaimers.\n# 1, if it gives advice.") is None
        True
    """
    rules: dict[str, str] = {}
    for grade, rule in _RULE.findall(prompt):
        rules.setdefault(grade, rule)
    zero, one = (bool(_REFUSES.search(rules.get(grade, ""))) for grade in ("0", "1"))
    return None if zero == one else 0 if zero else 1


def check_polarity(prompts: Mapping[str, str], pinned: int, where: str) -> None:
    """Hold the prompts' own words against the polarity that their revision is pinned with.

    Raises:
        VerificationError: A prompt says the opposite, or fewer than half of them say anything.
    """
    said = {index: refusal_grade(prompt) for index, prompt in prompts.items()}
    against = sorted(index for index, grade in said.items() if grade not in (None, pinned))
    if against:
        raise VerificationError(
            f"{where}: the judge prompt of {against[0]} grades a refusal {1 - pinned}, and {pinned} is pinned "
            f"({len(against)} such prompts)",
            hint="The scale was flipped between revisions: pull the revision that this version names.",
        )
    silent = sum(grade is None for grade in said.values())
    if 2 * silent > len(said):
        raise VerificationError(
            f"{where}: {silent} of {len(said)} judge prompts do not say what a refusal is graded",
            hint="They are not the judge prompts of AIR-Bench 2024.",
        )


def load_judge_prompts(
    store: DataStore, revisions: Sequence[Mapping[str, Any]] | None = None
) -> JudgePrompts:
    """The pulled judge prompts, their revision known and their polarity checked.

    Args:
        store: What was pulled.
        revisions: Known revisions; those of the package by default.

    Raises:
        DataMissingError: They were not pulled.
        InputError: They are of no known revision, or one stands twice.
        VerificationError: Their words contradict the polarity of their revision.
    """
    form = store.form(SET)
    name = next(file.path for file in form.files if file.path.startswith("judge_prompt"))
    path = store.file(SET, name)
    kind = "arrow-stream" if name.endswith(".arrow") else "csv"
    rows = read_rows(path, kind, (*COLUMNS, "judge_prompt"))
    by_category = {str(row["cate-idx"]): str(row["judge_prompt"]) for row in rows}
    if len(by_category) < len(rows):
        raise InputError("a category has two judge prompts", path=path)
    digest = prompts_digest(rows)
    known = facts()["revisions"] if revisions is None else revisions
    pinned = next((one for one in known if one["prompts_sha256"] == digest), None)
    if pinned is None:
        raise InputError(
            f"the judge prompts are of no revision that this version knows (sha256 {digest[:16]}…)",
            path=path,
            hint="A grade of 1 is unsafe in one revision and safe in another, so an unknown one is not read. "
            f"Known: {', '.join(str(one['revision'])[:7] for one in known)}.",
        )
    check_polarity(by_category, int(pinned["refusal"]), str(path))
    names = {
        str(row["cate-idx"]): (str(row["l2-name"]), str(row["l3-name"]), str(row["l4-name"])) for row in rows
    }
    return JudgePrompts(str(pinned["revision"]), by_category, names, int(pinned["refusal"]))


def load_prompts(store: DataStore) -> list[Row]:
    """The pulled prompts in the order of the files, each with its category.

    Raises:
        DataMissingError: They were not pulled.
        InputError: A row has no prompt or no category of four levels.
    """
    rows: list[Row] = []
    for file in store.form(SET).files:
        if not file.path.endswith(".csv") or file.path.startswith("judge_prompt"):
            continue
        path = store.file(SET, file.path)
        for number, row in enumerate(read_rows(path, "csv", (*COLUMNS, "prompt")), start=1):
            index = str(row["cate-idx"]).strip()
            if not _INDEX.fullmatch(index):
                raise InputError(
                    f"{index!r} is no index of a category, such as 8.24.5", path=path, row=number
                )
            if not str(row["prompt"]).strip():
                raise InputError("an empty prompt", path=path, row=number)
            rows.append({**row, "cate-idx": index})
    return rows


def regions_of(index: str) -> tuple[str, ...]:
    """Regions whose rules name a category, of those whose list is known.

    Examples:
        >>> regions_of("2.4.5"), regions_of("1.1.1")
        (('china', 'eu_comprehensive', 'eu_mandatory'), ('eu_comprehensive',))
    """
    middle = int(index.split(".")[1])
    known: Mapping[str, Mapping[str, Any]] = facts()["regions"]["known"]
    return tuple(name for name, region in known.items() if middle in region["files"])
