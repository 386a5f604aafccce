"""The caller's handle of a call: a `concurrent.futures.Future` that can be awaited.

The base class makes a condition for each future, which costs more than the rest of a submit. Here it
is made when somebody first needs to wait. Whether a future was settled before or after its condition
was made must never be in doubt, or a waiter would count it twice or not at all: so both sides claim
the same place with one atomic `dict.setdefault`, and the loser acts on what it finds there.
"""

import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError
from concurrent.futures import Future as BaseFuture
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from elsewhere.calls.messages import Call, Input, Settlement, Verdict
from elsewhere.codec.references import Source, refer
from elsewhere.codec.values import dumps
from elsewhere.errors import DataLost, NotPicklable
from elsewhere.outcome import open_failure, open_settlement
from elsewhere.placed import Holder, Placed
from elsewhere.reports import report

if TYPE_CHECKING:
    from elsewhere.segments.reading import Lease

T = TypeVar("T")
PENDING, FINISHED, CANCELLED = "PENDING", "FINISHED", "CANCELLED_AND_NOTIFIED"
_CONDITION = "the condition"
_LATE_CONDITION = "the condition, made after the end"
_WAITERS = "the waiters"
_CALLBACKS = "the callbacks"
_OUTCOME = "the outcome"
_BELL = "the bell"
_NOBODY_WAITED = object()
KEPT_BYTES_MAX = 2**16
"""A larger payload is not kept beside the value that was made of it."""


class Settler(Protocol):
    """What a future needs of its pool."""

    def cancel(self, call: int, settled: Callable[[], bool]) -> None:
        """Take the call back; returns once that has settled it, its worker has said no, or it has
        said nothing in time."""

    def is_running(self, call: int) -> bool:
        """Whether a worker runs it."""

    def wait_for(self, future: "Future[Any]", timeout: float | None) -> bool:
        """Wait until it is settled or for `timeout`; False if another thread will wake this one."""

    def make_waiters(self) -> list[Any]:
        """The list in which `concurrent.futures.wait` and `as_completed` leave whom to wake."""

    def lease(self, holder: Holder, call: int) -> "Lease":
        """A claim to the value of this call, which `holder` was settled with, while it lies in a
        segment."""


