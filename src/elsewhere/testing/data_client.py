"""A simulated client of a world with large values: puts, submits, looks at values and lets them go."""

from elsewhere.calls.messages import (
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
from elsewhere.calls.values import Drop, Free, Missing, Moved, Put, Spill
from elsewhere.gateway.records import CLIENT
from elsewhere.testing.books import break_promise
from elsewhere.testing.data_books import DataBook, judge_settled
from elsewhere.testing.data_worker import Surroundings, Writer

FUNCTION = 1
DEATHS_MAX = 1000


class DataClient:
    """Has a future of each call and each value that was put, until it drops that."""

    def __init__(self, around: Surroundings, calls_wanted: int, *, forgets: bool) -> None:
        self.outcomes: dict[int, Settlement | None] = {}
        """by number: how the futures that it has were settled"""
        self.asking: set[int] = set()
        """numbers of values that it has not found, and has not been told of since"""
        self.writer = Writer(CLIENT, around.disk)
        self._around = around
        self._forgets = forgets
        self._calls_wanted = calls_wanted
        self._numbers = 0
        self._inputs: dict[int, list[int]] = {}
        """by call that is not settled: what it is given, which is kept as long"""

    @property
    def waits(self) -> bool:
        return bool(self.asking) or any(one is None for one in self.outcomes.values())

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
        random, books = self._around.world.random, self._around.books
        self._numbers += 1
        number = self._numbers
        if self._around.strike("put"):
            book = books[number] = DataBook(number, [], is_large=True)
            book.is_put = True
            place = self.writer.write(0, book.truth)
            self._around.disk.where[number] = place.path
            self.outcomes[number] = Settlement(number, Verdict.VALUE, place=place)
            self.say(Put(number, place))
            return
        among = sorted(self.outcomes)[-random.choice((1, 3, 20)) :]
        given = random.sample(among, min(len(among), random.choice((0, 1, 1, 2, 3))))
        book = DataBook(number, [books[n] for n in given], is_large=random.random() < 0.8)
        book.raises_again = self._around.strike("raise_again")
        books[number] = book
        self.outcomes[number] = None
        self._inputs[number] = given
        inputs = tuple(self._input(at, n) for at, n in enumerate(given))
        options = Options(deaths_max=DEATHS_MAX)
        self.say(Submit([Call(number, FUNCTION, b"p", options, inputs=inputs)]))

    def _input(self, position: int, number: int) -> Input:
        outcome = self.outcomes[number]
        if outcome is None or self._around.world.random.random() < 0.5:
            return Input(number)
        return Input(-1 - position, outcome)

    def look(self, number: int) -> None:
        """Look at a value; ask for it if it is not there."""
        outcome = self.outcomes[number]
        if outcome is None or outcome.place is None or number in self.asking:
            return
        if self._around.disk.read(outcome.place, self._around.books[number]) is None:
            self._around.world.sometimes("a client missed a value")
            self.asking.add(number)
            self.say(Missing(number, outcome.place))

    def drop(self, number: int) -> None:
        """Let go of a future that no call may need."""
        needed = {n for given in self._inputs.values() for n in given}
        outcome = self.outcomes[number]
        if outcome is not None and number not in self.asking and number not in needed:
            del self.outcomes[number]
            if outcome.place is not None:
                self.say(Drop([number]))

    # ------------------------------------------------------------ what it is told

    def settle(self, settlement: Settlement) -> None:
        number = settlement.call
        if number in self.asking:
            self.asking.discard(number)
            self._around.world.sometimes("a client was told again")
        elif self.outcomes.get(number, settlement) is not None:
            told = self.outcomes.get(number)
            # What was asked twice is told twice; and so is what failed at once.
            if told is not None and (told.verdict is Verdict.VALUE or told.chain):
                return
            break_promise(1, settlement)
        self._inputs.pop(number, None)
        disk, book = self._around.disk, self._around.books[number]
        judge_settled(book, settlement, disk, forgets=self._forgets)
        before = self.outcomes[number]
        if before is not None and settlement.verdict is not Verdict.VALUE:
            # It stays with the place where nothing is, and will be dropped.
            self._around.world.sometimes("a value was lost for good")
            self.outcomes[number] = before
            return
        if before is not None and settlement.place is None:
            self._around.world.after(0.0, self.say, Drop([number]))
        self.outcomes[number] = settlement

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
