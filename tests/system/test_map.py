"""Map: it streams, keeps the order, keeps a bounded number in flight, and can be abandoned."""

import functools
import gc
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from elsewhere import Pool
from tests.system import functions
from tests.system.waiting import wait_until

# The bound of "bounded" here: far more than is in flight, far less than a runaway would read.
IN_FLIGHT_MAX = 2_000


class Tap:
    """Counts upwards without end, and tells how far it has come."""

    def __init__(self) -> None:
        self.pulled = 0

    def __iter__(self) -> Iterator[int]:
        for number in itertools.count():
            self.pulled += 1
            yield number


def test_results_come_in_order_whatever_their_calls_take(pool: Pool) -> None:
    durations = [0.05, 0.0, 0.02, 0.0, 0.04, 0.01] * 5

    def last(position: int) -> int:
        time.sleep(durations[position])
        return position

    assert list(pool.map(last, range(len(durations)))) == list(range(len(durations)))


def test_no_items_give_no_results(pool: Pool) -> None:
    assert list(pool.map(functions.square, [])) == []
    assert list(pool.map(functions.square, iter(()))) == []
    assert list(pool.map(functions.add, [], [1])) == []


def test_several_iterables_end_with_the_shortest(pool: Pool) -> None:
    assert list(pool.map(pow, range(5), itertools.repeat(2))) == [0, 1, 4, 9, 16]
    assert list(pool.map(functions.add, range(3), range(10), [1])) == [1]
    assert list(pool.map(functions.add, range(1000), [1] * 2000))[-1] == 1000


def test_an_unbounded_generator_is_read_as_its_results_are(pool: Pool) -> None:
    tap = Tap()

    results = pool.map(functions.spin_for_a_moment, tap)
    for expected in range(200):
        assert next(results) == expected
        assert tap.pulled - expected < IN_FLIGHT_MAX


def test_a_map_that_nobody_reads_reads_little(pool: Pool) -> None:
    tap = Tap()

    # Of calls as short as a square, a great many fit into the bytes that may be under way.
    results = pool.map(functions.spin_for_a_moment, tap)
    assert next(results) == 0
    assert pool.submit(functions.square, 3).result() == 9

    assert tap.pulled < IN_FLIGHT_MAX


@pytest.mark.parametrize("buffersize", [1, 5, 50])
def test_buffersize_bounds_what_is_read_ahead(pool: Pool, buffersize: int) -> None:
    tap = Tap()

    results = pool.map(functions.square, tap, buffersize=buffersize)
    assert tap.pulled == buffersize
    for expected in range(300):
        assert next(results) == expected**2
        assert tap.pulled <= expected + 1 + buffersize


def test_chunksize_is_honoured(pool: Pool) -> None:
    with Pool(2, record=True) as recorded:
        assert list(recorded.map(functions.square, range(100), chunksize=7))[-1] == 99**2
        sizes = [span.items for span in recorded.timeline()]

    assert sorted(sizes) == [2, *[7] * 14]


def test_chunks_grow_by_themselves_while_items_are_small() -> None:
    with Pool(2, record=True) as pool:
        assert list(pool.map(functions.square, range(100_000)))[-1] == 99_999**2
        spans = pool.timeline()

    assert sum(span.items for span in spans) == 100_000
    assert len(spans) < 10_000


def test_slow_items_travel_alone_so_that_no_worker_idles_at_the_end() -> None:
    with Pool(2, record=True) as pool:
        assert list(pool.map(functions.nap, range(30))) == list(range(30))
        spans = pool.timeline()

    last = {span.worker: span.items for span in sorted(spans, key=lambda span: span.started)}
    assert last == {1: 1, 2: 1}


@pytest.mark.parametrize("chunksize", [None, 1, 3, 1000])
def test_every_chunksize_gives_the_same_results(pool: Pool, chunksize: int | None) -> None:
    expected = [number**2 for number in range(500)]

    assert list(pool.map(functions.square, range(500), chunksize=chunksize)) == expected
    assert list(pool.map(functions.square, iter(range(500)), chunksize=chunksize)) == expected


def test_a_closed_map_takes_back_what_does_not_run_yet(pool: Pool, tmp_path: Path) -> None:
    trace = str(tmp_path / "trace")

    results = pool.map(functools.partial(functions.note_and_nap, trace), itertools.count())
    assert next(results) == 0
    assert isinstance(results, Iterator)
    results.close()  # type: ignore[attr-defined]  # it is a generator

    assert_nothing_more_is_noted(pool, trace)


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_dropped_map_takes_back_what_does_not_run_yet(
    pool: Pool, tmp_path: Path, has_begun: bool
) -> None:
    trace = str(tmp_path / "trace")

    results = pool.map(functools.partial(functions.note_and_nap, trace), range(1000))
    if has_begun:
        assert next(results) == 0
    del results
    gc.collect()

    assert_nothing_more_is_noted(pool, trace)


