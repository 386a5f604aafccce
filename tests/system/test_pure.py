"""Pure tasks: equal calls run once, whoever asks, and what came out is remembered."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import count, islice, repeat
from pathlib import Path
from threading import Lock

import pytest

import elsewhere
from elsewhere import CircularCall, NoKey, Pool, progress
from tests.system import large, losing, nested
from tests.system.segments import folder_of, segments_in


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with Pool(request.param) as pool:
        yield pool


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def test_equal_calls_run_once_for_all_who_ask(pool: Pool, notes: Path) -> None:
    futures = [pool.submit(nested.sum_of_squares, str(notes), n) for n in (5, 10, 10, 7)]
    assert [future.result(timeout=60) for future in futures] == [30, 285, 285, 91]
    assert sorted(map(int, notes.read_text().split())) == list(range(10))


def test_what_came_out_is_remembered_while_the_pool_lasts(pool: Pool, notes: Path) -> None:
    for _ in range(3):
        assert pool.submit(nested.note_and_square, str(notes), 3).result(timeout=60) == 9
        assert list(pool.map(nested.note_and_square, [str(notes)] * 2, [3, 3])) == [9, 9]
        assert pool.submit(nested.note_and_square, n=3, path=str(notes)).result(timeout=60) == 9
    assert notes.read_text() == "3\n"


def test_what_came_out_is_remembered_in_a_file(tmp_path: Path, notes: Path) -> None:
    for acknowledge in ("durable", "crash", "memory"):
        for _ in range(2):
            with Pool(2, store=tmp_path / acknowledge, acknowledge=acknowledge):
                assert elsewhere.call(nested.sum_of_squares, str(notes), 6) == 55
        assert len(notes.read_text().split()) == 6, acknowledge
        notes.unlink()


def test_what_is_remembered_needs_no_worker(tmp_path: Path, notes: Path) -> None:
    with Pool(1, store=tmp_path / "store") as pool:
        pool.submit(nested.note_and_square, str(notes), 3).result(timeout=60)
    with Pool(1, store=tmp_path / "store", record=True) as pool:
        assert pool.submit(nested.note_and_square, str(notes), 3).result(timeout=60) == 9
        assert pool.timeline() == []


def test_a_call_that_waits_for_itself_is_told_so(pool: Pool) -> None:
    for length in (1, 2, 5):
        with pytest.raises(CircularCall) as caught:
            pool.submit(nested.around, 0, length).result(timeout=60)
        assert len(caught.value.chain) == length + 1
        assert caught.value.chain[0] == caught.value.chain[-1]
        assert caught.value.chain[0].startswith("around(")


def test_errors_are_not_remembered_unless_asked(pool: Pool, notes: Path) -> None:
    for _ in range(2):
        with pytest.raises(LookupError, match="always"):
            pool.submit(nested.fail_and_note, str(notes)).result(timeout=60)
    assert notes.read_text() == "ran\nran\n"
    remembering = elsewhere.task(pure=True, remember_errors=True)(nested.fail_and_note.function)
    for _ in range(2):
        with pytest.raises(LookupError, match="always"):
            pool.submit(remembering, str(notes)).result(timeout=60)
    assert notes.read_text() == "ran\n" * 3


def test_what_has_no_exact_name_is_refused(pool: Pool) -> None:
    with pytest.raises(NoKey, match=r"lock"):
        pool.submit(nested.note_and_square, Lock(), 3).result(timeout=60)


def test_results_that_are_shared_do_not_deadlock() -> None:
    # A waits for B; C for D, which waits for E; Z for E: on one stack on top of each other these hang.
    for workers in (1, 2):
        with Pool(workers) as pool:
            tasks = (nested.a, nested.c, nested.z, nested.e, nested.d)
            futures = [pool.submit(task, "x") for task in tasks]
            assert not wait(futures, timeout=60).not_done
            assert [f.result() for f in futures] == ["AB", "CDE", "ZE", "E", "DE"]


def test_a_task_called_plainly_is_a_function(notes: Path) -> None:
    assert nested.note_and_square(str(notes), 4) == 16
    assert nested.note_and_square(str(notes), 4) == 16
    assert notes.read_text() == "4\n4\n"


def test_equal_calls_are_one_in_the_timeline() -> None:
    with Pool(2, record=True) as pool:
        for future in [pool.submit(nested.d, "y") for _ in range(100)]:
            assert future.result(timeout=60) == "DE"
        assert [span.function for span in pool.timeline()] == ["e", "d"]


def test_a_map_finds_what_is_remembered_and_runs_the_rest(tmp_path: Path, notes: Path) -> None:
    with Pool(2, store=tmp_path / "store") as pool:
        list(pool.map(nested.note_and_square, [str(notes)] * 200, range(0, 400, 2)))
    notes.unlink()
    with Pool(2, store=tmp_path / "store") as pool:
        mapped = pool.map(nested.note_and_square, repeat(str(notes)), count())
        assert list(islice(mapped, 400)) == [n * n for n in range(400)]
        del mapped
    with Pool(2, store=tmp_path / "store", record=True) as pool:
        mapped = elsewhere.map(nested.note_and_square, [str(notes)] * 400, range(400))
        assert list(mapped) == [n * n for n in range(400)]
        assert pool.timeline() == []
    # Those of endless input that were under way when it was dropped may have run as well.
    ran = [int(line) for line in notes.read_text().split()]
    assert sorted(n for n in ran if n < 400) == list(range(1, 400, 2))
    assert len(set(ran)) == len(ran)


def test_what_a_map_cannot_name_fails_at_its_position(pool: Pool, notes: Path) -> None:
    items = [1, 2, 3, Lock(), 5]
    for _ in range(2):
        mapped = pool.map(nested.note_and_square, repeat(str(notes)), items)
        assert [next(mapped) for _ in range(3)] == [1, 4, 9]
        with pytest.raises(NoKey, match="lock"):
            next(mapped)


def test_equal_calls_of_one_map_run_once(pool: Pool, notes: Path) -> None:
    mapped = pool.map(nested.note_and_square, [str(notes)] * 300, [n % 3 for n in range(300)])
    assert list(mapped) == [0, 1, 4] * 100
    assert sorted(notes.read_text().split()) == ["0", "1", "2"]


def test_a_bar_is_opened_out_of_reach_of_ctrl_c_and_may_fail(
    pool: Pool, notes: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usual = signal.getsignal(signal.SIGINT)
    handlers: list[object] = []

    class BrokenBar:
        def __init__(self, *_: object) -> None:
            handlers.append(signal.getsignal(signal.SIGINT))

        def advance(self, items: int, failed: int = 0) -> None:
            raise ZeroDivisionError

        def close(self, *, interrupted: bool = False) -> None:
            return None

    monkeypatch.setattr(progress, "open_progress", BrokenBar)
    paths = [str(notes)] * 3
    assert list(pool.map(nested.note_and_square, paths, range(3), progress=True)) == [0, 1, 4]
    assert list(pool.map(abs, [-1], progress=True)) == [1]
    assert len(handlers) == 2
    assert usual not in handlers
    assert [record.getMessage() for record in caplog.records] == [
        "the progress of a map can no longer be shown"
    ] * 2


def test_a_large_result_stays_where_it_was_made_for_all_who_asked(pool: Pool, notes: Path) -> None:
    futures = [pool.submit(large.fill_slowly, str(notes), 3) for _ in range(3)]
    given = pool.submit(large.is_mapped, futures[2])

    assert given.result(timeout=60)
    assert all(large.is_mapped(future.result(timeout=60)) for future in futures)
    assert {future.nbytes for future in futures} == {futures[0].nbytes}
    assert None not in {future.where() for future in futures}
    # The one that ran may go before those that joined it.
    del futures[:2]
    assert pool.submit(large.total, futures[0]).result(timeout=60) == 3 * large.LENGTH
    assert notes.read_text() == "3\n"


def test_a_large_result_is_shared_with_calls_inside_calls(pool: Pool, notes: Path) -> None:
    inside = [pool.submit(large.total_of_two, str(notes), 4) for _ in range(3)]
    totals, mapped = zip(*[future.result(timeout=60) for future in inside], strict=True)
    assert totals == (8 * large.LENGTH,) * 3
    assert mapped[0]  # who asks later than it came out may be told by the store
    assert notes.read_text() == "4\n"


@pytest.mark.parametrize("acknowledge", ["durable", "memory"])
def test_a_large_result_is_remembered_whole(tmp_path: Path, notes: Path, acknowledge: str) -> None:
    for where_it_lies in (1, None):
        with Pool(1, store=tmp_path / "store", acknowledge=acknowledge) as pool:
            future = pool.submit(large.fill_slowly, str(notes), 5)
            assert large.total(future.result(timeout=60)) == 5 * large.LENGTH
            assert future.where() == where_it_lies
    assert notes.read_text() == "5\n"


def test_a_large_result_whose_worker_has_died_is_there(notes: Path) -> None:
    with Pool(1) as pool:
        future = pool.submit(large.fill_slowly, str(notes), 6)
        assert large.total(future.result(timeout=60)) == 6 * large.LENGTH
        (pid,) = {pool.submit(os.getpid).result(timeout=60)}
        os.kill(pid, signal.SIGKILL)
        assert pool.submit(large.total, future).result(timeout=60) == 6 * large.LENGTH
    assert notes.read_text() == "6\n"


def test_a_large_result_whose_segment_is_lost_is_made_again(notes: Path) -> None:
    with Pool(1) as pool:
        first, second = (pool.submit(large.fill_slowly, str(notes), 7) for _ in range(2))
        wait([first, second], timeout=60)
        assert losing.lose_all(pool) == 1
        assert pool.submit(large.total, second).result(timeout=60) == 7 * large.LENGTH
        assert large.total(first.result(timeout=60)) == 7 * large.LENGTH
    assert notes.read_text() == "7\n7\n"


def test_a_large_result_that_a_store_had_is_put_once_for_calls(tmp_path: Path, notes: Path) -> None:
    for _ in range(2):
        with Pool(2, store=tmp_path / "store") as pool:
            future = pool.submit(large.fill_slowly, str(notes), 8)
            wait([future], timeout=60)
            totals = [pool.submit(large.total, future) for _ in range(5)]
            assert [each.result(timeout=60) for each in totals] == [8 * large.LENGTH] * 5
            assert len(segments_in(folder_of(pool))) == 1
    assert notes.read_text() == "8\n"


def test_a_large_result_that_was_looked_at_is_put_once_for_calls(
    tmp_path: Path, notes: Path
) -> None:
    for _ in range(2):
        with Pool(2, store=tmp_path / "store") as pool:
            future = pool.submit(large.bytes_of, 2**20)
            assert len(future.result(timeout=60)) == 2**20
            lengths = [pool.submit(len, future) for _ in range(5)]
            assert [each.result(timeout=60) for each in lengths] == [2**20] * 5
            assert len(segments_in(folder_of(pool))) == 1


def test_what_is_remembered_is_what_was_returned(tmp_path: Path, notes: Path) -> None:
    for is_mapped in (True, False):
        with Pool(1, store=tmp_path / "store") as pool:
            array = pool.submit(large.fill_slowly, str(notes), 9).result(timeout=60)
            assert (large.is_mapped(array), array.flags.writeable) == (is_mapped, not is_mapped)


def test_a_large_result_need_not_be_loaded_where_it_was_made() -> None:
    with Pool(1) as pool:
        value = pool.submit(large.loaded_elsewhere, 5).result(timeout=60)
        assert large.total(value.array) == 5 * large.LENGTH


@pytest.mark.parametrize("function", [large.fill_in_a_fork, large.fill_beside])
def test_a_large_result_of_another_process_is_remembered(
    tmp_path: Path, notes: Path, function: Callable[..., large.Array]
) -> None:
    for is_mapped in (True, False):
        with Pool(1, store=tmp_path / "store") as pool:
            one, other = (pool.submit(function, str(notes), 4) for _ in range(2))
            for array in (one.result(timeout=60), other.result(timeout=60)):
                assert large.total(array) == 4 * large.LENGTH
                assert large.is_mapped(array) == is_mapped
    assert notes.read_text() == "4\n"


def test_who_shares_a_large_result_that_is_lost_is_told_when_it_is_there_again(
    notes: Path,
) -> None:
    with Pool(2) as pool:
        futures = [pool.submit(large.fill_slowly, str(notes), 2) for _ in range(4)]
        wait(futures, timeout=60)
        assert losing.lose_all(pool) == 1
        with ThreadPoolExecutor(4) as threads:
            arrays = threads.map(lambda future: future.result(timeout=60), futures)
            assert [large.total(array) for array in arrays] == [2 * large.LENGTH] * 4
    assert notes.read_text() == "2\n2\n"


def test_calls_inside_calls_that_share_what_is_lost_find_it_again(notes: Path) -> None:
    with Pool(1) as pool:
        inside = pool.submit(losing.share_and_lose, str(folder_of(pool)), str(notes))
        assert inside.result(timeout=60) == (6 * large.LENGTH, 6 * large.LENGTH)
    assert notes.read_text() == "6\n6\n"
