"""Simulated time: a queue of things to happen, one source of chance, and a hash of what happened.

Everything in a simulated world draws from the one `random` of its `World` and happens in the order
of its queue, so a seed is a whole history. `hexdigest` of two runs of a seed is the same, or the
machine is not a function of its state and messages.
"""

from collections import Counter, deque
from collections.abc import Callable
from hashlib import blake2b
from heapq import heappop, heappush
from random import Random
from typing import Any

from elsewhere.calls.wire import encode_frame


class World:
    """Time, chance and the queue. `tell` gets a line for each thing that happens, if it is given."""

    def __init__(self, seed: int, tell: Callable[[str], None] | None = None) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.now = 0.0
        self.events = 0
        """what happened: messages to and from the machine, settlements, calls begun and ended"""
        self.probes: Counter[str] = Counter()
        self.tell = tell
        self._queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._pushed = 0
        self._hash = blake2b(digest_size=16)

    def at(self, when: float, act: Callable[..., None], *args: Any) -> None:
        """Call ``act(*args)`` at `when`, behind what is there already for that moment."""
        self._pushed += 1
        heappush(self._queue, (max(self.now, when), self._pushed, act, args))

    def after(self, seconds: float, act: Callable[..., None], *args: Any) -> None:
        self.at(self.now + seconds, act, *args)

    def run(self, until: float, done: Callable[[], bool] | None = None) -> bool:
        """Let things happen up to `until`, or until `done`. Says whether `done` was reached."""
        queue = self._queue
        while queue and queue[0][0] <= until:
            if done is not None and done():
                return True
            self.now, _, act, args = heappop(queue)
            act(*args)
        if done is not None and done():
            return True
        self.now = max(self.now, until)
        return False

    def forget(self) -> None:
        """Nothing of what was to happen will: the process in which it would have is gone."""
        self._queue.clear()

    def sometimes(self, probe: str) -> None:
        """A rare branch was reached. A campaign that never reaches one tests less than it seems."""
        self.probes[probe] += 1

    def log(self, *what: Any) -> None:
        """Make what happened part of the hash. Records, numbers, text, bytes and lists of them."""
        self._hash.update(encode_frame([self.now, *what]))
        if self.tell is not None:
            self.tell(f"{self.now:.6f}  " + "  ".join(str(part) for part in what))

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


class Line:
    """One direction of a link: batches arrive in the order in which they were sent."""

    __slots__ = ("_arrive", "_batches", "_delay", "_world", "last")

    def __init__(
        self, world: World, delay: Callable[[], float], arrive: Callable[[list[Any]], None]
    ) -> None:
        self._world = world
        self._delay = delay
        self._arrive = arrive
        self._batches: deque[list[Any]] = deque()
        self.last = 0.0
        """when the latest batch arrives"""

    def send(self, batch: list[Any]) -> None:
        self.last = max(self.last, self._world.now + self._delay())
        self._batches.append(batch)
        self._world.at(self.last, self._deliver)

    def _deliver(self) -> None:
        # Which event brings which batch does not matter: the first sent is the first to arrive.
        self._arrive(self._batches.popleft())
