"""The store: nothing is lost, nothing is changed, and every change of visibility is a new entry."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from nodes import (
    AMBER,
    EVERYTHING,
    FAR,
    FINDINGS,
    GREEN,
    OTHER,
    RED,
    member,
    names,
    sharing,
    store_with,
    vulnerability,
)
from stix_corpus import stix_id, whole

from kakehashi.errors import CorruptFileError, DiskFullError, FormatVersionError, InputError
from kakehashi.exchange import sql_base, sql_read, sql_store
from kakehashi.exchange.records import extension_of, stored_bytes
from kakehashi.exchange.sql_base import Tables
from kakehashi.exchange.sql_store import SqlStore
from kakehashi.exchange.store import Filters

A, B, C = member(1), member(2), member(3, communities=())


@pytest.fixture
def store(tmp_path):
    made = store_with(tmp_path, A, B, C)
    yield made
    made.close()


def put(store, *objects, by=A, collection=FINDINGS):
    receipt = store.post(by, collection, objects)
    assert [o.failure for o in receipt.outcomes] == [None] * len(objects)
    return receipt


def seen(store, who, after=0, **more):
    return names(store.page(who, FINDINGS, EVERYTHING, after=after, limit=10_000, **more))


def test_stored_bytes_come_back_as_stored(store):
    obj = vulnerability(1, GREEN, description="é, 🜁, \u2028 and \\ stay")
    put(store, obj)
    (entry,) = store.page(B, FINDINGS).entries
    assert entry.data == stored_bytes(obj)
    assert json.loads(entry.data) == obj


def test_what_is_unsound_fails_alone_and_the_rest_is_stored(store):
    bad = [
        {"id": 7},
        "text",
        vulnerability(2, GREEN) | {"name": 7},
        vulnerability(3, GREEN, description="\ud800"),
    ]
    receipt = store.post(A, FINDINGS, [vulnerability(1, GREEN), *bad])
    assert [o.failure is None for o in receipt.outcomes] == [True, False, False, False, False]
    assert "name: not a string" in receipt.outcomes[3].failure
    assert seen(store, B) == [stix_id("vulnerability", 1)]


def test_the_same_envelope_again_gives_the_same_receipt_and_changes_nothing(store):
    first = store.post(A, FINDINGS, [vulnerability(1, GREEN)], key="k")
    assert store.post(A, FINDINGS, [vulnerability(1, GREEN)], key="k") == first
    assert [o.new for o in store.post(A, FINDINGS, [vulnerability(1, GREEN)]).outcomes] == [False]
    assert store.verify().head.size == 1


def test_a_version_is_never_overwritten(store):
    put(store, vulnerability(1, GREEN))
    (outcome,) = store.post(A, FINDINGS, [vulnerability(1, GREEN, description="another")]).outcomes
    assert outcome.failure == "this version is here with other content"


def test_nobody_writes_versions_of_anothers_object_nor_in_anothers_name(store):
    put(store, vulnerability(1, RED))
    taken = "this id is not available to you"
    for obj in (vulnerability(1, RED), vulnerability(1, GREEN, version=5)):
        assert store.post(B, FINDINGS, [obj]).outcomes[0].failure == taken
    forged = vulnerability(2, GREEN, created_by_ref=A.identity)
    assert store.post(B, FINDINGS, [forged]).outcomes[0].failure == "created_by_ref names another member"
    put(store, vulnerability(3, GREEN))
    put(store, vulnerability(3, GREEN), by=B)  # he sees the very same object: nothing to refuse
    assert store.post(A, OTHER, [vulnerability(3, GREEN)]).outcomes[0].failure is not None


def test_added_is_strictly_increasing_even_when_the_clock_goes_backwards(store, monkeypatch):
    class Backwards(datetime):
        calls = 0

        @classmethod
        def now(cls, tz=None):
            cls.calls += 1
            return datetime(2030, 1, 1, tzinfo=UTC) - timedelta(hours=cls.calls)

    monkeypatch.setattr(sql_base, "datetime", Backwards)
    for number in range(5):
        put(store, *(vulnerability(10 * number + n, GREEN) for n in range(3)))
    added = [entry.added for entry in store.page(B, FINDINGS).entries]
    assert added == sorted(set(added))
    assert len(added) == 15
    assert store.verify().findings == ()


def test_pages_are_cut_by_number_and_by_bytes_and_together_give_all(store):
    put(store, *(vulnerability(n, GREEN) for n in range(1, 31)))
    for limit, budget in ((7, 1 << 20), (100, 900), (1, 1)):
        found, after, more = [], 0, True
        while more:
            page = store.page(B, FINDINGS, limit=limit, budget=budget, after=after)
            assert 1 <= len(page.entries) <= limit
            found += names(page)
            after, more = page.entries[-1].seq, page.more
        assert found == [stix_id("vulnerability", n) for n in range(1, 31)]


def test_filters(store):
    put(
        store, vulnerability(1, GREEN), vulnerability(1, GREEN, version=3), vulnerability(1, GREEN, version=9)
    )
    put(store, whole("attack-pattern", 1, object_marking_refs=[GREEN]))

    def versions(*wanted):
        page = store.page(
            B, FINDINGS, Filters(types=frozenset({"vulnerability"}), versions=frozenset(wanted))
        )
        return [int(entry.version[17:19]) for entry in page.entries]

    assert versions("last") == [9]
    assert versions("first") == [0]
    assert versions("first", "last") == [0, 9]
    assert versions("all") == [0, 3, 9]
    assert versions("2026-03-01T09:00:03Z") == [3]  # the same moment, written otherwise
    assert names(store.page(B, FINDINGS, Filters(ids=frozenset({stix_id("attack-pattern", 1)})))) == [
        stix_id("attack-pattern", 1)
    ]
    assert store.page(B, FINDINGS, Filters(spec_versions=frozenset({"2.0"}))).entries == ()
    whole_page = store.page(B, FINDINGS).entries
    later = store.page(B, FINDINGS, Filters(added_after=whole_page[0].added)).entries
    assert later == whole_page[1:]


def test_restricting_an_object_restricts_its_history_and_relaxing_is_a_new_entry(store):
    audience = sharing(1, recipients=[B.identity])
    put(store, audience, vulnerability(1, GREEN))
    put(store, vulnerability(1, RED, audience["id"], version=1))
    assert seen(store, C) == []
    cursor = store.page(C, OTHER, EVERYTHING)
    assert cursor.entries == ()
    last = store.verify().head.size
    put(store, vulnerability(1, GREEN, version=2))
    assert (
        seen(store, C, after=last) == [stix_id("vulnerability", 1)] * 2
    )  # the first version is open again, and the third


def test_a_relationship_comes_when_its_second_end_does(store):
    relationship = whole("relationship", 1, object_marking_refs=[GREEN])
    put(store, relationship, vulnerability(1, GREEN))
    assert seen(store, B) == [stix_id("vulnerability", 1)]
    last = store.verify().head.size
    put(store, whole("course-of-action", 1, object_marking_refs=[GREEN]))
    assert seen(store, B, after=last) == [stix_id("course-of-action", 1), relationship["id"]]


def test_an_object_comes_when_its_marking_does(store):
    audience = sharing(1, communities=["network"])
    put(store, vulnerability(1, AMBER, audience["id"]))
    assert seen(store, B) == []
    last = store.verify().head.size
    put(store, audience)
    assert seen(store, B, after=last) == [audience["id"], stix_id("vulnerability", 1)]
    assert seen(store, C) == []


def test_the_end_of_an_embargo_is_enforced_at_once_and_entered_by_the_clock_task_once(store):
    embargo = sharing(1, embargo_until="2027-01-01T00:00:00.000Z", embargo_recipients=[B.identity])
    put(store, embargo, vulnerability(1, GREEN, embargo["id"]))
    put(store, whole("note", 1, object_refs=[stix_id("vulnerability", 1)], object_marking_refs=[GREEN]))
    before, after = (datetime(2026 + n, 6, 1, tzinfo=UTC) for n in (0, 1))
    assert len(seen(store, B, now=before)) == 3
    assert seen(store, C, now=before) == []
    assert len(seen(store, C, now=after)) == 3  # though the clock task has not run
    last = store.verify().head.size
    assert store.tick(before) == 0
    assert store.tick(after) == 3
    assert store.tick(after) == 0
    assert sorted(seen(store, C, after=last, now=after)) == sorted(
        [embargo["id"], stix_id("vulnerability", 1), stix_id("note", 1)]
    )


def test_whatever_opens_a_record_its_markings_come_before_it(store):
    # Else a partner that takes in one page at a time could not decide on the record, and would hold it for good.
    until = {"embargo_until": "2027-01-01T00:00:00.000Z", "embargo_recipients": [A.identity]}
    marks = [sharing(n, **until, communities=["network"]) for n in (1, 2)]
    marks.append(sharing(3, communities=["network"]) | {"object_marking_refs": [marks[0]["id"]]})
    refs = [one["id"] for one in marks]
    pattern = whole("attack-pattern", 1, object_marking_refs=[GREEN, *refs])
    wanted = [*refs, pattern["id"]]
    put(store, pattern, *marks)  # it stands before them in the envelope, and by its id

    def order():
        with store.reading() as con:
            return [row[0] for row in con.execute("SELECT id FROM objects ORDER BY seq")]

    assert order() == wanted
    assert store.tick(FAR) == 4
    assert order() == wanted
    assert store.put_member(member(3, communities={"network"}), "C", now=FAR) == 4
    assert order() == wanted


def test_wider_rights_bring_what_they_open_behind_the_cursor(store):
    audience = sharing(1, communities=["network"])
    put(store, audience, vulnerability(1, AMBER, audience["id"]), vulnerability(2, GREEN))
    last = store.verify().head.size
    assert store.put_member(member(3, communities={"network"}), "C") == 2
    assert seen(store, member(3, communities={"network"}), after=last) == [
        audience["id"],
        stix_id("vulnerability", 1),
    ]
    assert store.put_member(C, "C") == 0  # narrower: nothing to enter


def test_rights_are_those_of_the_snapshot_that_is_read_so_that_no_cursor_passes_what_they_opened(store):
    audience = sharing(1, communities=["network"])
    put(store, audience, vulnerability(1, AMBER, audience["id"]))
    last = store.verify().head.size
    store.put_member(member(3, communities={"network"}), "C")
    put(store, vulnerability(2, GREEN))
    # C's request had read his rights before they were widened, and reads its page after.
    assert seen(store, C, after=last) == [
        audience["id"],
        stix_id("vulnerability", 1),
        stix_id("vulnerability", 2),
    ]
    store.put_member(member(3, reads=()), "C")
    assert seen(store, C) == []


def test_a_clock_that_goes_backwards_does_not_hide_what_was_entered_at_the_end_of_an_embargo(
    store, monkeypatch
):
    until = datetime.now(UTC) + timedelta(hours=1)
    text = until.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    embargo = sharing(1, embargo_until=text, embargo_recipients=[B.identity])
    put(store, embargo, vulnerability(1, GREEN, embargo["id"]))

    class Clock(datetime):
        ahead = timedelta(hours=2)

        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + cls.ahead

    for module in (sql_store, sql_base, sql_read):
        monkeypatch.setattr(module, "datetime", Clock)
    assert store.tick() == 2
    Clock.ahead = timedelta(0)
    put(store, vulnerability(2, GREEN))
    assert seen(store, C, after=2) == [
        embargo["id"],
        stix_id("vulnerability", 1),
        stix_id("vulnerability", 2),
    ]


def test_deletion_leaves_a_tombstone_for_those_who_could_see_and_for_nobody_else(store, database):
    audience = sharing(1, recipients=[B.identity])
    put(store, audience, vulnerability(1, RED, audience["id"], description="canary-17"))
    last = store.verify().head.size
    with pytest.raises(PermissionError):
        store.withdraw(B, FINDINGS, stix_id("vulnerability", 1))
    assert store.withdraw(C, FINDINGS, stix_id("vulnerability", 1)) == 0  # he may not know that it exists
    assert store.withdraw(A, FINDINGS, stix_id("vulnerability", 1), reason="recalled") == 1
    (entry,) = store.page(B, FINDINGS, after=last).entries
    note = json.loads(entry.data)
    assert extension_of(note, "tombstone")["removed"] == stix_id("vulnerability", 1)
    assert seen(store, C) == []
    # A server's files are its administrator's: what stays in them until they are vacuumed is said in docs/exchange.md.
    for file in store.path.parent.iterdir() if database == "sqlite" else ():
        assert b"canary-17" not in file.read_bytes(), "what was deleted is gone from the disk too"
    (outcome,) = store.post(A, FINDINGS, [vulnerability(1, GREEN, version=9)]).outcomes
    assert outcome.failure == "this object was withdrawn"
    assert store.verify().findings == ()


def test_deleting_the_newest_version_neither_opens_nor_hides_the_older(store):
    put(store, vulnerability(1, GREEN))
    put(store, vulnerability(1, RED, version=1))
    assert store.withdraw(A, FINDINGS, stix_id("vulnerability", 1), versions=frozenset({"last"})) == 1
    assert seen(store, B) == []  # it had been restricted
    put(store, vulnerability(2, GREEN))
    put(store, vulnerability(2, GREEN, version=1))
    last = store.verify().head.size
    store.withdraw(A, FINDINGS, stix_id("vulnerability", 2), versions=frozenset({"last"}))
    assert stix_id("vulnerability", 2) in names(store.page(B, FINDINGS, after=last))


def test_markings_are_not_deleted(store):
    put(store, sharing(1, communities=["network"]))
    with pytest.raises(PermissionError, match="never deleted"):
        store.withdraw(A, FINDINGS, stix_id("marking-definition", 1))


def test_a_status_is_shown_to_its_poster_alone(store):
    receipt = put(store, vulnerability(1, GREEN))
    assert store.status(A, receipt.id) == receipt
    assert store.status(B, receipt.id) is None


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("objects", c)
        for c in ("data", "creator", "policy", "added", "version", "collection", "type", "salt", "kind")
    ]
    + [
        ("log", "entry"),
        ("log", "added"),
        ("heads", "policy"),
        ("heads", "creator"),
        ("heads", "collection"),
    ],
)
def test_verify_finds_a_changed_byte_wherever_it_is(store, table, column):
    put(store, vulnerability(1, GREEN), vulnerability(2, RED))
    assert store.verify().findings == ()
    with store.writing() as con:
        ref = con.execute(f"SELECT {column} FROM {table} LIMIT 1").fetchone()[0]
        raw = bytearray(ref if isinstance(ref, bytes) else ref.encode())
        raw[len(raw) // 2] ^= 1
        con.execute(
            f"UPDATE {table} SET {column} = ? WHERE {column} = ?",
            (bytes(raw) if isinstance(ref, bytes) else raw.decode(), ref),
        )
    assert store.verify().findings != ()


def test_verify_finds_a_missing_line_and_a_missing_object(store):
    put(store, *(vulnerability(n, GREEN) for n in range(1, 4)))
    with store.writing() as con:
        con.execute("DELETE FROM objects WHERE seq = 2")
        con.execute("DELETE FROM log WHERE seq = 2")
    assert {f.where for f in store.verify().findings} >= {"log", stix_id("vulnerability", 2)}


def test_a_full_disk_is_said_and_nothing_is_half_stored(store, database):
    if database != "sqlite":
        pytest.skip("the disk of a server is not filled here")
    put(store, vulnerability(1, GREEN))
    con = store.database._connection()
    con.execute(f"PRAGMA max_page_count = {con.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(DiskFullError):
        store.post(A, FINDINGS, [vulnerability(n, GREEN, description="x" * 4000) for n in range(2, 20)])
    con.execute("PRAGMA max_page_count = 100000")
    assert seen(store, B) == [stix_id("vulnerability", 1)]
    put(store, vulnerability(2, GREEN))
    assert store.verify().findings == ()


def test_what_is_no_node_is_said(tmp_path, store, database):
    with pytest.raises(InputError, match="no exchange node here"):
        SqlStore(tmp_path / "nothing.sqlite")
    (tmp_path / "junk.sqlite").write_bytes(b"junk" * 300)
    with pytest.raises(CorruptFileError):
        SqlStore(tmp_path / "junk.sqlite")
    store.set_meta("format", "kakehashi.exchange/2")
    with pytest.raises(FormatVersionError):
        SqlStore(store.database)


def test_quarantine_keeps_bytes_and_reasons_and_shows_them_to_no_partner(store):
    store.quarantine("a.json", [(b"{broken", ["not JSON"])])
    assert store.quarantined() == [("a.json", ["not JSON"], b"{broken")]
    assert seen(store, A, now=FAR) == []


def test_further_tables_are_made_whole_or_not_at_all_and_newer_ones_are_refused(tmp_path):
    store = store_with(tmp_path, A)
    schema = (
        "-- first; then\nCREATE TABLE IF NOT EXISTS one (a TEXT);\nCREATE TABLE IF NOT EXISTS two (b TEXT);\n"
    )
    tables = Tables("further", "2", schema)
    with pytest.raises(KeyError), store.writing():  # noqa: PT012 - what was under way is taken back as a whole
        store.ensure(tables)
        raise KeyError
    assert store.meta("further-tables") is None
    with store.rows(tables, write=True) as con:
        con.execute("INSERT INTO two VALUES ('x')")
    with store.rows(tables) as con:
        assert con.execute("SELECT COUNT(*) FROM two").fetchone()[0] == 1
    with pytest.raises(FormatVersionError):
        SqlStore(store.database).ensure(Tables("further", "1", schema))
    store.close()
