"""What must be true of the history of a gateway, judged by its messages alone.

The oracles know nothing of the machine's insides: they keep books of their own of what it was told
and what it said. (Its insides are the business of `elsewhere.gateway.invariants`.) Each has a number
and a sentence in `elsewhere.testing.books`. This file judges workers and attempts. Who asked for
what and is told what is judged in `elsewhere.testing.asking`, whether a verdict follows from the
attempts in `elsewhere.testing.verdicts`, what must happen in time in `elsewhere.testing.pace`.
"""

from collections.abc import Callable
from typing import Any

from elsewhere.calls.messages import (
    Answer,
    Attempt,
    Cancel,
    Define,
    Done,
    Forget,
    FromGateway,
    Given,
    Has,
    Interrupt,
    Kept,
    Need,
    Outcome,
    Parked,
    Recall,
    Release,
    Resumed,
    Returned,
    Run,
    Settlement,
    Share,
    Submit,
    ToGateway,
    Verdict,
    Written,
)
from elsewhere.calls.resources import Evicted, Inquire, Made
from elsewhere.calls.workers import Kill, Lost, Ready, Started, Stop, Unready
from elsewhere.gateway.records import CLIENT, ENGINE, Turn
from elsewhere.testing.asking import Asking
from elsewhere.testing.books import CallBook, WorkerBook, break_promise
from elsewhere.testing.deaths import Deaths
from elsewhere.testing.forgetting import Forgetting
from elsewhere.testing.pace import SLACK_SECONDS, Pace
from elsewhere.testing.placing import Placing, Watched
from elsewhere.testing.remembering import Remembering
from elsewhere.testing.verdicts import judge_verdict
from elsewhere.testing.warming import Warming


