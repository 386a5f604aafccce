"""The gateway: a machine that decides who runs what, and touches nothing.

``step(sender, message, now)`` takes one message in and gives one `Turn` out. There is no clock, no
chance, no socket, no thread and no pickle behind it: time comes with the message and payloads are
opaque bytes. Its contract with the host that drives it:

1. The same state and message give the same Turn.
2. The rows of a Turn are durable before its sends and settlements leave.
3. Any message may arrive twice or late. Messages of one link arrive in order.
4. A step does bounded work, but for what is proportional to the message.
5. A move that the tables do not have raises `GatewayBug`.

Theory of operation. Calls wait in one queue. A worker is given calls until it has `AHEAD_SECONDS`
of work by the measured time of the function, so that it never waits for a message and a message
carries many calls; of a function that was never measured it is given two. It works through what it
holds in order, so the first that it holds (the head) is what it runs. Whoever idles while another
holds a backlog has part of it recalled. What a worker held when it died is queued again, in front;
only the call that was running is blamed for the death.
"""

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import assert_never

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.calls.messages import (
    Call,
    Cancel,
    Define,
    Done,
    Exit,
    Forget,
    FromGateway,
    Interrupt,
    Kept,
    Kill,
    Lost,
    Outcome,
    Ready,
    Recall,
    Release,
    Returned,
    Settlement,
    Started,
    Submit,
    ToGateway,
    Unready,
    Verdict,
)
from elsewhere.errors import GatewayBug
from elsewhere.gateway.dispatch import Dispatch
from elsewhere.gateway.records import (
    CLIENT,
    ENGINE,
    CallRecord,
    FunctionRecord,
    Stopping,
    Turn,
    WorkerRecord,
)
from elsewhere.gateway.verdicts import after_loss, after_outcome

GRACE_SECONDS = 1.0
"""How long an interrupted call may take to yield before its worker is killed."""
STARTS_LOST_MAX = 3
"""After so many workers in a row that never got ready, waiting calls fail."""


