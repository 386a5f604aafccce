"""A Chunked without a pool: everything runs inline, and wrong use is named."""

from collections.abc import Callable
from typing import Any

import pytest

import elsewhere
from elsewhere import Chunked
from elsewhere.chunked import FAN_IN, send

WRONG: list[tuple[Callable[[Chunked], object], type[Exception], str]] = [
    (lambda xs: Chunked.of([1]), TypeError, "number 0 is 1"),  # type: ignore[list-item]  # that is the point
    (lambda xs: Chunked.read("one.csv", open), TypeError, "several paths, not the one 'one.csv'"),
    (lambda xs: Chunked.split([1], 0), ValueError, "parts must be at least 1"),
    (lambda xs: Chunked.split(5, 2), TypeError, "not iterable"),
    (lambda xs: xs.shuffle(parts=0), ValueError, "parts must be at least 1"),
    (lambda xs: xs.shuffle(Chunked.split([1], 2)), ValueError, "3 chunks have 2 chunks of keys"),
    (lambda xs: xs.head(-1), ValueError, "elements must be at least 0"),
    (lambda xs: xs + Chunked.split([1], 2), ValueError, "2 chunks cannot be aligned with 3"),
    (lambda xs: xs.map(max, Chunked.of([])), ValueError, "0 chunks cannot be aligned with 3"),
    (lambda xs: xs.align(Chunked.split([1], 2)), ValueError, "6 elements cannot be aligned with 1"),
    (lambda xs: xs.zip(Chunked.split([1], 3)), ValueError, "1 elements cannot be aligned with 6"),
    (lambda xs: Chunked.of([]).reduce(max), TypeError, "without chunks"),
    (lambda xs: xs["a"], TypeError, "cannot be interpreted as an integer"),  # type: ignore[call-overload]  # that is the point
    (lambda xs: xs[6], IndexError, "out of range"),
    (bool, ValueError, "neither true nor false"),
    (hash, TypeError, "unhashable"),
    (lambda xs: xs.checkpoint("a"), RuntimeError, "in the store of a pool"),
    (lambda xs: Chunked.restore("a"), RuntimeError, "in the store of a pool"),
    (lambda xs: (xs + Chunked.split([1, 2], 3)).gather(), ExceptionGroup, "3 of 3 calls failed"),
    (lambda xs: xs.map(len, 5).gather(), ExceptionGroup, "3 of 3 calls failed"),
]


@pytest.mark.parametrize(
    ("wrong", "kind", "said"), WRONG, ids=[str(number) for number in range(len(WRONG))]
)
def test_a_wrong_use_is_named(
    wrong: Callable[[Chunked], object], kind: type[Exception], said: str
) -> None:
    xs = Chunked.split(range(6), 3)
    with pytest.raises(kind, match=said):
        wrong(xs)
    assert xs.gather() == list(range(6))


def test_one_with_fewer_chunks_begins_again() -> None:
    xs, ys = Chunked.split(range(4), 4), Chunked.of([send(int, 10), send(int, 20)])
    assert (xs + ys).gather() == [10, 21, 12, 23] == (ys + xs).gather()
    assert (ys - xs).gather() == [10, 19, 8, 17]
    assert ys.map(lambda y, x, more: [y + x[0] + more], xs, 5).gather() == [15, 26, 17, 28]


def test_a_future_is_a_value_of_every_call() -> None:
    xs = Chunked.split([1, 2, 3, 4], 2)
    total = xs.map(sum).reduce(lambda a, b: a + b)
    assert (xs / total).gather() == [0.1, 0.2, 0.3, 0.4]
    assert xs.map(lambda chunk, more: [*chunk, more], total).gather() == [1, 2, 10, 3, 4, 10]


def test_as_an_argument_it_arrives_joined() -> None:
    xs = Chunked.split([1, 2, 3], 2)

    assert elsewhere.call(list, xs) == [1, 2, 3]
    assert elsewhere.call(dict, a=[xs, 4], b=(xs,)) == {"a": [[1, 2, 3], 4], "b": ([1, 2, 3],)}
    assert elsewhere.spawn(list, Chunked.of([])).result() == []
    assert list(elsewhere.map(len, [xs, [5], xs[1:]])) == [3, 1, 2]
    with pytest.raises(ZeroDivisionError):
        elsewhere.call(list, xs.map(lambda chunk: chunk[0] // 0))


def test_a_tree_has_few_levels() -> None:
    deepest = Chunked.of(send(int, 0) for _ in range(FAN_IN**3)).reduce(lambda a, b: max(a, b) + 1)
    assert deepest.result() == 3 * (FAN_IN - 1)


def test_a_failed_chunk_fails_what_is_made_of_it() -> None:
    xs = Chunked.split([1, 0], 2).map(lambda chunk: [1 // one for one in chunk])
    for made in ((xs + 1).gather, xs.__len__, xs.shuffle(parts=1).gather):
        with pytest.raises(ZeroDivisionError):
            made()
    assert (xs + 1).chunks[0].result() == [2]


def test_arrays_keep_their_hands_off() -> None:
    import numpy as np

    xs = Chunked.split(np.arange(4.0), 2)
    for made in (np.float64(2) * xs, np.array([2.0, 2.0]) * xs, xs * 2):
        assert isinstance(made, Chunked)
        assert made.gather().tolist() == [0, 2, 4, 6]
    assert (2**xs).gather().tolist() == [1, 2, 4, 8]
    assert (xs == np.array([0.0, 3.0])).gather().tolist() == [True, False, False, True]


def test_without_chunks_there_is_nothing() -> None:
    none = Chunked.of([])
    assert (none.gather(), len(none), list(none), none.head()) == ([], 0, [], [])
    assert (none[1:].gather(), (none + 1).gather(), none.map(len).gather()) == ([], [], [])
    assert none.shuffle(parts=2).gather() == []


def test_files_are_read_and_any_iterable_is_split(tmp_path: Any) -> None:
    for name in "ab":
        (tmp_path / name).write_text(f"{name}1\n{name}2\n")
    paths = sorted(tmp_path.iterdir())
    assert Chunked.read(paths, read_lines).gather() == ["a1", "a2", "b1", "b2"]
    assert Chunked.split((letter for letter in "abc"), 2).gather() == ["a", "b", "c"]
    assert repr(Chunked.split("abc", 2)) == "<elsewhere.Chunked of 2 chunks>"
    assert "b" in Chunked.split("abc", 2)


def read_lines(path: Any) -> list[str]:
    text: str = path.read_text()
    return text.splitlines()


def test_a_task_may_be_mapped() -> None:
    task = elsewhere.task(pure=True)(sum)
    assert Chunked.split(range(4), 2).map(task).gather() == [1, 5]
