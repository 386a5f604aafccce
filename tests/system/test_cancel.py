"""Calls can be taken back: from the queue, from a worker's prefetch, and, if asked for, running."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, wait
from pathlib import Path

import pytest

from elsewhere import Future, Pool
from tests.system import functions
from tests.system.waiting import seconds_of, wait_until

FAR_TOO_LONG = 60.0


class Blocked:
    """A pool whose workers are all busy until `release`."""

    def __init__(self, pool: Pool, folder: Path) -> None:
        self.pool = pool
        self._started, self._release = str(folder / "started"), folder / "release"
        self.running = [
            pool.submit(functions.touch_and_wait, self._started, str(self._release))
            for _ in range(pool.workers)
        ]
        wait_until(lambda: functions.count_lines(self._started) == pool.workers, "all are busy")

    def release(self) -> None:
        self._release.touch()
        wait(self.running)


@pytest.fixture
def blocked(pool: Pool, tmp_path: Path) -> Iterator[Blocked]:
    blocked = Blocked(pool, tmp_path)
    yield blocked
    blocked.release()


def test_calls_that_wait_in_the_queue_or_in_a_worker_are_taken_back(
    blocked: Blocked, tmp_path: Path
) -> None:
    trace = str(tmp_path / "trace")
    waiting = [blocked.pool.submit(functions.note, trace, number) for number in range(300)]

    assert all(future.cancel() for future in waiting)

    assert all(future.cancelled() and future.done() for future in waiting)
    assert not any(future.cancelled() for future in blocked.running)
    blocked.release()
    assert blocked.pool.submit(functions.square, 3).result() == 9
    assert functions.count_lines(trace) == 0


def test_the_others_run_when_some_are_taken_back(blocked: Blocked) -> None:
    futures = [blocked.pool.submit(functions.identity, number) for number in range(100)]

    assert all(future.cancel() for future in futures[::2])
    blocked.release()

    assert [future.result() for future in futures[1::2]] == list(range(1, 100, 2))


def test_a_call_that_was_taken_back_raises_cancelled_error(blocked: Blocked) -> None:
    future = blocked.pool.submit(functions.square, 3)

    assert future.cancel()
    assert future.cancel()

    with pytest.raises(CancelledError):
        future.result()
    with pytest.raises(CancelledError):
        future.exception()


def test_a_running_call_is_not_taken_back(blocked: Blocked) -> None:
    future = blocked.running[0]
    assert future.running()

    assert not future.cancel()

    assert not future.cancelled()
    blocked.release()
    assert future.result().endswith("release")


def test_a_settled_call_is_not_taken_back(pool: Pool) -> None:
    future = pool.submit(functions.square, 3)
    assert future.result() == 9

    assert not future.cancel()

    assert not future.cancelled()
    assert future.result() == 9


@pytest.mark.parametrize(
    "function",
    [functions.spin, time.sleep, functions.swallow_interrupts],
    ids=["python loop", "sleep", "swallows it"],
)
def test_a_running_call_is_stopped_if_it_may_be_interrupted(
    pool: Pool, function: Callable[[float], object]
) -> None:
    future: Future[object] = pool.options(interrupt=True).submit(function, FAR_TOO_LONG)
    wait_until(future.running, "it runs")

    assert future.cancel()

    assert future.cancelled()
    # Both workers are free again, or replaced.
    results = [pool.submit(functions.spin_for_a_moment, number) for number in range(50)]
    assert [result.result(timeout=20) for result in results] == list(range(50))


def test_waiters_learn_that_a_call_was_taken_back(blocked: Blocked) -> None:
    future = blocked.pool.submit(functions.square, 3)
    seen: list[str] = []
    told = threading.Event()

    def wait_for_it() -> None:
        with pytest.raises(CancelledError):
            future.result(timeout=20)
        seen.append("waiter")

    def note_cancelled(of: "Future[int]") -> None:
        seen.append(f"callback {of.cancelled()}")
        told.set()

    waiter = threading.Thread(target=wait_for_it)
    waiter.start()
    future.add_done_callback(note_cancelled)  # type: ignore[arg-type]  # of our own kind

    assert future.cancel()

    waiter.join()
    assert told.wait(20)
    assert sorted(seen) == ["callback True", "waiter"]


def test_a_done_callback_may_cancel_other_calls(pool: Pool, tmp_path: Path) -> None:
    blocked = Blocked(pool, tmp_path)
    waiting = [pool.submit(functions.nap, number) for number in range(300)]
    told = threading.Event()

    def cancel_all(_: object) -> None:
        for future in waiting[50:]:
            future.cancel()
        told.set()

    blocked.running[0].add_done_callback(cancel_all)
    blocked.release()

    assert told.wait(20)
    assert [future.result() for future in waiting[:50]] == list(range(50))
    wait(waiting)
    assert waiting[-1].cancelled()


def test_shutdown_may_cancel_all_that_waits(pool: Pool, tmp_path: Path) -> None:
    blocked = Blocked(pool, tmp_path)
    waiting = [pool.submit(time.sleep, FAR_TOO_LONG) for _ in range(300)]

    pool.shutdown(wait=False, cancel_futures=True)
    wait(waiting, timeout=20)

    assert all(future.cancelled() for future in waiting)
    blocked.release()
    assert [future.result() for future in blocked.running]
    assert seconds_of(pool.shutdown) < 20


def test_shutdown_may_cancel_what_was_submitted_before_any_worker_was_ready() -> None:
    pool = Pool(2)
    waiting = [pool.submit(time.sleep, 0.2) for _ in range(300)]

    pool.shutdown(cancel_futures=True)

    assert sum(future.cancelled() for future in waiting) > 250
    assert all(future.done() for future in waiting)


def test_calls_cancelled_from_many_threads_settle_once(blocked: Blocked) -> None:
    waiting = [blocked.pool.submit(functions.square, number) for number in range(200)]
    settled: list[object] = []
    for future in waiting:
        future.add_done_callback(settled.append)

    threads = [
        threading.Thread(target=lambda: [future.cancel() for future in waiting]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(future.cancelled() for future in waiting)
    assert len(settled) == 200


async def wait_briefly(future: "Future[int]") -> None:
    await asyncio.wait_for(asyncio.wrap_future(future), 0.01)


def test_a_worker_whose_interpreter_is_held_does_not_hold_up_who_cancels() -> None:
    with Pool(1) as pool:
        holder = pool.options(interrupt=True).submit(
            functions.sleep_with_the_interpreter, int(FAR_TOO_LONG)
        )
        wait_until(holder.running, "it runs")
        behind = [pool.submit(functions.square, number) for number in range(10)]

        with pytest.raises(asyncio.TimeoutError):
            asyncio.run(wait_briefly(behind[0]))
        for future in behind[:8]:
            future.cancel()

        assert not holder.done()
        assert holder.cancel()
        assert behind[9].result() == 81
