"""What a worker has mapped: for as long as it is needed, and no longer."""

from collections.abc import Callable
from pathlib import Path

import pytest

from elsewhere.calls.messages import Attempt, Kind
from elsewhere.calls.values import Place, Value
from elsewhere.codec.values import dumps, dumps_parts
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
