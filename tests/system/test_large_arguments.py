"""Large arguments lie in a segment, which their call alone is given and may write to."""

import gc
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from elsewhere import NotPicklable, Pool
from tests.system import functions, inputs, large
from tests.system.waiting import wait_until

MEBIBYTE = 2**20


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool(2) as pool:
        yield pool
        pool.shutdown(wait=False, cancel_futures=True)


def wait_for_nothing_kept(pool: Pool) -> None:
    values = pool._session._host._gateway.ledger.values
    gc.collect()
    wait_until(lambda: not values.kept, "nothing is kept")


def test_they_are_mapped_and_go_with_their_call(pool: Pool) -> None:
    array = large.fill(3)

    assert [pool.submit(large.is_mapped, array).result() for _ in range(5)] == [True] * 5
    assert not pool.submit(large.is_mapped, array[:100]).result()
    wait_for_nothing_kept(pool)


def test_a_call_may_write_to_its_own(pool: Pool) -> None:
    array = large.fill(3)

    futures = [pool.submit(large.add_in_place, array, n) for n in range(10)]

    assert [future.result() for future in futures] == [(3 + n) * large.LENGTH for n in range(10)]
    assert set(array.tolist()) == {3}


def test_what_cannot_be_written_to_here_cannot_be_there(pool: Pool) -> None:
    array = large.fill(3)
    array.flags.writeable = False

    with pytest.raises(ValueError, match="read-only"):
        pool.submit(large.add_in_place, array, 1).result()


def test_they_may_be_of_any_kind_and_have_names(pool: Pool) -> None:
    texts = {"a": "x" * MEBIBYTE, "b": bytes(MEBIBYTE), "c": list(range(2**17))}

    for value in texts.values():
        assert pool.submit(functions.identity, value).result() == value
    assert pool.submit(dict, **texts).result() == texts
    wait_for_nothing_kept(pool)


def test_futures_among_them_are_values(pool: Pool) -> None:
    with Pool(1) as other:
        foreign = other.submit(large.fill, 4)
        foreign.result()
        small, big = pool.submit(functions.square, 2), pool.submit(large.fill, 2)
        arguments: Any = [small, big, foreign, large.fill(1)]
        assert pool.submit(large.sum_all, arguments).result() == 4 + 7 * large.LENGTH


def test_an_attempt_finds_nothing_of_what_the_one_before_it_has_written(
    pool: Pool, tmp_path: Any
) -> None:
    array = large.fill(3)

    future = pool.submit(large.clear_and_kill_self_once, array, str(tmp_path / "marker"))

    assert future.result() == 3 * large.LENGTH


def test_what_a_worker_keeps_of_them_stays_as_it_is() -> None:
    with Pool(1) as pool:
        pool.submit(large.keep, large.fill(7)).result()
        for number in range(30):
            assert pool.submit(large.add_in_place, large.fill(number), 1).result() == (
                (number + 1) * large.LENGTH
            )
        assert pool.submit(large.sums_of_kept).result() == [{7}]
        pool.submit(large.let_go).result()
        wait_for_nothing_kept(pool)


def test_more_of_them_than_there_is_room_for_arrive() -> None:
    for room in (0, 3 * MEBIBYTE):
        with Pool(2, shared_memory=room) as pool:
            futures = [pool.submit(large.total, large.fill(n)) for n in range(40)]
            assert [future.result() for future in futures] == [n * large.LENGTH for n in range(40)]


def test_what_has_no_room_or_cannot_be_sent_fails_its_future(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(parts: object, name: str) -> None:
        raise NotPicklable(name, "no room", "Make it smaller")

    monkeypatch.setattr(pool._session._host.holdings, "put", refuse)
    with pytest.raises(NotPicklable, match="cannot send the arguments: no room"):
        pool.submit(large.total, large.fill(1)).result()
    with pytest.raises(NotPicklable, match=r"args\[1\]"):
        pool.submit(large.keep, large.fill(1), Lock()).result()


def test_a_cancelled_call_lets_them_go(pool: Pool, tmp_path: Path) -> None:
    array, go = large.fill(1), tmp_path / "go"
    first = [pool.submit(inputs.wait_for_file, str(go), array) for _ in range(2)]
    futures = [pool.submit(large.total, array) for _ in range(50)]

    cancelled = [future.cancel() for future in futures]
    go.touch()

    assert any(cancelled)
    assert [future.result()[0] for future in first] == [1, 1]
    del first, futures
    wait_for_nothing_kept(pool)
