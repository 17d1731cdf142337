import hashlib
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.evaluate.engine import ResponseCache
from kakehashi.evaluate.engine import cache as cache_module
from kakehashi.evaluate.engine.keyfilter import KeyFilter


def key(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


@settings(max_examples=30, deadline=None)
@given(st.sets(st.binary(min_size=32, max_size=32), max_size=60))
def test_a_key_that_was_added_is_never_missed(keys: set[bytes]) -> None:
    seen = KeyFilter()
    for one in keys:
        seen.add(one.hex())
    assert all(seen.may_hold(one.hex()) for one in keys)


def test_few_others_are_taken_for_one_of_them() -> None:
    seen = KeyFilter()
    for i in range(100_000):
        seen.add(key(i))
    # (1 - exp(-3 x 100,000 / 2^23))^3 = 4.3e-5: about 2 of 50,000.
    assert sum(seen.may_hold(key(f"other {i}")) for i in range(50_000)) < 20


def test_what_another_writes_is_found_a_moment_later(tmp_path: Path) -> None:
    with ResponseCache(tmp_path / "c") as one, ResponseCache(tmp_path / "c") as two:
        assert one.get(key(1)) is None
        for i in range(1, 4):
            two.put(key(i), str(i))
            two.flush()
            time.sleep(2 * cache_module._FRESH)
            assert one.get(key(i)) == str(i)
        assert one.get(key(9)) is None


def test_what_this_process_writes_is_found_at_once(tmp_path: Path) -> None:
    with ResponseCache(tmp_path / "c") as cache:
        for i in range(600):
            assert cache.get(key(i)) is None
            cache.put(key(i), str(i))
            if i % 50 == 49:
                cache.flush()
            assert cache.get(key(i)) == str(i)
        assert [cache.get(key(i)) for i in range(600)] == [str(i) for i in range(600)]


@pytest.mark.parametrize("most", [0, 5, 50_000])
def test_a_store_too_great_to_be_read_through_is_asked_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    with ResponseCache(tmp_path / "c") as cache:
        for i in range(20):
            cache.put(key(i), str(i))
    monkeypatch.setattr(cache_module, "_MOST_KEYS", most)
    with ResponseCache(tmp_path / "c") as cache:
        assert [cache.get(key(i)) for i in range(21)] == [*map(str, range(20)), None]
        cache.put(key(20), "20")
        cache.flush()
        assert cache.get(key(20)) == "20"
        assert (cache._filter is None) == (most < 20)
