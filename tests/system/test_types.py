"""What users write is what a type checker takes: these programs are checked, and run."""

from typing import assert_type

import pytest

import elsewhere
from elsewhere import Future, Pool


def half(number: int) -> float:
    return number / 2


def add(one: int, other: int = 0, *, times: int = 1) -> int:
    return (one + other) * times


def mean(numbers: list[int]) -> float:
    return sum(numbers) / len(numbers)


@elsewhere.task(pure=True)
def square(number: int) -> int:
    return number * number


def test_a_future_stands_for_its_value_among_typed_arguments(pool: Pool) -> None:
    three = pool.submit(add, 1, 2)
    assert_type(three, Future[int])
    of_future = pool.submit(half, three)
    assert_type(of_future, Future[float])
    assert of_future.result() == 1.5
    assert pool.submit(add, three, other=three, times=pool.put(2)).result() == 12
    assert pool.submit(mean, [three, pool.submit(add, 4)]).result() == 3.5
    assert_type(pool.submit(square, three), Future[int])
    assert pool.options(retries=1).submit(square, three).result() == 9


def test_maps_take_futures_of_typed_items(pool: Pool) -> None:
    futures = [pool.submit(add, n) for n in range(3)]
    halves = pool.map(half, futures)
    assert [value + 0.0 for value in halves] == [0.0, 0.5, 1.0]
    assert list(elsewhere.map(half, futures)) == [0.0, 0.5, 1.0]


def test_calls_that_name_no_pool_take_futures_as_typed_arguments(pool: Pool) -> None:
    with pool:
        spawned = elsewhere.spawn(add, 1, 2)
        assert_type(spawned, Future[int])
        called = elsewhere.call(half, elsewhere.spawn(square, spawned))
        assert_type(called, float)
        assert called == 4.5


def test_a_function_without_arguments_keeps_its_type(pool: Pool) -> None:
    assert_type(pool.submit(dict[str, int]), Future[dict[str, int]])
    assert pool.submit(dict[str, int]).result() == {}
    with pytest.raises(TypeError, match="positional argument"):
        pool.submit(half).result()
