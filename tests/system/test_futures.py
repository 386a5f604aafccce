"""Futures are those of the standard library: wait, as_completed, callbacks, asyncio, threads."""

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from pathlib import Path
from typing import Any

import pytest

from elsewhere import Future, Pool
from tests.system import functions
from tests.system.waiting import wait_until


def test_wait_and_as_completed(pool: Pool, tmp_path: Path) -> None:
    release = tmp_path / "release"
    blocked = pool.submit(functions.wait_for_file, str(release))
    futures = [pool.submit(functions.square, number) for number in range(50)]
    everything: list[Future[Any]] = [blocked, *futures]

    done, pending = wait(everything, timeout=20, return_when="FIRST_COMPLETED")
    assert blocked in pending
    assert done
    assert sorted(f.result() for f in as_completed(futures, timeout=20)) == [
        number**2 for number in range(50)
    ]
    with pytest.raises(TimeoutError):
        list(as_completed([blocked], timeout=0.1))
    release.touch()
    assert wait(everything, timeout=20).not_done == set()


def test_a_future_is_one_of_the_standard_library(pool: Pool) -> None:
    future = pool.submit(functions.square, 3)

    assert isinstance(future, concurrent.futures.Future)
    assert isinstance(future, Future)
    assert future.result() == 9
    assert (future.done(), future.running(), future.cancelled()) == (True, False, False)
    assert future.exception() is None


def test_callbacks_run_once_each_in_order(pool: Pool, tmp_path: Path) -> None:
    release = tmp_path / "release"
    future = pool.submit(functions.wait_for_file, str(release))
    called: list[int] = []

    def note_call(number: int) -> Callable[[object], None]:
        return lambda _: called.append(number)

    for number in range(3):
        future.add_done_callback(note_call(number))
    release.touch()

    wait_until(lambda: len(called) == 3, "the callbacks ran")

    future.add_done_callback(lambda _: called.append(3))
    assert called == [0, 1, 2, 3]


def test_a_callback_may_submit(pool: Pool) -> None:
    results: list[int] = []
    ended = threading.Event()

    def go_on(future: "concurrent.futures.Future[int]") -> None:
        results.append(future.result())
        if len(results) < 10:
            pool.submit(functions.add, future.result(), 1).add_done_callback(go_on)
        else:
            ended.set()

    pool.submit(functions.add, 0, 1).add_done_callback(go_on)

    assert ended.wait(20)
    assert results == list(range(1, 11))


def test_a_callback_may_wait_for_other_calls(pool: Pool) -> None:
    results: list[object] = []
    ended = threading.Event()

    def work(_: object) -> None:
        results.append(pool.submit(functions.square, 3).result(timeout=20))
        results.append(list(pool.map(functions.square, range(100), timeout=20))[-1])
        ended.set()

    pool.submit(functions.nap, 1).add_done_callback(work)

    assert ended.wait(20)
    assert results == [9, 99**2]


def test_a_callback_may_shut_the_pool_down() -> None:
    pool = Pool(2)
    ended = threading.Event()

    def shut_down(_: object) -> None:
        pool.shutdown()
        ended.set()

    pool.submit(functions.nap, 1).add_done_callback(shut_down)

    assert ended.wait(20)
    with pytest.raises(RuntimeError):
        pool.submit(functions.square, 3)
    pool.shutdown()


def test_a_callback_that_raises_harms_nobody(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    called = threading.Event()

    def fail(_: object) -> None:
        called.set()
        raise ValueError("in the callback")

    with caplog.at_level(logging.ERROR):
        future = pool.submit(functions.nap, 1)
        future.add_done_callback(fail)
        assert future.result() == 1
        assert called.wait(20)
        assert pool.submit(functions.square, 3).result() == 9
    assert "in the callback" in caplog.text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_callback_that_exits_does_not_end_the_pool(pool: Pool) -> None:
    called = threading.Event()

    def leave(_: object) -> None:
        called.set()
        raise SystemExit(3)

    future = pool.submit(functions.nap, 1)
    future.add_done_callback(leave)
    # Nobody waits for the result in this thread, so that the callback runs in the pool's own.
    assert called.wait(20)

    assert future.result() == 1
    assert list(pool.map(functions.square, range(100))) == [n**2 for n in range(100)]


def test_many_threads_may_submit_at_once(pool: Pool) -> None:
    def work(offset: int) -> list[int]:
        futures = [pool.submit(functions.add, offset, number) for number in range(300)]
        return [future.result() for future in futures]

    with ThreadPoolExecutor(12) as threads:
        results = list(threads.map(work, range(12)))

    assert results == [list(range(offset, offset + 300)) for offset in range(12)]


def test_many_threads_may_wait_for_one_result(pool: Pool) -> None:
    future = pool.submit(functions.nap, 7)

    with ThreadPoolExecutor(20) as threads:
        results = list(threads.map(lambda _: future.result(timeout=20), range(20)))

    assert results == [7] * 20


def test_threads_that_wait_for_different_results_do_not_hold_each_other_up(
    pool: Pool, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    slow = pool.submit(functions.wait_for_file, str(release))
    waiter = threading.Thread(target=slow.result)
    waiter.start()

    assert [pool.submit(functions.square, n).result(timeout=20) for n in range(200)] == [
        number**2 for number in range(200)
    ]

    release.touch()
    waiter.join()
    assert slow.result() == str(release)


# ---------------------------------------------------------------- asyncio


def test_a_future_can_be_awaited(pool: Pool) -> None:
    async def work() -> list[int]:
        first = await pool.submit(functions.square, 3)
        second = await asyncio.wrap_future(pool.submit(functions.square, first))
        third = await asyncio.get_running_loop().run_in_executor(pool, functions.square, second)
        return [first, second, third]

    assert asyncio.run(work()) == [9, 81, 6561]


def test_many_futures_can_be_awaited_at_once(pool: Pool) -> None:
    async def square(number: int) -> int:
        return await pool.submit(functions.square, number)

    async def work() -> list[int]:
        return await asyncio.gather(*(square(number) for number in range(200)))

    assert asyncio.run(work()) == [number**2 for number in range(200)]


def test_what_a_call_raises_is_raised_where_it_is_awaited(pool: Pool) -> None:
    async def work() -> None:
        await pool.submit(functions.fail, "it")

    with pytest.raises(ValueError, match="cannot use 'it'"):
        asyncio.run(work())


def test_cancelling_the_task_takes_the_call_back(pool: Pool, tmp_path: Path) -> None:
    release = tmp_path / "release"
    running = [pool.submit(functions.wait_for_file, str(release)) for _ in range(2)]
    wait_until(lambda: all(future.running() for future in running), "both workers are busy")
    waiting = pool.submit(functions.square, 3)

    async def work() -> None:
        await asyncio.wait_for(waiting, 0.1)

    with pytest.raises(TimeoutError):
        asyncio.run(work())
    assert wait_until(waiting.cancelled, "the call is taken back")
    release.touch()
    assert [future.result() for future in running] == [str(release)] * 2
