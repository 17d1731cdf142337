"""Evidence as dated records of the ledger: found, not found, not checked; and what the organization answers.

An indicator of public evidence, not a grade of virtue: that something was found says that it was found, and that it was
not found says where and when it was looked for. Records are never changed: a later one supersedes, a retraction hides,
and what stood there is still counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date as calendar_day
from typing import TYPE_CHECKING, Any, Literal

from kakehashi.commitments.catalog import Catalog
from kakehashi.commitments.records import Words
from kakehashi.errors import InputError, UnknownNameError
from kakehashi.model.tlp import LEVELS, may_show

if TYPE_CHECKING:
    from kakehashi.ledger import Ledger, Record

FINDINGS = ("found", "not-found", "not-checked")
LINKS = ("run", "exchange", "document", "url")
State = Literal["found", "not-found", "gone", "not-checked"]


@dataclass(frozen=True, slots=True)
class EvidenceLink:
    """What was found.

    Attributes:
        type: One of :data:`LINKS`.
        ref: Name of the run, id of the object, name of the document, or address.
        title: What it is.
        sha256: Hash of the document's or the object's bytes; for a run the id of its record.
        version: Version of the object.
    """

    type: str
    ref: str
    title: str = ""
    sha256: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """That what was linked is there no more, and why."""

    reason: str
    date: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the organization named answers.

    Attributes:
        id: Id of its record.
        target: Id of the evidence that it answers.
        organization: The organization.
        date: Day of the reply.
        author: Who entered it.
        text: The reply, in each language that it was given in.
        link: Where it was published, if it was.
        marking: TLP level.
    """

    id: str
    target: str
    organization: str
    date: str
    author: str
    text: Words
    link: EvidenceLink | None
    marking: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One dated record of evidence.

    Attributes:
        id: Id of its record in the ledger.
        organization: Whose evidence it is.
        provisions: What it is attached to.
        finding: One of :data:`FINDINGS`.
        date: Day on which it was found or searched for.
        created: When the record was made.
        author: Who says so.
        link: What was found.
        searched: Where it was searched.
        marking: TLP level.
        note: What the reader must know.
        gone: Where the link is there no more.
        replies: What the organization answers, in the order of time.
    """

    id: str
    organization: str
    provisions: tuple[str, ...]
    finding: str
    date: str
    created: str
    author: str
    link: EvidenceLink | None
    searched: str
    marking: str
    note: Words
    gone: Gone | None = None
    replies: tuple[Reply, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceBook:
    """All evidence of a ledger.

    Attributes:
        entries: What stands, in the order of the log.
        withdrawn: Number of evidence records, of those that readers may see, that were retracted or superseded.
        withheld: Number of records that readers of the clearance do not see; never printed where they read.
        size: Number of records of the ledger.
        root: Its Merkle root.
    """

    entries: tuple[Evidence, ...]
    withdrawn: int
    withheld: int
    size: int
    root: str

    def of(self, organization: str, provision: str) -> tuple[Evidence, ...]:
        """What is attached to a provision for an organization, oldest first."""
        found = (e for e in self.entries if e.organization == organization and provision in e.provisions)
        return tuple(sorted(found, key=lambda e: e.date))


def evidence_body(
    catalog: Catalog,
    *,
    organization: str,
    provisions: Sequence[str],
    finding: str,
    date: str,
    author: str,
    created: str,
    link: EvidenceLink | None = None,
    searched: str = "",
    marking: str = "clear",
    note: Mapping[str, str] | None = None,
    today: calendar_day | None = None,
) -> dict[str, Any]:
    """A record of evidence, checked.

    Args:
        catalog: What is known of organizations and provisions.
        organization: Identifier or name of the organization.
        provisions: Provisions that it is attached to.
        finding: One of :data:`FINDINGS`.
        date: Day on which it was found or searched for, such as ``"2026-11-25"``.
        author: Who says so.
        created: When the record is made.
        link: What was found; must be there where the finding is ``found``.
        searched: Where it was searched; must be said where the finding is ``not-found``.
        marking: TLP level.
        note: What the reader must know, by language.
        today: Day that nothing may be later than.

    Raises:
        UnknownNameError: No such organization, provision, finding or marking.
        InputError: A date that is none or lies ahead, a finding without what it needs.
    """
    who = catalog.organization(organization).id
    if not provisions:
        raise InputError("evidence must be attached to at least one provision")
    for name in provisions:
        check_provision(catalog, name)
    if finding not in FINDINGS:
        raise UnknownNameError("finding", finding, FINDINGS)
    check_day(date, "the date of the evidence", today)
    check_marking(marking)
    if not author.strip():
        raise InputError("evidence needs an author", hint="Name it with --author.")
    if finding == "found" and link is None:
        raise InputError(
            "'found' needs what was found", hint="Give one of --run, --exchange, --document, --url."
        )
    if finding == "not-found" and not searched.strip():
        raise InputError(
            "'not-found' needs where it was searched", hint="Say it with --searched, and when with --date."
        )
    if finding != "found" and link is not None and link.type != "url":
        raise InputError(f"{finding!r} cannot carry a {link.type}: nothing was found", hint="Use --searched.")
    body: dict[str, Any] = {
        "kind": "evidence",
        "created": created,
        "author": author,
        "organization": who,
        "provisions": list(dict.fromkeys(provisions)),
        "finding": finding,
        "date": date,
        "marking": marking,
    }
    if link is not None:
        body["link"] = link_body(link)
    if searched:
        body["searched"] = searched
    if note:
        body["note"] = dict(note)
    return body


def reply_body(
    target: Evidence,
    *,
    date: str,
    author: str,
    created: str,
    text: Mapping[str, str],
    link: EvidenceLink | None = None,
    marking: str | None = None,
    today: calendar_day | None = None,
) -> dict[str, Any]:
    """A reply of the organization that evidence is about; arguments and errors as for :func:`evidence_body`."""
    check_day(date, "the date of the reply", today)
    if date < target.date:
        raise InputError(f"a reply of {date} cannot answer evidence of {target.date}")
    if not text:
        raise InputError("a reply needs a text", hint="Give it with --text-en or --text-ja.")
    level = target.marking if marking is None else marking
    check_marking(level)
    body: dict[str, Any] = {
        "kind": "reply",
        "created": created,
        "author": author,
        "organization": target.organization,
        "target": target.id,
        "date": date,
        "text": dict(text),
        "marking": level,
    }
    if link is not None:
        body["link"] = link_body(link)
    return body


def read_evidence(
    ledger: "Ledger", *, clearance: str = "red", gone: Mapping[str, Gone] | None = None
) -> EvidenceBook:
    """The evidence of an open ledger.

    A run that was retracted is gone; what else is gone (a withdrawn record of the exchange, a document that was
    changed) is for the caller to say, since this room does not look there.

    Args:
        ledger: The ledger.
        clearance: TLP level up to which is shown.
        gone: Id of evidence → why its link is there no more.
    """
    check_marking(clearance)
    hidden = ledger.hidden()
    everything = ledger.records(include_hidden=True)
    dead = dict(gone or {})
    at = {record.id: record.text("created")[:10] for record in everything}
    replies: dict[str, list[Reply]] = {}
    entries, withdrawn, withheld = [], 0, 0
    for record in everything:
        if record.kind not in ("evidence", "reply"):
            continue
        if not may_show(record.text("marking"), clearance):
            withheld += record.id not in hidden
            continue
        if record.id in hidden:
            withdrawn += record.kind == "evidence"
            continue
        if record.kind == "reply":
            replies.setdefault(record.text("target"), []).append(_reply(record))
            continue
        link = _link(record.body.get("link"))
        if link is not None and link.type == "run" and link.sha256 in hidden and record.id not in dead:
            why = hidden[link.sha256]
            dead[record.id] = Gone(f"{why.how}: {why.reason}", at.get(why.by, ""))
        entries.append((record, link))
    head = ledger.root()
    return EvidenceBook(
        tuple(
            _evidence(record, link, dead.get(record.id), replies.get(record.id, []))
            for record, link in entries
        ),
        withdrawn,
        withheld,
        head.size,
        head.root_hex,
    )


def find_evidence(book: EvidenceBook, prefix: str) -> Evidence:
    """The evidence of an id or of its beginning.

    Raises:
        UnknownNameError: There is none, or several begin so.
    """
    found = [e for e in book.entries if e.id.startswith(prefix)]
    if len(found) != 1 or len(prefix) < 4:
        raise UnknownNameError(
            "evidence",
            prefix,
            [e.id[:12] for e in book.entries],
            hint="See: kakehashi commitments evidence list",
        )
    return found[0]


def state_of(entries: Iterable[Evidence]) -> State:
    """What stands in a cell: what the latest evidence says; of one day, what was found.

    What is gone decides only where nothing else is there.
    """
    alive = [e for e in entries if e.gone is None]
    told = sorted(
        (e for e in alive if e.finding != "not-checked"), key=lambda e: (e.date, e.finding == "found")
    )
    if told:
        return "found" if told[-1].finding == "found" else "not-found"
    return "gone" if any(e.gone is not None for e in entries) else "not-checked"


def check_provision(catalog: Catalog, name: str) -> None:
    """Refuse what is no provision, or only gathers others.

    Raises:
        UnknownNameError: There is none; the nearest are suggested.
        InputError: It is a heading.
    """
    found = catalog.provision(name)
    if found is None:
        known = [one.id for each in catalog.instruments.values() for one in each.provisions]
        raise UnknownNameError("provision", name, known)
    if found.heading:
        raise InputError(
            f"{name} only gathers the provisions that follow it",
            hint=f"See: kakehashi commitments show {found.instrument}",
        )


def check_day(text: str, what: str, today: calendar_day | None = None) -> None:
    """Refuse what is no whole date, or lies ahead.

    Raises:
        InputError: It is none, or in the future.
    """
    try:
        day = calendar_day.fromisoformat(text)
    except ValueError:
        raise InputError(f"{what}: {text!r} is no date", hint="Write 2026-11-25.") from None
    if day.isoformat() != text:
        raise InputError(f"{what}: {text!r} is no date", hint="Write 2026-11-25.")
    if day > (today or calendar_day.today()):
        raise InputError(f"{what}, {text}, is in the future")


def check_marking(level: str) -> None:
    """Refuse what is no TLP level: a marking that cannot be decided shows nothing.

    Raises:
        UnknownNameError: It is none.
    """
    if level not in LEVELS:
        raise UnknownNameError("marking", level, LEVELS)


def link_body(link: EvidenceLink) -> dict[str, str]:
    """A link as it stands in a record."""
    said = {
        "type": link.type,
        "ref": link.ref,
        "title": link.title,
        "sha256": link.sha256,
        "version": link.version,
    }
    return {key: value for key, value in said.items() if value}


def _link(body: Any) -> EvidenceLink | None:
    return EvidenceLink(**body) if isinstance(body, Mapping) else None


def _reply(record: "Record") -> Reply:
    body = record.body
    return Reply(
        record.id,
        record.text("target"),
        record.text("organization"),
        record.text("date"),
        record.text("author"),
        body["text"],
        _link(body.get("link")),
        record.text("marking"),
    )


def _evidence(
    record: "Record", link: EvidenceLink | None, gone: Gone | None, replies: list[Reply]
) -> Evidence:
    body = record.body
    return Evidence(
        id=record.id,
        organization=record.text("organization"),
        provisions=tuple(body["provisions"]),
        finding=record.text("finding"),
        date=record.text("date"),
        created=record.text("created"),
        author=record.text("author"),
        link=link,
        searched=record.text("searched"),
        marking=record.text("marking"),
        note=body.get("note", {}),
        gone=gone,
        replies=tuple(sorted(replies, key=lambda r: r.date)),
    )
