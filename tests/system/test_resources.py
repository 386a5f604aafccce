"""What calls are given is made once in each worker, and ends with it."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import elsewhere
from elsewhere import CallQuarantined, CallTimeout, Pool, ResourceLimits
from elsewhere.inject.resources import RESOURCES
from tests.system import providers
from tests.system.waiting import wait_until


@pytest.fixture(autouse=True)
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "notes"
    monkeypatch.setenv(providers.NOTES, str(path))
    yield path
    RESOURCES.end()


def made(path: Path) -> Counter[str]:
    """How often each line was noted by one process: the most of all."""
    counts = Counter(path.read_text().splitlines())
    most: Counter[str] = Counter()
    for line, count in counts.items():
        name = line.split()[0]
        most[name] = max(most[name], count)
    return most


def test_every_way_to_make_a_call_is_given_it_and_each_worker_makes_it_once(notes: Path) -> None:
    expected = [(x, True) for x in range(20)]
    with Pool(2) as pool:
        assert [pool.submit(providers.where, x).result() for x in range(20)] == expected
        assert list(pool.map(providers.where, range(20))) == expected
        assert list(pool.map(providers.where_with_options, range(20))) == expected
        later: Iterator[object] = pool.map(providers.where_later, range(20))
        assert list(later) == expected
        assert pool.submit(providers.children, 20).result() == expected
        assert pool.submit(providers.from_threads, 20).result() == expected
        assert elsewhere.call(providers.where_with_options, 1) == (1, True)
        assert pool.submit(providers.where, 1, 0).result() == (1, False)
        assert list(pool.map(providers.where, [1, 2], [0, 0])) == [(1, False), (2, False)]
    assert made(notes) == {"base": 1, "slow": 1, "slow-ends": 1, "base-ends": 1}
    for process in {line.split()[1] for line in notes.read_text().splitlines()}:
        mine = [line.split()[0] for line in notes.read_text().splitlines() if process in line]
        assert mine == ["base", "slow", "slow-ends", "base-ends"]


def test_a_function_of_a_script_takes_its_providers_along(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "load 3", "(1, 3, 1) [(0, 3, 1), (1, 3, 1)]",
        "load 3", "(1, 3, 2) [(0, 3, 2), (1, 3, 2)]",
        "no name 'lost'",
    ]  # fmt: skip


SCRIPT = """
from __future__ import annotations
from typing import Annotated
from elsewhere import Depends, Pool

def helper(): return 1
def base(): yield helper()

class Model:
    def __init__(self, n, b): self.n, self.b = n, b

def load(n, b: Annotated[int, Depends(base)]):
    print("load", n)
    return Model(n, b)

Loaded = Annotated[Model, Depends(load, 3)]
def f(x, m: Loaded): return x, m.n, m.b
def g(x, m: Annotated[Model, Depends(lost)]): return x

with Pool(1) as pool:
    print(pool.submit(f, 1).result(), list(pool.map(f, range(2))))
    def helper(): return 2
    print(pool.submit(f, 1).result(), list(pool.map(f, range(2))))
    try:
        pool.submit(g, 1).result()
    except TypeError as error:
        print("no name 'lost'" if "name 'lost' is not defined" in error.__notes__[0] else error.__notes__)
