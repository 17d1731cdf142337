"""The workspace's own schedule: ``reports.yaml``."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kakehashi.commitments.lined import Lined, read_lined
from kakehashi.errors import FormatVersionError, InputError

FORMAT = "kakehashi.reports/1"
FILE = "reports.yaml"
LEVELS = ("clear", "green", "amber", "amber+strict", "red")


@dataclass(frozen=True, slots=True)
class Cadence:
    """How long a period is.

    Attributes:
        months: Its length in months.
    """

    months: int


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """What a workspace says of its reports.

    Attributes:
        cadences: Kind of report → cadence.
        year_starts: First month of the year, 1 to 12.
        small_cell: Counts from 1 to below this are withheld from briefs.
        clearance: TLP level that the bulletin is made for.
        member: Member of the exchange that it is made for, instead of a level; ``""`` for none.
        facts: A record of developers and their countries, relative to the workspace; ``""`` for none.
    """

    cadences: dict[str, Cadence] = field(
        default_factory=lambda: {"monthly": Cadence(1), "quarterly": Cadence(3), "annual": Cadence(12)}
    )
    year_starts: int = 1
    small_cell: int = 5
    clearance: str = "clear"
    member: str = ""
    facts: str = ""


def read_settings(workspace: Path) -> ReportSettings:
    """The settings of a workspace; where it has no ``reports.yaml``, the calendar's months, quarters and years.

    Raises:
        InputError: The file cannot be used; the message names the line and the key.
        FormatVersionError: It is of a newer format.
    """
    path = workspace / FILE
    if not path.exists():
        return ReportSettings()
    loaded = read_lined(path)
    if not str(loaded.get("format", "")).startswith("kakehashi.reports/"):
        raise InputError(
            f"its format is not {FORMAT!r}",
            path=path,
            row=loaded.line_of("format"),
            hint=f"Begin it with: format: {FORMAT}",
        )
    if loaded["format"] != FORMAT:
        raise FormatVersionError(str(loaded["format"]), FORMAT, path=path)
    return _settings(loaded, path)


def _settings(given: Lined, path: Path) -> ReportSettings:
    made = ReportSettings()
    cadences = dict(made.cadences)
    plain: dict[str, Any] = {}
    for key, value in given.items():
        row = given.line_of(key)
        if key == "format":
            continue
        if key in cadences:
            months = value.get("months") if isinstance(value, dict) and set(value) == {"months"} else None
            cadences[key] = Cadence(_whole(months, 1, 120, f"{key}.months", path, row))
        elif key == "year_starts":
            plain[key] = _whole(value, 1, 12, key, path, row)
        elif key == "small_cell":
            plain[key] = _whole(value, 2, 1000, key, path, row)
        elif key == "facts" and isinstance(value, str) and not (path.parent / value).is_file():
            raise InputError(
                f"facts: {value!r} is no file",
                path=path,
                row=row,
                hint="Paths are relative to the workspace.",
            )
        elif (key == "clearance" and value in LEVELS) or (
            key in ("member", "facts") and isinstance(value, str)
        ):
            plain[key] = value
        else:
            raise InputError(
                f"{key}: {value!r} is not a setting of reports",
                path=path,
                row=row,
                hint="Keys: monthly, quarterly, annual (months), year_starts, small_cell, clearance, member, facts.",
            )
    return replace(made, cadences=cadences, **plain)


def _whole(value: object, low: int, high: int, key: str, path: Path, row: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{key}: {value!r} is not a whole number from {low} to {high}", path=path, row=row)
    return value
