"""Which calls are held to have taken their worker down, and which deaths have come from outside.

A signal that ends a process tells nothing of who has sent it. So a call that died of one is suspected,
and excused again as often as it turns out, since shortly before its first death, that workers were killed from outside:
none of the calls of one was in control, or the call that was came out when it was tried again.
"""

from collections import deque

from elsewhere.calls.workers import Exit
from elsewhere.gateway.asks import Asks
from elsewhere.gateway.records import CallRecord, Stopping, WorkerRecord

KILLING = frozenset({9, 15})
"""SIGKILL and SIGTERM, by which processes are ended from outside. Of other signals, and of an end by
itself, the cause is within the process."""


RECENT_SECONDS = 60.0
"""For so long what has come from outside excuses calls that die later."""


class Blame:
    """Counts the deaths of calls, and those that were nobody's doing."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks
        self.strays = 0
        """deaths that have turned out to come from outside"""
        self._recent: deque[float] = deque()
        """when it turned out, of the latest of them"""

    def find(self, worker: WorkerRecord, how: Exit, now: float) -> set[int]:
        """The call that took its worker down, and all inside which it was asked for.

        Those may have died with it, and ask for it anew under another number, with nothing counted:
        were they not to blame, they would for ever.
        """
        if worker.killed:
            deaf = worker.running
            if deaf is None or deaf.stopping is Stopping.NOT:
                return set()
            return self._asks.ancestors(deaf) - {deaf.call.id}
        # It may have resumed a call and died before it could say so.
        record = worker.held.get(how.running) or worker.parked.get(how.running)
        if record is None:
            self._note_strays(how.signal in KILLING, now)
            return set()
        return self._asks.ancestors(record)

    def count(self, record: CallRecord, how: Exit, now: float) -> None:
        """The call is blamed for the death of its worker."""
        if not record.deaths:
            self._note_strays(0, now)
            record.killings, record.strays_before = 0, self.strays - len(self._recent)
        record.deaths += 1
        record.killings += how.signal in KILLING

    def clear(self, record: CallRecord, now: float) -> None:
        """A call that had died has a value: what it died of was not its doing."""
        self._note_strays(record.killings, now)

    def own_deaths(self, record: CallRecord) -> int:
        """How many of its deaths are held to be its own doing."""
        if not record.deaths:
            return 0
        return record.deaths - min(record.killings, self.strays - record.strays_before)

    def _note_strays(self, count: int, now: float) -> None:
        self.strays += count
        self._recent.extend([now] * count)
        while self._recent and self._recent[0] < now - RECENT_SECONDS:
            self._recent.popleft()
