"""The oracle of worlds with large values: what each value is, where it lies, and who may miss it.

A value is a digest of the number of its call and of the values that this was given; of calls with equal
keys, of the number of the first. So whatever is found where a value should lie is known to be right or
wrong, whatever the gateway believes.
"""

from collections.abc import Callable
from hashlib import blake2b

from elsewhere.calls.messages import Settlement, Verdict
from elsewhere.calls.values import Place
from elsewhere.testing.books import break_promise

SIZE = 2**21
"""bytes that each large value takes"""


def value_of(call: int, given: list[bytes]) -> bytes:
    """What a call comes to that was given these values."""
    digest = blake2b(b"%d" % call, digest_size=8)
    for value in given:
        digest.update(value)
    return digest.digest()


class DataBook:
    """What is known of one call or one value that was put."""

    __slots__ = (
        "cancelled",
        "inputs",
        "is_large",
        "is_put",
        "key",
        "number",
        "origin",
        "raises_again",
        "runs",
        "truth",
    )

    def __init__(
        self, number: int, inputs: "list[DataBook]", *, is_large: bool, origin: int = 0
    ) -> None:
        self.number = number
        self.origin = origin or number
        """the first call with its key"""
        self.key = b""
        self.inputs = inputs
        self.truth: bytes = value_of(self.origin, [one.truth for one in inputs])
        self.is_large = is_large
        self.is_put = False
        self.raises_again = False
        """it raises when it is run a second time"""
        self.cancelled = False
        self.runs = 0

    def twin(self, number: int) -> "DataBook":
        """Another call with the same key, and so with the same value."""
        twin = DataBook(number, self.inputs, is_large=self.is_large, origin=self.origin)
        twin.key, twin.raises_again = self.key, self.raises_again
        return twin

    def any_above(self, holds: "Callable[[DataBook], bool]") -> bool:
        """Whether something holds of it or of anything that it was made from."""
        todo, seen = [self], {self.number}
        while todo:
            book = todo.pop()
            if holds(book):
                return True
            fresh = [one for one in book.inputs if one.number not in seen]
            seen.update(one.number for one in fresh)
            todo += fresh
        return False


class Disk:
    """The segments of all nodes, and what has become of those that are gone."""

    def __init__(self, sometimes: Callable[[str], None]) -> None:
        self.files: dict[str, tuple[int, bytes]] = {}
        """by path: the node, and the value"""
        self.destroyed: set[str] = set()
        self.where: dict[int, str] = {}
        """by call: where its value was kept last"""
        self.puts_lost: set[int] = set()
        self.unwritten: set[bytes] = set()
        """keys of what the store could not keep"""
        self._sometimes = sometimes

    def write(self, path: str, node: int, value: bytes) -> Place:
        self.files[path] = node, value
        self.destroyed.discard(path)
        return Place(path, SIZE)

    def read(self, place: Place, book: DataBook) -> bytes | None:
        """The value of a call, which must lie there unless somebody has destroyed it."""
        found = self.files.get(place.path)
        if found is None:
            if place.path not in self.destroyed:
                break_promise(44, book.number, place)
            return None
        if found[1] != book.truth:
            break_promise(44, book.number, place)
        return found[1]

    def is_gone(self, call: int) -> bool:
        """Whether the value of a call was kept somewhere, and somebody has destroyed it there."""
        return self.where.get(call) in self.destroyed

    def destroy(self, path: str) -> None:
        if self.files.pop(path, None) is not None:
            self.destroyed.add(path)

    def keep(self, call: int, place: Place) -> None:
        """The gateway has taken a value to be that of its call."""
        before = self.where.get(call)
        if before is not None and before in self.files:
            break_promise(45, call, before, place)
        if before is not None:
            self._sometimes("a lost value was made again")
        self.where[call] = place.path

    def let_go(self, place: Place) -> None:
        """The gateway says that nobody needs what lies there."""
        for call, path in list(self.where.items()):
            if path == place.path:
                # It may be made again and lie elsewhere.
                self.where[call] = ""


def judge_settled(book: DataBook, settlement: Settlement, disk: Disk, *, forgets: bool) -> None:
    """Whether a call may be settled so. `forgets`: there is little memory for recipes."""
    match settlement.verdict:
        case Verdict.VALUE:
            _judge_value(book, settlement, disk)
        case Verdict.ERROR:
            if not book.any_above(lambda one: one.raises_again):
                break_promise(5, settlement)
        case Verdict.CANCELLED:
            if not book.any_above(lambda one: one.cancelled):
                break_promise(15, settlement)
        case Verdict.LOST:
            if not forgets and not book.any_above(
                lambda one: one.raises_again or one.number in disk.puts_lost
            ):
                break_promise(46, settlement)
        case Verdict.UNWRITTEN:
            if not book.any_above(lambda one: one.key in disk.unwritten):
                break_promise(32, settlement)
        case _:
            break_promise(1, settlement)


def _judge_value(book: DataBook, settlement: Settlement, disk: Disk) -> None:
    if settlement.place is not None:
        disk.read(settlement.place, book)
    # What is remembered travels to the store alone, if it stays where it was made.
    wanted = book.truth if settlement.place is None else b""
    if settlement.payload != wanted:
        break_promise(38, settlement, wanted)
