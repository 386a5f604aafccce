"""A map: its results are in order, its chunks fit what was measured, and it ends cleanly."""

import itertools
import operator
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any

import pytest

from elsewhere import intake as intake_module
from elsewhere import mapping as mapping_module
from elsewhere.calls.messages import Kind, Options, Settlement, Verdict
from elsewhere.calls.workers import Exit
from elsewhere.codec.values import dumps as encode_plainly
from elsewhere.errors import CallQuarantined, CallTimeout, NotPicklable
from tests.unit.map_sender import Sender, WorkerDied


def double(x: int) -> int:
    return 2 * x


def fail_at_five(x: int) -> int:
    if x == 5:
        raise ValueError("five")
    return x


def lock_at_five(x: int) -> object:
    return threading.Lock() if x == 5 else x


def die_at_five(x: int) -> int:
    if x == 5:
        raise WorkerDied
    return x


def big(x: int) -> bytes:
    return bytes(2**20)


def refuse() -> None:
    raise ValueError("cannot be loaded")


class Refuses:
    def __reduce__(self) -> tuple[object, tuple[()]]:
        return refuse, ()


def refuse_at_five(x: int) -> object:
    return Refuses() if x == 5 else x


def refuse_at_five_and_fail_at_seven(x: int) -> object:
    if x == 7:
        raise ValueError("seven")
    return refuse_at_five(x)


class Deep(list[Any]):
    """Can be sent alone, and not in a list."""

    def __reduce_ex__(self, protocol: object) -> tuple[object, tuple[()]]:
        if Deep.within > 0:
            raise RecursionError("too deep")
        return list, ()

    within = 0


class Tracked:
    def __init__(self, number: int) -> None:
        self.number = number


class Bar:
    def __init__(self) -> None:
        self.advanced: list[tuple[int, int]] = []
        self.closed = 0
        self.interrupted = False

    def advance(self, items: int, failed: int = 0) -> None:
        self.advanced.append((items, failed))

    def close(self, *, interrupted: bool = False) -> None:
        self.closed += 1
        self.interrupted = self.interrupted or interrupted


def first(results: Iterator[Any], count: int) -> list[Any]:
    return list(itertools.islice(results, count))


def until_it_fails(results: Iterator[Any]) -> tuple[list[Any], BaseException]:
    values: list[Any] = []
    with pytest.raises(BaseException) as info:  # noqa: PT011  # whatever it is, it is returned
        values.extend(results)
    return values, info.value


# ------------------------------------------------------------ results


def test_results_are_in_order_however_the_chunks_come_back() -> None:
    sender = Sender(choose=lambda count: count - 1)
    results = sender.map(double, range(1000), total=1000).results(None)
    assert list(results) == [2 * x for x in range(1000)]


def test_several_iterables_come_as_tuples() -> None:
    pairs = zip(range(5), range(5), strict=True)
    results = Sender().map(operator.mul, pairs, kind=Kind.STARMAP).results(None)
    assert list(results) == [x * x for x in range(5)]


def test_an_empty_map_sends_nothing() -> None:
    sender = Sender()
    assert list(sender.map(double, [], total=0).results(None)) == []
    assert sender.sizes == []
    assert sender.taken_back == []


def test_a_result_is_not_held_once_it_is_read() -> None:
    results = Sender().map(Tracked, range(3), chunksize=3).results(None)
    for read in range(3):
        gone = weakref.ref(next(results))
        assert gone() is None, read


def test_a_thread_that_does_not_serve_is_woken_by_the_settlement() -> None:
    sender = Sender(serves=False)
    mapping = sender.map(double, [1], total=1)
    mapping.intake.fill()
    asked = threading.Event()
    waits = sender.serve_until

    def announce(done: Any, timeout: float | None) -> bool:
        asked.set()
        return waits(done, timeout)

    sender.serve_until = announce  # type: ignore[method-assign]  # to know that it waits
    got: list[int] = []
    thread = threading.Thread(target=lambda: got.extend(mapping.results(None)))
    thread.start()
    assert asked.wait(10)
    sender.run()
    thread.join(10)
    assert got == [2]


# ------------------------------------------------------------ failures


@pytest.mark.parametrize("chunksize", [1, 3, 10, None])
def test_an_exception_surfaces_at_its_position(chunksize: int | None) -> None:
    sender = Sender()
    results = sender.map(fail_at_five, range(10), chunksize=chunksize).results(None)
    values, error = until_it_fails(results)
    assert values == [0, 1, 2, 3, 4]
    assert isinstance(error, ValueError)
    assert "raised in worker 1" in error.__notes__[0]
    assert not sender.under_way