class Gateway:
    """Calls, functions and workers, and the one door to them.

    `tasks_per_worker_max` bounds how many calls one worker process takes (None: any number).
    """

    def __init__(self, *, tasks_per_worker_max: int | None = None) -> None:
        self.tasks_per_worker_max = tasks_per_worker_max
        self.calls: dict[int, CallRecord] = {}
        """every call that is not settled"""
        self.functions: dict[int, FunctionRecord] = {}
        self.workers: dict[int, WorkerRecord] = {}
        """every worker that is not gone"""
        self.dispatch = Dispatch()
        self.queue = self.dispatch.queue
        self.deadlines: list[tuple[float, int, int, int]] = []
        """a heap of (when, worker, call, fence) for attempts with a time limit or a grace"""
        self.workers_started = 0
        """the number of the latest worker"""
        self.starts_lost = 0
        self.now = 0.0
        self._turn = Turn()

    # ------------------------------------------------------------ the door

    def step(self, sender: int, message: ToGateway | None, now: float) -> Turn:
        """Take in one message from a peer (None: only the time), and say what is to be done."""
        turn = self._turn = Turn()
        self.now = now
        if message is not None:
            self._take_in(sender, message)
        if self.deadlines:
            self._pass_deadlines()
        for worker in self.dispatch.run(turn, now):
            self._reach_head(worker)
        turn.wake = self._wake()
        return turn

    def _take_in(self, sender: int, message: ToGateway) -> None:
        match message:
            case Submit():
                self._on_submit(message.calls)
            case Done():
                self._on_done(sender, message.outcomes)
            case Define():
                self._on_define(message)
            case Release():
                self._on_release(message.functions)
            case Cancel():
                self._on_cancel(message)
            case Returned():
                self._on_returned(sender, message)
            case Started():
                self._on_started(message.worker)
            case Ready():
                self._on_ready(sender)
            case Unready():
                self._on_unready(sender, message.failure)
            case Lost():
                self._on_lost(message.worker, message.exit)
            case _:
                assert_never(message)

    @property
    def hungry(self) -> bool:
        """Whether a submitted call could leave at once. If not, it may wait for any later step."""
        return self.dispatch.hungry

    def is_running(self, call: int) -> bool:
        """Whether the call is what its worker runs, as far as is known here."""
        record = self.calls.get(call)
        worker = self.workers.get(record.worker) if record is not None else None
        return worker is not None and worker.running is record

    def busy(self) -> tuple[int, int]:
        """How many workers hold calls, and how many there are."""
        ready = [w for w in self.workers.values() if w.state is not WorkerState.STARTING]
        return sum(1 for w in ready if w.held), len(ready)

    # ------------------------------------------------------------ from the client

    def _on_define(self, message: Define) -> None:
        if message.function not in self.functions:
            self.functions[message.function] = FunctionRecord(message.code)

    def _on_release(self, functions: Iterable[int]) -> None:
        for number in functions:
            function = self.functions.get(number)
            if function is not None:
                function.released = True
                self._forget_unused(number, function)

    def _on_submit(self, calls: Iterable[Call]) -> None:
        for call in calls:
            if call.id in self.calls:
                continue  # said twice
            function = self.functions.get(call.function)
            if function is None:
                raise GatewayBug(f"call {call.id} is of unknown function {call.function}")
            function.live += 1
            self.calls[call.id] = record = CallRecord(call, function)
            self.queue.append(record)

    def _on_cancel(self, message: Cancel) -> None:
        recalls: dict[int, set[tuple[int, int]]] = {}
        for number in message.calls:
            record = self.calls.get(number)
            if record is None:
                continue
            if record.state is CallState.QUEUED:
                self._settle(record, Verdict.CANCELLED)
                continue
            worker = self.workers[record.worker]
            if worker.id not in recalls:
                # Its whole backlog comes back, so that the next cancel finds its call in the queue.
                recalls[worker.id] = {(r.call.id, r.fence) for r in worker.unstarted()}
            recalls[worker.id].add((number, record.fence))
            if message.interrupt or record.call.options.interrupt:
                record.cancelling = False
                self._stop(worker, record, Stopping.CANCEL)
                self._settle(record, Verdict.CANCELLED)
            else:
                record.cancelling = True
        for number, attempts in recalls.items():
            self.workers[number].stuck = True
            self._send(number, Recall(sorted(attempts)))
            self.dispatch.update(self.workers[number])

    # ------------------------------------------------------------ from workers

    def _on_ready(self, number: int) -> None:
        worker = self.workers.get(number)
        if worker is not None and worker.state is WorkerState.STARTING:
            worker.become(WorkerState.READY)
            self.starts_lost = 0
            self.dispatch.update(worker)

    def _on_unready(self, number: int, failure: bytes) -> None:
        worker = self.workers.get(number)
        if worker is not None and worker.state is WorkerState.STARTING:
            worker.become(WorkerState.LEAVING)
            self.starts_lost += 1
            self._fail_unstartable(failure, None)

    def _on_done(self, number: int, outcomes: Iterable[Outcome]) -> None:
        worker = self.workers.get(number)
        if worker is None:
            return
        for outcome in outcomes:
            record = worker.attempt(outcome.call, outcome.fence)
            if record is None:
                continue
            worker.drop(record)
            record.function.measure(outcome.elapsed, record.call.items)
            if record.state is CallState.SETTLED:
                continue
            verdict = after_outcome(record, outcome)
            if verdict is None:
                self._requeue(record, front=False)
            else:
                self._settle(record, verdict, outcome.payload, outcome.started, outcome.elapsed)
        self._reach_head(worker)

    def _on_returned(self, number: int, message: Returned) -> None:
        worker = self.workers.get(number)
        if worker is None:
            return
        worker.recalling = False
        # Each goes to the front of the queue, so the last goes first and their order stays.
        for call, fence in reversed(message.returned):
            record = worker.attempt(call, fence)
            if record is None:
                continue
            worker.drop(record)
            if record.cancelling:
                self._settle(record, Verdict.CANCELLED)
            elif record.state is CallState.ASSIGNED:
                self._requeue(record, front=True)
        for call, fence in message.kept:
            record = worker.attempt(call, fence)
            if record is not None and record.cancelling:
                record.cancelling = False
                self._send(CLIENT, Kept([call]))
        self._reach_head(worker)

    # ------------------------------------------------------------ from the engine

    def _on_started(self, number: int) -> None:
        # A repetition may come after the worker is gone: it must not come back to life.
        if number > self.workers_started:
            self.workers_started = number
            self.workers[number] = WorkerRecord(number, self.tasks_per_worker_max)

    def _on_lost(self, number: int, how: Exit) -> None:
        worker = self.workers.pop(number, None)
        if worker is None:
            return
        was_starting = worker.state is WorkerState.STARTING
        worker.become(WorkerState.GONE)
        self.dispatch.update(worker)
        for function in worker.functions:
            self.functions[function].workers.discard(number)
        blamed = 0 if worker.killed else how.running
        for record in reversed(worker.held.values()):
            if record.state is CallState.SETTLED:
                continue
            verdict = after_loss(record, blamed)
            if verdict is None:
                self._requeue(record, front=record.stopping is Stopping.NOT)
            else:
                self._settle(record, verdict, how=how if verdict is Verdict.QUARANTINED else None)
        worker.held.clear()
        if was_starting and how != Exit():  # without evidence it was lost with others
            self.starts_lost += 1
            self._fail_unstartable(b"", how)

    def _fail_unstartable(self, failure: bytes, how: Exit | None) -> None:
        """A worker could not start. Once no other can be hoped for, the calls that wait fail.

        An initializer that raised is tried again only by those under way; a dead process some times.
        """
        states = {worker.state for worker in self.workers.values()}
        if WorkerState.READY in states:
            return
        others = WorkerState.STARTING in states or how is not None
        if others and self.starts_lost < STARTS_LOST_MAX:
            return
        while self.queue:
            record = self.queue.popleft()
            if record.state is CallState.QUEUED:
                self._settle(record, Verdict.UNSTARTABLE, failure, how=how)

    # ------------------------------------------------------------ time

    def _pass_deadlines(self) -> None:
        while self.deadlines and self.deadlines[0][0] <= self.now:
            when, number, call, fence = heappop(self.deadlines)
            worker = self.workers.get(number)
            record = worker.attempt(call, fence) if worker is not None else None
            if worker is None or record is None:
                continue  # it has come out in time
            if record.stopping is Stopping.NOT:
                self._stop(worker, record, Stopping.TIMEOUT)
            elif worker.running is record and when >= record.yield_by:
                if worker.state is WorkerState.READY:
                    worker.become(WorkerState.LEAVING)
                    self.dispatch.update(worker)
                worker.killed = True
                self._send(ENGINE, Kill(worker.id))

    def _stop(self, worker: WorkerRecord, record: CallRecord, why: Stopping) -> None:
        """Ask a running attempt to yield; kill its worker if it has not after the grace."""
        if record.stopping is Stopping.NOT:
            self._grant_grace(worker, record)
        record.stopping = why
        self._send(worker.id, Interrupt(record.call.id, record.fence))

    def _grant_grace(self, worker: WorkerRecord, record: CallRecord) -> None:
        """From now, or from when it gets to run: a call that waits cannot yield."""
        record.yield_by = self.now + GRACE_SECONDS
        self._set_deadline(worker, record, GRACE_SECONDS)

    def _reach_head(self, worker: WorkerRecord) -> None:
        """What the worker holds has changed. If that gave it a new head, its time runs from now."""
        head = worker.head()
        if head is not worker.running:
            worker.running, worker.stuck, worker.head_since = head, False, self.now
            if head is not None:
                if head.stopping is not Stopping.NOT:
                    self._grant_grace(worker, head)
                elif head.call.options.timeout is not None:
                    self._set_deadline(worker, head, head.call.options.timeout)
        self.dispatch.update(worker)

    def _set_deadline(self, worker: WorkerRecord, record: CallRecord, seconds: float) -> None:
        heappush(self.deadlines, (self.now + seconds, worker.id, record.call.id, record.fence))

    def _wake(self) -> float | None:
        check, deadlines = self.dispatch.check_at, self.deadlines
        if not deadlines:
            return check
        return deadlines[0][0] if check is None else min(check, deadlines[0][0])

    # ------------------------------------------------------------ moves

    def _requeue(self, record: CallRecord, *, front: bool) -> None:
        record.become(CallState.QUEUED)
        record.worker = 0
        record.stopping = Stopping.NOT
        (self.queue.appendleft if front else self.queue.append)(record)

    def _settle(
        self,
        record: CallRecord,
        verdict: Verdict,
        payload: bytes = b"",
        started: float = 0.0,
        elapsed: float = 0.0,
        *,
        how: Exit | None = None,
    ) -> None:
        record.become(CallState.SETTLED)
        call, function = record.call, record.function
        del self.calls[call.id]
        function.live -= 1
        if function.released:
            self._forget_unused(call.function, function)
        self._turn.settlements.append(
            Settlement(
                call.id,
                verdict,
                payload,
                record.worker,
                # If its worker's end is why, that attempt is among the deaths already.
                record.attempt if how is None else record.failures + record.deaths,
                record.deaths,
                started,
                elapsed,
                how,
            )
        )

    def _forget_unused(self, number: int, function: FunctionRecord) -> None:
        if function.live:
            return
        del self.functions[number]
        for worker in sorted(function.workers):
            self.workers[worker].functions.discard(number)
            self._send(worker, Forget([number]))

    def _send(self, peer: int, message: FromGateway) -> None:
        self._turn.sends.append((peer, message))
