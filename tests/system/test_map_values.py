"""Results of maps: large ones stay where they were made, and go when nobody refers to them."""

import gc
import os
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elsewhere
from elsewhere import Pool
from elsewhere.errors import DataLost
from tests.system import functions, large
from tests.system.segments import folder_of, segments_in
from tests.system.waiting import wait_until

MEBIBYTE = 2**20


def wait_for_nothing_kept(pool: Pool) -> None:
    values = pool._session._host._gateway.ledger.values
    gc.collect()
    wait_until(lambda: not values.kept, "nothing is kept")


@pytest.fixture
def ended() -> Iterator[list[Path]]:
    """Folders of pools that the test ends: nothing of them may remain."""
    folders: list[Path] = []
    yield folders
    assert folders
    assert [folder for folder in folders if folder.exists()] == []


def test_large_results_are_mapped_and_go_with_the_last_of_them(pool: Pool) -> None:
    results = list(pool.map(large.fill, range(30)))

    assert all(large.is_mapped_here(array) for array in results)
    assert [set(array.tolist()) for array in results] == [{n} for n in range(30)]
    view = results[7][5:9]
    del results
    gc.collect()
    assert [int(array[0]) for array in pool.map(large.fill, range(100, 130))] == [*range(100, 130)]
    assert view.tolist() == [7, 7, 7, 7]
    del view
    wait_for_nothing_kept(pool)


def test_whether_a_result_is_mapped_depends_on_its_own_size(pool: Pool) -> None:
    sizes = [10, large.LENGTH, 2**10, large.LENGTH, 10]

    for chunksize in (1, 5, 50):
        results = list(pool.map(np.ones, sizes * 20, chunksize=chunksize))
        mapped = [large.is_mapped(array) for array in results]
        assert mapped == [size == large.LENGTH for size in sizes * 20]
        assert [array.flags.writeable for array in results] == [not one for one in mapped]
        del results
    wait_for_nothing_kept(pool)


def test_many_small_results_of_a_chunk_arrive_together(pool: Pool) -> None:
    texts = ["x" * 1000] * 20_000

    assert list(pool.map(functions.identity, texts, chunksize=20_000)) == texts  # 20 MB at once
    wait_for_nothing_kept(pool)


def test_what_has_no_buffers_is_copied_here_and_lets_its_segment_go(pool: Pool) -> None:
    results = list(pool.map(bytes, [MEBIBYTE] * 20))

    assert results == [bytes(MEBIBYTE)] * 20
    wait_for_nothing_kept(pool)


def test_results_that_nobody_reads_go_with_their_iterator(pool: Pool) -> None:
    results = pool.map(large.fill, range(100))
    assert int(next(results)[0]) == 0

    del results

    wait_for_nothing_kept(pool)
    assert pool.submit(functions.square, 3).result() == 9


def test_an_error_surfaces_behind_the_large_results_before_it(pool: Pool) -> None:
    arrays: list[Any] = []
    with pytest.raises(ValueError, match="item 5"):
        arrays.extend(pool.map(large.fill_up_to_5, range(20), chunksize=20))

    assert [int(array[0]) for array in arrays] == [0, 1, 2, 3, 4]
    wait_for_nothing_kept(pool)


def test_a_result_that_refuses_to_be_decoded_follows_those_before_it(pool: Pool) -> None:
    arrays: list[Any] = []
    with pytest.raises(RuntimeError, match="refuses"):
        arrays.extend(pool.map(large.fill_or_refuse, range(8), chunksize=8))

    assert [int(array[0]) for array in arrays] == [0, 1, 2, 3, 4]
    assert all(large.is_mapped_here(array) for array in arrays)


def test_more_results_than_there_is_room_for_are_all_read(ended: list[Path]) -> None:
    with Pool(2, shared_memory=3 * MEBIBYTE // 2) as pool:
        ended.append(folder_of(pool))
        kept = list(pool.map(large.fill, range(40)))
        assert [set(array.tolist()) for array in kept] == [{n} for n in range(40)]


def test_a_single_result_that_is_larger_than_all_the_room_arrives(ended: list[Path]) -> None:
    with Pool(2, shared_memory=0) as pool:
        ended.append(folder_of(pool))
        assert [int(array[-1]) for array in pool.map(large.fill, range(20))] == [*range(20)]


def test_results_can_be_read_when_their_pool_has_ended(ended: list[Path]) -> None:
    with Pool(2) as pool:
        ended.append(folder_of(pool))
        results = pool.map(large.fill, range(20))
    assert [set(array.tolist()) for array in results] == [{n} for n in range(20)]

    with Pool(1, inline_bytes=0, shared_memory=0) as pool:
        ended.append(folder_of(pool))
        squares = pool.map(functions.square, range(100))
    assert list(squares) == [n * n for n in range(100)]


def test_a_cancelled_map_leaves_nothing(ended: list[Path]) -> None:
    pool = Pool(2)
    ended.append(folder_of(pool))
    results = pool.map(large.fill, range(1000))
    assert int(next(results)[0]) == 0
    pool.shutdown(cancel_futures=True)
    with pytest.raises(CancelledError):
        list(results)


def test_results_of_workers_that_die_are_made_again(pool: Pool, tmp_path: Path) -> None:
    paths = [str(tmp_path / str(n)) for n in range(6)]

    results = list(pool.map(large.fill_or_kill_self_once, range(6), paths, chunksize=3))

    assert [int(array[0]) for array in results] == list(range(6))
    del results
    wait_for_nothing_kept(pool)


def test_results_whose_file_is_gone_are_lost_and_the_pool_lives(pool: Pool) -> None:
    results = pool.map(large.fill, range(4), chunksize=4)
    values = pool._session._host._gateway.ledger.values
    wait_until(lambda: bool(values.kept), "the results are there")
    for path in segments_in(folder_of(pool)):
        os.unlink(path)

    with pytest.raises(DataLost, match="was lost"):
        next(results)
    assert pool.submit(functions.square, 3).result() == 9


def test_a_map_inside_a_call_has_large_results(pool: Pool) -> None:
    assert pool.submit(large.sum_inside, 20).result() == sum(range(20)) * large.LENGTH
    with pool:
        arrays = list(elsewhere.map(large.fill, range(20)))
        assert all(large.is_mapped_here(array) for array in arrays)
    del arrays