@pytest.mark.parametrize("chunksize", [1, 3, 10])
def test_a_result_that_cannot_travel_fails_at_its_position(chunksize: int) -> None:
    results = Sender().map(lock_at_five, range(10), chunksize=chunksize).results(None)
    values, error = until_it_fails(results)
    assert values == [0, 1, 2, 3, 4]
    assert isinstance(error, NotPicklable)
    assert "result" in str(error)


@pytest.mark.parametrize("chunksize", [1, 3, 10])
def test_an_item_that_cannot_travel_fails_at_its_position(chunksize: int) -> None:
    items = [0, 1, 2, 3, 4, threading.Lock(), 6]
    results = Sender().map(double, items, chunksize=chunksize).results(None)
    values, error = until_it_fails(results)
    assert values == [0, 2, 4, 6, 8]
    assert isinstance(error, NotPicklable)
    assert error.path == "item 5"


@pytest.mark.parametrize("chunksize", [1, 3, 10])
def test_an_input_that_fails_does_so_at_its_position(chunksize: int) -> None:
    def source() -> Iterator[int]:
        yield from range(5)
        raise ValueError("no more")

    results = Sender().map(double, source(), chunksize=chunksize).results(None)
    values, error = until_it_fails(results)
    assert values == [0, 2, 4, 6, 8]
    assert error.args == ("no more",)


def test_an_item_that_cannot_travel_is_counted_even_if_the_input_fails_behind_it() -> None:
    def source() -> Iterator[object]:
        yield 0
        yield threading.Lock()
        raise ValueError("no more")

    values, error = until_it_fails(Sender().map(double, source(), chunksize=9).results(None))
    assert values == [0]
    assert isinstance(error, NotPicklable)
    assert error.path == "item 1"


def test_ctrl_c_while_the_input_is_read_ends_the_map_at_once() -> None:
    def source() -> Iterator[int]:
        yield from range(5)
        raise KeyboardInterrupt

    sender = Sender(serves=False)
    values, error = until_it_fails(
        sender.map(double, source(), chunksize=1, buffersize=10).results(None)
    )
    assert values == []
    assert isinstance(error, KeyboardInterrupt)
    assert sender.taken_back == [([1, 2, 3, 4, 5], True)]


@pytest.mark.parametrize("chunksize", [1, 2, 3, 10])
def test_an_item_that_cannot_be_loaded_fails_at_its_position(chunksize: int) -> None:
    results = Sender().map(double, [1, 2, Refuses(), 4], chunksize=chunksize).results(None)
    values, error = until_it_fails(results)
    assert values == [2, 4]
    assert error.args == ("cannot be loaded",)
    assert "raised in worker 1" in error.__notes__[-1]


@pytest.mark.parametrize("chunksize", [1, 2, 3, 10])
@pytest.mark.parametrize("function", [refuse_at_five, refuse_at_five_and_fail_at_seven])
def test_a_result_that_cannot_be_loaded_fails_at_its_position(
    function: Callable[[int], object], chunksize: int
) -> None:
    results = Sender().map(function, range(10), chunksize=chunksize).results(None)
    values, error = until_it_fails(results)
    assert values == [0, 1, 2, 3, 4]
    assert error.args == ("cannot be loaded",)
    assert "as it unpickled a value that worker 1 on" in error.__notes__[-1]


def test_a_chunk_that_kills_and_cannot_be_loaded_here_fails_where_it_cannot() -> None:
    items = [1, 2, Refuses(), 5]
    sender = Sender(serves=False)
    mapping = sender.map(double, items, chunksize=4)
    mapping.intake.fill()
    sent = sender.under_way.popleft()
    sent.chunk.settle(Settlement(sent.call.id, Verdict.QUARANTINED, exit=Exit(1)))
    sender.serves = True
    values, error = until_it_fails(mapping.results(None))
    assert values == [2, 4]
    assert error.args == ("cannot be loaded",)


def test_items_that_can_be_sent_alone_and_not_together_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = encode_plainly

    def dumps(value: object, name: str) -> bytes:
        monkeypatch.setattr(Deep, "within", int(type(value) is list))
        return plain(value, name)

    monkeypatch.setattr(intake_module, "dumps", dumps)
    values, error = until_it_fails(Sender().map(double, [Deep()], chunksize=2).results(None))
    assert values == []
    assert isinstance(error, NotPicklable)
    assert error.path == "items[0]"


def test_a_time_limit_is_reported_with_its_seconds() -> None:
    sender = Sender(serves=False)
    mapping = sender.map(double, [1], options=Options(timeout=3.0))
    mapping.intake.fill()
    sent = sender.under_way.popleft()
    sent.chunk.settle(Settlement(sent.call.id, Verdict.TIMED_OUT, attempt=1))
    _, error = until_it_fails(mapping.results(None))
    assert isinstance(error, CallTimeout)
    assert error.timeout == 3.0


