"""A stage for the gateway with values that lie in segments, and with calls that are given them."""

from collections.abc import Sequence
from math import inf

from elsewhere.calls.messages import (
    Attempt,
    Call,
    Cancel,
    Define,
    Done,
    Input,
    Options,
    Outcome,
    Run,
    Settlement,
    Submit,
    ToGateway,
    Verdict,
)
from elsewhere.calls.values import Drop, Free, Place, Transfer
from elsewhere.calls.workers import Exit, Lost, Ready, Started
from elsewhere.gateway.invariants import check_invariants
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.placement import Placement
from elsewhere.gateway.records import CLIENT, ENGINE, Turn

FUNCTION = 7
SHORT = 0.000001
"""seconds"""


def place_of(call: int) -> Place:
    return Place(f"segment of {call}", 2**20)


class ValueStage:
    """A gateway, and what it has sent. Its invariants are checked after every step."""

    def __init__(
        self,
        workers: int = 1,
        tasks: int | None = None,
        bytes_max: float = inf,
        *,
        placement: Placement | None = None,
        nodes: Sequence[int] = (),
        waits_for_rows: bool = False,
    ) -> None:
        self.gateway = Gateway(
            tasks_per_worker_max=tasks,
            value_bytes_max=bytes_max,
            placement=placement,
            waits_for_rows=waits_for_rows,
        )
        self.kept = self.gateway.ledger.values.kept
        self.now = 0.0
        self.freed: list[tuple[int, str]] = []
        """peers and the paths that each was told to free, in order"""
        self.runs: list[tuple[int, Attempt]] = []
        """workers and the attempts that each was sent, in order"""
        for number, node in enumerate(nodes or [0] * workers, 1):
            self.say(ENGINE, Started(number, node))
            self.say(number, Ready(1))
        self.say(CLIENT, Define(FUNCTION, b"code", "f"))

    def say(self, sender: int, message: ToGateway | None) -> Turn:
        turn = self.gateway.step(sender, message, self.now)
        check_invariants(self.gateway)
        for peer, sent in turn.sends:
            if isinstance(sent, Free):
                self.freed += [(peer, place.path) for place in sent.places]
            elif isinstance(sent, Run):
                self.runs += [(peer, attempt) for attempt in sent.attempts]
        return turn

    def submit(self, *calls: Call, by: int = CLIENT) -> Turn:
        return self.say(by, Submit(list(calls)))

    def done(self, worker: int, *outcomes: Outcome) -> Turn:
        return self.say(worker, Done(list(outcomes)))

    def drop(self, *calls: int, by: int = CLIENT) -> Turn:
        return self.say(by, Drop(list(calls)))

    def cancel(self, *calls: int, interrupt: bool = False) -> Turn:
        return self.say(CLIENT, Cancel(list(calls), interrupt))

    def lose(self, worker: int) -> Turn:
        return self.say(ENGINE, Lost(worker, Exit(1)))

    def measure(self, seconds: float = SHORT) -> None:
        """Let the gateway know how long calls take, by call 999."""
        self.submit(call(999))
        self.done(self.runs[-1][0], value(999, elapsed=seconds))

    def sent(self) -> list[tuple[int, int, int]]:
        """Worker, call and fence of each attempt, in order."""
        return [(worker, attempt.call, attempt.fence) for worker, attempt in self.runs]

    def users(self, number: int) -> int:
        return self.kept[number].users


def call(
    number: int, *inputs: int | Input, key: bytes = b"", options: Options | None = None
) -> Call:
    """A call that is given the values of these."""
    given = tuple(one if isinstance(one, Input) else Input(one) for one in inputs)
    return Call(number, FUNCTION, b"p", options or Options(), key=key, inputs=given)


def brought(number: int, *, position: int = 0) -> Input:
    """An input that who asks has the outcome of: the large value of a call."""
    settlement = Settlement(number, Verdict.VALUE, place=place_of(number))
    return Input(-1 - position, settlement)


def value(
    number: int,
    fence: int = 1,
    *,
    elapsed: float = SHORT,
    holds: tuple[int, ...] = (),
    transfers: tuple[Transfer, ...] = (),
) -> Outcome:
    """A small value."""
    return Outcome(
        number, fence, Verdict.VALUE, b"v", 0.0, elapsed, holds=holds, transfers=transfers
    )


def large(number: int, fence: int = 1, *, elapsed: float = SHORT, payload: bytes = b"") -> Outcome:
    """A value that lies in a segment; if it is remembered, its payload travels, too."""
    return Outcome(number, fence, Verdict.VALUE, payload, 0.0, elapsed, place_of(number))


def failed(number: int, fence: int = 1) -> Outcome:
    return Outcome(number, fence, Verdict.ERROR, b"why", 0.0, SHORT)


def unready(number: int, fence: int = 1) -> Outcome:
    return Outcome(number, fence, Verdict.UNREADY, b"", 0.0, 0.0)
