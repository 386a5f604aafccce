"""What came in for the machine of one client, until somebody steps it, and who waits for the calls."""

from collections import deque
from typing import TypeAlias

from elsewhere.calls.messages import Call, Submit, ToGateway
from elsewhere.pending import Again, Pending

Item: TypeAlias = tuple[Call, Pending] | Again | ToGateway


class Inbox(deque[Item]):
    """Whoever comes appends to it, in one step that no interrupt splits; whoever has the machine to
    itself takes from it."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: dict[int, Pending] = {}
        """by call: who waits for those that were taken from here and are not settled"""

    def take(self) -> ToGateway:
        """What came in first; the calls that stand next to each other, as one batch."""
        first = self.popleft()
        if isinstance(first, Again):
            self.pending[first.missing.call] = first.pending
            return first.missing
        if not isinstance(first, tuple):
            return first
        pending = self.pending
        call, pending[first[0].id] = first
        calls = [call]
        while self and isinstance(self[0], tuple):
            call, pending[call.id] = self.popleft()  # type: ignore[misc]  # a tuple, as just seen
            calls.append(call)
        return Submit(calls)
