"""Large values stay where they were made, are read there, and go when nobody needs them."""

import gc
import os
import signal
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from elsewhere import Pool
from elsewhere.errors import DataLost, NotPicklable
from tests.requirements import need
from tests.system import functions, large
from tests.system.clients import Client, start_client
from tests.system.segments import folder_of, segments_in
from tests.system.waiting import wait_until
from tests.watching import code_run_by

MEBIBYTE = 2**20
GONE_SECONDS_MAX = 2.0


def segments_of(pool: Pool) -> set[str]:
    return {path.name for path in segments_in(folder_of(pool))}


# ---------------------------------------------------------------- they travel

VALUES: dict[str, Callable[[], Any]] = {
    "bytes": lambda: bytes(range(256)) * 4096,
    "bytearray": lambda: bytearray(range(256)) * 4096,
    "text": lambda: "äöü" * MEBIBYTE,
    "list": lambda: list(range(2**18)),
    "array": lambda: np.arange(2**18),
    "array in Fortran's order": lambda: np.asfortranarray(np.arange(2**18).reshape(2**9, 2**9)),
    "every other item": lambda: np.arange(2**19)[::2],
    "many small arrays": lambda: [np.full(8, n) for n in range(2**13)],
    "arrays in a dict": lambda: {"a": np.zeros(2**17), "b": [np.ones(0), np.ones(2**16)]},
}


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(np.array_equal(one, other)) if isinstance(one, np.ndarray) else bool(one == other)


@pytest.mark.parametrize("name", VALUES)
def test_a_large_value_arrives_equal_by_every_way(name: str, pool: Pool) -> None:
    value = VALUES[name]()

    returned = pool.submit(functions.identity, pool.put(value))

    assert segments_of(pool)
    assert type(returned.result()) is type(value)
    assert equal(returned.result(), value)


def test_a_data_frame_arrives_equal(pool: Pool) -> None:
    need(find_spec("pandas"), "pandas", "pip install pandas")
    import pandas as pd

    frame = pd.DataFrame({"a": np.arange(2**17), "b": np.arange(2**17) / 2})

    pd.testing.assert_frame_equal(pool.submit(functions.identity, pool.put(frame)).result(), frame)


def test_an_arrow_table_arrives_equal(pool: Pool) -> None:
    need(find_spec("pyarrow"), "pyarrow", "pip install pyarrow")
    import pyarrow as pa

    table = pa.table({"a": np.arange(2**17)})

    assert table.equals(pool.submit(functions.identity, pool.put(table)).result())


def test_an_array_is_mapped_and_nobody_can_write_to_it(pool: Pool) -> None:
    future = pool.submit(large.fill, 3)

    assert pool.submit(large.is_mapped_here, future).result()
    with pytest.raises(ValueError, match="read-only"):
        pool.submit(large.write_to, future).result()
    assert large.is_mapped_here(future.result())
    with pytest.raises(ValueError, match="read-only"):
        large.write_to(future.result())


def test_a_result_may_be_a_part_of_an_input(pool: Pool) -> None:
    whole = pool.submit(large.fill, 5)
    part = pool.submit(large.part_of, whole)
    del whole
    others = [pool.submit(large.fill, n) for n in range(20)]

    assert [future.result()[0] for future in others] == list(range(20))
    assert set(part.result().tolist()) == {5}
    assert len(part.result()) == large.LENGTH - 20


def test_a_value_of_another_pool_is_put_into_this_one(pool: Pool) -> None:
    pool.submit(large.fill, 1).result()  # the same number as that of the other pool's
    with Pool(1) as other:
        future = other.submit(large.fill, 9)
        future.result()
        assert pool.submit(large.total, future).result() == 9 * large.LENGTH
    assert pool.submit(large.total, future).result() == 9 * large.LENGTH


def test_a_value_of_another_pool_is_put_once_for_all_that_are_given_it(pool: Pool) -> None:
    with Pool(1) as other:
        array = other.submit(np.arange, 2**18)
        array.nbytes  # noqa: B018  # it waits

        lengths = list(pool.map(len, [array, [array], array]))
        one = pool.submit(len, array)

        assert lengths == [2**18, 1, 2**18]
        assert one.result() == 2**18
        assert len({path for path in segments_of(pool) if path.startswith("0-")}) == 1


def test_an_item_of_a_map_that_was_lost_in_another_pool_fails_at_its_position(pool: Pool) -> None:
    with Pool(1) as other:
        lost = other.put(np.arange(2**18))
        for path in segments_in(folder_of(other)):
            path.unlink()

        lengths = pool.map(len, [[1], lost])

        assert next(lengths) == 1
        with pytest.raises(DataLost):
            next(lengths)
        with pytest.raises(DataLost):
            pool.submit(len, lost).result()


@pytest.mark.parametrize("length", [4_000, 40_000, 100_000])
def test_what_the_client_does_to_a_value_no_call_notices(length: int, pool: Pool) -> None:
    for future in (pool.submit(large.numbers, length), pool.put(large.numbers(length))):
        future.result().clear()

        assert pool.submit(len, future).result() == length


