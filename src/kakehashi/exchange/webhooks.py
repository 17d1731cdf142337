"""Webhooks: addresses that are told of alerts, signed after Standard Webhooks 1.0.

Hosts are allowed by the node's administrator, exactly and one by one. What is new for the hook's member is put into
its queue in the transaction that moves the hook's place in the log, so that nothing is lost between the two; it leaves
the queue when the receiver has said 2xx. A crash in between sends it again with the same ``webhook-id``.

References:
    Standard Webhooks 1.0.0, https://github.com/standard-webhooks/standard-webhooks (spec/standard-webhooks.md).
"""

import base64
import hashlib
import hmac
import json
import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.exchange.alert_tables import ALERT_TABLES, note_event
from kakehashi.exchange.events import events_after, kind_of, log_size
from kakehashi.exchange.ids import TLP_IDS
from kakehashi.exchange.markings import marking_refs
from kakehashi.exchange.node import Node
from kakehashi.exchange.reads import note_reads
from kakehashi.exchange.records import extension_of, timestamp
from kakehashi.exchange.store import Filters
from kakehashi.proof import SigningKey

WHAT = ("alerts", "all")
#: Seconds until the next attempt, after the first, the second, …; after the last, a delivery is dead.
DELAYS = (5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 86400.0)
_TYPES = {
    "alert": "alert.released",
    "drill": "drill.released",
    "withdrawn": "object.withdrawn",
    "object": "object.added",
}


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook.

    Attributes:
        id: Names it.
        member: Identity of the member whose eyes it has.
        url: Where to.
        what: One of :data:`WHAT`.
        content: Whether the object goes along, or its ids and levels alone.
        ended: Why nothing more is sent, or ``""``.
        secret: What it signs with.
    """

    id: str
    member: str
    url: str
    what: str
    content: bool
    ended: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing that a hook has to send, or could not send.

    Attributes:
        hook: Id of the hook.
        seq: Place in the log.
        collection: Where the object stands.
        object: Its id.
        version: Its version.
        added: When it came into the log.
        attempts: How often it was tried.
        due: When it is tried next.
        reason: Why the last attempt failed.
    """

    hook: str
    seq: int
    collection: str
    object: str
    version: str
    added: str
    attempts: int
    due: str
    reason: str


def allow_host(node: Node, host: str, *, private: bool = False) -> None:
    """Let webhooks go to a host, by its exact name; to private and loopback addresses only where that is said.

    Raises:
        InputError: It is no host name or address.
    """
    name = host.strip().lower().strip("[]")
    if not name or (any(sign in name for sign in "/@:*? ") and not _is_address(name)):
        raise InputError(f"{host!r} is not the name of a host", hint="Give it as alerts.example.org.")
    with node.store.rows(ALERT_TABLES, write=True) as con:
        con.execute("DELETE FROM webhook_hosts WHERE host = ?", (name,))
        con.execute("INSERT INTO webhook_hosts VALUES (?, ?)", (name, int(private)))


def forbid_host(node: Node, host: str) -> None:
    """Take a host back; what waits for it fails until it is allowed again."""
    with node.store.rows(ALERT_TABLES, write=True) as con:
        con.execute("DELETE FROM webhook_hosts WHERE host = ?", (host.strip().lower(),))


def allowed_hosts(node: Node) -> Mapping[str, bool]:
    """The hosts that webhooks may go to, and whether private addresses of them are allowed."""
    with node.store.rows(ALERT_TABLES) as con:
        rows = con.execute("SELECT host, private FROM webhook_hosts ORDER BY host").fetchall()
    return {row[0]: bool(row[1]) for row in rows}


