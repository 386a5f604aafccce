"""Whoever waits for a call."""

from collections import deque
from typing import Protocol, TypeAlias

from elsewhere.calls.messages import Call, Settlement, Submit, ToGateway
from elsewhere.calls.values import Missing


class Pending(Protocol):
    """Whoever waits for a call: a future."""

    def settle(self, settlement: Settlement) -> None:
        """Called once, without the machine's lock."""

    def run_callbacks(self) -> None:
        """Called once after that, when Ctrl-C may interrupt again."""


class Waited(Protocol):
    """Whoever can say whether it is settled."""

    def is_settled(self) -> bool:
        """Whether it is."""


class Again:
    """A value was not found, and who waits until it is there."""

    __slots__ = ("missing", "pending")

    def __init__(self, missing: Missing, pending: Pending) -> None:
        self.missing = missing
        self.pending = pending


Incoming: TypeAlias = tuple[Call, Pending] | Again | ToGateway


def take_in(inbox: deque[Incoming], pending: dict[int, Pending]) -> ToGateway:
    """What came in first, and note by call who waits; calls that stand next to each other are one
    message."""
    first = inbox.popleft()
    if isinstance(first, Again):
        pending[first.missing.call] = first.pending
        return first.missing
    if not isinstance(first, tuple):
        return first
    call, pending[first[0].id] = first
    calls = [call]
    while inbox and isinstance(inbox[0], tuple):
        call, waits = inbox.popleft()  # type: ignore[misc]  # a tuple, as just seen
        pending[call.id] = waits
        calls.append(call)
    return Submit(calls)
