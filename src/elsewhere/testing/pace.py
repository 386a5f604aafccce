"""What must happen in time: nobody idles beside work, no attempt outlasts its limit, nothing spins."""

from collections.abc import Callable
from typing import Final

from elsewhere.calls.messages import Recall, ToGateway
from elsewhere.gateway.dispatch import ROB_CHECK_SECONDS
from elsewhere.gateway.limits import GRACE_SECONDS
from elsewhere.gateway.records import Turn
from elsewhere.testing.books import CallBook, WorkerBook, break_promise

SLACK_SECONDS: Final = 1e-6
"""Some worlds last for weeks, in which the sum of two times has so few digits behind the point."""
IDLE_WAKES_MAX: Final = 1000
"""In some worlds one step looks at one of the calls that fall with an input, most of which have fallen."""


class Pace:
    """Judges the books of workers after each step."""

    def __init__(
        self,
        workers: dict[int, WorkerBook],
        calls: dict[int, CallBook],
        sometimes: Callable[[str], None],
        in_line: Callable[[int], bool],
    ) -> None:
        self._workers = workers
        self._calls = calls
        self._sometimes = sometimes
        self._in_line = in_line
        """whether a call that waits does so for who has what it needs, which is judged elsewhere"""
        self._robbed: Recall | None = None
        """a recall of this step that nobody's cancellation explains"""
        self._recalled = False
        """attempts were recalled in this step"""
        self._shared = False
        """a worker was asked to share in this step"""
        self._idle_wakes = 0
        self._woken_at = -1.0

    def see_recall(self, robbed: Recall | None) -> None:
        """Attempts are recalled, maybe for no other reason than that somebody idles."""
        self._recalled = True
        if robbed is not None:
            self._robbed = robbed

    def see_share(self) -> None:
        self._shared = True

    def see_kill(self, worker: WorkerBook, now: float) -> None:
        """A worker is killed, which must have had its whole grace."""
        interrupted = worker.interrupted.get(worker.head)
        since = max(interrupted or 0.0, worker.head_since)
        if interrupted is None or now - since < GRACE_SECONDS - SLACK_SECONDS:
            break_promise(14, worker.head, since)
        worker.killed = True

    def judge(
        self, message: ToGateway | None, turn: Turn, now: float, *, waiting: list[int]
    ) -> None:
        """The step is over; `waiting` are the calls that are queued."""
        waiting = [call for call in waiting if not self._in_line(call)]
        idle = False
        for number, worker in self._workers.items():
            if worker.begun:
                self._judge_time(number, worker, now)
            if not worker.held and worker.takes:
                idle = True
        self._judge_taking(idle=idle and self._is_far(waiting))
        if idle:
            self._judge_idleness(turn, now, waiting)
        if message is None:
            self._judge_wake(turn, now)
        self._robbed = None
        self._recalled = self._shared = False

    def _judge_taking(self, *, idle: bool) -> None:
        """What is taken from one worker is for another that idles while nothing waits."""
        if self._robbed is not None:
            if not idle:
                break_promise(17, self._robbed)
            self._sometimes("a worker was robbed")
        if self._shared:
            if not idle:
                break_promise(36)
            self._sometimes("a worker was asked to share")

    def _judge_idleness(self, turn: Turn, now: float, waiting: list[int]) -> None:
        if waiting:
            # What is given values that lie on nodes may wait for a worker that is near to these.
            soon = now + (ROB_CHECK_SECONDS + SLACK_SECONDS if self._is_far(waiting) else 0.0)
            if turn.wake is None or turn.wake > soon:
                break_promise(11, waiting)
            return
        # What was sent behind its inputs could not run elsewhere.
        laden = [
            number
            for number, worker in self._workers.items()
            if any(
                self._calls[call].is_ready and not self._in_line(call)
                for call in list(worker.held)[1:]
            )
        ]
        if any(not self._workers[number].recalled for number in laden):
            soon = now + ROB_CHECK_SECONDS + SLACK_SECONDS
            if turn.wake is None or turn.wake > soon:
                break_promise(23, laden)
        parents = [number for number, worker in self._workers.items() if worker.children]
        asked = any(self._workers[number].sharing for number in parents)
        # What a policy has placed behind a call is looked at first, in the step that follows at once.
        if parents and not asked and not self._recalled and turn.wake != now:
            break_promise(23, parents)

    def _is_far(self, waiting: list[int]) -> bool:
        """Whether nothing waits but for a worker that is near to its inputs."""
        return all(self._calls[call].is_given_places for call in waiting)

    def _judge_time(self, number: int, worker: WorkerBook, now: float) -> None:
        for call, begun in worker.begun.items():
            timeout = self._calls[call].call.options.timeout
            if timeout is None or call in worker.interrupted:
                continue
            if now >= begun + timeout + SLACK_SECONDS:
                break_promise(13, number, call)
        interrupted = worker.interrupted.get(worker.head)
        if interrupted is not None and not worker.killed:
            since = max(interrupted, worker.head_since)
            if now >= since + GRACE_SECONDS + SLACK_SECONDS:
                break_promise(14, number, worker.head)

    def _judge_wake(self, turn: Turn, now: float) -> None:
        """A step that nobody asked for but the machine itself."""
        if turn.sends or turn.settlements or now != self._woken_at:
            self._idle_wakes = 0
        self._woken_at = now
        self._idle_wakes += 1
        if self._idle_wakes > IDLE_WAKES_MAX:
            break_promise(21, now)
