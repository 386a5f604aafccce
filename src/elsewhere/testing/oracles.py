"""What must be true of the history of a gateway, judged by its messages alone.

The oracles know nothing of the machine's insides: they keep books of their own of what it was told
and what it said. (Its insides are the business of `elsewhere.gateway.invariants`.) Each has a number
and a sentence in `elsewhere.testing.books`.
"""

from collections.abc import Callable
from typing import Any, Final

from elsewhere.calls.messages import (
    Attempt,
    Cancel,
    Define,
    Done,
    Forget,
    FromGateway,
    Interrupt,
    Kept,
    Kill,
    Lost,
    Ready,
    Recall,
    Release,
    Returned,
    Run,
    Settlement,
    Started,
    Stop,
    Submit,
    ToGateway,
    Unready,
    Verdict,
)
from elsewhere.gateway.dispatch import ROB_CHECK_SECONDS
from elsewhere.gateway.limits import GRACE_SECONDS
from elsewhere.gateway.records import CLIENT, ENGINE, Turn
from elsewhere.testing.books import CallBook, WorkerBook, break_promise

SLACK_SECONDS: Final = 1e-9
IDLE_WAKES_MAX: Final = 50


class Oracles:
    """Watches every step of a machine. Raises `Violation` with the number of the broken promise."""

    def __init__(self, budget: int | None, sometimes: Callable[[str], None]) -> None:
        self._sometimes = sometimes
        self.calls: dict[int, CallBook] = {}
        self.workers: dict[int, WorkerBook] = {}
        self.released: set[int] = set()
        self.live: dict[int, int] = {}
        """function → calls of it that are not settled"""
        self.waiting = 0
        """calls that are with no worker"""
        self._budget = budget
        self._now = 0.0
        self._workers_started = 0
        self._start_failed = False
        self._robbed: Recall | None = None
        """a recall of this step that nobody's cancellation explains"""
        self._lingering: dict[int, None] = {}
        """functions that should be forgotten in this step"""
        self._idle_wakes = 0
        self._woken_at = -1.0
        self._hear: dict[type, Callable[[int, Any], None]] = {
            Submit: self._hear_submit,
            Done: self._hear_done,
            Returned: self._hear_returned,
            Lost: self._hear_lost,
            Cancel: self._hear_cancel,
            Release: self._hear_release,
            Started: self._hear_started,
            Ready: self._hear_ready,
            Unready: self._hear_unready,
        }
        self._see: dict[type, Callable[[int, WorkerBook, Any], None]] = {
            Run: self._see_run,
            Define: self._see_define,
            Forget: self._see_forget,
            Recall: self._see_recall,
            Interrupt: self._see_interrupt,
            Stop: self._see_stop,
        }

    def observe(self, sender: int, message: ToGateway | None, turn: Turn, now: float) -> None:
        """Enter one step into the books."""
        self._now = now
        self._start_failed = False
        if message is not None:
            hear = self._hear.get(type(message))
            if hear is not None:
                hear(sender, message)
        for peer, told in turn.sends:
            self._saw(peer, told)
        for settlement in turn.settlements:
            self._settle(settlement)
        self._judge(message, turn)

    # ------------------------------------------------------------ what the machine was told

    def _hear_submit(self, sender: int, message: Submit) -> None:
        for call in message.calls:
            if call.id not in self.calls:
                self.calls[call.id] = CallBook(call)
                self.live[call.function] = self.live.get(call.function, 0) + 1
                self.waiting += 1

    def _hear_done(self, sender: int, message: Done) -> None:
        worker = self.workers.get(sender)
        if worker is None:
            return
        for outcome in message.outcomes:
            if worker.held.get(outcome.call) != outcome.fence:
                self._sometimes("an outcome came from an attempt that is over")
                continue
            worker.drop(outcome.call, self._now)
            book = self.calls[outcome.call]
            if not book.settled:
                self._end_attempt(book)
                book.outcome = outcome
                if outcome.verdict is not Verdict.VALUE:
                    book.failures += 1
                    if book.asked:
                        self._sometimes("a call failed while the client wanted it back")

    def _hear_returned(self, sender: int, message: Returned) -> None:
        worker = self.workers.get(sender)
        if worker is None:
            return
        worker.recalled = False
        for call, fence in message.returned:
            if worker.held.get(call) == fence:
                worker.drop(call, self._now)
                if not self.calls[call].settled:
                    self._end_attempt(self.calls[call])

        if message.kept:
            self._sometimes("a recalled attempt had begun")

    def _hear_lost(self, sender: int, message: Lost) -> None:
        worker = self.workers.pop(message.worker, None)
        if worker is None:
            return
        self._start_failed = not worker.ready and not worker.unready
        for call in worker.held:
            book = self.calls[call]
            if book.settled:
                continue
            self._end_attempt(book)
            if call in worker.interrupted:
                book.failures += not book.asked
            elif call == message.exit.running and worker.killed:
                self._sometimes("a killed worker was in another call")
            elif call == message.exit.running and not book.asked:
                book.deaths += 1

    def _hear_cancel(self, sender: int, message: Cancel) -> None:
        for call in message.calls:
            if call in self.calls:
                self.calls[call].asked = True

    def _hear_release(self, sender: int, message: Release) -> None:
        self.released.update(message.functions)
        self._lingering.update(dict.fromkeys(message.functions))

    def _hear_started(self, sender: int, message: Started) -> None:
        if message.worker > self._workers_started:
            self._workers_started = message.worker
            self.workers[message.worker] = WorkerBook()

    def _hear_ready(self, sender: int, message: Ready) -> None:
        worker = self.workers.get(sender)
        if worker is not None and not worker.unready:
            worker.ready = True

    def _hear_unready(self, sender: int, message: Unready) -> None:
        worker = self.workers.get(sender)
        if worker is not None and not worker.unready:
            worker.unready = self._start_failed = True

    def _end_attempt(self, book: CallBook) -> None:
        book.open = False
        book.outcome = None
        self.waiting += 1

    # ------------------------------------------------------------ what the machine said

    def _saw(self, peer: int, told: FromGateway) -> None:
        if peer == CLIENT:
            if not isinstance(told, Kept):
                break_promise(8, told)
            for call in told.calls:
                book = self.calls[call]
                if book.settled:
                    break_promise(2, told)
                if not book.asked:
                    break_promise(15, told)
                book.asked = False
        elif peer == ENGINE:
            if not isinstance(told, Kill) or told.worker not in self.workers:
                break_promise(8, told)
            self._see_kill(self.workers[told.worker])
        else:
            worker = self.workers.get(peer)
            if worker is None:
                break_promise(8, peer, told)
            self._see[type(told)](peer, worker, told)

    def _see_run(self, number: int, worker: WorkerBook, message: Run) -> None:
        if not worker.takes:
            break_promise(8, number, message)
        for attempt in message.attempts:
            self._see_attempt(number, worker, attempt)
        worker.tasks += len(message.attempts)
        if self._budget is not None and worker.tasks > self._budget:
            break_promise(10, number, worker.tasks)
        worker.find_head(self._now)

    def _see_attempt(self, number: int, worker: WorkerBook, attempt: Attempt) -> None:
        book = self.calls[attempt.call]
        if book.settled:
            break_promise(2, attempt)
        if book.open:
            break_promise(3, attempt, book.worker)
        if attempt.fence != book.fence + 1:
            break_promise(4, attempt, book.fence)
        if book.failures > book.call.options.retries:
            break_promise(6, attempt, book.failures)
        if book.deaths >= book.call.options.deaths_max:
            break_promise(7, attempt, book.deaths)
        if attempt.function not in worker.functions:
            break_promise(9, attempt)
        if book.asked:
            break_promise(15, attempt, "asked back, and neither cancelled nor kept")
        book.fence = attempt.fence
        book.worker = number
        book.open = True
        book.outcome = None
        self.waiting -= 1
        worker.held[attempt.call] = attempt.fence

    def _see_define(self, number: int, worker: WorkerBook, message: Define) -> None:
        if message.function in worker.functions:
            break_promise(9, number, message)
        worker.functions.add(message.function)

    def _see_forget(self, number: int, worker: WorkerBook, message: Forget) -> None:
        for function in message.functions:
            if function not in worker.functions:
                break_promise(9, number, message)
            worker.functions.discard(function)
            if function not in self.released:
                break_promise(18, number, message)

    def _see_recall(self, number: int, worker: WorkerBook, message: Recall) -> None:
        worker.recalled = True
        if not any(self.calls[call].asked for call, _ in message.attempts):
            self._robbed = message

    def _see_interrupt(self, number: int, worker: WorkerBook, message: Interrupt) -> None:
        book = self.calls[message.call]
        if book.settled or worker.held.get(message.call) != message.fence:
            break_promise(2, number, message)
        timeout = book.call.options.timeout
        up = (
            timeout is not None
            and worker.head == message.call
            and self._now - worker.head_since >= timeout - SLACK_SECONDS
        )
        if not up and not book.asked:
            break_promise(12, number, message)
        worker.interrupted.setdefault(message.call, self._now)

    def _see_stop(self, number: int, worker: WorkerBook, message: Stop) -> None:
        if worker.tasks != self._budget:
            break_promise(10, number, worker.tasks)
        worker.stopped = True

    def _see_kill(self, worker: WorkerBook) -> None:
        since = worker.interrupted.get(worker.head)
        if since is None or self._now - since < GRACE_SECONDS - SLACK_SECONDS:
            break_promise(14, worker.head, since)
        worker.killed = True

    # ------------------------------------------------------------ what the client was told

    def _settle(self, settlement: Settlement) -> None:
        book = self.calls.get(settlement.call)
        if book is None or book.settled:
            break_promise(1, settlement)
        book.settled = True
        if not book.open:
            self.waiting -= 1
        function = book.call.function
        self.live[function] -= 1
        if not self.live[function] and function in self.released:
            self._lingering[function] = None
        self._judge_verdict(book, settlement)

    def _judge_verdict(self, book: CallBook, settlement: Settlement) -> None:
        verdict = settlement.verdict
        options = book.call.options
        if settlement.worker and verdict is not Verdict.CANCELLED:
            attempts = book.failures + book.deaths + (verdict is Verdict.VALUE)
            if settlement.attempt != attempts:
                break_promise(22, settlement, attempts)
        match verdict:
            case Verdict.VALUE | Verdict.ERROR:
                self._judge_outcome(book, settlement)
            case Verdict.CANCELLED if not book.asked:
                break_promise(15, settlement)
            case Verdict.TIMED_OUT:
                if options.timeout is None or book.failures != options.retries + 1:
                    break_promise(6, settlement, book.failures)
            case Verdict.QUARANTINED:
                if book.deaths != options.deaths_max or settlement.deaths != book.deaths:
                    break_promise(7, settlement, book.deaths)
            case Verdict.UNSTARTABLE:
                if not self._start_failed or any(w.takes for w in self.workers.values()):
                    break_promise(16, settlement)
            case Verdict.INTERRUPTED:
                break_promise(1, settlement)

    def _judge_outcome(self, book: CallBook, settlement: Settlement) -> None:
        outcome = book.outcome
        named = b"%d.%d" % (settlement.call, book.fence)
        if (
            outcome is None
            or settlement.verdict is not outcome.verdict
            or settlement.payload != named
            or settlement.worker != book.worker
        ):
            break_promise(5, settlement, named, book.worker)
        if settlement.verdict is Verdict.ERROR and book.failures != book.call.options.retries + 1:
            break_promise(6, settlement, book.failures)

    # ------------------------------------------------------------ after each step

    def _judge(self, message: ToGateway | None, turn: Turn) -> None:
        idle = False
        for number, worker in self.workers.items():
            if worker.held:
                self._judge_head(number, worker)
            elif worker.takes:
                idle = True
        if self._robbed is not None:
            if self.waiting or not idle:
                break_promise(17, self._robbed)
            self._sometimes("a worker was robbed")
            self._robbed = None
        if idle:
            self._judge_idleness(turn)
        if self._lingering:
            self._judge_forgotten()
        if message is None:
            self._judge_wake(turn)

    def _judge_idleness(self, turn: Turn) -> None:
        if self.waiting:
            if turn.wake != self._now:
                break_promise(11, self.waiting)
            return
        laden = [number for number, worker in self.workers.items() if len(worker.held) > 1]
        if any(not self.workers[number].recalled for number in laden):
            soon = self._now + ROB_CHECK_SECONDS + SLACK_SECONDS
            if turn.wake is None or turn.wake > soon:
                break_promise(23, laden)

    def _judge_head(self, number: int, worker: WorkerBook) -> None:
        interrupted = worker.interrupted.get(worker.head)
        if interrupted is None:
            timeout = self.calls[worker.head].call.options.timeout
            if timeout is not None and self._now >= worker.head_since + timeout + SLACK_SECONDS:
                break_promise(13, number, worker.head)
        elif not worker.killed:
            since = max(interrupted, worker.head_since)
            if self._now >= since + GRACE_SECONDS + SLACK_SECONDS:
                break_promise(14, number, worker.head)

    def _judge_forgotten(self) -> None:
        for function in self._lingering:
            if not self.live.get(function) and any(
                function in worker.functions for worker in self.workers.values()
            ):
                break_promise(18, function)
        self._lingering.clear()

    def _judge_wake(self, turn: Turn) -> None:
        """A step that nobody asked for but the machine itself."""
        if turn.sends or turn.settlements or self._now != self._woken_at:
            self._idle_wakes = 0
        self._woken_at = self._now
        self._idle_wakes += 1
        if self._idle_wakes > IDLE_WAKES_MAX:
            break_promise(21, self._now)
