"""The ledger as it stood on a day: records that bear no later date, without what had been withdrawn by then."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from kakehashi.compare import Replication, replication_of_intervals
from kakehashi.errors import NotEstimableError, UnknownNameError
from kakehashi.ledger import Ledger, Record
from kakehashi.ledger.visibility import hidden_records
from kakehashi.model import Measurement, Polarity
from kakehashi.report.periodic.period import Period
from kakehashi.report.periodic.settings import LEVELS
from kakehashi.report.periodic.values import (
    MOST_ROWS,
    LedgerFacts,
    MeasureSummary,
    RepeatFacts,
    RunConflict,
    RunSummary,
)
from kakehashi.report.plain import finite
from kakehashi.report.run_sources import records_source
from kakehashi.report.sources import Sources, quoted
from kakehashi.work.reconcile import reconcile
from kakehashi.work.view import view_of


class LedgerThen:
    """What enters of a ledger, read once.

    Attributes:
        records: Records that enter, hidden ones too, in the order of the log.
        visible: Those that were not hidden by then.
        numbers: Measurements with their records.
        size: Size of the log up to the last record that enters.
        root: Root of the log then.
    """

    def __init__(self, path: Path, period: Period, clearance: str | None = "red") -> None:
        self.path, self.period, self.clearance = path, period, clearance
        with Ledger.open(path) as ledger:
            everything = ledger.records(include_hidden=True)
            runs = {record.text("run"): record for record in everything if record.kind == "run"}
            read: dict[str, list[Measurement]] = {}
            self.records: list[Record] = []
            for record in everything:
                if record.kind in ("result", "calibration"):
                    read[record.id] = record.measurements()
                if _enters(record, runs, read.get(record.id, ()), period):
                    self.records.append(record)
            self.hidden = hidden_records(self.records)
            head = ledger.root(max((record.position for record in self.records), default=-1) + 1)
        self.visible = [record for record in self.records if record.id not in self.hidden]
        self.numbers = [
            (record, m)
            for record in self.visible
            if record.kind == "result"
            for m in read[record.id]
            if may_read(m, clearance)
        ]
        self.size, self.root = head.size, head.root_hex


def may_read(m: Measurement, clearance: str | None) -> bool:
    """Whether a reader of a TLP level may read a number; a marking that is no TLP level refuses.

    Args:
        m: The number; without markings it is the workspace's own and unrestricted.
        clearance: The reader's level, ``None`` for none at all.
    """
    if not m.provenance.markings:
        return True
    levels = [one.strip().lower().removeprefix("tlp:") for one in m.provenance.markings]
    if clearance not in LEVELS or any(level not in LEVELS for level in levels):
        return False
    return all(LEVELS.index(level) <= LEVELS.index(clearance) for level in levels)


def _enters(
    record: Record, runs: Mapping[str, Record], numbers: Sequence[Measurement], period: Period
) -> bool:
    """Whether everything that dates a record is not later than the report; a record without any date stays out."""
    dates = [record.text("created")] if record.text("created") else []
    run = runs.get(record.text("run"))
    if record.kind in ("result", "calibration"):
        dates += [run.text("created")] if run is not None else []
        dates += [date for m in numbers for date in (m.provenance.created, m.provenance.retrieved) if date]
    return bool(dates) and all(period.enters(date) for date in dict.fromkeys(dates))


def ledger_facts(
    path: Path, period: Period, sources: Sources, *, clearance: str | None = "red"
) -> tuple[LedgerFacts, LedgerThen | None]:
    """What the ledger held; the second value is what it was counted from.

    Args:
        path: Folder of the ledger.
        period: From when to when.
        sources: Collects the sources.
        clearance: TLP level of the reader: numbers that are marked above it do not enter.
    """
    if not path.exists():
        return LedgerFacts(False), None
    then = LedgerThen(path, period, clearance)
    fresh = [(record, m) for record, m in then.numbers if period.within(m.provenance.created)]
    runs = [record for record in then.visible if record.kind == "run"]
    until = f"created <= TIMESTAMP {quoted(period.as_of + ' 23:59:59')}"
    everything = sources.add(
        "ledger",
        "measurements",
        f"SELECT * FROM measurements WHERE {until}",
        len(then.numbers),
        period.as_of,
        records=sorted({record.id for record, _ in then.numbers}),
    )
    repeats, repeat_counts = _repeats(then, period, sources)
    of_period = [record for record in runs if period.within(record.text("created"))]
    conflicts, conflict_counts = _conflicts(of_period, then, sources)
    names = {record.text("run") for record in of_period}
    listed = ", ".join(quoted(name) for name in sorted(names)) or "NULL"
    run_source = sources.add(
        "ledger",
        "runs of the period",
        f"SELECT * FROM measurements WHERE run IN ({listed})",
        sum(record.text("run") in names for record, _ in then.numbers),
        period.as_of,
        records=[record.id for record in of_period],
    )
    facts = LedgerFacts(
        present=True,
        tree_size=then.size,
        root=then.root,
        records=dict(sorted(Counter(record.kind for record in then.records).items())),
        hidden=sum(record.id in then.hidden for record in then.records),
        numbers=len(then.numbers),
        fresh_numbers=len(fresh),
        systems=tuple(dict.fromkeys(m.subject for _, m in fresh)),
        all_systems=len({m.subject for _, m in then.numbers}),
        runs=tuple(_run(record, then, sources) for record in of_period[-MOST_ROWS:]),
        fresh_runs=len(of_period),
        run_count=len(runs),
        measures=_measures(then, period, sources, until),
        conflicts=conflicts,
        conflict_counts=conflict_counts,
        repeats=repeats,
        repeat_counts=repeat_counts,
        source=everything,
        run_source=run_source,
        log_source=records_source(then.size, period.as_of, sources),
    )
    return facts, then


def _run_source(run: str, then: LedgerThen, sources: Sources) -> str:
    mine = [record for record in then.visible if record.text("run") == run]
    sql = f"SELECT * FROM measurements WHERE run = {quoted(run)}"
    count = sum(record.text("run") == run for record, _ in then.numbers)
    return sources.add("ledger", run, sql, count, then.period.as_of, records=[record.id for record in mine])


def _run(record: Record, then: LedgerThen, sources: Sources) -> RunSummary:
    name = record.text("run")
    mine = [m for one, m in then.numbers if one.text("run") == name]
    methods = [str(one.get("id", "")) for one in record.body.get("methods", ()) if isinstance(one, Mapping)]
    return RunSummary(
        run=name,
        created=record.text("created"),
        systems=tuple(dict.fromkeys(m.subject for m in mine)),
        methods=tuple(dict.fromkeys(m.provenance.method for m in mine)) or tuple(methods),
        languages=tuple(sorted({m.facets["language"] for m in mine if "language" in m.facets})),
        partial=bool(record.body.get("partial")),
        numbers=len(mine),
        source=_run_source(name, then, sources),
    )


def whole(m: Measurement) -> bool:
    """Whether a measurement is about a whole method, in one language at most."""
    return set(m.facets) <= {"language"}


def _measures(then: LedgerThen, period: Period, sources: Sources, until: str) -> tuple[MeasureSummary, ...]:
    grouped: dict[tuple[str, str], list[tuple[Record, Measurement]]] = defaultdict(list)
    for record, m in then.numbers:
        grouped[m.measure.id, m.facets.get("language", "")].append((record, m))
    found = []
    for (measure, language), all_rows in sorted(grouped.items()):
        rows = [(record, m) for record, m in all_rows if whole(m)]
        if not rows:
            continue
        newest: dict[str, Measurement] = {}
        for _, m in sorted(rows, key=lambda row: (row[1].provenance.created, row[0].position)):
            newest[m.subject] = m
        values = [m.value for m in newest.values() if m.value is not None]
        dates = sorted(m.provenance.created for _, m in rows)
        about = rows[0][1].measure
        spoken = f" AND language = {quoted(language)}" if language else " AND language IS NULL"
        sql = f"SELECT * FROM measurements WHERE measure = {quoted(measure)}{spoken} AND {until}"
        found.append(
            MeasureSummary(
                measure=measure,
                method=rows[0][1].provenance.method,
                versions=tuple(sorted({m.provenance.method_version for _, m in rows})),
                construct=about.construct,
                polarity=about.polarity.value,
                unit=about.unit,
                language=language,
                numbers=len(rows),
                parts=len(all_rows) - len(rows),
                fresh=sum(period.within(m.provenance.created) for _, m in rows),
                systems=len(newest),
                missing=sum(m.value is None for _, m in rows),
                low=min(values, default=None),
                median=float(median(values)) if values else None,
                high=max(values, default=None),
                first=dates[0],
                last=dates[-1],
                source=sources.add(
                    "ledger",
                    f"{measure} [{language}]" if language else measure,
                    sql,
                    len(all_rows),
                    period.as_of,
                    licence=next((m.provenance.licence for _, m in rows if m.provenance.licence), ""),
                    citation=next((m.provenance.citation for _, m in rows if m.provenance.citation), ""),
                    records=sorted({record.id for record, _ in all_rows}),
                ),
            )
        )
    return tuple(found)


def _conflicts(
    runs: Sequence[Record], then: LedgerThen, sources: Sources
) -> tuple[tuple[RunConflict, ...], dict[str, int]]:
    """Disagreements within runs whose results enter; a run withdrawn by then is passed over."""
    found = []
    named = {record.text("run") for record, _ in then.numbers}
    with Ledger.open(then.path) as ledger:
        ledger.cut(then.size)
        for record in runs:
            name = record.text("run")
            if name not in named:
                continue
            try:
                view = view_of(ledger, name)
                if not all(may_read(m, then.clearance) for m in view.measurements):
                    continue
                conflicts = reconcile(view).conflicts
            except (UnknownNameError, NotEstimableError, KeyError):
                continue
            found += [(name, one) for one in conflicts]
    found.sort(key=lambda entry: not entry[1].same_construct)
    same = sum(one.same_construct for _, one in found)
    shown = tuple(
        RunConflict(
            name,
            one.one.key,
            one.other.key,
            one.first,
            one.second,
            one.same_construct,
            _run_source(name, then, sources),
        )
        for name, one in found[:MOST_ROWS]
    )
    return shown, {"same": same, "other": len(found) - same}


_VERDICTS = ("not-replicated", "undecided", "replicated")


def _repeats(
    then: LedgerThen, period: Period, sources: Sources
) -> tuple[tuple[RepeatFacts, ...], dict[str, int]]:
    """Each system's newest value of the period against the one before it, of another run of the same method version."""
    grouped: dict[tuple[str, str, str, str], list[tuple[Record, Measurement]]] = defaultdict(list)
    for record, m in then.numbers:
        if whole(m) and m.value is not None and m.interval and m.measure.polarity is not Polarity.NONE:
            key = (m.measure.id, m.facets.get("language", ""), m.subject, m.provenance.method_version)
            grouped[key].append((record, m))
    found = []
    for key, rows in sorted(grouped.items()):
        rows.sort(key=lambda row: (row[1].provenance.created, row[0].position))
        newest = rows[-1]
        earlier = [row for row in rows[:-1] if row[0].text("run") != newest[0].text("run")]
        if earlier and period.within(newest[1].provenance.created):
            found.append((_held(earlier[-1][1], newest[1]), key, earlier[-1], newest))
    counts = Counter(result.verdict for result, *_ in found)
    found.sort(key=lambda one: _VERDICTS.index(one[0].verdict))
    shown = tuple(_repeat(*one, then, sources) for one in found[:MOST_ROWS])
    return shown, {verdict: counts[verdict] for verdict in _VERDICTS}


