"""Pages that are kept: bounded, and the same as decided anew."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from nodes import AMBER, FINDINGS, GREEN, OTHER, member, names, sharing, store_with, vulnerability

from kakehashi.exchange.page_cache import PageCache
from kakehashi.exchange.store import Entry, Page

A, B = member(1), member(2)


def page(number: int, size: int) -> Page:
    return Page((Entry(number, "t", "id", "v", "2.1", b"x" * size),))


def test_what_was_asked_for_last_is_kept_and_no_more_than_the_bound():
    kept = PageCache(most_bytes=10_000)  # each counts 500 + 8 + 1000 + 500 bytes: four fit
    for number in range(6):
        kept.put(number, page(number, 1000))
        kept.get(0)
    assert [kept.get(n) is not None for n in range(6)] == [True, False, False, True, True, True]
    kept.put("large", page(9, 5000))  # more than a quarter of everything
    assert kept.get("large") is None
    kept.put(0, page(7, 1000))
    assert kept.get(0) == page(0, 1000)


def test_pages_of_several_callers_share_their_entries():
    kept = PageCache(most_bytes=20_000)  # one entry of 1,500 bytes, and as many pages of 508 bytes as fit: 36
    pages = [kept.put(n, page(1, 1000)) for n in range(40)]
    assert all(one.entries[0] is pages[0].entries[0] for one in pages)
    assert sum(kept.get(n) is not None for n in range(40)) == 36


def test_threads_may_share_it():
    kept = PageCache(most_bytes=20_000)

    def work(seed: int) -> bool:
        for n in range(2000):
            key = (seed * 7 + n) % 40
            found = kept.get(key)
            if found is not None and found != page(key, 400):
                return False
            kept.put(key, page(key, 400))
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert (
        sum(kept.get(n) is not None for n in range(40)) == 14
    )  # of 500 + 8 + 400 + 500 bytes each in 20,000


def test_the_same_page_is_given_until_something_is_entered_and_to_nobody_else(tmp_path):
    store = store_with(tmp_path, A, B)
    store.post(A, FINDINGS, [vulnerability(1, GREEN), vulnerability(2)])
    first = store.page(A, FINDINGS, kept=True)
    assert store.page(A, FINDINGS, kept=True) is first
    assert store.page(A, FINDINGS) == first
    assert (
        len(store.page(B, FINDINGS, kept=True).entries) == len(first.entries) - 1
    )  # unmarked: its creator's
    store.post(A, FINDINGS, [vulnerability(3, GREEN)])
    assert len(store.page(A, FINDINGS, kept=True).entries) == len(first.entries) + 1
    store.close()


def test_what_a_writer_sees_is_not_kept(tmp_path):
    store = store_with(tmp_path, A)
    store.post(A, FINDINGS, [vulnerability(1, GREEN)])
    try:
        with store.writing() as con:
            con.execute("DELETE FROM objects")
            assert store.page(A, FINDINGS, kept=True).entries == ()
            raise KeyError
    except KeyError:
        pass
    assert len(store.page(A, FINDINGS, kept=True).entries) == 1
    store.close()


def test_an_embargo_ends_for_kept_pages_too_and_again_where_the_clock_goes_backwards(tmp_path):
    store = store_with(tmp_path, A, B)
    embargo = sharing(1, embargo_until="2027-01-01T00:00:00.000Z", embargo_recipients=[A.identity])
    store.post(A, FINDINGS, [embargo, vulnerability(1, GREEN, embargo["id"])])
    before, end = datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    found = [len(store.page(B, FINDINGS, now=now, kept=True).entries) for now in (before, end, before, end)]
    assert found == [0, 2, 0, 2]
    store.close()


def test_a_kept_page_is_not_given_after_rights_narrowed_or_widened_though_no_line_was_written(tmp_path):
    """Narrowing, and widening that opens nothing here, write no line: the rights themselves are in the key."""
    store = store_with(tmp_path, A, B)
    network = sharing(1, communities=["network"])
    store.post(A, FINDINGS, [network, vulnerability(1, GREEN), vulnerability(2, AMBER, network["id"])])
    everything = names(store.page(B, FINDINGS, kept=True))
    assert len(everything) == 3
    lines = len(store.log_lines(0, 100))
    narrower = (
        (replace(B, clearance="green"), 2),  # the marking's level is none: who is of its audience sees it
        (replace(B, communities=frozenset()), 1),
        (replace(B, clearance=None), 0),
        (replace(B, reads=frozenset({OTHER})), 0),
        (replace(B, models=frozenset({"vendor/*"})), 1),  # markings alone concern everybody
    )
    for rights, sees in narrower:
        assert store.put_member(rights, "B") == 0
        assert len(store.log_lines(0, 100)) == lines
        kept = store.page(B, FINDINGS, kept=True)
        assert (kept, len(kept.entries)) == (store.page(B, FINDINGS), sees)
        store.put_member(B, "B")  # enters again what it opens
        assert sorted(names(store.page(B, FINDINGS, kept=True))) == sorted(everything)
        lines = len(store.log_lines(0, 100))
    store.close()


def test_two_members_never_share_a_kept_page_and_one_token_s_cut_rights_not_the_other_s(tmp_path):
    store = store_with(tmp_path, A, B)
    to_a, to_b = (sharing(n, recipients=[one.identity]) for n, one in ((1, A), (2, B)))
    store.post(A, FINDINGS, [to_a, to_b, vulnerability(1, AMBER, to_a["id"]), vulnerability(2)])
    store.post(B, FINDINGS, [vulnerability(3), vulnerability(4, GREEN)])
    for _ in range(2):  # decided, then kept: the two have the same rights word for word, but for who they are
        mine, theirs = (set(names(store.page(one, FINDINGS, kept=True))) for one in (A, B))
        assert mine == set(names(store.page(A, FINDINGS)))
        assert theirs == set(names(store.page(B, FINDINGS)))
        assert mine & theirs == {to_b["id"], vulnerability(4)["id"]}  # A made the one, B is named by it
        assert store.page(replace(A, reads=frozenset()), FINDINGS, kept=True).entries == ()
    store.close()
