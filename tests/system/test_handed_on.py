"""Large values of which nobody has a future any more go from call to call without lying anywhere."""

import gc
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elsewhere import Future, Pool
from tests.system import large
from tests.system.waiting import wait_until

WAIT = 60
_kept = np.zeros(large.LENGTH, np.int64)


def block(path: str) -> None:
    """Keep a worker busy until a file is there."""
    while not os.path.exists(path):
        time.sleep(0.001)


def fill(number: int) -> large.Array:
    return np.full(large.LENGTH, number)


def double(array: Any) -> Any:
    return array * 2


def owner_of(array: Any) -> tuple[str, bool, int]:
    """What the memory of an input belongs to, whether it can be written to, and its sum."""
    owner = large.owner(array)
    assert isinstance(owner, memoryview)
    return type(owner.obj).__name__, bool(array.flags.writeable), int(array.sum())


def keep(number: int) -> large.Array:
    """An array that the worker keeps."""
    _kept[:] = number
    return _kept


def change(array: Any) -> tuple[int, int]:
    """Change what `keep` has returned, and sum up both."""
    _kept[:] = 9
    return int(array.sum()), int(_kept.sum())


def die_once(array: Any, path: str) -> int:
    if not os.path.exists(path):
        Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return int(array.sum())


def fail(array: Any) -> None:
    raise ValueError(int(array.sum()))


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    """One worker, which knows that these functions are short."""
    with Pool(1) as pool:
        first = pool.submit(fill, 0)
        for function in (double, owner_of, large.total, change, fail):
            pool.submit(function, first).exception(WAIT)
        pool.submit(keep, 0).result(WAIT)
        pool.submit(die_once, first, os.devnull).result(WAIT)
        del first
        gc.collect()
        yield pool


def while_busy(pool: Pool, tmp_path: Path, ask: Callable[[], Future[Any]]) -> Any:
    """What comes of a chain that is asked for while the worker has no room."""
    go = tmp_path / "go"
    blocks = [pool.submit(block, str(go)) for _ in range(2)]
    last = ask()
    pool.submit(abs, 1).running()  # by then the machine has heard all of it
    go.touch()
    for one in blocks:
        one.result(WAIT)
    return last.result(WAIT)


def test_a_value_is_handed_on_without_a_segment(pool: Pool, tmp_path: Path) -> None:
    def ask() -> Future[Any]:
        return pool.submit(owner_of, pool.submit(double, pool.submit(fill, 3)))

    kind, writeable, total = while_busy(pool, tmp_path, ask)

    assert (kind, writeable, total) == ("ndarray", False, 6 * large.LENGTH)


def test_a_value_of_which_there_is_a_future_lies_in_a_segment(pool: Pool, tmp_path: Path) -> None:
    kept: list[Future[Any]] = []

    def ask() -> Future[Any]:
        kept.append(pool.submit(fill, 3))
        return pool.submit(owner_of, kept[0])

    kind, _, total = while_busy(pool, tmp_path, ask)

    assert kind != "ndarray"
    assert total == kept[0].result(WAIT).sum()


def test_an_array_that_the_worker_keeps_is_not_handed_on(pool: Pool, tmp_path: Path) -> None:
    sums = while_busy(pool, tmp_path, lambda: pool.submit(change, pool.submit(keep, 1)))

    assert sums == (large.LENGTH, 9 * large.LENGTH)


def test_a_value_is_made_again_if_the_worker_dies_in_the_next_call(
    pool: Pool, tmp_path: Path
) -> None:
    died = tmp_path / "died"

    total = while_busy(
        pool, tmp_path, lambda: pool.submit(die_once, pool.submit(fill, 3), str(died))
    )

    assert died.exists()
    assert total == 3 * large.LENGTH


def test_an_error_in_the_next_call_is_told(pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=str(3 * large.LENGTH)):
        while_busy(pool, tmp_path, lambda: pool.submit(fail, pool.submit(fill, 3)))


def test_the_callback_of_a_future_that_nobody_has_is_called(pool: Pool, tmp_path: Path) -> None:
    called: list[int] = []

    def ask() -> Future[Any]:
        made = pool.submit(fill, 3)
        last = pool.submit(large.total, made)
        made.add_done_callback(lambda one: called.append(one.result()[0]))
        return last

    assert while_busy(pool, tmp_path, ask) == 3 * large.LENGTH
    wait_until(lambda: called == [3], "the callback was called")


def test_nothing_is_left_of_chains(pool: Pool) -> None:
    chains = [
        pool.submit(large.total, pool.submit(double, pool.submit(fill, number)))
        for number in range(100)
    ]

    assert [one.result(WAIT) for one in chains] == [2 * n * large.LENGTH for n in range(100)]
    host = pool._session._host
    values = host._gateway.ledger.values
    del chains
    wait_until(lambda: not values.kept, "no value is kept")
    assert not host._inbox.pending


def test_a_timeline_has_the_calls_of_which_there_is_no_future() -> None:
    with Pool(1, record=True) as pool:
        for _ in range(2):
            chains = [pool.submit(large.total, pool.submit(fill, n)) for n in range(20)]
            assert [one.result(WAIT) for one in chains] == [n * large.LENGTH for n in range(20)]
        spans = pool.timeline()._spans

    assert (
        sorted(span.function.rpartition(".")[2] for span in spans) == ["fill"] * 40 + ["total"] * 40
    )
