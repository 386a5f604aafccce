"""What a worker has mapped: for as long as it is needed, and no longer."""

from collections.abc import Callable
from pathlib import Path
from pickle import PickleBuffer
from typing import Any

import pytest

from elsewhere.calls.messages import Attempt, Kind, Recall
from elsewhere.calls.values import Place, Value
from elsewhere.calls.workers import Setup
from elsewhere.codec.values import dumps, dumps_parts
from elsewhere.errors import DataLost
from elsewhere.links.memory import MemoryLink
from elsewhere.segments.reading import load_value, map_segment
from elsewhere.segments.writing import Segments
from elsewhere.worker.handing import Handed
from elsewhere.worker.post import Post
from elsewhere.worker.values import Encoded, Mapped, Values


def attempt(number: int, *places: Place) -> Attempt:
    given = tuple(Value(n, b"", place) for n, place in enumerate(places))
    return Attempt(number, 1, 1, dumps(((), {}), "call"), Kind.CALL, given)


@pytest.fixture
def post() -> Post:
    return Post(MemoryLink().worker)


@pytest.fixture
def places(tmp_path: Path) -> list[Place]:
    segments = Segments(str(tmp_path), 1, 0)
    return [segments.write(dumps_parts(text, "value"), "value") for text in ("one", "two")]


