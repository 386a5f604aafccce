"""What calls are given, and what becomes of those that lack it: the oracles that know of inputs."""

from collections.abc import Callable

from elsewhere.calls.messages import CHAIN_MAX, Attempt, Define, Given, Need, Settlement, Verdict
from elsewhere.testing.books import CallBook, break_promise


class Giving:
    """Which calls wait for which, and what their inputs came to. `calls` finds them by number."""

    def __init__(self, calls: dict[int, CallBook], sometimes: Callable[[str], None]) -> None:
        self._calls = calls
        self._sometimes = sometimes
        self._names: dict[int, str] = {}
        """function → its name"""
        self._waiting: dict[int, list[CallBook]] = {}
        """input → calls that wait for it"""
        self._needs: dict[int, tuple[int, list[int]]] = {}
        """call → who must be asked in this step, and for which inputs"""
        self._falling: dict[int, CallBook] = {}
        """calls of which an input has failed, and that are not settled"""

    def define(self, message: Define) -> None:
        self._names.setdefault(message.function, message.name)

    def open(self, sender: int, book: CallBook, is_awaited: Callable[[int], bool]) -> None:
        """A new call. What nobody is about to be told of must be asked for at once."""
        missing = []
        for one in book.call.inputs:
            book.inputs[one.call] = None
            if one.settlement is not None:
                self._take(book, one.call, one.settlement)
            elif is_awaited(one.call):
                self._waiting.setdefault(one.call, []).append(book)
                self._sometimes("a call waited for an input")
            else:
                missing.append(one.call)
        if missing:
            self._needs[book.call.id] = sender, missing
            self._sometimes("an input was settled before its call came")

    def hear(self, message: Given) -> CallBook | None:
        """Somebody says how inputs came out. Returns the call if it may need them."""
        book = self._calls.get(message.call)
        if book is None or book.settled:
            self._sometimes("an input was given to a call that is over")
            return None
        for one in message.inputs:
            if one.settlement is not None and one.call in book.inputs:
                self._take(book, one.call, one.settlement)
        return book

    def learn(self, settlement: Settlement) -> list[CallBook]:
        """A number is told of. Returns the calls that waited for it."""
        books = self._waiting.pop(settlement.call, [])
        for book in books:
            self._take(book, settlement.call, settlement)
        return books

    def _take(self, book: CallBook, number: int, settlement: Settlement) -> None:
        if book.inputs[number] is None:
            book.inputs[number] = settlement
            if settlement.verdict is not Verdict.VALUE:
                self._falling[book.call.id] = book

    def see_need(self, peer: int, message: Need) -> None:
        """Somebody was asked for inputs."""
        if self._needs.pop(message.call, None) != (peer, message.inputs):
            break_promise(37, message)

    def begin(self, book: CallBook, attempt: Attempt) -> None:
        """An attempt is sent. What it is to find in its worker is seen to be right when it counts."""
        kept = [book.inputs[one.call] for one in book.call.inputs]
        values = attempt.inputs
        if len(values) != len(kept):
            break_promise(38, book.call, values, kept)
        book.ahead = {one.call: one.fence for one in values if one.fence}
        if book.ahead:
            self._sometimes("a call was sent behind one that makes its input")
        for number, value, one in zip(book.inputs, values, kept, strict=True):
            if value.fence:
                if value.call != number or one is not None:
                    break_promise(38, book.call, values, kept)
            elif one is None or one.verdict is not Verdict.VALUE or one.payload != value.payload:
                break_promise(38, book.call, values, kept)

    def judge_settled(self, book: CallBook, settlement: Settlement) -> bool:
        """Whether a call is settled for the sake of an input, and then as that one was."""
        if not settlement.chain:
            if settlement.verdict is Verdict.VALUE:
                self._judge_ahead(book)
            # What was sent ahead may have begun and taken its worker down before its input was heard of.
            began = bool(book.ahead) and settlement.verdict is Verdict.QUARANTINED
            if not (book.is_ready or began or settlement.verdict is Verdict.CANCELLED):
                break_promise(39, settlement)
            return False
        name = self._names[book.call.function]
        causes = [kept for kept in book.inputs.values() if kept is not None]
        if not any(
            cause.verdict is settlement.verdict is not Verdict.VALUE
            and cause.payload == settlement.payload
            and (name, *cause.chain)[:CHAIN_MAX] == settlement.chain
            for cause in causes
        ):
            break_promise(39, settlement, causes)
        self._sometimes("a call failed because an input had")
        return True

    def _judge_ahead(self, book: CallBook) -> None:
        """What its last attempt found in its worker must be what its inputs were settled with."""
        for number, fence in book.ahead.items():
            kept = book.inputs[number]
            if kept is None or kept.payload != b"%d.%d" % (number, fence):
                break_promise(38, book.call, kept)

    def judge(self, wake: float | None, now: float) -> None:
        """The step is over."""
        if self._needs:
            break_promise(37, self._needs)
        if self._falling:
            # What was sent ahead and nobody wants ends when its worker says so.
            left = {
                number: book
                for number, book in self._falling.items()
                if not book.settled and (book.askers or not book.open)
            }
            self._falling = left
            if left:
                self._sometimes("calls failed because of an input in several steps")
                if wake != now:
                    break_promise(40, list(left))
