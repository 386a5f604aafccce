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
carries many calls; of a function that was never measured it is given two, and of one whose large
values may be handed on. It works through what it
holds in order, so the first that it holds (the head) is what it runs, unless it says that it has
parked that one, which waits for calls of its own. Whoever idles while another holds a backlog has
part of it recalled, or part of the calls that were made inside its calls. What a worker held when it
died is queued again, in front; only the call that was running is blamed for the death, and those
inside which it was asked for: these go to the end of the queue. What it had asked for is asked for anew
by what runs again, and found if it had a key.
"""

from collections.abc import Iterable
from math import inf
from typing import assert_never

from elsewhere.calls.blobs import Offer, Seek, Unavailable
from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.calls.messages import (
    Call,
    Cancel,
    Define,
    Died,
    Done,
    Given,
    Has,
    OfAttempts,
    OfResources,
    Parked,
    Release,
    Resumed,
    Returned,
    Submit,
    ToGateway,
    Verdict,
    Written,
)
from elsewhere.calls.resources import Evicted, Inquire, Inventory, Made
from elsewhere.calls.values import Drop, Hold, Missing, Moved, Put, Waive
from elsewhere.calls.workers import Exit, Lost, NodeLost, Ready, Started, Unready
from elsewhere.gateway.attempts import Attempts
from elsewhere.gateway.blame import Blame
from elsewhere.gateway.dispatch import Dispatch
from elsewhere.gateway.ledger import Ledger
from elsewhere.gateway.limits import Limits
from elsewhere.gateway.placement import Locality, Placement
from elsewhere.gateway.records import CLIENT, ENGINE, Turn, WorkerRecord
from elsewhere.gateway.sources import Sources

STARTS_LOST_MAX = 3
"""After so many workers in a row that never got ready, waiting calls fail."""


class Gateway:
    """Calls, functions and workers, and the one door to them.

    `tasks_per_worker_max` bounds how many calls one worker process takes (None: any number).
    `value_bytes_max`: how much memory values may take that stay where they were made.
    `waits_for_rows`: what is remembered is settled when it is `Written`, not before.
    `placement`: which worker is given a call (None: where its inputs are).
    """

    def __init__(
        self,
        *,
        tasks_per_worker_max: int | None = None,
        waits_for_rows: bool = False,
        value_bytes_max: float = inf,
        placement: Placement | None = None,
    ) -> None:
        self.tasks_per_worker_max = tasks_per_worker_max
        self.waits_for_rows = waits_for_rows
        self.workers: dict[int, WorkerRecord] = {}
        """every worker that is not gone"""
        self.ledger = Ledger(self.workers, waits_for_rows=waits_for_rows, bytes_max=value_bytes_max)
        self.calls = self.ledger.asks.calls
        """every call that is not settled, but for those that joined another"""
        self.functions = self.ledger.functions
        self.dispatch = Dispatch(self.ledger, self.workers, placement or Locality())
        self.queue = self.dispatch.queue
        self.limits = Limits()
        self.sources = Sources()
        self.blame = Blame(self.ledger.asks)
        self.attempts = Attempts(self.workers, self.ledger, self.dispatch, self.limits, self.blame)
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
        more = self._follow_values()
        more |= self._follow_inputs()
        self.dispatch.held_back = self._is_held_back()
        for worker in self.dispatch.run(turn, now):
            self.attempts.reach_head(worker, now)
        if self.ledger.inputs.fallen or self.ledger.inputs.untold:
            more = True  # calls needed what could not be placed
        # By what was to be handed out, and by what was let go for it.
        values = self.ledger.values
        more |= bool(values.sought or values.unreferred or values.recipes.unused)
        turn.wake = now if more else self.dispatch.check_at
        if self.limits.moments:
            limit = self.limits.moments[0][0]
            turn.wake = limit if turn.wake is None else min(limit, turn.wake)
        return turn

    def _take_in(self, sender: int, message: ToGateway) -> None:
        match message:
            case Submit():
                self._on_submit(sender, message.calls)
            case (
                Done()
                | Died()
                | Returned()
                | Parked()
                | Resumed()
                | Has()
                | Ready()
                | Unready()
                | Made()
                | Evicted()
                | Inventory()
            ):
                if sender in self.workers:  # else it is gone, and what it said comes late
                    self._hear_worker(self.workers[sender], message)
            case (
                Define()
                | Release()
                | Cancel()
                | Given()
                | Drop()
                | Waive()
                | Put()
                | Missing()
                | Hold()
            ):
                self._hear_asker(sender, message)
            case Started():
                self._on_started(message.worker, message.node)
            case Lost():
                self._on_lost(message.worker, message.exit)
            case NodeLost():
                self.ledger.values.lose_node(message.node, self._turn)
                self.sources.lose_node(message.node, self._turn)
            case Seek() | Offer() | Unavailable():
                self._hear_of_blob(sender, message)
            case Written():
                self.ledger.on_written(message)
            case Inquire():
                self.ledger.kits.inquire(self._turn)
            case Moved():
                self.ledger.values.moved(message.call, message.place, self._turn, done=message.done)
            case _:
                assert_never(message)

    def _hear_asker(
        self,
        sender: int,
        message: Define | Release | Cancel | Given | Drop | Waive | Put | Missing | Hold,
    ) -> None:
        match message:
            case Define():
                self.ledger.define(sender, message)
            case Release():
                self.ledger.release(sender, message.functions)
            case Cancel():
                if sender == CLIENT or sender in self.workers:  # else it was withdrawn already
                    self._on_cancel(message)
            case Given():
                self.ledger.give(message)
            case Drop():
                self.ledger.values.drop(sender, message.calls, self._turn)
            case Waive():
                self.ledger.waive(sender, message.calls)
            case Put() | Missing() | Hold():
                if sender == CLIENT or sender in self.workers:  # else nobody would drop it
                    self._hear_of_value(sender, message)
            case _:
                assert_never(message)

    def _hear_of_value(self, sender: int, message: Put | Missing | Hold) -> None:
        match message:
            case Put():
                self.ledger.values.add(message.call, message.place, sender, [sender])
            case Missing():
                self.ledger.remaking.on_missing(sender, message, self._turn)
            case Hold():
                self.ledger.values.hold(sender, message.calls)
            case _:
                assert_never(message)

    def _hear_of_blob(self, sender: int, message: Seek | Offer | Unavailable) -> None:
        worker = self.workers.get(sender)
        if worker is not None or sender == CLIENT:
            node = None if worker is None else worker.node
            self.sources.hear(sender, node, message, self._turn)

    def _hear_worker(self, worker: WorkerRecord, message: OfAttempts | OfResources) -> None:
        match message:
            case Done():
                self.attempts.on_done(worker, message.outcomes, self.now)
            case Died():
                self.attempts.on_died(worker, message, self.now)
            case Parked() | Resumed():
                self.attempts.on_parked(worker, message, self.now)
            case Has():
                worker.children, worker.sharing = message.calls, False
                self.dispatch.update(worker)
            case Returned():
                self.attempts.on_returned(worker, message, self.now)
            case Ready():
                self._on_ready(worker)
            case Unready():
                self._on_unready(worker, message.failure)
            case Made() | Evicted() | Inventory():
                self.ledger.kits.hear(worker, message, self.now)
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
            self.dispatch.waiting.put(opened)
        else:
            # What calls ask for goes first, so that what was begun ends before more is begun.
            self.dispatch.waiting.put_first(opened)
            worker = self.workers[sender]
            # What it shares is for others.
            if opened and not worker.sharing:
                for given in self.dispatch.serve(worker, len(opened), self._turn, self.now):
                    self.attempts.reach_head(given, self.now)

    def _on_cancel(self, message: Cancel) -> None:
        unwanted = [
            r for number in message.calls if (r := self.ledger.withdraw(number)) is not None
        ]
        self.attempts.take_back(unwanted, self.now, interrupt=message.interrupt)

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

    # ------------------------------------------------------------ from the engine

    def _on_started(self, number: int, node: int) -> None:
        # A repetition may come after the worker is gone: it must not come back to life.
        if number > self.workers_started:
            self.workers_started = number
            worker = self.workers[number] = WorkerRecord(number, self.tasks_per_worker_max, node)
            self.dispatch.placer.join(worker)

    def _on_lost(self, number: int, how: Exit) -> None:
        worker = self.workers.pop(number, None)
        if worker is None:
            return
        was_starting = worker.state is WorkerState.STARTING
        worker.become(WorkerState.GONE)
        self.ledger.kits.on_lost(worker)
        self.dispatch.placer.leave(worker)
        self.dispatch.update(worker)
        for function in worker.functions:
            self.functions[function].workers.discard(number)
        blamed = self.blame.find(worker, how, self.now)
        attempts = [*reversed(worker.held.values()), *reversed(worker.parked.values())]
        worker.held.clear()
        worker.parked.clear()
        for record in attempts:
            suspect = record.call.id in blamed
            # A suspect waits until others have been tried, which may excuse it.
            self.attempts.lose(record, how, self.now, blamed=suspect, first=not suspect)
        self.ledger.values.drop_all(number, self._turn)
        self.sources.lose_worker(number, self._turn)
        unwanted = self.ledger.forget(worker)
        unwritten = (r for r in unwanted if r.state is not CallState.WRITING)
        self.attempts.take_back(unwritten, self.now, interrupt=False)
        self.ledger.release(ENGINE, sorted(worker.defined))
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
        for record in self.dispatch.waiting.drain():
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

    def _follow_values(self) -> bool:
        """Have lost values made again, let go of what only what is forgotten needs.

        Returns whether there is more to do.
        """
        values = self.ledger.values
        more = bool(values.sought) and self.ledger.remaking.seek(self._turn)
        if values.recipes.unused or values.unreferred:
            more |= values.let_unused_go(self._turn)
        return more

    def _follow_inputs(self) -> bool:
        """Settle the calls whose inputs have no value, queue those that have all of theirs.

        They go first: what they are given can be let go then. Returns whether there is more to do.
        """
        inputs = self.ledger.inputs
        if inputs.untold:
            inputs.tell_more()
        more = bool(inputs.fallen) and self.ledger.settle_fallen()
        if inputs.ready:
            ready = [r for r in inputs.ready if r.state is CallState.WAITING]
            inputs.ready.clear()
            for record in ready:
                record.become(CallState.QUEUED)
            self.dispatch.waiting.put_first(ready)
        return more or bool(inputs.untold)
