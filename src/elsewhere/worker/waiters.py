"""Who waits for several futures by the standard library: in a fiber, that must park it."""

from typing import Any, Protocol

from elsewhere.worker.parking import Parking


class Parks(Protocol):
    """Whoever parks fibers."""

    def park(self, parking: Parking, timeout: float | None) -> None:
        """Park this fiber until it is woken, or for so many seconds."""

    def new_parking(self) -> Parking | None:
        """For a wait in this fiber; None where none can be parked."""


class Waiters(list[Any]):
    """The list in which `concurrent.futures.wait` and `as_completed` leave whom to wake."""

    def __init__(self, pool: Parks) -> None:
        self._pool = pool

    def append(self, waiter: Any) -> None:
        if self._pool.new_parking() is not None and not isinstance(waiter.event, _Event):
            waiter.event = _Event(self._pool)
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
        if not self._set:
            self._pool.park(parking, timeout)
        return self._set
