"""The promises that simulation checks, by number, and the books that it keeps to check them."""

from typing import Final, NoReturn

from elsewhere.calls.messages import Call, Outcome

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
    22: "a settlement counts the attempts that failed or died, and the one that it comes from",
    23: "while a worker idles beside a backlog, it is called back or another step is asked for soon",
    24: "when all is settled and released, nothing is kept but the workers",
}


class Violation(AssertionError):
    """A promise is broken."""


class CallBook:
    """What is known of one call."""

    __slots__ = (
        "asked",
        "call",
        "deaths",
        "failures",
        "fence",
        "open",
        "outcome",
        "settled",
        "worker",
    )

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
        "recalled",
        "stopped",
        "tasks",
        "unready",
    )

    def __init__(self) -> None:
        self.ready = False
        self.unready = False
        self.stopped = False
        self.killed = False
        self.recalled = False
        """a recall has not been answered"""
        self.tasks = 0
        self.functions: set[int] = set()
        self.held: dict[int, int] = {}
        """call → fence, in the order in which they were sent"""
        self.interrupted: dict[int, float] = {}
        """call → when, of the attempts that it holds"""
        self.head = 0
        self.head_since = 0.0

    def drop(self, call: int, now: float) -> None:
        del self.held[call]
        self.interrupted.pop(call, None)
        self.find_head(now)

    def find_head(self, now: float) -> None:
        """What it holds has changed."""
        head = next(iter(self.held), 0)
        if head != self.head:
            self.head = head
            self.head_since = now

    @property
    def takes(self) -> bool:
        return self.ready and not self.stopped and not self.killed


def break_promise(promise: int, *evidence: object) -> NoReturn:
    """Raise the violation of a promise, by its number."""
    raise Violation(f"promise {promise}: {PROMISES[promise]}; broken by {evidence}")