def check_url(node: Node, url: str) -> bool:
    """Whether private addresses are allowed for the host of an address.

    Raises:
        InputError: The address may not be used for a webhook.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        raise InputError("this is not an address", hint="Give https://host/path.") from None
    if parts.scheme not in ("https", "http") or not host or parts.username or parts.fragment:
        raise InputError("a webhook's address is https://host/path", hint="No user name and no fragment.")
    hosts = allowed_hosts(node)
    if host not in hosts:
        raise InputError(
            f"webhooks may not go to {host}", hint=f"Allow it: kakehashi exchange webhook allow {host}"
        )
    if parts.scheme == "http" and not hosts[host]:
        raise InputError(f"{host} without TLS would be read on the way", hint="Use https.")
    return hosts[host]


def add_hook(
    node: Node, url: str, member: str, *, what: str = "alerts", content: bool = False, shared: bool = False
) -> tuple[Hook, str]:
    """Register a webhook; it is told of what comes from now on.

    Args:
        node: The node.
        url: Where to; its host must be allowed.
        member: Name or identity of the member through whose eyes it looks.
        what: ``alerts`` (and drills), or ``all``.
        content: Whether the object goes along.
        shared: Whether to sign with a shared secret (HMAC) instead of a key pair (Ed25519).

    Returns:
        The hook and what its receiver needs to check signatures: a public key ``whpk_…``, or a secret ``whsec_…``.

    Raises:
        InputError: The address may not be used.
        UnknownNameError: No such member, or an unknown word for ``what``.
    """
    if what not in WHAT:
        raise UnknownNameError("kind of webhook", what, list(WHAT))
    check_url(node, url)
    identity = node.member(member).identity
    seed = secrets.token_bytes(32)
    text = base64.b64encode(seed).decode()
    secret = f"whsec_{text}" if shared else f"whsk_{text}"
    hook = Hook(f"hook-{uuid4().hex[:12]}", identity, url, what, content, "", secret)
    with node.store.rows(ALERT_TABLES, write=True) as con:
        size = int(con.execute("SELECT MAX(seq) FROM log").fetchone()[0] or 0)
        con.execute(
            "INSERT INTO webhooks VALUES (?, ?, ?, ?, ?, ?, ?, '')",
            (hook.id, identity, url, secret, what, int(content), size),
        )
    return hook, verifier_of(secret)


def verifier_of(secret: str) -> str:
    """What a receiver checks signatures with."""
    kind, _, text = secret.partition("_")
    if kind == "whsec":
        return secret
    public = SigningKey("webhook", base64.b64decode(text)).verifier.public
    return f"whpk_{base64.b64encode(public).decode()}"


def remove_hook(node: Node, hook_id: str) -> None:
    """Remove a webhook and what waits for it.

    Raises:
        UnknownNameError: There is none of that id.
    """
    with node.store.rows(ALERT_TABLES, write=True) as con:
        if con.execute("DELETE FROM webhooks WHERE id = ?", (hook_id,)).rowcount == 0:
            raise UnknownNameError("webhook", hook_id, hint="See: kakehashi exchange webhook list")
        con.execute("DELETE FROM webhook_queue WHERE hook = ?", (hook_id,))


def hooks(node: Node) -> tuple[Hook, ...]:
    """All webhooks."""
    with node.store.rows(ALERT_TABLES) as con:
        rows = con.execute(
            "SELECT id, member, url, what, content, ended, secret FROM webhooks ORDER BY id"
        ).fetchall()
    return tuple(Hook(r[0], r[1], r[2], r[3], bool(r[4]), r[5], r[6]) for r in rows)


def fill_queues(node: Node, *, now: datetime | None = None) -> int:
    """Put what is new for each hook's member into its queue; returns how many deliveries were added."""
    store, count = node.store, 0
    at = timestamp(
        now or datetime.now(UTC)
    )  # due at once, also where the clock went back behind the log's last line
    with store.rows(ALERT_TABLES) as con:
        places = con.execute("SELECT id, member, what, position FROM webhooks WHERE ended = ''").fetchall()
    upto = log_size(store)
    for hook, identity, what, begun in places:
        place = int(begun)
        while place < upto:
            caller = store.member(identity)
            if caller is None:
                break
            events, new = events_after(store, caller, place, upto, limit=500, now=now)
            wanted = [e for e in events if what == "all" or e.kind in ("alert", "drill")]
            with store.rows(ALERT_TABLES, write=True) as con:
                moved = con.execute(
                    "UPDATE webhooks SET position = ? WHERE id = ? AND position = ?", (new, hook, place)
                ).rowcount
                if moved == 0:  # another process was faster; its queue holds these
                    break
                for e in wanted:
                    con.execute(
                        "INSERT INTO webhook_queue VALUES (?, ?, ?, ?, ?, ?, 0, ?, 0, '')"
                        " ON CONFLICT DO NOTHING",
                        (hook, e.seq, e.collection, e.id, e.version, e.added, min(e.added, at)),
                    )
            count, place = count + len(wanted), new
    return count


