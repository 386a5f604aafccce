"""What a worker has mapped: for as long as it is needed, and no longer."""

from collections.abc import Callable
from pathlib import Path

import pytest

from elsewhere.calls.messages import Attempt, Kind
from elsewhere.calls.values import Place, Value
from elsewhere.calls.workers import Setup
from elsewhere.codec.values import dumps, dumps_parts
from elsewhere.errors import DataLost
from elsewhere.links.memory import MemoryLink
from elsewhere.segments.writing import Segments
from elsewhere.worker.post import Post
from elsewhere.worker.values import Mapped, Values


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
    told = values.as_told(Attempt(4, 1, 1, b"", Kind.CALL, given))
    assert told == (Value(1, b"small"), Value(2, b"", places[0]), Value(3, b"", places[1]))
    with pytest.raises(DataLost):
        values.as_told(Attempt(5, 1, 1, b"", Kind.CALL, (Value(9, b"", fence=1),)))


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
