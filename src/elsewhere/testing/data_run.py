"""One world with large values: they lie on nodes, move to disks, are lost, and are made again.

It has no calls inside calls, no time limits, and no results that are found in a store; those are in the
other world of each seed. Calls with equal keys that are under way at once are one.
"""

from itertools import zip_longest
from math import inf

from elsewhere.calls.messages import (
    Answer,
    Attempt,
    Define,
    Done,
    FromGateway,
    Run,
    ToGateway,
)
from elsewhere.calls.values import Free, Place
from elsewhere.calls.workers import Exit, Lost, NodeLost, Ready, Started
from elsewhere.gateway.invariants import check_invariants
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import CLIENT, ENGINE
from elsewhere.testing.books import break_promise
from elsewhere.testing.data_books import SIZE, DataBook, Disk
from elsewhere.testing.data_client import FUNCTION, DataClient
from elsewhere.testing.data_store import DataStore
from elsewhere.testing.data_worker import DataWorker
from elsewhere.testing.world import World

FAULT_SECONDS = 1.0
REST_SECONDS = 600.0
"""All that is left is done in this time, once nothing goes wrong any more."""
STEPS_MAX = 50_000
RATES = {
    "duplicate": (0.0, 0.2),
    "delay": (0.0, 0.2),
    "cancel": (0.0, 0.3),
    "put": (0.0, 0.2),
    "key": (0.0, 0.1, 0.5),
    "failing_store": (0.0, 0.0, 0.2),
    "hold": (0.0, 0.4),
    "failing_spill": (0.0, 0.5),
    "small_again": (0.0, 0.2),
    "raise_again": (0.0, 0.0, 0.05),
}
"""How often each kind of fault strikes; each world draws one of these."""
PER_SECOND = {
    "lose_value": (0.0, 5.0, 50.0),
    "lose_worker": (0.0, 2.0, 20.0),
    "lose_node": (0.0, 1.0, 5.0),
}


