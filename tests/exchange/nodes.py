"""Members, markings and stores for tests of the exchange."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from stix_corpus import ours, stix_id, whole

from kakehashi.exchange.database import Database
from kakehashi.exchange.ids import TLP_2
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.postgres import PostgresDatabase
from kakehashi.exchange.sql_store import SqlStore
from kakehashi.exchange.store import Collection, Filters

FINDINGS = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
EVERYTHING = Filters(versions=frozenset({"all"}))
FAR = datetime(2100, 1, 1, tzinfo=UTC)


def member(number: int, **rights: object) -> Caller:
    """Member ``number`` with rights: full in both collections unless said otherwise."""
    given = {
        "clearance": "red",
        "communities": {"network"},
        "caveats": (),
        "reads": {FINDINGS, OTHER},
        "writes": {FINDINGS, OTHER},
        "roles": (),
    } | rights
    sets = {name: frozenset(value) for name, value in given.items() if name != "clearance"}
    return Caller(stix_id("identity", number), given["clearance"], **sets)


#: Gives the address of a fresh PostgreSQL database for the next store, where it is not to be an embedded one.
fresh_address: Callable[[], str] | None = None


def database_at(place: Path | str) -> Database | Path:
    """The database at a path or an address."""
    return PostgresDatabase(place) if isinstance(place, str) else place


def store_with(path: Path, *members: Caller) -> SqlStore:
    place = path / "node.sqlite" if fresh_address is None else fresh_address()
    store = SqlStore(database_at(place), create=True)
    store.add_collection(Collection(FINDINGS, "Findings", "findings"))
    store.add_collection(Collection(OTHER, "Other"))
    for one in members:
        store.put_member(one, one.identity[-12:])
    return store


def vulnerability(number: int, *refs: str, version: int = 0, **more: object) -> dict:
    """A vulnerability with these markings; ``version`` seconds after its creation."""
    made = whole("vulnerability", number, name=f"weakness {number}")
    del made["created_by_ref"], made["object_marking_refs"]
    made |= more
    if refs:
        made["object_marking_refs"] = list(refs)
    made["modified"] = f"2026-03-01T09:{version // 60:02d}:{version % 60:02d}.000Z"
    return made


def sharing(number: int, **body: object) -> dict:
    return whole("marking-definition", number, extensions=ours("sharing", **body))


def names(page: object) -> list[str]:
    return [entry.id for entry in page.entries]


GREEN, AMBER, RED = TLP_2["green"], TLP_2["amber"], TLP_2["red"]
