"""A time limit stops the attempt, by force where need be; retries try again; others go on."""

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elsewhere import CallTimeout, Pool
from tests.system import functions
from tests.system.clients import run_python
from tests.system.waiting import seconds_of

# A call that is not stopped lasts so long, and a test that waits for it fails.
FAR_TOO_LONG = 60.0


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (functions.spin, (FAR_TOO_LONG,)),
        (time.sleep, (FAR_TOO_LONG,)),
        (functions.swallow_interrupts, (FAR_TOO_LONG,)),
        (functions.ignore_signals, (FAR_TOO_LONG,)),
        (functions.hold_the_interpreter, ()),
    ],
    ids=["python loop", "sleep", "swallows it", "ignores signals", "holds the interpreter"],
)
def test_a_call_that_runs_too_long_is_stopped_whatever_it_does(
    pool: Pool, function: Callable[..., Any], args: tuple[float, ...]
) -> None:
    stopped = pool.options(timeout=0.2).submit(function, *args)

    error = stopped.exception(timeout=20)

    assert isinstance(error, CallTimeout)
    assert isinstance(error, TimeoutError)
    assert (error.timeout, error.attempt) == (0.2, 1)
    assert function.__name__ in str(error)
    assert list(pool.map(functions.square, range(100))) == [n**2 for n in range(100)]


def test_a_call_that_yields_keeps_its_worker(pool: Pool) -> None:
    before: set[int] = set()
    while len(before) < 2:  # one worker may be there before the other
        before |= set(pool.map(functions.process_id, range(50), chunksize=1))

    for _ in range(3):
        error = pool.options(timeout=0.1).submit(time.sleep, FAR_TOO_LONG).exception()
        assert isinstance(error, CallTimeout)

    assert set(pool.map(functions.process_id, range(50), chunksize=1)) <= before


def test_a_call_may_clean_up_when_it_is_interrupted(pool: Pool, tmp_path: Path) -> None:
    trace = str(tmp_path / "trace")

    def work() -> None:
        try:
            functions.spin(FAR_TOO_LONG)
        finally:
            functions.append_line(trace, "cleaned up")

    assert isinstance(pool.options(timeout=0.2).submit(work).exception(), CallTimeout)
    assert functions.count_lines(trace) == 1


def test_an_except_clause_for_exceptions_does_not_catch_the_interruption(pool: Pool) -> None:
    def work() -> str:
        try:
            functions.spin(FAR_TOO_LONG)
        except Exception as error:  # noqa: BLE001  # what a careless call does
            return repr(error)
        return "ran to its end"

    assert isinstance(pool.options(timeout=0.2).submit(work).exception(), CallTimeout)


def test_calls_within_their_limit_are_left_alone(pool: Pool) -> None:
    limited = pool.options(timeout=20)

    assert limited.submit(functions.spin, 0.3).result() == "spun"
    assert list(limited.map(functions.nap, range(20))) == list(range(20))


def test_the_limit_does_not_count_the_time_in_the_queue(pool: Pool) -> None:
    limited = pool.options(timeout=2.0)

    futures = [limited.submit(functions.spin, 0.3) for _ in range(20)]

    assert [future.result() for future in futures] == ["spun"] * 20


def test_other_calls_do_not_suffer(pool: Pool) -> None:
    stuck = [
        pool.options(timeout=0.2).submit(functions.swallow_interrupts, FAR_TOO_LONG)
        for _ in range(2)
    ]
    innocent = [pool.submit(functions.identity, number) for number in range(100)]

    assert [future.result(timeout=20) for future in innocent] == list(range(100))
    assert [type(future.exception()) for future in stuck] == [CallTimeout] * 2


def test_in_a_map_the_limit_holds_for_each_item(pool: Pool) -> None:
    durations = [0.01, 0.01, FAR_TOO_LONG, 0.01]
    results = pool.options(timeout=0.3).map(functions.spin, durations)

    assert [next(results), next(results)] == ["spun", "spun"]
    with pytest.raises(CallTimeout):
        next(results)
    assert list(pool.map(functions.square, range(3))) == [0, 1, 4]


