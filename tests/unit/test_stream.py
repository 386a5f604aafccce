"""A stream: it reads in batches what comes at once, and nothing that is slow; all comes in order."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from elsewhere import stream as stream_module
from elsewhere.calls.messages import Verdict
from elsewhere.codec.values import dumps
from elsewhere.finished import Hit, finished_future
from elsewhere.future import Future
from elsewhere.store import Remembered
from elsewhere.stream import BATCH_MAX, READ_SECONDS, Stream


def hit(value: object) -> Hit[Any]:
    return Hit(
        Remembered(bytes(32), "tests.f", Verdict.VALUE, dumps(value, "value"), 0.0, b"", 0.0)
    )


def fail(item: int) -> None:
    raise LookupError(item)


class Calls:
    """Even items are hits; `fails` fails."""

    def __init__(self, fails: int = -1) -> None:
        self.batches: list[int] = []
        self._fails = fails

    def __call__(self, items: list[tuple[Any, ...]]) -> Iterator[Future[Any] | Hit[Any]]:
        self.batches.append(len(items))
        for (item,) in items:
            if item == self._fails:
                yield finished_future(fail, (item,), {})
            elif item % 2:
                yield finished_future(lambda item: item, (item,), {})
            else:
                yield hit(item)


class Clock:
    """Each item of `slow` takes a second to read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(stream_module, "monotonic", lambda: self.now)

    def slow(self, items: Iterator[int]) -> Iterator[tuple[int]]:
        for item in items:
            self.now += 1.0
            yield (item,)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def numbers(count: int | None = None) -> Iterator[tuple[int]]:
    return ((number,) for number in (itertools.count() if count is None else range(count)))


def until_it_fails(stream: Iterator[Any]) -> tuple[list[Any], BaseException]:
    values: list[Any] = []
    with pytest.raises(Exception) as info:  # noqa: PT011  # whatever it is, it is returned
        values.extend(stream)
    return values, info.value


@pytest.mark.parametrize("ahead", [1, 2, 40, 1024])
@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("count", [0, 1, 63, 3000])
def test_values_are_in_order(ahead: int, batched: bool, count: int) -> None:
    stream = Stream(Calls(), numbers(count), batched=batched, ahead=ahead)
    assert list(stream) == list(range(count))


def test_batches_grow_while_the_input_is_quick(clock: Clock) -> None:
    calls = Calls()
    stream = Stream(calls, numbers(), batched=True)
    assert calls.batches[:8] == [1, 2, 4, 8, 16, 32, 64, 64]
    assert list(itertools.islice(stream, 5000)) == list(range(5000))
    assert max(calls.batches) == BATCH_MAX


def test_a_slow_input_is_submitted_item_by_item(clock: Clock) -> None:
    calls = Calls()
    stream = Stream(calls, clock.slow(iter(range(200))), batched=True)
    assert list(stream) == list(range(200))
    assert set(calls.batches) == {1}
    assert READ_SECONDS < 1


def test_what_is_not_to_be_batched_is_submitted_item_by_item(clock: Clock) -> None:
    calls = Calls()
    assert list(Stream(calls, numbers(100), batched=False)) == list(range(100))
    assert set(calls.batches) == {1}


@pytest.mark.parametrize("ahead", [1, 15, 100, 1024])
def test_no_more_than_asked_for_is_under_way(clock: Clock, ahead: int) -> None:
    calls = Calls()
    stream = Stream(calls, numbers(), batched=True, ahead=ahead)
    assert sum(calls.batches) == ahead
    for read in range(1, 3000):
        next(stream)
        # What was read is made up for before long.
        assert ahead - BATCH_MAX <= sum(calls.batches) - read <= ahead


@pytest.mark.parametrize("place", [0, 5, 100, 2500])
def test_a_call_that_fails_does_so_at_its_position(place: int) -> None:
    values, error = until_it_fails(Stream(Calls(place), numbers(), batched=True))
    assert values == list(range(place))
    assert isinstance(error, LookupError)


@pytest.mark.parametrize("place", [0, 5, 100, 2500])
@pytest.mark.parametrize("batched", [False, True])
def test_an_input_that_fails_does_so_at_its_position(place: int, batched: bool) -> None:
    def source() -> Iterator[tuple[int]]:
        yield from numbers(place)
        raise ValueError("no more")

    stream = Stream(Calls(), source(), batched=batched)
    values, error = until_it_fails(stream)
    assert values == list(range(place))
    assert error.args == ("no more",)
    assert list(stream) == []


def test_ctrl_c_while_the_input_is_read_ends_it_at_once() -> None:
    def source() -> Iterator[tuple[int]]:
        yield from numbers(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Stream(Calls(), source(), batched=True)


def test_a_hit_that_cannot_be_loaded_fails_at_its_position() -> None:
    broken = Remembered(bytes(32), "tests.f", Verdict.VALUE, b"no pickle", 0.0, b"", 0.0)
    stream: Stream[Any] = Stream(lambda items: [hit(1), Hit(broken)], numbers(1), batched=True)
    values, error = until_it_fails(stream)
    assert values == [1]
    assert "as it unpickled a value" in error.__notes__[0]
