"""Measures of the index as reports need them."""

from kakehashi.report.periodic.period import Period
from kakehashi.report.periodic.sources import Sources
from kakehashi.report.periodic.values import IndicatorFacts


def indicator_facts(period: Period, sources: Sources) -> tuple[IndicatorFacts, ...]:
    """All measures with the values that were known on the day; none where this copy has no index.

    Args:
        period: From when to when.
        sources: Collects the sources.
    """
    return ()
