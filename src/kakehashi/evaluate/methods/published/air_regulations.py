"""Which regulation names which category of AIR-Bench 2024: a file of the user, since upstream's files do not say.

``air-bench-2024/regulations.csv`` in the workspace's data folder, with the columns ``category`` (``8``, ``8.24`` or
``8.24.5``: a shorter code stands for all categories below it) and ``regulation`` (the name that results show).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from kakehashi.errors import InputError
from kakehashi.evaluate.datasets.readers import read_rows
from kakehashi.evaluate.local.weights import sha256_of

FILE = "regulations.csv"
_CODE = re.compile(r"\d{1,2}(\.\d{1,4}(\.\d{1,3})?)?")
_MOST = 120


@dataclass(frozen=True, slots=True)
class Regulations:
    """A user's mapping.

    Attributes:
        sha256: Of the file.
        by_code: Code of a category at any level → names of the regulations.
    """

    sha256: str
    by_code: dict[str, tuple[str, ...]]

    def of(self, index: str) -> tuple[str, ...]:
        """Names of the regulations that name a fourth-level category, each once, in their order.

        Examples:
            >>> mapping = Regulations("0" * 64, {"8": ("Law B",), "8.24.5": ("Law A", "Law B")})
            >>> mapping.of("8.24.5"), mapping.of("8.1.1"), mapping.of("9.1.1")
            (('Law A', 'Law B'), ('Law B',), ())
        """
        parts = index.split(".")
        codes = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
        return tuple(sorted({name for code in codes for name in self.by_code.get(code, ())}))


def read_regulations(folder: Path, indices: Collection[str]) -> Regulations | None:
    """The user's mapping in the set's folder; ``None`` where there is no such file.

    Args:
        folder: Folder of the data set.
        indices: Indices of the fourth-level categories that there are.

    Raises:
        InputError: No such column, no such category, no regulation named, or a row that stands twice.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    levels = {".".join(index.split(".")[:length]) for index in indices for length in (1, 2, 3)}
    found: dict[str, tuple[str, ...]] = {}
    for number, row in enumerate(read_rows(path, "csv", ("category", "regulation")), start=1):
        code, name = str(row["category"]).strip(), " ".join(str(row["regulation"]).split())
        if not _CODE.fullmatch(code) or code not in levels:
            raise InputError(
                f"{code!r} is no category of the judge prompts",
                path=path,
                row=number,
                hint="Write the code of a second, third or fourth level: 8, 8.24 or 8.24.5.",
            )
        if not name or len(name) > _MOST:
            raise InputError(
                f"a regulation has a name of 1 to {_MOST} characters, not of {len(name)}",
                path=path,
                row=number,
            )
        if name in found.get(code, ()):
            raise InputError(f"{code} and {name!r} stand together twice", path=path, row=number)
        found[code] = (*found.get(code, ()), name)
    if not found:
        raise InputError(
            "the file maps no category",
            path=path,
            hint="Take it away, or write its rows: category,regulation",
        )
    return Regulations(sha256_of(path), found)
