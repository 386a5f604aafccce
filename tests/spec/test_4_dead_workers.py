"""Dead workers: they are replaced, and only what kills them fails."""

import pytest

from elsewhere import CallQuarantined, InitializerFailed, Pool
from tests.spec.functions import crash, crash_on_13, invert, square


def test_a_call_that_keeps_killing_its_worker_fails_alone(pool: Pool) -> None:
    crashing = pool.submit(crash)
    others = [pool.submit(square, number) for number in range(100)]

    with pytest.raises(CallQuarantined, match="killed by SIGKILL"):
        crashing.result()
    assert [other.result() for other in others] == [number * number for number in range(100)]


def test_the_pool_is_never_broken(pool: Pool) -> None:
    for _ in range(3):
        assert isinstance(pool.submit(crash).exception(), CallQuarantined)
    assert pool.submit(square, 12).result() == 144


def test_in_a_map_only_the_poisonous_item_fails(pool: Pool) -> None:
    results = pool.map(crash_on_13, range(100))

    assert [next(results) for _ in range(13)] == list(range(13))
    with pytest.raises(CallQuarantined):
        next(results)


def test_an_initializer_that_fails_is_no_endless_loop() -> None:
    with Pool(2, initializer=invert, initargs=(0,)) as pool:
        error = pool.submit(square, 12).exception()
    assert isinstance(error, InitializerFailed)
    assert isinstance(error.__cause__, ZeroDivisionError)
