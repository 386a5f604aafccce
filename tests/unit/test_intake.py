"""The input of a map is the user's code: it may block, and it may come back to its own map."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any

import pytest

from elsewhere.calls.messages import Call
from elsewhere.chunks import Chunk
from elsewhere.future import Future
from elsewhere.mapping import Mapping
from tests.unit.map_sender import Sender


def double(x: int) -> int:
    return 2 * x


class Calling(Sender):
    """Calls back while it sends, as a future's callback may."""

    act: Callable[[], None] = staticmethod(lambda: None)

    def send(
        self, call: Call, pending: Chunk, function: str, inputs: Sequence[Future[Any]] = ()
    ) -> None:
        super().send(call, pending, function, inputs)
        act, self.act = self.act, lambda: None
        act()


class Held:
    """Numbers up to `end`; the one after the first `free` waits until it is let go."""

    def __init__(self, end: int, free: int) -> None:
        self.asked = threading.Event()
        self.go = threading.Event()
        self._end, self._free = end, free

    def __iter__(self) -> Iterator[int]:
        for number in range(self._end):
            if number == self._free:
                self.asked.set()
                assert self.go.wait(10)
            yield number


def read(results: Iterator[Any]) -> tuple[list[Any], BaseException | None]:
    values: list[Any] = []
    try:
        for value in results:
            values.append(value)  # noqa: PERF402  # what came before the error counts
    except Exception as error:  # noqa: BLE001  # what surfaces is what is asked
        return values, error
    return values, None


# ------------------------------------------------------------ in the thread that reads


@pytest.mark.parametrize("total", [9, None])
def test_an_input_that_ends_the_pool_cuts_its_own_map_off(total: int | None) -> None:
    maps: list[Mapping] = []

    def source() -> Iterator[int]:
        yield from range(3)
        maps[0].intake.read_to_end()
        yield from range(6)

    sender = Sender()
    maps.append(sender.map(double, source(), total=total, chunksize=1))

    values, error = read(maps[0].results(None))

    assert values == [0, 2, 4]
    assert isinstance(error, RuntimeError)
    assert "shut down before this map had read all of its input" in str(error)
    assert maps[0].intake in sender.ended


def test_an_input_that_cancels_its_own_map_ends_it() -> None:
    maps: list[Mapping] = []

    def source() -> Iterator[int]:
        yield from range(3)
        maps[0].intake.cancel()
        yield from range(6)

    sender = Sender(serves=False)
    maps.append(sender.map(double, source(), chunksize=1, buffersize=9))

    values, error = read(maps[0].results(None))

    assert values == []
    assert isinstance(error, CancelledError)
    assert sender.taken_back == [([1, 2, 3], False)]
    assert maps[0].intake in sender.ended


def test_an_input_that_asks_for_the_results_of_its_own_map_is_told_so() -> None:
    results: list[Iterator[int]] = []

    def source() -> Iterator[int]:
        yield next(results[0])

    mapping = Sender().map(double, source(), total=1)
    results.append(mapping.results(None))
    mapping.intake.read_to_end()  # not through the results, which would be running already

    values, error = read(mapping.results(None))

    assert values == []
    assert isinstance(error, RuntimeError)
    assert "the input of a map asks for the results of that very map" in str(error)


def test_a_callback_that_ends_the_pool_has_the_input_read_to_its_end() -> None:
    sender = Calling()
    mapping = sender.map(double, range(50), total=50, chunksize=3)
    sender.act = mapping.intake.read_to_end

    mapping.intake.fill()

    assert sum(sender.sizes) == 50
    assert mapping.intake in sender.ended
    assert list(mapping.results(None)) == [2 * x for x in range(50)]


def test_a_callback_that_cancels_the_map_has_all_of_it_taken_back() -> None:
    sender = Calling(serves=False)
    mapping = sender.map(double, itertools.count(), chunksize=1)
    sender.act = mapping.intake.cancel

    mapping.intake.fill()

    assert sender.sizes == [1]
    assert not sender.under_way
    assert mapping.intake in sender.ended


def test_an_input_of_known_length_is_known_to_have_ended_once_all_of_it_is_sent() -> None:
    sender = Sender(serves=False)
    mapping = sender.map(double, range(4), total=4)
    mapping.intake.fill()
    assert sender.sizes == [1, 1, 1, 1]
    assert mapping.intake in sender.ended


def test_an_input_that_has_more_than_it_said_is_read_like_one_that_said_nothing() -> None:
    sender = Sender(serves=False)
    mapping = sender.map(double, itertools.count(), total=3, buffersize=3)
    mapping.intake.fill()
    assert sum(sender.sizes) == 4, "one more than may be under way, to see"
    assert mapping.intake not in sender.ended
    sender.serves = True
    results = mapping.results(None)
    assert [next(results) for _ in range(9)] == [2 * x for x in range(9)]


# ------------------------------------------------------------ in another thread


def test_a_map_whose_input_blocks_can_be_cancelled_by_another_thread() -> None:
    sender = Sender(serves=False)
    source = Held(end=9, free=2)
    mapping = sender.map(double, source, chunksize=1, buffersize=9)
    thread = threading.Thread(target=mapping.intake.fill)
    thread.start()
    assert source.asked.wait(10)

    mapping.intake.cancel()  # returns

    assert not sender.under_way
    assert mapping.intake in sender.ended
    source.go.set()
    thread.join(10)
    assert sender.sizes == [1, 1], "what was read after that is not sent"


def test_an_input_that_blocks_is_cut_off_without_being_waited_for() -> None:
    sender = Sender()
    source = Held(end=9, free=2)
    mapping = sender.map(double, source, chunksize=1, buffersize=9)
    thread = threading.Thread(target=mapping.intake.fill)
    thread.start()
    assert source.asked.wait(10)

    mapping.intake.read_to_end()  # returns

    assert mapping.intake in sender.ended
    source.go.set()
    thread.join(10)
    values, error = read(mapping.results(None))
    assert values == [0, 2]
    assert isinstance(error, RuntimeError)


def test_an_input_of_known_length_is_read_to_its_end_by_the_thread_that_is_at_it() -> None:
    sender = Sender()
    source = Held(end=30, free=2)
    mapping = sender.map(double, source, total=30, chunksize=1, buffersize=3)
    thread = threading.Thread(target=mapping.intake.fill)
    thread.start()
    assert source.asked.wait(10)

    mapping.intake.read_to_end()  # returns

    assert mapping.intake not in sender.ended
    source.go.set()
    thread.join(10)
    assert mapping.intake in sender.ended
    assert list(mapping.results(None)) == [2 * x for x in range(30)]


def test_results_wait_for_an_input_that_another_thread_reads() -> None:
    sender = Sender()
    source = Held(end=3, free=0)
    mapping = sender.map(double, source, total=3)
    reader = threading.Thread(target=mapping.intake.read_to_end)
    reader.start()
    assert source.asked.wait(10)
    threading.Thread(target=source.go.set).start()

    assert list(mapping.results(None)) == [0, 2, 4]
    reader.join(10)


def test_a_map_that_another_thread_has_cancelled_is_not_taken_for_a_short_one() -> None:
    sender = Sender()
    mapping = sender.map(double, itertools.count(), chunksize=1, buffersize=4)
    results = mapping.results(None)
    assert next(results) == 0
    while sender.under_way:
        sender.run()

    mapping.intake.cancel()

    values, error = read(results)
    assert values == [2, 4, 6]
    assert isinstance(error, CancelledError)
