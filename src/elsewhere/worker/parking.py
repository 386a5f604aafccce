"""Fibers that wait, and what wakes them."""

from collections import deque
from heapq import heappop, heappush
from itertools import count
from time import monotonic

from elsewhere.worker.fibers import greenlet


class Parking:
    """One wait of one fiber. Whoever wakes it first ends it; later ones find it over."""

    __slots__ = ("_ready", "error", "fiber", "over")

    def __init__(self, fiber: greenlet, ready: "deque[Parking]") -> None:
        self.fiber = fiber
        self._ready = ready
        self.over = False
        self.error: BaseException | None = None
        """raised where the fiber waits"""

    def wake(self, _: object = None) -> None:
        if not self.over:
            self.over = True
            self._ready.append(self)

    def resume(self) -> None:
        """In the hub: go on with the fiber."""
        if self.error is None:
            self.fiber.switch()
        else:
            self.fiber.throw(self.error)


class Alarms:
    """Wakes parked fibers when their time is over."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Parking]] = []
        self._numbers = count()

    def __bool__(self) -> bool:
        return bool(self._heap)

    def set(self, parking: Parking, seconds: float) -> None:
        heappush(self._heap, (monotonic() + seconds, next(self._numbers), parking))

    def ring(self) -> None:
        """Wake those whose time has come."""
        heap = self._heap
        while heap and (heap[0][2].over or heap[0][0] <= monotonic()):
            heappop(heap)[2].wake()

    def pending(self) -> float | None:
        """Seconds until the next one; None if there is none."""
        return max(0.0, self._heap[0][0] - monotonic()) if self._heap else None
