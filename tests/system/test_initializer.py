"""The initializer runs once in each worker, before its first call; if it fails, calls say so."""

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elsewhere import InitializerFailed, NotPicklable, Pool, WorkerLost
from tests.system import functions
from tests.system.clients import run_python


def test_it_runs_once_in_each_worker(tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    def initialise(path: str) -> None:
        functions.append_line(path, str(os.getpid()))

    with Pool(2, initializer=initialise, initargs=(str(trace),)) as pool:
        workers = set(pool.map(functions.process_id, range(200), chunksize=1))

    ran_in = trace.read_text().split()
    assert len(ran_in) == len(set(ran_in)) == 2
    assert {str(worker) for worker in workers} <= set(ran_in)


def test_what_it_sets_is_there_for_all_calls() -> None:
    def initialise(value: str) -> None:
        os.environ["SET_BY_INITIALIZER"] = value

    with Pool(2, initializer=initialise, initargs=("here",)) as pool:
        assert set(pool.map(os.getenv, ["SET_BY_INITIALIZER"] * 50)) == {"here"}


SCRIPT = """
from elsewhere import Pool
model, kept, names = None, {}, ["a"]
def load(size):
    global loaded
    loaded = [size]
    return 2 * size
def initialise(size):
    global model
    model = load(size)
    kept["made"] = object()
def work(item):
    return model + item, list(kept), loaded, names
class Work:
    def run(self, item): return model + item
with Pool(2, initializer=initialise, initargs=(20,)) as pool:
    print(list(pool.map(work, range(2))))
    names = [*names, "b"]
    print(pool.submit(work, 5).result())
    print(pool.submit(Work().run, 3).result(), pool.submit(lambda: model).result())
"""


def test_what_it_assigns_in_a_script_is_there_for_all_functions_of_the_script() -> None:
    ended = run_python("-c", SCRIPT)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        "[(40, ['made'], [20], ['a']), (41, ['made'], [20], ['a'])]",
        "(45, ['made'], [20], ['a', 'b'])",
        "43 40",
    ]


HELD = """
import sqlite3, sys
import elsewhere
from elsewhere import Pool, task
connection, factor, kept = None, 1, {}
class Settings: size = 1
settings = Settings()
def initialise(number):
    global connection, factor
    connection, factor = sqlite3.connect(":memory:"), number
    settings.size = kept["size"] = number
def count(item): return connection.execute("select 1").fetchone()[0] + item
def spread(): return list(elsewhere.map(count, range(3)))
def give(): return count, settings.size, kept
@task(pure=True)
def scale(item): return item * factor
for number in (2, 3):
    with Pool(2, initializer=initialise, initargs=(number,), store=sys.argv[1]) as pool:
        given, size, there = pool.submit(give).result()
        print(pool.submit(count, 1).result(), pool.submit(spread).result(), size, there)
        print(given.__globals__["connection"], pool.submit(scale, 10).result())
"""


def test_what_it_assigns_leaves_the_worker_with_no_function(tmp_path: Path) -> None:
    ended = run_python("-c", HELD, str(tmp_path / "results.db"))

    assert ended.returncode == 0, ended.stderr
    # A pure task is remembered by the globals that it was sent with, and so finds those.
    assert ended.stdout.splitlines() == [
        "2 [1, 2, 3] 2 {'size': 2}",
        "None 10",
        "2 [1, 2, 3] 3 {'size': 3}",
        "None 10",
    ]


def test_it_runs_again_in_a_worker_that_replaces_another(tmp_path: Path) -> None:
    trace = str(tmp_path / "trace")

    with Pool(1, initializer=functions.append_line, initargs=(trace, "started")) as pool:
        attempts = str(tmp_path / "attempts")
        assert pool.submit(functions.die_until, attempts, 3).result() == 3

    assert functions.count_lines(trace) == 3


def test_if_it_raises_calls_fail_with_its_error() -> None:
    with Pool(2, initializer=functions.fail, initargs=("the set-up",)) as pool:
        error = pool.submit(functions.square, 2).exception()
        assert isinstance(error, InitializerFailed)
        assert isinstance(error.__cause__, ValueError)
        assert str(error.__cause__) == "cannot use 'the set-up'"
        with pytest.raises(InitializerFailed):
            list(pool.map(functions.square, range(100)))


@pytest.mark.parametrize(
    ("initializer", "args", "expected"),
    [
        (sys.exit, (3,), InitializerFailed),
        (functions.kill_own_process, (), WorkerLost),
        (functions.exit_at_once, (3,), WorkerLost),
        (functions.read_address_zero, (), WorkerLost),
    ],
)
def test_if_it_ends_the_worker_calls_fail_and_nothing_hangs(
    initializer: Callable[..., Any], args: tuple[int, ...], expected: type[Exception]
) -> None:
    with Pool(2, initializer=initializer, initargs=args) as pool:
        futures = [pool.submit(functions.square, number) for number in range(20)]
        assert {type(future.exception()) for future in futures} == {expected}


def test_if_it_fails_and_nobody_calls_the_pool_ends_quietly() -> None:
    with Pool(2, initializer=functions.fail, initargs=("the set-up",)) as pool:
        assert pool.workers == 2


def test_if_it_cannot_travel_the_pool_says_so_at_once() -> None:
    with pytest.raises(NotPicklable, match=r"initializer\[1\]\[0\]"):
        Pool(2, initializer=print, initargs=(threading.Lock(),))
    with pytest.raises(TypeError, match="callable"):
        Pool(2, initializer=3)  # type: ignore[arg-type]  # what the test is about


def test_max_tasks_per_child_replaces_workers() -> None:
    with Pool(2, max_tasks_per_child=3) as pool:
        futures = [pool.submit(functions.process_id) for _ in range(30)]
        calls_of = Counter(future.result() for future in futures)
        chunks_of = Counter(pool.map(functions.process_id, range(30), chunksize=1))

    assert max(calls_of.values()) <= 3
    assert sum(calls_of.values()) == 30
    assert max(chunks_of.values()) <= 3


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="workers"):
        Pool(0)
    with pytest.raises(TypeError, match="workers"):
        Pool(1.5)  # type: ignore[arg-type]  # what the test is about
    with pytest.raises(ValueError, match="max_tasks_per_child"):
        Pool(1, max_tasks_per_child=0)
    with pytest.raises(TypeError, match="max_tasks_per_child"):
        Pool(1, max_tasks_per_child=1.5)  # type: ignore[arg-type]  # what the test is about


def test_there_are_as_many_workers_as_asked_for() -> None:
    with Pool(3) as pool:
        assert pool.workers == 3
    with Pool() as pool:
        assert pool.workers <= len(os.sched_getaffinity(0))
