"""Which calls are held to have taken their worker down, and which deaths have come from outside.

A signal that ends a process tells nothing of who has sent it. So a call that died of one is suspected,
and excused again as often as it turns out, after its first death, that workers were killed from outside:
none of the calls of one was in control, or the call that was came out when it was tried again.
"""

from elsewhere.calls.workers import Exit
from elsewhere.gateway.asks import Asks
from elsewhere.gateway.records import CallRecord, Stopping, WorkerRecord

KILLING = frozenset({9, 15})
"""SIGKILL and SIGTERM, by which processes are ended from outside. Of other signals, and of an end by
itself, the cause is within the process."""


class Blame:
    """Counts the deaths of calls, and those that were nobody's doing."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks
        self.strays = 0
        """deaths that have turned out to come from outside"""

    def find(self, worker: WorkerRecord, how: Exit) -> set[int]:
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
            self.strays += how.signal in KILLING
            return set()
        return self._asks.ancestors(record)

    def count(self, record: CallRecord, how: Exit) -> None:
        """The call is blamed for the death of its worker."""
        if not record.deaths:
            record.killings, record.strays_before = 0, self.strays
        record.deaths += 1
        record.killings += how.signal in KILLING

    def clear(self, record: CallRecord) -> None:
        """A call that had died has a value: what it died of was not its doing."""
        self.strays += record.killings

    def own_deaths(self, record: CallRecord) -> int:
        """How many of its deaths are held to be its own doing."""
        if not record.deaths:
            return 0
        return record.deaths - min(record.killings, self.strays - record.strays_before)
