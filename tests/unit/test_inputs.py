"""Futures as arguments: how they are written down, told of, and put in their places."""

import os
import pickle
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from concurrent.futures import CancelledError
from concurrent.futures import Future as StandardFuture
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from elsewhere.calls.messages import Answer, Need, Settlement, Verdict
from elsewhere.codec import references
from elsewhere.codec.failures import encode_failure
from elsewhere.codec.references import dumps_with_inputs, let_futures_travel, supplied
from elsewhere.codec.values import dumps, loads
from elsewhere.errors import CallQuarantined, CallTimeout, NotPicklable
from elsewhere.finished import failed_future, finished_future
from elsewhere.future import Future, returned_future
from elsewhere.inline import with_values
from elsewhere.links.memory import MemoryLink
from elsewhere.nobody import Nobody
from elsewhere.outcome import open_chunk, open_failure
from elsewhere.worker.post import Post
from tests.unit.map_sender import Sender, WorkerDied

OURS = Nobody()
PLACE = f"raised in worker 3 on {os.uname().nodename}, attempt 1"


def settled(value: Any) -> Future[Any]:
    return finished_future(lambda: value, (), {})


def pending(settler: Nobody = OURS) -> Future[Any]:
    return Future(None, "f", settler)


def decode(payload: bytes, *values: Any) -> Any:
    with supplied([dumps(value, "value") for value in values]):
        return loads(payload)


# ------------------------------------------------------------ written down as inputs


def test_a_future_is_written_down_by_its_position() -> None:
    first, second = pending(), settled(2)
    payload, futures = dumps_with_inputs(
        (first, [second, first]), {"x": {"y": second}}, OURS, dumps
    )
    assert futures == [first, second]
    assert decode(payload, "a", "b") == (("a", ["b", "a"]), {"x": {"y": "b"}})


def test_a_future_that_is_given_twice_is_one_object() -> None:
    future = settled([])
    payload, _ = dumps_with_inputs((future, future), {}, OURS, dumps)
    (first, second), _ = decode(payload, [1])
    assert first is second


class CallsBack:
    """Encodes another call while it is being encoded itself."""

    def __init__(self, inner: Future[Any]) -> None:
        self.inner = inner

    def __reduce__(self) -> tuple[Any, ...]:
        _, futures = dumps_with_inputs((self.inner,), {}, OURS, dumps)
        assert futures == [self.inner]
        return int, ()


def test_a_call_that_is_encoded_within_another_has_inputs_of_its_own() -> None:
    outer, inner = settled(1), settled(2)
    _, futures = dumps_with_inputs((CallsBack(inner), outer), {}, OURS, dumps)
    assert futures == [outer]


def test_a_pending_future_of_another_pool_is_refused_by_its_path() -> None:
    with pytest.raises(NotPicklable) as caught:
        dumps_with_inputs((1, {"x": [pending(Nobody())]}), {}, OURS, dumps)
    assert caught.value.path == "args[1]['x'][0]"
    assert "of another pool, and not settled" in caught.value.what


def test_a_future_of_something_else_is_refused_as_a_whole() -> None:
    plain: StandardFuture[int] = StandardFuture()
    with pytest.raises(NotPicklable) as caught:
        dumps_with_inputs(([plain],), {}, OURS, dumps)
    assert caught.value.path == "args[0][0]"
    assert "send its result()" in caught.value.remedy


def test_elsewhere_a_future_cannot_be_pickled() -> None:
    with pytest.raises(NotPicklable, match="belongs to the pool that made it"):
        pickle.dumps(settled(1))


# ------------------------------------------------------------ written down as results


@pytest.fixture
def in_worker() -> Iterator[None]:
    let_futures_travel(True)
    yield
    let_futures_travel(False)


