"""A CSV file of item rows, read column by column for the comparisons that take one."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kakehashi.compare import ItemScores
from kakehashi.compare.resampling import FloatArray
from kakehashi.errors import InputError, UnknownNameError

_TRUE, _FALSE = {"true", "yes", "1", "1.0"}, {"false", "no", "0", "0.0"}


@dataclass(frozen=True, slots=True)
class ItemFile:
    """The rows of a CSV file.

    Attributes:
        path: The file.
        columns: Column name → its texts, one a row.
        n: Number of rows.
    """

    path: Path
    columns: dict[str, list[str]]
    n: int

    @classmethod
    def read(cls, path: Path) -> "ItemFile":
        """Read a CSV file with a header, in UTF-8.

        Raises:
            InputError: No such file, another encoding, no header, a row of another length.
        """
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                reader = csv.reader(stream, strict=True)
                header = next(reader, [])
                rows = []
                for row in reader:
                    if len(row) != len(header):
                        raise InputError(
                            f"{len(row)} cells where the header has {len(header)}",
                            path=path,
                            row=reader.line_num,
                        )
                    rows.append(row)
        except UnicodeDecodeError as error:
            raise InputError(
                f"not UTF-8 at byte {error.start}", path=path, hint="Save the file as UTF-8."
            ) from error
        except csv.Error as error:
            raise InputError(f"not a CSV file: {error}", path=path) from error
        except (FileNotFoundError, IsADirectoryError) as error:
            raise InputError(
                "there is no such file", path=path, hint="Give a CSV file of item rows."
            ) from error
        if not header or not rows:
            raise InputError(
                "the file has no rows", path=path, hint="Give a header and one row for each answer."
            )
        if len(set(header)) < len(header):
            raise InputError(f"a column stands twice in the header: {', '.join(header)}", path=path, row=1)
        return cls(path, {name: [row[i] for row in rows] for i, name in enumerate(header)}, len(rows))

    def texts(self, name: str) -> list[str]:
        """A column as it stands.

        Raises:
            UnknownNameError: The file has no such column.
        """
        if name not in self.columns:
            raise UnknownNameError("column", name, list(self.columns))
        return self.columns[name]

    def labels(self, name: str) -> list[str | None]:
        """A column of labels; an empty cell is missing."""
        return [text or None for text in self.texts(name)]

    def numbers(self, name: str) -> FloatArray:
        """A column of numbers; true and false are 1 and 0, an empty cell is NaN.

        Raises:
            InputError: A cell that is not a finite number.
        """
        out = np.full(self.n, np.nan)
        for i, text in enumerate(self.texts(name)):
            word = text.strip().lower()
            if word in _TRUE or word in _FALSE:
                out[i] = float(word in _TRUE)
            elif word:
                try:
                    out[i] = float(word)
                except ValueError:
                    raise InputError(f"{name}: {text!r} is not a number", path=self.path, row=i + 2) from None
                if not np.isfinite(out[i]):
                    raise InputError(f"{name}: {text!r} is not finite", path=self.path, row=i + 2)
        return out

    def matrix(
        self, row: str, item: str, values: Sequence[float] | FloatArray
    ) -> tuple[tuple[str, ...], tuple[str, ...], FloatArray]:
        """Names of rows and items, and the values in a matrix; NaN where a cell is missing.

        Raises:
            InputError: Two rows of the file for one cell.
        """
        rows, items = self.texts(row), self.texts(item)
        row_names, item_names = tuple(dict.fromkeys(rows)), tuple(dict.fromkeys(items))
        row_of = {name: i for i, name in enumerate(row_names)}
        item_of = {name: i for i, name in enumerate(item_names)}
        out = np.full((len(row_names), len(item_names)), np.nan)
        seen: set[tuple[str, str]] = set()
        for line, (r, i, value) in enumerate(zip(rows, items, values, strict=True), start=2):
            if (r, i) in seen:
                raise InputError(
                    f"{row} {r!r} and {item} {i!r} stand in two rows",
                    path=self.path,
                    row=line,
                    hint="Give repetitions and languages names of their own.",
                )
            seen.add((r, i))
            out[row_of[r], item_of[i]] = value
        return row_names, item_names, out

    def scores(self, row: str, item: str, score: str) -> ItemScores:
        """Item scores of a long file: one row for each model and item."""
        models, items, values = self.matrix(row, item, self.numbers(score))
        return ItemScores(models, items, values, source=self.path.name)
