"""A simulated host: drives the real machine, carries out its turns, and has every step checked."""

from collections import deque
from collections.abc import Callable
from typing import Any

from elsewhere.calls.messages import (
    Answer,
    Call,
    Cancel,
    Define,
    FromGateway,
    Has,
    Parked,
    Release,
    Resumed,
    Settlement,
    Submit,
    ToGateway,
    Written,
)
from elsewhere.calls.resources import Evicted, Inquire, Inventory, Made
from elsewhere.gateway.invariants import check_invariants
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import CLIENT, ENGINE, STORE
from elsewhere.store import Remember
from elsewhere.testing.faults import Faults
from elsewhere.testing.oracles import Oracles
from elsewhere.testing.remembering import Remembering
from elsewhere.testing.world import Line, World

CALLS_CHECKED_MAX = 6
"""With so few calls all invariants are checked after every step: their cost grows with the state."""


UNFENCED = (
    Submit, Define, Release, Cancel, Parked, Resumed, Has, Made, Evicted, Inquire, Inventory,
)  # fmt: skip
"""What has no fence comes twice only in a row: a link keeps its messages in order."""


def ignore(what: list[Any]) -> None:
    """The client and the engine put themselves in here."""


class Host:
    """One gateway in its world. `settle`, `answer` and `orders` are set by client and engine."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        gateway: Gateway,
        oracles: Oracles,
        remembering: Remembering,
        check_every: int,
    ) -> None:
        self.links: dict[int, Line] = {}
        self.settle: Callable[[list[Settlement]], None] = ignore
        self.answer: Callable[[list[FromGateway]], None] = ignore
        self.orders: Callable[[list[FromGateway]], None] = ignore
        self.steps = 0
        self.checks = 0
        self._world = world
        self._faults = faults
        self._gateway = gateway
        self._oracles = oracles
        self._remembering = remembering
        self._check_every = check_every
        self._inbox: list[Call] = []
        self.paused_until = 0.0
        self._missed: deque[tuple[int, ToGateway]] = deque()
        self._wake_at: float | None = None
        faults.recur("pause", self._pause)

    # ------------------------------------------------------------ in

    def submit(self, calls: list[Call]) -> None:
        """As the real host does, leave calls lying as long as no worker could take them."""
        self._inbox += calls
        if self._gateway.hungry:
            self._take_inbox()
        else:
            self._world.sometimes("calls waited outside the machine")

    def say(self, message: ToGateway) -> None:
        """A message of the client, which shares a process with the gateway: never late."""
        self._take_inbox()
        self._step(CLIENT, message)
        if self._faults.strike("duplicate"):
            self._step(CLIENT, message)
        if self._faults.strike("pause_after_word"):
            self._pause()

    def hear(self, sender: int, message: ToGateway) -> None:
        """A message of a worker or the engine has arrived; it may come twice, the second time late."""
        if self._world.now < self.paused_until or self._missed:
            self._missed.append((sender, message))
        else:
            self._hear_now(sender, message)

    def _hear_now(self, sender: int, message: ToGateway) -> None:
        self._take_inbox()
        self._look_up_and_step(sender, message)
        if sender != STORE and self._faults.strike("duplicate"):
            if isinstance(message, UNFENCED):
                self._hear_again(sender, message)
                return
            late = self._world.random.choice((0.0, 0.0, 0.0005, 0.01, 1.5))
            self._world.after(late, self._hear_again, sender, message)

    def _hear_again(self, sender: int, message: ToGateway) -> None:
        self._take_inbox()
        self._look_up_and_step(sender, message)

    def _take_inbox(self) -> None:
        if self._inbox:
            calls, self._inbox = self._inbox, []
            self._look_up_and_step(CLIENT, Submit(calls))

    def _pause(self) -> bool:
        """The whole process stands still: what arrives meanwhile is taken in afterwards."""
        until = self._world.now + self._world.random.choice((0.001, 0.03, 0.5, 2.0))
        self.paused_until = max(self.paused_until, until)
        self._world.at(until, self._resume)
        return True

    def _resume(self) -> None:
        while self._missed and self._world.now >= self.paused_until:
            self._hear_now(*self._missed.popleft())

    # ------------------------------------------------------------ the store

    def _look_up_and_step(self, sender: int, message: ToGateway) -> None:
        """What the store has is answered without the machine, unless somebody is at it."""
        shelf = self._remembering.shelf
        if isinstance(message, Submit) and shelf is not None:
            claims = self._gateway.ledger.asks.claims
            found = {
                call.id: row
                for call in message.calls
                if call.key and call.key not in claims and (row := shelf.get(call.key)) is not None
            }
            if found:
                self._answer_hits(sender, found)
                message = Submit([call for call in message.calls if call.id not in found])
        self._step(sender, message)

    def _answer_hits(self, sender: int, found: dict[int, Remember]) -> None:
        hits = [self._remembering.hit(number, row) for number, row in found.items()]
        self._world.sometimes("a result was found in the store")
        self._world.events += len(hits)
        self._world.log("hits", sender, hits)
        if sender == CLIENT:
            self.settle(hits)
        elif sender in self.links:
            self.links[sender].send([Answer(hits)])

    def _write(self, rows: list[Remember]) -> None:
        shelf = self._remembering.shelf
        if shelf is not None:
            keys = [row.key for row in rows]
            shelf.write(rows, lambda failure: self._hear_store(keys, failure))

    def _hear_store(self, keys: list[bytes], failure: str) -> None:
        if self._remembering.waits:
            self.hear(STORE, Written(keys, failure))

    # ------------------------------------------------------------ the machine

    def _step(self, sender: int, message: ToGateway | None) -> None:
        world = self._world
        turn = self._gateway.step(sender, message, world.now)
        self.steps += 1
        world.events += 1 + len(turn.sends) + len(turn.settlements)
        world.log(sender, message, turn.rows, turn.sends, turn.settlements, turn.wake)
        self._oracles.observe(sender, message, turn, world.now)
        self._oracles.warming.judge_listing(self._gateway.ledger.kits.listing())
        if len(self._gateway.calls) <= CALLS_CHECKED_MAX or self.steps % self._check_every == 0:
            self.checks += 1
            check_invariants(self._gateway)
        if turn.rows:
            self._write(turn.rows)
        if turn.sends:
            batches: dict[int, list[FromGateway]] = {}
            for peer, told in turn.sends:
                batches.setdefault(peer, []).append(told)
            for peer, batch in batches.items():
                self._send(peer, batch)
        if turn.settlements:
            self.settle(turn.settlements)
        self._set_wake(turn.wake)

    def _send(self, peer: int, batch: list[FromGateway]) -> None:
        if peer == ENGINE:
            self.orders(batch)
        elif peer == CLIENT:
            self.answer(batch)
        else:
            link = self.links.get(peer)
            if link is not None:
                link.send(batch)

    def _set_wake(self, wake: float | None) -> None:
        if wake == self._wake_at:
            return
        self._wake_at = wake
        if wake is not None:
            late = self._world.random.expovariate(100.0) if self._faults.strike("late_wake") else 0
            self._world.at(wake + late, self._wake, wake)

    def _wake(self, meant: float) -> None:
        if meant != self._wake_at:
            return
        if self._world.now < self.paused_until:
            self._world.at(self.paused_until, self._wake, meant)
            return
        self._wake_at = None
        self._step(ENGINE, None)
