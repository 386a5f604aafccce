"""What fails in a map surfaces at its own position, after all earlier results."""

import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from elsewhere import CallQuarantined, NotPicklable, Pool, RemoteTraceback
from tests.system import functions

CHUNKSIZES = [None, 1, 4, 100]


def read(results: Iterator[Any]) -> tuple[list[Any], BaseException | None]:
    """The results up to the first exception, and that."""
    values = []
    while True:
        try:
            values.append(next(results))
        except StopIteration:
            return values, None
        except BaseException as error:  # noqa: BLE001  # what surfaces is what is asked
            return values, error


@pytest.mark.parametrize("chunksize", CHUNKSIZES)
def test_an_exception_surfaces_at_its_position(pool: Pool, chunksize: int | None) -> None:
    fail = functools.partial(functions.fail_on, 37)

    values, error = read(pool.map(fail, range(100), chunksize=chunksize))

    assert values == list(range(37))
    assert isinstance(error, ValueError)
    assert str(error) == "cannot use 37"
    assert isinstance(error.__cause__, RemoteTraceback)
    assert "functions.py" in str(error.__cause__)


@pytest.mark.parametrize(
    "error",
    [KeyboardInterrupt("k"), SystemExit(3), GeneratorExit("g"), functions.Unusual("u")],
    ids=repr,
)
def test_exceptions_that_are_no_exception_surface_too(pool: Pool, error: BaseException) -> None:
    def fail(value: int) -> int:
        if value == 5:
            raise error
        return value

    values, raised = read(pool.map(fail, range(100), chunksize=10))

    assert values == list(range(5))
    assert type(raised) is type(error)


@pytest.mark.parametrize("chunksize", CHUNKSIZES)
def test_stop_iteration_raised_by_the_function_ends_nothing_silently(
    pool: Pool, chunksize: int | None
) -> None:
    stop = functools.partial(functions.stop_iteration_on, 5)

    values, error = read(pool.map(stop, range(10), chunksize=chunksize))

    assert values == list(range(5))
    assert isinstance(error, RuntimeError)
    assert "StopIteration" in str(error)


def test_a_map_that_has_failed_has_ended(pool: Pool) -> None:
    results = pool.map(functions.fail, range(10))

    with pytest.raises(ValueError, match="cannot use 0"):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


@pytest.mark.parametrize("chunksize", CHUNKSIZES)
def test_an_input_that_raises_surfaces_where_its_item_would_have_been(
    pool: Pool, chunksize: int | None
) -> None:
    def numbers() -> Iterator[int]:
        yield from range(7)
        raise OSError("the input has ended badly")

    values, error = read(pool.map(functions.square, numbers(), chunksize=chunksize))

    assert values == [number**2 for number in range(7)]
    assert isinstance(error, OSError)


@pytest.mark.parametrize("chunksize", CHUNKSIZES)
def test_an_item_that_cannot_be_sent_surfaces_at_its_position(
    pool: Pool, chunksize: int | None
) -> None:
    items: list[object] = [*range(7), {"lock": threading.Lock()}, *range(7)]

    values, error = read(pool.map(functions.identity, items, chunksize=chunksize))

    assert values == list(range(7))
    assert isinstance(error, NotPicklable)
    assert "['lock']" in error.path
    assert list(pool.map(functions.square, [3])) == [9]


class LoadsOnlyIn:
    """Can be unpickled in just one process."""

    def __init__(self, process: int) -> None:
        self._process = process

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return only_in, (self._process,)


def only_in(process: int) -> str:
    if os.getpid() != process:
        raise LookupError("this is another process")
    return "at home"


def only_here_on(position: int, value: int) -> object:
    return LoadsOnlyIn(os.getpid()) if value == position else value


@pytest.mark.parametrize("chunksize", CHUNKSIZES)
def test_an_item_that_its_worker_cannot_unpickle_surfaces_at_its_position(
    pool: Pool, chunksize: int | None
) -> None:
    items = [*range(7), LoadsOnlyIn(os.getpid()), *range(7)]

    values, error = read(pool.map(functions.identity, items, chunksize=chunksize))

    assert values == list(range(7))
    assert isinstance(error, LookupError)
    assert "raised in worker" in error.__notes__[-1]


@pytest.mark.parametrize("chunksize", CHUNKSIZES)
def test_a_result_that_cannot_be_unpickled_here_surfaces_at_its_position(
    pool: Pool, chunksize: int | None
) -> None:
    give = functools.partial(only_here_on, 7)

    values, error = read(pool.map(give, range(20), chunksize=chunksize))

    assert values == list(range(7))
    assert isinstance(error, LookupError)
    assert "raised in this process" in error.__notes__[-1]


@pytest.mark.parametrize("chunksize", CHUNKSIZES)
def test_a_result_that_cannot_be_sent_surfaces_at_its_position(
    pool: Pool, chunksize: int | None
) -> None:
    give = functools.partial(functions.generator_on, 7)

    values, error = read(pool.map(give, range(20), chunksize=chunksize))

    assert values == list(range(7))
    assert isinstance(error, NotPicklable)
    assert "generator" in error.what


class Unloadable:
    """Can be sent and not be received."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return functions.fail, ("what was sent",)


@pytest.mark.parametrize("chunksize", CHUNKSIZES)
def test_an_item_that_cannot_be_received_says_why(pool: Pool, chunksize: int | None) -> None:
    items: Iterable[object] = [1, Unloadable(), 2]

    _, error = read(pool.map(functions.identity, items, chunksize=chunksize))

    assert isinstance(error, ValueError)
    assert str(error) == "cannot use 'what was sent'"
    assert list(pool.map(functions.square, [3])) == [9]


def test_a_result_that_cannot_be_received_says_why(pool: Pool) -> None:
    values, error = read(pool.map(lambda _: Unloadable(), range(3)))

    assert values == []
    assert isinstance(error, ValueError)
    assert list(pool.map(functions.square, [3])) == [9]


@pytest.mark.parametrize("chunksize", [None, 1, 250])
def test_a_poison_item_among_a_thousand_fails_alone(pool: Pool, chunksize: int | None) -> None:
    poison = functools.partial(functions.die_on, 637)

    values, error = read(pool.map(poison, range(1000), chunksize=chunksize))

    assert values == list(range(637))
    assert isinstance(error, CallQuarantined)
    assert "SIGKILL" in error.how
    assert list(pool.map(poison, range(600))) == list(range(600))


def test_items_after_a_poison_item_can_still_be_had_by_submit(pool: Pool) -> None:
    futures = [pool.submit(functions.die_on, 5, number) for number in range(50)]

    assert isinstance(futures[5].exception(), CallQuarantined)
    del futures[5]
    assert [future.result() for future in futures] == [n for n in range(50) if n != 5]
