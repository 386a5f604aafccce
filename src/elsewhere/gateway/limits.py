"""Time limits: when an attempt must have come out, and what happens when it has not."""

from heapq import heappop, heappush

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.calls.messages import Interrupt
from elsewhere.calls.workers import Kill
from elsewhere.gateway.records import ENGINE, CallRecord, Stopping, Turn, WorkerRecord

GRACE_SECONDS = 1.0
"""How long an interrupted call may take to yield before its worker is killed."""


class Limits:
    """The moments at which attempts run out of time, or of the grace to yield."""

    def __init__(self) -> None:
        self.moments: list[tuple[float, int, int, int]] = []
        """a heap of (when, worker, call, fence)"""

    def begin(self, worker: WorkerRecord, record: CallRecord, now: float) -> None:
        """An attempt has got to run. Its time runs from now, the parked time too."""
        if record.stopping is not Stopping.NOT:
            self._grant_grace(worker, record, now)
        elif record.due is None and record.call.options.timeout is not None:
            record.due = now + record.call.options.timeout
            self._set(worker, record, record.due)

    def stop(
        self, turn: Turn, worker: WorkerRecord, record: CallRecord, why: Stopping, now: float
    ) -> None:
        """Ask a running attempt to yield; kill its worker if it has not after the grace."""
        if record.stopping is Stopping.NOT:
            self._grant_grace(worker, record, now)
        record.stopping = why
        turn.sends.append((worker.id, Interrupt(record.call.id, record.fence)))

    def expire(
        self, turn: Turn, workers: dict[int, WorkerRecord], now: float
    ) -> list[WorkerRecord]:
        """What has run out of time is stopped; returns the workers that must be killed for it."""
        killed: list[WorkerRecord] = []
        while self.moments and self.moments[0][0] <= now:
            when, number, call, fence = heappop(self.moments)
            worker = workers.get(number)
            record = worker.attempt(call, fence) if worker is not None else None
            if worker is None or record is None:
                continue  # it has come out in time
            if record.stopping is Stopping.NOT:
                if record.state is CallState.SETTLED:
                    continue  # it has failed with its input, and its worker will not run it
                if record.due is not None and when >= record.due:
                    self.stop(turn, worker, record, Stopping.TIMEOUT, now)
            elif worker.running is record and when >= record.yield_by:
                if worker.state is WorkerState.READY:
                    worker.become(WorkerState.LEAVING)
                worker.killed = True
                turn.sends.append((ENGINE, Kill(worker.id)))
                killed.append(worker)
        return killed

    def _grant_grace(self, worker: WorkerRecord, record: CallRecord, now: float) -> None:
        """From now, or from when it gets to run: a call that waits cannot yield."""
        record.yield_by = now + GRACE_SECONDS
        self._set(worker, record, record.yield_by)

    def _set(self, worker: WorkerRecord, record: CallRecord, when: float) -> None:
        heappush(self.moments, (when, worker.id, record.call.id, record.fence))
