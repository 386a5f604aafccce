"""Futures that their pool does not hold: they go with their last user, and who is to be called back is."""

import gc
from collections import deque
from collections.abc import Callable
from typing import Any
from weakref import ref

import pytest

from elsewhere.calls.messages import (
    Call,
    Given,
    Input,
    Need,
    Options,
    Settlement,
    Submit,
    ToGateway,
    Verdict,
)
from elsewhere.calls.values import Waive
from elsewhere.codec.values import dumps
from elsewhere.future import Future
from elsewhere.gateway.values import Values
from elsewhere.holdings import Holdings
from elsewhere.nobody import Nobody
from elsewhere.pending import Pending
from elsewhere.timeline.recorder import Recorder
from elsewhere.unheld import Releasable, release

VALUE = Settlement(1, Verdict.VALUE, dumps(7, "value"), 1, 1, started=1.0)


def make(number: int = 1, *inputs: int) -> Future[Any]:
    return Future(call(number, *inputs), "f", Nobody())


def call(number: int, *inputs: int) -> Call:
    return Call(number, 1, b"", Options(), inputs=tuple(map(Input, inputs)))


def test_a_future_that_nobody_uses_goes_and_that_is_told() -> None:
    gone: deque[ref[Releasable]] = deque()
    future = make()
    unheld = release(future, 1, gone.append)
    assert not gone

    del future

    assert list(gone) == [unheld]
    assert unheld.call == 1
    unheld.settle(VALUE)
    unheld.run_callbacks()


def test_a_future_that_somebody_uses_is_settled() -> None:
    future = make()
    unheld = release(future, 1, deque[Any]().append)

    unheld.settle(VALUE)

    assert future.result(0) == 7


CALLBACKS: dict[str, Callable[[Future[Any], list[Any]], None]] = {
    "add_done_callback": lambda future, called: future.add_done_callback(
        lambda one: called.append(one.result())
    ),
    "wake_when_settled": lambda future, called: future.wake_when_settled(
        lambda _: called.append(7)
    ),
}


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("add", CALLBACKS.values(), ids=CALLBACKS)
def test_who_is_to_be_called_back_is_although_nobody_has_the_future(
    add: Callable[[Future[Any], list[Any]], None], before: bool
) -> None:
    called: list[Any] = []
    future = make()
    if before:
        add(future, called)
    unheld = release(future, 1, deque[Any]().append)
    if not before:
        add(future, called)
    where = ref(future)
    del future

    unheld.settle(VALUE)
    unheld.run_callbacks()

    assert called == [7]
    assert where() is None  # without the collector


def test_a_finaliser_that_waits_is_not_left_waiting() -> None:
    class Keeper:
        def __init__(self, future: Future[Any]) -> None:
            self.future = future
            self.me = self

        def __del__(self) -> None:
            self.future.hold()
            unheld.settle(VALUE)
            found.append(self.future.result(0))

    found: list[Any] = []
    keeper = Keeper(make())
    unheld = release(keeper.future, 1, deque[Any]().append)

    del keeper
    gc.collect()

    assert found == [7]


class Told:
    """What a client tells its machine, and who waits for which call."""

    def __init__(self) -> None:
        self.said: list[ToGateway] = []
        self.pending: dict[int, Pending] = {}
        books = Values({}, 0, lambda function: None)
        self.holdings = Holdings(
            "", 0, self.said.append, self.said.append, lambda: None, lambda see: see(books)
        )

    def submit(self, future: Future[Any], *inputs: Future[Any], needs: bool = False) -> None:
        """As a host does; `needs`: the machine does not know the inputs."""
        one = future._call
        assert one is not None
        self.pending[one.id] = future
        if inputs:
            self.holdings.give(one, inputs)
        if needs:
            self.holdings.need(Need(one.id, [given.call for given in one.inputs]))
        self.holdings.was_told(Submit([one]), self.pending)
        self.holdings.tell()


def test_a_future_that_only_a_call_was_given_is_let_go_once_the_machine_knows_of_that() -> None:
    told = Told()
    first = make(1)
    told.submit(first)
    told.submit(make(2, 1), first)
    assert told.said == []

    del first
    told.holdings.tell_gone()

    assert told.said == [Waive([1])]
    told.pending[1].settle(VALUE)


def test_a_future_is_kept_for_the_machine_as_long_as_it_has_asked_for_that() -> None:
    told = Told()
    first = make(1)
    told.submit(first)
    told.submit(make(2, 1), first, needs=True)
    told.holdings.tell_gone()
    assert told.said == []

    told.pending[1].settle(VALUE)
    told.pending[1].run_callbacks()

    assert told.said == [Given(2, (Input(1, VALUE),))]


def test_a_future_that_is_no_input_is_kept() -> None:
    told = Told()
    told.submit(make(1))
    gc.collect()
    told.holdings.tell_gone()
    assert told.said == []
    assert told.pending[1].__class__ is Future


def test_what_is_recorded_lets_go_of_a_future_too() -> None:
    told, recorder = Told(), Recorder()
    first = make(1)
    told.submit(first)
    told.pending[1] = recorder.watch(call(1), first, "f", ())
    told.submit(make(2, 1), first)

    del first
    told.holdings.tell_gone()
    assert told.said == [Waive([1])]
    told.pending[1].settle(VALUE)

    assert [span.call for span in recorder.spans] == [1]
