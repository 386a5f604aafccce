"""The gateway: a machine that decides who runs what, and touches nothing.

``step(sender, message, now)`` takes one message in and gives one `Turn` out. There is no clock, no
chance, no socket, no thread and no pickle behind it: time comes with the message and payloads are
opaque bytes. Its contract with the host that drives it:

1. The same state and message give the same Turn.
2. What is to be remembered goes into the rows of a Turn. A gateway that `waits_for_rows` tells
   nobody of the outcome before `Written` says that the store has it.
3. Any message may arrive late, and twice: what has no fence, twice in a row. Messages of one link
   arrive in order.
4. A step does bounded work, but for what is proportional to the message.
5. A move that the tables do not have raises `GatewayBug`.

Theory of operation. Calls wait in one queue. A worker is given calls until it has `AHEAD_SECONDS`
of work by the measured time of the function, so that it never waits for a message and a message
carries many calls; of a function that was never measured it is given two. It works through what it
holds in order, so the first that it holds (the head) is what it runs, unless it says that it has
parked that one, which waits for calls of its own. Whoever idles while another holds a backlog has
part of it recalled, or part of the calls that were made inside its calls. What a worker held when it
died is queued again, in front; only the call that was running is blamed for the death, and those
inside which it was asked for. What it had asked for is asked for anew by what runs again, and found if
it had a key.
"""

from collections.abc import Iterable
from math import inf
from typing import assert_never

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.calls.messages import (
    Call,
    Cancel,
    Define,
    Done,
    Drop,
    Exit,
    Free,
    Given,
    Has,
    Kept,
    Lost,
    Moved,
    OfAttempts,
    Outcome,
    Parked,
    Put,
    Ready,
    Recall,
    Release,
    Resumed,
    Returned,
    Started,
    Submit,
    ToGateway,
    Unready,
    Verdict,
    Written,
)
from elsewhere.gateway.dispatch import Dispatch
from elsewhere.gateway.ledger import Ledger
from elsewhere.gateway.limits import Limits
from elsewhere.gateway.records import (
    CLIENT,
    ENGINE,
    CallRecord,
    Stopping,
    Turn,
    WorkerRecord,
)
from elsewhere.gateway.verdicts import after_loss, after_outcome

STARTS_LOST_MAX = 3
"""After so many workers in a row that never got ready, waiting calls fail."""


