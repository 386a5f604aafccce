"""Submit: call a function elsewhere, have its value here."""

import asyncio
import os
from concurrent.futures import Executor, as_completed, wait

from elsewhere import Pool
from tests.spec.functions import square


def test_a_pool_runs_a_function_in_another_process() -> None:
    with Pool() as pool:
        future = pool.submit(square, 12)
        assert future.result() == 144
        assert pool.submit(os.getpid).result() != os.getpid()


def test_a_pool_is_an_executor_of_the_standard_library(pool: Pool) -> None:
    assert isinstance(pool, Executor)
    futures = [pool.submit(square, number) for number in range(5)]
    assert wait(futures).not_done == set()
    assert sorted(future.result() for future in as_completed(futures)) == [0, 1, 4, 9, 16]


def test_any_function_will_do_also_one_that_was_made_just_now(pool: Pool) -> None:
    factor = 3

    def scale(number: int) -> int:
        return factor * number

    assert pool.submit(scale, 5).result() == 15
    assert pool.submit(lambda number: number - 1, 5).result() == 4
    assert pool.submit("a-b".split, "-").result() == ["a", "b"]


def test_a_function_takes_along_what_it_captures_as_it_is_at_that_moment(pool: Pool) -> None:
    basket = ["apple"]

    def count() -> int:
        return len(basket)

    assert pool.submit(count).result() == 1
    basket.append("pear")
    assert pool.submit(count).result() == 2


def test_a_future_can_be_awaited(pool: Pool) -> None:
    async def main() -> int:
        return await pool.submit(square, 12)

    assert asyncio.run(main()) == 144


def test_setting_up_a_worker_is_done_once_by_the_initializer() -> None:
    def connect(name: str) -> None:
        os.environ["CONNECTED_TO"] = name

    with Pool(2, initializer=connect, initargs=("database",)) as pool:
        names = pool.map(os.getenv, ["CONNECTED_TO"] * 10)
        assert set(names) == {"database"}
