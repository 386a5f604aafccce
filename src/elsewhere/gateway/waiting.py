"""Calls that wait for a worker: in one queue, and in lines those that need what workers keep."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from elsewhere.calls.messages import Kind
from elsewhere.gateway.kits import Kits
from elsewhere.gateway.lines import Lines
from elsewhere.gateway.records import CallRecord


class Waiting:
    """The queue and the lines. What was settled while it waited is skipped when its turn comes.

    `only_warming`: calls wait in the queue whatever they need, but for those that make it and nothing else.
    """

    def __init__(self, kits: Kits, *, only_warming: bool) -> None:
        self.queue: deque[CallRecord] = deque()
        self.lines = Lines()
        self._kits = kits
        self._only_warming = only_warming

    def __iter__(self) -> Iterator[CallRecord]:
        yield from self.queue
        yield from self.lines

    def put(self, records: Iterable[CallRecord]) -> None:
        """Calls wait, behind those that do already."""
        if not self._kits.kits:
            self.queue.extend(records)
            return
        for record in records:
            self._put(record, front=False)

    def put_first(self, records: Sequence[CallRecord]) -> None:
        """Calls wait, in this order before those that do already."""
        if not self._kits.kits:
            self.queue.extendleft(reversed(records))
            return
        for record in reversed(records):
            self._put(record, front=True)

    def _put(self, record: CallRecord, *, front: bool) -> None:
        kit = record.function.kit
        if kit is not None and (not self._only_warming or record.call.kind is Kind.WARM):
            self.lines.put(record, kit, front=front)
        else:
            (self.queue.appendleft if front else self.queue.append)(record)

    def settle(self, record: CallRecord) -> None:
        """A call that waits is about to be settled."""
        if not self._only_warming:
            self.lines.settle(record)

    def drain(self) -> list[CallRecord]:
        """All that waits, which does so no more."""
        records = [*self]
        self.queue.clear()
        self.lines.clear()
        return records
