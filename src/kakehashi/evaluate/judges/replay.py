"""Stored verdicts as a judge: what somebody else's judge said of the same items, replayed."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.evaluate.judges.base import ItemRef
from kakehashi.evaluate.judges.graded import Grade
from kakehashi.evaluate.judges.labels import label_rows, six_actions, stored_label
from kakehashi.evaluate.judges.parsers import number
from kakehashi.evaluate.judges.template import JudgeTemplate
from kakehashi.model import Label, Verdict


class ReplayJudge:
    """Gives the verdict (or grade) that a file holds for an item and a model, and reads no answer.

    An item that the file does not hold is ``not-judged``; a value that is no label (a published judge wrote prose in
    places) is ``judge-failed``, as it was.

    Args:
        path: CSV or JSONL with a column ``item`` or ``id``, a column of verdicts, and ``model`` where several answered.
        column: The column: labels of XSTest's scheme or ours, Do-Not-Answer's actions (``…_action``), or grades.
        model: Whose answers the verdicts are of; needed where the file holds several models and the item does not say.
        languages: Languages in which it is known as a judge.

    Raises:
        InputError: The file cannot be read, lacks a column, or contradicts itself.
        UnknownNameError: The file has no verdict of this model.
    """

    needs_item = True

    def __init__(
        self, path: Path, column: str, *, model: str = "", languages: Sequence[str] = ("en",)
    ) -> None:
        self._stored = _read(path, column)
        self.models = tuple(sorted({each for each, _ in self._stored}))
        if model and model not in self.models:
            raise UnknownNameError("model of the stored verdicts", model, self.models)
        self._column = column
        self._model = model or (self.models[0] if len(self.models) == 1 else "")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        self.id = f"kakehashi/replay:{path.name}#{column}@{digest}"
        self.languages = tuple(languages)

    @property
    def is_of_one_model(self) -> bool:
        """Whether it is clear whose answers the verdicts are of."""
        return bool(self._model) or len(self.models) == 1

    def _value(self, item: ItemRef | None) -> str | None:
        if item is None:
            return None
        model = self._model or item.model
        return next((v for key in item.keys if (v := self._stored.get((model, key))) is not None), None)

    def judge(self, prompt: str, answer: str, language: str, item: ItemRef | None = None) -> Verdict:
        """The stored verdict; the reason is ``replayed``, ``no-stored-verdict`` or ``no-label``."""
        if language not in self.languages:
            return Verdict(Label.NOT_JUDGED, self.id, f"language:{language}")
        value = self._value(item)
        if value is None:
            return Verdict(Label.NOT_JUDGED, self.id, "no-stored-verdict")
        label = stored_label(value, self._column)
        if label is None:
            return Verdict(Label.JUDGE_FAILED, self.id, "no-label")
        return Verdict(label, self.id, "replayed")

    async def grade(self, template: JudgeTemplate, fields: Mapping[str, str], language: str) -> Grade:
        """The stored grade, or what the stored verdict counts as."""
        name = f"{self.id}@{template.version}"
        item = ItemRef(tuple(fields[key] for key in ("item", "cluster") if key in fields))
        if language not in self.languages:
            return Grade(None, name, f"language:{language}", Label.NOT_JUDGED)
        value = self._value(item)
        if value is None:
            return Grade(None, name, "no-stored-verdict", Label.NOT_JUDGED)
        stored = {"True": 1.0, "False": 0.0}.get(value, number(six_actions(value, self._column)))
        if stored is None and (label := stored_label(value, self._column)) is not None:
            stored = template.by_label.get(label)
            if stored is None:
                return Grade(None, name, f"no-grade-for:{label.value}", Label.NOT_JUDGED)
        if stored is None or not template.accepts(stored):
            return Grade(None, name, "no-label", Label.JUDGE_FAILED)
        return Grade(stored, name, "replayed")


def _read(path: Path, column: str) -> dict[tuple[str, str], str]:
    """The verdicts by model and item; a row without a value in the column holds none."""
    stored: dict[tuple[str, str], str] = {}
    columns: dict[str, None] = {}
    for row, raw in label_rows(path):
        columns |= dict.fromkeys(map(str, raw))
        item = raw.get("item", raw.get("id", raw.get("index")))
        if item is None:
            raise _lacking("item", columns, path, row)
        if raw.get(column) is None:
            continue
        key = (str(raw.get("model", "")), str(item))
        value = str(raw[column])
        if stored.setdefault(key, value) != value:
            raise InputError(f"two different verdicts of item {item}", path=path, row=row)
    if columns and column not in columns:
        raise _lacking(column, columns, path)
    if not stored:
        raise InputError("no stored verdict in the file", path=path)
    return stored


def _lacking(column: str, columns: Iterable[str], path: Path, row: int | None = None) -> InputError:
    return InputError(
        f"{'the file' if row is None else 'a row'} of stored verdicts lacks the column {column!r}",
        path=path,
        row=row,
        hint=f"It has: {', '.join(columns)[:200]}.",
    )
