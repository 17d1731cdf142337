"""What changed among instruments and maps: dated records, none later than the day of the report."""

from kakehashi.commitments import Catalog, load_catalog
from kakehashi.report.periodic.period import Period
from kakehashi.report.periodic.values import CatalogEvent, CatalogFacts
from kakehashi.report.sources import Sources


def catalog_facts(period: Period, sources: Sources, catalog: Catalog | None = None) -> CatalogFacts:
    """The catalog as of the day, and its events of the period.

    Args:
        period: From when to when.
        sources: Collects the sources.
        catalog: Instruments and maps; the shipped ones by default.
    """
    found = catalog or load_catalog()
    texts = [one for one in found.instruments.values() if period.enters(one.adopted)]
    maps = [one for one in found.crosswalks.values() if period.enters(one.date)]
    events = []
    for one in texts:
        source = sources.add("catalog", one.id, one.place.path.rpartition("/")[2], 1, one.reading.date)
        if period.within(one.adopted):
            events.append(CatalogEvent(one.adopted, "adopted", one.short, one.title, source))
        events += [
            CatalogEvent(fact.date, "fact", one.short, fact.words, source)
            for fact in one.facts
            if period.within(fact.date)
        ]
    for walk in maps:
        source = sources.add(
            "catalog", walk.id, walk.place.path.rpartition("/")[2], len(walk.relations), walk.date
        )
        if period.within(walk.date):
            name = {"en": walk.id, "ja": walk.id}
            count = sum(not line.derived for line in walk.relations)
            words = {"en": f"{count} relations between provisions", "ja": f"条項間の対応関係{count}件"}
            events.append(CatalogEvent(walk.date, "map", name, words, source))
        for absence in walk.absences:
            if period.within(absence.date) and found.is_absent(absence):
                title = found.instruments[absence.instrument].short
                events.append(CatalogEvent(absence.date, "absence", title, absence.note, source))
    return CatalogFacts(
        instruments=len(texts),
        provisions=sum(not p.heading for one in texts for p in one.provisions),
        relations=sum(not line.derived for walk in maps for line in walk.relations),
        absences_checked=sum(
            found.is_absent(line) and period.enters(line.date) for walk in maps for line in walk.absences
        ),
        events=tuple(sorted(events, key=lambda one: (one.date, one.kind, one.what.get("en", "")))),
        source=sources.add("catalog", "instruments", "kakehashi/commitments/data", len(texts), period.as_of),
    )
