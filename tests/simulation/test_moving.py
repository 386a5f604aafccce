"""What placement is worth where it takes time to move inputs."""

from collections.abc import Callable

import pytest

from elsewhere.gateway.placement import PLACEMENTS, Locality, Placement, UsersOwn
from elsewhere.testing.moving import NBYTES, Moved, Moving

MAKERS, USERS = 24, 200
SLOW, FAST = NBYTES / 0.05, NBYTES / 1e-6
"""bytes per second: moving a value takes 12 times as long as using it, or next to nothing"""


def moved(policy: Placement, seed: int, bytes_per_second: float) -> Moved:
    return Moving(seed, policy, bytes_per_second, nodes=3, workers=6).run(MAKERS, USERS)


POLICIES: dict[str, Callable[[], Placement]] = {
    **PLACEMENTS,
    "the user's own": lambda: UsersOwn(lambda call, candidates: candidates[-1]),
}


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("bytes_per_second", [SLOW, FAST])
def test_all_comes_out_and_is_a_function_of_the_seed(name: str, bytes_per_second: float) -> None:
    first = moved(POLICIES[name](), 1, bytes_per_second)

    assert first.settled == MAKERS + USERS
    assert moved(POLICIES[name](), 1, bytes_per_second) == first


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("other", [name for name in PLACEMENTS if name != "locality"])
def test_locality_moves_less_and_takes_less_time_where_moving_is_slow(
    seed: int, other: str
) -> None:
    ours, theirs = moved(Locality(), seed, SLOW), moved(PLACEMENTS[other](), seed, SLOW)

    assert ours.moved_bytes < 0.5 * theirs.moved_bytes
    assert ours.seconds < theirs.seconds


@pytest.mark.parametrize("seed", range(5))
def test_locality_does_not_wait_where_moving_costs_next_to_nothing(seed: int) -> None:
    ours, theirs = moved(Locality(), seed, FAST), moved(PLACEMENTS["least_loaded"](), seed, FAST)

    assert ours.seconds < 1.1 * theirs.seconds


@pytest.mark.parametrize("seed", range(3))
def test_what_transfers_take_is_learnt(seed: int) -> None:
    assert moved(Locality(), seed, SLOW).moved_bytes < moved(Locality(), seed, FAST).moved_bytes
