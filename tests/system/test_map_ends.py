"""However a map ends, its pool is free of it; however the pool ends, its maps know."""

import itertools
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from elsewhere import Pool
from tests.system import functions
from tests.system.waiting import wait_until


def read(results: Iterator[Any]) -> tuple[list[Any], BaseException | None]:
    values: list[Any] = []
    try:
        for value in results:
            values.append(value)  # noqa: PERF402  # what came before the error counts
    except Exception as error:  # noqa: BLE001  # what surfaces is what is asked
        return values, error
    return values, None


@pytest.mark.parametrize("wait", [True, False])
def test_an_input_may_shut_the_pool_down(wait: bool) -> None:
    pool = Pool(2)

    def source() -> Iterator[int]:
        yield from range(3)
        pool.shutdown(wait=wait)
        yield 3

    values, error = read(pool.map(functions.square, source(), chunksize=1, buffersize=1))

    assert values == [0, 1, 4]
    assert isinstance(error, RuntimeError)
    assert "shut down before this map had read all of its input" in str(error)
    pool.shutdown()


def test_an_input_may_map_over_itself(pool: Pool) -> None:
    class Source:
        """Its third item is what a map over the rest of it gives."""

        def __init__(self) -> None:
            self.left = iter(range(6))
            self.given = 0

        def __iter__(self) -> Iterator[int]:
            return self

        def __next__(self) -> int:
            self.given += 1
            if self.given == 3:
                return sum(pool.map(functions.square, self))
            return next(self.left)

    assert list(pool.map(functions.square, Source())) == [0, 1, (4 + 9 + 16 + 25) ** 2]


def test_a_generator_that_maps_over_itself_is_told_so(pool: Pool) -> None:
    inputs: list[Iterator[int]] = []

    def source() -> Iterator[int]:
        yield 1
        yield from pool.map(functions.square, inputs[0])

    inputs.append(source())
    values, error = read(pool.map(functions.square, inputs[0]))

    assert values == [1]
    assert isinstance(error, ValueError)
    assert "already executing" in str(error)


def drop_unread(results: Iterator[int]) -> None:
    pass


def drop_begun(results: Iterator[int]) -> None:
    assert next(results) == 0


def close_it(results: Iterator[int]) -> None:
    results.close()  # type: ignore[attr-defined]  # it is a generator


@pytest.mark.parametrize("end", [drop_unread, drop_begun, close_it])
def test_a_map_that_nobody_reads_any_more_is_taken_back(
    end: Callable[[Iterator[int]], None],
) -> None:
    with Pool(2) as pool:
        end(pool.map(functions.square, itertools.count()))

        assert not pool._session._reading
        wait_until(lambda: not pool._session._host._inbox.pending, "every call is settled")


def test_a_pool_that_nobody_holds_serves_its_map_to_the_end() -> None:
    settled: Callable[[], bool] | None = None

    def source() -> Iterator[int]:
        yield from range(3)
        assert settled is not None
        wait_until(settled, "nothing is under way")
        assert not host._closing, "the pool lives on for this map alone"
        yield 3

    pool = Pool(2)
    host = pool._session._host
    settled = lambda: not host._inbox.pending  # noqa: E731  # it is named so that the input finds it
    results = pool.map(functions.square, source(), chunksize=1, buffersize=1)
    del pool
    assert list(results) == [0, 1, 4, 9]
    host.join()


def test_no_finaliser_of_python_code_runs_as_maps_end(pool: Pool) -> None:
    # A Ctrl-C that lands in one is lost.
    seen: set[str] = set()

    def note(frame: FrameType, event: str, arg: object) -> None:
        seen.add(frame.f_code.co_filename)

    sys.setprofile(note)
    try:
        values = list(pool.map(functions.square, range(5)))
    finally:
        sys.setprofile(None)

    assert values == [0, 1, 4, 9, 16]
    assert not [file for file in seen if "weakref" in file]
