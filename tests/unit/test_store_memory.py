"""The store in memory stays within its bounds."""

from elsewhere.stores.memory import ROW_BYTES, MemoryStore
from tests.remembering import key, remember, row

PAYLOAD = bytes(1000)
SIZE = ROW_BYTES + len(PAYLOAD) + len(row(1).parts)


def test_the_least_recently_used_result_goes_first() -> None:
    store = MemoryStore(bytes_max=3 * SIZE)
    remember(store, *(row(number, PAYLOAD) for number in range(3)))
    assert store.get(key(0)) is not None
    remember(store, row(3, PAYLOAD))
    kept = [number for number in range(4) if store.get(key(number)) is not None]
    assert kept == [0, 2, 3]
    assert store.bytes == 3 * SIZE


def test_one_large_result_takes_the_place_of_several() -> None:
    store = MemoryStore(bytes_max=4 * SIZE)
    remember(store, *(row(number, PAYLOAD) for number in range(4)), row(4, bytes(2 * SIZE)))
    assert [number for number in range(5) if store.get(key(number)) is not None] == [3, 4]
    assert store.bytes <= 4 * SIZE


def test_what_is_larger_than_the_whole_store_is_not_kept() -> None:
    store = MemoryStore(bytes_max=4 * SIZE)
    remember(store, row(1, PAYLOAD), row(2, bytes(5 * SIZE)))
    assert store.get(key(1)) is not None
    assert store.get(key(2)) is None


def test_the_latest_result_is_one_that_is_kept() -> None:
    store = MemoryStore(bytes_max=2 * SIZE)
    remember(store, row(1, PAYLOAD, "f"), row(2, PAYLOAD, "g"), row(3, PAYLOAD, "g"))
    assert store.latest("f") is None
    latest = store.latest("g")
    assert latest is not None
    assert latest.key == key(3)
