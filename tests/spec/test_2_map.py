"""Map: the same function for many items."""

from itertools import count, islice

import pytest

from elsewhere import Pool
from tests.spec.functions import invert, square


def test_map_yields_results_in_the_order_of_its_items(pool: Pool) -> None:
    assert list(pool.map(square, range(5))) == [0, 1, 4, 9, 16]


def test_map_takes_several_iterables_as_the_builtin_does(pool: Pool) -> None:
    assert list(pool.map(pow, range(5), [2] * 5)) == [0, 1, 4, 9, 16]


def test_map_takes_an_endless_generator_and_reads_it_as_its_results_are_read(pool: Pool) -> None:
    assert list(islice(pool.map(square, count()), 4)) == [0, 1, 4, 9]


def test_buffersize_bounds_how_far_map_reads_ahead(pool: Pool) -> None:
    numbers = count()
    results = pool.map(square, numbers, buffersize=10)
    assert next(results) == 0
    assert next(numbers) == 10


def test_map_chooses_its_chunks_by_itself_or_takes_yours(pool: Pool) -> None:
    squares = [number * number for number in range(10_000)]
    assert list(pool.map(square, range(10_000))) == squares
    assert list(pool.map(square, range(10_000), chunksize=500)) == squares


def test_an_exception_surfaces_at_the_position_of_its_item(pool: Pool) -> None:
    results = pool.map(invert, [1, 2, 0, 4])
    assert next(results) == 1.0
    assert next(results) == 0.5
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_loop_may_be_left_early_and_the_rest_is_cancelled(pool: Pool) -> None:
    for result in pool.map(square, count()):
        if result > 100:
            break
    assert pool.submit(square, 2).result() == 4
