"""A simulated engine: starts workers, replaces those that end, says how they ended."""

from elsewhere.calls.messages import FromGateway
from elsewhere.calls.workers import Exit, Kill, Lost, Started
from elsewhere.gateway.records import ENGINE
from elsewhere.testing.faults import Faults
from elsewhere.testing.host import Host
from elsewhere.testing.programs import Programs
from elsewhere.testing.worker import Worker
from elsewhere.testing.world import World

RETRY_SECONDS = 0.1
RETRY_SECONDS_MAX = 2.0
SIGKILL = 9
SIGSEGV = 11


class Engine:
    """Keeps `wanted` workers alive. One that never got ready is replaced after a growing pause."""

    def __init__(
        self, world: World, faults: Faults, host: Host, programs: Programs, wanted: int
    ) -> None:
        self.wanted = wanted
        self._nodes = world.random.choice((1, 1, 2, 3))
        self.alive: dict[int, Worker] = {}
        self._world = world
        self._faults = faults
        self._host = host
        self._programs = programs
        self._numbers = 0
        self._failures = 0
        host.orders = self._obey
        for kind in ("crash_idle", "crash_running", "crash_parked", "crash_starting"):
            faults.recur(kind, lambda kind=kind: self._crash_one(kind), wanted)  # type: ignore[misc]  # mypy cannot infer a lambda with a default

        faults.recur("evict_idle", self._evict_one, wanted)

    def start(self) -> None:
        if len(self.alive) >= self.wanted:
            return
        self._numbers += 1
        worker = Worker(
            self._world, self._faults, self._host, self._programs, self._numbers, self._ended
        )
        self.alive[worker.number] = worker
        # As in the real host, a worker's link is known from the moment that it was started.
        self._host.links[worker.number] = worker.inbox
        self._host.hear(ENGINE, Started(worker.number, worker.number % self._nodes))
        worker.boot()

    def _obey(self, orders: list[FromGateway]) -> None:
        for order in orders:
            if isinstance(order, Kill):
                self._world.after(self._world.random.uniform(1e-4, 5e-3), self._kill, order.worker)

    def _kill(self, number: int) -> None:
        worker = self.alive.get(number)
        if worker is not None:
            worker.die(signal=SIGKILL)
        else:
            self._world.sometimes("a worker ended before its kill arrived")

    def _crash_one(self, kind: str) -> bool:
        """Take a worker down that is in the state that the kind of crash says, if there is one."""
        state = kind.removeprefix("crash_")
        candidates = [worker for worker in self.alive.values() if state in worker.states]
        if not candidates:
            return False
        die = self._world.random.choice(candidates).die
        die(signal=self._world.random.choice((SIGKILL, SIGSEGV)))
        return True

    def _evict_one(self) -> bool:
        candidates = [worker for worker in self.alive.values() if worker.keeping.kept]
        return bool(candidates) and self._world.random.choice(candidates).evict()

    def _ended(self, worker: Worker, how: Exit) -> None:
        del self.alive[worker.number]
        seconds = self._world.random.uniform(1e-4, 3e-3)
        if self._faults.strike("late_mail"):
            self._world.at(self._world.now, self._lose, worker, how)
        else:
            # What the worker had sent before it died counts, so the host takes that in first.
            self._world.at(
                max(self._world.now + seconds, worker.outbox.last), self._lose, worker, how
            )

    def _lose(self, worker: Worker, how: Exit) -> None:
        self._host.links.pop(worker.number, None)
        self._host.hear(ENGINE, Lost(worker.number, how))
        if worker.was_ready:
            self._failures = 0
            self.start()
        else:
            self._failures += 1
            self._world.after(self._pause(), self.start)

    def _pause(self) -> float:
        return min(RETRY_SECONDS * 2.0 ** min(self._failures - 1, 10), RETRY_SECONDS_MAX)