# ---------------------------------------------------------------- what a future tells


def test_a_future_tells_where_its_value_lies_and_how_large_it_is(pool: Pool) -> None:
    future = pool.submit(large.fill, 1)

    assert future.nbytes > large.LENGTH * 8
    assert future.where() in {1, 2}
    assert pool.submit(functions.square, 3).where() is None
    assert pool.submit(functions.square, 3).nbytes < 100


def test_how_large_the_value_of_a_failed_call_is_raises_what_it_raised(pool: Pool) -> None:
    future = pool.submit(large.total, "no array")

    with pytest.raises(AttributeError):
        _ = future.nbytes


def test_what_was_put_lies_in_this_process(pool: Pool) -> None:
    small, large_one = pool.put(1), pool.put(np.ones(2**17))

    assert small.result() == 1
    assert large_one.where() is None
    assert large_one.nbytes > MEBIBYTE
    assert large.is_mapped_here(large_one.result())


def test_scattered_values_are_futures_in_their_order(pool: Pool) -> None:
    futures = pool.scatter(np.full(2**17, n) for n in range(5))

    sums = [pool.submit(large.total, future).result() for future in futures]

    assert sums == [n * 2**17 for n in range(5)]


def test_with_no_inline_bytes_everything_lies_in_segments() -> None:
    with Pool(2, inline_bytes=0) as pool:
        futures = [pool.submit(functions.identity, pool.put(n)) for n in range(200)]
        assert [future.result() for future in futures] == list(range(200))
        assert all(future.where() for future in futures)
        unread = [pool.submit(functions.square, n) for n in range(200)]
    assert [future.result() for future in unread] == [n * n for n in range(200)]
    assert all(future.where() is None for future in unread)


def test_with_many_inline_bytes_nothing_does() -> None:
    with Pool(1, inline_bytes=2**40) as pool:
        future = pool.submit(large.total, pool.submit(large.fill, 2))

        assert future.result() == 2 * large.LENGTH
        assert segments_of(pool) == set()


# ---------------------------------------------------------------- they go


def test_what_nobody_needs_is_used_again(pool: Pool) -> None:
    for number in range(50):
        assert pool.submit(large.total, pool.submit(large.fill, number)).result() == (
            number * large.LENGTH
        )
        gc.collect()

    assert len(segments_of(pool)) < 20


def test_what_is_let_go_while_nothing_happens_is_freed() -> None:
    with Pool(1, shared_memory=64 * MEBIBYTE) as pool:
        values = [pool.put(np.arange(2**21))]  # more than is kept to be used again
        assert segments_of(pool)

        values.clear()

        wait_until(lambda: not segments_of(pool), "its memory is free")


def test_no_code_runs_where_a_future_is_let_go_and_ctrl_c_would_be_lost(pool: Pool) -> None:
    values = [pool.put(np.arange(2**18)), pool.submit(np.arange, 2**18)]
    values[1].result()

    assert code_run_by(values.clear) == []


def test_what_a_map_of_futures_has_left_can_be_used_again(pool: Pool) -> None:
    futures = [pool.submit(large.fill, n) for n in range(30)]
    assert [int(future.result()[0]) for future in futures] == list(range(30))
    values = pool._session._host._gateway.ledger.values

    del futures
    gc.collect()

    wait_until(lambda: not values.kept, "nothing is kept")


def test_what_the_client_has_of_a_value_stays_as_it_is(pool: Pool) -> None:
    array = pool.submit(large.fill, 7).result()
    put = pool.put(np.full(2**17, 8)).result()
    view = array[100:200]
    del array
    gc.collect()

    for number in range(50):
        assert pool.submit(large.fill, number).result()[0] == number
        assert pool.put(np.full(2**17, number)).result()[0] == number
        assert set(view.tolist()) == {7}
        assert set(put.tolist()) == {8}


def test_what_a_worker_keeps_of_an_input_stays_as_it_is() -> None:
    with Pool(1) as pool:
        process = pool.submit(large.keep, pool.submit(large.fill, 7)).result()
        assert pool.submit(large.keep, pool.put(np.full(2**17, 8))).result() == process
        for number in range(50):
            assert pool.submit(large.fill, number).result()[0] == number
            assert pool.put(np.full(2**17, number)).result()[0] == number

        assert pool.submit(large.sums_of_kept).result() == [{7}, {8}]
        values = pool._session._host._gateway.ledger.values
        pool.submit(large.let_go).result()
        wait_until(lambda: not values.kept, "the worker has let go")


def test_a_future_can_be_read_when_its_pool_has_ended() -> None:
    with Pool(2) as pool:
        folder = folder_of(pool)
        futures = [pool.submit(large.fill, n) for n in range(10)]
        put = pool.put(np.full(2**17, 99))
        read = pool.submit(large.fill, 5)
        array = read.result()

    assert not folder.exists()
    assert [set(future.result().tolist()) for future in futures] == [{n} for n in range(10)]
    assert put.result()[0] == 99
    assert set(array.tolist()) == {5}
    assert futures[0].where() is None


