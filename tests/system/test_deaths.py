"""Workers die; their calls run again, and a call that keeps killing its workers fails alone."""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from elsewhere import CallQuarantined, CallTimeout, Pool
from tests.system import functions
from tests.system.waiting import wait_until

MEBIBYTE = 2**20


def node_of(pool: Pool) -> psutil.Process:
    """The process that forks the workers: the parent of any of them."""
    return psutil.Process(pool.submit(os.getppid).result())


def workers_of(node: psutil.Process) -> set[int]:
    try:
        return {child.pid for child in node.children() if child.status() != psutil.STATUS_ZOMBIE}
    except psutil.NoSuchProcess:
        return set()


WAYS: dict[str, tuple[Callable[..., Any], tuple[int, ...], str]] = {
    "kill -9": (functions.kill_own_process, (), "SIGKILL"),
    "os._exit": (functions.exit_at_once, (7,), "code 7"),
    "os._exit(0)": (functions.exit_at_once, (0,), "code 0"),
    "segmentation fault": (functions.read_address_zero, (), "SIGSEGV"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_call_that_takes_its_worker_down_three_times_fails_alone(pool: Pool, way: str) -> None:
    function, args, how = WAYS[way]
    innocent = [pool.submit(functions.spin_for_a_moment, number) for number in range(100)]
    guilty = pool.submit(function, *args)
    innocent += [pool.submit(functions.spin_for_a_moment, number) for number in range(100)]

    error = guilty.exception()

    assert isinstance(error, CallQuarantined)
    assert error.deaths == 3
    assert how in error.how
    assert error.function == function.__qualname__
    assert [future.result() for future in innocent] == [*range(100), *range(100)]


def test_a_call_that_kills_its_process_group_fails_alone(pool: Pool) -> None:
    innocent = [pool.submit(functions.spin_for_a_moment, number) for number in range(100)]
    guilty = pool.submit(functions.kill_own_group)
    node = pool.submit(os.getppid).result()

    error = guilty.exception()

    assert isinstance(error, CallQuarantined)
    assert error.deaths == 3
    assert [future.result() for future in innocent] == list(range(100))
    assert pool.submit(os.getppid).result() == node


def test_calls_that_kill_their_parent_fail_alone(pool: Pool, tmp_path: Path) -> None:
    """The first time that is the node, and nobody is blamed; from then on the blame is exact."""
    started, release = str(tmp_path / "started"), str(tmp_path / "release")
    innocent = pool.submit(functions.touch_and_wait, started, release)
    wait_until(Path(started).exists, "the innocent one runs")
    guilty = [pool.submit(functions.kill_parent) for _ in range(2)]

    errors = [future.exception() for future in guilty]
    Path(release).touch()

    for error in errors:
        assert isinstance(error, CallQuarantined)
        assert error.deaths == 3
        assert "SIGKILL" in error.how
    assert innocent.result() == release
    assert functions.count_lines(started) == 2
    assert list(pool.map(functions.square, range(100))) == [n**2 for n in range(100)]


def test_a_worker_with_a_keeper_dies_as_any_other(pool: Pool) -> None:
    os.kill(node_of(pool).pid, signal.SIGKILL)
    for way, (function, args, how) in WAYS.items():
        error = pool.submit(function, *args).exception()
        assert isinstance(error, CallQuarantined), way
        assert how in error.how, way

    error = pool.submit(functions.use_memory_then_die, 150 * MEBIBYTE).exception()
    assert isinstance(error, CallQuarantined)
    assert error.memory_bytes is not None
    assert error.memory_bytes > 150 * MEBIBYTE
    late = pool.options(timeout=0.2).submit(functions.swallow_interrupts, 60)
    assert isinstance(late.exception(), CallTimeout)


@pytest.mark.parametrize("kept", [False, True])
def test_workers_end_with_a_node_that_is_killed_whatever_they_do(pool: Pool, kept: bool) -> None:
    if kept:
        os.kill(node_of(pool).pid, signal.SIGKILL)
        assert pool.submit(functions.square, 3).result() == 9
    future = pool.submit(functions.hold_the_interpreter)
    node = psutil.Process(wait_until(partial(new_node, 0), "there is a node"))
    below = node.children(recursive=True)
    assert len(below) == (4 if kept else 2)
    wait_until(future.running, "the call runs")

    node.kill()

    gone, alive = psutil.wait_procs(below, 10)
    assert len(gone) == len(below)
    assert alive == []
    pool._session.terminate()


def test_what_a_call_started_ends_with_a_worker_that_dies(pool: Pool, tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    def start_then_die() -> None:
        program = subprocess.Popen(["sleep", "300"])
        functions.append_line(str(trace), str(program.pid))
        functions.kill_own_process()

    assert isinstance(pool.submit(start_then_die).exception(), CallQuarantined)

    started = [int(line) for line in trace.read_text().splitlines()]
    assert len(started) == 3
    wait_until(lambda: not any(map(is_running, started)), "none runs")


def is_running(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_quarantine_names_the_memory_that_the_worker_last_used(pool: Pool) -> None:
    error = pool.submit(functions.use_memory_then_die, 150 * MEBIBYTE).exception()

    assert isinstance(error, CallQuarantined)
    assert error.memory_bytes is not None
    assert 150 * MEBIBYTE < error.memory_bytes < 1000 * MEBIBYTE
    assert f"{error.memory_bytes / MEBIBYTE:,.0f} MiB" in str(error)


def test_a_call_whose_worker_died_twice_still_succeeds(pool: Pool, tmp_path: Path) -> None:
    assert pool.submit(functions.die_until, str(tmp_path / "attempts"), 3).result() == 3


def test_only_the_guilty_of_many_killers_and_innocents_fail(pool: Pool) -> None:
    guilty = [pool.submit(functions.kill_own_process) for _ in range(10)]
    innocent = [pool.submit(functions.identity, number) for number in range(50)]

    assert [type(future.exception()) for future in guilty] == [CallQuarantined] * 10
    assert [future.result() for future in innocent] == list(range(50))


def test_an_idle_worker_that_is_killed_is_replaced_within_a_second(pool: Pool) -> None:
    node = node_of(pool)
    wait_until(lambda: len(workers_of(node)) == 2, "both workers are there")
    for _ in range(5):
        victim = workers_of(node).pop()
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()

        wait_until(partial(is_replaced, victim, node), "the worker is replaced")

        # The promise is one second; the rest is for a machine that does other things.
        assert time.monotonic() - killed < 3.0
        assert pool.submit(functions.square, 3).result() == 9


def is_replaced(victim: int, node: psutil.Process) -> bool:
    workers = workers_of(node)
    return len(workers) == 2 and victim not in workers


def test_a_busy_worker_that_is_killed_is_replaced_and_its_calls_run_again(
    pool: Pool, tmp_path: Path
) -> None:
    node = node_of(pool)
    started, release = str(tmp_path / "started"), str(tmp_path / "release")
    futures = [pool.submit(functions.touch_and_wait, started, release) for _ in range(6)]
    wait_until(lambda: functions.count_lines(started) == 2, "two calls run")

    for worker in workers_of(node):
        os.kill(worker, signal.SIGKILL)
    wait_until(lambda: functions.count_lines(started) >= 4, "they run again")
    Path(release).touch()

    assert [future.result() for future in futures] == [release] * 6


def test_a_call_is_excused_that_was_killed_while_idle_workers_were_too(
    pool: Pool, tmp_path: Path
) -> None:
    node = node_of(pool)
    started, release = str(tmp_path / "started"), str(tmp_path / "release")

    def report_and_wait() -> str:
        functions.append_line(started, str(os.getpid()))
        return functions.wait_for_file(release)

    future = pool.submit(report_and_wait)
    for death in range(4):
        wait_until(partial(has_lines, started, death + 1), "it runs")
        runs_in = int(Path(started).read_text().split()[-1])
        wait_until(lambda: len(workers_of(node)) == 2, "both workers are there")
        idle = (workers_of(node) - {runs_in}).pop()
        os.kill(idle, signal.SIGKILL)
        wait_until(partial(is_replaced, idle, node), "the idle one is replaced")
        os.kill(runs_in, signal.SIGKILL)
    Path(release).touch()

    assert future.result() == release


def has_lines(path: str, lines: int) -> bool:
    return functions.count_lines(path) == lines


def test_workers_killed_at_random_change_no_result(pool: Pool) -> None:
    node = node_of(pool)
    chance = random.Random(5)
    done = threading.Event()
    kills = 0

    def kill_now_and_then() -> None:
        nonlocal kills
        while not done.wait(0.1):
            if workers := sorted(workers_of(node)):
                try:
                    os.kill(chance.choice(workers), signal.SIGKILL)
                except ProcessLookupError:
                    continue
                kills += 1

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        futures = [pool.submit(functions.spin_for_a_moment, number) for number in range(300)]
        submitted = [future.result() for future in futures]
        mapped = list(pool.map(functions.spin_for_a_moment, range(300)))
        while kills < 5:
            assert pool.submit(functions.nap, 1).result() == 1
    finally:
        done.set()
        killer.join()

    assert submitted == list(range(300))
    assert mapped == list(range(300))


@pytest.mark.parametrize("times", [1, 3])
def test_when_the_node_is_killed_all_begins_again_and_no_call_is_lost(
    pool: Pool, times: int
) -> None:
    assert pool.submit(functions.square, 3).result() == 9  # starting works
    futures = [pool.submit(functions.spin, 0.2) for _ in range(4 + 4 * times)]
    node = 0
    for _ in range(times):
        node = wait_until(partial(new_node, node), "there is a new node")
        os.kill(node, signal.SIGKILL)

    assert [future.result() for future in futures] == ["spun"] * len(futures)
    assert list(pool.map(functions.square, range(100))) == [n**2 for n in range(100)]


def new_node(seen: int) -> int:
    """The node of the only pool of this process, if it is not the one `seen` and has workers."""
    for child in psutil.Process().children():
        if child.pid != seen and len(workers_of(child)) == 2:
            return child.pid
    return 0


def test_an_idle_pool_survives_the_death_of_its_node(pool: Pool) -> None:
    os.kill(node_of(pool).pid, signal.SIGKILL)

    assert pool.submit(functions.square, 3).result() == 9


def test_a_worker_that_dies_between_calls_harms_none(pool: Pool) -> None:
    def die_later() -> str:
        threading.Timer(0.05, functions.kill_own_process).start()
        return "returned"

    node = node_of(pool)
    before = workers_of(node)

    assert pool.submit(die_later).result() == "returned"
    wait_until(lambda: before - workers_of(node), "the worker is dead")

    assert list(pool.map(functions.square, range(100))) == [n**2 for n in range(100)]


def test_a_worker_that_loses_its_descriptors_is_replaced(pool: Pool) -> None:
    error = pool.submit(os.closerange, 3, 256).exception()

    assert isinstance(error, CallQuarantined)
    assert pool.submit(functions.square, 3).result() == 9


def test_calls_may_start_processes_of_their_own(pool: Pool) -> None:
    def fork() -> int:
        child = os.fork()
        if child == 0:
            os._exit(5)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def run() -> str:
        import subprocess

        return subprocess.run(["echo", "said"], capture_output=True, text=True, check=True).stdout

    assert pool.submit(fork).result() == 5
    assert pool.submit(run).result() == "said\n"
    assert [future.result() for future in [pool.submit(fork) for _ in range(10)]] == [5] * 10


def test_shutdown_after_deaths_leaves_no_process() -> None:
    with Pool(2) as pool:
        node = node_of(pool)
        assert isinstance(pool.submit(functions.kill_own_process).exception(), CallQuarantined)
        workers = workers_of(node)

    assert not node.is_running()
    assert not [worker for worker in workers if psutil.pid_exists(worker)]