WAYS: dict[str, Callable[[Values, list[Place]], object]] = {
    "one without inputs is next": lambda values, _: values.load_arguments(attempt(3), []),
    "one with another input is": lambda values, places: values.sources(attempt(3, places[1]), []),
    "none is": lambda values, _: values.rest(),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_is_mapped_for_the_next_attempt_goes_if_that_does_not_come(
    way: Callable[[Values, list[Place]], object], post: Post, places: list[Place]
) -> None:
    values = Values(post)
    mapped: list[Mapped] = []
    post.attempts.append(attempt(2, places[0]))
    (source,) = values.sources(attempt(1, places[0]), mapped)
    assert callable(source)
    assert source() == "one"
    (where,) = [where for _, where in mapped]
    assert where() is not None

    way(values, places)

    assert where() is None


def test_what_is_mapped_for_the_next_attempt_is_not_mapped_again(
    post: Post, places: list[Place]
) -> None:
    values = Values(post)
    mapped: list[Mapped] = []
    post.attempts.append(attempt(2, places[0]))
    for number in (1, 2):
        (source,) = values.sources(attempt(number, places[0]), mapped)
        assert callable(source)
        assert source() == "one"

    assert mapped[0][1]() is mapped[1][1]() is not None


def test_another_process_is_told_what_came_out_here(post: Post, places: list[Place]) -> None:
    values = Values(post)
    values.keep(attempt(1), b"small")
    values.keep(attempt(2), places[0])
    given = (Value(1, b"", fence=1), Value(2, b"", fence=1), Value(3, b"", places[1]))
    with values.as_told(Attempt(4, 1, 1, b"", Kind.CALL, given)) as told:
        assert told == (Value(1, b"small"), Value(2, b"", places[0]), Value(3, b"", places[1]))
    lost = Attempt(5, 1, 1, b"", Kind.CALL, (Value(9, b"", fence=1),))
    with pytest.raises(DataLost), values.as_told(lost):
        pass


def test_a_fork_writes_under_a_name_of_its_own(tmp_path: Path, post: Post) -> None:
    values = Values(post)
    values.open(Setup(3, b"", directory=str(tmp_path), inline_bytes=0))
    mine = values.encode("mine")
    writer = values.next_writer()
    forked = Values(post)
    forked.open(Setup(3, b"", directory=str(tmp_path), inline_bytes=0))
    forked.write_as(writer)
    theirs = forked.encode("theirs")
    assert isinstance(mine, Place)
    assert isinstance(theirs, Place)
    assert {Path(place.path).name for place in (mine, theirs)} == {"3-1", "3-f1-1"}
    values.remove_written(writer)
    assert Path(mine.path).exists()
    assert not Path(theirs.path).exists()


LARGE = b"x" * 2**20
FOLLOWING = Attempt(2, 1, 1, dumps(((), {}), "call"), Kind.CALL, (Value(1, b"", fence=1),))
"""the attempt that needs the value of call 1"""


def writing(tmp_path: Path, post: Post) -> Values:
    values = Values(post)
    values.open(Setup(1, b"", directory=str(tmp_path)))
    return values


MADE = Attempt(1, 1, 1, b"", Kind.CALL, needed=True, hands_on=True)


def settle(values: Values, result: Any, *attempts: Attempt) -> Encoded:
    """What becomes of a result if these attempts are next."""
    values._post.attempts.extend(attempts)
    return values.settle_handed(MADE, values.encode(result, hands_on=True))


def hand_on(values: Values, post: Post) -> Attempt:
    """Make a value, which is handed on to the next attempt; that one."""
    values.keep(MADE, settle(values, PickleBuffer(LARGE), FOLLOWING))
    following = post.attempts.popleft()
    values.handed.begin(following)
    return following


def test_what_is_handed_on_is_given_to_the_next_attempt_and_lies_nowhere(
    tmp_path: Path, post: Post
) -> None:
    values = writing(tmp_path, post)
    following = hand_on(values, post)

    assert not values.lacks(following)
    (source,) = values.sources(following, [])
    assert callable(source)
    assert bytes(source()) == bytes(source()) == LARGE
    assert list(tmp_path.iterdir()) == []


def test_what_others_may_change_is_put_somewhere(tmp_path: Path, post: Post) -> None:
    kept = bytearray(LARGE)

    result = settle(writing(tmp_path, post), PickleBuffer(kept), FOLLOWING)

    assert isinstance(result, Place)
    assert Path(result.path).exists()


def test_what_is_small_is_told_although_it_might_be_handed_on(tmp_path: Path, post: Post) -> None:
    assert settle(writing(tmp_path, post), 1, FOLLOWING) == dumps(1, "result")


@pytest.mark.parametrize(
    "attempts",
    [
        (),
        (attempt(3),),
        (attempt(3), FOLLOWING),
        (Attempt(2, 1, 1, b"", Kind.CALL, (Value(1, b"", fence=2),)),),
    ],
)
def test_nothing_is_handed_on_if_the_next_attempt_does_not_need_it(
    attempts: tuple[Attempt, ...], tmp_path: Path, post: Post
) -> None:
    result = settle(writing(tmp_path, post), PickleBuffer(LARGE), *attempts)

    assert isinstance(result, Place)
    assert not result.handed_on


def test_the_attempt_that_a_value_is_handed_on_to_is_not_given_back(
    tmp_path: Path, post: Post
) -> None:
    values = writing(tmp_path, post)
    assert isinstance(settle(values, PickleBuffer(LARGE), FOLLOWING, attempt(3)), Handed)

    post.take([Recall([(2, 1), (3, 1)])])

    assert list(post.attempts) == [FOLLOWING]


def test_what_is_handed_on_goes_when_its_attempt_has_come_out(tmp_path: Path, post: Post) -> None:
    values = writing(tmp_path, post)
    following = hand_on(values, post)

    values.handed.end(following)

    assert values.lacks(following)


def test_what_is_handed_on_goes_when_another_attempt_begins(tmp_path: Path, post: Post) -> None:
    values = writing(tmp_path, post)
    following = hand_on(values, post)

    values.handed.begin(attempt(3))

    assert values.lacks(following)


def test_what_is_handed_on_goes_if_no_attempt_is_next(tmp_path: Path, post: Post) -> None:
    values = writing(tmp_path, post)
    following = hand_on(values, post)

    values.rest()

    assert values.lacks(following)


def test_what_is_handed_on_lies_somewhere_while_another_process_needs_it(
    tmp_path: Path, post: Post
) -> None:
    values = writing(tmp_path, post)
    following = hand_on(values, post)

    (source,) = values.sources(following, [])
    assert callable(source)
    assert bytes(source()) == LARGE  # whoever is given it may turn out to run elsewhere
    with values.as_told(following) as told:
        (place,) = [one.place for one in told]
        assert place is not None
        assert bytes(load_value(map_segment(place))) == LARGE

    assert list(tmp_path.iterdir()) == []
