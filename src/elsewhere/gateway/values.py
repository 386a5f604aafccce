"""Values that lie where they were made: who may still need them, and when nobody does.

There is so much memory for them. Beyond it the oldest ones are moved to a disk, where
they are found under the same name, and meanwhile no more calls are handed out.

Whoever asked for a call has its value until it says `Drop`; so does a worker in which something
still refers to an input when the call that was given it has ended. And a call has its inputs, from
when they are there until it is settled and no worker runs it.
"""

from collections.abc import Iterable

from elsewhere.calls.values import Free, Place, Spill, Unmap
from elsewhere.gateway.records import CLIENT, NOTHING_KNOWN, CallRecord, Turn, WorkerRecord


class ValueRecord:
    """One value, the peer that wrote it, and those that may need it."""

    __slots__ = ("holders", "in_memory", "maker", "moving", "node", "place", "users")

    def __init__(self, place: Place, maker: int, holder: int, node: int) -> None:
        self.place = place
        self.maker = maker
        self.node = node
        """where it lies"""
        self.holders = {holder}
        """peers"""
        self.users = 0
        """calls that are given it"""
        self.in_memory = True
        """it was not moved to a disk"""
        self.moving = False
        """it was asked to be"""


class Values:
    """The values that lie in segments, by the number of the call that made each."""

    def __init__(self, workers: dict[int, WorkerRecord], bytes_max: float) -> None:
        self.kept: dict[int, ValueRecord] = {}
        self.movable: dict[int, ValueRecord] = {}
        """those in memory, the oldest first, but for what could not be moved"""
        self.nbytes = 0
        """how much memory they take"""
        self.moving = 0
        """how much of it will be free once what is being moved has been"""
        self._bytes_max = bytes_max
        self._workers = workers

    def add(self, number: int, place: Place, maker: int, holder: int) -> None:
        """A value was made, and `holder` is told of it."""
        if number not in self.kept:  # else it was said twice
            worker = self._workers.get(maker)
            node = 0 if worker is None else worker.node  # the client is on the first
            self.kept[number] = self.movable[number] = ValueRecord(place, maker, holder, node)
            self.nbytes += place.nbytes

    def use(self, number: int) -> bool:
        """A call is given this value; False if it is not there any more."""
        value = self.kept.get(number)
        if value is None:
            return False
        value.users += 1
        return True

    def hold(self, peer: int, numbers: Iterable[int]) -> None:
        """A worker still refers to these values."""
        for number in numbers:
            if number in self.kept:
                self.kept[number].holders.add(peer)

    def drop(self, peer: int, numbers: Iterable[int], turn: Turn) -> None:
        """A peer needs these values no more."""
        for number in numbers:
            value = self.kept.get(number)
            if value is not None:
                value.holders.discard(peer)
                self._free_unneeded(number, value, turn)

    def drop_all(self, peer: int, turn: Turn) -> None:
        """A peer is gone."""
        self.drop(peer, [n for n, value in self.kept.items() if peer in value.holders], turn)

    def paths_of(self, maker: int) -> set[str]:
        """Where the values lie that this peer has made."""
        return {value.place.path for value in self.kept.values() if value.maker == maker}

    def release(self, record: CallRecord, turn: Turn) -> None:
        """A call is settled and no worker runs it: it needs its inputs no more."""
        if not record.call.inputs:
            return
        for settlement in record.values.values():
            if settlement is not None and settlement.place is not None:
                value = self.kept[settlement.call]
                value.users -= 1
                self._free_unneeded(settlement.call, value, turn)
        record.values = NOTHING_KNOWN

    def _free_unneeded(self, number: int, value: ValueRecord, turn: Turn) -> None:
        if value.holders or value.users:
            return
        if value.moving:
            return  # whoever moves it must find it
        del self.kept[number]
        self.movable.pop(number, None)
        if value.in_memory:
            self.nbytes -= value.place.nbytes
        maker = value.maker if value.maker in self._workers and value.in_memory else CLIENT
        turn.sends.append((maker, Free([value.place], value.in_memory)))

    # ------------------------------------------------------------ too little memory

    @property
    def is_full(self) -> bool:
        """Whether they take more memory than they may."""
        return self.nbytes > self._bytes_max

    def spill(self, turn: Turn) -> None:
        """Have the oldest values moved, as many as are too many."""
        while self.movable and self.nbytes - self.moving > self._bytes_max:
            number = next(iter(self.movable))
            value = self.movable.pop(number)
            value.moving = True
            self.moving += value.place.nbytes
            turn.sends.append((CLIENT, Spill(number, value.place)))

    def is_needed(self, number: int) -> bool:
        """Whether anybody needs this value; one that is being moved stays even if nobody does."""
        value = self.kept.get(number)
        return value is not None and bool(value.holders or value.users)

    def moved(self, number: int, done: bool, turn: Turn) -> None:
        """A value was moved to a disk, or could not be."""
        value = self.kept.get(number)
        if value is None or not value.moving:
            return  # said twice
        value.moving = False
        self.moving -= value.place.nbytes
        if done:
            value.in_memory = False
            self.nbytes -= value.place.nbytes
            if value.maker in self._workers:
                turn.sends.append((value.maker, Unmap([value.place])))
        self._free_unneeded(number, value, turn)
