"""Values whose segments are gone are made again, by the calls that made them and no others."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Self

import numpy as np
import pytest

from elsewhere import Pool
from elsewhere.errors import DataLost
from tests.system import functions, losing
from tests.system.large import LENGTH
from tests.system.losing import lose_all, noted
from tests.system.segments import folder_of, segments_in
from tests.system.waiting import wait_until

STAGES = 10
WIDTH = 4


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the calls of a test note that they run."""
    return tmp_path / "log"


def test_a_lost_value_is_made_again_for_who_asks(pool: Pool, log: Path) -> None:
    future = pool.submit(losing.load, str(log), 1)
    assert future.nbytes
    assert lose_all(pool) == 1

    assert future.result()[0] == 1
    assert future.result() is future.result()
    assert noted(log) == ["load1", "load1"]


def test_a_lost_value_is_made_again_for_a_call_that_is_given_it(pool: Pool, log: Path) -> None:
    future = pool.submit(losing.load, str(log), 1)
    assert future.nbytes
    lose_all(pool)

    sums = [pool.submit(losing.total, future) for _ in range(8)]

    assert {one.result() for one in sums} == {int((np.arange(LENGTH) + 1).sum())}
    assert noted(log) == ["load1", "load1"]


def test_only_what_is_needed_is_made_again_and_each_once(pool: Pool, log: Path) -> None:
    loaded = [pool.submit(losing.load, str(log), n) for n in range(3)]
    one = pool.submit(losing.add, str(log), loaded[0], 10)
    other = pool.submit(losing.add, str(log), loaded[0], 20)
    joined = pool.submit(losing.join, str(log), one, other)
    assert joined.nbytes
    assert all(future.nbytes for future in loaded)
    first = len(noted(log))
    lose_all(pool)

    assert joined.result()[0] == 30

    assert sorted(noted(log)[first:]) == ["add10", "add20", "join", "load0"]


def test_what_was_let_go_is_made_again_too(pool: Pool, log: Path) -> None:
    loaded = pool.submit(losing.load, str(log), 1)
    added = pool.submit(losing.add, str(log), loaded, 2)
    assert added.nbytes
    del loaded
    lose_all(pool)

    assert added.result()[0] == 3
    assert noted(log) == ["load1", "add2", "load1", "add2"]


def test_a_value_that_was_put_stays_for_what_was_made_from_it(pool: Pool, log: Path) -> None:
    put = pool.put(np.arange(LENGTH))
    kept = {path.name for path in segments_in(folder_of(pool))}
    added = pool.submit(losing.add, str(log), put, 2)
    assert added.nbytes
    del put
    for path in segments_in(folder_of(pool)):
        if path.name not in kept:
            path.unlink()

    assert added.result()[0] == 2
    assert noted(log) == ["add2", "add2"]


def test_a_value_that_was_put_and_is_lost_is_told_with_what_was_made_from_it(
    pool: Pool, log: Path
) -> None:
    added = pool.submit(losing.add, str(log), pool.put(np.arange(LENGTH)), 2)
    more = pool.submit(losing.add, str(log), added, 3)
    assert more.nbytes
    lose_all(pool)

    with pytest.raises(DataLost) as told:
        more.result()

    assert told.value.chain == ("tests.system.losing.add", "")
    assert str(told.value) == (
        "the value of tests.system.losing.add was lost, and cannot be made again because of a "
        "value that was put, from which it was made by way of tests.system.losing.add: it was "
        "put, not made by a call"
    )
    assert pool.submit(functions.square, 3).result() == 9


def test_what_raises_this_time_is_told_with_what_was_made_from_it(
    pool: Pool, tmp_path: Path
) -> None:
    truth = tmp_path / "truth"
    truth.write_text("7")
    doubled = pool.submit(losing.double, pool.submit(losing.read, str(truth)))
    assert doubled.nbytes
    truth.unlink()
    lose_all(pool)

    with pytest.raises(DataLost, match="called again, it raised FileNotFoundError") as told:
        doubled.result()
    assert told.value.function == "tests.system.losing.double"
    assert told.value.chain == ("tests.system.losing.read",)
    assert isinstance(told.value.__cause__, FileNotFoundError)

    with pytest.raises(DataLost, match=r"losing\.read") as needed:
        pool.submit(losing.double, doubled).result()
    assert needed.value.__notes__ == ["not called: tests.system.losing.double, which needed it"]


def test_who_asks_may_wait_for_some_time_only(pool: Pool, tmp_path: Path, log: Path) -> None:
    gate = tmp_path / "gate"
    future = pool.submit(losing.load_when_allowed, str(log), str(gate))
    assert future.nbytes
    lose_all(pool)

    for _ in range(2):
        with pytest.raises(TimeoutError):
            future.result(0.05)
        with pytest.raises(TimeoutError):
            future.exception(0.05)
    gate.touch()

    assert future.result()[0] == 3
    assert noted(log) == ["load", "load"]


