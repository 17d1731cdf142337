"""Values of measures, computed from data sets: counts, shares with intervals, gaps by ``compare``."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from math import nan
from statistics import median

from kakehashi.compare import FactsRecord, GroupRule, ModelFacts, ReportedScore, frontier_gap, wilson
from kakehashi.errors import NotEstimableError, UnknownNameError
from kakehashi.index.datasets import DataSet, last_day
from kakehashi.index.growth import growth_interval
from kakehashi.index.records import MeasureValue
from kakehashi.model import Interval

Maker = Callable[[DataSet, str], Iterator[MeasureValue]]

SEVERE = ("severe", "critical")
_SIDES = ("US", "CN")


def computed(sets: Sequence[DataSet], as_of: str) -> tuple[MeasureValue, ...]:
    """Every value that the data sets give, as of a day."""
    return tuple(value for one in sets for make in MAKERS.get(one.kind, ()) for value in make(one, as_of))


def _value(measure: str, data: DataSet, value: float | None, as_of: str, **more: object) -> MeasureValue:
    return MeasureValue(measure, value, as_of, data.vintage, data.source, data.licence, **more)  # type: ignore[arg-type]


def _until(data: DataSet, as_of: str) -> str:
    """The day up to which the data can speak."""
    return min(as_of, data.vintage)


def incidents(data: DataSet, as_of: str) -> Iterator[MeasureValue]:
    """Incidents of each whole month (of the last 24) and year, and their growth."""
    end = _until(data, as_of)
    after = (date.fromisoformat(end) + timedelta(days=1)).isoformat()
    days = [row["date"] for row in data.rows if row["date"] <= end]
    facets = {"register": data.kind}
    by_month = Counter(day[:7] for day in days if len(day) >= 7)
    for month in _months(after[:7], 24):
        yield _value("incidents-per-month", data, by_month[month], month, facets={**facets, "month": month})
    by_year = Counter(day[:4] for day in days)
    last = int(after[:4]) - 1
    years = range(max(int(min(by_year, default=str(last))), last - 4), last + 1)
    for year in years:
        yield _value(
            "incidents-per-year", data, by_year[str(year)], str(year), facets={**facets, "year": str(year)}
        )
        before = by_year[str(year - 1)]
        if before:
            yield _value(
                "incidents-growth",
                data,
                100 * (by_year[str(year)] / before - 1),
                str(year),
                interval=growth_interval(by_year[str(year)], before),
                n=before,
                facets={**facets, "year": str(year)},
            )


def _months(before: str, count: int) -> list[str]:
    number = int(before[:4]) * 12 + int(before[5:7]) - 1
    return [f"{m // 12:04d}-{m % 12 + 1:02d}" for m in range(number - count, number)]


def register(data: DataSet, as_of: str) -> Iterator[MeasureValue]:
    """Severe share, open cases and their median age."""
    end = _until(data, as_of)
    cases = [row for row in data.rows if row["opened"] <= end]
    graded = [row for row in cases if row["severity"]]
    if graded:
        severe = sum(row["severity"].casefold() in SEVERE for row in graded)
        facets = {"without severity": str(len(cases) - len(graded))}
        yield _share("severe-share", data, severe, len(graded), end, facets)
    still = [row for row in cases if not row["closed"] or last_day(row["closed"]) > end]
    yield _value("open-cases", data, len(still), end, n=len(cases))
    # a month without its day says no age in days
    dated = [row["opened"] for row in still if len(row["opened"]) == 10]
    if dated:
        last = date.fromisoformat(end)
        ages = [(last - date.fromisoformat(day)).days for day in dated]
        yield _value("median-days-open", data, median(ages), end, n=len(ages))


def _share(
    measure: str, data: DataSet, k: float, n: float, end: str, facets: Mapping[str, str]
) -> MeasureValue:
    found = wilson(k, n)
    interval = Interval(100 * found.low, 100 * found.high, found.confidence_level, "wilson")
    return _value(measure, data, 100 * k / n, end, interval=interval, n=int(n), facets=facets)


def evaluations(data: DataSet, as_of: str) -> Iterator[MeasureValue]:
    """Share of listed models with one method, three methods, an outside evaluator: a census, so no interval."""
    methods: dict[str, set[str]] = {}
    outside: set[str] = set()
    for row in data.rows:
        mine = methods.setdefault(row["model"], set())
        if row["method"]:
            mine.add(row["method"])
            own = {name.casefold() for name in _split(row["developer"])}
            if any(name.casefold() not in own for name in _split(row["evaluator"])):
                outside.add(row["model"])
    n = len(methods)
    for rule, k in (
        ("at least one method", sum(len(found) >= 1 for found in methods.values())),
        ("at least three methods", sum(len(found) >= 3 for found in methods.values())),
        ("an outside evaluator", len(outside)),
    ):
        yield _value(
            "evaluation-coverage", data, 100 * k / n, _until(data, as_of), n=n, facets={"rule": rule}
        )


def notable_models(data: DataSet, as_of: str) -> Iterator[MeasureValue]:
    """Models of the last whole years by developer's region, under two counting rules.

    Fewer than three developers are not shown; regions that always stand side by side are named without data too.
    """
    rule = GroupRule()
    last = int((date.fromisoformat(_until(data, as_of)) + timedelta(days=1)).isoformat()[:4]) - 1
    for year in (last - 1, last):
        models: dict[str, Counter[str]] = {"any": Counter(), "only": Counter()}
        developers: dict[tuple[str, str], set[str]] = {}
        for row in data.rows:
            if not row["date"].startswith(str(year)):
                continue
            names, countries = _split(row["developer"]), _split(row["country"])
            regions = dict.fromkeys(_region(rule, country) for country in countries)
            alone = len(regions) == 1
            regions.pop("joint", None)  # "Multinational" names no place, but says that the work is joint
            for region in regions:
                for way in ("any", "only") if alone else ("any",):
                    models[way][region] += 1
                    developers.setdefault((way, region), set()).update(
                        _there(rule, region, names, countries, alone)
                    )
        for way, counts in models.items():
            for region in sorted({*counts, *rule.beside()} - {"unknown"}):
                found = len(developers.get((way, region), ()))
                # Joint work may name a region without telling which of its developers is there: that is data.
                few = found < 3 and (found > 0 or counts[region] > 0)
                yield _value(
                    f"notable-models-{way}",
                    data,
                    None if few or not found else counts[region],
                    str(year),
                    n=found,
                    facets={"year": str(year), "region": region},
                    reason=TOO_FEW if few else {} if found else NO_DATA,
                )


TOO_FEW = {"en": "fewer than three developers: not shown", "ja": "開発者が3者未満のため示さない"}
NO_LAG = {
    "en": "neither side reached the other's level",
    "ja": "一方が他方の水準に達した時点がない",
}
NO_DATA = {"en": "no data", "ja": "データなし"}


def _region(rule: GroupRule, country: str) -> str:
    """Code of a region; ``"other"`` for a name that the record of regions does not hold (cells may be cut off)."""
    code = rule.group("country", ModelFacts("", (), (country,)))
    return code if code in rule.regions["regions"] or code == "joint" else "other"


def _there(
    rule: GroupRule, region: str, names: Sequence[str], countries: Sequence[str], alone: bool
) -> list[str]:
    """Developers of a model that are known to stand in a region; where the row does not tell, none."""
    if alone or len(names) == 1:
        return list(names)
    if len(names) != len(countries):
        return []
    return [name for name, country in zip(names, countries, strict=True) if _region(rule, country) == region]


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def benchmarks(data: DataSet, as_of: str) -> Iterator[MeasureValue]:
    """Gap in points and months by each benchmark, at the ends of years and at the last day."""
    end = date.fromisoformat(_until(data, as_of))
    rows = [row for row in data.rows if row["date"] and len(row["date"]) == 10 and row["score"] is not None]
    facts = {
        f"{row['model']} ({row['date']})": ModelFacts(
            f"{row['model']} ({row['date']})",
            tuple(_split(row["developer"])),
            tuple(_split(row["country"])),
            date.fromisoformat(row["date"]),
        )
        for row in rows
    }
    record = FactsRecord(facts, data.source, data.vintage)
    best: dict[
        tuple[str, str], float
    ] = {}  # of several settings of one version, the highest: it makes the frontier
    for row in rows:
        key = (f"{row['model']} ({row['date']})", row["benchmark"])
        best[key] = max(best.get(key, -float("inf")), 100 * row["score"])
    scores = [ReportedScore(model, name, value) for (model, name), value in best.items()]
    first = min((row["date"] for row in rows), default=end.isoformat())
    days = [date(year, 12, 31) for year in range(int(first[:4]), end.year)] + [end]
    for name in sorted({row["benchmark"] for row in rows}):
        try:
            found = frontier_gap(
                scores, record, method=name, first="US", second="CN", at=days, n_draws=100, rng=0
            )
        except (NotEstimableError, UnknownNameError) as error:
            reason = {
                "en": f"cannot be said: {error.message}",
                "ja": "算出できない（開発者が3者未満、又は片方のデータなし）",
            }
            for measure in ("frontier-gap-points", "frontier-gap-months"):
                yield _value(measure, data, None, end.isoformat(), facets={"benchmark": name}, reason=reason)
            continue
        for point in found.points:
            shown = point.status == "shown"
            for measure, value in (("frontier-gap-points", point.gap), ("frontier-gap-months", point.lag)):
                yield _value(
                    measure,
                    data,
                    value if shown and value == value else None,
                    point.date.isoformat(),
                    n=sum(point.n_models),
                    facets={"benchmark": name, "developers US, CN": "{}, {}".format(*point.n_developers)},
                    reason=TOO_FEW if not shown else {} if value == value else NO_LAG,
                )


def pace(data: DataSet, as_of: str) -> Iterator[MeasureValue]:
    """Median days between days on which a release raised the highest index; models of one day are one release."""
    end = _until(data, as_of)
    highest: dict[str, float] = {}
    for row in data.rows:
        if len(row["date"]) == 10 and row["date"] <= end:  # a month without its day says no interval in days
            highest[row["date"]] = max(highest.get(row["date"], row["score"]), row["score"])
    best, records = -float("inf"), []
    for day, score in sorted(highest.items()):
        if score > best:
            best = score
            records.append(date.fromisoformat(day))
    steps = [(b - a).days for a, b in pairwise(records)]
    if steps:
        yield _value(
            "release-pace", data, median(steps), end, n=len(steps), facets={"since": records[0].isoformat()}
        )


def survey(data: DataSet, as_of: str) -> Iterator[MeasureValue]:
    """Shares of a survey with Wilson's interval from its n."""
    for row in data.rows:
        if row["date"] <= as_of:
            yield _share(
                "perception-gap",
                data,
                row["percent"] / 100 * row["n"],
                row["n"],
                row["date"],
                {"question": row["question"], "group": row["group"]},
            )


