"""Values that lie where they were made: who may still need them, and when nobody does.

Whoever asked for a call has its value until it says `Drop`; so does a worker in which something
still refers to an input when the call that was given it has ended. And a call has its inputs, from
when they are there until it is settled and no worker runs it.
"""

from collections.abc import Iterable

from elsewhere.calls.messages import Free, Place
from elsewhere.gateway.records import CLIENT, CallRecord, Turn, WorkerRecord


class ValueRecord:
    """One value, the peer that wrote it, and those that may need it."""

    __slots__ = ("holders", "maker", "place", "users")

    def __init__(self, place: Place, maker: int, holder: int) -> None:
        self.place = place
        self.maker = maker
        self.holders = {holder}
        """peers"""
        self.users = 0
        """calls that are given it"""


class Values:
    """The values that lie in segments, by the number of the call that made each."""

    def __init__(self, workers: dict[int, WorkerRecord]) -> None:
        self.kept: dict[int, ValueRecord] = {}
        self._workers = workers

    def add(self, number: int, place: Place, maker: int, holder: int) -> None:
        """A value was made, and `holder` is told of it."""
        self.kept[number] = ValueRecord(place, maker, holder)

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
        record.values = {}

    def _free_unneeded(self, number: int, value: ValueRecord, turn: Turn) -> None:
        if value.holders or value.users:
            return
        del self.kept[number]
        maker = value.maker if value.maker in self._workers else CLIENT
        turn.sends.append((maker, Free([value.place])))
