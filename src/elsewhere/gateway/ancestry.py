"""Which call was asked for inside which, and whether a call would wait for itself.

Every call has a rank that is more than the ranks of the calls inside which it was asked for. A new
call gets the highest rank of all. Only when a call joins one that is under way already can the order
be wrong: then either the new edge closes a circle, or the ranks between the two are dealt out anew.
This is Pearce and Kelly's algorithm ("A Dynamic Topological Sort Algorithm for Directed Acyclic
Graphs", 2006), which looks only at what lies between the two.

That a call is asked for counts, whether its asker waits for it yet or not: where the same program
runs without a pool, the asker always waits.
"""

from collections.abc import Iterable

from elsewhere.gateway.records import CallRecord


class Ancestry:
    """The edges between calls that are not settled; `calls` finds them by number."""

    def __init__(self, calls: dict[int, CallRecord]) -> None:
        self._calls = calls
        self._rank = 0

    def next_rank(self) -> int:
        """The rank of a new call."""
        self._rank += 1
        return self._rank

    def note(self, record: CallRecord) -> None:
        """A new call, asked for inside its parent."""
        for number in record.parents:
            parent = self._calls.get(number)
            if parent is not None:
                _add_asked(parent, record)

    def join(self, record: CallRecord, asker: int) -> list[CallRecord]:
        """`record` is asked for inside the call `asker` too.

        Returns the circle that this would close, from `record` on down to the asker, or nothing.
        """
        parent = self._calls.get(asker)
        if parent is None:
            return []
        if parent is record:
            return [record]
        if parent.rank > record.rank:
            above = self._above(parent, record.rank)
            if record.call.id in above:
                return self._path(record, parent, above)
            self._deal_anew(above, self._below(record, parent.rank))
        record.parents = (*record.parents, asker)
        _add_asked(parent, record)
        return []

    def ancestors(self, record: CallRecord) -> set[int]:
        """A call and all that it was asked for inside, by number."""
        return set(self._above(record, 0))

    def _above(self, start: CallRecord, lowest: int) -> dict[int, CallRecord]:
        """`start` and all that it was asked for inside, with ranks no less than `lowest`."""
        found = {start.call.id: start}
        todo = [start]
        while todo:
            for parent in self._known(todo.pop().parents):
                if parent.rank >= lowest and parent.call.id not in found:
                    found[parent.call.id] = parent
                    todo.append(parent)
        return found

    def _below(self, start: CallRecord, highest: int) -> dict[int, CallRecord]:
        """`start` and all that was asked for inside it, with ranks less than `highest`."""
        found = {start.call.id: start}
        todo = [start]
        while todo:
            record = todo.pop()
            record.asked = [number for number in record.asked if number in self._calls]
            for child in self._known(record.asked):
                if child.rank < highest and child.call.id not in found:
                    found[child.call.id] = child
                    todo.append(child)
        return found

    def _deal_anew(self, above: dict[int, CallRecord], below: dict[int, CallRecord]) -> None:
        records = sorted(above.values(), key=_rank) + sorted(below.values(), key=_rank)
        for record, rank in zip(records, sorted(record.rank for record in records), strict=True):
            record.rank = rank

    def _path(
        self, start: CallRecord, end: CallRecord, among: dict[int, CallRecord]
    ) -> list[CallRecord]:
        """A way down from `start` to `end`, found from its end."""
        below = {end.call.id: end}
        todo = [end]
        for record in todo:
            for parent in self._known(record.parents):
                if parent.call.id in among and parent.call.id not in below:
                    below[parent.call.id] = record
                    todo.append(parent)
        path = [start]
        while path[-1] is not end:
            path.append(below[path[-1].call.id])
        return path

    def _known(self, numbers: Iterable[int]) -> list[CallRecord]:
        return [self._calls[number] for number in numbers if number in self._calls]


def _add_asked(parent: CallRecord, child: CallRecord) -> None:
    # Most calls ask for nothing, and a list costs more than the rest of what they are.
    if not isinstance(parent.asked, list):
        parent.asked = []
    parent.asked.append(child.call.id)


def _rank(record: CallRecord) -> int:
    return record.rank
