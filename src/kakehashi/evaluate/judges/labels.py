"""Files of human-labelled answers, and published verdicts to hold beside them."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.model import Label

CLASSES = (Label.COMPLIED.value, Label.PARTLY_REFUSED.value, Label.REFUSED.value)
"""What human label files tell apart. A safe completion counts as refused here: they have no class for it."""

_XSTEST = {
    "1_full_compliance": Label.COMPLIED.value,
    "2_full_refusal": Label.REFUSED.value,
    "3_partial_refusal": Label.PARTLY_REFUSED.value,
}
# Do-Not-Answer's actions. To discuss (2) and to disclaim (3) may be help or not: such rows have no label.
_DO_NOT_ANSWER = {
    "0": ("refuses", Label.REFUSED.value),
    "1": ("refutes", Label.REFUSED.value),
    "2": ("discusses", None),
    "3": ("disclaims", None),
    "4": ("does not know", Label.REFUSED.value),
    "5": ("follows", Label.COMPLIED.value),
}
# Upstream's GPT-4 prompt has seven actions: it tells "cannot" (4) from "is not sure" (5), so its 6 is the others' 5. On
# its stored verdicts people call every 5 a 4, and 86 of 103 answers that they call 5 have a 6.
_SEVEN_TO_SIX = {"5": "4", "6": "5"}
_OURS = {
    Label.COMPLIED.value: Label.COMPLIED.value,
    Label.REFUSED.value: Label.REFUSED.value,
    Label.PARTLY_REFUSED.value: Label.PARTLY_REFUSED.value,
    Label.SAFE_COMPLETION.value: Label.REFUSED.value,
    Label.INCOHERENT.value: Label.INCOHERENT.value,
}


@dataclass(frozen=True, slots=True)
class LabelledAnswer:
    """An answer with what a person said of it.

    Attributes:
        prompt: The request.
        answer: The answer.
        language: Language in which the item was put, ISO 639-1.
        label: One of :data:`CLASSES` or ``"incoherent"``; ``None`` where the file's label is neither.
        rater2: A second person's label, where there is one. ``raters`` says whose the first is.
        rater1: The first person's own label where ``label`` was settled between two.
        cluster: Rows that stand or fall together, such as the answers of several models to one prompt.
        model: Who answered, where stated.
        item: Identifier of the prompt, where there is one.
        kind: Kind of prompt or of human label, where stated; bias is shown for each.
        others: Verdicts of other judges that stand in the row: name → class, ``None`` where it has none.
    """

    prompt: str
    answer: str
    language: str
    label: str | None
    cluster: str
    rater1: str | None = None
    rater2: str | None = None
    model: str = ""
    item: str = ""
    kind: str = ""
    others: Mapping[str, str | None] = field(default_factory=dict)


def verdict_class(label: str) -> str | None:
    """The class that a verdict counts as beside human labels; ``None`` where there is no verdict.

    Examples:
        >>> verdict_class("safe-completion"), verdict_class("not-judged")
        ('refused', None)
    """
    return _OURS.get(label)


def load_labels(path: Path) -> list[LabelledAnswer]:
    """Read human labels from JSONL or CSV.

    Three shapes are known by their fields: XSTest's (``final_label``, ``annotation_1``, ``annotation_2``),
    Do-Not-Answer's (``human_action``), and our own: ``prompt``, ``answer``, ``language``, ``label`` and, where
    you have them, ``rater1``, ``rater2``, ``cluster``, ``model``, ``item``, ``kind``.

    Raises:
        InputError: The file cannot be read, lacks a field, or holds no row.
        UnknownNameError: A label that is none of the scheme's.
    """
    rows = []
    for number, raw in label_rows(path):
        try:
            rows.append(_row(raw))
        except KeyError as error:
            raise InputError(
                f"a labelled answer lacks the field {error}",
                path=path,
                row=number,
                hint="A row has prompt, answer, language and label.",
            ) from error
        except UnknownNameError as error:
            hint = error.hint
            raise UnknownNameError("label", f"{path}:{number}: {error.name}", hint=hint) from error
    if not rows:
        raise InputError("no labelled answer in the file", path=path)
    return rows


def load_published_verdicts(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Read published verdicts in XSTest's words: (model, item) → column → class.

    Columns are those whose names begin with ``human_`` or ``judge_``. A value that is no label (a published judge
    wrote prose in places) is left out: it is no verdict.
    """
    verdicts = {}
    for number, raw in label_rows(path):
        try:
            key = (str(raw["model"]), str(raw["item"]))
        except KeyError as error:
            raise InputError(f"a row lacks the column {error}", path=path, row=number) from error
        verdicts[key] = {
            name: _XSTEST[str(value)]
            for name, value in raw.items()
            if name.startswith(("human_", "judge_")) and str(value) in _XSTEST
        }
    return verdicts


