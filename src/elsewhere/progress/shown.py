"""A progress that somebody sees: a meter, a view of it, and a thread that refreshes the view."""

import atexit
import os
import threading
import warnings
from collections.abc import Callable
from typing import Protocol

from elsewhere.progress.meter import Meter, Reading

Busy = Callable[[], tuple[int, int]]
Tick = Callable[[], float | None]
StartTimer = Callable[[Tick, float], Callable[[], None]]


class Progress(Protocol):
    """The progress of one map."""

    def advance(self, items: int, failed: int = 0) -> None:
        """Count finished items, of which some failed; cheap, from any thread."""

    def close(self, *, interrupted: bool = False) -> None:
        """Show the final state and leave it there; again, nothing."""


class View(Protocol):
    """What shows readings."""

    def refresh(self, reading: Reading) -> float:
        """Show a reading, if it is time; returns in how many seconds to come again."""

    def finish(self, reading: Reading) -> None:
        """Show the last reading and leave it there."""

    def drop(self) -> None:
        """Give back what the view has taken, without an error: showing has failed."""


def start_timer(tick: Tick, wait: float) -> Callable[[], None]:
    """Call ``tick`` in ``wait`` seconds, then as it says until it says None; gives a stop."""
    stopped = threading.Event()

    def run() -> None:
        due: float | None = wait
        while due is not None and not stopped.wait(due):
            due = tick()

    threading.Thread(target=run, name="elsewhere-progress", daemon=True).start()
    return stopped.set


class Shown:
    """Refreshes a view until it is closed.

    A view that fails is given up with a warning, for the results matter more than their progress.
    """

    def __init__(self, meter: Meter, busy: Busy, view: View, start_timer: StartTimer) -> None:
        self._meter = meter
        self._busy = busy
        self._view = view
        # Reentrant, because an abandoned map may be collected, and so closed, in the very thread
        # that refreshes it.
        self._lock = threading.RLock()
        self._closed = False
        self._process = os.getpid()
        self._stop_timer: Callable[[], None] | None = None
        wait = self._tick()
        if wait is not None:
            # A daemon thread that writes while the interpreter is torn down can abort it.
            atexit.register(self.close)
            self._stop_timer = start_timer(self._tick, wait)

    def advance(self, items: int, failed: int = 0) -> None:
        self._meter.advance(items, failed)

    def _tick(self) -> float | None:
        try:
            # No lock is held here: the pool may hold its own while it prints or closes us.
            reading = self._meter.read(*self._busy())
            with self._lock:
                return None if self._closed else self._view.refresh(reading)
        except Exception as error:  # noqa: BLE001  # a warning tells it, see the class
            self._give_up(error)
            return None

    def close(self, *, interrupted: bool = False) -> None:
        # A forked child inherits the map, but neither the thread nor the screen.
        if os.getpid() != self._process:
            return
        reading = self._meter.read_closed(interrupted=interrupted)
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._end_timer()
            try:
                self._view.finish(reading)
            except Exception as error:  # noqa: BLE001  # a warning tells it, see the class
                self._give_up(error)

    def _end_timer(self) -> None:
        if self._stop_timer is not None:
            self._stop_timer()
            atexit.unregister(self.close)

    def _give_up(self, error: Exception) -> None:
        with self._lock:
            self._closed = True
            self._end_timer()
            self._view.drop()
        warnings.warn(
            f"the progress can no longer be shown, which does not affect the results: {error!r}",
            RuntimeWarning,
            stacklevel=2,
        )
