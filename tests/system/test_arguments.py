"""Wrong arguments are refused where they are given, by name; odd but right ones hold."""

import math
import threading
from collections.abc import Callable
from typing import Any

import pytest

import elsewhere
from elsewhere import Pool
from tests.system import functions
from tests.system.waiting import wait_until

WRONG: list[tuple[Callable[[Any], object], type[Exception], str]] = [
    (lambda pool: pool.submit(3), TypeError, "must be callable, not 3"),
    (lambda pool: pool.map(3, [1]), TypeError, "must be callable, not 3"),
    (lambda pool: pool.map(abs), TypeError, "at least one iterable"),
    (lambda pool: pool.map(abs, 5), TypeError, "'int' object is not iterable"),
    (lambda pool: pool.map(abs, [1], chunksize=0), ValueError, "chunksize must be at least 1"),
    (lambda pool: pool.map(abs, [1], chunksize=1.5), TypeError, "chunksize must be a whole"),
    (lambda pool: pool.map(abs, [1], buffersize="3"), TypeError, "buffersize must be a whole"),
    (lambda pool: pool.map(abs, [1], timeout="3"), TypeError, "timeout must be a number of sec"),
    (lambda pool: pool.map(abs, [1], timeout=math.nan), ValueError, "not nan"),
    (lambda pool: pool.map(abs, [1], progress=3), TypeError, "progress must be True, False or"),
    (lambda pool: pool.options(timeout=-1), ValueError, "timeout must be more than 0 seconds"),
    (lambda pool: pool.options(timeout="3"), TypeError, "timeout must be a number of seconds"),
    (lambda pool: pool.options(timeout=True), TypeError, "timeout must be a number of seconds"),
    (lambda pool: pool.options(timeout=0), ValueError, "timeout must be more than 0 seconds"),
    (lambda pool: pool.options(timeout=math.nan), ValueError, "not nan"),
    (lambda pool: pool.options(retries=-1), ValueError, "retries must be at least 0, not -1"),
    (lambda pool: pool.options(retries=1.0), TypeError, "retries must be a whole number"),
    (lambda pool: elsewhere.task(retries="x"), TypeError, "retries must be a whole number"),  # type: ignore[call-overload]  # that is the point
    (lambda pool: elsewhere.task(retries=True), TypeError, "retries must be a whole number"),
    (lambda pool: elsewhere.task(retries=-1), ValueError, "retries must be at least 0, not -1"),
    (lambda pool: elsewhere.task(timeout="x"), TypeError, "timeout must be a number of seconds"),  # type: ignore[call-overload]  # that is the point
    (lambda pool: elsewhere.task(timeout=math.nan), ValueError, "timeout must be a number of sec"),
    (lambda pool: elsewhere.task(timeout=-1), ValueError, "timeout must be more than 0 seconds"),
    (lambda pool: Pool(0), ValueError, "workers must be at least 1, not 0"),
    (lambda pool: Pool("2"), TypeError, "workers must be a whole number, not '2'"),  # type: ignore[arg-type]  # that is the point
    (lambda pool: Pool(10**6), ValueError, "workers must be at most 4096, not 1000000"),
    (lambda pool: Pool(1, initializer=3), TypeError, "initializer must be callable"),  # type: ignore[arg-type]  # that is the point
    (lambda pool: Pool(1, initargs=3), TypeError, "initargs must be a tuple"),  # type: ignore[arg-type]  # that is the point
    (lambda pool: Pool(1, max_tasks_per_child=0), ValueError, "max_tasks_per_child must be at"),
]


@pytest.mark.parametrize(
    ("wrong", "kind", "said"), WRONG, ids=[str(number) for number in range(len(WRONG))]
)
def test_a_wrong_argument_is_named(
    pool: Pool, wrong: Callable[[Any], object], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        wrong(pool)
    assert list(pool.map(functions.square, [3])) == [9]


# The system waits for 24 days at most, and a lock for 292 years.
@pytest.mark.parametrize("seconds", [86400.0 * 30, 1e300, math.inf])
def test_a_limit_beyond_what_the_system_can_wait_for_is_none(seconds: float) -> None:
    with Pool(1) as pool:
        limited = pool.options(timeout=seconds)
        napping = limited.submit(functions.nap, 3)
        waiter: list[object] = []
        thread = threading.Thread(target=lambda: waiter.append(napping.result(timeout=seconds)))
        thread.start()
        assert list(pool.map(functions.nap, range(3), timeout=seconds)) == [0, 1, 2]
        thread.join()
        assert waiter == [3]
        # By now the thread of the pool's own serves, and waits for the next limit.
        last = limited.submit(functions.nap, 4)
        wait_until(last.done, "it is done")
        assert last.result() == 4


def test_a_view_is_a_pool_with_other_options() -> None:
    with Pool(2, record=True) as pool:
        view = pool.options(retries=1)
        assert isinstance(view, Pool)
        assert view.workers == 2
        assert view.options(timeout=20).submit(functions.square, 3).result() == 9
        assert [span.ok for span in view.timeline()] == [True]
        view.shutdown()
        with pytest.raises(RuntimeError, match="after shutdown"):
            pool.submit(functions.square, 3)
