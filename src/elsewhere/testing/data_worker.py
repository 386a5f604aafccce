"""A simulated worker of a world with large values: reads its inputs, makes values, frees segments."""

from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol

from elsewhere.calls.messages import (
    Attempt,
    Done,
    FromWorker,
    Outcome,
    Recall,
    Returned,
    Run,
    ToGateway,
    ToWorker,
    Verdict,
)
from elsewhere.calls.values import Drop, Free, Place, Value
from elsewhere.testing.books import break_promise
from elsewhere.testing.data_books import SIZE, DataBook, Disk, value_of
from elsewhere.testing.world import Line, World


class Surroundings(Protocol):
    """What a worker needs of its world."""

    world: World
    disk: Disk
    books: dict[int, DataBook]

    def strike(self, kind: str) -> bool:
        """Whether this kind of fault happens now."""

    def hear(self, sender: int, message: ToGateway | None) -> None:
        """A message has arrived."""


class Writer:
    """Where one process writes: to what was freed, if there is any."""

    def __init__(self, number: int, disk: Disk) -> None:
        self.free: list[str] = []
        self._number = number
        self._disk = disk
        self._made = 0

    def write(self, node: int, value: bytes) -> Place:
        if self.free:
            path = self.free.pop()
        else:
            self._made += 1
            path = f"{self._number}-{self._made}"
        return self._disk.write(path, node, value)

    def heed(self, message: Free) -> None:
        for place in message.places:
            if message.reusable:
                self.free.append(place.path)
            else:
                self._disk.files.pop(place.path, None)