class Future(BaseFuture[T], Generic[T]):
    """The outcome of a call, now or later. Made by a pool; awaitable in any asyncio loop.

    ``cancel()`` also takes back a call that waits in a worker, and stops a running one if it was
    submitted with ``pool.options(interrupt=True)``.
    """

    # Of the class until they change: a pool makes a hundred thousand futures a second.
    _settlement: Settlement | None = None
    _opened = False
    """its settlement has become a value or an exception"""
    _placed: Placed | None = None
    """where its value lies, if in a segment"""
    _state = PENDING
    _result: Any = None
    _exception: BaseException | None = None
    _timeout: float | None = None
    is_own = False
    """it stands for the arguments of one call"""
    noted: object = None
    """what the pool's recorder knows of its call, if there is one"""

    def __init__(self, call: Call | None, function: str, settler: Settler) -> None:
        # Not the base's __init__: it would make the condition.
        self._call = call
        self._function = function
        self._settler = settler

    # ------------------------------------------------------------ what the base keeps as attributes

    def _share_condition(self) -> threading.Condition:
        place = self.__dict__
        condition = place.get(_CONDITION)
        if condition is None:
            condition = place.setdefault(_CONDITION, threading.Condition())
        if condition is _NOBODY_WAITED:
            while self._state == PENDING:
                time.sleep(0)  # the settling thread has claimed the place and is about to say so
            # Whoever comes late must share one too: `wait` acquires it here and releases it here.
            condition = place.setdefault(_LATE_CONDITION, threading.Condition())
        return cast(threading.Condition, condition)

    def _share_waiters(self) -> list[Any]:
        return cast(list[Any], self.__dict__.setdefault(_WAITERS, self._settler.make_waiters()))

    def _share_callbacks(self) -> list[Any]:
        return cast(list[Any], self.__dict__.setdefault(_CALLBACKS, []))

    if not TYPE_CHECKING:  # `as_completed` is typed for attributes that can be set
        _condition = property(_share_condition)
        _waiters = property(_share_waiters)
        _done_callbacks = property(_share_callbacks)

    # ------------------------------------------------------------ the pool's side

    def settle(self, settlement: Settlement) -> None:
        """Called once by the pool; wakes who waits and runs the callbacks."""
        call = self._call
        if call is not None:
            self._timeout = call.options.timeout
        if settlement.place is not None:
            # Known before it is leased: from then on the pool may end, and want it kept.
            placed = self._placed = Placed(settlement.place)
            placed.lease = self._settler.lease(self, settlement.call)
        self._settlement = settlement
        state = CANCELLED if settlement.verdict is Verdict.CANCELLED else FINISHED
        condition = self.__dict__.setdefault(_CONDITION, _NOBODY_WAITED)
        if condition is _NOBODY_WAITED:
            self._state = state
            self._call = None  # and with it its arguments; not before, for `as_input`
            self._ring()
            return
        with condition:
            self._state = state
            self._call = None
            for waiter in self._waiters:
                if state is CANCELLED:
                    waiter.add_cancelled(self)
                elif settlement.verdict is Verdict.VALUE:
                    waiter.add_result(self)
                else:
                    waiter.add_exception(self)
            condition.notify_all()
        self._ring()

    def run_callbacks(self) -> None:
        """Called by the pool after `settle`, and again if Ctrl-C interrupted it."""
        callbacks = self.__dict__.get(_CALLBACKS, ())
        while callbacks:
            try:
                callback = callbacks.pop(0)
            except IndexError:
                return  # another thread was faster
            try:
                callback(self)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001  # it is the callback's own affair
                # A callback that calls sys.exit must not end the thread that serves everybody.
                report(f"exception calling callback for {self!r}", error, "concurrent.futures")

    def wake_when_settled(self, wake: Callable[[object], None]) -> None:
        """As `add_done_callback`, but without the condition: who is settled already wakes nobody."""
        # In front, because the callbacks of users may themselves wait.
        self._share_callbacks().insert(0, wake)

    # ------------------------------------------------------------ the caller's side

    def cancel(self) -> bool:
        """Take the call back. False if it runs (and may not be interrupted) or has ended.

        Also False if its worker does not say within half a second whether it has begun the call,
        because C code holds its interpreter; if it has not, it is still taken back later.
        """
        call = self._call
        if call is not None:
            self._settler.cancel(call.id, self.is_settled)
        if self._state != CANCELLED:
            return False
        self.run_callbacks()  # before this returns, as the base does
        return True

    def running(self) -> bool:
        """Whether a worker runs it, as far as is known here."""
        call = self._call
        return call is not None and self._settler.is_running(call.id)

    def result(self, timeout: float | None = None) -> T:
        """The value. Raises what the call raised, CancelledError, or TimeoutError after `timeout` s."""
        self._wait_settled(timeout)
        self._open()
        if self._exception is not None:
            try:
                raise self._exception
            finally:
                # Break the cycle of the exception, its traceback and this frame.
                self = None  # type: ignore[assignment]  # noqa: PLW0642  # as the base does
        return cast(T, self._result)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the call raised, or None. Raises CancelledError, or TimeoutError after `timeout` s."""
        self._wait_settled(timeout)
        self._open()
        return self._exception

    def __repr__(self) -> str:
        state = {PENDING: "pending", FINISHED: "finished"}.get(self._state, "cancelled")
        return f"<elsewhere.Future of {self._function}: {state}>"

    def __reduce__(self) -> tuple[Any, ...]:
        reference = refer(self)
        if reference is None:
            raise NotPicklable(
                "the future",
                "a future belongs to the pool that made it",
                "Pass it as an argument of a call, or wait for it and send its result()",
            )
        return reference

    def check_input(self, settler: object) -> None:
        """Raises `NotPicklable` if it cannot be the input of a call that goes through `settler`."""
        if self._settler is not settler and self._state == PENDING:
            raise NotPicklable(
                "the future",
                "it is the future of another pool, and not settled",
                "Wait for it first, or make both calls in the same pool",
            )

    def as_input(self, position: int) -> Input:
        """Itself as the input of a call of its own pool, or of any once it is settled."""
        call = self._call
        if self._state == PENDING and call is not None:
            return Input(call.id)
        return Input(-1 - position, self.outcome())

    def is_foreign(self, settler: Settler) -> bool:
        """Whether its value lies in a segment of another pool than that of `settler`."""
        return self._settler is not settler and self._placed is not None

    @property
    def nbytes(self) -> int:
        """How many bytes its value takes where it lies, encoded. Waits for it, but does not fetch it;
        raises as `result`."""
        self._wait_settled(None)
        outcome = self.outcome()
        if outcome.verdict is not Verdict.VALUE:
            self.result()
        return outcome.nbytes

    def where(self) -> int | None:
        """The number of the worker that made its value, if that still lies where it was made; else
        None: it is in this process, or not made yet."""
        settlement, placed = self._settlement, self._placed
        if settlement is None or placed is None or placed.ended:
            return None
        return settlement.worker or None

    def keep(self) -> None:
        """Called when the pool ends: keep the value, although its segment goes."""
        if self._placed is not None:
            self._placed.keep(wanted=not self._opened)

    def as_returned(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """How to pickle it as its outcome, for which this waits."""
        while self._state == PENDING:
            if not self._settler.wait_for(self, None):
                self._await_bell(None)
        outcome = self.outcome().told_again(0)
        if outcome.place is not None:  # it is this process that keeps it there
            value = dumps(self.result(), "the value of the future")
            outcome = Settlement(0, Verdict.VALUE, value, outcome.worker, outcome.attempt)
        return returned_future, (outcome, self._function, self._timeout)

    def source(self) -> Source:
        """Its value, to be decoded anew."""
        outcome = self.outcome()
        if self._placed is None:
            return outcome.payload
        from elsewhere.segments.reading import load_value

        return partial(load_value, self._placed.map())

    def outcome(self) -> Settlement:
        """Its settlement, once it has one. Raises `NotPicklable` for a value that cannot travel."""
        settlement = self._settlement
        if settlement is not None:
            return settlement
        if self._exception is not None:
            from elsewhere.codec.failures import encode_failure

            # An attempt by no worker: it failed where it was asked for.
            return Settlement(0, Verdict.ERROR, encode_failure(self._exception), attempt=1)
        return Settlement(0, Verdict.VALUE, dumps(self._result, "the value of the future"))

    def __await__(self) -> Generator[Any, None, T]:
        import asyncio

        return asyncio.wrap_future(self).__await__()

    def _await_bell(self, timeout: float | None) -> None:
        """Wait for `settle` in another thread. A raw lock, because Ctrl-C can split a Condition."""
        bell = self.__dict__.setdefault(_BELL, _locked())
        timeout = -1 if timeout is None else min(max(timeout, 0), threading.TIMEOUT_MAX)
        if self._state == PENDING and bell.acquire(timeout=timeout):
            bell.release()  # for the next one who waits

    def _ring(self) -> None:
        bell = self.__dict__.get(_BELL)
        if bell is not None:
            bell.release()

    def is_settled(self) -> bool:
        """Whether it has its outcome; unlike `done`, without the condition."""
        return self._state != PENDING

    def _wait_settled(self, timeout: float | None) -> None:
        if self._state == PENDING:
            if not self._settler.wait_for(self, timeout):
                self._await_bell(timeout)
            if self._state == PENDING:
                raise TimeoutError
        if self._state == CANCELLED:
            settlement = self._settlement
            if settlement is None or not settlement.chain:
                raise CancelledError
            raise open_failure(settlement, self._function, self._timeout)

    def _open(self) -> None:
        settlement = self._settlement
        if settlement is not None and not self._opened:
            outcome = self._open_settlement(settlement)
            # Of several threads that come here at once, all return what the first has claimed.
            self._result, self._exception = self.__dict__.setdefault(_OUTCOME, outcome)
            self._opened = True
            if self._placed is not None:
                self._placed.forget()
            if len(settlement.payload) > KEPT_BYTES_MAX and settlement.verdict is Verdict.VALUE:
                self._settlement = None

    def _open_settlement(self, settlement: Settlement) -> tuple[Any, BaseException | None]:
        try:
            mapping = None if self._placed is None else self._placed.map()
        except FileNotFoundError as error:
            lost = DataLost(self._function)
            lost.__cause__ = error
            return None, lost
        return open_settlement(settlement, self._function, self._timeout, mapping)

    def _get_snapshot(self) -> tuple[bool, bool, Any, BaseException | None]:
        # From Python 3.14 on, asyncio reads an outcome through this method of the base.
        if self._state == FINISHED:
            self._open()
        return self.is_settled(), self._state == CANCELLED, self._result, self._exception


def _locked() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


class Nobody:
    """The settler of a future that has its outcome from the start."""

    def cancel(self, call: int, settled: Callable[[], bool]) -> None:
        return None

    def is_running(self, call: int) -> bool:
        return False

    def wait_for(self, future: Future[Any], timeout: float | None) -> bool:
        return True

    def make_waiters(self) -> list[Any]:
        return []

    def lease(self, holder: Holder, call: int) -> "Lease":
        raise AssertionError("what is here lies in no segment")


def returned_future(settlement: Settlement, function: str, timeout: float | None) -> Future[Any]:
    """The future of a call of `function` that a call has returned; payloads name this function."""
    future: Future[Any] = Future(None, function, Nobody())
    future._timeout = timeout
    future.settle(settlement)
    return future
