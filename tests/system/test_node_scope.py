"""What has the scope `node` is made once, and its memory shared by the processes that use it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

import elsewhere
from elsewhere import CallQuarantined, CallTimeout, Depends, NoKey, Pool
from tests.system import functions, sharing
from tests.system.sharing import MEBIBYTE, SIZE, Seen, Table
from tests.system.waiting import wait_until


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    path.touch()
    return path


def words(notes: Path) -> list[str]:
    return [line.split()[0] for line in notes.read_text().splitlines()]


def test_what_a_provider_reads_is_looked_at_again_beside_what_nodes_have(pool: Pool) -> None:
    size = 1
    made = Depends(lambda: size)
    of_node = Depends(sharing.SIZE.__index__).options(scope="node")

    def alone(it: int = made) -> int:
        return it

    def beside(it: int = made, other: int = of_node) -> int:
        return it

    assert [pool.submit(alone).result(), pool.submit(beside).result()] == [1, 1]
    size = 2
    assert [pool.submit(beside).result(), pool.submit(alone).result()] == [2, 2]


def on_all_workers(pool: Pool, see: Callable[..., Seen], workers: int) -> list[Seen]:
    """What calls see that run at the same time, one on each worker."""
    found: list[Seen] = []
    while len({one.process for one in found}) < workers:
        found = [future.result() for future in [pool.submit(see, 0.3) for _ in range(workers)]]
    return found


def test_it_is_made_once_for_all_workers(notes: Path) -> None:
    with Pool(3) as pool:
        found = on_all_workers(pool, sharing.noting(str(notes)), 3)
        (maker,) = {one.maker for one in found}
        assert {one.parent for one in found} == {maker}
        assert maker not in {one.process for one in found}
        assert words(notes) == ["makes"]
    assert words(notes) == ["makes", "ends"]


def test_it_is_made_ahead_and_listed(notes: Path) -> None:
    see = sharing.noting(str(notes))
    with Pool(2) as pool:
        pool.warm(see).result()
        assert words(notes) == ["makes"]
        listed = pool.resources()
        assert sorted(one.worker for one in listed) == [1, 2]
        assert all("make_table" in one.label for one in listed)
        (maker,) = {one.maker for one in on_all_workers(pool, see, 2)}
        assert words(notes) == ["makes"]
        assert notes.read_text().split() == ["makes", str(maker)]


def test_its_memory_is_shared() -> None:
    with Pool(1) as pool:
        resident, own = pool.submit(sharing.shared_bytes).result()
    assert resident > SIZE
    assert own < SIZE / 4


def test_every_way_to_make_a_call_is_given_it(capfd: pytest.CaptureFixture[str]) -> None:
    with Pool(2) as pool:
        found = [pool.submit(sharing.see, 0.0).result(), *pool.map(sharing.see, [0.0] * 5)]
        found += pool.submit(sharing.inside, 3).result()
        found += pool.submit(sharing.from_thread, 3).result()
        found += [pool.options(isolation="fork").submit(sharing.see, 0.0).result()]
        later: list[Any] = [pool.submit(sharing.see_later, 0).result()]
        found += [*later, elsewhere.call(elsewhere.task(retries=1)(sharing.see), 0.0)]
        found += elsewhere.map(elsewhere.task(sharing.see), [0.0] * 2)
        assert pool.submit(sharing.make_calls, 5).result() == 10
    assert len(found) == 17
    assert len({one.maker for one in found}) == 1
    assert capfd.readouterr().out == "makes a table\n"


def test_what_the_caller_gives_is_not_made(capfd: pytest.CaptureFixture[str]) -> None:
    given = Table(5, bytearray(1))
    with Pool(1) as pool:
        assert pool.submit(sharing.see, 0.0, given).result().maker == 5
        assert [one.maker for one in pool.map(sharing.see, [0.0] * 2, [given] * 2)] == [5, 5]
        assert pool.options(isolation="fork").submit(sharing.see, 0.0, given).result().maker == 5
        assert capfd.readouterr().out == ""
        assert pool.submit(sharing.see, 0.0).result().maker != 5
        assert pool.submit(sharing.see, 0.0, table=given).result().maker == 5


def test_what_a_call_changes_others_do_not_see_elsewhere() -> None:
    with Pool(2) as pool:
        on_all_workers(pool, sharing.see, 2)
        before = pool.submit(sharing.first, 0).result()
        changed = pool.submit(sharing.change, (before + 1) % 256).result()
        seen = {one.process for one in on_all_workers(pool, sharing.see, 2)}
        assert changed in seen
        firsts = {pool.submit(sharing.first, 0).result() for _ in range(20)}
        assert firsts <= {before, (before + 1) % 256}


def test_what_else_a_call_is_given_is_made_where_it_runs() -> None:
    with Pool(1) as pool:
        seen, index, brief = pool.submit(sharing.several, 0).result()
    assert index == seen.maker
    assert brief == seen.process


def test_the_initializer_runs_where_calls_run() -> None:
    with Pool(1, initializer=sharing.initialise, initargs=(7,)) as pool:
        assert pool.submit(sharing.initial).result() == 7


def test_errors_output_and_large_values_are_as_ever(capfd: pytest.CaptureFixture[str]) -> None:
    with Pool(2) as pool:
        with pytest.raises(LookupError, match="no 5") as caught:
            pool.submit(sharing.fail, 5).result()
        assert any("fail(5)" in note for note in caught.value.__notes__)
        pool.submit(sharing.say, "words").result()
        large = pool.submit(sharing.fill, MEBIBYTE)
        assert pool.submit(sharing.length, large).result() == MEBIBYTE
        assert pool.submit(sharing.length, pool.put(bytes(MEBIBYTE))).result() == MEBIBYTE
        assert pool.submit(len, large).result() == MEBIBYTE
        assert len(large.result()) == MEBIBYTE
        chain = pool.submit(sharing.length, pool.submit(sharing.fill, 10))
        assert chain.result() == 10
    assert capfd.readouterr().out == "makes a table\nwords\n"


def test_an_input_that_stays_in_use_is_kept() -> None:
    np = pytest.importorskip("numpy")
    with Pool(1) as pool:
        for number in range(4):
            array = pool.put(np.full(MEBIBYTE, number, dtype=np.uint8))
            assert pool.submit(sharing.keep, array).result() == MEBIBYTE
            del array
        assert pool.submit(sharing.kept_values).result() == [0, 1, 2, 3]


@pytest.mark.parametrize("way", ["exit", "kill"])
def test_a_call_that_crashes_takes_down_neither_its_worker_nor_what_it_was_given(
    notes: Path, way: str
) -> None:
    with Pool(1) as pool:
        worker = pool.submit(functions.process_id).result()
        see = sharing.noting(str(notes))
        before = pool.submit(see, 0.0).result()
        future = pool.submit(sharing.crash, 9 if way == "exit" else -signal.SIGKILL)
        error = future.exception()
        assert isinstance(error, CallQuarantined)
        assert error.deaths == 3
        assert ("code 9" if way == "exit" else "SIGKILL") in error.how
        assert pool.submit(see, 0.0).result().maker == before.maker
        assert pool.submit(functions.process_id).result() == worker
        assert words(notes) == ["makes"]


def test_time_limits_and_cancels_end_a_call() -> None:
    with Pool(1) as pool:
        worker = pool.submit(functions.process_id).result()
        seen = pool.submit(sharing.see, 0.0).result()
        with pytest.raises(CallTimeout):
            pool.options(timeout=0.2).submit(sharing.spin, 60.0).result()
        future = pool.options(interrupt=True).submit(sharing.spin, 60.0)
        wait_until(future.running, "the call runs")
        future.cancel()
        with pytest.raises(CancelledError):
            future.result()
        assert pool.submit(sharing.see, 0.0).result() == seen
        with pytest.raises(CallTimeout):
            pool.options(timeout=0.2).submit(sharing.be_deaf).result()
        after = pool.submit(sharing.see, 0.0).result()
        assert after.maker == seen.maker
        assert after.process != seen.process
        assert pool.submit(functions.process_id).result() == worker


def test_a_provider_that_fails_fails_its_calls_and_is_tried_again(notes: Path) -> None:
    with Pool(2) as pool:
        use = sharing.needs_broken(str(notes))
        for future in [pool.submit(use, x) for x in range(4)]:
            with pytest.raises(LookupError, match="no table"):
                future.result()
        tried = len(words(notes))
        assert tried

        def tries_again() -> bool:
            assert isinstance(pool.submit(use, 0).exception(), LookupError)
            return len(words(notes)) > tried

        assert wait_until(tries_again, "the provider is tried again")
        assert pool.submit(sharing.see, 0.0).result().maker


def test_a_provider_that_takes_its_process_down_fails_its_calls() -> None:
    with Pool(1) as pool:
        worker = pool.submit(functions.process_id).result()
        with pytest.raises(RuntimeError, match="its provider takes it down") as caught:
            pool.submit(sharing.needs_deadly).result()
        assert any("deadly" in note for note in caught.value.__notes__)
        assert pool.submit(functions.process_id).result() == worker


def test_a_worker_that_is_replaced_finds_what_there_is(notes: Path) -> None:
    see = sharing.noting(str(notes))
    with Pool(1) as pool:
        before = pool.submit(see, 0.0).result()
        worker = pool.submit(functions.process_id).result()
        os.kill(worker, signal.SIGKILL)
        stand_in = before.process
        assert wait_until(lambda: not psutil.pid_exists(stand_in), "it has ended with its worker")
        after = pool.submit(see, 0.0).result()
        assert after.maker == before.maker
        assert after.process != before.process
    assert words(notes) == ["makes", "ends"]


def test_where_it_is_held_may_die_and_it_is_made_again(notes: Path) -> None:
    see = sharing.noting(str(notes))
    with Pool(1, max_tasks_per_child=1) as pool:
        before = pool.submit(see, 0.0).result()
        os.kill(before.maker, signal.SIGKILL)
        maker = before.maker
        wait_until(lambda: not psutil.pid_exists(maker), "the maker is gone")
        assert pool.submit(see, 0.0).result().maker != maker
    assert words(notes) == ["makes", "makes", "ends"]


EDITED = """
import os
from elsewhere import Depends, Pool

