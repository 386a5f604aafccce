"""What must be true of results that were remembered, over all lives of one client."""

from elsewhere.calls.messages import Settlement
from elsewhere.store import Acknowledge, Remember
from elsewhere.testing.books import break_promise
from elsewhere.testing.shelf import Shelf


class Remembering:
    """The results that somebody was told of, and those that a store was given."""

    def __init__(self, shelf: Shelf | None) -> None:
        self.shelf = shelf
        self._told: dict[bytes, bytes] = {}
        """key → the payload that was told, as long as the store must have it"""
        self._rows: dict[bytes, set[bytes]] = {}
        """key → every payload that the store was given"""

    @property
    def waits(self) -> bool:
        """Whether a result is told only when the store has it."""
        return self.shelf is not None and self.shelf.acknowledge is not Acknowledge.MEMORY

    def give(self, row: Remember) -> None:
        self._rows.setdefault(row.key, set()).add(row.payload)

    def tell(self, key: bytes, payload: bytes) -> None:
        """A result that is remembered was told."""
        if self.shelf is not None and self._told.setdefault(key, payload) != payload:
            break_promise(28, key, payload)

    def begin(self, key: bytes) -> None:
        """A call with this key is about to run."""
        if key in self._told:
            break_promise(27, key)

    def hit(self, call: int, found: Remember) -> Settlement:
        """A result was found in the store: what is told of it."""
        told = self._told.get(found.key)
        if found.payload not in self._rows.get(found.key, ()) or told not in {None, found.payload}:
            break_promise(28, found)
        return Settlement(call, found.verdict, found.payload)

    def crash(self, *, power: bool) -> None:
        """The process ended. What the store's level covers is there, and nothing else is promised."""
        if self.shelf is None:
            return
        level = self.shelf.acknowledge
        if level is Acknowledge.MEMORY or (power and level is Acknowledge.CRASH):
            self._told.clear()
        for key in self.shelf.damaged:
            self._told.pop(key, None)
            if self.shelf.get(key) is not None:
                break_promise(30, key)
        for key, payload in self._told.items():
            row = self.shelf.get(key)
            if row is None or row.payload != payload:
                break_promise(29, key, payload)