def audits(data: DataSet, as_of: str) -> Iterator[MeasureValue]:
    """Share of the systems on the register with an audit: a census, so no interval."""
    end = _until(data, as_of)
    with_one = {
        row["system"]
        for row in data.rows
        if row["audited"] == "yes" and (not row["date"] or last_day(row["date"]) <= end)
    }
    n = len({row["system"] for row in data.rows})
    yield _value("audit-rate", data, 100 * len(with_one) / n, end, n=n)


def plain(data: DataSet, as_of: str) -> Iterator[MeasureValue]:
    """Values that the user states, with their own source and interval."""
    for row in data.rows:
        if row["date"] > as_of:
            continue
        ends = (row["low"], row["high"])
        interval = None if None in ends else Interval(row["low"], row["high"], nan, "stated")
        yield MeasureValue(
            row["measure"],
            row["value"],
            row["date"],
            data.vintage,
            row["source"],
            data.licence,
            interval=interval,
            n=None if row["n"] is None else int(row["n"]),
            bounds="stated",
        )


MAKERS: Mapping[str, tuple[Maker, ...]] = {
    "aiid": (incidents,),
    "oecd-aim": (incidents,),
    "register": (register,),
    "evaluations": (evaluations,),
    "epoch-models": (notable_models,),
    "epoch-benchmarks": (benchmarks,),
    "epoch-eci": (pace,),
    "survey": (survey,),
    "audits": (audits,),
    "values": (plain,),
}
