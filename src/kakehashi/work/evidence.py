"""Evidence in a workspace: runs, records of the exchange, documents and addresses attached to provisions."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date as calendar_day
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Required, TypedDict, Unpack

from kakehashi.commitments import Catalog
from kakehashi.commitments.evidence import (
    Evidence,
    EvidenceBook,
    EvidenceLink,
    Gone,
    check_marking,
    evidence_body,
    find_evidence,
    read_evidence,
    reply_body,
)
from kakehashi.errors import InputError, UnknownNameError, UsageError
from kakehashi.ledger import Entry, Ledger, now_utc
from kakehashi.ledger.files import read_bytes, write_whole
from kakehashi.model.tlp import LEVELS
from kakehashi.work.seal import open_ledger
from kakehashi.work.workspace import Workspace

if TYPE_CHECKING:
    from kakehashi.exchange.store import Entry as StoredEntry

#: Most bytes of a document.
LARGEST = 64 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be attached: exactly one of them.

    Attributes:
        run: A run of the ledger, or the beginning of its name.
        exchange: Id of an object in the workspace's node.
        document: A file; a copy is kept by its hash.
        url: An address; nothing is fetched.
        title: What it is, for the reader.
    """

    run: str = ""
    exchange: str = ""
    document: Path | None = None
    url: str = ""
    title: str = ""


class Asked(TypedDict, total=False):
    """What evidence says.

    Attributes:
        organization: Identifier or name.
        provisions: Provisions that it is attached to.
        finding: ``found``, ``not-found`` or ``not-checked``.
        date: Day on which it was found or searched for.
        author: Who says so.
        source: What was found.
        searched: Where it was searched.
        marking: TLP level; that of the linked object, else CLEAR, unless said.
        note: What the reader must know, by language.
        today: Day that nothing may be later than.
    """

    organization: Required[str]
    provisions: Required[Sequence[str]]
    finding: Required[str]
    date: Required[str]
    author: Required[str]
    source: Source | None
    searched: str
    marking: str | None
    note: Mapping[str, str] | None
    today: calendar_day | None


