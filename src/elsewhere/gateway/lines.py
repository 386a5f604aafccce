"""Calls that wait for what workers keep, by what they need of it: a *line* for each kit."""

from collections import deque
from collections.abc import Iterator

from elsewhere.calls.lifecycle import CallState
from elsewhere.calls.messages import Kind
from elsewhere.gateway.kit import Kit
from elsewhere.gateway.records import CallRecord


class Line:
    """The calls of one kit that wait; one that was settled while it waited is skipped."""

    __slots__ = ("calls", "kit", "more", "since", "stale", "warming")

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.calls: deque[CallRecord] = deque()
        self.stale = 0
        """how many of them were settled while they waited"""
        self.warming: deque[CallRecord] = deque()
        """those that are to make the kit and nothing else"""
        self.since: float | None = None
        """since when there has always been a call that waited, or since more workers were let in for that"""
        self.more = 0
        """how many workers may still be let in for that"""

    def first(self) -> CallRecord | None:
        """The call that is next, if there is one."""
        while self.calls and self.calls[0].state is not CallState.QUEUED:
            self.calls.popleft()
            self.stale -= 1
        return self.calls[0] if self.calls else None

    def first_warming(self) -> CallRecord | None:
        """The next of those that are to make the kit."""
        while self.warming and self.warming[0].state is not CallState.QUEUED:
            self.warming.popleft()
        return self.warming[0] if self.warming else None

    def take(self, *, last: bool) -> CallRecord:
        """Let the next call, or the last one, leave. There must be one."""
        if last:
            while self.calls[-1].state is not CallState.QUEUED:
                self.calls.pop()
                self.stale -= 1
            return self.calls.pop()
        return self.calls.popleft()

    def __len__(self) -> int:
        """How many calls wait."""
        return len(self.calls) - self.stale

    def rest(self, now: float) -> None:
        """It was looked whom to give the calls to."""
        if self.first() is None:
            self.since, self.more = None, 0
        elif self.since is None:
            self.since = now


class Lines:
    """All lines in which calls wait."""

    def __init__(self) -> None:
        self._lines: dict[Kit, Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[CallRecord]:
        """All that waits."""
        for line in self._lines.values():
            yield from line.warming
            yield from line.calls

    def all(self) -> list[Line]:
        """In the order in which they are looked at."""
        return list(self._lines.values())

    def put(self, record: CallRecord, kit: Kit, *, front: bool) -> None:
        """A call waits, behind all others of its kit or before them."""
        line = self._lines.get(kit)
        if line is None:
            line = self._lines[kit] = Line(kit)
        calls = line.warming if record.call.kind is Kind.WARM else line.calls
        (calls.appendleft if front else calls.append)(record)

    def in_turn(self, most: int) -> Iterator[Line]:
        """So many of the lines. What comes first now comes last the next time."""
        for line in self.all()[:most]:
            yield line
            del self._lines[line.kit]
            if line.first() is not None or line.first_warming() is not None:
                self._lines[line.kit] = line

    def settle(self, record: CallRecord) -> None:
        """A call that waits in a line is about to be settled."""
        kit = record.function.kit
        if kit is not None and record.call.kind is not Kind.WARM:
            self._lines[kit].stale += 1

    def clear(self) -> None:
        """Nothing waits any more."""
        self._lines.clear()