class DataRun:
    """The gateway with its workers, nodes and client; `strike` says what goes wrong."""

    def __init__(self, world: World, check_every: int) -> None:
        random = world.random
        self.world = world
        self.disk = Disk(world.sometimes)
        self.books: dict[int, DataBook] = {}
        self.workers: dict[int, DataWorker] = {}
        self.steps = self.checks = 0
        waits = random.random() < 0.5
        self.store = DataStore(self, waits=waits)
        self.gateway = Gateway(
            waits_for_rows=waits,
            value_bytes_max=random.choice((inf, inf, 3 * SIZE, 10 * SIZE)),
        )
        ledger = self.gateway.ledger
        forgets = random.random() < 0.2
        if forgets:
            ledger.values.recipes.bytes_max = 8 * 2**10
        ledger.remaking.sought_max = random.choice((1, 1000))
        ledger.inputs.fallen_max = random.choice((1, 1000))
        self.client = DataClient(self, self.store, random.choice((10, 40, 120)), forgets=forgets)
        self._rates = {kind: random.choice(rates) for kind, rates in RATES.items()}
        self._faulty = True
        self._check_every = check_every
        self._nodes = list(range(1, random.choice((2, 3, 4))))  # the client's is 0
        self._nodes_made = len(self._nodes)
        self._workers_made = 0
        self._wake_at: float | None = None
        self.hear(CLIENT, Define(FUNCTION, b"code", "f"))
        for _ in range(random.choice((1, 2, 4))):
            self._start()
        for kind, rates in PER_SECOND.items():
            self._recur(kind, random.choice(rates))

    def strike(self, kind: str) -> bool:
        """Whether it happens now; nothing does once the world is at rest."""
        return self._faulty and (kind == "act" or self.world.random.random() < self._rates[kind])

    # ------------------------------------------------------------ from beginning to end

    def run(self) -> None:
        """Let all go wrong, then all be settled, found and let go."""
        self.client.act()
        self.world.run(FAULT_SECONDS)
        self._faulty = False
        self._rest()
        for number in sorted(self.client.outcomes):
            self.client.look(number)
        self._rest()
        for number in sorted(self.client.outcomes):
            self.client.drop(number)
        self._rest()
        self.world.run(self.world.now + 10.0)
        check_invariants(self.gateway)
        self._judge_rest()

    def _rest(self) -> None:
        until = self.world.now + REST_SECONDS
        if not self.world.run(until, lambda: not (self.client.waits or self.gateway.calls)):
            left = [n for n, one in self.client.outcomes.items() if one is None]
            break_promise(
                47, left[:10], sorted(self.client.asking)[:10], [*self.gateway.calls][:10]
            )

    def _judge_rest(self) -> None:
        values = self.gateway.ledger.values
        left = [
            *values.kept,
            *values.recipes.kept,
            *values.sought,
            *values.movable,
            *values.resting,
            *self.gateway.ledger.asks.joined,
        ]
        if left or values.nbytes or values.moving or values.recipes.nbytes:
            break_promise(24, left, values.nbytes, values.moving)
        writers = [self.client.writer, *(worker.writer for worker in self.workers.values())]
        leaked = self.disk.files.keys() - {path for writer in writers for path in writer.free}
        if leaked:
            break_promise(48, sorted(leaked))

    # ------------------------------------------------------------ the machine

    def hear(self, sender: int, message: ToGateway | None) -> None:
        """One step, and what follows from it."""
        gateway, world = self.gateway, self.world
        turn = gateway.step(sender, message, world.now)
        self.steps += 1
        if self.steps > STEPS_MAX:
            break_promise(21, self.steps)
        world.events += 1 + len(turn.sends) + len(turn.settlements)
        world.log(sender, message, turn.sends, turn.settlements, turn.wake)
        if self.steps % self._check_every == 0:
            self.checks += 1
            check_invariants(gateway)
        freed = [one for _, sent in turn.sends if isinstance(sent, Free) for one in sent.places]
        self._note_values(message, freed)
        self.store.take(message, turn.rows)
        for peer, sent in turn.sends:
            self._send(peer, sent)
            if isinstance(sent, Run):
                self._judge_handed_on(sent.attempts)
        for settlement in turn.settlements:
            self.client.settle(settlement)
        self._set_wake(turn.wake)

    def _judge_handed_on(self, attempts: list[Attempt]) -> None:
        for attempt, following in zip_longest(attempts, attempts[1:]):
            if attempt.hands_on:
                self.client.judge_handed_on(attempt, following)

    def _note_values(self, message: ToGateway | None, freed: list[Place]) -> None:
        for place in freed:
            if place.path in self.disk.where.values():
                self.disk.let_go(place)
        for outcome in message.outcomes if isinstance(message, Done) else ():
            value, made = self.gateway.ledger.values.kept.get(outcome.call), outcome.place
            if made is None or value is None or value.place != made:
                continue
            if self.disk.where.get(outcome.call) != made.path:
                self.disk.keep(outcome.call, made)

    def _send(self, peer: int, sent: FromGateway) -> None:
        if peer == CLIENT:
            self.client.hear(sent)
        elif isinstance(sent, Answer):
            break_promise(8, peer, sent)  # no worker asks for anything
        elif peer in self.workers:
            self.workers[peer].inbox.send([sent])

    def _set_wake(self, wake: float | None) -> None:
        if wake != self._wake_at:
            self._wake_at = wake
            if wake is not None:
                self.world.at(wake, self._wake, wake)

    def _wake(self, meant: float) -> None:
        if meant == self._wake_at:
            self._wake_at = None
            self.hear(ENGINE, None)

    # ------------------------------------------------------------ workers and nodes

    def _delay(self) -> float:
        if self.strike("delay"):
            return self.world.random.choice((0.001, 0.03, 0.3))
        return self.world.random.uniform(2e-5, 2e-4)

    def _start(self) -> None:
        self._workers_made += 1
        number = self._workers_made
        node = self.world.random.choice(self._nodes)
        self.workers[number] = DataWorker(self, number, node, self._delay)
        self.hear(ENGINE, Started(number, node))
        self.hear(number, Ready(number))

    def _recur(self, kind: str, rate: float) -> None:
        def happen() -> None:
            if self._faulty:
                getattr(self, "_" + kind)()
                self._recur(kind, rate)

        if rate:
            self.world.after(self.world.random.expovariate(rate), happen)

    def _lose_value(self) -> None:
        """Somebody removes a segment."""
        if self.disk.files:
            self._destroy(self.world.random.choice(sorted(self.disk.files)))

    def _destroy(self, path: str) -> None:
        self.disk.destroy(path)
        for number, where in self.disk.where.items():
            if where == path and self.books[number].is_put:
                self.disk.puts_lost.add(number)

    def _lose_worker(self) -> None:
        """A worker dies, and is replaced; what it has made and may be needed stays."""
        if self.workers:
            self._end(self.world.random.choice(sorted(self.workers)))

    def _end(self, number: int) -> None:
        worker = self.workers[number]
        worker.alive = False
        running = worker.current.call if worker.current is not None else 0
        when = max(self.world.now, worker.outbox.last)
        self.world.at(when, self._bury, number, Exit(None, 9, None, running))

    def _bury(self, number: int, how: Exit) -> None:
        if self.workers.pop(number, None) is None:
            return
        kept = self.gateway.ledger.values.paths_of(number)
        for path in sorted(self.disk.files):
            if path.startswith(f"{number}-") and path not in kept:
                del self.disk.files[path]
        self.hear(ENGINE, Lost(number, how))
        self._start()

    def _lose_node(self) -> None:
        """A node is gone, with its workers and all that lay there."""
        random = self.world.random
        node = random.choice(self._nodes)
        self._nodes.remove(node)
        self._nodes_made += 1
        self._nodes.append(self._nodes_made)
        self.world.sometimes("a node was lost")
        for path, (where, _) in sorted(self.disk.files.items()):
            if where == node:
                self._destroy(path)
        for number in sorted(self.workers):
            if self.workers[number].node == node:
                self._end(number)
        self.world.after(random.choice((0.0, 0.05)), self.hear, ENGINE, NodeLost(node))