def published_labels(
    rows: Sequence[LabelledAnswer], verdicts: Mapping[tuple[str, str], Mapping[str, str]], column: str
) -> list[str | None]:
    """A published rater's class for each row, ``None`` where it has none."""
    return [verdicts.get((row.model, row.item), {}).get(column) for row in rows]


def verdicts_in_rows(rows: Sequence[LabelledAnswer]) -> dict[str, list[str | None]]:
    """The verdicts of other judges that stand in the rows: name → a class for each row."""
    names = dict.fromkeys(name for row in rows for name in row.others)
    return {name: [row.others.get(name) for row in rows] for name in names}


def stored_label(value: str, column: str) -> Label | None:
    """The label that a stored verdict means: XSTest's words, ours, or Do-Not-Answer's actions by the column's name.

    Examples:
        >>> stored_label("2_full_refusal", "judge_gpt4").value, stored_label("0", "gpt4_action").value
        ('refused', 'refused')
        >>> stored_label("It seems to refuse.", "judge_gpt4") is None
        True
    """
    if column.endswith("_action"):
        found = _DO_NOT_ANSWER.get(six_actions(value, column), ("", None))[1]
    else:
        found = _XSTEST.get(value) or (value if value in _OURS else None)
    return None if found is None else Label(found)


def six_actions(value: str, column: str) -> str:
    """An action of Do-Not-Answer on the scale of six, whichever a column has; any other column's value as it is.

    Examples:
        >>> six_actions("6", "gpt4_action"), six_actions("5", "human_action"), six_actions("6", "judge_x")
        ('5', '5', '6')
    """
    return _SEVEN_TO_SIX.get(value, value) if column == "gpt4_action" else value


def label_rows(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """The rows of a CSV or JSONL file, each with its number.

    Raises:
        InputError: The file cannot be read, or a line is no JSON object.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            if path.suffix.lower() == ".csv":
                for number, row in enumerate(csv.DictReader(file), 2):
                    yield number, {key: value for key, value in row.items() if key and value is not None}
                return
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                loaded = json.loads(line)
                if not isinstance(loaded, dict):
                    raise InputError("a line is a JSON object", path=path, row=number)
                yield number, loaded
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON ({error.msg})", path=path, row=number) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the label file cannot be read ({error})", path=path) from error


def _row(raw: Mapping[str, object]) -> LabelledAnswer:
    if "final_label" in raw:
        return LabelledAnswer(
            prompt=str(raw["prompt"]),
            answer=str(raw["response"]),
            language="en",
            label=_known(str(raw["final_label"]), _XSTEST),
            rater1=_known(str(raw["annotation_1"]), _XSTEST),
            rater2=_known(str(raw["annotation_2"]), _XSTEST),
            cluster=str(raw["id"]),
            model=str(raw["model"]),
            item=str(raw["id"]),
            kind=str(raw["type"]),
        )
    if "human_action" in raw:
        action = str(raw["human_action"])
        if action not in _DO_NOT_ANSWER:
            raise UnknownNameError("label", action, list(_DO_NOT_ANSWER))
        kind, label = _DO_NOT_ANSWER[action]
        return LabelledAnswer(
            prompt=str(raw["question"]),
            answer=str(raw["response"]),
            language="en",
            label=label,
            cluster=str(raw["id"]),
            model=str(raw["model"]),
            item=str(raw["id"]),
            kind=kind,
            others={
                f"judge_{name.removesuffix('_action')}": _DO_NOT_ANSWER.get(
                    six_actions(str(value), name), ("", None)
                )[1]
                for name, value in raw.items()
                if name.endswith("_action") and name != "human_action"
            },
        )
    prompt = str(raw["prompt"])
    label = _known(str(raw["label"]), _OURS)
    second = str(raw.get("rater2") or "")
    return LabelledAnswer(
        prompt=prompt,
        answer=str(raw["answer"]),
        language=str(raw["language"]),
        label=label,
        rater1=_known(str(raw.get("rater1") or label), _OURS) if second else None,
        rater2=_known(second, _OURS) if second else None,
        cluster=str(raw.get("cluster") or raw.get("item") or prompt),
        model=str(raw.get("model") or ""),
        item=str(raw.get("item") or raw.get("id") or ""),
        kind=str(raw.get("kind") or ""),
    )


def _known(label: str, scheme: Mapping[str, str]) -> str:
    if label not in scheme:
        raise UnknownNameError("label", label, list(scheme))
    return scheme[label]
