"""From a workspace and a day to the values of a periodic report."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kakehashi.compare import (
    FactsRecord,
    GroupRule,
    ReportedScore,
    ScoreTable,
    groups,
    published_robustness_source,
)
from kakehashi.compare.suppression import suppress_small_cells
from kakehashi.errors import NotEstimableError
from kakehashi.model import Measure, Polarity
from kakehashi.report.choosing import agreement_facts, cited, exposure_facts, published_facts
from kakehashi.report.choosing_values import ExposureFacts, PublishedFacts
from kakehashi.report.periodic.catalog import catalog_facts
from kakehashi.report.periodic.exchange import clearance_of, counted_by_type, exchange_facts
from kakehashi.report.periodic.indicators import indicator_facts, measure_sheets
from kakehashi.report.periodic.ledger import LedgerThen, ledger_facts, whole
from kakehashi.report.periodic.period import Period, period_of
from kakehashi.report.periodic.settings import ReportSettings, read_settings
from kakehashi.report.periodic.values import (
    ComparisonFacts,
    GroupFacts,
    Periodic,
    SafeTable,
)
from kakehashi.report.plain import finite
from kakehashi.report.sources import Sources
from kakehashi.work.reported import read_facts
from kakehashi.work.workspace import Workspace

#: Systems and columns of the table that exposure is computed on; more say nothing more, and take long.
_MOST_COLUMNS = 60

#: A table with more cells than this is held against fewer tables of noise.
_LARGE, _FEW_SIMULATIONS = 500, 50


def build_periodic(
    kind: str,
    *,
    as_of: str,
    workspace: Path | str | None = None,
    clearance: str = "",
    member: str = "",
    facts: Path | str | None = None,
    today: date | None = None,
    rng: int = 0,
) -> Periodic:
    """All values of a periodic report.

    Args:
        kind: ``"monthly"``, ``"quarterly"`` or ``"annual"``.
        as_of: The last day that enters, ISO 8601.
        workspace: Folder of ledger, exchange node and ``reports.yaml``.
        clearance: TLP level that the report is made for; that of the settings by default.
        member: Instead, a member of the exchange.
        facts: A record of developers and their countries; that of the settings by default.
        today: The day of today.
        rng: Seed; the same workspace, day and seed give the same values.

    Raises:
        UsageError: No such kind, or a day that is none or still to come.
        UnknownNameError: No such member.
        InputError: The settings or the record of developers cannot be used.
    """
    place = Workspace.of(workspace)
    settings = read_settings(place.path)
    period = period_of(
        kind,
        as_of,
        months=settings.cadences[kind].months,
        year_starts=settings.year_starts,
        today=today,
    )
    member = member or ("" if clearance else settings.member)
    clearance = clearance or settings.clearance
    sources = Sources()
    level = clearance_of(place.exchange, clearance, member)
    ledger, then = ledger_facts(place.ledger, period, sources, clearance=level)
    exchange, everything = exchange_facts(place.exchange, period, sources, clearance=clearance, member=member)
    annual = kind == "annual"
    table = _table(then) if then is not None and annual else None
    return Periodic(
        period=period,
        made_for=member or clearance,
        ledger=ledger,
        exchange=exchange,
        aggregates=_aggregates(then, everything, settings, period, sources) if kind != "monthly" else (),
        catalog=catalog_facts(period, sources),
        indicators=()
        if kind == "monthly"
        else indicator_facts(
            measure_sheets(place.path, period.as_of), period, sources, small_cell=settings.small_cell
        ),
        comparisons=_comparisons(then, _record(facts, settings, place), period, sources) if annual else (),
        agreement=agreement_facts(table, ledger.all_systems, rng=rng) if annual else None,
        exposure=_exposure(table, period, rng) if annual else None,
        published=_published(period, sources, rng) if annual else None,
        sources=sources.all(),
        settings={
            "seed": rng,
            "small_cell": settings.small_cell,
            "months": settings.cadences[kind].months,
            "year_starts": settings.year_starts,
            "confidence_level": 0.95,
        },
    )


def _exposure(table: ScoreTable | None, period: Period, rng: int) -> ExposureFacts:
    """With fewer tables of noise where each is large: their spread is then small as well."""
    large = table is not None and table.values.size > _LARGE
    drawn = {"n_simulations": _FEW_SIMULATIONS} if large else {}
    return exposure_facts(table, data_date=period.as_of, rng=rng, **drawn)


def _record(facts: Path | str | None, settings: ReportSettings, place: Workspace) -> FactsRecord | None:
    path = facts or (place.path / settings.facts if settings.facts else None)
    return None if path is None else read_facts(path)


def _published(period: Period, sources: Sources, rng: int) -> PublishedFacts | None:
    if not period.enters(published_robustness_source().get("data_date", "")):
        return None
    return cited(_shipped(rng), sources)


@cache
def _shipped(rng: int) -> PublishedFacts:
    """The shipped table of published figures never changes."""
    return published_facts(None, rng=rng)


def _newest(then: LedgerThen) -> dict[tuple[str, str], dict[str, tuple[str, float, Measure]]]:
    """Measure and language → system → the newest value, of whole methods with a direction."""
    found: dict[tuple[str, str], dict[str, tuple[str, float, Measure]]] = {}
    for _, m in then.numbers:
        if not whole(m) or m.value is None or m.measure.polarity is Polarity.NONE:
            continue
        column = found.setdefault((m.measure.id, m.facets.get("language", "")), {})
        known = column.get(m.subject)
        if known is None or known[0] <= m.provenance.created:
            column[m.subject] = (m.provenance.created, m.value, m.measure)
    return found


def _table(then: LedgerThen) -> ScoreTable | None:
    """Systems that have a value by every one of the commonest columns, so that no order rests on holes."""
    columns = sorted(_newest(then).items(), key=lambda entry: (-len(entry[1]), entry[0]))[:_MOST_COLUMNS]
    if len(columns) < 2:
        return None
    most = set(columns[0][1])
    kept = [(key, column) for key, column in columns if set(column) >= most]
    systems = sorted(most)
    if len(kept) < 2 or len(systems) < 2:
        return None
    about = [next(iter(column.values()))[2] for _, column in kept]
    return ScoreTable(
        values=np.array([[column[name][1] for _, column in kept] for name in systems]),
        models=tuple(systems),
        methods=tuple(f"{measure} [{language}]" if language else measure for (measure, language), _ in kept),
        higher_is_better=tuple(one.polarity is Polarity.HIGHER for one in about),
        constructs=tuple(one.construct for one in about),
        source=f"ledger as of {then.period.as_of}",
    )


def _aggregates(
    then: LedgerThen | None,
    everything: Sequence[dict[str, Any]],
    settings: ReportSettings,
    period: Period,
    sources: Sources,
) -> tuple[SafeTable, ...]:
    """Counts over everything, those that the reader may not see included, with small cells withheld."""
    found = []
    counts = counted_by_type(list(everything))
    if counts:
        rows = sorted({kind for kind, _ in counts})
        columns = [
            level
            for level in ("clear", "green", "amber", "amber+strict", "red", "none")
            if any((kind, level) in counts for kind in rows)
        ]
        safe = suppress_small_cells(
            [[counts[kind, level] for level in columns] for kind in rows], threshold=settings.small_cell
        )
        found.append(
            SafeTable(
                tuple(rows),
                tuple(columns),
                tuple(tuple(None if cell < 0 else int(cell) for cell in row) for row in safe.shown),
                safe.threshold,
                int((safe.shown < 0).sum()),
                sources.add(
                    "exchange",
                    "objects by type and level",
                    "counted over all records, then withheld",
                    0,
                    period.as_of,
                ),
            )
        )
    return tuple(found)


def _comparisons(
    then: LedgerThen | None, record: FactsRecord | None, period: Period, sources: Sources
) -> tuple[ComparisonFacts, ...]:
    """Each measure by developer's country or region, as far as a dated record says who is where."""
    if then is None or record is None or not period.enters(record.as_of):
        return ()
    rule = GroupRule()
    found = []
    for (measure, language), column in sorted(_newest(then).items()):
        about = next(iter(column.values()))[2]
        name = f"{measure} [{language}]" if language else measure
        scores = [ReportedScore(system, name, value) for system, (_, value, _) in sorted(column.items())]
        reason = ""
        made: tuple[GroupFacts, ...] = ()
        try:
            result = groups(
                scores,
                record,
                method=name,
                by="country",
                higher_is_better=about.polarity is Polarity.HIGHER,
                rule=rule,
                test_language=language,
            )
            made = tuple(
                GroupFacts(
                    {code: rule.title("country", one.name, code) for code in ("en", "ja")},
                    one.status,
                    len(one.developers),
                    one.n_models,
                    None if one.estimate is None else finite(one.estimate.value),
                    None if one.estimate is None else finite(one.estimate.low),
                    None if one.estimate is None else finite(one.estimate.high),
                )
                for one in result.groups
            )
        except NotEstimableError as error:
            reason = error.diagnostic
        source = sources.add(
            "ledger",
            f"{name} by country",
            f"newest value of each system; {record.source}",
            len(scores),
            record.as_of,
        )
        found.append(
            ComparisonFacts(
                measure,
                language,
                about.unit,
                record.as_of,
                record.source,
                rule.stated(),
                made,
                reason,
                source,
            )
        )
    return tuple(found)
