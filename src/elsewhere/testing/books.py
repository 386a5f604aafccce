"""The promises that simulation checks, by number, and the books that it keeps to check them."""

from typing import Final, NoReturn

from elsewhere.calls.messages import Call, Outcome, Settlement, Verdict

PROMISES: Final = {
    1: "a call settles once, and only if it was submitted; only who asked for it is told",
    2: "once a call is settled, no attempt of it is sent, interrupted or called kept",
    3: "a call has one attempt at a time, and a new one only when the last is over",
    4: "the fence of a call grows by one with each attempt",
    5: "a value or an error is that of the attempt with the current fence, from the worker that has it",
    6: "a call is tried again after a failure as often as its retries allow, no less and no more",
    7: "a call is quarantined when it, or what was asked for inside it, took down as many workers as "
    "it may, and not before; of its deaths by a signal that may come from outside as many do not count "
    "as have turned out, since a minute before its first, to come from there",
    8: "nothing is sent to a worker that is not there, and no attempt to one that takes none",
    9: "a worker has the code of a function once, before its first attempt and until it is forgotten",
    10: "no worker is given more attempts than its budget, and it is stopped when that is used up; "
    "only what it has parked lets it take more, one at a time",
    11: "no ready worker idles while calls wait, unless a step was asked for at once",
    12: "an attempt is interrupted for its time limit or a cancellation, and for nothing else",
    13: "an attempt that was begun is interrupted when its time is up, parked or not",
    14: "a worker is killed if its head has not yielded for the whole grace, and only then",
    15: "a call that was asked to be taken back is cancelled, kept or settled, and only then tried",
    16: "calls fail as unstartable only in the step of a failed start, with no worker ready",
    17: "attempts are recalled because nobody wants them, or while a worker idles and nothing waits",
    18: "a function is forgotten once it was released and has no call left, and not before",
    19: "without faults every call runs exactly once, and with them never more often than attempted",
    20: "when the faults have stopped, all calls settle and all questions are answered in time",
    21: "the machine does not ask for one step after another without anything to do",
    22: "a settlement counts the attempts that failed or died, and the one that it comes from",
    23: "while a worker idles beside a backlog or beside children, some of it is asked for",
    24: "when all is settled and released, nothing is kept but the workers and what they defined",
    25: "calls with equal keys are one as long as it is not settled: no two run at once",
    26: "all who asked for a call are told in one step, and all are told the same",
    27: "what was remembered is not computed again",
    28: "a result that is found is the very bytes that were settled, and the first that were",
    29: "what was told at a level is there after every crash that the level covers",
    30: "what is damaged is missing",
    31: "a result that is remembered is told when the store has it and not before",
    32: "what the store could not keep is told as unwritten, and nothing else is",
    33: "the store is given each value of a call with a key once, and an error only if asked to",
    34: "a call that would wait for itself is told so at once, and no other call is",
    35: "a call that nobody wants any more is not begun",
    36: "a worker is asked to share only if it has children, while one idles and nothing waits",
    37: "inputs that are not under way are asked for when their call is submitted, of who asked for "
    "it, and no others are",
    38: "a call is begun once all its inputs have values, and is given just these, in their order",
    39: "a call of which an input has no value is settled as that was, with its own name in the chain; "
    "one that waits for inputs is not settled otherwise, unless it was taken back",
    40: "what lacks an input for good is settled at once, or another step was asked for at once",
    41: "a placement policy is offered workers that have room, at least one, and is told of them rightly",
    42: "a policy names whom its rule says, and calls are sent to whom it names, in one message",
    43: "a call is misplaced when the user's function names no candidate for it, and only then",
    44: "nothing that somebody may need is freed, or written over",
    45: "a value is made again only if it was lost or let go, and then once",
    46: "a value is lost for good only if nobody can make it again, or what it was made from",
    47: "whoever has not found a value is told where it is or why it is lost, and calls wait no longer",
    48: "what nobody needs is freed",
    49: "no worker that has what a call needs idles while the call waits, or is sent to one that lacks it",
    50: "who neither has nor makes what a call needs is sent it only if it is worth that, or nobody has it",
    51: "what a worker is thought to have it has made, and has not given up since",
    52: "what waits for a worker that has what it needs, while another one idles, is looked at again in time",
    53: "a value is handed on to the call that is sent right behind, if nobody else may need it",
}


class Violation(AssertionError):
    """A promise is broken."""


class Asker:
    """Who asked for a call under one number."""

    __slots__ = ("asked", "peer")

    def __init__(self, peer: int) -> None:
        self.peer = peer
        self.asked = False
        """wants it back, and was not told that it is kept"""


