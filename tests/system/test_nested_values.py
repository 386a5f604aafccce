"""Large values of calls inside calls lie in segments too, wherever those calls run."""

import gc
from collections.abc import Iterator

import pytest

from elsewhere import Pool
from tests.system import large, nested
from tests.system.segments import folder_of, segments_in
from tests.system.waiting import wait_until


@pytest.fixture(params=[1, 2])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    """With one worker all runs where it was asked for."""
    with Pool(request.param) as pool:
        yield pool
        pool.shutdown(wait=False, cancel_futures=True)


def wait_for_nothing_kept(pool: Pool) -> None:
    values = pool._session._host._gateway.ledger.values
    gc.collect()
    wait_until(lambda: not values.kept, "nothing is kept")


def test_a_result_is_mapped_by_every_call_that_is_given_it(pool: Pool) -> None:
    mapped, sums = pool.submit(nested.give_large_result, 20).result()

    assert mapped == [True] * 20
    assert sums == [7 * large.LENGTH] * 20
    wait_for_nothing_kept(pool)


def test_a_result_that_is_fetched_cannot_be_written_to(pool: Pool) -> None:
    with pytest.raises(ValueError, match="read-only"):
        pool.submit(nested.write_to_result).result()
    assert pool.submit(nested.where_result).result() in {1, 2}


def test_large_arguments_are_mapped_and_the_calls_own(pool: Pool) -> None:
    mapped, sums, mine = pool.submit(nested.give_large_arguments, 20).result()

    assert mapped == [True] * 20
    assert sums == [(3 + n) * large.LENGTH for n in range(20)]
    assert mine == {3}
    wait_for_nothing_kept(pool)


def test_arguments_whose_buffers_are_small_travel(pool: Pool) -> None:
    assert pool.submit(nested.give_small_buffers).result() == [False, 4]
    assert not pool._session._host._gateway.ledger.values.kept


def test_what_such_calls_leave_is_used_again(pool: Pool) -> None:
    assert (
        pool.submit(nested.make_one_after_another, 200).result() == sum(range(200)) * large.LENGTH
    )

    assert len(segments_in(folder_of(pool))) < 50


def test_a_value_of_a_pool_that_was_made_in_the_call_is_given_on(pool: Pool) -> None:
    assert pool.submit(nested.give_value_of_own_pool).result() == [9 * large.LENGTH] * 2
    wait_for_nothing_kept(pool)


def test_a_result_of_which_a_part_is_kept_stays(pool: Pool) -> None:
    array = pool.submit(nested.part_of_result).result()
    others = [pool.submit(large.fill, n) for n in range(20)]

    assert [int(other.result()[0]) for other in others] == list(range(20))
    assert set(array.tolist()) == {7}