class Gateway:
    """Calls, functions and workers, and the one door to them.

    `tasks_per_worker_max` bounds how many calls one worker process takes (None: any number).
    `value_bytes_max`: how much memory values may take that stay where they were made.
    `waits_for_rows`: what is remembered is settled when it is `Written`, not before.
    """

    def __init__(
        self,
        *,
        tasks_per_worker_max: int | None = None,
        waits_for_rows: bool = False,
        value_bytes_max: float = inf,
    ) -> None:
        self.tasks_per_worker_max = tasks_per_worker_max
        self.waits_for_rows = waits_for_rows
        self.workers: dict[int, WorkerRecord] = {}
        """every worker that is not gone"""
        self.ledger = Ledger(self.workers, waits_for_rows=waits_for_rows, bytes_max=value_bytes_max)
        self.calls = self.ledger.asks.calls
        """every call that is not settled, but for those that joined another"""
        self.functions = self.ledger.functions
        self.dispatch = Dispatch(self.ledger.inputs)
        self.queue = self.dispatch.queue
        self.limits = Limits()
        self.workers_started = 0
        """the number of the latest worker"""
        self.starts_lost = 0
        self.now = 0.0
        self._turn = Turn()

    # ------------------------------------------------------------ the door

    def step(self, sender: int, message: ToGateway | None, now: float) -> Turn:
        """Take in one message from a peer (None: only the time), and say what is to be done."""
        turn = self._turn = self.ledger.turn = Turn()
        self.now = now
        if message is not None:
            self._take_in(sender, message)
        if self.limits.moments:
            for worker in self.limits.expire(turn, self.workers, now):
                self.dispatch.update(worker)
        more = self._follow_inputs()
        self.dispatch.held_back = self._is_held_back()
        for worker in self.dispatch.run(turn, now):
            self._reach_head(worker)
        turn.wake = now if more else self.dispatch.check_at
        if self.limits.moments:
            limit = self.limits.moments[0][0]
            turn.wake = limit if turn.wake is None else min(limit, turn.wake)
        return turn

    def _take_in(self, sender: int, message: ToGateway) -> None:
        match message:
            case Submit():
                self._on_submit(sender, message.calls)
            case Done() | Returned() | Parked() | Resumed() | Has() | Ready() | Unready():
                if sender in self.workers:  # else it is gone, and what it said comes late
                    self._hear_worker(self.workers[sender], message)
            case Define() | Release() | Cancel() | Given() | Drop() | Put():
                self._hear_asker(sender, message)
            case Started():
                self._on_started(message.worker)
            case Lost():
                self._on_lost(message.worker, message.exit)
            case Written():
                self.ledger.on_written(message)
            case Moved():
                self.ledger.values.moved(message.call, message.done, self._turn)
            case _:
                assert_never(message)

    def _hear_asker(
        self, sender: int, message: Define | Release | Cancel | Given | Drop | Put
    ) -> None:
        match message:
            case Define():
                self.ledger.define(sender, message)
            case Release():
                self.ledger.release(sender, message.functions)
            case Cancel():
                self._on_cancel(message)
            case Given():
                self.ledger.give(message)
            case Drop():
                self.ledger.values.drop(sender, message.calls, self._turn)
            case Put():
                self.ledger.values.add(message.call, message.place, sender, sender)
            case _:
                assert_never(message)

    def _hear_worker(self, worker: WorkerRecord, message: OfAttempts) -> None:
        match message:
            case Done():
                self._on_done(worker, message.outcomes)
            case Parked() | Resumed():
                self._on_parked(worker, message)
            case Has():
                worker.children, worker.sharing = message.calls, False
                self.dispatch.update(worker)
            case Returned():
                self._on_returned(worker, message)
            case Ready():
                self._on_ready(worker)
            case Unready():
                self._on_unready(worker, message.failure)
            case _:
                assert_never(message)

    @property
    def hungry(self) -> bool:
        """Whether a submitted call could leave at once. If not, it may wait for any later step."""
        return self.dispatch.hungry

    def is_claimed(self, key: bytes) -> bool:
        """Whether a call with this key is under way."""
        return key in self.ledger.asks.claims

    def is_running(self, call: int) -> bool:
        """Whether a worker has begun the call, as far as is known here."""
        record = self.ledger.asks.find(call)
        worker = self.workers.get(record.worker) if record is not None else None
        if record is None or worker is None:
            return False
        return worker.running is record or record.call.id in worker.parked

    def busy(self) -> tuple[int, int]:
        """How many workers hold calls, and how many there are."""
        ready = [w for w in self.workers.values() if w.state is not WorkerState.STARTING]
        return sum(1 for w in ready if w.held), len(ready)

    # ------------------------------------------------------------ from whoever makes calls

    def _on_submit(self, sender: int, calls: Iterable[Call]) -> None:
        if sender != CLIENT and sender not in self.workers:
            return  # what it asked for died with it
        asked = [self.ledger.open(call, sender) for call in calls]
        opened = [r for r in asked if r is not None and r.state is CallState.QUEUED]
        if sender == CLIENT:
            self.queue += opened
        else:
            # What calls ask for goes first, so that what was begun ends before more is begun.
            self.queue.extendleft(reversed(opened))
            worker = self.workers[sender]
            # What it shares is for others.
            if opened and not worker.sharing:
                self.dispatch.serve(worker, len(opened), self._turn)
                self._reach_head(worker)

    def _on_cancel(self, message: Cancel) -> None:
        unwanted = [
            r for number in message.calls if (r := self.ledger.withdraw(number)) is not None
        ]
        self._take_back(unwanted, interrupt=message.interrupt)

    def _take_back(self, unwanted: Iterable[CallRecord], *, interrupt: bool) -> None:
        """Settle what has not begun; ask for what may have."""
        recalls: dict[int, set[tuple[int, int]]] = {}
        for record in unwanted:
            if record.state in {CallState.QUEUED, CallState.WAITING}:
                self.ledger.settle(record, Verdict.CANCELLED)
                continue
            worker = self.workers[record.worker]
            if worker.id not in recalls:
                # Its whole backlog comes back, so that the next cancel finds its call in the queue.
                recalls[worker.id] = {(r.call.id, r.fence) for r in worker.unstarted()}
            recalls[worker.id].add((record.call.id, record.fence))
            if interrupt or record.call.options.interrupt:
                record.cancelling = False
                self.limits.stop(self._turn, worker, record, Stopping.CANCEL, self.now)
                self.ledger.settle(record, Verdict.CANCELLED)
            else:
                record.cancelling = True
        for number, attempts in recalls.items():
            self.workers[number].stuck = True
            self._turn.sends.append((number, Recall(sorted(attempts))))
            self.dispatch.update(self.workers[number])

    # ------------------------------------------------------------ from workers

    def _on_ready(self, worker: WorkerRecord) -> None:
        if worker.state is WorkerState.STARTING:
            worker.become(WorkerState.READY)
            self.starts_lost = 0
            self.dispatch.update(worker)

    def _on_unready(self, worker: WorkerRecord, failure: bytes) -> None:
        if worker.state is WorkerState.STARTING:
            worker.become(WorkerState.LEAVING)
            self.starts_lost += 1
            self._fail_unstartable(failure, None)

    def _on_done(self, worker: WorkerRecord, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            record = worker.attempt(outcome.call, outcome.fence)
            if record is None:
                continue  # said twice: what lies there now may be another value
            if outcome.place is not None and record.state is CallState.SETTLED:
                self._turn.sends.append((worker.id, Free([outcome.place])))
            worker.drop(record)
            if outcome.verdict is not Verdict.UNREADY:
                record.function.measure(outcome.elapsed, record.call.items)
            if outcome.holds:
                self.ledger.values.hold(worker.id, outcome.holds)
            if record.state is CallState.SETTLED:
                self.ledger.release_inputs(record)
                continue
            if outcome.verdict is Verdict.UNREADY or record.astray or record.needs:
                # It was sent ahead of its inputs, which did not come out there, or not so.
                if outcome.place is not None:
                    self._turn.sends.append((worker.id, Free([outcome.place])))
                if record.cancelling:
                    self.ledger.settle(record, Verdict.CANCELLED)
                else:
                    self._requeue(record, front=True)
                continue
            verdict = after_outcome(record, outcome)
            if verdict is None:
                self._requeue(record, front=False)
            else:
                self.ledger.come_out(record, verdict, outcome)
        self._reach_head(worker)

    def _on_parked(self, worker: WorkerRecord, message: Parked | Resumed) -> None:
        record = worker.attempt(message.call, message.fence)
        if record is not None:
            if isinstance(message, Parked):
                worker.park(record)
            else:
                worker.resume(record)
            self._reach_head(worker)

    def _on_returned(self, worker: WorkerRecord, message: Returned) -> None:
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
                self._requeue(record, front=True)
        for call, fence in message.kept:
            record = worker.attempt(call, fence)
            if record is not None and record.cancelling:
                record.cancelling = False
                if record.asker == CLIENT:
                    self._turn.sends.append((CLIENT, Kept([call])))
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
        blamed = self._find_blamed(worker, how.running)
        attempts = [*reversed(worker.held.values()), *reversed(worker.parked.values())]
        worker.held.clear()
        worker.parked.clear()
        for record in attempts:
            if record.state is CallState.SETTLED:
                self.ledger.release_inputs(record)
                continue
            verdict = after_loss(record, blamed)
            if verdict is None:
                self._requeue(record, front=record.stopping is Stopping.NOT)
            else:
                self.ledger.settle(
                    record, verdict, how=how if verdict is Verdict.QUARANTINED else None
                )
        self.ledger.values.drop_all(number, self._turn)
        unwanted = self.ledger.forget(worker)
        self._take_back((r for r in unwanted if r.state is not CallState.WRITING), interrupt=False)
        self.ledger.release(ENGINE, sorted(worker.defined))
        if was_starting and how != Exit():  # without evidence it was lost with others
            self.starts_lost += 1
            self._fail_unstartable(b"", how)

    def _find_blamed(self, worker: WorkerRecord, running: int) -> set[int]:
        """The call that took its worker down, and all inside which it was asked for.

        Those may have died with it, and ask for it anew under another number, with nothing counted:
        were they not to blame, they would for ever.
        """
        if worker.killed:
            deaf = worker.running
            if deaf is None or deaf.stopping is Stopping.NOT:
                return set()
            return self.ledger.asks.ancestors(deaf) - {deaf.call.id}
        # It may have resumed a call and died before it could say so.
        record = worker.held.get(running) or worker.parked.get(running)
        return set() if record is None else self.ledger.asks.ancestors(record)

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
                self.ledger.settle(record, Verdict.UNSTARTABLE, failure, how=how)

    # ------------------------------------------------------------ moves

    def _is_held_back(self) -> bool:
        """Whether no more calls are handed out until there is memory for what they make.

        That comes of what is being moved to a disk and of what runs; without either it would never.
        """
        values = self.ledger.values
        if not values.is_full:
            return False
        values.spill(self._turn)
        return bool(values.moving) or any(worker.held for worker in self.workers.values())

    def _follow_inputs(self) -> bool:
        """Settle the calls whose inputs have no value, queue those that have all of theirs.

        They go first: what they are given can be let go then. Returns whether there is more to do.
        """
        inputs = self.ledger.inputs
        more = bool(inputs.fallen) and self.ledger.settle_fallen()
        if inputs.ready:
            ready = [r for r in inputs.ready if r.state is CallState.WAITING]
            inputs.ready.clear()
            for record in ready:
                record.become(CallState.QUEUED)
            self.queue.extendleft(reversed(ready))
        return more

    def _reach_head(self, worker: WorkerRecord) -> None:
        """What the worker holds has changed. If that gave it a new head, its time runs from now."""
        head = worker.head()
        if head is not worker.running:
            worker.running, worker.stuck, worker.head_since = head, False, self.now
            if head is not None:
                self.limits.begin(worker, head, self.now)
        self.dispatch.update(worker)

    def _requeue(self, record: CallRecord, *, front: bool) -> None:
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
        (self.queue.appendleft if front else self.queue.append)(record)
