"""Whether calls go where what they need is: the oracle that knows of resources."""

from collections.abc import Callable, Iterable
from typing import Final

from elsewhere.calls.messages import Call, Define, Kind, Outcome, Run
from elsewhere.calls.resources import Evicted, Made
from elsewhere.gateway.builds import PATIENCE_SECONDS
from elsewhere.gateway.kit import MEASURED_SHARE, KeptRecord
from elsewhere.gateway.records import Turn, WorkerRecord
from elsewhere.gateway.room import AHEAD_SECONDS
from elsewhere.gateway.warmth import LOOK_SECONDS
from elsewhere.testing.books import CallBook, WorkerBook, break_promise

SLACK: Final = 1e-6
Needs = frozenset[bytes]


class Warming:
    """`every_call`: a policy says who is given calls that need something."""

    def __init__(
        self,
        workers: dict[int, WorkerBook],
        calls: dict[int, CallBook],
        sometimes: Callable[[str], None],
        *,
        every_call: bool,
    ) -> None:
        self._workers = workers
        self._calls = calls
        self._sometimes = sometimes
        self._every_call = every_call
        self._needs: dict[int, Needs] = {}
        """by function"""
        self._seconds: dict[bytes, float] = {}
        """by resource, how long it takes as far as was said; forgotten when nobody needs or has it"""
        self._longest: dict[int, float] = {}
        """by function, the longest that one item of it took"""
        self._line_since: dict[Needs, float] = {}
        """since when calls that need this have always waited"""
        self._let_in: list[tuple[int, Needs, int]] = []
        """in this step: workers that were sent calls of what they neither have nor make"""
        self._waited: dict[Needs, int] = {}
        """how many calls have waited for a kit since nothing did"""

    # ------------------------------------------------------------ what the machine was told

    def define(self, message: Define) -> None:
        digests = frozenset(one.digest for one in message.resources)
        self._needs.setdefault(message.function, digests)

    def hear_made(self, sender: int, message: Made) -> None:
        worker = self._workers.get(sender)
        if worker is not None:
            digest = message.resource.digest
            worker.kept[digest] = None
            known = self._seconds.get(digest)
            change = 0.0 if known is None else MEASURED_SHARE * (message.seconds - known)
            self._seconds[digest] = message.seconds if known is None else known + change

    def hear_evicted(self, sender: int, message: Evicted) -> None:
        worker = self._workers.get(sender)
        if worker is not None:
            worker.kept.pop(message.digest, None)

    def measure(self, outcome: Outcome) -> None:
        """An attempt has come out."""
        call = self._calls[outcome.call].call
        seconds = outcome.elapsed / call.items
        self._longest[call.function] = max(seconds, self._longest.get(call.function, 0.0))

    # ------------------------------------------------------------ what the machine said

    def needs_of(self, call: Call) -> Needs:
        return self._needs[call.function]

    def in_line(self, number: int) -> bool:
        """Whether a call that waits does so for who has what it needs."""
        call = self._calls[number].call
        return bool(self.needs_of(call)) and (not self._every_call or call.kind is Kind.WARM)

    def see_run(self, number: int, worker: WorkerBook, message: Run) -> None:
        """Calls are sent to a worker, and are not in its book yet."""
        for attempt in message.attempts:
            call = self._calls[attempt.call].call
            needs = self.needs_of(call)
            if not needs:
                continue
            if needs <= worker.kept.keys():
                self._sometimes("a call was sent to who had what it needs")
            elif call.kind is Kind.WARM:
                self._sometimes("something was made ahead")
            elif not self._every_call and not self._makes(worker, needs):
                self._let_in.append((number, needs, call.id))

    def _makes(self, worker: WorkerBook, needs: Needs) -> bool:
        return any(self.needs_of(self._calls[call].call) == needs for call in worker.held)

    # ------------------------------------------------------------ after each step

    def judge(self, turn: Turn, now: float, waiting: Iterable[int]) -> None:
        """The step is over; `waiting` are the calls that are queued."""
        lines: dict[Needs, int] = {}
        for number in waiting:
            if self.in_line(number) and self._calls[number].call.kind is not Kind.WARM:
                needs = self.needs_of(self._calls[number].call)
                lines[needs] = lines.get(needs, 0) + 1
        for number, needs, call in self._let_in:
            self._judge_let_in(number, needs, call, now, lines.get(needs, 0))
        self._let_in.clear()
        for needs in [*self._line_since]:
            if needs not in lines:
                del self._line_since[needs]
        for needs in lines:
            self._line_since.setdefault(needs, now)
            self._judge_line(needs, turn, now)

    def _judge_let_in(self, number: int, needs: Needs, call: int, now: float, left: int) -> None:
        have = [w for w in self._workers.values() if w.ready and needs <= w.kept.keys()]
        if any(w.takes and not w.held for w in have):
            break_promise(49, number, call)
        able = [w for w in have if not (w.stopped or w.killed)]
        lacking = needs - self._workers[number].kept.keys()
        if not able or any(digest not in self._seconds for digest in lacking):
            self._sometimes("nobody had what a call needs")
            return
        cost = sum(self._seconds[digest] for digest in lacking) * (1.0 - SLACK)
        if now - self._line_since.get(needs, now) >= cost:
            self._sometimes("a worker was let in because calls had waited for long")
            return
        sent = sum(one == needs for _, one, _ in self._let_in)
        taken = sum(self._needs_same(c, needs) for w in self._workers.values() for c in w.held)
        work = (left + sent + taken) * self._most_seconds(needs)
        if max(self._most_wait(worker, now) for worker in able) + work < cost:
            break_promise(50, number, call, cost)
        self._sometimes("a worker was let in because the line was worth it")

    def _needs_same(self, call: int, needs: Needs) -> bool:
        return self.needs_of(self._calls[call].call) == needs

    def _most_seconds(self, needs: Needs) -> float:
        """How long a call of that needs is thought to take at most."""
        return max(
            self._most(book.call) for book in self._calls.values()
            if self.needs_of(book.call) == needs
        )  # fmt: skip

    def _most(self, call: Call) -> float:
        longest = self._longest.get(call.function)
        return AHEAD_SECONDS if longest is None else longest * call.items

    def _most_held(self, call: Call) -> float:
        """For one that was sent perhaps before any like it had been measured."""
        return max(AHEAD_SECONDS, self._most(call))

    def _most_wait(self, worker: WorkerBook, now: float) -> float:
        held = sum(self._most_held(self._calls[call].call) for call in worker.held)
        return held + (now - worker.head_since if worker.held else 0.0)

    def _judge_line(self, needs: Needs, turn: Turn, now: float) -> None:
        """Who idles beside calls that wait must lack what they need, and they are looked at again."""
        idle = [w for w in self._workers.values() if w.takes and not w.held]
        if not idle or turn.wake == now:
            return
        if any(needs <= worker.kept.keys() for worker in idle):
            break_promise(49, sorted(needs), "and who has it idles")
        known = sum(self._seconds.get(digest, PATIENCE_SECONDS) for digest in needs)
        until = now + known + LOOK_SECONDS + SLACK
        if turn.wake is None or turn.wake > until:
            break_promise(52, sorted(needs), turn.wake, until)
        self._sometimes("a worker idled beside calls that wait for another one")

    def judge_listing(self, listing: Iterable[tuple[WorkerRecord, KeptRecord]]) -> None:
        """The machine says who has what."""
        told: dict[int, set[bytes]] = {number: set() for number in self._workers}
        for worker, kept in listing:
            told.setdefault(worker.id, set()).add(kept.resource.digest)
        said = {number: set(worker.kept) for number, worker in self._workers.items()}
        if told != said:
            break_promise(51, told, said)
