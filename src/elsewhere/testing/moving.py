"""A world without faults in which it takes time to move inputs from node to node.

Some calls make large values, then others are given one or two of these. What came of it shows what a
placement policy is worth: how long it all took, and how much was moved.
"""

from collections import deque
from typing import Final, NamedTuple

from elsewhere.calls.messages import (
    Attempt,
    Call,
    Define,
    Done,
    FromGateway,
    Input,
    Options,
    Outcome,
    Recall,
    Returned,
    Run,
    Settlement,
    Submit,
    ToGateway,
    Verdict,
)
from elsewhere.calls.values import Place, Transfer
from elsewhere.calls.workers import Ready, Started
from elsewhere.gateway.invariants import check_invariants
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.placement import Placement
from elsewhere.gateway.records import CLIENT, ENGINE
from elsewhere.testing.world import World

MAKE: Final = 1
USE: Final = 2
WORK_SECONDS: Final = {MAKE: 0.01, USE: 0.004}
LINK_SECONDS: Final = 1e-4
"""how long a message takes"""
NBYTES: Final = 10_000_000
"""how large a value is"""
SECONDS_MAX: Final = 1000.0
"""No such world takes longer, however badly it is placed."""


class Moved(NamedTuple):
    """What came of it."""

    settled: int
    seconds: float
    moved_bytes: int


class Mover:
    """A worker: runs what it is sent in order, and brings the inputs that lie on other nodes."""

    def __init__(self, moving: "Moving", number: int, node: int) -> None:
        self.node = node
        self.attempts: deque[Attempt] = deque()
        self._moving = moving
        self._number = number
        self._runs = False

    def take(self, message: FromGateway) -> None:
        match message:
            case Run():
                self.attempts += message.attempts
                self._begin()
            case Recall():
                back = [a for a in self.attempts if (a.call, a.fence) in message.attempts]
                self.attempts = deque(a for a in self.attempts if a not in back)
                given = [(a.call, a.fence) for a in back]
                kept = [name for name in message.attempts if name not in given]
                self._moving.tell(self._number, Returned(given, kept))

    def _begin(self) -> None:
        if self._runs or not self.attempts:
            return
        self._runs = True
        moving, attempt = self._moving, self.attempts.popleft()
        transfers = []
        for one in attempt.inputs:
            place = one.place
            if place is not None and moving.lies[place.path] != self.node:
                seconds = place.nbytes / moving.bytes_per_second
                transfers.append(Transfer(moving.lies[place.path], place.nbytes, seconds))
        moving.moved_bytes += sum(one.nbytes for one in transfers)
        work = WORK_SECONDS[attempt.function] * moving.world.random.uniform(0.8, 1.2)
        seconds = work + sum(one.seconds for one in transfers)
        moving.world.after(seconds, self._end, attempt, work, tuple(transfers))

    def _end(self, attempt: Attempt, work: float, transfers: tuple[Transfer, ...]) -> None:
        self._runs = False
        place = None
        if attempt.function == MAKE:
            place = Place(f"value of {attempt.call}", NBYTES)
            self._moving.lies[place.path] = self.node
        outcome = Outcome(
            attempt.call, attempt.fence, Verdict.VALUE, b"", 0.0, work, place, transfers=transfers
        )
        self._moving.tell(self._number, Done([outcome]))
        self._begin()


class Moving:
    """`makers` calls make a value each; then `users` calls are given one or two of these."""

    def __init__(
        self, seed: int, policy: Placement, bytes_per_second: float, *, nodes: int, workers: int
    ) -> None:
        self.world = World(seed)
        self.bytes_per_second = bytes_per_second
        self.lies: dict[str, int] = {}
        """by path: the node on which a value lies"""
        self.moved_bytes = 0
        self._gateway = Gateway(placement=policy)
        self._movers = {n: Mover(self, n, n % nodes) for n in range(1, workers + 1)}
        self._values: list[Settlement] = []
        self._settled = 0
        self._wake_at: float | None = None

    def run(self, makers: int, users: int) -> Moved:
        for function in (MAKE, USE):
            self._step(CLIENT, Define(function, b"code of %d" % function, f"f{function}"))
        for number, mover in self._movers.items():
            self._step(ENGINE, Started(number, mover.node))
            self._step(number, Ready(number))
        self._step(CLIENT, Submit([Call(n, MAKE, b"", Options()) for n in range(1, makers + 1)]))
        self.world.run(SECONDS_MAX, lambda: len(self._values) == makers)
        self._step(CLIENT, Submit([self._user(makers + 1 + n) for n in range(users)]))
        self.world.run(SECONDS_MAX, lambda: self._settled == makers + users)
        return Moved(self._settled, self.world.now, self.moved_bytes)

    def _user(self, number: int) -> Call:
        random = self.world.random
        given = random.sample(self._values, random.choice((1, 1, 2)))
        inputs = tuple(Input(-1 - position, one) for position, one in enumerate(given))
        return Call(number, USE, b"", Options(), inputs=inputs)

    def tell(self, sender: int, message: ToGateway) -> None:
        """A message of a worker is on its way."""
        self.world.after(LINK_SECONDS, self._step, sender, message)

    def _step(self, sender: int, message: ToGateway | None) -> None:
        turn = self._gateway.step(sender, message, self.world.now)
        check_invariants(self._gateway)
        for peer, told in turn.sends:
            if peer in self._movers:
                self.world.after(LINK_SECONDS, self._movers[peer].take, told)
        self._settled += len(turn.settlements)
        self._values += [one for one in turn.settlements if one.place is not None]
        if turn.wake is not None and turn.wake != self._wake_at:
            self._wake_at = turn.wake
            self.world.at(turn.wake, self._wake, turn.wake)

    def _wake(self, meant: float) -> None:
        if meant == self._wake_at:
            self._wake_at = None
            self._step(ENGINE, None)
