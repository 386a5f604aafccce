"""Calls that run in a fork of their worker: they find what it has, and harm none of it."""

import time
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import psutil
import pytest

import elsewhere
from elsewhere import CallQuarantined, CallTimeout, Pool
from tests.system import forks, functions
from tests.system.segments import folder_of
from tests.system.waiting import wait_until


def test_a_call_finds_what_its_worker_has_and_cannot_change_it() -> None:
    with Pool(1) as pool:
        forked = pool.options(isolation="fork")
        found = [forked.submit(forks.count, x).result() for x in range(3)]
        uses, maker, user = pool.submit(forks.count, 0).result()
    assert [(uses, made) for uses, made, _ in found] == [(1, maker)] * 3
    assert maker == user
    assert len({user, *(process for _, _, process in found)}) == 4
    assert uses == 1


def test_a_fork_is_a_child_of_its_worker() -> None:
    with Pool(1) as pool:
        worker = pool.submit(forks.process).result()
        parent, fork = pool.options(isolation="fork").submit(forks.family).result()
    assert parent == worker != fork


def test_globals_stay_as_they_are() -> None:
    with Pool(1) as pool:
        forked = pool.options(isolation="fork")
        assert [forked.submit(forks.change).result() for _ in range(3)] == [1, 1, 1]
        assert elsewhere.call(forks.isolated, 10) == 11
        assert pool.submit(forks.change).result() == 1


def test_what_is_made_for_a_call_is_made_in_its_fork() -> None:
    with Pool(1) as pool:
        kept, made, user = pool.options(isolation="fork").submit(forks.makers, 0).result()
        assert kept == pool.submit(forks.process).result()
        assert made == user != kept


def test_a_provider_that_fails_fails_the_call_in_the_worker_itself() -> None:
    with Pool(1) as pool:
        future = pool.options(isolation="fork").submit(forks.needs_broken)
        with pytest.raises(LookupError, match="no model") as caught:
            future.result()
    assert any("left alone for" in note for note in caught.value.__notes__)


def test_an_async_function_has_a_loop_of_its_own_there() -> None:
    with Pool(1) as pool:
        views = (pool, pool.options(isolation="fork"))
        found: list[object] = [view.submit(forks.is_own_loop).result() for view in views]
    assert found == [True, True]