def add_evidence(catalog: Catalog, place: Workspace, *, supersedes: str = "", **asked: Unpack[Asked]) -> str:
    """Attach evidence; returns the id of its record.

    A record of the exchange passes its own marking on: evidence is never marked lower than what it links to.

    Args:
        catalog: Organizations and provisions.
        place: The workspace.
        supersedes: Id of the evidence that it takes the place of.
        asked: See :class:`Asked`.

    Raises:
        UnknownNameError: No such organization, provision, run, object or marking.
        InputError: A document that cannot be read, a date that lies ahead, a finding without what it needs.
    """
    made = prepare_evidence(catalog, place, **asked)
    old = find_evidence(load_evidence(place), supersedes) if supersedes else None
    if old is not None and old.organization != made.body["organization"]:
        raise UsageError(
            f"evidence of {old.organization} cannot be superseded by evidence of {made.body['organization']}"
        )
    return append_evidence(place, [made], supersedes=old.id if old is not None else "")[0]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record that was checked and is not yet written, with the document that it needs."""

    body: Mapping[str, Any]
    document: bytes | None


def prepare_evidence(catalog: Catalog, place: Workspace, **asked: Unpack[Asked]) -> Prepared:
    """Check what :func:`add_evidence` takes, and write nothing; arguments and errors as there."""
    link, floor, data = _resolve(place, asked.get("source"))
    marking = asked.get("marking")
    if marking is not None and marking in LEVELS and LEVELS.index(marking) < LEVELS.index(floor):
        raise InputError(
            f"evidence cannot be marked {marking!r}: what it links to is marked {floor!r}",
            hint=f"Leave --marking out, or use --marking {floor}.",
        )
    body = evidence_body(
        catalog,
        organization=asked["organization"],
        provisions=asked["provisions"],
        finding=asked["finding"],
        date=asked["date"],
        author=asked["author"],
        created=now_utc(),
        link=link,
        searched=asked.get("searched", ""),
        marking=floor if marking is None else marking,
        note=asked.get("note"),
        today=asked.get("today"),
    )
    return Prepared(body, data)


def append_evidence(place: Workspace, prepared: Sequence[Prepared], *, supersedes: str = "") -> list[str]:
    """Write records that were prepared, all of them in one write; returns their ids.

    Args:
        place: The workspace.
        prepared: The records; where one is superseded, one record.
        supersedes: Id of the record that the first takes the place of.
    """
    for one in prepared:
        if one.document is not None:
            path = place.documents / str(one.body["link"]["sha256"])
            if not path.exists() or sha256(read_bytes(path)).hexdigest() != path.name:
                write_whole(path, one.document)
    with open_ledger(place.ledger, write=True) as ledger:
        return ledger.append_all(
            [Entry(one.body) for one in prepared],
            replaces={0: supersedes} if supersedes else None,
            reason="newer evidence" if supersedes else "",
        )


def add_reply(
    place: Workspace,
    target: str,
    *,
    date: str,
    author: str,
    text: Mapping[str, str],
    url: str = "",
    marking: str | None = None,
    today: calendar_day | None = None,
) -> str:
    """Enter what the organization named answers to a piece of evidence; returns the id of the record."""
    found = find_evidence(load_evidence(place), target)
    link = None if not url else EvidenceLink("url", _address(url))
    body = reply_body(
        found, date=date, author=author, created=now_utc(), text=text, link=link, marking=marking, today=today
    )
    with open_ledger(place.ledger, write=True) as ledger:
        return ledger.append(body)


def retract_evidence(place: Workspace, target: str, *, reason: str, author: str) -> str:
    """Withdraw a piece of evidence; it is counted from then on, not shown."""
    found = find_evidence(load_evidence(place), target)
    with open_ledger(place.ledger, write=True) as ledger:
        return ledger.retract(found.id, reason, author)


def load_evidence(place: Workspace, *, clearance: str = "red") -> EvidenceBook:
    """The evidence of a workspace, with what is gone said of runs, exchange records and documents.

    A workspace without a ledger holds none.
    """
    check_marking(clearance)
    if not (place.ledger / "ledger.json").exists():
        return EvidenceBook((), 0, 0, 0, "")
    with Ledger.open(place.ledger) as ledger:
        first = read_evidence(ledger)
        return read_evidence(ledger, clearance=clearance, gone=_gone(place, first.entries))


def _gone(place: Workspace, entries: Sequence[Evidence]) -> dict[str, Gone]:
    found: dict[str, Gone] = {}
    objects = [e for e in entries if e.link is not None and e.link.type == "exchange"]
    alive = _objects(place, [e.link.ref for e in objects if e.link is not None]) if objects else None
    for entry in entries:
        link = entry.link
        if link is None:
            continue
        if link.type == "exchange" and alive is not None and link.ref not in alive:
            found[entry.id] = Gone("withdrawn from the exchange, or revoked", "")
        if link.type == "document":
            path = place.documents / link.sha256
            if not path.is_file():
                found[entry.id] = Gone("the document is no longer in the workspace", "")
            elif sha256(read_bytes(path)).hexdigest() != link.sha256:
                found[entry.id] = Gone("the document was changed", "")
    return found


def _objects(place: Workspace, refs: Sequence[str]) -> "dict[str, StoredEntry] | None":
    """Objects of the node by id, without those revoked; ``None`` where there is no node to ask."""
    from kakehashi.exchange import Node

    if not Node.is_here(place.exchange):
        return None
    from kakehashi.exchange.store import Filters

    node = Node.open(place.exchange)
    found: dict[str, StoredEntry] = {}
    asked, most = Filters(ids=frozenset(refs)), max(1, len(set(refs)))
    with closing(node.store):
        for collection in node.store.collections():
            for entry in node.store.page(node.me(), collection.id, asked, limit=most).entries:
                if not json.loads(entry.data).get("revoked"):
                    found[entry.id] = entry
    return found


def find_object(place: Workspace, ref: str) -> "StoredEntry":
    """An object of the workspace's node.

    Raises:
        InputError: There is no node.
        UnknownNameError: There is no such object, or it was withdrawn.
    """
    found = _objects(place, [ref])
    if found is None:
        raise InputError(
            "there is no node in this workspace", path=place.exchange, hint="Run: kakehashi exchange init"
        )
    if ref not in found:
        raise UnknownNameError("object", ref, hint="See: kakehashi exchange list")
    return found[ref]


def stored_object(place: Workspace, ref: str) -> bytes | None:
    """The bytes of an object as the node keeps them; ``None`` where it is not there."""
    found = _objects(place, [ref])
    return found[ref].data if found is not None and ref in found else None


def level_of(body: Mapping[str, Any]) -> str:
    """The TLP level of an object of the node; RED where it has none, or any marking that says more than a level."""
    from kakehashi.exchange.ids import TLP_IDS

    refs = body.get("object_marking_refs", ())
    if not refs or body.get("granular_markings") or any(ref not in TLP_IDS for ref in refs):
        return "red"
    return max((TLP_IDS[ref] for ref in refs), key=LEVELS.index)


def _resolve(place: Workspace, source: Source | None) -> tuple[EvidenceLink | None, str, bytes | None]:
    if source is None:
        return None, "clear", None
    given = [bool(source.run), bool(source.exchange), source.document is not None, bool(source.url)]
    if sum(given) == 0:
        return None, "clear", None
    if sum(given) > 1:
        raise UsageError(
            "evidence links to one thing: a run, a record of the exchange, a document or an address"
        )
    if source.run:
        return _run(place, source), "clear", None
    if source.exchange:
        stored = find_object(place, source.exchange)
        body = json.loads(stored.data)
        title = source.title or str(body.get("name", body["type"]))
        link = EvidenceLink("exchange", stored.id, title, sha256(stored.data).hexdigest(), stored.version)
        return link, level_of(body), None
    if source.document is not None:
        return _document(source.document, source.title)
    return EvidenceLink("url", _address(source.url), source.title), "clear", None


def _run(place: Workspace, source: Source) -> EvidenceLink:
    with open_ledger(place.ledger, write=False) as ledger:
        runs = {record.text("run"): record for record in ledger.records(kind="run")}
    names = [name for name in runs if name == source.run] or [n for n in runs if n.startswith(source.run)]
    if len(names) != 1:
        raise UnknownNameError("run", source.run, list(runs))
    record = runs[names[0]]
    title = source.title or ("sealed before it was complete" if record.body.get("partial") else "")
    return EvidenceLink("run", names[0], title, record.id)


def _document(path: Path, title: str) -> tuple[EvidenceLink, str, bytes]:
    if not path.is_file():
        raise InputError("no such document", path=path)
    if path.stat().st_size > LARGEST:
        raise InputError(f"larger than {LARGEST >> 20} MiB", path=path)
    data = read_bytes(path)
    return EvidenceLink("document", path.name, title or path.name, sha256(data).hexdigest()), "clear", data


def _address(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+\S*", text) or "@" in text.split("/")[2]:
        raise InputError(
            f"{text!r} is not an address that readers can open", hint="Write https://… without a password."
        )
    return text
