"""Calls inside calls, on one worker and on two."""

import concurrent.futures
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

import elsewhere
from elsewhere import CallTimeout, Pool
from tests.system import nested


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with Pool(request.param) as pool:
        yield pool
        pool.shutdown(wait=False, cancel_futures=True)


def outcome(future: Future[Any]) -> Any:
    return future.result(timeout=60)


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ((nested.fib, 12), 144),
        ((nested.deep, 10_000), 10_000),
        ((nested.wide, 20_000), sum(range(20_000))),
        ((nested.map_in_map, 4), [[], [0], [0, 1], [0, 1, 4]]),
        ((nested.in_odd_places, 3), [[0, 1, 2], [0, 1, 2], [2, 1, 0], 3]),
        ((nested.from_a_thread, 6), [8, 8, 8]),
        ((nested.by_the_standard_library, 5), (5, [0, 1, 2, 3, 4])),
        ((nested.many_at_once, 300), sum(i * i for i in range(300))),
        ((nested.cannot_travel,), 0),
        ((nested.wait_too_short,), "5"),
    ],
    ids=lambda value: getattr(value[0], "__name__", "") if isinstance(value, tuple) else "",
)
def test_calls_nest_wherever_they_are_made(
    pool: Pool, call: tuple[Any, ...], value: object
) -> None:
    function, *args = call
    assert pool.submit(function, *args).result(timeout=60) == value


def test_without_a_pool_they_run_here_and_in_order() -> None:
    assert nested.fib(8) == 21
    assert nested.map_in_map(3) == [[], [0], [0, 1]]
    assert nested.in_odd_places(2) == [[0, 1], [0, 1], [1, 0], 2]
    assert elsewhere.call(nested.where) == os.getpid()
    with pytest.raises(ExceptionGroup) as caught:
        nested.gather_failures()
    assert [error.args for error in caught.value.exceptions] == [(0,), (1,), (2,)]


def test_in_the_block_of_a_pool_they_go_to_its_workers() -> None:
    with Pool(2):
        assert elsewhere.call(nested.where) != os.getpid()
        assert list(elsewhere.map(pow, [1, 2, 3], [2] * 3)) == [1, 4, 9]
        futures = [elsewhere.spawn(nested.identity, i) for i in range(3)]
        assert elsewhere.gather(*futures) == [0, 1, 2]
        assert {f.result() for f in elsewhere.as_completed(futures)} == {0, 1, 2}
    assert elsewhere.call(nested.where) == os.getpid()


def test_children_of_a_call_that_never_pauses_run_elsewhere() -> None:
    with Pool(2) as pool:
        spinning, others = pool.submit(nested.spawn_and_spin, 40, 0.5).result(timeout=60)
    assert others - {spinning}


def test_a_parent_whose_worker_dies_runs_again(pool: Pool, tmp_path: Path) -> None:
    died = tmp_path / "died"
    assert pool.submit(nested.wait_for_a_killer, str(died)).result(timeout=60) != 0
    assert died.exists()


def test_an_error_tells_by_which_calls_it_came(pool: Pool) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        pool.submit(nested.ratio, 1).result(timeout=60)
    raised, called = caught.value.__notes__
    assert raised.endswith("by divide(1, 0)")
    assert called.startswith("called by ratio(1), nested.py line ")
    assert "return x / y" in str(caught.value.__cause__)


def test_several_failures_of_a_gather_arrive_as_a_group(pool: Pool) -> None:
    with pytest.raises(ExceptionGroup, match="3 of 3 calls failed") as caught:
        pool.submit(nested.gather_failures).result(timeout=60)
    assert [error.args for error in caught.value.exceptions] == [(0,), (1,), (2,)]


def test_a_coroutine_must_not_block_its_loop(pool: Pool) -> None:
    with pytest.raises(RuntimeError, match=r"await elsewhere\.spawn"):
        outcome(pool.submit(nested.block))


def test_a_coroutine_has_a_time_limit_too(pool: Pool) -> None:
    with pytest.raises(CallTimeout):
        outcome(pool.options(timeout=0.2).submit(nested.sleep_long))
    assert pool.submit(nested.fib, 5).result(timeout=60) == 5


def test_a_parked_call_has_a_time_limit_and_its_children_end_with_it(pool: Pool) -> None:
    with pytest.raises(CallTimeout):
        pool.options(timeout=0.2).submit(nested.spawn_and_spin, 40, 600.0).result(timeout=60)
    assert pool.submit(nested.fib, 5).result(timeout=60) == 5


def test_other_calls_run_while_one_is_parked(pool: Pool) -> None:
    waiting = pool.submit(nested.sleep_long)
    assert pool.submit(nested.fib, 8).result(timeout=60) == 21
    concurrent.futures.wait([waiting], timeout=0)
    assert not waiting.done()
    pool.shutdown(wait=False, cancel_futures=True)
    pool._session.terminate()


def test_a_map_ends_where_its_reader_stops(pool: Pool) -> None:
    results = elsewhere.map(time.sleep, [0.001] * 5000)
    assert next(results) is None
    results.close()  # type: ignore[attr-defined]  # as of a generator
    assert list(results) == []
