"""The exchange node as one reader may see it, as of a day: asked through the policy at every door."""

import json
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from kakehashi.errors import UnknownNameError
from kakehashi.exchange import Caller, Filters, Node, extension_of, measured
from kakehashi.exchange.alerts import median_time, responses
from kakehashi.exchange.ids import TLP_IDS
from kakehashi.report.periodic.period import Period
from kakehashi.report.periodic.values import AlertFacts, ExchangeFacts, ExchangeRecord, FindingFacts
from kakehashi.report.sources import Sources

#: What a bulletin lists; markings, identities and relations are told with what they belong to.
LISTED = ("vulnerability", "attack-pattern", "course-of-action", "incident", "report", "note", "sighting")

_ALL = Filters(versions=frozenset({"all"}))


def reader_of(node: Node, clearance: str, member: str) -> Caller:
    """The caller whose eyes a report is made with.

    Args:
        node: The node.
        clearance: A TLP level: somebody of no community with this clearance, who may read every collection.
        member: Instead, a member by name or identity.

    Raises:
        UnknownNameError: There is no such member.
    """
    if member:
        return node.member(member)
    everything = frozenset(one.id for one in node.store.collections())
    return Caller("identity--00000000-0000-4000-8000-000000000000", clearance, reads=everything)


def clearance_of(path: Path, clearance: str, member: str) -> str | None:
    """The TLP level of the reader: the level named, or that of the member.

    Raises:
        UnknownNameError: There is no such member, or no node to know it.
    """
    if not member:
        return clearance
    if not Node.is_here(path):
        raise UnknownNameError("member", member, hint="The workspace has no exchange node: use --clearance.")
    node = Node.open(path)
    try:
        return node.member(member).clearance
    finally:
        node.store.close()


def objects_then(node: Node, reader: Caller, period: Period) -> list[tuple[str, dict[str, Any]]]:
    """Every version that the reader may see and that was added and made by the day, with its collection, in order."""
    found = []
    for collection in node.store.collections():
        page = node.store.page(
            reader, collection.id, _ALL, limit=10**6, budget=1 << 40, now=_moment(node, period)
        )
        for entry in page.entries:
            made = json.loads(entry.data)
            dates = (entry.added, made.get("created"), made.get("modified"))
            if all(period.enters(str(date)) for date in dates if date):
                found.append((collection.id, made))
    return found


def exchange_facts(
    path: Path, period: Period, sources: Sources, *, clearance: str, member: str
) -> tuple[ExchangeFacts, list[dict[str, Any]]]:
    """What the reader may see; the second value is everything that the node's owner sees, for aggregates alone.

    Args:
        path: Folder of the node.
        period: From when to when.
        sources: Collects the sources.
        clearance: TLP level of the reader.
        member: Instead, a member.

    Raises:
        UnknownNameError: There is no such member.
    """
    if not Node.is_here(path):
        return ExchangeFacts(False), []
    node = Node.open(path)
    try:
        reader = reader_of(node, clearance, member)
        seen = [made for _, made in objects_then(node, reader, period)]
        newest = _newest(seen)
        names = {identity: name for identity, (name, _) in node.store.members().items()}
        names |= {i: str(o.get("name", i)) for i, o in newest.items() if o["type"] == "identity"}
        records = _records(newest, names, period, sources)
        facts = ExchangeFacts(
            present=True,
            reader=member or clearance,
            by_member=bool(member),
            records=records,
            findings=_findings(newest, names, period, sources),
            alerts=_alerts(node, newest, period, sources),
            source=sources.add("exchange", "objects", f"as {member or clearance}", len(newest), period.as_of),
        )
        everything = list(_newest([made for _, made in objects_then(node, node.me(), period)]).values())
    finally:
        node.store.close()
    return facts, everything


def _moment(node: Node, period: Period) -> datetime:
    """The end of the day, but never later than the node's time: the embargo until tonight stands this morning."""
    return min(period.end, node.store.now())


