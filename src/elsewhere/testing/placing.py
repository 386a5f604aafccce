"""Which policy places the calls of a simulated world, and whether it is asked and obeyed: the oracle
that knows of placement."""

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from elsewhere.calls.messages import Attempt, Kind, Run, Settlement, Verdict
from elsewhere.errors import PlacementError
from elsewhere.gateway.placement import (
    CallToPlace,
    Candidate,
    Fastest,
    LeastLoaded,
    Locality,
    Placement,
    RoundRobin,
    UsersOwn,
)
from elsewhere.gateway.records import Turn
from elsewhere.gateway.room import HELD_CALLS_MAX
from elsewhere.testing.books import CallBook, WorkerBook, break_promise
from elsewhere.testing.faults import Faults

NONSENSE: Final = (None, 0, "worker 1", Candidate(0, 0, 0, 0.0, 0, 0, 0, 0.0, 1.0))


class Watched:
    """A policy, and what it was asked and has answered since the last step.

    Locality is asked for every call in some worlds, as if all of them had inputs on nodes.
    """

    def __init__(self, policy: Placement, *, every_call: bool) -> None:
        self.every_call = every_call
        self.policy = policy
        self.asked: list[tuple[CallToPlace, Sequence[Candidate], Candidate | None]] = []
        """None: it named no candidate"""

    def place(self, call: CallToPlace, candidates: Sequence[Candidate]) -> Candidate:
        try:
            chosen = self.policy.place(call, candidates)
        except PlacementError:
            self.asked.append((call, candidates, None))
            raise
        self.asked.append((call, candidates, chosen))
        return chosen


def draw_policy(random: Random, faults: Faults) -> Watched:
    """The policy of one world."""

    def choose(call: CallToPlace, candidates: tuple[Candidate, ...]) -> Candidate:
        if faults.strike("misplaced_call"):
            nonsense = random.choice((*NONSENSE, ValueError("no")))
            if isinstance(nonsense, Exception):
                raise nonsense
            return nonsense  # type: ignore[return-value]  # no candidate, which is the fault
        return random.choice(candidates)

    if faults.is_warm and random.random() < 0.8:
        return Watched(Locality(), every_call=False)
    kinds: tuple[Callable[[], Placement], ...] = (Locality, LeastLoaded, RoundRobin, Fastest)
    dice = random.random()
    if "misplaced_call" in faults.rates or dice < 0.1:
        return Watched(UsersOwn(choose), every_call=True)
    if dice < 0.5:
        return Watched(Locality(), every_call=False)
    return Watched(random.choice(kinds)(), every_call=True)


class Placing:
    """Judges what the policy was asked in a step, and what came of it."""

    def __init__(
        self, watched: Watched, workers: dict[int, WorkerBook], calls: dict[int, CallBook]
    ) -> None:
        self._watched = watched
        self._workers = workers
        self._calls = calls
        self._measured: set[int] = set()
        """functions of which something has come out"""
        self._expected: dict[int, int] = {}
        """by worker, how many calls of this step are to be sent there"""
        self._warm: Counter[int] = Counter()
        """by worker, how many calls of this step make something and do nothing else"""
        self._turn = 0
        """whom the latest call went to"""

    def measure(self, call: int) -> None:
        """An attempt at this call has come out."""
        if self._calls[call].call.kind is not Kind.WARM:
            self._measured.add(self._calls[call].call.function)

    def foresee(self, turn: Turn) -> None:
        """What this step sends that no policy is asked for, perhaps before it is asked for others."""
        self._warm = Counter(
            peer
            for peer, told in turn.sends
            if isinstance(told, Run)
            for attempt in told.attempts
            if attempt.kind is Kind.WARM
        )

    def judge_asked(self) -> None:
        """What happened before calls were placed is in the books."""
        placed: Counter[int] = Counter()
        for call, candidates, chosen in self._watched.asked:
            if not candidates:
                break_promise(41, call)
            for one in candidates:
                self._judge_room(one, placed[one.worker])
            if chosen is not None:
                self._judge_choice(call, candidates, chosen)
                placed[chosen.worker] += 1
                self._turn = chosen.worker
        self._expected = dict(placed)

    def _judge_room(self, one: Candidate, placed: int) -> None:
        book = self._workers.get(one.worker)
        if book is None or not book.takes:
            break_promise(41, one)
        if one.held - len(book.held) - placed not in {0, self._warm[one.worker]}:
            break_promise(41, one)
        unmeasured = len(book.unmeasured.intersection(book.held))
        if one.held >= HELD_CALLS_MAX or unmeasured > 1 or (book.held and book.stuck):
            break_promise(41, one, "has no room")
        if (one.wait_seconds > 0.0 and not one.held) or one.node != book.node:
            break_promise(41, one, "is told of wrongly")

    def _judge_choice(
        self, call: CallToPlace, candidates: Sequence[Candidate], chosen: Candidate
    ) -> None:
        if not any(chosen is one for one in candidates):
            break_promise(42, chosen)
        match self._watched.policy:
            case Locality():
                right = _is_least(
                    chosen,
                    candidates,
                    lambda one: one.wait_seconds + one.move_seconds + one.build_seconds,
                )
            case LeastLoaded():
                right = _is_least(chosen, candidates, lambda one: one.wait_seconds)
            case Fastest():
                right = _is_least(
                    chosen,
                    candidates,
                    lambda one: (one.wait_seconds + one.build_seconds + call.seconds) / one.speed,
                )
            case RoundRobin():
                numbers = sorted(one.worker for one in candidates)
                later = [number for number in numbers if number > self._turn]
                right = chosen.worker == (later or numbers)[0]
            case _:
                right = True
        if not right:
            break_promise(42, chosen, candidates)

    def see_run(self, number: int, worker: WorkerBook, message: Run) -> None:
        """Calls are sent to a worker, and are in its book already."""
        for attempt in message.attempts:
            self._note_unmeasured(worker, attempt)
        placed = [one for one in message.attempts if one.kind is not Kind.WARM]
        if self._watched.every_call and len(placed) != self._expected.pop(number, 0):
            break_promise(42, number, message)

    def _note_unmeasured(self, worker: WorkerBook, attempt: Attempt) -> None:
        # What is sent once more may have been measured meanwhile.
        worker.unmeasured &= worker.held.keys() - {attempt.call}
        function = self._calls[attempt.call].call.function
        if attempt.kind is not Kind.WARM and function not in self._measured:
            worker.unmeasured.add(attempt.call)

    def judge(self, turn: Turn, told: Sequence[Settlement]) -> None:
        """The step is over, in which these calls were settled."""
        if self._watched.every_call and self._expected:
            break_promise(42, self._expected)
        refused = sum(chosen is None for _, _, chosen in self._watched.asked)
        failed = sum(one.verdict is Verdict.MISPLACED and not one.chain for one in told)
        if refused != failed:
            break_promise(43, refused, told)
        self._watched.asked = []
        self._expected = {}


def _is_least(
    chosen: Candidate, candidates: Sequence[Candidate], cost: Callable[[Candidate], float]
) -> bool:
    return cost(chosen) <= min(cost(one) for one in candidates)
