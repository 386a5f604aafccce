"""Cancel: what does not run yet, and if you ask for it, what runs."""

from concurrent.futures import CancelledError

import pytest

from elsewhere import Pool
from tests.spec.functions import run_for_ever, square


def test_a_call_that_waits_behind_others_can_be_taken_back() -> None:
    with Pool(1) as pool:
        running = pool.options(interrupt=True).submit(run_for_ever)
        waiting = [pool.submit(square, number) for number in range(10)]

        assert all(future.cancel() for future in waiting)
        with pytest.raises(CancelledError):
            waiting[0].result()
        assert running.cancel()


def test_a_call_that_runs_is_stopped_only_if_that_was_asked_for() -> None:
    with Pool(1) as pool:
        future = pool.options(interrupt=True).submit(run_for_ever)
        assert future.cancel()
        assert future.cancelled()
        assert pool.submit(square, 12).result() == 144


def test_a_call_that_has_ended_cannot_be_taken_back(pool: Pool) -> None:
    future = pool.submit(square, 12)
    assert future.result() == 144
    assert not future.cancel()


def test_shutdown_may_take_back_what_has_not_begun() -> None:
    pool = Pool(1)
    running = pool.options(timeout=1).submit(run_for_ever)
    waiting = [pool.submit(square, number) for number in range(10)]

    pool.shutdown(cancel_futures=True)

    assert running.done()
    assert any(future.cancelled() for future in waiting)
    with pytest.raises(RuntimeError):
        pool.submit(square, 12)
