"""Whoever waits for a call."""

from typing import Protocol

from elsewhere.calls.messages import Settlement
from elsewhere.calls.values import Missing


class Pending(Protocol):
    """Whoever waits for a call: a future."""

    def settle(self, settlement: Settlement) -> None:
        """Called once, without the machine's lock."""

    def run_callbacks(self) -> None:
        """Called once after that, when Ctrl-C may interrupt again."""


class Relay:
    """Whoever passes on what it is told, once it has taken note of it."""

    __slots__ = ("pending",)

    def __init__(self, pending: Pending) -> None:
        self.pending = pending

    def settle(self, settlement: Settlement) -> None:
        """As `Pending.settle`."""
        self.pending.settle(settlement)

    def run_callbacks(self) -> None:
        """As `Pending.run_callbacks`."""
        self.pending.run_callbacks()


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
