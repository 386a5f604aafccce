"""The counts of a map, and the rate they grow at."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

Clock = Callable[[], float]

# The rate is taken over the last quarter of a minute, so that it follows a change, but over at
# least a few chunks, so that it does not swing with each one when chunks take long.
WINDOW_SECONDS = 15.0
WINDOW_SAMPLES_MIN = 5
SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A map's progress at a moment; ``done`` includes ``failed``, ``rate`` is in items/second."""

    description: str
    done: int
    failed: int
    total: int | None
    elapsed: float
    rate: float | None
    busy: int = 0
    alive: int = 0
    closed: bool = False
    interrupted: bool = False
    """closed by Ctrl-C"""

    @property
    def remaining(self) -> float | None:
        """Seconds left at this rate, None if that cannot be told."""
        if self.total is None or not self.rate:
            return None
        return max(self.total - self.done, 0) / self.rate


class Meter:
    """Counts items from any thread."""

    def __init__(self, description: str, total: int | None, clock: Clock) -> None:
        self._description = description
        self._total = total
        self._clock = clock
        # Reentrant, because a finaliser may end another map in the middle of a count, and so settle
        # chunks of this one.
        self._lock = threading.RLock()
        self._done = 0
        self._failed = 0
        self._started = clock()
        self._samples = deque([(self._started, 0)])

    def advance(self, items: int, failed: int) -> None:
        now = self._clock()
        with self._lock:
            self._done += items
            self._failed += failed
            if now - self._samples[-1][0] >= SAMPLE_SECONDS:
                self._samples.append((now, self._done))
                self._forget(now)

    def _forget(self, now: float) -> None:
        samples = self._samples
        while len(samples) > WINDOW_SAMPLES_MIN and now - samples[1][0] >= WINDOW_SECONDS:
            samples.popleft()

    def read(self, busy: int, alive: int) -> Reading:
        """The state of a map that goes on; its rate is that of the last seconds."""
        with self._lock:
            return self._reading(*self._samples[0], busy=busy, alive=alive, closed=False)

    def read_closed(self, *, interrupted: bool) -> Reading:
        """The state of a map that has ended; its rate is that of its whole time."""
        with self._lock:
            reading = self._reading(self._started, 0, busy=0, alive=0, closed=True)
        return replace(reading, interrupted=interrupted)

    def _reading(
        self, since: float, done_then: int, *, busy: int, alive: int, closed: bool
    ) -> Reading:
        now = self._clock()
        items, seconds = self._done - done_then, now - since
        return Reading(
            description=self._description,
            done=self._done,
            failed=self._failed,
            total=self._total,
            elapsed=now - self._started,
            rate=items / seconds if items > 0 and seconds > 0 else None,
            busy=busy,
            alive=alive,
            closed=closed,
        )
