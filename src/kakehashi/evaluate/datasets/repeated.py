"""Prompts that stand more than once in a set: kept, counted, and told."""

import json
from dataclasses import dataclass
from fnmatch import fnmatch

from kakehashi.errors import InputError
from kakehashi.evaluate.datasets.readers import duplicates, read_rows
from kakehashi.evaluate.datasets.store import DataStore


@dataclass(frozen=True, slots=True)
class RepeatedRows:
    """How many rows of a set ask what another row asks.

    Attributes:
        rows: Rows that ask something.
        repeated: Rows among them whose prompt an earlier row has already.
    """

    rows: int
    repeated: int

    def __str__(self) -> str:
        """One line for the terminal."""
        if not self.repeated:
            return f"{self.rows} prompts, none stands twice"
        return f"{self.rows} prompts, {self.repeated} of them a repetition of an earlier one; all are kept"


def repeated_rows(store: DataStore, name: str) -> RepeatedRows | None:
    """Count the prompts of a pulled set that stand more than once; ``None`` where a set has no prompts.

    Raises:
        DataMissingError: The set is not here whole.
        InputError: A file is damaged, or its columns have changed.
        VerificationError: A file's bytes are not those that were pinned.
    """
    form = store.form(name)
    where = form.prompts
    if where is None:
        return None
    asked: list[str] = []
    for file in form.files:
        if not fnmatch(file.path, where.files):
            continue
        for row in read_rows(store.file(name, file.path), file.format, where.columns, under=where.under):
            cells = [
                cell.strip() if isinstance(cell := row[column], str) else cell for column in where.columns
            ]
            asked.append(json.dumps(cells, ensure_ascii=False, default=str))
    return RepeatedRows(len(asked), sum(count - 1 for count in duplicates(asked).values()))


def repetitions(store: DataStore, name: str) -> str:
    """One line on the prompts of a set that is here, ``""`` where it has none; unreadable rows are told as such."""
    try:
        found = repeated_rows(store, name)
    except InputError as error:
        return f"the rows cannot be read: {error.message}"
    return "" if found is None else str(found)
