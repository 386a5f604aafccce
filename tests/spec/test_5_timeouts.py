"""Timeouts: for waiting, for a map, and for the call itself."""

import pytest

from elsewhere import CallTimeout, Pool
from tests.spec.functions import run_for_ever, square


def test_a_call_that_runs_too_long_is_stopped(pool: Pool) -> None:
    with pytest.raises(CallTimeout, match=r"time limit of 0.2 s"):
        pool.options(timeout=0.2).submit(run_for_ever).result()
    assert pool.submit(square, 12).result() == 144


def test_options_make_another_view_of_the_same_pool(pool: Pool) -> None:
    careful = pool.options(timeout=20, retries=2)
    assert careful.submit(square, 12).result() == 144
    assert list(careful.map(square, [1, 2])) == [1, 4]


def test_waiting_for_a_result_has_a_time_limit_and_leaves_the_call_alone(pool: Pool) -> None:
    future = pool.options(interrupt=True).submit(run_for_ever)
    with pytest.raises(TimeoutError):
        future.result(timeout=0.1)
    assert not future.done()
    assert future.cancel()


def test_a_map_as_a_whole_has_a_time_limit_too(pool: Pool) -> None:
    results = pool.options(timeout=1).map(lambda _: run_for_ever(), range(2), timeout=0.1)
    with pytest.raises(TimeoutError):
        next(results)
