"""Graphs of ten thousand calls that are all asked for before one of them can begin."""

from concurrent.futures import wait
from pathlib import Path
from typing import Any

import pytest

from benchmarks.graphs import GRAPHS, paths
from elsewhere import Future, Pool
from tests.system import functions, inputs
from tests.system.waiting import wait_until

CALLS = 10_000
WAIT = 60


def longest(*values: Any) -> int:
    return 1 + int(max(values))


def build(pool: Pool, name: str, first: "Future[Any]") -> "list[Future[Any]]":
    futures = [first]
    for numbers in GRAPHS[name](CALLS):
        futures.append(pool.submit(longest, *[futures[number] for number in numbers]))
    return futures


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_runs_through_once_its_first_call_has_ended(name: str, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with Pool(2) as pool:
        futures = build(pool, name, pool.submit(inputs.wait_for_file, str(go), 0))
        assert not any(future.done() for future in futures)
        go.touch()
        assert [future.result(WAIT) for future in futures] == paths(name, CALLS)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_first_call_that_fails_fails_the_whole_graph(name: str, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with Pool(2) as pool:
        opened = pool.submit(functions.wait_for_file, str(go))
        futures = build(pool, name, pool.submit(inputs.fail, opened))
        go.touch()
        errors = [future.exception(WAIT) for future in futures]
    assert {type(error) for error in errors} == {ValueError}


@pytest.mark.parametrize("name", GRAPHS)
def test_the_end_of_a_pool_takes_a_whole_graph_back(name: str, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with Pool(2) as pool:
        futures = build(pool, name, pool.submit(inputs.wait_for_file, str(go), 0))
        wait_until(Path(f"{go} begun").exists, "the first call has begun")
        pool.shutdown(wait=False, cancel_futures=True)
        wait(futures[1:], WAIT)
        go.touch()
    assert all(future.cancelled() for future in futures[1:])
    assert futures[0].result() == 0
