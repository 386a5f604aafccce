"""The caller's handle of a call: a `concurrent.futures.Future` that can be awaited.

A value that lies in a segment may be lost. Who asks for it then waits for another future, which the
pool settles once the value was made again, and both have it.
"""

import time
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Generic, Protocol, cast

from elsewhere.calls.messages import Call, Input, Settlement, Verdict
from elsewhere.calls.values import Missing, Place
from elsewhere.codec.references import Receiver, Returned, Source, receiver, receiving, refer
from elsewhere.codec.values import dumps
from elsewhere.errors import DataLost, NotPicklable
from elsewhere.nobody import Nobody
from elsewhere.outcome import open_failure, open_settlement
from elsewhere.placed import Holder, Placed
from elsewhere.waitable import CANCELLED, CONDITION, FINISHED, NOBODY_WAITED, PENDING, T, Waitable

if TYPE_CHECKING:
    from elsewhere.segments.reading import Lease

    Share = Callable[["Future[Any]"], "Future[Any]"]
_OUTCOME = "the outcome"
_AGAIN = "the future of the same value, made again"
_LEASE = "the lease of what was lost"
KEPT_BYTES_MAX = 2**16
UNCHANGEABLE = frozenset({bytes, str, int})
"""A larger payload is not kept beside a value of one of these types, which nobody can change; beside any
other it is, because calls that are given the future later get the value as it was."""


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

    def ask_again(
        self, missing: Missing, again: "Future[Any]", share: "Share"
    ) -> "Future[Any] | None":
        """A value is not where it should be. Returns the future that will have it: what `share` returns
        of that, which is `again` for who came first; None if this may not be waited for here."""