class Oracles:
    """Watches every step of a machine. Raises `Violation` with the number of the broken promise."""

    def __init__(
        self,
        budget: int | None,
        remembering: Remembering,
        policy: Watched,
        sometimes: Callable[[str], None],
    ) -> None:
        self._sometimes = sometimes
        self.workers: dict[int, WorkerBook] = {}
        self.asking = Asking(self.workers, remembering, sometimes)
        self.calls = self.asking.calls
        self.deaths = Deaths(self.asking, sometimes)
        self._placing = Placing(policy, self.workers, self.calls)
        self.warming = Warming(self.workers, self.calls, sometimes, every_call=policy.every_call)
        self._settled: list[Settlement] = []
        """those of this step, one for each call"""
        self._asked = False
        """what the policy was asked in this step is judged"""
        self._budget = budget
        self._now = 0.0
        self._workers_started = 0
        self._start_failed = False
        self._pace = Pace(self.workers, self.calls, sometimes, self.warming.in_line)
        self._forgetting = Forgetting(self.workers, self.asking.live)
        self._hear: dict[type, Callable[[int, Any], None]] = {
            Submit: self.asking.submit,
            Done: self._hear_done,
            Returned: self._hear_returned,
            Parked: self._hear_parked,
            Resumed: self._hear_resumed,
            Has: self._hear_has,
            Define: self._hear_define,
            Given: lambda _, message: self.asking.give_inputs(message),
            Lost: self._hear_lost,
            Cancel: lambda _, message: self.asking.cancel(message),
            Written: lambda _, message: self.asking.write(message),
            Release: lambda _, message: self._forgetting.release(message.functions),
            Made: self.warming.hear_made,
            Evicted: self.warming.hear_evicted,
            Started: self._hear_started,
            Ready: self._hear_ready,
            Unready: self._hear_unready,
        }
        self._see: dict[type, Callable[[int, WorkerBook, Any], None]] = {
            Run: self._see_run,
            Define: self._see_define,
            Forget: self._forgetting.see_forget,
            Recall: self._see_recall,
            Interrupt: self._see_interrupt,
            Share: self._see_share,
            Stop: self._see_stop,
            Inquire: lambda number, worker, message: None,
        }

    def observe(self, sender: int, message: ToGateway | None, turn: Turn, now: float) -> None:
        """Enter one step into the books."""
        self._now = now
        self._start_failed = self._asked = False
        self._settled = []
        self._placing.foresee(turn)
        if message is not None:
            hear = self._hear.get(type(message))
            if hear is not None:
                hear(sender, message)
        self.asking.learn_all(turn)
        for row in turn.rows:
            self.asking.give(row)
        for peer, told in turn.sends:
            if isinstance(told, Answer):
                for settlement in told.settlements:
                    self._settle(peer, settlement, message)
            else:
                self._saw(peer, told)
        for settlement in turn.settlements:
            self._settle(CLIENT, settlement, message)
        self._judge_asked()
        self._placing.judge(turn, self._settled)
        self.asking.close(message)
        self.asking.giving.judge(turn.wake, now)
        self._judge(message, turn)

    # ------------------------------------------------------------ what the machine was told

    def _hear_done(self, sender: int, message: Done) -> None:
        worker = self.workers.get(sender)
        if worker is None:
            return
        for outcome in message.outcomes:
            if not worker.has(outcome.call, outcome.fence):
                self._sometimes("an outcome came from an attempt that is over")
                continue
            worker.drop(outcome.call, self._now)
            if outcome.verdict is not Verdict.UNREADY:
                self._placing.measure(outcome.call)
                self.warming.measure(outcome)
            book = self.calls[outcome.call]
            if not book.settled:
                self.asking.end(book)
                if not self._found_inputs(book, outcome):
                    continue  # it does not count, and is tried again
                book.outcome = outcome
                if outcome.verdict is Verdict.VALUE:
                    self.deaths.clear(book, self._now)
                else:
                    book.failures += 1
                    if book.cancelling:
                        self._sometimes("a call failed while the client wanted it back")

    def _found_inputs(self, book: CallBook, outcome: Outcome) -> bool:
        """Whether what an attempt was sent ahead of has come out as it was when that began."""
        if outcome.verdict is Verdict.UNREADY:
            return False
        for number, fence in book.ahead.items():
            kept: Settlement | Outcome | None = book.inputs[number]
            if kept is None and number in self.calls:
                kept = self.calls[number].outcome
            if kept is None or kept.payload != b"%d.%d" % (number, fence):
                self._sometimes("what was sent ahead found another value")
                return False
        return True

    def _hear_returned(self, sender: int, message: Returned) -> None:
        worker = self.workers.get(sender)
        if worker is None:
            return
        worker.recalled = False
        for call, fence in message.returned:
            if worker.has(call, fence):
                worker.drop(call, self._now)
                if not self.calls[call].settled:
                    self.asking.end(self.calls[call])
        for call, fence in message.kept:
            if worker.has(call, fence) and self.calls[call].cancelling:
                self.asking.keep(call)
        if message.kept:
            self._sometimes("a recalled attempt had begun")

    def _hear_parked(self, sender: int, message: Parked) -> None:
        worker = self.workers.get(sender)
        if worker is not None and worker.held.get(message.call) == message.fence:
            worker.park(message.call, self._now)

    def _hear_resumed(self, sender: int, message: Resumed) -> None:
        worker = self.workers.get(sender)
        if worker is not None and worker.parked.get(message.call) == message.fence:
            worker.resume(message.call, self._now)
            self._sometimes("a parked call went on")

    def _hear_has(self, sender: int, message: Has) -> None:
        worker = self.workers.get(sender)
        if worker is not None:
            worker.children, worker.sharing = message.calls, False

    def _hear_lost(self, sender: int, message: Lost) -> None:
        worker = self.workers.pop(message.worker, None)
        if worker is None:
            return
        self._start_failed = not worker.ready and not worker.unready
        blamed = self.deaths.find_blamed(worker, message.exit, self._now)
        for call in [*worker.parked, *worker.held]:
            book = self.calls[call]
            if book.settled:
                continue
            self.asking.end(book)
            if call in worker.interrupted:
                book.failures += not book.cancelling
            elif call in blamed and not book.cancelling:
                self.deaths.die(book, message.exit, self._now)
                if call != message.exit.running:
                    self._sometimes("a call died of what it had asked for")
        self.asking.forget(worker)
        self._forgetting.release(worker.defined)

    def _hear_define(self, sender: int, message: Define) -> None:
        self.asking.giving.define(message)
        self.warming.define(message)
        if sender in self.workers:
            self.workers[sender].defined.add(message.function)

    def _hear_started(self, sender: int, message: Started) -> None:
        if message.worker > self._workers_started:
            self._workers_started = message.worker
            self.workers[message.worker] = WorkerBook(message.node)

    def _hear_ready(self, sender: int, message: Ready) -> None:
        worker = self.workers.get(sender)
        if worker is not None and not worker.unready:
            worker.ready = True

    def _hear_unready(self, sender: int, message: Unready) -> None:
        worker = self.workers.get(sender)
        if worker is not None and not worker.unready:
            worker.unready = self._start_failed = True

    # ------------------------------------------------------------ what the machine said

    def _saw(self, peer: int, told: FromGateway) -> None:
        if isinstance(told, Need):
            self.asking.giving.see_need(peer, told)
        elif peer == CLIENT:
            if not isinstance(told, Kept):
                break_promise(8, told)
            for call in told.calls:
                self.asking.is_kept(call)
        elif peer == ENGINE:
            if not isinstance(told, Kill) or told.worker not in self.workers:
                break_promise(8, told)
            self._pace.see_kill(self.workers[told.worker], self._now)
        else:
            worker = self.workers.get(peer)
            if worker is None:
                break_promise(8, peer, told)
            self._see[type(told)](peer, worker, told)

    def _see_run(self, number: int, worker: WorkerBook, message: Run) -> None:
        self._judge_asked()
        if not worker.takes:
            break_promise(8, number, message)
        self.warming.see_run(number, worker, message)
        for attempt in message.attempts:
            self._see_attempt(number, worker, attempt)
        self._placing.see_run(number, worker, message)
        worker.tasks += len(message.attempts)
        if worker.stopped:
            self._sometimes("a worker that leaves took a call beside those that it had parked")
        over = self._budget is not None and worker.tasks > self._budget
        if over and (not worker.stopped or len(message.attempts) > 1):
            break_promise(10, number, worker.tasks)
        worker.find_head(self._now)

    def _judge_asked(self) -> None:
        """What was done before calls were placed is in the books, and nothing else."""
        if not self._asked:
            self._asked = True
            self._placing.judge_asked()

    def _see_attempt(self, number: int, worker: WorkerBook, attempt: Attempt) -> None:
        book = self.calls.get(attempt.call)
        if book is None:
            break_promise(25, attempt)
        if book.settled or book.writing:
            break_promise(2, attempt)
        if book.open:
            break_promise(3, attempt, book.worker)
        if attempt.fence != book.fence + 1:
            break_promise(4, attempt, book.fence)
        if book.failures > book.call.options.retries:
            break_promise(6, attempt, book.failures)
        own_deaths = self.deaths.own(book)
        if own_deaths >= book.call.options.deaths_max:
            break_promise(7, attempt, own_deaths)
        if attempt.function not in worker.functions:
            break_promise(9, attempt)
        self.asking.begin(book, attempt)
        book.fence = attempt.fence
        book.worker = number
        book.open = True
        book.outcome = None
        worker.held[attempt.call] = attempt.fence

    def _see_define(self, number: int, worker: WorkerBook, message: Define) -> None:
        if message.function in worker.functions:
            break_promise(9, number, message)
        worker.functions.add(message.function)

    def _see_recall(self, number: int, worker: WorkerBook, message: Recall) -> None:
        books = [self.calls[call] for call, _ in message.attempts]
        unwanted = any(book.cancelling or book.settled for book in books)
        if not unwanted:
            self._judge_asked()  # calls are placed before anybody is robbed
        worker.recalled = worker.stuck = True
        self._pace.see_recall(None if unwanted else message)

    def _see_interrupt(self, number: int, worker: WorkerBook, message: Interrupt) -> None:
        book = self.calls[message.call]
        cancelled = message.call in self.asking.interrupted
        if (book.settled and not cancelled) or not worker.has(message.call, message.fence):
            break_promise(2, number, message)
        timeout, begun = book.call.options.timeout, worker.begun.get(message.call)
        up = (
            timeout is not None
            and begun is not None
            and self._now - begun >= timeout - SLACK_SECONDS
        )
        if not up and not cancelled:
            break_promise(12, number, message)
        worker.interrupted.setdefault(message.call, self._now)

    def _see_share(self, number: int, worker: WorkerBook, message: Share) -> None:
        if worker.sharing or not worker.children:
            break_promise(36, number)
        worker.sharing = True
        self._pace.see_share()

    def _see_stop(self, number: int, worker: WorkerBook, message: Stop) -> None:
        if worker.tasks != self._budget:
            break_promise(10, number, worker.tasks)
        worker.stopped = True

    # ------------------------------------------------------------ what askers were told

    def _settle(self, peer: int, settlement: Settlement, message: ToGateway | None) -> None:
        book = self.asking.tell(peer, settlement, message)
        if book is not None:
            self._settled.append(settlement)
            unstartable = self._start_failed and not any(w.takes for w in self.workers.values())
            judge_verdict(book, settlement, self.deaths.own(book), unstartable=unstartable)

    # ------------------------------------------------------------ after each step

    def _judge(self, message: ToGateway | None, turn: Turn) -> None:
        self._pace.judge(message, turn, self._now, waiting=list(self.asking.queued))
        self.warming.judge(turn, self._now, self.asking.queued)
        self._forgetting.judge(self.asking.ended)
