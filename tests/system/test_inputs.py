"""Futures as arguments, from a client and inside calls, and as results."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, wait
from concurrent.futures import Future as StandardFuture
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

import elsewhere
from elsewhere import CallQuarantined, CallTimeout, Future, NotPicklable, Pool
from tests.system import functions, inputs

WAIT = 60


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with Pool(request.param) as pool:
        yield pool
        pool.shutdown(wait=False, cancel_futures=True)


def blocked(pool: Pool, path: Path) -> "Future[Any]":
    """The future of a call that returns 1 once this file is there."""
    return pool.submit(inputs.wait_for_file, str(path), 1)


# ------------------------------------------------------------ from a client


def test_a_future_is_an_argument_anywhere(pool: Pool) -> None:
    two = pool.submit(inputs.increment, 1)
    order = inputs.Order(two, [two, {"x": (two, inputs.Order(two))}])
    assert pool.submit(inputs.total, order, two, [[two]], y={"z": two}).result(WAIT) == 14
    assert pool.submit(inputs.are_one, two, two).result(WAIT)


def test_a_settled_future_is_an_argument_too(pool: Pool) -> None:
    two = pool.submit(inputs.increment, 1)
    assert two.result(WAIT) == 2
    large: Any = pool.submit(bytes, 2**20)
    assert len(large.result(WAIT)) == 2**20
    assert pool.submit(inputs.add, two, two, 3).result(WAIT) == 7
    assert pool.submit(len, large).result(WAIT) == 2**20


def test_a_failed_input_fails_what_needs_it_and_says_so(pool: Pool, tmp_path: Path) -> None:
    go = tmp_path / "go"
    first = pool.submit(functions.wait_for_file, str(go))
    failed = pool.submit(inputs.fail, first)
    second = pool.submit(inputs.add, 1, [failed])
    third = pool.submit(inputs.increment, second)
    go.touch()
    with pytest.raises(ValueError, match="cannot use") as caught:
        third.result(WAIT)
    raised, *needed = caught.value.__notes__
    assert raised.startswith("raised in worker")
    assert "by fail(" in raised
    assert [note.split(",")[0].rpartition(".")[2] for note in needed] == ["add", "increment"]
    assert all(note.startswith("not called: ") for note in needed)
    late = pool.submit(inputs.increment, second)
    error = late.exception(WAIT)
    assert error is not None
    assert error.__notes__[-1].startswith("not called: ")


def test_an_input_that_was_taken_back_takes_the_others_with_it(pool: Pool, tmp_path: Path) -> None:
    go = tmp_path / "go"
    keeping = [blocked(pool, go) for _ in range(2 * pool.workers)]
    first = pool.submit(inputs.increment, 1)
    second = pool.submit(inputs.increment, [first])
    assert first.cancel()
    with pytest.raises(CancelledError) as caught:
        second.result(WAIT)
    assert second.cancelled()
    assert caught.value.__notes__ == ["not called: tests.system.inputs.increment, which needed it"]
    go.touch()
    assert all(future.result(WAIT) == 1 for future in keeping)


def test_what_ended_an_input_is_what_is_told(pool: Pool, tmp_path: Path) -> None:
    late = pool.options(timeout=0.1).submit(time.sleep, 60)
    died = pool.submit(functions.kill_own_process)
    with pytest.raises(CallTimeout, match=r"an input of .*increment ran longer") as timed_out:
        pool.submit(inputs.increment, late).result(WAIT)
    with pytest.raises(CallQuarantined, match=r"an input of .*increment") as quarantined:
        pool.submit(inputs.increment, died).result(WAIT)
    for caught in (timed_out, quarantined):
        assert caught.value.__notes__[0].endswith("increment, which needed it")


def test_what_could_not_be_sent_fails_what_needs_it(pool: Pool) -> None:
    refused = pool.submit(inputs.identity, (i for i in range(3)))
    error = pool.submit(inputs.increment, refused).exception(WAIT)
    assert isinstance(error, NotPicklable)
    assert "generator" in str(error)


def test_ten_thousand_inputs(pool: Pool) -> None:
    made = [pool.submit(inputs.increment, i) for i in range(10_000)]
    assert pool.submit(inputs.add, *made).result(WAIT) == sum(range(10_001))


def test_a_chain_of_ten_thousand(pool: Pool) -> None:
    future = pool.submit(inputs.increment, 0)
    for _ in range(9_999):
        future = pool.submit(inputs.increment, future)
    assert future.result(WAIT) == 10_000


def test_tasks_are_given_values(pool: Pool) -> None:
    future: Any = pool.submit(inputs.increment, 0)
    for _ in range(5):
        future = pool.submit(inputs.patient_increment, pool.submit(inputs.pure_increment, future))
    assert future.result(WAIT) == 11


def test_a_pure_task_that_is_given_futures_goes_by_its_own_name() -> None:
    with Pool(2, record=True) as pool:
        future: Any = pool.submit(inputs.pure_failure, pool.submit(inputs.increment, 0))
        notes = future.exception(WAIT).__notes__
        inside = pool.submit(inputs.names_of_pure_calls).result(WAIT)
        timeline = pool.timeline()
        spans = [span.function for span in timeline if not span.parent]
        inner = {span.function for span in timeline if span.parent}

    assert "pure_failure" in repr(future)
    assert len(notes) == 2
    assert all("by pure_failure(1)" in note for note in notes)
    assert all("pure_failure" in said for said in inside[:3])
    assert spans == ["increment", "pure_failure", "names_of_pure_calls"]
    assert inner == {"increment", "pure_failure"}


def test_workers_that_are_killed_while_inputs_wait(pool: Pool, tmp_path: Path) -> None:
    go = tmp_path / "go"
    first: Any = pool.submit(functions.touch_and_wait, str(tmp_path / "began"), str(go))
    second = pool.submit(len, first)
    rest = [pool.submit(inputs.add, i, second) for i in range(100)]
    for worker in kill_all_workers(pool, tmp_path):
        assert worker > 0
    go.touch()
    assert [future.result(WAIT) for future in rest] == [i + len(str(go)) for i in range(100)]


def kill_all_workers(pool: Pool, tmp_path: Path) -> list[int]:
    """Kill each worker that runs a call, with what it knows; wait until that has run again."""
    began = tmp_path / "began"
    while functions.count_lines(str(began)) < 1:
        time.sleep(0.005)
    pids = [pid for pid in children_of_node(os.getpid()) if pid != os.getpid()]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    while functions.count_lines(str(began)) < 2:
        time.sleep(0.005)
    return pids


def children_of_node(pid: int) -> list[int]:
    return [worker.pid for node in psutil.Process(pid).children() for worker in node.children()]


def test_inputs_of_a_pool_that_has_ended_are_those_of_another(tmp_path: Path) -> None:
    with Pool(1) as first:
        two = first.submit(inputs.increment, 1)
    with Pool(1) as second:
        assert second.submit(inputs.increment, two).result(WAIT) == 3
        with Pool(1) as third:
            go = tmp_path / "go"
            waiting = blocked(third, go)
            later = second.submit(inputs.identity, {"x": [waiting]})
            assert not later.done()
            go.touch()
            assert later.result(WAIT) == {"x": [waiting.result(WAIT)]}
    with pytest.raises(RuntimeError, match="shutdown"):
        second.submit(inputs.increment, two)


def test_a_pool_that_ends_waits_for_what_waits_for_inputs() -> None:
    with Pool(2) as pool:
        first = pool.submit(time.sleep, 0.05)
        others = [pool.submit(inputs.identity, [first]) for _ in range(50)]
        pool.shutdown(wait=False)
    assert all(future.done() and future.result() == [None] for future in others)


def test_shutdown_takes_back_what_waits_for_inputs(tmp_path: Path) -> None:
    with Pool(1) as pool:
        go = tmp_path / "go"
        first = blocked(pool, go)
        others = [pool.submit(inputs.increment, first) for _ in range(50)]
        while not Path(f"{go} begun").exists():
            time.sleep(0.005)
        pool.shutdown(wait=False, cancel_futures=True)
        wait(others, WAIT)
        go.touch()
    assert all(future.cancelled() for future in others)
    assert first.result() == 1


def test_a_future_of_the_standard_library_is_refused(pool: Pool) -> None:
    plain: StandardFuture[int] = StandardFuture()
    error = pool.submit(inputs.identity, [plain]).exception(WAIT)
    assert isinstance(error, NotPicklable)
    assert error.path == "args[0][0]"
    assert "send its result()" in error.remedy


# ------------------------------------------------------------ maps


@pytest.mark.parametrize("inside", [False, True])
def test_a_value_that_cannot_stand_where_its_future_did_says_so(inside: bool, pool: Pool) -> None:
    table = {pool.submit(functions.identity, []): 1}
    call = inputs.use_list_as_key if inside else functions.identity

    with pytest.raises(TypeError, match="unhashable") as caught:
        pool.submit(call, *(() if inside else (table,))).result()

    assert any("the inputs put in their places" in note for note in caught.value.__notes__)


def test_a_partial_that_holds_futures_is_given_their_values(pool: Pool) -> None:
    five = pool.submit(functions.identity, 5)
    calls = [partial(divmod, five), partial(inputs.identity, [five]), partial(int, "11", base=five)]

    assert pool.submit(calls[0], 3).result() == (1, 2)
    assert pool.submit(calls[1]).result() == [5]
    assert pool.submit(calls[2]).result() == 6
    assert pool.submit(inputs.call_partial, 5).result() == (1, 2)
    assert elsewhere.call(calls[0], 3) == (1, 2)


def test_a_future_in_what_is_put_is_refused_and_the_message_says_what_to_do(pool: Pool) -> None:
    five = pool.submit(functions.identity, 5)

    for put in (pool.put, pool.scatter):
        with pytest.raises(NotPicklable, match="no part of what is put"):
            put([five])


def test_a_map_over_futures_is_one_over_their_values(pool: Pool) -> None:
    made = [pool.submit(inputs.increment, i) for i in range(300)]
    last = pool.submit(functions.nap, 1)
    results = pool.map(inputs.increment, [*made, 5, last], chunksize=7)
    assert list(results) == [*range(2, 302), 6, 2]
    assert list(pool.map(inputs.add, made, [last] * 300)) == list(range(2, 302))
    assert list(pool.map(inputs.total, [inputs.Order([one]) for one in made])) == list(
        range(1, 301)
    )


def test_a_map_over_failed_futures_raises_at_their_position(pool: Pool) -> None:
    made = [pool.submit(inputs.fail_on, 20, i) for i in range(40)]
    for settled in (False, True):
        if settled:
            wait(made, WAIT)
        results = pool.map(inputs.increment, made, chunksize=10)
        assert [next(results) for _ in range(20)] == list(range(1, 21))
        with pytest.raises(ValueError, match="cannot use 20") as caught:
            next(results)
        assert caught.value.__notes__[-1].endswith("increment, which needed it")


def test_a_map_keeps_its_inputs_when_an_item_takes_its_worker_down(pool: Pool) -> None:
    made = [pool.submit(inputs.identity, i) for i in range(30)]
    wait(made, WAIT)
    results = pool.map(functions.die_on, [17] * 30, made, chunksize=30)
    assert [next(results) for _ in range(17)] == list(range(17))
    with pytest.raises(CallQuarantined):
        next(results)


def test_a_map_over_a_future_of_another_pool_waits_for_it(tmp_path: Path) -> None:
    go = tmp_path / "go"
    with Pool(1) as pool, Pool(1) as other:
        waiting = blocked(other, go)
        results = pool.map(inputs.identity, [1, pool.submit(inputs.increment, 1), [waiting], 4])
        assert [next(results), next(results)] == [1, 2]
        go.touch()
        assert [next(results), next(results)] == [[waiting.result(WAIT)], 4]


def test_maps_of_tasks_and_of_the_pool_in_force_are_given_values(pool: Pool) -> None:
    made = [pool.submit(inputs.increment, i) for i in range(50)]
    expected = [i + 2 for i in range(50)]
    assert list(pool.map(inputs.pure_increment, made)) == expected
    with pool:
        assert list(elsewhere.map(inputs.increment, made)) == expected


# ------------------------------------------------------------ inside calls


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ((inputs.chain, 10_000), 10_000),
        ((inputs.chain, 200, inputs.pure_increment), 200),
        ((inputs.chain, 200, inputs.patient_increment), 200),
        ((inputs.mixed_chain, 90), 90),
        ((inputs.chain_in_a_thread, 2_000), 2_000),
        ((inputs.fan_in, 10_000), sum(range(10_001))),
        ((inputs.fan_in_slow, 300, 0.3), sum(range(2, 302))),
        ((inputs.wavefront, 40), None),
        ((inputs.everywhere,), [10, [3, 6, 9], [[2], True], [1, 2]]),
        ((inputs.copies,), True),
        ((inputs.in_a_coroutine, 500), 500),
        ((inputs.by_the_standard_library, 200), sum(range(2, 202))),
        ((inputs.spawn_spawned, 1), 3),
    ],
    ids=lambda value: getattr(value[0], "__name__", "") if isinstance(value, tuple) else "",
)
def test_calls_inside_calls_are_given_values(
    pool: Pool, call: tuple[Any, ...], value: object
) -> None:
    function, *args = call
    expected = function(*args) if value is None else value
    assert pool.submit(function, *args).result(WAIT) == expected


def test_a_failure_inside_a_call_names_what_needed_it(pool: Pool) -> None:
    raised, first, second = pool.submit(inputs.chain_of_a_failure).result(WAIT)
    assert "by fail(1)" in raised
    assert first == "not called: tests.system.inputs.add, which needed it"
    assert second == (
        "not called: tests.system.inputs.increment, which needed tests.system.inputs.add"
    )


def test_taking_an_input_back_inside_a_call() -> None:
    with Pool(1) as pool:
        assert pool.submit(inputs.cancel_an_input).result(WAIT) == [True, True, True]


def test_refusals_inside_a_call_are_clear(pool: Pool) -> None:
    other, plain = pool.submit(inputs.give_what_cannot_be).result(WAIT)
    assert other.startswith("cannot send args[0]['x'][0]: it is the future of another pool")
    assert "send its result()" in plain


def test_children_that_wait_for_inputs_when_a_worker_dies(pool: Pool, tmp_path: Path) -> None:
    killer = str(tmp_path / "killed")
    futures = [pool.submit(inputs.wait_with_children, killer) for _ in range(5)]
    assert [future.result(WAIT) for future in futures] == [sum(range(20)) + 20] * 5


# ------------------------------------------------------------ results


def test_a_future_that_a_call_returns_is_the_callers(pool: Pool) -> None:
    future = pool.submit(inputs.spawned, 1).result(WAIT)
    assert isinstance(future, Future)
    assert future.done()
    assert future.result() == 2
    assert pool.submit(inputs.increment, future).result(WAIT) == 3

    returned = pool.submit(inputs.spawned_in_containers, 4).result(WAIT)
    first, failed = returned["two"]
    assert first.amount is returned["one"]
    assert first.amount.result() == 5
    with pytest.raises(ValueError, match="cannot use 4") as caught:
        pool.submit(inputs.add, 1, failed).result(WAIT)
    assert "by fail(4)" in caught.value.__notes__[0]
    assert caught.value.__notes__[1].startswith("not called: ")
    assert [one.result() for one in pool.map(inputs.spawned, range(20))] == list(range(1, 21))


def test_a_future_of_a_future_of_a_future(pool: Pool) -> None:
    value = pool.submit(inputs.countdown, 100)
    depth = 0
    found: Any = value
    while isinstance(found, Future):
        found, depth = found.result(WAIT), depth + 1
    assert (found, depth) == (0, 101)


# ------------------------------------------------------------ without a pool


def test_without_a_pool_futures_are_given_as_values_too() -> None:
    assert inputs.chain(50) == 50
    assert inputs.fan_in(50) == sum(range(51))
    assert inputs.everywhere() == [10, [3, 6, 9], [[2], True], [1, 2]]
    assert inputs.spawn_spawned(1) == 3
    failed = elsewhere.spawn(inputs.fail, 1)
    assert isinstance(elsewhere.spawn(inputs.add, 1, [failed]).exception(), ValueError)
    given = [object()]
    assert elsewhere.call(inputs.identity, given) is given, "nothing else is copied"
