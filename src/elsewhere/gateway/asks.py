"""Who asked for which call. Calls with equal keys are one, for all who ask.

The first call with a key is the one that runs; those that ask for the same while it is under way join
it under numbers of their own.
"""

from elsewhere.calls.messages import Call
from elsewhere.gateway.ancestry import Ancestry
from elsewhere.gateway.records import REMAKER, CallRecord, FunctionRecord


class Asks:
    """The calls that are not settled: by number, by the numbers of those that joined, by key."""

    def __init__(self) -> None:
        self.calls: dict[int, CallRecord] = {}
        self.joined: dict[int, CallRecord] = {}
        self.claims: dict[bytes, CallRecord] = {}
        self._ancestry = Ancestry(self.calls)

    def find(self, number: int) -> CallRecord | None:
        """The call that runs for this one: itself or the one that it joined."""
        return self.calls.get(number) or self.joined.get(number)

    def is_awaited(self, number: int) -> bool:
        """Whether who asked under this number is still to be told."""
        record = self.calls.get(number)
        if record is None:
            return number in self.joined
        return record.asker is not None and record.asker != REMAKER

    def add(self, call: Call, function: FunctionRecord, asker: int) -> CallRecord:
        """A new call."""
        record = CallRecord(call, function, asker, self._ancestry.next_rank())
        self.calls[call.id] = record
        if call.parent:
            self._ancestry.note(record)
        if call.key:
            self.claims[call.key] = record
        return record

    def join(self, record: CallRecord, call: Call, asker: int) -> list[CallRecord]:
        """Somebody asks for what is under way. Returns the circle that this would close, if any."""
        circle = self._ancestry.join(record, call.parent) if call.parent else []
        if not circle:
            if record.joined is None:
                record.joined = {}
            record.joined[call.id] = asker
            self.joined[call.id] = record
        return circle

    def ancestors(self, record: CallRecord) -> set[int]:
        """The numbers of a call and of all calls inside which it was asked for."""
        return self._ancestry.ancestors(record)

    def withdraw(self, record: CallRecord, number: int) -> int | None:
        """Who asked for a call under this number no longer does. Returns that peer."""
        if number == record.call.id or record.joined is None:
            asker, record.asker = record.asker, None
            return asker
        del self.joined[number]
        return record.joined.pop(number)

    def remove(self, record: CallRecord) -> list[tuple[int, int]]:
        """The call is settled: forget it. Returns the numbers and the peers of all who asked."""
        call = record.call
        del self.calls[call.id]
        if call.key:
            del self.claims[call.key]
        askers = [] if record.asker is None else [(call.id, record.asker)]
        if record.joined:
            askers += record.joined.items()
            for number in record.joined:
                del self.joined[number]
        return askers
