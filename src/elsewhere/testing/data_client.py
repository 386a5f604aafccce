"""A simulated client of a world with large values: puts, submits, looks at values and lets them go.

It asks for calls with equal keys more than once. What one of them has made is then the value of several of
its futures. It is known by the number of the call that ran, and dropped when the last of them is gone.
"""

from elsewhere.calls.messages import (
    Attempt,
    Call,
    Cancel,
    FromGateway,
    Given,
    Input,
    Need,
    Options,
    Settlement,
    Submit,
    ToGateway,
    Verdict,
)
from elsewhere.calls.values import Drop, Free, Missing, Moved, Put, Spill, Waive
from elsewhere.gateway.records import CLIENT
from elsewhere.testing.books import break_promise
from elsewhere.testing.data_books import DataBook, judge_settled
from elsewhere.testing.data_store import DataStore
from elsewhere.testing.data_worker import Surroundings, Writer

FUNCTION = 1
DEATHS_MAX = 1000


class DataClient:
    """Has a future of each call and each value that was put, until it drops that."""

    def __init__(
        self, around: Surroundings, store: DataStore, calls_wanted: int, *, forgets: bool
    ) -> None:
        self.outcomes: dict[int, Settlement | None] = {}
        """by number: how the futures that it has were settled, under the numbers of who made the values"""
        self.leases: dict[int, set[int]] = {}
        """by the number of who made it: the futures of one large value"""
        self.waived: set[int] = set()
        """calls that are not settled, and of which it has no future any more"""
        self.asking: set[int] = set()
        """numbers of values that it has not found, and has not been told of since"""
        self.writer = Writer(CLIENT, around.disk)
        self._around = around
        self._store = store
        self._forgets = forgets
        self._calls_wanted = calls_wanted
        self._numbers = 0
        self._inputs: dict[int, list[int]] = {}
        """by call that is not settled: what it is given, which is kept as long"""
        self._keyed: list[int] = []
        """the first call with each key"""
        self._fallen: set[int] = set()
        """calls that had an input without a value"""
        self._asked: set[int] = set()
        """numbers of values that it has ever not found"""

    @property
    def waits(self) -> bool:
        waits = bool(self.asking or self.waived)
        return waits or any(one is None for one in self.outcomes.values())

    def say(self, message: ToGateway) -> None:
        self._around.hear(CLIENT, message)
        if self._around.strike("duplicate"):
            self._around.hear(CLIENT, message)

    def act(self) -> None:
        """Do one thing after the other, as long as things go wrong."""
        random = self._around.world.random
        if not self._around.strike("act"):
            return
        if self._numbers < self._calls_wanted:
            for _ in range(random.choice((1, 1, 3, 10))):
                self._make()
        for number in random.sample(sorted(self.outcomes), min(len(self.outcomes), 3)):
            if random.random() < 0.5:
                self.look(number)
            elif self._around.strike("cancel") and self.outcomes[number] is None:
                self._around.books[number].cancelled = True
                self.say(Cancel([number]))
            elif random.random() < 0.6:
                self.drop(number)
        self._around.world.after(random.expovariate(200.0), self.act)

    def _make(self) -> None:
        self._numbers += 1
        if self._around.strike("put"):
            self._put(self._numbers)
        else:
            first = self._choose_first()
            new = self._invent(self._numbers) if first is None else first.twin(self._numbers)
            self._submit(new)

    def _put(self, number: int) -> None:
        book = self._around.books[number] = DataBook(number, [], is_large=True)
        book.is_put = True
        place = self.writer.write(0, book.truth)
        self._around.disk.where[number] = place.path
        self.outcomes[number] = Settlement(number, Verdict.VALUE, place=place)
        self.leases[number] = {number}
        self.say(Put(number, place))

    def _choose_first(self) -> DataBook | None:
        """A call to ask for once more, by its key, under way or not."""
        if not (self._keyed and self._around.strike("key")):
            return None
        first = self._around.books[self._around.world.random.choice(self._keyed[-3:])]
        is_had = all(one.number in self.outcomes for one in first.inputs)
        return first if is_had else None

    def _invent(self, number: int) -> DataBook:
        random, books = self._around.world.random, self._around.books
        among = sorted(self.outcomes)[-random.choice((1, 3, 20)) :]
        given = random.sample(among, min(len(among), random.choice((0, 1, 1, 2, 3))))
        book = DataBook(number, [books[n] for n in given], is_large=random.random() < 0.8)
        book.raises_again = self._around.strike("raise_again")
        if self._around.strike("key"):
            book.key = b"%d" % number
            self._keyed.append(number)
        return book

    def _submit(self, book: DataBook) -> None:
        number, given = book.number, [one.number for one in book.inputs]
        self._around.books[number] = book
        self.outcomes[number] = None
        self._inputs[number] = given
        inputs = tuple(self._input(at, n) for at, n in enumerate(given))
        options = Options(deaths_max=DEATHS_MAX)
        label = f"f{book.origin}" if book.key else ""
        call = Call(number, FUNCTION, b"p", options, key=book.key, label=label, inputs=inputs)
        self.say(Submit([call]))

    def _input(self, position: int, number: int) -> Input:
        outcome = self.outcomes[number]
        if outcome is None or self._around.world.random.random() < 0.5:
            return Input(number)
        return Input(-1 - position, outcome)

    def look(self, number: int) -> None:
        """Look at a value; ask for it if it is not there."""
        outcome = self.outcomes[number]
        if outcome is None or outcome.place is None or outcome.call in self.asking:
            return
        if self._around.disk.read(outcome.place, self._around.books[number]) is None:
            self._around.world.sometimes("a client missed a value")
            self.asking.add(outcome.call)
            self._asked.add(outcome.call)
            self.say(Missing(outcome.call, outcome.place))

    def drop(self, number: int) -> None:
        """Let go of a future that no call may need."""
        outcome = self.outcomes[number]
        if outcome is None:
            self._waive(number)
        elif any(number in given for given in self._inputs.values()):
            return
        elif outcome.place is None:
            del self.outcomes[number]
        elif outcome.call not in self.asking:
            del self.outcomes[number]
            self._end_lease(number, outcome.call)

    def _waive(self, number: int) -> None:
        """Let go of the future of a call that has not come out, and say so at once or too late."""
        del self.outcomes[number]
        self.waived.add(number)
        delay = self._around.world.random.choice((0.0, 0.0, 0.01))
        if delay:
            self._around.world.after(delay, self.say, Waive([number]))
        else:
            self.say(Waive([number]))

    def judge_handed_on(self, attempt: Attempt, following: Attempt | None) -> None:
        """Whether the value of an attempt may be given to the one behind it, and to nobody else."""
        books, number = self._around.books, attempt.call
        needing = {books[call].origin for call, given in self._inputs.items() if number in given}
        # Those that have joined it are given nothing themselves.
        right = following is not None and needing == {books[following.call].origin}
        if number not in self.waived or not right:
            break_promise(53, attempt, following, needing)

    def _end_lease(self, number: int, kept: int) -> None:
        """One future of a value is gone. With the last, the value may go."""
        self.leases[kept].remove(number)
        if self.leases[kept]:
            self._around.world.sometimes("one of several futures of a value was dropped")
        else:
            del self.leases[kept]
            self.say(Drop([kept]))

    # ------------------------------------------------------------ what it is told

    def settle(self, settlement: Settlement) -> None:
        number = settlement.call
        if number in self.asking:
            self._tell_again(settlement)
        elif number in self.waived:
            self._tell_nobody(settlement)
        elif self.outcomes.get(number, settlement) is None:
            self._tell(settlement)
        elif number not in self._asked and number not in self._fallen:
            # What was asked twice is told twice; and so is what failed at once.
            break_promise(1, settlement)

    def _tell(self, settlement: Settlement) -> None:
        """A future is settled."""
        number = settlement.call
        book = self._around.books[number]
        del self._inputs[number]
        judge_settled(book, settlement, self._around.disk, forgets=self._forgets)
        self._store.judge(book, settlement)
        if settlement.chain:
            self._fallen.add(number)
        self.outcomes[number] = told = settlement.as_kept()
        if told.place is not None:
            self._share(book, told)

    def _tell_nobody(self, settlement: Settlement) -> None:
        """A call has come out of which there is no future."""
        number, world = settlement.call, self._around.world
        book, place = self._around.books[number], settlement.place
        del self._inputs[number]
        self.waived.remove(number)
        if settlement.chain:
            self._fallen.add(number)
        if place is not None and place.handed_on:
            world.sometimes("a value was handed on")
            if book.key:
                break_promise(53, settlement)
            return
        self._store.judge(book, settlement)
        if place is None:
            judge_settled(book, settlement, self._around.disk, forgets=self._forgets)
            return
        world.sometimes("a large value came out that nobody was to have")
        world.after(0.0, self._drop_unshared, settlement.as_kept().call)

    def _drop_unshared(self, number: int) -> None:
        if not self.leases.get(number):
            self.say(Drop([number]))

    def _share(self, book: DataBook, told: Settlement) -> None:
        """A future has a large value, perhaps one that others have."""
        made = self._around.books[told.call]
        if made is not book and (made.key != book.key or not book.key):
            break_promise(5, told)
        sharers = self.leases.setdefault(told.call, set())
        for other in sorted(sharers):
            outcome = self.outcomes[other]
            if outcome is None or outcome.place != told.place:
                break_promise(26, told, outcome)
        sharers.add(book.number)
        if book.key:
            self._around.world.sometimes("a remembered value stayed where it was made")
        if len(sharers) == 2:
            self._around.world.sometimes("a large value was shared by several who asked")

    def _tell_again(self, settlement: Settlement) -> None:
        """A value that was not found is there again, or never will be."""
        number, world = settlement.call, self._around.world
        book = self._around.books[number]
        self.asking.remove(number)
        world.sometimes("a client was told again")
        judge_settled(book, settlement, self._around.disk, forgets=self._forgets)
        if settlement.verdict is not Verdict.VALUE:
            # Its futures stay with the place where nothing is, and will be dropped.
            world.sometimes("a value was lost for good")
            return
        if book.key:
            world.sometimes("a remembered value was made again for who missed it")
        for sharer in self.leases[number]:
            self.outcomes[sharer] = settlement
        if settlement.place is None:
            del self.leases[number]
            world.after(0.0, self.say, Drop([number]))

    def hear(self, message: FromGateway) -> None:
        world = self._around.world
        match message:
            case Need():
                inputs = tuple(Input(n, self.outcomes[n]) for n in message.inputs)
                world.after(world.random.choice((0.0, 0.01)), self.say, Given(message.call, inputs))
            case Free():
                self.writer.heed(message)
            case Spill():
                world.after(world.random.expovariate(100.0), self._move, message)

    def _move(self, message: Spill) -> None:
        there = message.place.path in self._around.disk.files
        done = there and not self._around.strike("failing_spill")
        self._around.world.sometimes("a value was moved" if done else "a value was not moved")
        self.say(Moved(message.call, message.place, done))
