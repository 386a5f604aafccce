"""What every store promises, wherever it keeps results."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from elsewhere.calls.messages import Verdict
from elsewhere.errors import StoreError
from elsewhere.store import Acknowledge, Remember, Remembered, Store
from elsewhere.stores.opening import open_store
from tests.remembering import LARGE, WAIT_SECONDS_MAX, Written, key, remember, row

KINDS = ["in memory", *(f"in a file, {level}" for level in Acknowledge)]


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    _, _, level = request.param.partition(", ")
    store = open_store(tmp_path / "r.db", level) if level else open_store()
    yield store
    store.close()


def wait_for(store: Store, number: int) -> Remembered:
    """A result that was queued; read until it is there."""
    # Batches are in order, so that one more that is there means that the one before is.
    deadline = threading.Event()
    timer = threading.Timer(WAIT_SECONDS_MAX, deadline.set)
    timer.start()
    try:
        while (found := store.get(key(number))) is None:
            assert not deadline.is_set(), "it never came"
        return found
    finally:
        timer.cancel()


@pytest.mark.parametrize("verdict", [Verdict.VALUE, Verdict.ERROR])
@pytest.mark.parametrize("payload", [b"", b"small", bytes(64 * 1024 - 1), bytes(64 * 1024), LARGE])
def test_a_result_is_given_back_as_it_was(store: Store, verdict: Verdict, payload: bytes) -> None:
    written = Remember(key(1), "module.Class.f", verdict, payload, 0.125, b"its parts")
    remember(store, written)
    found = wait_for(store, 1)
    assert found[:-1] == tuple(written)
    assert type(found.verdict) is Verdict
    assert found.made > 0


def test_what_was_never_written_is_not_there(store: Store) -> None:
    remember(store, row(1))
    assert store.get(key(2)) is None
    assert store.get(b"no key at all") is None
    assert store.latest("tests.unknown") is None


def test_many_results_are_found_as_one_by_one(store: Store) -> None:
    remember(
        store, *(row(number, LARGE if number == 7 else b"%d" % number) for number in range(300))
    )
    wait_for(store, 299)
    wanted = [key(number) for number in (*range(250, 350), 7, 3, 3, *range(20))]
    for asked in (wanted, wanted[:64], wanted[:65], wanted[:1], wanted[99:], []):
        assert store.get_many(asked) == [store.get(one) for one in asked]
    assert store.get_many([b"no key at all", key(3)])[0] is None
    assert store.get_many([key(999), key(998)]) == [None, None]


def test_what_is_acknowledged_is_found_at_once_among_many(store: Store) -> None:
    for number in range(100):
        remember(store, row(number))
        unknown, found = store.get_many([key(1000), key(number)])
        assert unknown is None
        assert found is not None
        assert found[:-1] == tuple(row(number))


@pytest.mark.filterwarnings("ignore:tests.f has two results:RuntimeWarning")
def test_the_first_result_of_a_key_stays(store: Store) -> None:
    remember(store, row(1, b"first"), row(1, b"second"))
    remember(store, row(1, b"third"), row(2))
    wait_for(store, 2)
    assert wait_for(store, 1).payload == b"first"


def test_batches_are_done_in_their_order_and_each_once(store: Store) -> None:
    said: list[int] = []
    for number in range(200):
        store.write([row(number)], partial(lambda number, problem: said.append(number), number))
    remember(store)
    assert said == list(range(200))


def test_the_latest_result_of_a_function_is_the_one_written_last(store: Store) -> None:
    remember(store, row(1, function="f"), row(3, LARGE, function="f"), row(2, function="g"))
    wait_for(store, 2)
    latest = store.latest("f")
    assert latest is not None
    assert (latest.key, latest.payload) == (key(3), LARGE)


def test_a_result_of_the_wrong_form_is_refused_at_once(store: Store) -> None:
    wrong = row(1)._replace(key=b"short")
    with pytest.raises(ValueError, match="a key has 32 bytes, not 5"):
        remember(store, wrong)
    with pytest.raises(ValueError, match="a value or an error is remembered"):
        remember(store, row(1)._replace(verdict=Verdict.CANCELLED))
    with pytest.raises(TypeError, match="a store remembers a Remember"):
        remember(store, tuple(row(1)))  # type: ignore[arg-type]  # what is tested
    assert store.get(key(1)) is None


def test_a_closed_store_says_so(store: Store) -> None:
    remember(store, row(1))
    store.close()
    store.close()
    for use in (
        lambda: store.get(key(1)),
        lambda: store.get_many([key(1), key(2)]),
        lambda: store.latest("tests.f"),
        lambda: Written(store, [row(2)]),
    ):
        with pytest.raises(StoreError, match="closed"):
            use()


def test_threads_may_write_and_read_at_the_same_time(store: Store) -> None:
    problems: list[BaseException | None] = []

    def use(first: int) -> None:
        try:
            written = [Written(store, [row(number)]) for number in range(first, first + 100)]
            problems.extend(batch.problem() for batch in written)
            for number in range(first, first + 100):
                assert wait_for(store, number).key == key(number)
        except BaseException as error:
            problems.append(error)
            raise

    threads = [threading.Thread(target=use, args=(first,)) for first in range(0, 400, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS_MAX)
    assert problems == [None] * 400
    assert wait_for(store, 399).key == key(399)


def test_what_is_acknowledged_is_found_at_once(store: Store) -> None:
    for number in range(100):
        remember(store, row(number))
        found = store.get(key(number))
        assert found is not None
        assert found[:-1] == tuple(row(number))
