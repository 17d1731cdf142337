from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.evaluate.engine.keyindex import KeyIndex

# Few first halves, and such as fall into neighbouring slots, so that keys collide.
keys = st.builds(
    lambda first, second: f"{first:016x}{second:048x}",
    st.integers(0, 3) | st.integers(1020, 1026) | st.integers(0, 2**64 - 1),
    st.integers(0, 2**192 - 1),
)


@settings(deadline=None)
@given(st.lists(keys, max_size=60))
def test_offsets_are_those_that_a_dictionary_by_first_half_holds_last_first(added: list[str]) -> None:
    index = KeyIndex()
    known: dict[str, list[int]] = {}
    for offset, key in enumerate(added):
        index.add(key if offset % 2 else key.encode(), offset)
        known.setdefault(key[:16], []).insert(0, offset)
    assert len(index) == len(added)
    for key in [*added, "0" * 64, "f" * 64]:
        assert index.offsets(key) == known.get(key[:16], [])


def test_nothing_is_lost_or_put_out_of_order_as_it_grows() -> None:
    index = KeyIndex()
    # The first thousand keys come twice; all of them crowd into a few runs of slots.
    work = [(number % 4999) * 3 for number in range(6000)]
    for offset, number in enumerate(work):
        index.add(f"{number:016x}{'0' * 48}", offset)
    for number in set(work):
        wanted = [offset for offset, other in enumerate(work) if other == number]
        assert index.offsets(f"{number:016x}{'0' * 48}") == wanted[::-1]
    assert index.offsets(f"{1:016x}{'0' * 48}") == []
