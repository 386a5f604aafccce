"""Large values of calls inside calls lie in segments too, wherever those calls run."""

import gc
import pickle
from collections.abc import Iterator

import pytest

from elsewhere import Pool
from tests.system import large, nested_values
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
    mapped, sums = pool.submit(nested_values.give_large_result, 20).result()

    assert mapped == [True] * 20
    assert sums == [7 * large.LENGTH] * 20
    wait_for_nothing_kept(pool)


def test_a_result_that_is_fetched_cannot_be_written_to(pool: Pool) -> None:
    with pytest.raises(ValueError, match="read-only"):
        pool.submit(nested_values.write_to_result).result()
    assert pool.submit(nested_values.where_result).result() in {1, 2}


def test_large_arguments_are_mapped_and_the_calls_own(pool: Pool) -> None:
    mapped, sums, mine = pool.submit(nested_values.give_large_arguments, 20).result()

    assert mapped == [True] * 20
    assert sums == [(3 + n) * large.LENGTH for n in range(20)]
    assert mine == {3}
    wait_for_nothing_kept(pool)


def test_arguments_whose_buffers_are_small_travel(pool: Pool) -> None:
    assert pool.submit(nested_values.give_small_buffers).result() == [False, 4]
    assert not pool._session._host._gateway.ledger.values.kept


def test_what_such_calls_leave_is_used_again(pool: Pool) -> None:
    assert (
        pool.submit(nested_values.make_one_after_another, 200).result()
        == sum(range(200)) * large.LENGTH
    )

    assert len(segments_in(folder_of(pool))) < 50


def test_a_value_of_a_pool_that_was_made_in_the_call_is_given_on(pool: Pool) -> None:
    assert pool.submit(nested_values.give_value_of_own_pool).result() == [9 * large.LENGTH] * 2
    wait_for_nothing_kept(pool)


def test_a_result_of_which_a_part_is_kept_stays(pool: Pool) -> None:
    array = pool.submit(nested_values.part_of_result).result()
    others = [pool.submit(large.fill, n) for n in range(20)]

    assert [int(other.result()[0]) for other in others] == list(range(20))
    assert set(array.tolist()) == {7}


# ---------------------------------------------------------------- futures that are returned


def test_the_value_of_a_returned_future_stays_where_it_lies(pool: Pool) -> None:
    returned = pool.submit(nested_values.return_large, 7).result()

    assert returned["large"].where() in {1, 2}
    assert returned["small"].result() == 7
    assert pool.submit(large.is_mapped_here, returned["large"]).result()
    assert large.is_mapped_here(returned["large"].result())
    del returned
    wait_for_nothing_kept(pool)


def test_it_stays_while_what_it_was_returned_in_does(pool: Pool) -> None:
    future = pool.submit(nested_values.return_large, 7)
    others = [pool.submit(large.fill, n) for n in range(20)]
    assert [int(other.result()[0]) for other in others] == list(range(20))
    del others

    passed = pool.submit(nested_values.pass_on, future)
    del future
    assert pool.submit(nested_values.sum_of_returned, passed).result() == 7 * large.LENGTH
    assert set(passed.result()[0].result().tolist()) == {7}
    del passed
    wait_for_nothing_kept(pool)


def test_it_stays_in_a_worker_that_keeps_its_future() -> None:
    with Pool(1) as pool:
        future = pool.submit(nested_values.return_large, 7)
        pool.submit(nested_values.keep_returned, future).result()
        del future
        others = [pool.submit(large.fill, n) for n in range(20)]
        assert [int(other.result()[0]) for other in others] == list(range(20))

        assert pool.submit(nested_values.sum_of_kept).result() == 7 * large.LENGTH


def test_returned_futures_are_found_in_returned_futures(pool: Pool) -> None:
    (inner,) = pool.submit(nested_values.return_in_return, 7).result()

    assert set(inner.result()["large"].result().tolist()) == {7}
    assert inner.result()["small"].result() == 7


def test_what_was_not_read_is_there_when_the_pool_has_ended() -> None:
    with Pool(1) as pool:
        unread = pool.submit(nested_values.return_in_return, 7)
        read = pool.submit(nested_values.return_in_return, 8)
        (half_read,) = read.result()
        assert unread.nbytes  # it has come out, and was not read

    (inner,) = unread.result()
    assert set(inner.result()["large"].result().tolist()) == {7}
    assert set(half_read.result()["large"].result().tolist()) == {8}
    assert half_read.result()["large"].where() is None


def test_what_leaves_the_pool_has_its_value_with_it(pool: Pool) -> None:
    future = pickle.loads(pool.submit(nested_values.dump_future).result())
    remembered = pool.submit(nested_values.return_large_purely, 7).result()["large"]
    mapped = next(pool.map(nested_values.return_large, [7]))["large"]

    for one in (future, remembered, mapped):
        assert one.where() is None
        assert set(one.result().tolist()) == {7}