_COLUMNS = "hook, seq, collection, object, version, added, attempts, due, reason"


def due_deliveries(
    node: Node, hook_id: str, *, now: datetime | None = None, limit: int = 100
) -> tuple[Delivery, ...]:
    """What a hook is to send by now, in the order of the log."""
    with node.store.rows(ALERT_TABLES) as con:
        rows = con.execute(
            f"SELECT {_COLUMNS} FROM webhook_queue WHERE hook = ? AND dead = 0 AND due <= ? ORDER BY seq LIMIT ?",
            (hook_id, timestamp(now or datetime.now(UTC)), limit),
        ).fetchall()
    return tuple(Delivery(*row) for row in rows)


def dead_deliveries(node: Node) -> tuple[Delivery, ...]:
    """What was given up; :func:`retry` tries it again."""
    with node.store.rows(ALERT_TABLES) as con:
        rows = con.execute(
            f"SELECT {_COLUMNS} FROM webhook_queue WHERE dead = 1 ORDER BY hook, seq"
        ).fetchall()
    return tuple(Delivery(*row) for row in rows)


def claim(node: Node, one: Delivery, seconds: float, *, now: datetime | None = None) -> bool:
    """Take a delivery for a while, so that no other process sends it at the same time."""
    until = timestamp((now or datetime.now(UTC)) + timedelta(seconds=seconds))
    with node.store.rows(ALERT_TABLES, write=True) as con:
        taken = con.execute(
            "UPDATE webhook_queue SET due = ? WHERE hook = ? AND seq = ? AND due = ? AND dead = 0",
            (until, one.hook, one.seq, one.due),
        ).rowcount
    return bool(taken)


