"""Calls run where their inputs were made, or where a policy says."""

import os
from pathlib import Path
from typing import Any

import pytest

import elsewhere
from elsewhere import Future, PlacementError, Pool
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.placement import PLACEMENTS, CallToPlace, Candidate
from tests.system import functions, large
from tests.system.waiting import wait_until


def made_by_two(pool: Pool, folder: Path) -> list[Future[Any]]:
    """Two values, each made by another worker; both workers idle."""
    started, release = str(folder / "made"), str(folder / "go")
    values = [pool.submit(large.mark, started, release) for _ in range(2)]
    wait_until(lambda: functions.count_lines(started) == 2, "both workers run")
    Path(release).touch()
    assert all(value.nbytes for value in values)  # they are there
    assert len({value.where() for value in values}) == 2
    return values


def test_a_call_runs_where_its_input_was_made(pool: Pool, tmp_path: Path) -> None:
    values = made_by_two(pool, tmp_path)

    for _ in range(10):
        for value in values:
            maker, reader = pool.submit(large.processes_of, value).result()
            assert maker == reader


def test_it_does_not_wait_for_a_maker_that_is_busy(pool: Pool, tmp_path: Path) -> None:
    value, _ = made_by_two(pool, tmp_path)
    started, release = str(tmp_path / "started"), str(tmp_path / "release")
    holder = pool.submit(large.hold, value, started, release)
    wait_until(lambda: Path(started).exists(), "the maker is busy")

    maker, reader = pool.submit(large.processes_of, value).result()

    assert not holder.done()
    assert maker != reader
    Path(release).touch()
    assert holder.result() == maker


@pytest.mark.parametrize("name", PLACEMENTS)
def test_all_comes_out_right_with_every_policy(name: str, tmp_path: Path) -> None:
    with Pool(2, placement=name) as pool:
        values = [pool.submit(large.fill, number) for number in range(10)]
        sums = [pool.submit(large.total, value) for value in values]
        assert [future.result() for future in sums] == [n * large.LENGTH for n in range(10)]
        assert list(pool.map(functions.square, range(100))) == [n * n for n in range(100)]
        assert pool.submit(sum_of_squares, 20).result() == sum(n * n for n in range(20))


def sum_of_squares(count: int) -> int:
    return sum(elsewhere.map(task_square, range(count)))


@elsewhere.task(retries=1)
def task_square(number: int) -> int:
    return number * number


def test_round_robin_gives_each_worker_its_turn() -> None:
    with Pool(3, placement="round_robin") as pool:
        wait_until(lambda: pool._session._host.look(Gateway.busy)[1] == 3, "all workers are ready")
        processes = [pool.submit(os.getpid).result() for _ in range(9)]

    assert len(set(processes)) == 3
    assert processes[3:] == processes[:6]


def test_a_function_of_the_users_chooses_the_worker() -> None:
    seen: list[CallToPlace] = []

    def first(call: CallToPlace, candidates: tuple[Candidate, ...]) -> Candidate:
        seen.append(call)
        return min(candidates, key=lambda one: one.worker)

    with Pool(2, placement=first) as pool:
        wait_until(lambda: pool._session._host.look(Gateway.busy)[1] == 2, "all workers are ready")
        processes = {pool.submit(os.getpid).result() for _ in range(10)}
        value = pool.submit(large.fill, 1)
        assert pool.submit(large.total, value).result() == large.LENGTH

    assert len(processes) == 1
    assert seen[-1].function.endswith("total")
    assert seen[-1].input_bytes == value.nbytes


def test_a_call_for_which_it_names_no_candidate_fails_and_its_pool_lives() -> None:
    def choosy(call: CallToPlace, candidates: tuple[Candidate, ...]) -> Any:
        return candidates[0] if "square" in call.function else 1 / 0

    with Pool(2, placement=choosy) as pool:
        failing: Future[Any] = pool.submit(functions.nap, 1)
        after = pool.submit(functions.identity, failing)
        with pytest.raises(PlacementError, match=r"nap .* raised ZeroDivisionError: .*in choosy"):
            failing.result()
        with pytest.raises(PlacementError):
            after.result()
        assert pool.submit(functions.square, 3).result() == 9
        with pytest.raises(PlacementError, match="must return one of the candidates"):
            list(pool.map(functions.nap, range(3)))
        assert list(pool.map(functions.square, range(10))) == [n * n for n in range(10)]


def test_a_call_inside_a_call_that_cannot_be_placed_raises_there() -> None:
    def choosy(call: CallToPlace, candidates: tuple[Candidate, ...]) -> Any:
        return None if "task_square" in call.function else candidates[0]

    with Pool(2, placement=choosy) as pool, pytest.raises(PlacementError, match="returned None"):
        pool.submit(sum_of_squares, 3).result()


@pytest.mark.parametrize(
    ("placement", "error", "said"),
    [
        ("nearest", ValueError, "'round_robin'"),
        (3, TypeError, "name of a policy"),
        (None, TypeError, "not None"),
    ],
)
def test_what_is_no_policy_is_refused(placement: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        Pool(1, placement=placement)