@pytest.mark.usefixtures("in_worker")
def test_a_returned_future_travels_as_its_outcome() -> None:
    one, failed = settled(1), failed_future(KeyError("k"), OURS)
    value, same, error = loads(pickle.dumps((one, one, failed)))
    assert value is same
    assert isinstance(value, Future)
    assert value.done()
    assert value.result() == 1
    assert isinstance(error.exception(), KeyError)
    assert error.exception().__notes__ == ["raised in the process that asked for it"]


@pytest.mark.usefixtures("in_worker")
def test_a_returned_future_is_waited_for() -> None:
    waits: list[object] = []

    class Settles(Nobody):
        def wait_for(self, future: Future[Any], timeout: float | None) -> bool:
            waits.append(timeout)
            future.settle(Settlement(7, Verdict.CANCELLED, started=5.0))
            return True

    future = loads(pickle.dumps([pending(Settles())]))[0]
    assert waits == [None]
    assert future.cancelled()


def test_the_end_of_a_worker_ends_it() -> None:
    assert not references._in_worker


def test_a_returned_future_is_the_input_of_another_call() -> None:
    future = returned_future(Settlement(0, Verdict.VALUE, dumps(5, "value"), 3, 1), "f", None)
    one = future.as_input(2)
    assert one.call == -3
    assert one.settlement is not None
    assert loads(one.settlement.payload) == 5


def test_the_failure_of_a_large_payload_is_kept_as_it_came() -> None:
    failure = encode_failure(ValueError("x" * 2**17))
    future = returned_future(Settlement(0, Verdict.ERROR, failure, 3, 1), "f", None)
    assert future.exception() is not None
    assert future.outcome().payload == failure


# ------------------------------------------------------------ what is told of failures


def test_a_failure_names_what_was_not_called() -> None:
    settlement = Settlement(
        1, Verdict.ERROR, encode_failure(KeyError("k")), 3, 1, chain=("total", "add")
    )
    error = open_failure(settlement, "total", None)
    assert error.__notes__ == [
        PLACE,
        "not called: add, which needed it",
        "not called: total, which needed add",
    ]
    assert error.__cause__ is not None
    notes = list(error.__notes__)
    again = encode_failure(error, "caller()")
    told = open_failure(Settlement(1, Verdict.ERROR, again, 3, 1), "caller", None).__notes__
    assert told[:3] == notes
    assert told[3].startswith("called by caller()")
    assert len(told) == 4


def test_of_a_long_chain_the_last_are_told() -> None:
    chain = tuple("hgfedcba")
    error = open_failure(Settlement(1, Verdict.CANCELLED, chain=chain), "h", None)
    assert isinstance(error, CancelledError)
    assert error.__notes__[0] == "not called: a, which needed it, or another call that did"
    assert error.__notes__[-1] == "not called: h, which needed g"
    assert len(error.__notes__) == 8


def test_other_ends_are_told_as_those_of_an_input() -> None:
    late = open_failure(Settlement(1, Verdict.TIMED_OUT, attempt=1, chain=("add",)), "add", 3.0)
    assert isinstance(late, CallTimeout)
    assert str(late) == "an input of add ran longer than its time limit (attempt 1) and was stopped"
    died = open_failure(Settlement(1, Verdict.QUARANTINED, deaths=3, chain=("add",)), "add", None)
    assert isinstance(died, CallQuarantined)
    assert died.function == "an input of add"
    assert died.__notes__ == late.__notes__ == ["not called: add, which needed it"]


def test_a_cancelled_future_says_what_needed_it() -> None:
    future = pending()
    future.settle(Settlement(1, Verdict.CANCELLED, chain=("add",)))
    with pytest.raises(CancelledError) as caught:
        future.result()
    assert caught.value.__notes__ == ["not called: add, which needed it"]


def test_an_item_whose_input_failed_has_the_failure_of_that() -> None:
    failure = encode_failure(KeyError("k"))
    values, error = open_chunk(Settlement(1, Verdict.ERROR, failure, 3, 1, chain=("f",)), "f", None)
    assert values == []
    assert isinstance(error, KeyError)
    assert error.__notes__ == [PLACE, "not called: f, which needed it"]