def test_a_chunk_that_was_cancelled_under_the_map_says_so() -> None:
    sender = Sender(serves=False)
    mapping = sender.map(double, [1])
    mapping.intake.fill()
    sender.take_back([1], False)
    _, error = until_it_fails(mapping.results(None))
    assert isinstance(error, CancelledError)


def test_retries_and_time_limits_hold_for_single_items() -> None:
    for options in (Options(retries=2), Options(timeout=1.0)):
        sender = Sender(seconds=1e-6)
        results = sender.map(double, range(50), options=options).results(None)
        assert list(results) == [2 * x for x in range(50)]
        assert set(sender.sizes) == {1}


# ------------------------------------------------------------ chunks that take workers down


@pytest.mark.parametrize("count", [6, 20, 300, 1000])
def test_a_chunk_that_kills_is_split_until_the_item_is_found(count: int) -> None:
    sender = Sender()
    bar = Bar()
    results = sender.map(die_at_five, range(count), chunksize=count, bar=bar).results(None)
    values, error = until_it_fails(results)
    assert values == [0, 1, 2, 3, 4]
    assert isinstance(error, CallQuarantined)
    assert (sum(items for items, _ in bar.advanced), bar.advanced[-1]) == (6, (1, 1)) or count > 20


def test_only_a_single_item_may_take_down_several_workers() -> None:
    sender = Sender(serves=False)
    mapping = sender.map(double, range(5), chunksize=4)
    mapping.intake.fill()
    assert [sent.call.options.deaths_max for sent in sender.under_way] == [1, 3]


def test_the_payload_of_a_chunk_is_kept_only_where_it_is_needed() -> None:
    sender = Sender(serves=False)
    mapping = sender.map(double, range(4), chunksize=2)
    mapping.intake.fill()
    well, ill = sender.under_way
    well.chunk.settle(Settlement(1, Verdict.VALUE, b"x", elapsed=1.0))
    ill.chunk.settle(Settlement(2, Verdict.QUARANTINED, exit=Exit(1)))
    assert well.chunk.payload == b""
    assert ill.chunk.payload


# ------------------------------------------------------------ how much is under way


def test_the_first_chunks_have_one_item_each() -> None:
    sender = Sender(serves=False)
    mapping = sender.map(double, itertools.count())
    mapping.intake.fill()
    mapping.intake.cancel()
    assert set(sender.sizes) == {1}
    assert len(sender.sizes) == 4


def test_chunks_take_about_fifty_milliseconds() -> None:
    sender = Sender(seconds=0.0005)
    first(sender.map(double, itertools.count()).results(None), 500)
    assert sender.sizes[-1] == 100
    assert max(sender.sizes) == 100


def test_slow_items_go_one_by_one() -> None:
    sender = Sender(seconds=0.5)
    first(sender.map(double, itertools.count()).results(None), 50)
    assert set(sender.sizes) == {1}
    assert sender.most_items <= 4


def test_fast_items_are_bounded_by_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "CHUNK_ITEMS_MAX", 100)
    sender = Sender(seconds=0.0)
    first(sender.map(double, itertools.count()).results(None), 1000)
    assert max(sender.sizes) == 100


def test_large_results_make_small_chunks() -> None:
    sender = Sender(seconds=1e-6)
    first(sender.map(big, itertools.count(), workers=1).results(None), 20)
    assert set(sender.sizes) == {1}


def test_large_results_are_not_read_ahead_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "UNREAD_BYTES_MAX", 3 * 2**20)
    sender = Sender(seconds=1e-6)
    results = sender.map(big, itertools.count(), workers=1).results(None)
    for _ in range(20):
        next(results)
        while sender.under_way:
            sender.run()
        assert sum(sender.sizes) <= 30
    assert sender.most_items <= 4


def test_near_the_end_chunks_are_a_fair_share() -> None:
    sender = Sender(seconds=0.0005)
    total = 400
    assert len(list(sender.map(double, range(total), total=total).results(None))) == total
    shares = [(size, total - sum(sender.sizes[:place])) for place, size in enumerate(sender.sizes)]
    assert all(size <= max(2, left / 4) for size, left in shares)
    assert sender.sizes[-1] <= 2


def test_a_chunk_is_no_smaller_than_a_millisecond() -> None:
    sender = Sender(seconds=0.0001)
    assert len(list(sender.map(double, range(300), total=300).results(None))) == 300
    assert all(size >= 10 for size in sender.sizes[4:-1])
    assert sender.sizes[-2] == 10


def test_the_chunksize_asked_for_is_used() -> None:
    sender = Sender()
    assert len(list(sender.map(double, range(10), chunksize=4, total=10).results(None))) == 10
    assert sender.sizes == [4, 4, 2]