WAYS: dict[str, tuple[Any, tuple[int, ...], str]] = {
    "kill -9": (functions.kill_own_process, (), "SIGKILL"),
    "os._exit": (functions.exit_at_once, (7,), "code 7"),
    "os._exit(0)": (functions.exit_at_once, (0,), "code 0"),
    "segmentation fault": (functions.read_address_zero, (), "SIGSEGV"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_call_that_crashes_fails_alone_and_its_worker_lives(way: str) -> None:
    function, args, how = WAYS[way]
    with Pool(1) as pool:
        worker = pool.submit(forks.count, 0).result()
        future = pool.options(isolation="fork").submit(function, *args)
        behind = pool.submit(forks.count, 1)

        error = future.exception()

        assert isinstance(error, CallQuarantined)
        assert error.deaths == 3
        assert how in error.how
        assert error.memory_bytes
        assert "took its fork down 3 times" in str(error)
        assert behind.result() == (2, *worker[1:])


def test_in_a_map_the_item_that_crashes_is_found() -> None:
    with Pool(2) as pool:
        results = pool.options(isolation="fork").map(
            forks.exit_at, range(12), [7] * 12, chunksize=5
        )
        assert [next(results) for _ in range(7)] == list(range(7))
        with pytest.raises(CallQuarantined, match="fork"):
            next(results)


def test_a_chunk_of_a_map_shares_a_fork() -> None:
    with Pool(1) as pool:
        forked = pool.options(isolation="fork")
        assert list(forked.map(forks.change, range(6), chunksize=3)) == [1, 2, 3, 1, 2, 3]
        assert list(forked.map(forks.add, [1, 2], [3, 4])) == [4, 6]
        assert [uses for uses, _, _ in forked.map(forks.count, range(4), chunksize=2)] == [1, 2] * 2


def test_errors_keep_their_story() -> None:
    with Pool(1) as pool, pytest.raises(ZeroDivisionError) as caught:
        pool.options(isolation="fork").submit(divmod, 1, 0).result()
    assert any("divmod(1, 0)" in note for note in caught.value.__notes__)


def test_large_results_stay_and_are_freed() -> None:
    with Pool(1) as pool:
        forked = pool.options(isolation="fork")
        large = [forked.submit(forks.fill, 10**6) for _ in range(3)]
        assert [pool.submit(len, one).result() for one in large] == [10**6] * 3
        assert [len(forked.submit(len, one).result() * b"x") for one in large] == [10**6] * 3
        assert {len(one.result()) for one in large} == {10**6}
        assert len(pool.submit(forks.fill, 10**6).result()) == 10**6


def test_a_fork_that_dies_leaves_nothing_behind() -> None:
    with Pool(1) as pool:
        assert pool.submit(forks.add, 1, 2).result() == 3
        before = set(folder_of(pool).iterdir())
        error = pool.options(isolation="fork").submit(forks.fill_and_die, 10**6).exception()
        assert isinstance(error, CallQuarantined)
        assert set(folder_of(pool).iterdir()) == before


def test_lines_come_whole(capfd: pytest.CaptureFixture[str]) -> None:
    with Pool(1) as pool:
        pool.options(isolation="fork").submit(forks.print_from_threads, 200).result()
    lines = capfd.readouterr().out.splitlines()
    assert sorted(lines) == sorted(
        [*(f"{name} {number} {100 * name}" for name in "ab" for number in range(200)), "unfinished"]
    )


def test_calls_that_it_makes_run_in_it() -> None:
    with Pool(2) as pool:
        total, inner, same = pool.options(isolation="fork").submit(forks.make_calls, 5).result()
    assert total == 20
    assert same, inner


def test_a_call_may_ask_for_it_from_within_a_call_and_from_a_thread() -> None:
    with Pool(1) as pool:
        assert pool.submit(forks.wait_in_thread, 10).result() == 11
        assert pool.submit(forks.change).result() == 1


def test_a_time_limit_interrupts_it(capfd: pytest.CaptureFixture[str]) -> None:
    with Pool(1) as pool:
        worker = pool.submit(forks.process).result()
        forked = pool.options(isolation="fork", timeout=0.2)
        with pytest.raises(CallTimeout, match="limit of 0"):
            forked.submit(forks.yield_when_asked).result()
        assert pool.submit(forks.process).result() == worker
    assert capfd.readouterr().out == "is asked to stop\n"


def test_one_that_does_not_heed_it_is_killed_and_the_worker_is_not() -> None:
    with Pool(1) as pool:
        worker = pool.submit(forks.process).result()
        forked = pool.options(isolation="fork", timeout=0.2, retries=1)
        with pytest.raises(CallTimeout, match="attempt 2"):
            forked.submit(forks.be_deaf).result()
        assert pool.submit(forks.process).result() == worker


def test_it_can_be_cancelled_while_it_runs() -> None:
    with Pool(1) as pool:
        worker = pool.submit(forks.process).result()
        future = pool.options(isolation="fork", interrupt=True).submit(time.sleep, 60)
        wait_until(future.running, "the call runs")
        assert future.cancel()
        with pytest.raises(CancelledError):
            future.result()
        assert pool.submit(forks.process).result() == worker


def test_processes_that_it_forks_are_no_forks_of_the_worker(tmp_path: Path) -> None:
    go = tmp_path / "go"
    with Pool(1) as pool:
        forked = pool.options(isolation="fork")
        assert forked.submit(forks.fork_and_come_back).result() == 2
        assert forked.submit(forks.leave_process, str(go)).result() == 1
        go.touch()
        assert forked.submit(forks.add, 1, 2).result() == 3


def test_one_that_closes_what_it_speaks_through_has_died() -> None:
    with Pool(1) as pool:
        error = pool.options(isolation="fork").submit(forks.close_everything).exception()
        assert isinstance(error, CallQuarantined)
        assert "SIGKILL" in error.how


def test_it_ends_with_its_worker_and_with_its_pool() -> None:
    with Pool(1, preload=False) as pool:
        worker = psutil.Process(pool.submit(forks.process).result())
        pool.options(isolation="fork").submit(time.sleep, 600)
        node = psutil.Process(worker.ppid())
        (fork,) = wait_until(worker.children, "it has forked")
        worker.kill()
        wait_until(lambda: not fork.is_running(), "the fork has ended with its worker")
        (worker,) = wait_until(node.children, "the worker is replaced")
        (fork,) = wait_until(worker.children, "it has forked again")
        pool._session.terminate()
    assert wait_until(lambda: not fork.is_running(), "the fork has ended with its pool")


def test_a_pure_task_is_remembered_when_it_ran_in_a_fork() -> None:
    process = elsewhere.task(pure=True, isolation="fork")(forks.add)
    with Pool(1):
        assert elsewhere.call(process, 1, 2) == 3
        assert elsewhere.call(process, 1, 2) == 3


def test_any_other_isolation_is_refused() -> None:
    with Pool(1) as pool, pytest.raises(ValueError, match='isolation must be "fork" or None'):
        pool.options(isolation="thread")  # type: ignore[arg-type]  # that is what is tested
    with pytest.raises(ValueError, match="'process'"):
        elsewhere.task(isolation="process")(forks.add)  # type: ignore[call-overload]  # that is what is tested
