"""Waiting for sockets and for time, by one thread at a time, whichever waits anyway.

One thread at a time has the *role* of waiting. The I/O thread has it while nobody else waits for
anything; a thread that waits for a result takes the role over and keeps it until its result is
there, so that no other thread must be woken to bring it. The I/O thread stands by meanwhile, and
takes the role back when no thread has waited for `STANDBY_SECONDS`.
"""

import os
import selectors
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from threading import get_ident
from time import monotonic, sleep

from elsewhere.interrupts import DeferredInterrupts

FOREVER = float("inf")
HANDOVER_SECONDS_MAX = 0.01
"""How long a thread that waits hopes for the role; then it waits without it."""
STANDBY_SECONDS = 0.002
LOOK_SECONDS = 0.1
"""How often to look for what nobody tells of."""
POLL_SECONDS_MAX = 3600.0
"""How long to wait at once. The system refuses to wait for more than 24 days."""
SPIN_SECONDS = 0.00005
"""How long a waiting thread looks before it sleeps: waking a sleeping processor takes as long."""
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Poller:
    """Calls back when descriptors are ready and moments have come, in the thread with the role."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._timer_ids = count()
        self._alarm: float | None = None
        self._on_alarm: Callable[[], None] = lambda: None
        self._look_at: float | None = None
        self._on_look: Callable[[], bool] = lambda: False
        self._served_for: Collection[object] = ()
        self._on_served: Callable[[], None] = lambda: None
        self._polling_until = 0.0
        self._eager = True
        """whether the last wait was short"""
        self._role = threading.Lock()
        self._owner = 0
        """the thread that has the role"""
        self._wanted = False
        self._standing_by = False
        self._served = 0
        """how often a thread that waited has had the role"""
        # Re-entrant: a finaliser may come in anywhere, and closes its pool.
        self._waking = threading.RLock()
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)
        self.watch(self._wake_reader, self._drain_wakes)
        self.ended = False

    # ------------------------------------------------------------ what to wait for

    def watch(self, fileno: int, act: Callable[[int], None], events: int = READ) -> None:
        """Call ``act(events)`` whenever `fileno` is ready for some of `events`."""
        self._selector.register(fileno, events, act)

    def change(self, fileno: int, events: int) -> None:
        """Watch a descriptor for other events; nothing if it is not watched. From any thread."""
        key = self._selector.get_map().get(fileno) if fileno >= 0 else None
        if key is not None:
            self._selector.modify(fileno, events, key.data)

    def unwatch(self, fileno: int) -> None:
        """Stop watching, if it is watched."""
        if fileno >= 0 and fileno in self._selector.get_map():
            self._selector.unregister(fileno)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` once. Only in the thread with the role."""
        heappush(self._timers, (monotonic() + seconds, next(self._timer_ids), act))

    def on_alarm(self, act: Callable[[], None]) -> None:
        """What to call when the moment of `set_alarm` has come."""
        self._on_alarm = act

    def on_served(self, due: Collection[object], act: Callable[[], None]) -> None:
        """What to call when all that a wait brought has been acted upon, if anything is `due` then.

        Ctrl-C may interrupt it, unlike all else but the waiting.
        """
        self._served_for, self._on_served = due, act

    def set_alarm(self, moment: float | None) -> None:
        """Set the one alarm, or none. From any thread, but by one at a time."""
        self._alarm = moment
        if moment is not None and moment < self._polling_until:
            self.wake()

    def on_look(self, act: Callable[[], bool]) -> None:
        """What to call for `look_soon`: it says whether to look once more, after as long again."""
        self._on_look = act

    def look_soon(self) -> None:
        """Look in `LOOK_SECONDS`, if nobody has asked for that. From any thread."""
        if self._look_at is None:
            self._look_at = moment = monotonic() + LOOK_SECONDS
            if moment < self._polling_until:
                self.wake()

    def wake(self) -> None:
        """End the wait that is going on. From any thread."""
        # The descriptor must not be closed, and perhaps become somebody else's, before the write.
        with self._waking, suppress(BlockingIOError):
            if self._wake_writer >= 0:
                os.write(self._wake_writer, b"!")

    def disown(self) -> None:
        """In a forked child: serve nothing, wake nobody."""
        self.ended = True
        self._waking = threading.RLock()
        self._wake_writer = -1

    # ------------------------------------------------------------ who waits

    @property
    def is_serving(self) -> bool:
        """Whether this thread has the role, and is now in a callback."""
        return self._owner == get_ident()

    def serve_until(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Wait in this thread until `done` or for `timeout` seconds, serving what is watched.

        False if another thread has the role: then that one brings about what is waited for.
        """
        nested = self._owner == get_ident()
        with DeferredInterrupts() as deferral:  # but for the waiting itself
            if not nested and not self._take_role():
                return False
            try:
                until = FOREVER if timeout is None else monotonic() + timeout
                while not done() and not self.ended and monotonic() < until:
                    self._poll(until, SPIN_SECONDS, deferral)
            finally:
                if not nested:
                    self._served += 1
                    self._owner = 0
                    self._role.release()
        return not self.ended

    def _take_role(self) -> bool:
        if not self._role.acquire(blocking=False):
            if self._standing_by:
                return False
            self._wanted = True
            self.wake()
            if not self._role.acquire(timeout=HANDOVER_SECONDS_MAX):
                return False
        self._owner = get_ident()
        return True

    def serve(self, check: Callable[[], None]) -> None:
        """The I/O thread's part: wait and serve until `ended`, and call `check` before each time."""
        self._role.acquire()
        self._owner = get_ident()
        while not self.ended:
            check()  # also of what other threads have done while this one stood by
            if self._wanted:
                self._stand_by()
            elif not self.ended:
                self._poll(FOREVER, 0.0)

    def _stand_by(self) -> None:
        """Leave the role to a thread that waits, and take it back when none has for a while."""
        self._wanted = False
        self._standing_by = True
        self._owner = 0
        self._role.release()
        while True:
            served = self._served
            sleep(STANDBY_SECONDS)
            if self._role.acquire(blocking=False):
                if served == self._served or self.ended:
                    break
                self._role.release()
        self._owner = get_ident()
        self._standing_by = False

    def close(self) -> None:
        """Watch nothing any more. Only in the I/O thread, after `serve`."""
        self._selector.close()
        with self._waking:
            os.close(self._wake_reader)
            os.close(self._wake_writer)
            self._wake_writer = -1
        self._owner = 0
        self._role.release()

    # ------------------------------------------------------------ waiting

    def _poll(
        self, until: float, spin_seconds: float, deferral: DeferredInterrupts | None = None
    ) -> None:
        """Wait for what is watched, at most until `until`, and act once."""
        # Announce the wait before looking when it must end: whoever brings that moment forward
        # either sees the announcement and wakes this thread, or is seen here.
        self._polling_until = FOREVER
        alarm, look_at = self._alarm, self._look_at
        until = min(
            until,
            FOREVER if alarm is None else alarm,
            FOREVER if look_at is None else look_at,
            self._timers[0][0] if self._timers else FOREVER,
        )
        self._polling_until = until
        began = monotonic()
        timeout = None if until == FOREVER else min(max(0.0, until - began), POLL_SECONDS_MAX)
        if deferral is not None:
            deferral.allow()
        try:
            ready = self._spin(spin_seconds) if self._eager else []
            ready = ready or self._selector.select(timeout)
        finally:
            if deferral is not None:
                deferral.hold()
        # Who has waited long does not look next time, but leaves the processor to the workers.
        self._eager = monotonic() - began < 2 * SPIN_SECONDS
        for key, events in ready:
            # An earlier callback may have closed this descriptor, and even opened it as another.
            current = self._selector.get_map().get(key.fd)
            if current is not None and current.data is key.data:
                key.data(events)
        self._polling_until = 0.0
        now = monotonic()
        while self._timers and self._timers[0][0] <= now:
            heappop(self._timers)[2]()
        if self._alarm is not None and self._alarm <= now:
            self._on_alarm()
        if look_at is not None and look_at <= now:
            self._look_at = None  # first: what comes now is seen by the look, or asks for one
            if self._on_look():
                self.look_soon()
        if self._served_for:
            self._serve_due(deferral)

    def _serve_due(self, deferral: DeferredInterrupts | None) -> None:
        if deferral is not None:
            deferral.allow()
        try:
            self._on_served()
        finally:
            if deferral is not None:
                deferral.hold()

    def _spin(self, seconds: float) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._selector.select(0) if seconds else []
        until = monotonic() + seconds
        while not ready and monotonic() < until:
            os.sched_yield()
            ready = self._selector.select(0)
        return ready

    def _drain_wakes(self, events: int) -> None:
        with suppress(BlockingIOError):
            os.read(self._wake_reader, 4096)