class DataWorker:
    """One process on a node."""

    def __init__(
        self, around: Surroundings, number: int, node: int, delay: Callable[[], float]
    ) -> None:
        self.number = number
        self.node = node
        self.alive = True
        self.inbox = Line(around.world, delay, self._take)
        self.outbox = Line(around.world, delay, self._deliver)
        self.writer = Writer(number, around.disk)
        self.current: Attempt | None = None
        self._around = around
        self._attempts: deque[Attempt] = deque()
        self._recent: dict[int, tuple[int, bytes | Place]] = {}
        """by call: the fence and the value of what is kept for calls that were sent behind it"""
        self._handed: dict[int, tuple[int, bytes]] = {}
        """the same of what is handed on to the next one, and lies nowhere"""
        self._held: Counter[int] = Counter()
        """by call, how often its value is still referred to"""

    def _deliver(self, messages: list[FromWorker]) -> None:
        for message in messages:
            self._around.hear(self.number, message)  # type: ignore[arg-type]  # nothing is ever Said

    def _take(self, messages: list[ToWorker]) -> None:
        if not self.alive:
            return
        for message in messages:
            match message:
                case Run():
                    self._attempts += message.attempts
                case Recall():
                    self._give_back(message.attempts)
                case Free():
                    self.writer.heed(message)
                    self._forget(message.places)
        self._go_on()

    def _forget(self, freed: list[Place]) -> None:
        """What is freed may still be an input of calls that nobody waits for: they come out unready."""
        gone = [call for call, (_, value) in self._recent.items() if value in freed]
        for call in gone:
            del self._recent[call]

    def _give_back(self, wanted: list[tuple[int, int]]) -> None:
        returned = [(a.call, a.fence) for a in self._attempts if (a.call, a.fence) in wanted]
        self._attempts = deque(a for a in self._attempts if (a.call, a.fence) not in returned)
        kept = [name for name in wanted if name not in returned]
        self.outbox.send([Returned(returned, kept)])

    def _go_on(self) -> None:
        while self.alive and self.current is None and self._attempts:
            attempt = self._attempts.popleft()
            found = self._find_inputs(attempt)
            if isinstance(found, Outcome):
                self._around.world.sometimes(f"an attempt was {found.verdict.name.lower()}")
                self._tell(found)
                continue
            self.current = attempt
            seconds = self._around.world.random.choice((1e-5, 1e-3, 0.02))
            self._around.world.after(seconds, self._end, attempt, found)
        if self.current is None:
            self._handed.clear()

    def _find_inputs(self, attempt: Attempt) -> list[bytes] | Outcome:
        """Its inputs, or how it comes out without them."""
        found = []
        for one in attempt.inputs:
            place = self._place_of(one)
            if one.fence and self._handed.get(one.call, (0,))[0] == one.fence:
                found.append(self._handed.pop(one.call)[1])
                continue
            if one.fence and self._recent.get(one.call, (0,))[0] != one.fence:
                return Outcome(attempt.call, attempt.fence, Verdict.UNREADY, b"", 0.0, 0.0)
            value = one.payload if place is None else self._read(place, one.call)
            if one.fence and place is None:
                value = self._recent[one.call][1]  # type: ignore[assignment]  # it has no place
            if value is None:
                return Outcome(attempt.call, attempt.fence, Verdict.MISSING, b"", 0.0, 0.0, place)
            found.append(value)
        truths = [one.truth for one in self._around.books[attempt.call].inputs]
        if found != truths:
            break_promise(38, attempt, truths)
        return found

    def _place_of(self, one: Value) -> Place | None:
        if not one.fence:
            return one.place
        kept = self._recent.get(one.call, (0, b""))[1]
        return kept if isinstance(kept, Place) else None

    def _read(self, place: Place, call: int) -> bytes | None:
        return self._around.disk.read(place, self._around.books[call])

    def _end(self, attempt: Attempt, given: list[bytes]) -> None:
        if not self.alive:
            return
        self.current = None
        book = self._around.books[attempt.call]
        book.runs += 1
        self._around.world.log("end", self.number, attempt.call, attempt.fence)
        if book.raises_again and book.runs > 1:
            self._tell(Outcome(attempt.call, attempt.fence, Verdict.ERROR, b"why", 0.0, 1e-4))
        else:
            value = value_of(book.origin, given)
            # What is made again may be small this time.
            small = not book.is_large or (book.runs > 1 and self._around.strike("small_again"))
            place = None if small else self._put(attempt, value)
            if attempt.needed and (place is None or not place.handed_on):
                self._recent[attempt.call] = attempt.fence, value if place is None else place
            self._tell(
                Outcome(
                    attempt.call,
                    attempt.fence,
                    Verdict.VALUE,
                    value if place is None or attempt.remembered else b"",
                    0.0,
                    1e-4,
                    place,
                    self._hold(attempt),
                )
            )
        self._go_on()

    def _put(self, attempt: Attempt, value: bytes) -> Place:
        """Hand a large value on to the next attempt, if that is still the one that needs it; else write it."""
        if attempt.hands_on and self._attempts:
            name = attempt.call, attempt.fence
            if any((one.call, one.fence) == name for one in self._attempts[0].inputs):
                self._handed[attempt.call] = attempt.fence, value
                return Place("", SIZE)
        return self.writer.write(self.node, value)

    def _hold(self, attempt: Attempt) -> tuple[int, ...]:
        """The inputs that something still refers to when a call has ended."""
        held = []
        for one in attempt.inputs:
            place = self._place_of(one)
            if place is not None and self._around.strike("hold"):
                self._held[one.call] += 1
                held.append(one.call)
                seconds = self._around.world.random.expovariate(20.0)
                self._around.world.after(seconds, self._let_go, one.call, place)
        return tuple(held)

    def _let_go(self, call: int, place: Place) -> None:
        if not self.alive:
            return
        self._read(place, call)
        self._held[call] -= 1
        if not self._held[call]:
            self.outbox.send([Drop([call])])

    def _tell(self, outcome: Outcome) -> None:
        batch: list[FromWorker] = [Done([outcome])]
        self.outbox.send(batch)
        if self._around.strike("duplicate"):
            self.outbox.send(batch)
