"""A simulated store of a world with large values, and the oracle of what it is given and when.

It keeps nothing: what was remembered is computed anew once nothing with its key is under way. That what
was remembered is found is checked in the other world of each seed.
"""

from collections.abc import Iterable

from elsewhere.calls.messages import Done, Settlement, ToGateway, Verdict, Written
from elsewhere.gateway.records import STORE
from elsewhere.store import Remember
from elsewhere.testing.books import break_promise
from elsewhere.testing.data_books import DataBook
from elsewhere.testing.data_worker import Surroundings


class DataStore:
    """Says when rows are written, if the gateway waits for that."""

    def __init__(self, around: Surroundings, *, waits: bool) -> None:
        self.writing: set[bytes] = set()
        """keys of rows that are not written yet"""
        self._around = around
        self._waits = waits
        self._given: set[int] = set()
        """calls of which it has a row"""

    def take(self, message: ToGateway | None, rows: Iterable[Remember]) -> None:
        """The rows of a step that took in this message."""
        for row in rows:
            book = self._find_made(message, row)
            if book is None:
                break_promise(33, row)
            self._given.add(book.number)
            if row.verdict is not Verdict.VALUE or row.payload != book.truth:
                break_promise(33, row, book.truth)
            if self._waits:
                self.writing.add(row.key)
                seconds = self._around.world.random.choice((0.0, 1e-3, 0.05))
                self._around.world.after(seconds, self._write, book)

    def judge(self, book: DataBook, settlement: Settlement) -> None:
        """Whether a call with a key may be settled so by now."""
        if settlement.verdict is Verdict.VALUE and book.key in self.writing:
            break_promise(31, settlement)

    def _find_made(self, message: ToGateway | None, row: Remember) -> DataBook | None:
        """The call that has just come out, for the first time, with what is in this row."""
        for outcome in message.outcomes if isinstance(message, Done) else ():
            book = self._around.books[outcome.call]
            if book.key == row.key and book.number not in self._given:
                return book
        return None

    def _write(self, book: DataBook) -> None:
        world, disk = self._around.world, self._around.disk
        if disk.is_gone(book.number):
            world.sometimes("a value was lost while it was being written")
        failure = ""
        if self._around.strike("failing_store"):
            world.sometimes("a value could not be written")
            disk.unwritten.add(book.key)
            failure = "no space"
        self.writing.discard(book.key)
        self._say(Written([book.key], failure))

    def _say(self, message: Written) -> None:
        self._around.hear(STORE, message)
        if self._around.strike("duplicate"):
            self._around.hear(STORE, message)
