"""The chunks of one map, what is measured of them, and the bell that says that one is settled."""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from elsewhere.calls.messages import Input, Settlement, Verdict
from elsewhere.placed import Holder, Placed
from elsewhere.reports import report

if TYPE_CHECKING:
    from elsewhere.segments.reading import Lease


class Bar(Protocol):
    """Whoever shows how far a map has come."""

    def advance(self, items: int, failed: int = 0) -> None:
        """So many more items are done, so many of them failed."""

    def close(self, *, interrupted: bool = False) -> None:
        """The map has ended, perhaps by Ctrl-C. Idempotent."""


def advance_safely(bar: Bar, items: int, failed: int = 0) -> bool:
    """Advance a bar; False if that failed, for a result must not be lost for a picture."""
    try:
        bar.advance(items, failed)
    except Exception as error:  # noqa: BLE001  # it is reported
        report("the progress of a map can no longer be shown", error)
        return False
    return True


class Bell:
    """Rings when a chunk is settled. One raw lock, because Ctrl-C can split an Event in two."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self.rings = 0

    def ring(self) -> None:
        self.rings += 1
        with suppress(RuntimeError):  # it rings already
            self._lock.release()

    def wait(self, timeout: float | None) -> None:
        """Wait for a ring, perhaps one that was not waited for at its time."""
        self._lock.acquire(timeout=-1 if timeout is None else min(timeout, threading.TIMEOUT_MAX))


class Meter:
    """What a map has measured so far, and the bell that says that it has measured more.

    Chunks are settled in any thread, also by a finaliser in the middle of what is done here. So
    changes of the counts are only noted, in one append, and summed by whoever reads the input.
    """

    def __init__(self, bar: Bar | None) -> None:
        self.bell = Bell()
        self.seconds: float | None = None
        """moving average of the seconds of an item"""
        self.bytes = 0.0
        """moving average of the larger of an item's argument and result, encoded"""
        self._bar = bar
        self._notes: deque[tuple[int, int, int, int]] = deque()
        self.open_chunks = 0
        """chunks that are not settled"""
        self.open_items = 0
        self.unread_items = 0
        """items under way, and those whose results were not read yet"""
        self.unread_bytes = 0
        """encoded arguments under way and results that were not read yet"""

    def sent(self, items: int, size: int) -> None:
        self._notes.append((1, items, items, size))

    def opened(self, items: int, size: int) -> None:
        """The results of a chunk are being read, or it is being split."""
        self._notes.append((0, 0, -items, -size))

    def settled(self, chunk: "Chunk", settlement: Settlement) -> None:
        size = settlement.nbytes
        self._notes.append((-1, -chunk.items, 0, size - chunk.size))
        if settlement.verdict is Verdict.VALUE:
            seconds = settlement.elapsed / chunk.items
            # The first items of a function pay for its loading: forget them fast.
            known = self.seconds
            self.seconds = seconds if known is None else min(seconds, (known + seconds) / 2)
            self.bytes = max(size, chunk.size) / chunk.items
        split = settlement.verdict is Verdict.QUARANTINED and chunk.items > 1
        bar = self._bar
        if bar is not None and not split and settlement.verdict is not Verdict.CANCELLED:
            failed = int(settlement.verdict is not Verdict.VALUE)
            if not advance_safely(bar, chunk.items, failed):
                self._bar = None

    def sum_up(self) -> None:
        """Bring the counts up to date. Only by whoever reads the input, one thread at a time."""
        notes = self._notes
        while notes:
            chunks, items, unread_items, unread_bytes = notes.popleft()
            self.open_chunks += chunks
            self.open_items += items
            self.unread_items += unread_items
            self.unread_bytes += unread_bytes

    def bytes_to_read(self) -> float:
        """Encoded results that are or will be there to be read, as far as can be foreseen."""
        return self.unread_bytes + self.open_items * self.bytes

    def close(self, *, interrupted: bool) -> None:
        """The map has ended: so does its bar."""
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.close(interrupted=interrupted)


class Chunk:
    """Some items under way, and in the end their settlement.

    `inputs` are the futures among them, in the order in which the payload counts them. `lease` gives
    a claim to the results, if they lie in a segment.
    """

    __slots__ = (
        "__weakref__",
        "_lease",
        "call",
        "inputs",
        "items",
        "meter",
        "payload",
        "placed",
        "settlement",
        "size",
    )

    def __init__(
        self,
        call: int,
        payload: bytes,
        items: int,
        meter: Meter,
        lease: "Callable[[Holder, int], Lease]",
        inputs: tuple[Input, ...] = (),
    ) -> None:
        self.call = call
        self._lease = lease
        self.placed: Placed | None = None
        """where the results lie, if in a segment, until they are read"""
        self.payload = payload
        self.inputs = inputs
        known = [one.settlement.nbytes for one in inputs if one.settlement is not None]
        self.size = len(payload) + sum(known)
        """encoded bytes, as far as they are known"""
        self.items = items
        self.meter = meter
        self.settlement: Settlement | None = None

    def settle(self, settlement: Settlement) -> None:
        self.meter.settled(self, settlement)
        if settlement.verdict is not Verdict.QUARANTINED:
            self.payload, self.inputs = b"", ()
        if settlement.place is not None:
            # Known before it is leased: from then on the pool may end, and want it kept.
            placed = self.placed = Placed(settlement.place)
            placed.lease = self._lease(self, self.call)
        self.settlement = settlement
        self.meter.bell.ring()

    def keep(self) -> None:
        """As `Holder.keep`."""
        placed = self.placed
        if placed is not None:  # else another thread reads the results just now
            placed.keep(wanted=True)

    def run_callbacks(self) -> None:
        return None
