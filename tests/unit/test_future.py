"""A future: the standard library's, with its condition made only when somebody needs to wait."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, CancelledError, as_completed, wait
from concurrent.futures import Future as BaseFuture
from typing import Any

import pytest

from elsewhere import future as module
from elsewhere.calls.messages import Call, Input, Options, Settlement, Verdict
from elsewhere.calls.values import Missing
from elsewhere.codec.failures import encode_failure
from elsewhere.codec.values import dumps
from elsewhere.errors import CallTimeout
from elsewhere.finished import failed_future
from elsewhere.future import Future
from elsewhere.outcome import open_settlement
from elsewhere.placed import Holder
from elsewhere.segments.reading import Lease
from elsewhere.waitable import FINISHED, PENDING

VALUE = Settlement(1, Verdict.VALUE, dumps(5, "result"))
ERROR = Settlement(1, Verdict.ERROR, encode_failure(KeyError("k")))
CANCELLED = Settlement(1, Verdict.CANCELLED)


class Pool:
    """Does what a future asks of its pool, and notes it."""

    def __init__(self, serve: Callable[[], bool] = lambda: False) -> None:
        self._serve = serve
        self.cancelled: list[int] = []
        self.on_cancel: Callable[[], None] = lambda: None

    def cancel(self, call: int, settled: Callable[[], bool]) -> None:
        self.cancelled.append(call)
        assert not settled()
        self.on_cancel()

    def is_running(self, call: int) -> bool:
        return call == 7

    def wait_for(self, future: Future[Any], timeout: float | None) -> bool:
        return self._serve()

    def make_waiters(self) -> list[Any]:
        return []

    def lease(self, holder: Holder, call: int) -> Lease:
        raise AssertionError("nothing here lies in a segment")

    def ask_again(
        self, missing: Missing, again: Future[Any], share: Callable[[Future[Any]], Future[Any]]
    ) -> Future[Any] | None:
        raise AssertionError("nothing here lies in a segment")


def make(pool: Pool | None = None, number: int = 1, options: Options = Options()) -> Future[Any]:  # noqa: B008  # a frozen value
    return Future(Call(number, 1, b"", options), "f", pool or Pool())


def settle(future: Future[Any], settlement: Settlement) -> Future[Any]:
    future.settle(settlement)
    future.run_callbacks()
    return future


# ------------------------------------------------------------ outcomes


def test_a_value() -> None:
    future = make()
    assert not future.done()
    settle(future, VALUE)
    assert future.done()
    assert future.result() == 5
    assert future.exception() is None
    assert not future.cancelled()


def test_it_is_the_same_value_each_time() -> None:
    future = settle(make(), Settlement(1, Verdict.VALUE, dumps([1], "result")))
    assert future.result() is future.result()


def test_an_error_is_raised_each_time() -> None:
    future = settle(make(), ERROR)
    for _ in range(2):
        with pytest.raises(KeyError, match="k"):
            future.result()
    assert isinstance(future.exception(), KeyError)


def test_a_cancelled_call() -> None:
    future = settle(make(), CANCELLED)
    assert future.cancelled()
    assert future.done()
    with pytest.raises(CancelledError):
        future.result()
    with pytest.raises(CancelledError):
        future.exception()


def test_a_time_limit_is_named_with_its_seconds() -> None:
    future = make(options=Options(timeout=2.5))
    settle(future, Settlement(1, Verdict.TIMED_OUT, attempt=1))
    error = future.exception()
    assert isinstance(error, CallTimeout)
    assert error.timeout == 2.5


def test_its_arguments_are_let_go_with_its_settlement() -> None:
    future = settle(make(), VALUE)
    assert future._call is None


def test_a_second_settlement_keeps_the_time_limit() -> None:
    future = make(options=Options(timeout=1.0))
    future.settle(VALUE)
    future.settle(VALUE)
    assert future._timeout == 1.0


def test_a_call_that_could_not_be_sent_has_failed() -> None:
    future = failed_future(ValueError("too large"), Pool())
    assert future.done()
    assert not future.running()
    assert not future.cancel()
    with pytest.raises(ValueError, match="too large"):
        future.result()


def test_two_threads_that_open_it_at_once_get_one_value(monkeypatch: pytest.MonkeyPatch) -> None:
    future = settle(make(), Settlement(1, Verdict.VALUE, dumps([1], "result")))
    other: list[Any] = []

    def overtaken(*args: Any) -> tuple[Any, BaseException | None]:
        monkeypatch.undo()
        other.append(future.result())  # another thread, in the middle of this one's opening
        return open_settlement(*args)

    monkeypatch.setattr(module, "open_settlement", overtaken)
    assert future.result() is other[0]
    assert future.result() is other[0]


def test_ctrl_c_while_a_value_is_unpickled_is_not_the_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    future = settle(make(), VALUE)

    def interrupted(*args: Any) -> tuple[Any, BaseException | None]:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "open_settlement", interrupted)
    with pytest.raises(KeyboardInterrupt):
        future.result()
    monkeypatch.undo()
    assert future.result() == 5


# ------------------------------------------------------------ waiting


def test_whoever_waits_does_the_work_of_the_pool() -> None:
    def serve() -> bool:
        settle(future, VALUE)
        return True

    future = make(Pool(serve))
    assert future.result() == 5
    assert "the condition" in vars(future)
    assert not isinstance(vars(future)["the condition"], threading.Condition)  # nobody needed one


def test_whoever_waits_is_woken_where_another_does_the_work() -> None:
    waiting = threading.Event()

    class Announced(Future[Any]):
        def _await_bell(self, timeout: float | None) -> None:
            waiting.set()
            super()._await_bell(timeout)

    future = Announced(Call(1, 1, b"", Options()), "f", Pool())
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(future.result()))
    thread.start()
    assert waiting.wait(10)
    settle(future, VALUE)
    thread.join(10)
    assert results == [5]


@pytest.mark.parametrize("served", [True, False])
def test_a_wait_may_time_out(served: bool) -> None:
    future = make(Pool(lambda: served))
    with pytest.raises(TimeoutError):
        future.result(0)
    with pytest.raises(TimeoutError):
        future.exception(0)
    settle(future, VALUE)
    assert future.result(0) == 5


# ------------------------------------------------------------ the race for the condition


class Torn(Future[Any]):
    """A future whose settling stops between claiming the place of the condition and saying so."""

    def __init__(self) -> None:
        self.claimed = threading.Event()
        self.go_on = threading.Event()
        self.looked = threading.Event()
        vars(self)["state"] = PENDING
        super().__init__(Call(1, 1, b"", Options()), "f", Pool())

    @property
    def _state(self) -> str:
        state: str = vars(self)["state"]
        if self.claimed.is_set():
            self.looked.set()
        return state

    @_state.setter
    def _state(self, state: str) -> None:
        if state != PENDING and "the condition" in vars(self):
            self.claimed.set()
            assert self.go_on.wait(10)
        vars(self)["state"] = state


@pytest.fixture
def torn() -> Torn:
    return Torn()


def in_thread(act: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(act()))
    thread.start()
    return thread, results


def test_who_waits_while_it_is_being_settled_is_not_left_waiting(torn: Torn) -> None:
    settling, _ = in_thread(lambda: settle(torn, VALUE))
    assert torn.claimed.wait(10)
    waiting, results = in_thread(torn.result)
    assert torn.looked.wait(10)  # it has found the place claimed, and no state yet
    torn.go_on.set()
    waiting.join(10)
    settling.join(10)
    assert results == [5]


def test_a_callback_added_while_it_is_being_settled_is_called_once(torn: Torn) -> None:
    calls: list[Any] = []
    settling, _ = in_thread(lambda: settle(torn, VALUE))
    assert torn.claimed.wait(10)
    adding, _ = in_thread(lambda: torn.add_done_callback(calls.append))
    assert torn.looked.wait(10)
    torn.go_on.set()
    adding.join(10)
    settling.join(10)
    assert calls == [torn]


def test_wait_while_it_is_being_settled_counts_it_once(torn: Torn) -> None:
    settling, _ = in_thread(lambda: settle(torn, VALUE))
    assert torn.claimed.wait(10)
    waiting, results = in_thread(lambda: list(as_completed([torn])))
    assert torn.looked.wait(10)
    torn.go_on.set()
    waiting.join(10)
    settling.join(10)
    assert results == [[torn]]


def test_a_condition_that_was_made_before_stays_and_its_waiters_are_told() -> None:
    future = make()
    calls: list[Any] = []
    condition = future._condition
    future.add_done_callback(calls.append)
    settle(future, VALUE)
    assert future._condition is condition
    assert calls == [future]


def test_a_condition_that_is_made_late_is_the_same_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    future = settle(make(), VALUE)
    made: list[threading.Condition] = []

    def overtaken() -> threading.Condition:
        monkeypatch.undo()
        made.append(future._condition)  # another thread comes first
        return threading.Condition()

    monkeypatch.setattr(threading, "Condition", overtaken)
    assert future._condition is made[0]
    assert future._condition is made[0]


# ------------------------------------------------------------ the standard library's functions


@pytest.mark.parametrize("settlement", [VALUE, ERROR, CANCELLED])
def test_wait_and_as_completed_see_it_before_and_after(settlement: Settlement) -> None:
    late, early = make(), settle(make(), settlement)
    done, pending = wait([late, early], timeout=0, return_when=FIRST_COMPLETED)
    assert (done, pending) == ({early}, {late})
    both = as_completed([late, early], timeout=10)
    assert next(both) is early
    settle(late, settlement)
    assert next(both) is late


def test_callbacks_are_called_in_order_after_the_settlement() -> None:
    future = make()
    calls: list[Any] = []
    future.add_done_callback(lambda f: calls.append(("first", f.result())))
    future.add_done_callback(lambda f: calls.append(("second", f.result())))
    future.settle(VALUE)
    assert calls == []
    future.run_callbacks()
    future.run_callbacks()
    assert calls == [("first", 5), ("second", 5)]
    future.add_done_callback(lambda f: calls.append(("late", f.result())))
    assert calls[2:] == [("late", 5)]


def test_a_callback_that_raises_is_logged_and_the_next_one_called(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def leave(future: BaseFuture[Any]) -> None:
        raise SystemExit

    future = make()
    calls: list[Any] = []
    future.add_done_callback(leave)
    future.add_done_callback(calls.append)
    with caplog.at_level(logging.ERROR, "concurrent.futures"):
        settle(future, VALUE)
    assert "exception calling callback" in caplog.text
    assert calls == [future]


def test_callbacks_that_ctrl_c_interrupted_go_on_later() -> None:
    def interrupt(future: BaseFuture[Any]) -> None:
        raise KeyboardInterrupt

    future = make()
    calls: list[Any] = []
    future.add_done_callback(interrupt)
    future.add_done_callback(calls.append)
    future.settle(VALUE)
    with pytest.raises(KeyboardInterrupt):
        future.run_callbacks()
    assert calls == []
    future.run_callbacks()
    assert calls == [future]


# ------------------------------------------------------------ cancelling, running, awaiting


def test_cancel_asks_the_pool() -> None:
    pool = Pool()
    future = make(pool, 3)
    assert not future.cancel()
    assert pool.cancelled == [3]
    pool.on_cancel = lambda: None if future.done() else future.settle(CANCELLED)
    assert future.cancel()
    assert future.cancel()  # nobody is asked once it is settled
    assert pool.cancelled == [3, 3]


def test_a_settled_call_cannot_be_cancelled() -> None:
    pool = Pool()
    future = settle(make(pool), VALUE)
    assert not future.cancel()
    assert pool.cancelled == []


def test_running_is_what_the_pool_knows() -> None:
    assert make(number=7).running()
    assert not make(number=8).running()
    assert not settle(make(number=7), VALUE).running()


def test_it_can_be_awaited() -> None:
    future = settle(make(), VALUE)

    async def main() -> Any:
        return await future

    assert asyncio.run(main()) == 5


def test_it_can_be_awaited_before_it_is_settled() -> None:
    future = make()

    async def main() -> Any:
        asyncio.get_running_loop().call_soon(settle, future, ERROR)
        return await future

    with pytest.raises(KeyError, match="k"):
        asyncio.run(main())


def test_a_snapshot_has_the_outcome() -> None:
    assert make()._get_snapshot() == (False, False, None, None)
    assert settle(make(), VALUE)._get_snapshot() == (True, False, 5, None)
    assert settle(make(), CANCELLED)._get_snapshot() == (True, True, None, None)
    done, cancelled, value, error = settle(make(), ERROR)._get_snapshot()
    assert (done, cancelled, value) == (True, False, None)
    assert isinstance(error, KeyError)


def test_its_repr_names_the_function_and_the_state() -> None:
    assert repr(make()) == "<elsewhere.Future of f: pending>"
    assert repr(settle(make(), VALUE)) == "<elsewhere.Future of f: finished>"
    assert repr(settle(make(), CANCELLED)) == "<elsewhere.Future of f: cancelled>"
    assert FINISHED == "FINISHED"  # the name that the base compares with


# ------------------------------------------------------------ inputs


@pytest.mark.parametrize("waited_for", [False, True])
def test_a_future_is_an_input_while_another_thread_settles_it(waited_for: bool) -> None:
    pool, seen = Pool(), []

    class Watched(Future[Any]):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if (
                name in {"_settlement", "_state", "_call", "_timeout"}
                and self.__dict__.get("_settler") is pool
            ):
                seen.append(self.as_input(0))

    future = Watched(Call(3, 1, b"", Options()), "f", Pool())
    future._settler = pool
    if waited_for:
        assert future._condition is not None

    future.settle(VALUE)

    assert seen[0] == Input(3)
    assert seen[-1] == Input(-1, VALUE)
    assert {one.call for one in seen} == {3, -1}
