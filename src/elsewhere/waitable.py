"""A standard future that makes its condition only when somebody waits.

The base class makes a condition for each future, which costs more than the rest of a submit. Here it
is made when somebody first needs to wait. Whether a future was settled before or after its condition
was made must never be in doubt, or a waiter would count it twice or not at all: so both sides claim
the same place with one atomic `dict.setdefault`, and the loser acts on what it finds there.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future as BaseFuture
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from elsewhere.reports import report

if TYPE_CHECKING:
    from elsewhere.unheld import Releasable, Unheld

T = TypeVar("T")
PENDING, FINISHED, CANCELLED = "PENDING", "FINISHED", "CANCELLED_AND_NOTIFIED"
CONDITION = "the condition"
_LATE_CONDITION = "the condition, made after the end"
_WAITERS = "the waiters"
_CALLBACKS = "the callbacks"
_BELL = "the bell"
NOBODY_WAITED = object()


class Waitable(BaseFuture[T], Generic[T]):
    """What of a future is about waiting for it."""

    _state = PENDING
    unheld: "Unheld | None" = None
    """what its pool has of it, if that is not itself"""

    def make_waiters(self) -> list[Any]:
        """The list in which `concurrent.futures.wait` and `as_completed` leave whom to wake."""
        return []

    # ------------------------------------------------------------ what the base keeps as attributes

    def _share_condition(self) -> threading.Condition:
        place = self.__dict__
        condition = place.get(CONDITION)
        if condition is None:
            condition = place.setdefault(CONDITION, threading.Condition())
        if condition is NOBODY_WAITED:
            while self._state == PENDING:
                time.sleep(0)  # the settling thread has claimed the place and is about to say so
            # Whoever comes late must share one too: `wait` acquires it here and releases it here.
            condition = place.setdefault(_LATE_CONDITION, threading.Condition())
        return cast(threading.Condition, condition)

    def _share_waiters(self) -> list[Any]:
        return cast(list[Any], self.__dict__.setdefault(_WAITERS, self.make_waiters()))

    def _share_callbacks(self) -> list[Any]:
        callbacks = cast(list[Any], self.__dict__.setdefault(_CALLBACKS, []))
        self.hold()
        return callbacks

    def hold(self) -> None:
        """Somebody waits, or is to be called back: the pool holds it from now on. A finaliser may wait, which
        is called when nobody refers to it any more."""
        unheld = self.unheld  # read once: another thread may be about to settle this
        if unheld is not None:
            unheld.kept = cast("Releasable", self)

    def has_callbacks(self) -> bool:
        """Whether anybody is to be called back, or was."""
        return _CALLBACKS in self.__dict__

    if not TYPE_CHECKING:  # `as_completed` is typed for attributes that can be set
        _condition = property(_share_condition)
        _waiters = property(_share_waiters)
        _done_callbacks = property(_share_callbacks)

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


def _locked() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock
