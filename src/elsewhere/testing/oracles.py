"""What must be true of the history of a gateway, judged by its messages alone.

The oracles know nothing of the machine's insides: they keep books of their own of what it was told
and what it said. (Its insides are the business of `elsewhere.gateway.invariants`.) Each has a number
and a sentence in `PROMISES`.
"""

from collections.abc import Callable
from typing import Any, Final, NoReturn

from elsewhere.calls.messages import (
    Attempt,
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
    Run,
    Settlement,
    Started,
    Stop,
    Submit,
    ToGateway,
    Unready,
    Verdict,
)
from elsewhere.gateway.machine import GRACE_SECONDS
from elsewhere.gateway.records import CLIENT, ENGINE, Turn

PROMISES: Final = {
    1: "a call settles once, and only if it was submitted",
    2: "once a call is settled, no attempt of it is sent, interrupted or called kept",
    3: "a call has one attempt at a time, and a new one only when the last is over",
    4: "the fence of a call grows by one with each attempt",
    5: "a value or an error is that of the attempt with the current fence, from the worker that has it",
    6: "a call is tried again after a failure as often as its retries allow, no less and no more",
    7: "a call is quarantined when it took down as many workers as it may, and not before",
    8: "nothing is sent to a worker that is not there, and no attempt to one that takes none",
    9: "a worker has the code of a function once, before its first attempt and until it is forgotten",
    10: "no worker is given more attempts than its budget, and it is stopped when that is used up",
    11: "no ready worker idles while calls wait, unless a step was asked for at once",
    12: "an attempt is interrupted for its time limit or a cancellation, and for nothing else",
    13: "an attempt at the head of its worker is interrupted when its time is up",
    14: "a worker is killed if its head has not yielded for the whole grace, and only then",
    15: "a call that the client asked to take back is cancelled, kept or settled, and only then tried",
    16: "calls fail as unstartable only in the step of a failed start, with no worker ready",
    17: "attempts are recalled for a cancellation, or while a worker idles and nothing waits",
    18: "a function is forgotten once it was released and has no call left, and not before",
    19: "without faults every call runs exactly once, and with them never more often than attempted",
    20: "when the faults have stopped, all calls settle and all questions are answered in time",
    21: "the machine does not ask for one step after another without anything to do",
    22: "when all is settled and released, nothing is kept but the workers",
}

SLACK_SECONDS: Final = 1e-9
STEPS_IDLE_MAX: Final = 50


class Violation(AssertionError):
    """A promise is broken."""


class CallBook:
    """What is known of one call."""

    __slots__ = ("asked", "call", "deaths", "failures", "fence", "open", "outcome", "settled", "worker")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.fence = 0
        self.worker = 0
        self.open = False
        """its latest attempt is with a worker"""
        self.failures = 0
        self.deaths = 0
        self.asked = False
        """the client wants it back"""
        self.outcome: Outcome | None = None
        """how its latest attempt came out"""
        self.settled = False


class WorkerBook:
    """What is known of one worker that is not gone."""

    __slots__ = (
        "functions",
        "head",
        "head_since",
        "held",
        "interrupted",
        "killed",
        "ready",
        "stopped",
        "tasks",
        "unready",
    )

    def __init__(self) -> None:
        self.ready = False
        self.unready = False
        self.stopped = False
        self.killed = False
        self.tasks = 0
        self.functions: set[int] = set()
        self.held: dict[int, int] = {}
        """call → fence, in the order in which they were sent"""
        self.interrupted: dict[int, float] = {}
        """call → when, of the attempts that it holds"""
        self.head = 0
        self.head_since = 0.0

    @property
    def takes(self) -> bool:
        return self.ready and not self.stopped and not self.killed