def body_of_delivery(node: Node, hook: Hook, one: Delivery, *, now: datetime | None = None) -> bytes | None:
    """What is sent, decided at this moment; ``None`` where the hook's member may not see the object any more."""
    caller = node.store.member(hook.member)
    if caller is None or hook.ended:
        return None
    wanted = Filters(ids=frozenset({one.object}), versions=frozenset({one.version}))
    page = node.store.page(caller, one.collection, wanted, limit=1, now=now)
    if not page.entries:
        return None
    data = page.entries[0].data
    obj = json.loads(data)
    alert = extension_of(obj, "alert") or {}
    facts: dict[str, Any] = {
        "id": one.object,
        "version": one.version,
        "collection": one.collection,
        "date_added": one.added,
        "tlp": sorted(TLP_IDS[ref] for ref in marking_refs(obj) if ref in TLP_IDS),
    }
    facts |= {key: alert[key] for key in ("level", "deadline", "drill") if key in alert}
    if removed := (extension_of(obj, "tombstone") or {}).get("removed"):
        facts["removed"] = removed
    if hook.content:
        note_reads(node.store, hook.member, page.entries)
        facts["object"] = obj
    body = {"type": _TYPES[kind_of(data)], "timestamp": one.added, "data": facts}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def signed_headers(secret: str, message: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks.

    Args:
        secret: ``whsec_…`` (HMAC-SHA256) or ``whsk_…`` (Ed25519).
        message: Id of the message; the same for every attempt.
        at: Time of the attempt, in Unix seconds.
        body: The body, byte for byte.

    Examples:
        >>> secret = "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="  # the specification's own test vector
        >>> headers = signed_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
        >>> headers["webhook-signature"][:30]
        'v1a,tQ9V2XOqn7jL/DQenEFpqIugdB'
    """
    content = b".".join((message.encode(), str(at).encode(), body))
    kind, _, text = secret.partition("_")
    key = base64.b64decode(text)
    if kind == "whsec":
        mark = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    else:
        mark = "v1a," + base64.b64encode(SigningKey("webhook", key).sign(content)).decode()
    return {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": mark}


def message_id(one: Delivery) -> str:
    """The id of a delivery; the same however often it is tried."""
    return f"msg_{one.hook}_{one.seq}"


def delivered(node: Node, hook: Hook, one: Delivery) -> None:
    """The receiver took it: it leaves the queue, and counts as delivered to the hook's member."""
    with node.store.rows(ALERT_TABLES, write=True) as con:
        con.execute("DELETE FROM webhook_queue WHERE hook = ? AND seq = ?", (one.hook, one.seq))
        asked = con.execute(
            "SELECT alert FROM alert_events WHERE alert = ? AND recipient = ? AND event = 'queued'",
            (one.object, hook.member),
        ).fetchone()
        if asked is not None:
            note_event(con, one.object, hook.member, "delivered", detail="webhook")


def dropped(node: Node, one: Delivery) -> None:
    """The hook's member may not see it any more: it leaves the queue unsent."""
    with node.store.rows(ALERT_TABLES, write=True) as con:
        con.execute("DELETE FROM webhook_queue WHERE hook = ? AND seq = ?", (one.hook, one.seq))


def failed(
    node: Node,
    one: Delivery,
    reason: str,
    *,
    retry_after: float | None = None,
    gone: bool = False,
    now: datetime | None = None,
    delays: Sequence[float] = DELAYS,
) -> None:
    """Put a delivery off, with jitter; give it up after the last delay, or with its hook where the receiver is gone."""
    at, attempts = now or datetime.now(UTC), one.attempts + 1
    dead = gone or attempts > len(delays)
    wait = 0.0 if dead else delays[attempts - 1] * random.uniform(0.8, 1.2)
    if retry_after is not None and not dead:
        wait = max(wait, min(retry_after, 86400.0))
    with node.store.rows(ALERT_TABLES, write=True) as con:
        con.execute(
            "UPDATE webhook_queue SET attempts = ?, due = ?, dead = ?, reason = ? WHERE hook = ? AND seq = ?",
            (attempts, timestamp(at + timedelta(seconds=wait)), int(dead), reason[:200], one.hook, one.seq),
        )
        if gone:
            con.execute("UPDATE webhooks SET ended = ? WHERE id = ?", (reason[:200], one.hook))
            con.execute(
                "UPDATE webhook_queue SET dead = 1, reason = ? WHERE hook = ?", (reason[:200], one.hook)
            )


def retry(node: Node, hook_id: str, *, now: datetime | None = None) -> int:
    """Try a hook's dead deliveries again from the beginning, and let a hook that had ended go on.

    Returns:
        How many deliveries are tried again.

    Raises:
        UnknownNameError: There is no such hook.
    """
    with node.store.rows(ALERT_TABLES, write=True) as con:
        if con.execute("UPDATE webhooks SET ended = '' WHERE id = ?", (hook_id,)).rowcount == 0:
            raise UnknownNameError("webhook", hook_id, hint="See: kakehashi exchange webhook list")
        return int(
            con.execute(
                "UPDATE webhook_queue SET dead = 0, attempts = 0, due = ? WHERE hook = ? AND dead = 1",
                (timestamp(now or datetime.now(UTC)), hook_id),
            ).rowcount
        )


def _is_address(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True