def test_a_call_that_raises_is_tried_again(pool: Pool, tmp_path: Path) -> None:
    attempts = str(tmp_path / "attempts")

    assert pool.options(retries=3).submit(functions.fail_until, attempts, 4).result() == 4


def test_after_the_last_retry_the_last_error_stands(pool: Pool, tmp_path: Path) -> None:
    attempts = str(tmp_path / "attempts")

    with pytest.raises(ValueError, match="attempt 3"):
        pool.options(retries=2).submit(functions.fail_until, attempts, 10).result()
    assert functions.count_lines(attempts) == 3


def test_a_call_that_runs_too_long_is_tried_again(pool: Pool, tmp_path: Path) -> None:
    attempts = str(tmp_path / "attempts")
    stubborn = pool.options(retries=2, timeout=0.3)

    assert stubborn.submit(functions.last_until, attempts, 3).result() == 3

    error = stubborn.submit(functions.spin, FAR_TOO_LONG).exception()
    assert isinstance(error, CallTimeout)
    assert error.attempt == 3


def test_in_a_map_each_item_has_its_own_retries(pool: Pool, tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in "abc"]
    fail_twice = functools.partial(functions.fail_until, attempts=3)

    assert list(pool.options(retries=2).map(fail_twice, paths)) == [3, 3, 3]


def test_without_options_nothing_is_tried_again(pool: Pool, tmp_path: Path) -> None:
    attempts = str(tmp_path / "attempts")

    assert isinstance(pool.submit(functions.fail_until, attempts, 2).exception(), ValueError)
    assert functions.count_lines(attempts) == 1


def test_options_leave_the_pool_as_it_was(pool: Pool) -> None:
    limited = pool.options(timeout=0.1)

    assert pool.submit(functions.spin, 0.3).result() == "spun"
    assert isinstance(limited.submit(functions.spin, FAR_TOO_LONG).exception(), CallTimeout)


@pytest.mark.parametrize("timeout", [0, -1.0])
def test_impossible_time_limits_are_refused(pool: Pool, timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout must be"):
        pool.options(timeout=timeout)


def test_impossible_numbers_of_retries_are_refused(pool: Pool) -> None:
    with pytest.raises(ValueError, match="retries must be"):
        pool.options(retries=-1)
    with pytest.raises(TypeError, match="retries must be"):
        pool.options(retries=0.5)  # type: ignore[arg-type]  # what the test is about


def test_waiting_for_a_result_has_a_limit_of_its_own(pool: Pool, tmp_path: Path) -> None:
    release = tmp_path / "release"
    future = pool.submit(functions.wait_for_file, str(release))

    for limit in (0.1, 0, -1):
        with pytest.raises(TimeoutError):
            future.result(timeout=limit)
    with pytest.raises(TimeoutError):
        future.exception(timeout=0.1)
    assert seconds_of(release.touch) < 20
    assert future.result() == str(release)


def test_a_call_that_holds_the_interpreter_does_not_hold_results_back() -> None:
    pool = Pool(1)
    try:
        list(pool.map(functions.square, range(100)))
        short = [pool.submit(functions.square, number) for number in range(20)]
        long = pool.submit(functions.hold_the_interpreter)

        assert [future.result(20) for future in short] == [number**2 for number in range(20)]
        assert not long.done()
    finally:
        pool._session.terminate()


def test_a_client_that_blocks_signals_has_workers_that_hear_them() -> None:
    program = """
import signal, os, time
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
from elsewhere import CallQuarantined, CallTimeout, Pool
from tests.system import functions
from tests.system.clients import run_python

with Pool(1) as pool:
    error = pool.options(timeout=0.2).submit(time.sleep, 60).exception(20)
    assert isinstance(error, CallTimeout), error
    pid = pool.submit(os.getpid).result()
    error = pool.submit(functions.kill_own_process).exception(20)
    assert isinstance(error, CallQuarantined), error
    assert pool.submit(os.getpid).result() != pid
    print("heard")
"""
    ended = run_python("-c", program)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "heard\n", "")