class Oracles:
    """Watches every step of a machine. Raises `Violation` with the number of the broken promise."""

    def __init__(self, tasks_per_worker_max: int | None) -> None:
        self.calls: dict[int, CallBook] = {}
        self.workers: dict[int, WorkerBook] = {}
        self.released: set[int] = set()
        self.live: dict[int, int] = {}
        """function → calls of it that are not settled"""
        self.waiting = 0
        """calls that are with no worker"""
        self._budget = tasks_per_worker_max
        self._now = 0.0
        self._workers_started = 0
        self._start_failed = False
        self._robbed: Recall | None = None
        """a recall of this step that nobody's cancellation explains"""
        self._lingering: dict[int, None] = {}
        """functions that should be forgotten in this step"""
        self._idle_steps = 0
        self._idle_since = -1.0
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
                continue
            self._drop(worker, outcome.call)
            book = self.calls[outcome.call]
            if not book.settled:
                self._end_attempt(book)
                book.outcome = outcome
                book.failures += outcome.verdict is not Verdict.VALUE

    def _hear_returned(self, sender: int, message: Returned) -> None:
        worker = self.workers.get(sender)
        if worker is None:
            return
        for call, fence in message.returned:
            if worker.held.get(call) == fence:
                self._drop(worker, call)
                if not self.calls[call].settled:
                    self._end_attempt(self.calls[call])

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
            elif call == message.exit.running and not worker.killed and not book.asked:
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

    def _drop(self, worker: WorkerBook, call: int) -> None:
        del worker.held[call]
        worker.interrupted.pop(call, None)
        self._find_head(worker)

    def _find_head(self, worker: WorkerBook) -> None:
        head = next(iter(worker.held), 0)
        if head != worker.head:
            worker.head = head
            worker.head_since = self._now

    # ------------------------------------------------------------ what the machine said

    def _saw(self, peer: int, told: FromGateway) -> None:
        if peer == CLIENT:
            if not isinstance(told, Kept):
                self._broken(8, told)
            for call in told.calls:
                book = self.calls[call]
                if book.settled:
                    self._broken(2, told)
                if not book.asked:
                    self._broken(15, told)
                book.asked = False
        elif peer == ENGINE:
            if not isinstance(told, Kill) or told.worker not in self.workers:
                self._broken(8, told)
            self._see_kill(self.workers[told.worker])
        else:
            worker = self.workers.get(peer)
            if worker is None:
                self._broken(8, peer, told)
            self._see[type(told)](peer, worker, told)

    def _see_run(self, number: int, worker: WorkerBook, message: Run) -> None:
        if not worker.takes:
            self._broken(8, number, message)
        for attempt in message.attempts:
            self._see_attempt(number, worker, attempt)
        worker.tasks += len(message.attempts)
        if self._budget is not None and worker.tasks > self._budget:
            self._broken(10, number, worker.tasks)
        self._find_head(worker)

    def _see_attempt(self, number: int, worker: WorkerBook, attempt: Attempt) -> None:
        book = self.calls[attempt.call]
        if book.settled:
            self._broken(2, attempt)
        if book.open:
            self._broken(3, attempt, book.worker)
        if attempt.fence != book.fence + 1:
            self._broken(4, attempt, book.fence)
        if book.failures > book.call.options.retries:
            self._broken(6, attempt, book.failures)
        if book.deaths >= book.call.options.deaths_max:
            self._broken(7, attempt, book.deaths)
        if attempt.function not in worker.functions:
            self._broken(9, attempt)
        if book.asked:
            self._broken(15, attempt, "asked back, and neither cancelled nor kept")
        book.fence = attempt.fence
        book.worker = number
        book.open = True
        book.outcome = None
        self.waiting -= 1
        worker.held[attempt.call] = attempt.fence

    def _see_define(self, number: int, worker: WorkerBook, message: Define) -> None:
        if message.function in worker.functions:
            self._broken(9, number, message)
        worker.functions.add(message.function)

    def _see_forget(self, number: int, worker: WorkerBook, message: Forget) -> None:
        for function in message.functions:
            if function not in worker.functions:
                self._broken(9, number, message)
            worker.functions.discard(function)
            if function not in self.released:
                self._broken(18, number, message)

    def _see_recall(self, number: int, worker: WorkerBook, message: Recall) -> None:
        if not any(self.calls[call].asked for call, _ in message.attempts):
            self._robbed = message

    def _see_interrupt(self, number: int, worker: WorkerBook, message: Interrupt) -> None:
        book = self.calls[message.call]
        if book.settled or worker.held.get(message.call) != message.fence:
            self._broken(2, number, message)
        timeout = book.call.options.timeout
        up = (
            timeout is not None
            and worker.head == message.call
            and self._now - worker.head_since >= timeout - SLACK_SECONDS
        )
        if not up and not book.asked:
            self._broken(12, number, message)
        worker.interrupted.setdefault(message.call, self._now)

    def _see_stop(self, number: int, worker: WorkerBook, message: Stop) -> None:
        if worker.tasks != self._budget:
            self._broken(10, number, worker.tasks)
        worker.stopped = True

    def _see_kill(self, worker: WorkerBook) -> None:
        since = worker.interrupted.get(worker.head)
        if since is None or self._now - since < GRACE_SECONDS - SLACK_SECONDS:
            self._broken(14, worker.head, since)
        worker.killed = True

    # ------------------------------------------------------------ what the client was told

    def _settle(self, settlement: Settlement) -> None:
        book = self.calls.get(settlement.call)
        if book is None or book.settled:
            self._broken(1, settlement)
        book.settled = True
        if not book.open:
            self.waiting -= 1
        function = book.call.function
        self.live[function] -= 1
        if not self.live[function] and function in self.released:
            self._lingering[function] = None
        verdict = settlement.verdict
        if verdict is Verdict.VALUE or verdict is Verdict.ERROR:
            self._judge_outcome(book, settlement)
        elif verdict is Verdict.CANCELLED:
            if not book.asked:
                self._broken(15, settlement)
        elif verdict is Verdict.TIMED_OUT:
            if book.call.options.timeout is None or book.failures != book.call.options.retries + 1:
                self._broken(6, settlement, book.failures)
        elif verdict is Verdict.QUARANTINED:
            if book.deaths != book.call.options.deaths_max or settlement.deaths != book.deaths:
                self._broken(7, settlement, book.deaths)
        elif verdict is not Verdict.UNSTARTABLE:
            self._broken(1, settlement)
        elif not self._start_failed or any(w.takes for w in self.workers.values()):
            self._broken(16, settlement)

    def _judge_outcome(self, book: CallBook, settlement: Settlement) -> None:
        outcome = book.outcome
        named = b"%d.%d" % (settlement.call, book.fence)
        if (
            outcome is None
            or settlement.verdict is not outcome.verdict
            or settlement.payload != named
            or settlement.worker != book.worker
        ):
            self._broken(5, settlement, named, book.worker)
        if settlement.verdict is Verdict.ERROR and book.failures != book.call.options.retries + 1:
            self._broken(6, settlement, book.failures)

    # ------------------------------------------------------------ after each step

    def _judge(self, message: ToGateway | None, turn: Turn) -> None:
        now = self._now
        idle = 0
        for number, worker in self.workers.items():
            if not worker.held:
                idle += worker.takes
                continue
            interrupted = worker.interrupted.get(worker.head)
            if interrupted is None:
                timeout = self.calls[worker.head].call.options.timeout
                if timeout is not None and now >= worker.head_since + timeout + SLACK_SECONDS:
                    self._broken(13, number, worker.head)
            elif not worker.killed:
                since = max(interrupted, worker.head_since)
                if now >= since + GRACE_SECONDS + SLACK_SECONDS:
                    self._broken(14, number, worker.head)
        if self._robbed is not None:
            if self.waiting or not idle:
                self._broken(17, self._robbed)
            self._robbed = None
        if idle and self.waiting and turn.wake != now:
            self._broken(11, self.waiting)
        for function in self._lingering:
            if not self.live.get(function) and any(
                function in worker.functions for worker in self.workers.values()
            ):
                self._broken(18, function)
        self._lingering.clear()
        if message is None and not turn.sends and not turn.settlements and now == self._idle_since:
            self._idle_steps += 1
            if self._idle_steps > STEPS_IDLE_MAX:
                self._broken(21, now)
        else:
            self._idle_steps = 0
            self._idle_since = now

    def _broken(self, promise: int, *evidence: object) -> NoReturn:
        break_promise(promise, *evidence)


def break_promise(promise: int, *evidence: object) -> NoReturn:
    """Raise the violation of a promise, by its number."""
    raise Violation(f"promise {promise}: {PROMISES[promise]}; broken by {evidence}")
