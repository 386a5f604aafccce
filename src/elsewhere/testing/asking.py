"""Who asked for which call, and what each of them is told: the half of the oracles that knows of keys."""

from collections.abc import Callable

from elsewhere.calls.messages import (
    Answer,
    Attempt,
    Call,
    Cancel,
    Given,
    Settlement,
    Submit,
    Verdict,
    Written,
)
from elsewhere.gateway.records import CLIENT, Turn
from elsewhere.store import Remember
from elsewhere.testing.books import Asker, CallBook, WorkerBook, break_promise
from elsewhere.testing.giving import Giving
from elsewhere.testing.remembering import Remembering


class Asking:
    """The books of calls. `queued` are those that are with no worker and not being written."""

    def __init__(
        self,
        workers: dict[int, WorkerBook],
        remembering: Remembering,
        sometimes: Callable[[str], None],
    ) -> None:
        self.calls: dict[int, CallBook] = {}
        self.numbers: dict[int, CallBook] = {}
        """every number under which somebody asked → the call that runs for it"""
        self.live: dict[int, int] = {}
        """function → calls of it that are not settled"""
        self.queued: dict[int, None] = {}
        self.ended: list[int] = []
        """functions of calls that were settled in this step"""
        self.giving = Giving(self.calls, sometimes)
        self._workers = workers
        self._remembering = remembering
        self._sometimes = sometimes
        self._claims: dict[bytes, CallBook] = {}
        self._touched: dict[int, CallBook] = {}
        """calls that this step has changed"""
        self._told: dict[int, Settlement] = {}
        """call → what this step has settled it with"""
        self._circles: dict[int, int] = {}
        """numbers that must be told of a circle in this step, and the peers"""
        self.interrupted: set[int] = set()
        """calls that this step has settled although they run"""
        self._due: set[int] = set()
        """numbers that must be told in this step that they are cancelled"""
        self._fallen_at_once: list[int] = []
        """calls that this step has opened, and settled because of their inputs"""
        self._opened: set[int] = set()
        """calls that this step has opened"""

    # ------------------------------------------------------------ asking

    def submit(self, sender: int, message: Submit) -> None:
        if sender != CLIENT and sender not in self._workers:
            return
        for call in message.calls:
            if call.id not in self.numbers:
                self._open(sender, call)

    def _open(self, sender: int, call: Call) -> None:
        book = self._claims.get(call.key) if call.key else None
        if book is not None:
            self._release_who_took_back(book)
            book.cancelling = False
            parent = self.calls.get(call.parent)
            # A parent that is settled may run on in its worker, but nobody waits for it.
            awaited = parent is not None and not parent.settled
            if awaited and book.call.id in self.find_above(call.parent):
                self._circles[call.id] = sender
                self._sometimes("a call would have waited for itself")
                return
            self._sometimes("a call joined another with the same key")
        else:
            book = self.calls[call.id] = CallBook(call)
            self._opened.add(call.id)
            self.live[call.function] = self.live.get(call.function, 0) + 1
            self.giving.open(sender, book, self._is_awaited)
            if call.key:
                self._claims[call.key] = book
        self._touched[book.call.id] = book
        self.numbers[call.id] = book
        book.askers[call.id] = Asker(sender)
        if sender != CLIENT:
            self._workers[sender].asked.add(call.id)
        parent = self.calls.get(call.parent)
        if parent is not None and not parent.settled:
            book.parents.add(call.parent)

    def _is_awaited(self, number: int) -> bool:
        """Whether who asked under this number is told of it in a later step."""
        book = self.numbers.get(number)
        return book is not None and number in book.askers and number not in self._due

    def give_inputs(self, message: Given) -> None:
        """Somebody says how inputs of a call came out."""
        book = self.giving.hear(message)
        if book is not None:
            self._touched[book.call.id] = book

    def learn_all(self, turn: Turn) -> None:
        """What a step tells it tells the calls that wait for it too, which it may begin before."""
        answers = [told for _, told in turn.sends if isinstance(told, Answer)]
        for settlement in [*turn.settlements, *(s for told in answers for s in told.settlements)]:
            self._learn(settlement)

    def _learn(self, settlement: Settlement) -> None:
        for book in self.giving.learn(settlement):
            self._touched[book.call.id] = book

    def _release_who_took_back(self, book: CallBook) -> None:
        for number, asker in book.askers.items():
            if asker.asked and book.cancelling:
                self._due.add(number)

    def find_above(self, call: int) -> set[int]:
        """A call, and all inside which it was asked for and that are not settled."""
        todo, seen = [call], {call}
        while todo:
            book = self.calls.get(todo.pop())
            parents = book.parents - seen if book is not None else set()
            above = [n for n in parents if not self.calls[n].settled]
            seen.update(above)
            todo += above
        return seen

    # ------------------------------------------------------------ taking back

    def cancel(self, message: Cancel) -> None:
        for number in message.calls:
            book = self.numbers.get(number)
            if book is None or book.settled or book.writing or number not in book.askers:
                continue
            self._touched[book.call.id] = book
            book.askers[number].asked = True
            if len(book.askers) > 1:
                self._due.add(number)
            if all(asker.asked for asker in book.askers.values()):
                self._stop_wanting(book, interrupt=message.interrupt)
                if not book.open or book.settled:
                    self._due.add(number)

    def _stop_wanting(self, book: CallBook, *, interrupt: bool) -> None:
        if book.open and (interrupt or book.call.options.interrupt):
            self.interrupted.add(book.call.id)
            self._settle(book)
        elif book.open:
            book.cancelling = True

    def keep(self, call: int) -> None:
        """The worker has said that it has begun the call."""
        book = self.calls[call]
        book.cancelling = False
        for asker in book.askers.values():
            if asker.peer != CLIENT:
                asker.asked = False

    def is_kept(self, number: int) -> None:
        """The client was told so."""
        book = self.numbers[number]
        if book.settled:
            break_promise(2, number)
        asker = book.askers.get(number)
        if asker is None or asker.peer != CLIENT or not asker.asked:
            break_promise(15, number)
        asker.asked = False

    def forget(self, worker: WorkerBook) -> None:
        """A worker is gone, and with it all that it had asked for."""
        for number in worker.asked:
            book = self.numbers.get(number)
            if book is None or book.askers.pop(number, None) is None or book.settled:
                continue
            self._learn(Settlement(number, Verdict.CANCELLED))
            self._touched[book.call.id] = book
            if not book.askers and not book.writing:
                self._stop_wanting(book, interrupt=False)

    # ------------------------------------------------------------ attempts

    def begin(self, book: CallBook, attempt: Attempt) -> None:
        """An attempt is sent."""
        self.giving.begin(book, attempt)
        if book.call.key:
            self._remembering.begin(book.call.key)
        if not book.askers:
            break_promise(35, book.call)
        if all(asker.asked for asker in book.askers.values()):
            break_promise(15, book.call, "taken back, and neither cancelled nor kept")
        self._touched[book.call.id] = book

    def end(self, book: CallBook) -> None:
        """An attempt is over."""
        book.open = False
        book.outcome = None
        self._touched[book.call.id] = book

    # ------------------------------------------------------------ the store

    def give(self, row: Remember) -> None:
        """A row was given to the store."""
        book = self._claims.get(row.key)
        outcome = book.outcome if book is not None else None
        if book is None or outcome is None or book.open or book.writing:
            break_promise(33, row)
        wanted = outcome.verdict is Verdict.VALUE or (
            book.call.options.remember_errors and book.failures > book.call.options.retries
        )
        if not wanted or row.verdict is not outcome.verdict or row.payload != outcome.payload:
            break_promise(33, row)
        self._remembering.give(row)
        book.writing = True

    # ------------------------------------------------------------ telling

    def tell(self, peer: int, settlement: Settlement, message: object) -> CallBook | None:
        """Somebody is told. Returns the call if that is news of it, and not of this asker alone."""
        number = settlement.call
        # With a chain it is of a call that needs what would have waited for itself, and fell with it.
        if settlement.verdict is Verdict.CIRCULAR and not settlement.chain:
            if self._circles.pop(number, None) != peer:
                break_promise(34, settlement)
            return None
        book = self.numbers.get(number)
        asker = book.askers.pop(number, None) if book is not None else None
        if book is None or asker is None or asker.peer != peer:
            break_promise(1, settlement)
        self._due.discard(number)
        self._touched[book.call.id] = book
        fell = self.giving.judge_settled(book, settlement)
        at_once = fell or settlement.verdict is Verdict.MISPLACED
        if at_once and book.call.id in self._opened:
            self._fallen_at_once.append(number)
        if settlement.verdict is Verdict.CANCELLED:
            if not asker.asked and not fell:
                break_promise(15, settlement)
            return None
        first = self._told.setdefault(book.call.id, settlement)
        if (first.verdict, first.payload, first.attempt) != (
            settlement.verdict,
            settlement.payload,
            settlement.attempt,
        ):
            break_promise(26, first, settlement)
        if first is not settlement:
            return None
        if book.settled:
            break_promise(1, settlement)
        if fell:
            return None
        self._judge_writing(book, settlement, message)
        return book

    def _judge_writing(self, book: CallBook, settlement: Settlement, message: object) -> None:
        written = isinstance(message, Written) and book.call.key in message.keys
        failure = message.failure if isinstance(message, Written) else ""
        if settlement.verdict is Verdict.UNWRITTEN:
            if not (book.writing and written and failure):
                break_promise(32, settlement)
        elif book.writing:
            if self._remembering.waits and (not written or failure):
                break_promise(31, settlement)
            self._remembering.tell(book.call.key, settlement.payload)
        elif settlement.verdict is Verdict.VALUE and book.call.key:
            break_promise(33, "no row", settlement)

    def _settle(self, book: CallBook) -> None:
        book.settled = True
        function = book.call.function
        self.live[function] -= 1
        self.ended.append(function)
        if book.call.key:
            del self._claims[book.call.key]

    def close(self, message: object) -> None:
        """The step is over."""
        if self._circles:
            break_promise(34, self._circles)
        if self._due:
            break_promise(15, sorted(self._due), "must be told at once")
        for book in self._touched.values():
            self._place(book, message)
        for number in self._fallen_at_once:
            del self.numbers[number]  # if it is submitted twice, it is told of twice
        self._fallen_at_once.clear()
        self._opened.clear()
        self._touched.clear()
        self.interrupted.clear()
        self._told.clear()

    def _place(self, book: CallBook, message: object) -> None:
        told = book.call.id in self._told
        if told and book.askers:
            break_promise(26, book.call, sorted(book.askers))
        written = isinstance(message, Written) and book.call.key in message.keys
        if book.writing and (told or written or not self._remembering.waits):
            if book.askers:
                break_promise(31, book.call, "written, and nobody was told")
            book.writing = False
            book.outcome = None
        gone = not (book.askers or book.open or book.writing)
        if not book.settled and (told or gone):
            self._settle(book)
        if book.settled or book.open or book.writing or not book.is_ready:
            self.queued.pop(book.call.id, None)
        else:
            self.queued[book.call.id] = None

    def write(self, message: Written) -> None:
        """The store has said something of its rows."""
        for key in message.keys:
            book = self._claims.get(key)
            if book is not None:
                self._touched[book.call.id] = book