class CallBook:
    """What is known of one call, for all who asked for it."""

    __slots__ = (
        "ahead",
        "askers",
        "call",
        "cancelling",
        "deaths",
        "died",
        "failures",
        "fence",
        "inputs",
        "killings",
        "open",
        "outcome",
        "parents",
        "settled",
        "worker",
        "writing",
    )

    def __init__(self, call: Call) -> None:
        self.call = call
        self.askers: dict[int, Asker] = {}
        """by the number under which each asked, until it is told"""
        self.parents: set[int] = set()
        """the calls inside which it was asked for"""
        self.ahead: dict[int, int] = {}
        """by number, inputs that its latest attempt is to find in its worker, and of which attempts"""
        self.inputs: dict[int, Settlement | None] = {}
        """by number, what its inputs came to; None: it waits for it"""
        self.fence = 0
        self.worker = 0
        self.open = False
        """its latest attempt is with a worker"""
        self.failures = 0
        self.deaths = 0
        self.killings = 0
        """those of its deaths that may have come from outside"""
        self.died = 0.0
        """when it first died"""
        self.cancelling = False
        """nobody wants it, and its worker may still give it back"""
        self.outcome: Outcome | None = None
        """how its latest attempt came out"""
        self.writing = False
        """its outcome is on its way to the store"""
        self.settled = False

    @property
    def is_ready(self) -> bool:
        """Whether all its inputs have values."""
        return all(
            kept is not None and kept.verdict is Verdict.VALUE for kept in self.inputs.values()
        )

    @property
    def is_given_places(self) -> bool:
        """Whether any of its inputs lies on a node."""
        return any(kept is not None and kept.place is not None for kept in self.inputs.values())


class WorkerBook:
    """What is known of one worker that is not gone."""

    __slots__ = (
        "asked",
        "begun",
        "children",
        "defined",
        "functions",
        "head",
        "head_since",
        "held",
        "interrupted",
        "kept",
        "killed",
        "node",
        "parked",
        "ready",
        "recalled",
        "sharing",
        "stopped",
        "stuck",
        "tasks",
        "unmeasured",
        "unready",
    )

    def __init__(self, node: int) -> None:
        self.node = node
        self.stuck = False
        """something was recalled since its head began"""
        self.unmeasured: set[int] = set()
        """calls that it was sent before any of their function had come out"""
        self.ready = False
        self.unready = False
        self.stopped = False
        self.killed = False
        self.recalled = False
        """a recall has not been answered"""
        self.sharing = False
        """a request to share has not been answered"""
        self.children = 0
        self.tasks = 0
        self.kept: dict[bytes, None] = {}
        """what it has made and not given up, as it has said"""
        self.functions: set[int] = set()
        self.defined: set[int] = set()
        self.asked: set[int] = set()
        """numbers of calls that it submitted"""
        self.held: dict[int, int] = {}
        """call → fence, in the order in which they are run"""
        self.parked: dict[int, int] = {}
        self.begun: dict[int, float] = {}
        """call → since when its time runs, of those that it holds or has parked"""
        self.interrupted: dict[int, float] = {}
        """call → when, of those that it holds or has parked"""
        self.head = 0
        self.head_since = 0.0

    def has(self, call: int, fence: int) -> bool:
        return fence in {self.held.get(call), self.parked.get(call)}

    def drop(self, call: int, now: float) -> None:
        if self.parked.pop(call, None) is None:
            del self.held[call]
        self.interrupted.pop(call, None)
        self.begun.pop(call, None)
        self.find_head(now)

    def park(self, call: int, now: float) -> None:
        self.parked[call] = self.held.pop(call)
        self.find_head(now)

    def resume(self, call: int, now: float) -> None:
        if self.held:
            self.begun.pop(self.head)  # had it really begun, it would be parked
        self.held = {call: self.parked.pop(call), **self.held}
        self.find_head(now)

    def find_head(self, now: float) -> None:
        """What it holds has changed."""
        head = next(iter(self.held), 0)
        if head != self.head:
            self.head = head
            self.head_since = now
            self.stuck = False
            if head:
                self.begun.setdefault(head, now)

    @property
    def takes(self) -> bool:
        if not self.ready or self.killed:
            return False
        return not self.stopped or (bool(self.parked) and not self.held)


def break_promise(promise: int, *evidence: object) -> NoReturn:
    """Raise the violation of a promise, by its number."""
    raise Violation(f"promise {promise}: {PROMISES[promise]}; broken by {evidence}")
