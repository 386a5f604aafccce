"""Whether a call would wait for itself: the incremental answer against a plain search of the graph."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from elsewhere.calls.messages import Call, Options
from elsewhere.gateway.asks import Asks
from elsewhere.gateway.records import CLIENT, CallRecord, FunctionRecord

FUNCTION = FunctionRecord(8, b"", "f")

# One event: a new call inside another one or inside none, a call that joins, or a call that ends.
Event = tuple[str, int, int]
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(("new", "new", "join", "join", "join", "end")),
        st.integers(0, 30),
        st.integers(0, 30),
    ),
    max_size=60,
)


class Naive:
    """Edges from each call to those inside which it was asked for; a search answers every question."""

    def __init__(self) -> None:
        self.parents: dict[int, set[int]] = {}

    def is_inside(self, call: int, other: int) -> bool:
        """Whether `call` is `other`, or was asked for inside it or inside what it asked for."""
        todo, seen = [call], set[int]()
        while todo:
            number = todo.pop()
            if number == other:
                return True
            if number not in seen and number in self.parents:
                seen.add(number)
                todo += self.parents[number]
        return False


def pick(asks: Asks, choice: int) -> CallRecord | None:
    live = list(asks.calls.values())
    return live[choice % len(live)] if live else None


def check_circle(circle: list[CallRecord], naive: Naive, record: CallRecord, asker: int) -> None:
    """Its calls are those between the two, each asked for inside the one before."""
    assert circle[0] is record
    assert circle[-1].call.id == asker
    for above, below in pairwise(circle):
        assert above.call.id in naive.parents[below.call.id]


def play(events: list[Event]) -> tuple[int, int]:
    """How many joins were allowed, and how many would have closed a circle."""
    asks, naive = Asks(), Naive()
    joined = circles = 0
    for number, (kind, one, other) in enumerate(events, 1):
        record, parent = pick(asks, one), pick(asks, other)
        if kind == "new":
            above = parent.call.id if parent is not None and one % 4 else 0
            call = Call(number, 1, b"", Options(), key=b"%d" % number, parent=above)
            asks.add(call, FUNCTION, CLIENT)
            naive.parents[number] = {above} if above else set()
        elif record is None or parent is None:
            continue
        elif kind == "end":
            asks.remove(record)
            del naive.parents[record.call.id]
        else:
            asker = parent.call.id
            call = Call(number, 1, b"", Options(), key=record.call.key, parent=asker)
            circle = asks.join(record, call, CLIENT)
            assert bool(circle) == naive.is_inside(asker, record.call.id)
            if circle:
                circles += 1
                check_circle(circle, naive, record, asker)
            else:
                joined += 1
                naive.parents[record.call.id].add(asker)
        check_ranks(asks, naive)
    return joined, circles


def check_ranks(asks: Asks, naive: Naive) -> None:
    for number, parents in naive.parents.items():
        for parent in parents & asks.calls.keys():
            assert asks.calls[parent].rank < asks.calls[number].rank
    assert len({record.rank for record in asks.calls.values()}) == len(asks.calls)


@given(EVENTS)
@settings(max_examples=300, deadline=None)
def test_a_circle_is_found_when_a_search_finds_one_and_only_then(events: list[Event]) -> None:
    joined, circles = play(events)

    assert joined + circles <= len(events)


def test_the_property_meets_joins_and_circles() -> None:
    events = [("new", 1, 0), ("new", 1, 0), ("new", 1, 1), ("join", 0, 2), ("join", 2, 0)]

    assert play(events) == (1, 1)


def test_ranks_are_dealt_anew_among_those_between_and_nobody_else() -> None:
    asks = Asks()
    for number in range(1, 7):
        parent = {3: 2, 5: 4, 6: 5}.get(number, 0)
        asks.add(Call(number, 1, b"", Options(), parent=parent), FUNCTION, CLIENT)

    assert asks.join(asks.calls[2], Call(9, 1, b"", Options(), parent=5), CLIENT) == []

    ranks = {number: record.rank for number, record in asks.calls.items()}
    assert ranks == {1: 1, 4: 2, 5: 3, 2: 4, 3: 5, 6: 6}


def test_what_lies_beyond_the_asker_keeps_its_rank() -> None:
    asks = Asks()
    joined = asks.add(Call(1, 8, b"", Options(), key=b"k"), FUNCTION, CLIENT)
    asker = asks.add(Call(2, 8, b"", Options()), FUNCTION, CLIENT)
    beyond = asks.add(Call(3, 8, b"", Options(), parent=1), FUNCTION, CLIENT)

    assert asks.join(joined, Call(4, 8, b"", Options(), key=b"k", parent=2), CLIENT) == []

    assert asker.rank < joined.rank < beyond.rank
    assert beyond.rank == 3
