"""Attempts in workers: what is known of them as they get to run, wait, come out and come back."""

from collections.abc import Iterable

from elsewhere.calls.lifecycle import CallState
from elsewhere.calls.messages import (
    Died,
    Kept,
    Kind,
    Outcome,
    Parked,
    Recall,
    Resumed,
    Returned,
    Verdict,
)
from elsewhere.calls.workers import Exit
from elsewhere.gateway.blame import Blame
from elsewhere.gateway.dispatch import Dispatch
from elsewhere.gateway.ledger import Ledger
from elsewhere.gateway.limits import Limits
from elsewhere.gateway.records import CLIENT, CallRecord, Stopping, WorkerRecord
from elsewhere.gateway.verdicts import after_loss, after_outcome

NOT_BEGUN = frozenset({Verdict.UNREADY, Verdict.MISSING})
"""How attempts come out that lacked an input: they do not count."""


class Attempts:
    """What becomes of the attempts that workers hold. What is to be sent goes into the ledger's turn."""

    def __init__(
        self,
        workers: dict[int, WorkerRecord],
        ledger: Ledger,
        dispatch: Dispatch,
        limits: Limits,
        blame: Blame,
    ) -> None:
        self.ledger = ledger
        self.dispatch = dispatch
        self._workers = workers
        self._limits = limits
        self._blame = blame

    def on_done(self, worker: WorkerRecord, outcomes: Iterable[Outcome], now: float) -> None:
        """Attempts have come out."""
        for outcome in outcomes:
            record = worker.attempt(outcome.call, outcome.fence)
            if record is None:
                continue  # said twice: what lies there now may be another value
            made = outcome.place
            if outcome.verdict is Verdict.MISSING and made is not None:
                self.ledger.values.lose_inputs(record, made)
                made = None
            if made is not None and record.state is CallState.SETTLED:
                self.ledger.free(worker.id, made)
            worker.drop(record)
            self._learn(worker, record, outcome)
            if record.state is CallState.SETTLED:
                self.ledger.release_inputs(record)
                continue
            if outcome.verdict in NOT_BEGUN or record.astray or record.needs:
                # An input is lost; or it was sent ahead of one that did not come out there, or not so.
                if made is not None:
                    self.ledger.free(worker.id, made)
                if record.cancelling:
                    self.ledger.settle(record, Verdict.CANCELLED)
                else:
                    self.requeue(record, front=True)
                continue
            if record.deaths and outcome.verdict is Verdict.VALUE:
                self._blame.clear(record, now)
            verdict = after_outcome(record, outcome)
            if verdict is None:
                self.requeue(record, front=False)
            else:
                self.ledger.come_out(record, verdict, outcome)
        self.reach_head(worker, now)

    def on_died(self, worker: WorkerRecord, message: Died, now: float) -> None:
        """The fork that ran an attempt is gone."""
        record = worker.attempt(message.call, message.fence)
        if record is None:
            return
        worker.drop(record)
        if message.holds:
            self.ledger.values.hold(worker.id, message.holds)
        self.lose(record, message.exit, now, blamed=True, first=True)
        self.reach_head(worker, now)

    def _learn(self, worker: WorkerRecord, record: CallRecord, outcome: Outcome) -> None:
        """Take in what the attempt tells of its function, its worker and its inputs."""
        function = record.function
        only_made = function.kit is not None and record.call.kind is Kind.WARM
        if outcome.verdict not in NOT_BEGUN and not only_made:
            elapsed, items = outcome.elapsed, record.call.items
            if outcome.building:
                elapsed = max(0.0, elapsed - outcome.building)
            if self.dispatch.placer.every_call and function.seconds is not None:
                worker.measure(elapsed, function.seconds * items)
            function.measure(elapsed, items)
            place = outcome.place
            if (
                (place is not None or function.let_go_bytes)
                and outcome.verdict is Verdict.VALUE
                and record.call.kind is Kind.CALL
            ):
                function.let_go_bytes = place.nbytes if place is not None and record.waived else 0
        if outcome.holds or outcome.transfers:
            self.ledger.values.hold(worker.id, outcome.holds)
            self.dispatch.placer.bandwidths.measure(worker.node, outcome.transfers)

    def on_parked(self, worker: WorkerRecord, message: Parked | Resumed, now: float) -> None:
        """An attempt waits for other calls, or goes on."""
        record = worker.attempt(message.call, message.fence)
        if record is not None:
            if isinstance(message, Parked):
                worker.park(record)
            else:
                worker.resume(record)
            self.reach_head(worker, now)

    def on_returned(self, worker: WorkerRecord, message: Returned, now: float) -> None:
        """What was recalled comes back, but for what had begun."""
        worker.recalling = False
        # Each goes to the front of the queue, so the last goes first and their order stays.
        for call, fence in reversed(message.returned):
            record = worker.attempt(call, fence)
            if record is None:
                continue
            worker.drop(record)
            if record.state is CallState.SETTLED:
                self.ledger.release_inputs(record)
            elif record.cancelling:
                self.ledger.settle(record, Verdict.CANCELLED)
            else:
                self.requeue(record, front=True)
        for call, fence in message.kept:
            record = worker.attempt(call, fence)
            if record is not None and record.cancelling:
                record.cancelling = False
                if record.asker == CLIENT:
                    self.ledger.turn.sends.append((CLIENT, Kept([call])))
        self.reach_head(worker, now)

    # ------------------------------------------------------------ moves

    def take_back(self, unwanted: Iterable[CallRecord], now: float, *, interrupt: bool) -> None:
        """Settle what has not begun; ask for what may have."""
        recalls: dict[int, set[tuple[int, int]]] = {}
        for record in unwanted:
            if record.state in {CallState.QUEUED, CallState.WAITING}:
                if record.state is CallState.QUEUED:
                    self.dispatch.waiting.settle(record)
                self.ledger.settle(record, Verdict.CANCELLED)
                continue
            worker = self._workers[record.worker]
            if worker.id not in recalls:
                # Its whole backlog comes back, so that the next cancel finds its call in the queue.
                recalls[worker.id] = {(r.call.id, r.fence) for r in worker.unstarted()}
            recalls[worker.id].add((record.call.id, record.fence))
            if interrupt or record.call.options.interrupt:
                record.cancelling = False
                self._limits.stop(self.ledger.turn, worker, record, Stopping.CANCEL, now)
                self.ledger.settle(record, Verdict.CANCELLED)
            else:
                record.cancelling = True
        for number, attempts in recalls.items():
            self._workers[number].stuck = True
            self.ledger.turn.sends.append((number, Recall(sorted(attempts))))
            self.dispatch.update(self._workers[number])

    def lose(self, record: CallRecord, how: Exit, now: float, *, blamed: bool, first: bool) -> None:
        """An attempt is lost with the process that it was in, and perhaps `blamed` for that; `first`: if it
        runs again, then before others."""
        if record.state is CallState.SETTLED:
            self.ledger.release_inputs(record)
            return
        verdict = after_loss(record, how, self._blame, now, blamed=blamed)
        if verdict is None:
            self.requeue(record, front=first and record.stopping is Stopping.NOT)
        else:
            self.ledger.settle(record, verdict, how=how if verdict is Verdict.QUARANTINED else None)

    def reach_head(self, worker: WorkerRecord, now: float) -> None:
        """What the worker holds has changed. If that gave it a new head, its time runs from now."""
        head = worker.head()
        if head is not worker.running:
            worker.running, worker.stuck, worker.head_since = head, False, now
            if head is not None:
                self._limits.begin(worker, head, now)
        self.dispatch.update(worker)

    def requeue(self, record: CallRecord, *, front: bool) -> None:
        """The attempt has come to nothing: the call waits for another, unless nobody wants it."""
        if not record.wanted:
            self.ledger.settle(record, Verdict.CANCELLED)
            return
        if self.ledger.inputs.waiting:
            self.ledger.inputs.astray(record.call.id)
        record.astray = False
        record.worker = 0
        record.stopping = Stopping.NOT
        if record.needs:
            record.become(CallState.WAITING)
            return
        record.become(CallState.QUEUED)
        (self.dispatch.waiting.put_first if front else self.dispatch.waiting.put)([record])