def _held(before: Measurement, later: Measurement) -> Replication:
    ends = []
    for m in (before, later):
        assert m.value is not None
        assert m.interval is not None
        ends.append((m.value, m.interval.low, m.interval.high))
    low, high = before.measure.low, before.measure.high
    bounds = (0.0 if low is None else low, 1.0 if high is None else high)
    return replication_of_intervals(ends[0], ends[1], bounds=bounds)


def _repeat(
    result: Replication,
    key: tuple[str, str, str, str],
    first: tuple[Record, Measurement],
    second: tuple[Record, Measurement],
    then: LedgerThen,
    sources: Sources,
) -> RepeatFacts:
    measure, language, system, _ = key
    difference = result.difference
    # The comparison holds the earlier minus the later; a reader expects the change.
    change: tuple[float | None, float | None, float | None] = (None, None, None)
    if difference is not None:
        change = (finite(-difference.value), finite(-difference.high), finite(-difference.low))
    facets = json.dumps({"language": language} if language else {})
    sql = (
        f"SELECT * FROM measurements WHERE record IN ({quoted(first[0].id)}, {quoted(second[0].id)})"
        f" AND measure = {quoted(measure)} AND facets = {quoted(facets)}"
    )
    return RepeatFacts(
        system,
        measure,
        language,
        first[0].text("run"),
        second[0].text("run"),
        float(first[1].value or 0.0),
        float(second[1].value or 0.0),
        *change,
        result.verdict,
        first[1].measure.unit,
        sources.add(
            "ledger",
            f"{system}: {measure}",
            sql,
            2,
            then.period.as_of,
            records=[record.id for record, _ in (first, second)],
        ),
    )