# ------------------------------------------------------------ maps


def die_on_three(value: int) -> int:
    if value == 3:
        raise WorkerDied
    return value


@pytest.mark.parametrize("chunksize", [1, 4, 10])
def test_items_of_a_map_are_given_values(chunksize: int) -> None:
    sender = Sender()
    items = [settled(1), 2, [settled(3)], settled(4), 5]
    results = sender.map(str, items, total=5, chunksize=chunksize).results(None)
    assert list(results) == ["1", "2", "[3]", "4", "5"]
    assert sum(sender.sizes) == 5


def test_items_wait_one_by_one_for_what_is_not_there() -> None:
    sender = Sender()
    waiting = pending(Nobody())
    mapping = sender.map(str, [settled(1), waiting, 3], total=3, chunksize=3)
    results = mapping.results(None)
    assert next(results) == "1"
    with pytest.raises(NotPicklable, match="item 1: it is the future of another pool"):
        next(results)
    failed = failed_future(KeyError("k"), OURS)
    sender.map(str, [settled(1), failed, 3], total=3, chunksize=3).intake.fill()
    assert sender.sizes[-3:] == [1, 1, 1]


def test_a_chunk_that_is_split_keeps_its_inputs() -> None:
    sender = Sender()
    items = [settled(number) for number in range(6)]
    results = sender.map(die_on_three, items, total=6, chunksize=6).results(None)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(CallQuarantined):
        next(results)
    assert sender.sizes[0] == 6


def test_a_value_that_cannot_travel_fails_at_its_position() -> None:
    items = [1, settled(threading.Lock()), 3]
    results = Sender().map(str, items, total=3, chunksize=3).results(None)
    assert next(results) == "1"
    with pytest.raises(NotPicklable, match="the value of the future"):
        next(results)


# ------------------------------------------------------------ in the calling thread


@dataclass(frozen=True)
class Pair:
    left: Any
    right: Any = None


class Point(NamedTuple):
    x: Any
    y: Any


def test_inline_a_value_takes_the_place_of_each_future() -> None:
    one, lock = settled([1]), threading.Lock()
    args, kwargs = with_values(
        (one, [one], Pair(one, lock), Point(one, lock), OrderedDict(a={"b": one}), deque([one])),
        {"x": frozenset([settled(2)])},
    )
    first = one.result()
    assert args == (
        first,
        [first],
        Pair(first, lock),
        Point(first, lock),
        {"a": {"b": first}},
        deque([first]),
    )
    assert kwargs == {"x": {2}}
    assert args[0] is args[1][0] is args[2].left
    assert args[2].right is args[3].y is lock


def test_inline_nothing_else_is_copied() -> None:
    args: tuple[Any, ...] = ([1, [object()]], Pair(threading.Lock()), StandardFuture())
    kwargs = {"x": {1: [2]}}
    same_args, same_kwargs = with_values(args, kwargs)
    assert same_args is args
    assert same_kwargs is kwargs


def test_inline_what_holds_itself_still_does() -> None:
    circle: list[Any] = [settled(1)]
    circle.append(circle)
    (copied,), _ = with_values((circle,), {})
    assert copied[0] == 1
    assert copied[1] is copied


def test_inline_a_failed_future_raises() -> None:
    with pytest.raises(KeyError):
        with_values(([failed_future(KeyError("k"), OURS)],), {})


# ------------------------------------------------------------ a worker's mail


def test_what_is_needed_and_answered_goes_to_whoever_makes_calls() -> None:
    post = Post(MemoryLink().worker)
    heard: list[object] = []
    post.on_need = heard.append
    post.on_answer = heard.append
    answer = Settlement(4, Verdict.CANCELLED)
    post.take([Answer([answer]), Need(5, [4])])
    assert heard == [[answer], Need(5, [4])]
