"""Calls go to the workers that have what they need, in real processes."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from elsewhere import Depends, Pool, ResourceLimits
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.placement import CallToPlace, Candidate
from elsewhere.inject.resources import RESOURCES
from tests.system import providers
from tests.system.waiting import wait_until


@pytest.fixture(autouse=True)
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "notes"
    monkeypatch.setenv(providers.NOTES, str(path))
    yield path
    RESOURCES.end()


def first() -> int:
    time.sleep(0.3)
    providers.note("first")
    return os.getpid()


def second() -> int:
    time.sleep(0.3)
    providers.note("second")
    return os.getpid()


def failing() -> int:
    raise ValueError("cannot be made")


def use_first(x: int, m: int = Depends(first)) -> int:
    return m


def use_second(x: int, m: int = Depends(second)) -> int:
    return m


def use_failing(x: int, m: int = Depends(failing)) -> int:
    return m


def use_anew(x: int, m: int = Depends(first).options(scope="call")) -> int:
    return m


def wait_for_workers(pool: Pool, count: int) -> None:
    wait_until(lambda: pool._session._host.look(Gateway.busy)[1] == count, "all workers are ready")


def test_one_call_after_another_makes_it_once_in_the_pool() -> None:
    with Pool(3) as pool:
        wait_for_workers(pool, 3)
        assert len({pool.submit(use_first, x).result() for x in range(20)}) == 1

    assert providers.notes() == ["first"]


def test_workers_that_keep_one_thing_share_two_between_them() -> None:
    with Pool(2, resource_limits=ResourceLimits(count=1)) as pool:
        wait_for_workers(pool, 2)
        for x in range(10):
            pool.submit(use_first, x).result()
            pool.submit(use_second, x).result()

    assert Counter(providers.notes()) == {"first": 1, "second": 1}


def test_all_workers_are_warmed_and_nothing_is_made_twice() -> None:
    with Pool(3) as pool:
        assert pool.warm(use_first, use_second).result(timeout=60) is None
        assert pool.warm(use_first).result(timeout=60) is None
        kept = pool.resources()
        assert Counter(one.worker for one in kept) == {1: 2, 2: 2, 3: 2}
        pool.submit(use_first, 1).result()

    assert Counter(providers.notes()) == {"first": 3, "second": 3}


def test_so_many_workers_are_warmed() -> None:
    with Pool(3) as pool:
        pool.warm(use_first, workers=2).result(timeout=60)
        assert len(pool.resources()) == 2


def test_what_a_provider_raises_the_future_raises() -> None:
    with Pool(1) as pool:
        future = pool.warm(use_failing)
        with pytest.raises(ValueError, match="cannot be made"):
            future.result(timeout=60)
        assert pool.resources() == []


@pytest.mark.parametrize("function", [abs, use_anew])
def test_what_is_given_nothing_that_is_kept_cannot_be_warmed(function: object) -> None:
    with Pool(1) as pool, pytest.raises(TypeError, match="cannot be warmed"):
        pool.warm(function)  # type: ignore[arg-type]  # mypy takes a union for an object


def test_so_few_workers_make_no_sense() -> None:
    with Pool(1) as pool, pytest.raises(ValueError, match="workers must be at least 1"):
        pool.warm(use_first, workers=0)


def test_it_is_told_what_there_is_and_how_it_was_used() -> None:
    with Pool(1) as pool:
        assert pool.resources() == []
        list(pool.map(use_first, range(10)))
        (one,) = pool.resources()
        assert (one.worker, one.node, one.label) == (1, 0, "first()")
        assert (one.uses, one.hits) == (10, 9)
        assert one.seconds > 0.2
        assert one.idle_seconds < 60
        assert repr(one).startswith("<first() in worker 1: made in 0.")
        assert ", 10 uses, 9 hits, idle for " in repr(one)


def test_a_busy_worker_answers_too() -> None:
    with Pool(1) as pool:
        pool.warm(use_first).result(timeout=60)
        running = pool.submit(time.sleep, 1)
        wait_until(running.running, "the call runs")

        assert [one.uses for one in pool.resources()] == [1]
        running.result()


def test_what_was_given_up_is_not_there() -> None:
    with Pool(1, resource_limits=ResourceLimits(count=0)) as pool:
        assert pool.submit(use_first, 1).result() > 0
        wait_until(lambda: pool.resources() == [], "it is given up")


def test_a_worker_that_is_gone_has_nothing() -> None:
    with Pool(1) as pool:
        process = pool.submit(use_first, 1).result()
        assert len(pool.resources()) == 1
        os.kill(process, 9)
        wait_until(lambda: pool.resources() == [], "it is gone")


def test_a_users_function_is_told_who_lacks_what() -> None:
    told: list[tuple[tuple[str, ...], list[int]]] = []

    def note(call: CallToPlace, candidates: tuple[Candidate, ...]) -> Candidate:
        told.append((call.resources, [one.lacks for one in candidates]))
        return candidates[0]

    with Pool(1, placement=note) as pool:
        pool.submit(use_first, 1).result()
        pool.submit(use_first, 2).result()

    assert told == [(("first()",), [1]), (("first()",), [0])]


def test_a_pool_that_is_shut_down_warms_nothing() -> None:
    pool = Pool(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.warm(use_first)
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.resources()
