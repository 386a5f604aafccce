"""The life of a pool: several at once, inside workers, shut down in every way."""

import gc
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path

import psutil
import pytest

from elsewhere import Pool
from tests.system import functions
from tests.system.clients import run_python
from tests.system.waiting import wait_until

# What other tests have left is their affair.
EARLIER: set[psutil.Process] = set()


@pytest.fixture(autouse=True)
def note_earlier_processes() -> None:
    EARLIER.clear()
    EARLIER.update(psutil.Process().children(recursive=True))


def children() -> list[psutil.Process]:
    """The processes that this test has started and that have not ended."""
    return [child for child in psutil.Process().children(recursive=True) if child not in EARLIER]


def _is_tracker(process: psutil.Process) -> bool:
    try:
        return any("resource_tracker" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def test_two_pools_at_once_have_workers_of_their_own() -> None:
    with Pool(2) as first, Pool(1) as second:
        inner = second.map(functions.square, range(100))
        assert list(first.map(functions.square, inner)) == [n**4 for n in range(100)]
        workers = [set(pool.map(functions.process_id, range(50))) for pool in (first, second)]
    assert not workers[0] & workers[1]


def test_a_call_may_make_a_pool_of_its_own(pool: Pool) -> None:
    def inner(number: int) -> list[int]:
        with Pool(2) as own:
            return list(own.map(functions.square, range(number)))

    assert list(pool.map(inner, [2, 3])) == [[0, 1], [0, 1, 4]]


def test_a_pool_that_a_call_left_open_ends_with_its_worker() -> None:
    def leave_open() -> list[int]:
        functions.__dict__["LEFT_OPEN"] = Pool(1)
        return [child.pid for child in psutil.Process().children(recursive=True)]

    with Pool(1) as pool:
        inner_processes = pool.submit(leave_open).result()
        assert inner_processes

    wait_until(
        lambda: not any(psutil.pid_exists(process) for process in inner_processes),
        "the inner pool has ended",
    )


def test_shutdown_waits_for_all_calls() -> None:
    pool = Pool(2)
    futures = [pool.submit(functions.nap, number) for number in range(20)]

    pool.shutdown()

    assert all(future.done() for future in futures)
    assert [future.result() for future in futures] == list(range(20))
    assert children() == []


def test_shutdown_need_not_wait(tmp_path: Path) -> None:
    release = tmp_path / "release"
    pool = Pool(2)
    futures = [pool.submit(functions.wait_for_file, str(release)) for _ in range(4)]

    pool.shutdown(wait=False)

    assert not any(future.done() for future in futures)
    release.touch()
    assert [future.result(timeout=20) for future in futures] == [str(release)] * 4
    wait_until(lambda: not children(), "the workers have ended")


def test_after_shutdown_calls_are_refused() -> None:
    pool = Pool(2)
    pool.shutdown()
    pool.shutdown()

    with pytest.raises(RuntimeError, match=r"shut ?down"):
        pool.submit(functions.square, 3)
    with pytest.raises(RuntimeError, match=r"shut ?down"):
        pool.map(functions.square, [3])
    with pytest.raises(RuntimeError, match=r"shut ?down"):
        pool.options(retries=1).submit(functions.square, 3)
    with pytest.raises(RuntimeError, match=r"shut ?down"):
        pool.scatter([])
    assert "shut down" in repr(pool)


def test_a_pool_that_nobody_holds_ends_when_its_calls_are_done() -> None:
    future = Pool(2).submit(functions.nap, 7)
    gc.collect()

    assert future.result(timeout=20) == 7
    wait_until(lambda: not children(), "the workers have ended")


def test_shutdown_may_be_called_from_several_threads_at_once() -> None:
    pool = Pool(2)
    future = pool.submit(functions.nap, 7)
    threads = [threading.Thread(target=pool.shutdown) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert not any(thread.is_alive() for thread in threads)
    assert future.result() == 7


def test_what_a_call_registered_for_the_end_of_the_process_runs(tmp_path: Path) -> None:
    trace = str(tmp_path / "trace")

    def register() -> None:
        import atexit

        atexit.register(functions.append_line, trace, "ended")

    with Pool(1) as pool:
        pool.submit(register).result()

    assert functions.count_lines(trace) == 1


def test_a_thread_that_a_call_left_running_does_not_hold_up_the_end() -> None:
    def leave_thread() -> None:
        threading.Thread(target=time.sleep, args=(60,)).start()

    started = time.monotonic()
    with Pool(1) as pool:
        pool.submit(leave_thread).result()

    assert time.monotonic() - started < 20
    assert children() == []


def test_many_pools_one_after_another_leave_nothing() -> None:
    threads = threading.active_count()
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(15):
        with Pool(2) as pool:
            assert pool.submit(functions.square, 3).result() == 9

    assert children() == []
    wait_until(lambda: threading.active_count() == threads, "the pools' threads have ended")
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 2


@pytest.mark.parametrize("body", [None, ZeroDivisionError], ids=["no call", "error in the block"])
def test_the_with_block_always_ends_the_pool(body: type[Exception] | None) -> None:
    def run() -> None:
        with Pool(2):
            if body is not None:
                raise body

    expect(run, body)
    assert children() == []


def expect(act: Callable[[], None], error: type[Exception] | None) -> None:
    if error is None:
        act()
    else:
        with pytest.raises(error):
            act()


def test_a_recorded_timeline_says_what_ran_where_and_when() -> None:
    with Pool(2, record=True) as pool:
        assert pool.submit(functions.nap, 1).result() == 1
        assert isinstance(pool.submit(functions.fail, 1).exception(), ValueError)
        assert list(pool.map(functions.square, range(10), chunksize=5))[-1] == 81
        spans = pool.timeline()

    assert [(span.function, span.items, span.ok) for span in spans] == [
        ("nap", 1, True),
        ("fail", 1, False),
        ("square", 5, True),
        ("square", 5, True),
    ]
    assert {span.worker for span in spans} <= {1, 2}
    assert spans[0].elapsed >= 0.02
    assert spans[0].started <= time.monotonic()


def test_a_pool_that_does_not_record_has_no_timeline(pool: Pool) -> None:
    with pytest.raises(RuntimeError, match="record=True"):
        pool.timeline()


def test_a_fork_of_the_client_is_told_whose_the_pool_is() -> None:
    ended = run_python(
        "-c",
        """
import os
from elsewhere import Pool
with Pool(1) as pool:
    pool.submit(abs, -1).result()
    if os.fork() == 0:
        try:
            pool.submit(abs, -2)
        except RuntimeError as error:
            print(error, flush=True)
        os._exit(0)
    os.wait()
    print(pool.submit(abs, -3).result())
""",
    )

    assert ended.returncode == 0, ended.stderr
    told, result = ended.stdout.splitlines()
    assert told.endswith("in a fork of the process whose pool this is: make a pool here")
    assert result == "3"


def test_what_fails_as_a_call_is_given_it_is_no_value() -> None:
    with Pool(1, inline_bytes=0) as pool:
        failed = pool.submit(int, "no number")
        wait([failed], timeout=60)
        # As another pool would bring it that has seen it pending a moment before.
        assert pool._session._puts._bring(failed) is failed
        with pytest.raises(ValueError, match="no number"):
            pool.submit(abs, failed).result(timeout=60)