# ---------------------------------------------------------------- they outlive their makers


def test_a_worker_that_is_killed_takes_no_value_along(tmp_path: Path) -> None:
    with Pool(2) as pool:
        made = [pool.submit(large.fill, n) for n in range(8)]
        sums = [
            pool.submit(large.kill_self_once, future, str(tmp_path / str(n)))
            for n, future in enumerate(made)
        ]

        assert [future.result() for future in sums] == [n * large.LENGTH for n in range(8)]
        assert [int(future.result()[0]) for future in made] == list(range(8))


def test_what_a_dead_worker_would_have_used_again_is_removed() -> None:
    with Pool(1) as pool:
        kept = pool.submit(large.fill, 1)
        kept.result()
        for number in range(5):
            pool.submit(large.fill, number).result()
        worker = pool.submit(os.getpid).result()
        values = pool._session._host._gateway.ledger.values
        wait_until(lambda: len(values.kept) == 1, "one value is kept")

        os.kill(worker, signal.SIGKILL)
        assert pool.submit(functions.square, 3).result() == 9

        wait_until(lambda: len(segments_of(pool)) == 1, "its segment alone is left")
        assert set(kept.result().tolist()) == {1}


def test_workers_that_are_replaced_leave_nothing() -> None:
    with Pool(1, max_tasks_per_child=1) as pool:
        for number in range(5):
            assert pool.submit(large.fill, number).result()[0] == number
        gc.collect()

        wait_until(lambda: len(segments_of(pool)) <= 2, "what they had made is gone")


def test_a_value_for_which_there_is_no_room_is_refused_and_its_pool_lives() -> None:
    with Pool(1, initializer=large.limit_files, initargs=(MEBIBYTE // 2,)) as pool:
        future = pool.submit(large.fill, 1)

        with pytest.raises(NotPicklable, match=r"find no room, neither in .*Make it in parts"):
            future.result()
        assert segments_of(pool) == set()
        assert pool.submit(functions.square, 3).result() == 9


def test_what_the_client_gives_takes_no_more_memory_than_values_may() -> None:
    room = 8 * MEBIBYTE
    with Pool(1, shared_memory=room) as pool:
        taken = []
        kept: list[Any] = []
        for number in range(12):
            kept.append(pool.put(large.fill(number)))
            kept.append(pool.submit(large.first, large.fill(number)))
            taken.append(sum(path.stat().st_size for path in segments_in(folder_of(pool))))

        assert max(taken) <= room
        assert [future.result()[0] for future in kept[::2]] == list(range(12))
        assert [future.result() for future in kept[1::2]] == list(range(12))


def test_what_is_larger_than_values_may_be_together_lies_on_the_disk() -> None:
    with Pool(1, shared_memory=MEBIBYTE) as pool:
        made = pool.submit(large.fill, 7)

        assert made.nbytes > MEBIBYTE
        assert segments_of(pool) == set()
        assert pool.submit(large.first, made).result() == 7
        assert made.result()[0] == 7


# ---------------------------------------------------------------- they end with their client

HAS_VALUES = """
import time
import numpy as np
from elsewhere import Pool
from tests.system import large

pool = Pool(2)
futures = [pool.submit(large.fill, n) for n in range(10)]
put = pool.put(np.ones(2**20))
array = futures[0].result()
print([future.nbytes for future in futures] and "ready")
time.sleep(60)
"""
SHARED_MEMORY = Path("/dev/shm")


def folders_of(client: Client) -> list[Path]:
    need(SHARED_MEMORY.is_dir(), "/dev/shm", "mount -t tmpfs tmpfs /dev/shm")
    return list(SHARED_MEMORY.glob(f"elsewhere-{client.process.pid}-*"))


def test_the_folder_goes_with_a_client_that_is_killed(tmp_path: Path) -> None:
    with start_client(HAS_VALUES, tmp_path) as client:
        assert [len(segments_in(folder)) for folder in folders_of(client)] == [11]

        os.kill(client.process.pid, signal.SIGKILL)

        client.wait_end()
        wait_until(lambda: not folders_of(client), "its folder is gone", GONE_SECONDS_MAX)


def test_the_next_pool_removes_what_a_client_has_left_that_died_with_its_node(
    tmp_path: Path,
) -> None:
    with start_client(HAS_VALUES, tmp_path) as client:
        (node,) = psutil.Process(client.process.pid).children()
        node.suspend()
        os.kill(client.process.pid, signal.SIGKILL)
        client.wait_end()
        node.kill()
        client.wait_gone()
        assert len(folders_of(client)) == 1

        with Pool(1):
            assert not folders_of(client)


def test_values_outlive_the_node(pool: Pool) -> None:
    future = pool.submit(large.fill, 4)
    assert future.nbytes
    (node,) = [p for p in psutil.Process().children() if p.pid == _node_of(pool)]

    node.kill()

    assert pool.submit(large.total, future).result() == 4 * large.LENGTH


def _node_of(pool: Pool) -> int:
    node = pool._session._host._engine._node  # type: ignore[attr-defined]  # a local one
    return int(node._process)
