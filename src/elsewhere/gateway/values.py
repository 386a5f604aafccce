"""Values that lie where they were made: who may still need them, and when nobody does.

There is so much memory for them. Beyond it the oldest ones are moved to a disk, where
they are found under the same name, and meanwhile no more calls are handed out.

Whoever asked for a call has its value until it says `Drop`; so does a worker in which something
still refers to an input when the call that was given it has ended. And a call has its inputs, from
when they are there until it is settled and no worker runs it.

What nobody needs is let go, but the gateway remembers how it was made while something that is
there was made from it. A value that it cannot make, because it was put, stays that long itself.

A value with futures in it refers to the values of those, and so is a user of them while it is there.
"""

from collections import deque
from collections.abc import Callable, Iterable

from elsewhere.calls.messages import Settlement
from elsewhere.calls.values import Free, Loss, Place, Spill, Unmap, Value
from elsewhere.gateway.recipes import Recipe, Recipes
from elsewhere.gateway.records import (
    CLIENT,
    NOTHING_KNOWN,
    CallRecord,
    FunctionRecord,
    Turn,
    WorkerRecord,
)

UNUSED_MAX = 1000
"""How many recipes one step lets go; it asks for another step if there are more."""


class ValueRecord:
    """One value, the peer that wrote it, and those that may need it."""

    __slots__ = (
        "askers",
        "holders",
        "in_memory",
        "lineage",
        "loss",
        "maker",
        "moving",
        "name",
        "node",
        "payload",
        "place",
        "refers",
        "remaking",
        "users",
        "waiting",
    )

    def __init__(self, maker: int, holders: Iterable[int], name: str) -> None:
        self.place: Place | None = None
        """None: it is not there, or is the payload"""
        self.payload: bytes | None = None
        """the value, if it was small when it was made again"""
        self.maker = maker
        self.node = 0
        """where it lies"""
        self.name = name
        """the function that made it; empty if it was put"""
        self.holders = set(holders)
        """peers"""
        self.users = 0
        """calls that are given it, and values that refer to it"""
        self.refers: list[int] = []
        """the values that it refers to"""
        self.lineage = 0
        """recipes that need it"""
        self.in_memory = False
        """it is here, and was not moved to a disk"""
        self.moving = False
        """it was asked to be"""
        self.waiting: list[CallRecord] = []
        """calls that cannot go on without it; some may be settled themselves"""
        self.askers: set[int] = set()
        """peers that did not find it and are to be told where it is"""
        self.remaking = False
        """the call that made it is under way again"""
        self.loss: Loss | None = None
        """why it cannot be made again"""

    @property
    def nbytes(self) -> int:
        """How much memory it takes where it lies; nothing if it does not."""
        return 0 if self.place is None else self.place.nbytes

    @property
    def is_here(self) -> bool:
        return self.place is not None or self.payload is not None

    @property
    def is_needed(self) -> bool:
        """Whether anybody may need the value itself."""
        return bool(self.holders or self.users or self.askers or self.remaking)


