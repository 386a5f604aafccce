"""Who waits for several futures by the standard library: in a fiber, that must park it."""

from threading import Event
from time import monotonic
from typing import Any, Protocol

from elsewhere.worker.parking import Parking

THREAD_SECONDS = 0.005
"""How often a waiting thread looks whether it must see to its children itself."""


class Parks(Protocol):
    """Whoever parks fibers."""

    def park(self, parking: Parking, timeout: float | None) -> None:
        """Park this fiber until it is woken, or for so many seconds."""

    def new_parking(self) -> Parking | None:
        """For a wait in this fiber; None where none can be parked."""

    def run_backlog(self) -> None:
        """In a thread that waits: begin what the main thread does not come to."""


class Waiters(list[Any]):
    """The list in which `concurrent.futures.wait` and `as_completed` leave whom to wake."""

    def __init__(self, pool: Parks) -> None:
        self._pool = pool

    def append(self, waiter: Any) -> None:
        if not isinstance(waiter.event, _Event | _ThreadEvent):
            in_fiber = self._pool.new_parking() is not None
            waiter.event = _Event(self._pool) if in_fiber else _ThreadEvent(self._pool)
        super().append(waiter)


class _Event:
    """`threading.Event` for fibers."""

    def __init__(self, pool: Parks) -> None:
        self._pool = pool
        self._set = False
        self._parked: list[Parking] = []

    def set(self) -> None:
        self._set = True
        for parking in self._parked:
            parking.wake()

    def clear(self) -> None:
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        parking = self._pool.new_parking()
        if parking is None:
            raise RuntimeError("futures that one fiber waits for cannot be handed to a thread")
        self._parked = [parking]
        if self._set and not parking.over:
            parking.over = True
        else:  # who was woken before it has parked is resumed all the same
            self._pool.park(parking, timeout)
        return self._set


class _ThreadEvent(Event):
    """In a thread of a call, for which the main thread may be waiting."""

    def __init__(self, pool: Parks) -> None:
        super().__init__()
        self._pool = pool

    def wait(self, timeout: float | None = None) -> bool:
        until = None if timeout is None else monotonic() + timeout
        while not self.is_set():
            left = THREAD_SECONDS if until is None else min(THREAD_SECONDS, until - monotonic())
            if left <= 0:
                break
            super().wait(left)
            self._pool.run_backlog()
        return self.is_set()