def assert_nothing_more_is_noted(pool: Pool, trace: str) -> None:
    # The workers are free again only when all that was sent has run or was taken back.
    assert pool.submit(functions.square, 2).result() == 4
    noted = functions.count_lines(trace)
    assert noted < 200
    time.sleep(0.3)
    assert functions.count_lines(trace) <= noted + pool.workers


def test_breaking_out_of_a_loop_leaves_the_pool_ready(pool: Pool) -> None:
    for _ in range(20):
        for result in pool.map(functions.spin_for_a_moment, itertools.count()):
            if result == 3:
                break
    assert list(pool.map(functions.square, range(3))) == [0, 1, 4]


def test_a_list_may_be_read_after_the_with_block() -> None:
    with Pool(2) as pool:
        results = pool.map(functions.square, list(range(3000)))

    assert list(results) == [number**2 for number in range(3000)]


def test_a_generator_that_is_read_after_the_with_block_says_what_is_wrong() -> None:
    with Pool(2) as pool:
        results = pool.map(functions.square, (number for number in itertools.count()))

    with pytest.raises(RuntimeError, match="inside the with block"):
        list(results)


def test_maps_may_be_nested_and_mixed_with_submits(pool: Pool) -> None:
    for number in pool.map(functions.square, range(100)):
        assert pool.submit(functions.add, number, 1).result() == number + 1
    inner = pool.map(functions.square, range(1000))
    assert sum(pool.map(functions.square, inner)) == sum(n**4 for n in range(1000))


def test_maps_of_many_threads_do_not_mix(pool: Pool) -> None:
    results: dict[int, list[int]] = {}

    def run(offset: int) -> None:
        results[offset] = list(pool.map(functions.add, range(1000), itertools.repeat(offset)))

    threads = [threading.Thread(target=run, args=(offset,)) for offset in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == {offset: list(range(offset, offset + 1000)) for offset in range(8)}


def test_the_timeout_bounds_the_whole_map(pool: Pool, tmp_path: Path) -> None:
    release = str(tmp_path / "release")
    results = pool.map(
        lambda wait: functions.wait_for_file(release) if wait else "at once",
        [False, True],
        timeout=1.0,
    )

    assert next(results) == "at once"
    with pytest.raises(TimeoutError):
        next(results)
    Path(release).touch()
    assert pool.submit(functions.square, 2).result() == 4


@pytest.mark.parametrize("wrong", [0, -1])
def test_impossible_sizes_are_refused(pool: Pool, wrong: int) -> None:
    with pytest.raises(ValueError, match="chunksize"):
        pool.map(functions.square, [1], chunksize=wrong)
    with pytest.raises(ValueError, match="buffersize"):
        pool.map(functions.square, [1], buffersize=wrong)


def test_what_cannot_be_iterated_is_refused_at_once(pool: Pool) -> None:
    with pytest.raises(TypeError, match="not iterable"):
        pool.map(functions.square, 3)  # type: ignore[arg-type]  # what the test is about
    with pytest.raises(TypeError, match="at least one iterable"):
        pool.map(functions.square)


def test_a_million_items_from_a_generator_need_little_memory(pool: Pool) -> None:
    me = psutil.Process()
    list(pool.map(functions.identity, range(10_000)))
    before = peak = me.memory_info().rss

    count = 0
    for result in pool.map(functions.identity, (number for number in range(1_000_000))):
        assert result == count
        count += 1
        if count % 20_000 == 0:
            peak = max(peak, me.memory_info().rss)

    assert count == 1_000_000
    assert peak - before < 20_000_000


def test_large_results_that_are_read_slowly_need_little_memory(pool: Pool) -> None:
    me = psutil.Process()
    list(pool.map(functions.identity, range(10_000)))
    before = peak = me.memory_info().rss

    results = pool.map(lambda _: bytes(10_000), itertools.count())
    for _ in range(2000):
        assert len(next(results)) == 10_000
        peak = max(peak, me.memory_info().rss)

    assert peak - before < 80_000_000


def test_an_abandoned_map_lets_go_of_its_input(pool: Pool) -> None:
    closed = threading.Event()

    def numbers() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            closed.set()

    results = pool.map(functions.square, numbers())
    assert next(results) == 0
    del results

    wait_until(lambda: gc.collect() >= 0 and closed.is_set(), "the input is closed")
    assert closed.is_set()