class Values:
    """The values that lie in segments, by the number of the call that made each.

    `release` is told of a function that one recipe fewer needs.
    """

    def __init__(
        self,
        workers: dict[int, WorkerRecord],
        bytes_max: float,
        release: Callable[[FunctionRecord], None],
    ) -> None:
        self.kept: dict[int, ValueRecord] = {}
        self.movable: dict[int, ValueRecord] = {}
        """those in memory, the oldest first, but for what could not be moved"""
        self.resting: dict[int, ValueRecord] = {}
        """those of them that only recipes need: they are moved first"""
        self.nbytes = 0
        """how much memory they take"""
        self.moving = 0
        """how much of it will be free once what is being moved has been"""
        self.recipes = Recipes()
        self.unreferred: deque[int] = deque()
        """values to which one referred that is gone"""
        self.sought: deque[int] = deque()
        """values that are not there, and that somebody may need"""
        self._bytes_max = bytes_max
        self._workers = workers
        self._release = release

    def add(
        self,
        number: int,
        place: Place,
        maker: int,
        holders: Iterable[int],
        recipe: Recipe | None = None,
    ) -> None:
        """A value was made, and `holders` are told of it. Without `recipe` it cannot be made again.

        One that was handed on is not here, and so it is made again should somebody ask for it.
        """
        if number in self.kept:
            return  # said twice
        name = "" if recipe is None else recipe.function.name
        self.kept[number] = value = ValueRecord(maker, holders, name)
        if not place.handed_on:
            self._lay(number, value, place, maker)
        if recipe is not None:
            recipe.function.live += 1
            for one in recipe.placed():
                self.kept[one].lineage += 1
            self.recipes.add(recipe)

    def _lay(self, number: int, value: ValueRecord, place: Place, maker: int) -> None:
        worker = self._workers.get(maker)
        value.place, value.maker, value.in_memory = place, maker, not place.on_disk
        value.node = 0 if worker is None else worker.node
        value.refers = [one for one in place.refers if self.use(one)]
        if value.in_memory:
            self.movable[number] = value
            self.nbytes += place.nbytes

    def use(self, number: int) -> bool:
        """A call is given this value; False if nothing is known of it any more."""
        value = self.kept.get(number)
        if value is None:
            return False
        value.users += 1
        return True

    def hold(self, peer: int, numbers: Iterable[int]) -> None:
        """A peer still refers to these values, or has futures of them now."""
        for number in numbers:
            if number in self.kept:
                self.kept[number].holders.add(peer)

    def drop(self, peer: int, numbers: Iterable[int], turn: Turn) -> None:
        """A peer needs these values no more."""
        for number in numbers:
            value = self.kept.get(number)
            if value is not None:
                value.holders.discard(peer)
                self.let_go(number, value, turn)

    def drop_all(self, peer: int, turn: Turn) -> None:
        """A peer is gone."""
        for value in self.kept.values():
            value.askers.discard(peer)
        self.drop(peer, [n for n, value in self.kept.items() if peer in value.holders], turn)

    def paths_of(self, maker: int) -> set[str]:
        """Where the values lie that this peer has made."""
        return {
            value.place.path
            for value in self.kept.values()
            if value.maker == maker and value.place is not None
        }

    def release(self, record: CallRecord, turn: Turn) -> None:
        """A call is settled and no worker runs it: it needs its inputs no more."""
        if not record.call.inputs:
            return
        for settlement in record.values.values():
            if settlement is not None and settlement.place is not None:
                value = self.kept[settlement.call]
                value.users -= 1
                self.let_go(settlement.call, value, turn)
        record.values = NOTHING_KNOWN

    def let_unneeded_go(self, number: int, turn: Turn) -> None:
        """A value was made that nobody may need, although calls waited for it."""
        value = self.kept.get(number)
        if value is not None:
            self.let_go(number, value, turn)

    def let_go(self, number: int, value: ValueRecord, turn: Turn) -> None:
        """Forget what nobody needs, and have its memory freed."""
        if value.is_needed or value.moving:
            return  # whoever moves it must find it
        if value.lineage and number not in self.recipes.kept:
            if number in self.movable:
                self.resting[number] = self.movable.pop(number)
            return  # it could not be made again
        value.payload = None
        if value.place is not None:
            in_memory, place = value.in_memory, value.place
            maker = value.maker if value.maker in self._workers and in_memory else CLIENT
            self._take_away(number, value)
            turn.sends.append((maker, Free([place], in_memory)))
        if not value.lineage:
            del self.kept[number]
            self.recipes.forget(number)

    def let_unused_go(self, turn: Turn) -> bool:
        """Let go of what only forgotten recipes need, or values that are gone; whether there is more."""
        unused, unreferred = self.recipes.unused, self.unreferred
        for _ in range(UNUSED_MAX):
            if unreferred:
                number = unreferred.popleft()
                value = self.kept[number]
                value.users -= 1
                self.let_go(number, value, turn)
                continue
            if not unused:
                return False
            recipe = unused.popleft()
            self._release(recipe.function)
            for number in recipe.placed():
                value = self.kept[number]
                value.lineage -= 1
                self.let_go(number, value, turn)
        return bool(unused or unreferred)

    # ------------------------------------------------------------ lost and found

    def current(self, given: Value) -> Value:
        """The value of an input that lies in a segment, and where that is now."""
        if given.place is None:
            return given
        value = self.kept[given.call]
        return Value(given.call, value.payload or b"", value.place)

    def lose(self, number: int, place: Place) -> None:
        """Somebody has not found this value. It is lost if it should still be there."""
        value = self.kept.get(number)
        if value is not None and value.place == place:
            self._take_away(number, value)

    def lose_inputs(self, record: CallRecord, place: Place) -> None:
        """The same of a call, whichever of its inputs lies there."""
        for settlement in record.values.values():
            if settlement is not None and settlement.place is not None:
                self.lose(settlement.call, place)

    def lose_node(self, node: int, turn: Turn) -> None:
        """All that lay on this node is lost."""
        there = [(n, v) for n, v in self.kept.items() if v.node == node and v.place is not None]
        for number, value in there:
            self._take_away(number, value)
            self.let_go(number, value, turn)

    def _take_away(self, number: int, value: ValueRecord) -> None:
        """Nothing lies any more where this value did."""
        nbytes, value.place = value.nbytes, None
        if value.in_memory:
            self.nbytes -= nbytes
        if value.moving:
            self.moving -= nbytes
            value.moving = False
        self.movable.pop(number, None)
        self.resting.pop(number, None)
        self.unreferred += value.refers
        value.refers = []

    def find_again(self, number: int, settlement: Settlement) -> ValueRecord:
        """A value was made again."""
        value = self.kept[number]
        if settlement.place is None:
            value.payload = settlement.payload
        else:
            self._lay(number, value, settlement.place, settlement.worker)
        return value

    def reached_from(self, numbers: Iterable[int]) -> dict[int, Place]:
        """Where the values lie to which these refer, and to which those do."""
        found: dict[int, Place] = {}
        todo = [
            one for number in numbers if number in self.kept for one in self.kept[number].refers
        ]
        while todo:
            number = todo.pop()
            place = self.kept[number].place
            if place is not None and number not in found:
                found[number] = place
                todo += self.kept[number].refers
        return found

    # ------------------------------------------------------------ too little memory

    @property
    def is_full(self) -> bool:
        """Whether they take more memory than they may."""
        return self.nbytes > self._bytes_max

    @property
    def room(self) -> float:
        """How much more memory they may take."""
        return self._bytes_max - self.nbytes

    def spill(self, turn: Turn) -> None:
        """Have the oldest values moved, as many as are too many."""
        while self.nbytes - self.moving > self._bytes_max:
            source = self.resting or self.movable
            if not source:
                return
            number, value = next(iter(source.items()))
            del source[number]
            place = value.place
            assert place is not None, "what can be moved is there"
            value.moving = True
            self.moving += place.nbytes
            turn.sends.append((CLIENT, Spill(number, place)))

    def is_needed(self, number: int) -> bool:
        """Whether anybody needs this value; one that is being moved stays even if nobody does."""
        value = self.kept.get(number)
        return value is not None and value.is_needed

    def moved(self, number: int, place: Place, turn: Turn, *, done: bool) -> None:
        """A value was moved to a disk, or could not be."""
        value = self.kept.get(number)
        if value is None or not value.moving or value.place != place:
            return  # said twice, or it was lost meanwhile
        value.moving = False
        self.moving -= place.nbytes
        if done:
            value.in_memory = False
            self.nbytes -= place.nbytes
            if value.maker in self._workers:
                turn.sends.append((value.maker, Unmap([place])))
        self.let_go(number, value, turn)