def run(text):
    space = {"__name__": "__main__", "os": os, "Depends": Depends}
    exec(text, space)
    return space["use"]

TEXT = '''
def load(): return {value}
def use(x, table=Depends(load).options(scope="node")): return table, os.getppid()
'''
with Pool(1) as pool:
    one = run(TEXT.format(value=1))
    first = pool.submit(one, 0).result()
    assert pool.submit(run(TEXT.format(value=1)), 0).result() == first
    second = pool.submit(run(TEXT.format(value=2)), 0).result()
    print(first[0], second[0], first[1] != second[1])
"""


def test_an_edited_provider_is_called_anew(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(EDITED)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout == "1 2 True\n"


def test_what_has_no_exact_name_is_refused() -> None:
    with Pool(1) as pool, pytest.raises(NoKey, match="LOCK"):
        pool.submit(sharing.without_name, 1).result()


def test_without_a_pool_it_is_made_in_this_process() -> None:
    seen = elsewhere.call(sharing.noting(""), 0.0)
    assert seen.maker == seen.process == os.getpid()


def test_a_client_that_is_killed_leaves_nothing(tmp_path: Path, notes: Path) -> None:
    code = (
        "import os, signal; from elsewhere import Pool; from tests.system import sharing\n"
        f"with Pool(2) as pool:\n    seen = pool.submit(sharing.noting({str(notes)!r}), 0.0).result()\n"
        "    print(*seen, flush=True)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    processes = [int(word) for word in done.stdout.split()[-3:]]
    assert len(processes) == 3
    assert wait_until(
        lambda: not any(map(psutil.pid_exists, processes)), "all processes have ended"
    )
    assert words(notes) == ["makes", "ends"]


def test_what_nobody_has_used_for_long_lets_go_of_its_process(notes: Path) -> None:
    def load() -> int:
        return 1

    use = sharing.idle(load)
    with Pool(1) as pool:
        before = pool.submit(use, 0).result()
        assert wait_until(partial(has_ended, before), "it is given up")
        assert pool.submit(use, 0).result() != before


def has_ended(process: int) -> bool:
    return not psutil.pid_exists(process)


def test_limits_of_a_scope_that_there_is_not_are_refused() -> None:
    with pytest.raises(ValueError, match='"worker", "node" or "call"'):
        elsewhere.Depends(time.time).options(scope="machine")
