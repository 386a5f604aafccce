"""Calls that make calls by loops, threads, callbacks, greenlets and pools of their own."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import elsewhere
from elsewhere import CallTimeout, CircularCall, NotPicklable, Pool
from tests.system import odd_callers


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with Pool(request.param) as pool:
        yield pool
        pool._session.terminate()


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ((odd_callers.by_a_loop_of_its_own, [1, 2, 3]), [2, 4, 6]),
        ((odd_callers.by_a_loop_in_a_thread, [1, 2, 3]), [2, 4, 6]),
        ((odd_callers.by_a_callback, 3), 12),
        ((odd_callers.by_a_greenlet, 4), [8]),
        ((odd_callers.by_many_threads, 20), list(range(0, 40, 2))),
        ((odd_callers.by_a_pool_of_its_own,), True),
        ((odd_callers.cancel_a_pure_call, 5), True),
        ((odd_callers.by_the_standard_library_in_a_thread, 3), [-4, -2, 0, 0, 2, 4]),
        ((odd_callers.take_back_two,), [True, True]),
    ],
    ids=lambda value: getattr(value[0], "__name__", "") if isinstance(value, tuple) else "",
)
def test_calls_may_be_made_by_any_means(pool: Pool, call: tuple[Any, ...], value: object) -> None:
    function, *args = call
    assert pool.submit(function, *args).result(timeout=60) == value


@pytest.mark.parametrize("tasks_per_worker_max", [None, 2])
def test_threads_get_what_they_wait_for_from_a_full_worker(
    tasks_per_worker_max: int | None,
) -> None:
    with Pool(1, max_tasks_per_child=tasks_per_worker_max) as pool:
        futures = [pool.submit(odd_callers.trees_by_threads, 3, 10 * i) for i in range(5)]
        futures += [pool.submit(odd_callers.by_a_loop_in_a_thread, [1, 2]) for _ in range(3)]
        try:
            assert [future.result(timeout=60) for future in futures] == [[4] * 3] * 5 + [[2, 4]] * 3
        finally:
            pool._session.terminate()


def test_a_circle_through_threads_is_found(pool: Pool) -> None:
    with pytest.raises(CircularCall, match="around_by_threads"):
        pool.submit(odd_callers.around_by_threads, 0).result(timeout=60)


def test_a_pool_does_not_travel_and_says_so(pool: Pool) -> None:
    with pytest.raises(NotPicklable, match=r"args\[0\]: a pool belongs to its process"):
        pool.submit(print, pool).result(timeout=60)


def test_what_a_call_has_others_run_ends_with_its_time(pool: Pool) -> None:
    limited = pool.options(timeout=0.3)
    with pytest.raises(CallTimeout):
        limited.submit(odd_callers.wait_for_the_pure_one).result(timeout=60)
    futures = [pool.submit(odd_callers.double, i) for i in range(4)]
    assert [future.result(timeout=60) for future in futures] == [0, 2, 4, 6]


def test_the_time_limit_of_a_child_is_named(pool: Pool) -> None:
    assert "its time limit of 0.3 s" in pool.submit(odd_callers.say_the_limit).result(timeout=60)


def test_coroutines_are_run_by_a_map_too(pool: Pool) -> None:
    results: Any = pool.map(odd_callers.double_later, range(4))
    assert list(results) == [0, 2, 4, 6]


def test_coroutines_are_run_without_a_pool_too() -> None:
    function: Callable[[float], Any] = odd_callers.double_later
    assert elsewhere.call(function, 2) == 4
    assert elsewhere.spawn(function, 2).result() == 4
    assert list(elsewhere.map(function, range(3))) == [0, 2, 4]

    async def main() -> Any:
        return await elsewhere.spawn(function, 3)

    assert asyncio.run(main()) == 6
