"""What a pool has of a future whose call is under way, if it does not hold the future itself.

So the future goes when its last user lets go of it, and the pool learns that nobody will ask for the
value: the worker that makes it need not put it where others could find it.
"""

from collections.abc import Callable
from typing import Protocol
from weakref import ref

from elsewhere.calls.messages import Settlement


class Releasable(Protocol):
    """A future, as it is met here."""

    unheld: "Unheld | None"

    def has_callbacks(self) -> bool:
        """Whether anybody is to be called back, or was."""

    def settle(self, settlement: Settlement) -> None:
        """As `Pending.settle`."""

    def run_callbacks(self) -> None:
        """As `Pending.run_callbacks`."""


class Unheld(ref[Releasable]):
    """Stands for the future of a call with whoever settles it.

    As in `Leases`, what tells that the future is gone is a method of C, so that no Ctrl-C is swallowed.
    """

    __slots__ = ("call", "kept")
    call: int
    """whose future it is"""
    kept: Releasable | None
    """itself, if somebody waits or is to be called back, who must not wait in vain"""

    def settle(self, settlement: Settlement) -> None:
        """As `Pending.settle`."""
        future = self() or self.kept
        if future is not None:
            future.settle(settlement)

    def run_callbacks(self) -> None:
        """As `Pending.run_callbacks`."""
        future = self() or self.kept
        if future is not None:
            future.run_callbacks()
            self.kept = future.unheld = None  # they would keep each other


def release(future: Releasable, call: int, gone: Callable[[ref[Releasable]], None]) -> Unheld:
    """What stands for the future of a call from now on; `gone` is given it when the future is gone."""
    unheld = Unheld(future, gone)
    unheld.call = call
    unheld.kept = None
    # Whoever adds a callback does so first, and then looks for this: one of the two sees the other.
    future.unheld = unheld
    if future.has_callbacks():
        unheld.kept = future
    return unheld