@pytest.mark.parametrize("chunksize", [None, 1, 5, 100])
def test_no_more_than_the_buffersize_is_under_way(chunksize: int | None) -> None:
    sender = Sender(seconds=1e-6)
    mapping = sender.map(double, range(100), chunksize=chunksize, buffersize=7)
    assert list(mapping.results(None)) == [2 * x for x in range(100)]
    assert sender.most_items <= 7


def test_results_that_nobody_reads_hold_up_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "UNREAD_CHUNKS_MAX", 3)
    read: list[int] = []
    source = (read.append(x) or x for x in itertools.count())  # type: ignore[func-returns-value, redundant-expr]  # notes it
    sender = Sender()
    mapping = sender.map(double, source, chunksize=1)
    for _ in range(50):
        mapping.intake.fill()
        while sender.under_way:
            sender.run()
    assert len(read) == 6
    mapping.intake.cancel()


def test_the_first_seconds_are_forgotten_fast() -> None:
    sender = Sender(seconds=1.0)
    results = sender.map(double, itertools.count()).results(None)
    next(results)
    sender.seconds = 0.0001
    first(results, 300)
    assert max(sender.sizes) == 500


# ------------------------------------------------------------ the end


def test_an_abandoned_map_takes_back_the_rest() -> None:
    sender = Sender()
    results = sender.map(double, itertools.count()).results(None)
    assert next(results) == 0
    assert sender.under_way
    del results
    assert not sender.under_way
    assert not any(interrupt for _, interrupt in sender.taken_back)


def test_a_map_that_was_never_asked_takes_back_what_it_sent() -> None:
    sender = Sender()
    mapping = sender.map(double, itertools.count())
    mapping.intake.fill()
    results = mapping.results(None)
    del mapping
    assert sender.under_way
    del results
    assert not sender.under_way


def test_ctrl_c_in_the_reader_interrupts_what_runs() -> None:
    sender = Sender()
    bar = Bar()
    results = sender.map(double, itertools.count(), bar=bar).results(None)
    next(results)
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    assert bar.interrupted
    assert sender.taken_back[0][1]
    assert not sender.under_way


def test_a_map_may_be_out_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = Sender()
    monkeypatch.setattr(mapping_module, "monotonic", lambda: 100.0)
    assert list(sender.map(double, range(3)).results(101.0)) == [0, 2, 4]
    mapping = sender.map(double, range(3))
    _, error = until_it_fails(mapping.results(100.0))
    assert isinstance(error, TimeoutError)
    assert not sender.under_way


def test_a_wait_has_what_is_left_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = Sender(serves=False)
    waits: list[float | None] = []

    def waited(done: Any, timeout: float | None) -> bool:
        waits.append(timeout)
        monkeypatch.setattr(mapping_module, "monotonic", lambda: 105.0)
        return True

    sender.serve_until = waited  # type: ignore[method-assign]  # to see what it is asked
    monkeypatch.setattr(mapping_module, "monotonic", lambda: 100.0)
    _, error = until_it_fails(sender.map(double, [1]).results(104.0))
    assert isinstance(error, TimeoutError)
    assert waits == [4.0]


def test_at_shutdown_an_input_of_known_length_is_read_to_its_end() -> None:
    sender = Sender(seconds=0.5)
    mapping = sender.map(double, range(100), total=100)
    results = mapping.results(None)
    next(results)
    mapping.intake.read_to_end()
    assert sum(sender.sizes) == 100
    assert list(results) == [2 * x for x in range(1, 100)]


def test_at_shutdown_an_input_of_unknown_length_is_cut_off() -> None:
    sender = Sender(seconds=0.5)
    mapping = sender.map(double, itertools.count())
    results = mapping.results(None)
    next(results)
    mapping.intake.read_to_end()
    values, error = until_it_fails(results)
    assert values == [2 * x for x in range(1, len(sender.sizes))]
    assert isinstance(error, RuntimeError)
    assert "shut down before this map had read all of its input" in str(error)


def test_at_shutdown_an_input_that_has_ended_is_complete() -> None:
    mapping = Sender().map(double, iter([1, 2]), chunksize=5)
    mapping.intake.fill()
    mapping.intake.read_to_end()
    assert list(mapping.results(None)) == [2, 4]


def test_a_bar_sees_every_item_once() -> None:
    bar = Bar()
    assert len(list(Sender().map(double, range(20), chunksize=3, bar=bar).results(None))) == 20
    assert sum(items for items, _ in bar.advanced) == 20
    assert not any(failed for _, failed in bar.advanced)
    assert bar.closed


def test_a_bar_sees_a_failure_and_no_cancelled_items() -> None:
    bar = Bar()
    until_it_fails(Sender().map(fail_at_five, range(10), chunksize=1, bar=bar).results(None))
    assert (1, 1) in bar.advanced
    assert sum(failed for _, failed in bar.advanced) == 1
    assert sum(items for items, _ in bar.advanced) <= 9
    assert bar.closed