"""


def test_a_provider_may_make_calls_and_those_who_need_it_meanwhile_wait(notes: Path) -> None:
    with Pool(1) as pool:
        assert pool.submit(providers.parallel, 5).result() == 5 * (9 + 5)
    assert made(notes) == {"calling": 1, "calling-ends-4": 1}


def test_an_async_provider_lives_in_the_loop_of_the_worker(notes: Path) -> None:
    with Pool(1) as pool:
        assert pool.submit(providers.uses_lock, 1).result()
        assert all(pool.map(providers.uses_loop, range(5)))
    assert made(notes) == {"later": 1, "later-ends-4": 1}


def test_a_provider_that_fails_fails_its_calls_and_is_tried_again_later(notes: Path) -> None:
    with Pool(1) as pool:
        for _ in range(3):
            with pytest.raises(OSError, match="no such model") as caught:
                pool.submit(providers.given_failing, 1).result()
            assert "raised by the provider failing()" in caught.value.__notes__[0]
        assert len(notes.read_text().splitlines()) < 3
        assert pool.submit(providers.square, 2).result() == 4


def test_the_time_limit_of_a_call_counts_while_its_provider_runs(notes: Path) -> None:
    with Pool(1) as pool:
        with pytest.raises(CallTimeout):
            pool.submit(providers.given_endless, 1).result()
        assert pool.submit(providers.given_endless_unlimited, 1).result() == 1
    assert made(notes) == {"endless": 2}


def test_a_worker_that_is_replaced_ends_what_it_has(notes: Path) -> None:
    with Pool(1, max_tasks_per_child=2) as pool:
        assert [pool.submit(providers.where, x).result() for x in range(4)] == [
            (x, True) for x in range(4)
        ]
    lines = [line.split()[0] for line in notes.read_text().splitlines()]
    assert lines == ["base", "slow", "slow-ends", "base-ends"] * 2


def test_a_worker_that_is_killed_ends_nothing_and_its_replacement_makes_it_anew(
    notes: Path,
) -> None:
    with Pool(1) as pool:
        with pytest.raises(CallQuarantined):
            pool.submit(providers.dies, 1).result()
        assert pool.submit(providers.where, 1).result() == (1, True)
    assert Counter(line.split()[0] for line in notes.read_text().splitlines()) == {
        "base": 4, "slow": 4, "slow-ends": 1, "base-ends": 1,
    }  # fmt: skip


def test_a_process_that_a_call_forks_may_use_it_and_does_not_end_it(notes: Path) -> None:
    with Pool(1) as pool:
        assert pool.submit(providers.forks, 1).result() == 0
    assert made(notes) == {"base": 1, "slow": 1, "slow-ends": 1, "base-ends": 1}


def let_one_be_made(pool: Pool) -> None:
    pool.submit(providers.where, 1).result()


def keep_one_in_use(pool: Pool) -> None:
    pool.submit(providers.busy, 1)
    wait_until(lambda: "busy" in providers.notes(), "the call runs")


@pytest.mark.parametrize("begin", [let_one_be_made, keep_one_in_use])
def test_ctrl_c_lets_workers_clean_up(notes: Path, begin: Callable[[Pool], None]) -> None:
    def interrupted() -> None:
        with Pool(1) as pool:
            begin(pool)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [note for note in providers.notes() if note != "busy"] == [
        "base", "slow", "slow-ends", "base-ends",
    ]  # fmt: skip


CLIENT = """
import os, signal
from elsewhere import Pool
from tests.system import providers
pool = Pool(1)
pool.submit(providers.where, 1).result()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_client_that_is_killed_leaves_workers_that_clean_up(notes: Path) -> None:
    root = Path(__file__).parents[2]
    client = subprocess.run(
        [sys.executable, "-c", CLIENT],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])},
        check=False,
    )
    assert client.returncode == -signal.SIGKILL
    wait_until(lambda: "base-ends" in providers.notes(), "the worker has ended")
    assert made(notes) == {"base": 1, "slow": 1, "slow-ends": 1, "base-ends": 1}


def test_a_clean_up_that_fails_is_reported(capfd: pytest.CaptureFixture[str]) -> None:
    with Pool(1) as pool:
        assert pool.submit(providers.given_failing_to_end, 1).result() == 1
    assert "the clean-up of failing_to_end() failed" in capfd.readouterr().err


def test_what_idles_ends_while_the_worker_does_nothing(notes: Path) -> None:
    with Pool(1) as pool:
        assert pool.submit(providers.given_brief, 1).result() == "a"
        wait_until(lambda: "brief-ends-a" in providers.notes(), "it was given up")
        assert pool.submit(providers.given_brief, 1).result() == "a"
    assert made(notes) == {"brief-a": 2, "brief-ends-a": 2}


def test_a_pool_says_how_much_its_workers_keep(notes: Path) -> None:
    with Pool(1, resource_limits=ResourceLimits(count=1)) as pool:
        pool.submit(providers.given_brief, 1).result()
        pool.submit(providers.given_failing_to_end, 1).result()
        assert providers.notes() == ["brief-a", "brief-ends-a"]


def test_limits_that_make_no_sense_are_refused() -> None:
    with pytest.raises(TypeError, match="resource_limits must be ResourceLimits, not 3"):
        Pool(1, resource_limits=3)  # type: ignore[arg-type]  # that is the test
    with pytest.raises(ValueError, match=r"resource_limits\.count must be at least 0, not -1"):
        Pool(1, resource_limits=ResourceLimits(count=-1))
    with pytest.raises(ValueError, match=r"resource_limits\.idle_seconds must be at least 0"):
        Pool(1, resource_limits=ResourceLimits(idle_seconds=-1.0))


def test_what_a_pure_task_is_given_is_part_of_its_key(notes: Path) -> None:
    with Pool(1) as pool:
        assert [pool.submit(providers.pure, 1).result() for _ in range(3)] == [10, 10, 10]
        assert pool.submit(providers.pure, 1, 5).result() == 6
    lines = [line.split() for line in elsewhere.why(providers.pure, 1).splitlines()]
    assert ["argument", "m", "Depends(tests.system.providers.square,", "3)"] in lines
    assert ["function", "tests.system.providers.square"] in [line[:2] for line in lines]
    assert made(notes) == {"pure": 2}