class Future(Waitable[T], Generic[T]):
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
    _result: Any = None
    _exception: BaseException | None = None
    _timeout: float | None = None
    put_again: "Future[Any] | None" = None
    """the same value, as it was put for calls that were given this"""
    is_own = False
    """it stands for the arguments of one call"""
    is_returned = False
    """it came inside of the value of another call"""
    noted: object = None
    """what the pool's recorder knows of its call, if there is one"""

    def __init__(self, call: Call | None, function: str, settler: Settler) -> None:
        # Not the base's __init__: it would make the condition.
        self._call = call
        self._function = function
        self._settler = settler

    # ------------------------------------------------------------ the pool's side

    def make_waiters(self) -> list[Any]:
        return self._settler.make_waiters()

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
        condition = self.__dict__.setdefault(CONDITION, NOBODY_WAITED)
        if condition is NOBODY_WAITED:
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
        until = None if timeout is None else time.monotonic() + timeout
        self._wait_settled(timeout)
        self._open(until)
        if self._exception is not None:
            try:
                raise self._exception
            finally:
                # Break the cycle of the exception, its traceback and this frame.
                self = None  # type: ignore[assignment]  # noqa: PLW0642  # as the base does
        return cast(T, self._result)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the call raised, or None. Raises CancelledError, or TimeoutError after `timeout` s."""
        until = None if timeout is None else time.monotonic() + timeout
        self._wait_settled(timeout)
        self._open(until)
        return self._exception

    def __repr__(self) -> str:
        state = {PENDING: "pending", FINISHED: "finished"}.get(self._state, "cancelled")
        if state == "pending" and self.running():
            state = "running"
        return f"<elsewhere.Future of {self._function}: {state}>"

    def __reduce__(self) -> tuple[Any, ...]:
        reference = refer(self)
        if reference is None:
            raise NotPicklable(
                "the future",
                "a future belongs to the pool that made it",
                "It can be an argument of a call, wherever it stands in that, but no part of what is "
                "put, nor of a function. Or wait for it, and send its result()",
            )
        return reference

    def check_input(self, settler: object) -> None:
        """Raises `NotPicklable` if it cannot be the input of a call that goes through `settler`."""
        if self._settler is not settler and self._state == PENDING and not _adopts(settler):
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
        """Whether its value lies in a segment of another pool than that of `settler`, or is still to come
        from there."""
        elsewhere = self._settler is not settler
        return elsewhere and (self._state == PENDING or self._placed is not None)

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

    def keep_inside(self, reached_from: Callable[[int], dict[int, Place]]) -> None:
        """The same of what its value refers to."""
        placed, settlement = self._placed, self._settlement
        if placed and placed.place.refers and settlement and not self._opened:
            placed.keep_inside(reached_from(settlement.call).values())

    def keep_as(self, kept: dict[str, Any]) -> None:
        """Its pool had ended before it was made; `kept` is what was kept of the values, by path."""
        if self._placed is not None:
            self._placed.keep_as(kept)

    def as_returned(self, returned: Returned | None) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """How to pickle it as its outcome, for which this waits. A large value stays where it lies if
        what is `returned` is told with what it refers to."""
        while self._state == PENDING:
            if not self._settler.wait_for(self, None):
                self._await_bell(None)
        outcome = self.outcome()
        if outcome.place is None:
            outcome = outcome.told_again(0)
        elif returned is not None and returned.settler is self._settler:
            returned.futures.append(self)
            outcome = outcome.told_again(outcome.call)
        else:  # it is this process that keeps it there
            value = dumps(self.result(), "the value of the future")
            outcome = Settlement(0, Verdict.VALUE, value, outcome.worker, outcome.attempt)
        return returned_future, (outcome, self._function, self._timeout)

    def source(self) -> "Source | Future[Any]":
        """Its value, to be decoded anew; or, if that was lost, the future that will have it.

        Raises `DataLost` if it cannot be made again.
        """
        again: Future[Any] | None = self.__dict__.get(_AGAIN)
        if again is not None:
            return again.source_again(self)
        outcome = self.outcome()
        if self._placed is None:
            return outcome.payload
        try:
            return self._placed.source(self._settler, own=self.is_own)
        except FileNotFoundError as error:
            again = self._ask_again()
            if again is None:
                raise DataLost(self._function) from error
            return again

    def source_again(self, first: "Future[Any]") -> "Source | Future[Any]":
        """The source of a value that `first` has lost."""
        if not self.is_settled():
            return self
        if self._state == CANCELLED:
            raise DataLost(first._function)  # its pool has ended
        if self.outcome().verdict is not Verdict.VALUE:
            self.result()
        return self.source()

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

    def _wait_settled(self, timeout: float | None) -> None:
        if self._state == PENDING:
            self._wait_until_told(timeout)
        if self._state == CANCELLED:
            settlement = self._settlement
            if settlement is None or not settlement.chain:
                raise CancelledError
            raise open_failure(settlement, self._function, self._timeout)

    def _open(self, until: float | None = None) -> None:
        settlement = self._settlement
        if settlement is not None and not self._opened:
            outcome = self._open_settlement(settlement, until)
            # Of several threads that come here at once, all return what the first has claimed.
            self._result, self._exception = self.__dict__.setdefault(_OUTCOME, outcome)
            self._opened = True
            if self._placed is not None:
                self._placed.forget()
            if len(settlement.payload) > KEPT_BYTES_MAX and type(self._result) in UNCHANGEABLE:
                self._settlement = None

    def _open_settlement(
        self, settlement: Settlement, until: float | None
    ) -> tuple[Any, BaseException | None]:
        try:
            mapping = None if self._placed is None else self._placed.map()
        except FileNotFoundError as error:
            return self._open_again(error, until)
        if mapping is None or not self._placed or not self._placed.place.refers:
            return open_settlement(settlement, self._function, self._timeout, mapping)
        with receiving(Receiver(self._settler, self._placed.kept_inside)):
            return open_settlement(settlement, self._function, self._timeout, mapping)

    # ------------------------------------------------------------ a value that is lost

    def _ask_again(self) -> "Future[Any] | None":
        """The future that will have the value, which is not where it should be; None if none will."""
        placed, settlement = self._placed, self._settlement
        if placed is None or settlement is None or placed.ended:
            return None
        again: Future[Any] = Future(None, self._function, self._settler)
        # Were it given up meanwhile, nobody would make the value again.
        again.__dict__[_LEASE] = placed.lease
        return self._settler.ask_again(
            Missing(settlement.call, placed.place),
            again,
            lambda one: self.__dict__.setdefault(_AGAIN, one),
        )

    def _open_again(
        self, lost: FileNotFoundError, until: float | None
    ) -> tuple[Any, BaseException | None]:
        """Wait for the value to be made again, and open that."""
        again: Future[Any] | None = self.__dict__.get(_AGAIN) or self._ask_again()
        if again is not None:
            again._wait_until_told(None if until is None else until - time.monotonic())
            if again._state == FINISHED:
                again._open(until)
                return again._result, again._exception
        error = DataLost(self._function)  # its pool has ended
        error.__cause__ = lost
        return None, error

    def _wait_until_told(self, timeout: float | None) -> None:
        """Wait until it is settled, in whatever way. Raises TimeoutError."""
        self.hold()
        if self._state == PENDING and not self._settler.wait_for(self, timeout):
            self._await_bell(timeout)
        if self._state == PENDING:
            raise TimeoutError

    def _get_snapshot(self) -> tuple[bool, bool, Any, BaseException | None]:
        # From Python 3.14 on, asyncio reads an outcome through this method of the base.
        if self._state == FINISHED:
            self._open()
        return self.is_settled(), self._state == CANCELLED, self._result, self._exception


def _adopts(settler: object) -> bool:
    """Whether calls that go through it may wait for the futures of other pools."""
    return getattr(settler, "adopts", False)


def returned_future(settlement: Settlement, function: str, timeout: float | None) -> Future[Any]:
    """The future of a call of `function` that a call has returned; payloads name this function."""
    by = None if settlement.place is None else receiver()
    future: Future[Any] = Future(None, function, Nobody() if by is None else by.settler)
    future._timeout = timeout
    future.is_returned = True
    future.settle(settlement)
    if by is not None and by.kept is not None:
        future.keep_as(by.kept)
    return future