def _newest(seen: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for made in seen:
        known = found.get(made["id"])
        if known is None or str(made.get("modified", "")) >= str(known.get("modified", "")):
            found[made["id"]] = made
    return dict(sorted(found.items()))


def _level(made: dict[str, Any]) -> str:
    return next((TLP_IDS[ref] for ref in made.get("object_marking_refs", ()) if ref in TLP_IDS), "")


def _title(made: dict[str, Any], others: dict[str, dict[str, Any]]) -> str:
    if made["type"] == "sighting":
        return _title(others.get(made.get("sighting_of_ref", ""), {"type": "", "name": "-"}), others)
    text = str(made.get("name") or made.get("abstract") or made.get("content") or made.get("id", "-"))
    return text if len(text) <= 160 else f"{text[:157]}…"


def _source(made: dict[str, Any], sources: Sources) -> str:
    when = str(made.get("modified") or made.get("created") or "")
    return sources.add("exchange", made["id"], made["id"], 1, when[:10], records=[made["id"]])


def _records(
    newest: dict[str, dict[str, Any]], names: dict[str, str], period: Period, sources: Sources
) -> tuple[ExchangeRecord, ...]:
    found = []
    for made in newest.values():
        modified = str(made.get("modified") or made.get("created") or "")
        if made["type"] not in LISTED or not period.within(modified):
            continue
        if extension_of(made, "acknowledgement") is not None:
            continue
        created = str(made.get("created", ""))
        change = "new" if period.within(created) else "changed"
        if made.get("revoked") or extension_of(made, "tombstone") is not None:
            change = "withdrawn"
        creator = str(made.get("created_by_ref", ""))
        found.append(
            ExchangeRecord(
                made["id"],
                made["type"],
                _title(made, newest),
                _level(made),
                names.get(creator, creator),
                created,
                modified,
                change,
                _source(made, sources),
            )
        )
    return tuple(sorted(found, key=lambda one: (one.type, one.modified, one.id)))


def _findings(
    newest: dict[str, dict[str, Any]], names: dict[str, str], period: Period, sources: Sources
) -> tuple[FindingFacts, ...]:
    """Measurements of the same count on the same system: of one institute alone, they wait for a replication."""
    grouped: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for made in newest.values():
        body = extension_of(made, "measurement")
        if made["type"] != "sighting" or body is None:
            continue
        subject = body.get("subject", {})
        key = (made["sighting_of_ref"], str(body.get("counted", "")), str(subject.get("name", "")))
        grouped[key].append(made)
    found = []
    for (ref, counted, system), sightings in sorted(grouped.items()):
        rates = []
        for made in sorted(sightings, key=lambda one: (str(one.get("created")), one["id"])):
            body, rate = extension_of(made, "measurement") or {}, measured(made)
            if rate is not None:
                creator = str(made.get("created_by_ref", ""))
                row = (int(body["observed_count"]), int(body["trial_count"]), rate.low, rate.high)
                rates.append((names.get(creator, creator), *row))
        institutes = tuple(dict.fromkeys(rate[0] for rate in rates))
        apart = any(
            one[4] < other[3] or other[4] < one[3] for one in rates for other in rates if one[0] != other[0]
        )
        status = "open" if len(institutes) < 2 else "disagree" if apart else "agree"
        about = newest.get(ref, {"type": "", "id": ref, "name": ref})
        ids = [made["id"] for made in sightings]
        found.append(
            FindingFacts(
                ref,
                _title(about, newest),
                counted,
                system,
                institutes,
                tuple(rates),
                status,
                sources.add(
                    "exchange",
                    f"sightings of {ref}: {counted}, {system}",
                    ", ".join(ids),
                    len(ids),
                    period.as_of,
                    records=ids,
                ),
            )
        )
    return tuple(found)


def _alerts(
    node: Node, newest: dict[str, dict[str, Any]], period: Period, sources: Sources
) -> tuple[AlertFacts, ...]:
    """Alerts that the reader sees, with the answers by the day."""
    found = []
    for made in newest.values():
        body = extension_of(made, "alert")
        if body is None:
            continue
        answers = [
            one
            for collection in node.store.collections()
            for one in _answers(node, made["id"], collection.alias or collection.id, period)
        ]
        times = median_time(tuple(answers))
        found.append(
            AlertFacts(
                made["id"],
                _title(made, newest),
                str(made.get("created", "")),
                bool(body.get("drill")),
                len(body.get("audience", ())),
                sum(one.after is not None for one in answers),
                sum(bool(one.overdue) for one in answers),
                None if times is None else times.total_seconds() / 3600,
                _source(made, sources),
            )
        )
    return tuple(sorted(found, key=lambda one: (one.created, one.id)))


def _answers(node: Node, alert: str, collection: str, period: Period) -> tuple[Any, ...]:
    try:
        answers = responses(node, alert, collection=collection, now=_moment(node, period))
        sent = next(
            str(made["created"]) for _, made in objects_then(node, node.me(), period) if made["id"] == alert
        )
    except (UnknownNameError, StopIteration):
        return ()
    began = datetime.fromisoformat(sent)
    return tuple(
        one
        if one.after is None or began + one.after <= period.end
        else replace(one, after=None, state="waiting")
        for one in answers
    )


def counted_by_type(everything: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """How many objects there are of each listed type and TLP level, whoever may see them."""
    return Counter(
        (made["type"], _level(made) or "none")
        for made in everything
        if made["type"] in LISTED and extension_of(made, "acknowledgement") is None
    )
