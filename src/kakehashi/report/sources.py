"""The list of what numbers rest on: each source once, numbered in the order in which it is first needed."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """Where a number comes from, and which rows it was made of.

    Attributes:
        id: Name within the report, such as ``"S3"``.
        kind: ``"ledger"``, ``"exchange"``, ``"catalog"``, ``"index"`` or ``"published"``.
        what: What was counted or taken, as an identifier.
        rows: The question that gives these rows again: SQL for ``Ledger.query``, ids, a file.
        count: How many rows.
        as_of: Date of the data.
        licence: What may be done with them, ``""`` where not stated.
        citation: How to cite, ``""`` for our own.
        records: Ids of the records themselves.
    """

    id: str
    kind: str
    what: str
    rows: str
    count: int
    as_of: str
    licence: str = ""
    citation: str = ""
    records: tuple[str, ...] = ()


class Sources:
    """Collects sources while values are gathered."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], SourceFacts] = {}

    def add(
        self,
        kind: str,
        what: str,
        rows: str,
        count: int,
        as_of: str,
        *,
        licence: str = "",
        citation: str = "",
        records: Sequence[str] = (),
    ) -> str:
        """Id of the source with this question; made where it is new. See :class:`SourceFacts` for the arguments."""
        key = (kind, f"{what} {rows} {as_of} {citation}")
        if key not in self._found:
            name = f"S{len(self._found) + 1}"
            self._found[key] = SourceFacts(
                name, kind, what, rows, count, as_of, licence, citation, tuple(records)
            )
        return self._found[key].id

    def all(self) -> tuple[SourceFacts, ...]:
        """All sources in their order."""
        return tuple(self._found.values())


def quoted(text: str) -> str:
    """A text as a string of SQL.

    Examples:
        >>> quoted("it's")
        "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