def test_several_threads_ask_for_one_lost_value(pool: Pool, log: Path) -> None:
    future = pool.submit(losing.load, str(log), 1)
    assert future.nbytes
    lose_all(pool)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(int(future.result()[0]))) for _ in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [1] * 8
    assert noted(log) == ["load1", "load1"]


def test_a_lost_value_can_be_awaited(pool: Pool, log: Path) -> None:
    future = pool.submit(losing.load, str(log), 1)
    assert future.nbytes
    lose_all(pool)

    async def ask() -> int:
        return int((await future)[0])

    assert asyncio.run(ask()) == 1


def test_a_value_may_be_lost_again_and_again(pool: Pool, log: Path) -> None:
    future = pool.submit(losing.load, str(log), 1)
    for _ in range(3):
        assert pool.submit(losing.total, future).result()
        lose_all(pool)

    assert future.result()[0] == 1
    assert noted(log) == ["load1"] * 4


def test_a_pool_that_ends_waits_for_who_asked(log: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with Pool(1) as pool:
        future = pool.submit(losing.load_when_allowed, str(log), str(gate))
        assert future.nbytes
        lose_all(pool)
        with pytest.raises(TimeoutError):
            future.result(0.01)
        gate.touch()

    assert future.result()[0] == 3


def test_what_is_lost_when_the_pool_has_ended_stays_lost(log: Path) -> None:
    with Pool(1) as pool:
        future = pool.submit(losing.load, str(log), 1)
        assert future.nbytes
        lose_all(pool)

    with pytest.raises(DataLost, match="the file that held it is gone"):
        future.result()
    assert noted(log) == ["load1"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (losing.touch_a_lost_child, 4 * LENGTH),
        (losing.give_a_lost_child, 5 * LENGTH),
        (losing.touch_in_a_thread, 4 * LENGTH),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_call_finds_the_lost_values_of_its_own_calls(
    call: Callable[[str], int], expected: int, workers: int
) -> None:
    with Pool(workers) as pool:
        assert pool.submit(call, str(folder_of(pool))).result() == expected


def pipeline(pool: Pool, log: str) -> int:
    """Ten stages of four large values, each made from two of the stage before."""
    stage = [pool.submit(losing.load, log, n) for n in range(WIDTH)]
    for number in range(1, STAGES):
        stage = [
            pool.submit(losing.join, log, stage[n], stage[(n + number) % WIDTH])
            for n in range(WIDTH)
        ]
    return sum(pool.submit(losing.total, one).result() for one in stage)


def expected_of_pipeline() -> int:
    stage = [np.arange(LENGTH) + n for n in range(WIDTH)]
    for number in range(1, STAGES):
        stage = [stage[n] + stage[(n + number) % WIDTH] for n in range(WIDTH)]
    return sum(int(one.sum()) for one in stage)


class Enemy:
    """Removes segments and kills workers at random, up to a number of times each."""

    def __init__(self, pool: Pool, seed: int, removals: int, kills: int) -> None:
        self.removed = self.killed = 0
        self._pool = pool
        self._random = Random(seed)
        self._removals, self._kills = removals, kills
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.wait(self._random.uniform(0.001, 0.02)):
            paths = segments_in(folder_of(self._pool))
            if paths and self.removed < self._removals:
                self._random.choice(paths).unlink(missing_ok=True)
                self.removed += 1
            if self.killed < self._kills and self._random.random() < 0.3:
                self._kill()

    def _kill(self) -> None:
        gateway = self._pool._session._host._engine
        pids = [pid for pid in pids_of(gateway) if pid]
        if pids:
            os.kill(self._random.choice(pids), signal.SIGKILL)
            self.killed += 1


def pids_of(engine: object) -> list[int]:
    """The processes of the workers: the children of the node."""
    import psutil

    node = [
        child
        for child in psutil.Process().children()
        if any("elsewhere" in part for part in child.cmdline())
    ]
    return [child.pid for parent in node for child in parent.children()]


@pytest.mark.parametrize("seed", range(3))
def test_a_pipeline_gives_the_same_while_values_are_lost(seed: int, log: Path) -> None:
    with Pool(2) as pool, Enemy(pool, seed, removals=30, kills=0) as enemy:
        assert pipeline(pool, str(log)) == expected_of_pipeline()
        wait_until(lambda: enemy.removed > 0, "something was removed")
        assert pipeline(pool, str(log)) == expected_of_pipeline()


@pytest.mark.parametrize("seed", range(2))
def test_a_pipeline_gives_the_same_while_workers_are_killed(seed: int, log: Path) -> None:
    with Pool(2) as pool, Enemy(pool, seed, removals=20, kills=2) as enemy:
        while not (enemy.killed and enemy.removed):
            assert pipeline(pool, str(log)) == expected_of_pipeline()


def test_nothing_is_remembered_once_all_is_let_go(pool: Pool, log: Path) -> None:
    pipeline(pool, str(log))
    values = pool._session._host._gateway.ledger.values

    wait_until(lambda: not (values.kept or values.recipes.kept), "nothing is kept")
    assert values.recipes.nbytes == values.nbytes == 0
