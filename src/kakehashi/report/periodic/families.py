"""Families of indicators, and which of their values a page shows."""

from collections.abc import Sequence
from dataclasses import replace

from kakehashi.report.periodic.values import IndicatorFacts

#: Older periods are added to a family's table as long as it stays this short.
MOST_ROWS = 12


def in_families(found: tuple[IndicatorFacts, ...]) -> list[list[IndicatorFacts]]:
    """Those with values, siblings in one list."""
    families: list[list[IndicatorFacts]] = []
    placed: set[str] = set()
    with_values = {one.id: one for one in found if one.values}
    for one in with_values.values():
        if one.id in placed:
            continue
        names = [one.id, *(name for name in one.siblings if name in with_values and name not in placed)]
        placed |= set(names)
        families.append([with_values[name] for name in dict.fromkeys(names)])
    return families


def chosen(family: Sequence[IndicatorFacts], *, most: int = MOST_ROWS) -> list[IndicatorFacts]:
    """The values of a family that a page shows.

    All values from the newest period that most siblings have, whatever their vintage, so that none stands without what
    differs from it; a sibling without one of those periods gives its own newest. Whole older periods follow
    while the table holds at most ``most`` rows.

    Args:
        family: A measure with its siblings, each with at least one value.
        most: Rows that older periods may fill.
    """
    have = [{entry.as_of for entry in one.values} for one in family]
    periods = sorted(set().union(*have))
    start = max(periods, key=lambda period: (sum(period in mine for mine in have), period))
    first = [start if max(mine) >= start else max(mine) for mine in have]

    def cut(before: Sequence[str]) -> list[IndicatorFacts]:
        return [
            replace(one, values=tuple(entry for entry in one.values if entry.as_of >= since))
            for one, since in zip(family, before, strict=True)
        ]

    found = cut(first)
    for period in reversed(periods):
        longer = cut([min(since, period) for since in first])
        if sum(len(one.values) for one in longer) > most:
            break
        found = longer
    return found


def whole_family(family: Sequence[IndicatorFacts]) -> str:
    """The source whose question shows siblings, vintages and how far they agree; ``""`` where there are no values."""
    return next((entry.source for one in family for entry in one.values if entry.source), "")
