"""What placement policies choose, and what is told of a user's own that names no candidate."""

from collections.abc import Callable
from typing import Any

import pytest

from elsewhere.calls.values import Transfer
from elsewhere.errors import PlacementError
from elsewhere.gateway.bandwidths import (
    BYTES_PER_SECOND,
    MAPPED_BYTES_PER_SECOND,
    PAIRS_MAX,
    Bandwidths,
)
from elsewhere.gateway.placement import (
    TOLD_MAX,
    CallToPlace,
    Candidate,
    Fastest,
    LeastLoaded,
    Locality,
    Placement,
    RoundRobin,
    UsersOwn,
    open_placement,
)

CALL = CallToPlace("f", "", 100, 1.0)


def worker(
    number: int,
    *,
    wait: float = 0.0,
    move: float = 0.0,
    warm: int = 0,
    held: int = 0,
    speed: float = 1.0,
) -> Candidate:
    return Candidate(number, 0, held, wait, 0, 0, warm, move, speed)


def chosen(policy: Placement, *candidates: Candidate) -> int:
    return policy.place(CALL, candidates).worker


# ---------------------------------------------------------------- those with names


def test_locality_weighs_waiting_against_moving() -> None:
    assert chosen(Locality(), worker(1, wait=1.0), worker(2, move=1.5)) == 1
    assert chosen(Locality(), worker(1, wait=2.0), worker(2, move=1.5)) == 2


def test_locality_takes_the_maker_of_two_that_cost_as_much_and_else_the_idlest() -> None:
    assert chosen(Locality(), worker(1, warm=1), worker(2, warm=2)) == 2
    assert chosen(Locality(), worker(1, held=2), worker(2, held=1)) == 2
    assert chosen(Locality(), worker(2), worker(1)) == 1


def test_least_loaded_takes_whom_least_work_waits_for() -> None:
    assert chosen(LeastLoaded(), worker(1, wait=1.0), worker(2, wait=0.5, move=9.0)) == 2
    assert chosen(LeastLoaded(), worker(1, held=2), worker(2, held=1)) == 2


def test_round_robin_takes_each_in_its_turn_and_passes_over_who_is_not_there() -> None:
    policy = RoundRobin()
    three = [worker(2), worker(1), worker(3)]

    assert [chosen(policy, *three) for _ in range(4)] == [1, 2, 3, 1]
    assert chosen(policy, worker(1), worker(3)) == 3
    assert chosen(policy, *three, worker(4)) == 4
    assert chosen(policy, *three, worker(4)) == 1


def test_fastest_takes_who_would_end_first() -> None:
    assert chosen(Fastest(), worker(1), worker(2, speed=2.0)) == 2
    assert chosen(Fastest(), worker(1), worker(2, speed=2.0, wait=1.5)) == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("locality", Locality),
        ("least_loaded", LeastLoaded),
        ("round_robin", RoundRobin),
        ("fastest", Fastest),
    ],
)
def test_a_policy_has_a_name(name: str, kind: type) -> None:
    assert type(open_placement(name)) is kind


def test_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="'locality', 'least_loaded', 'round_robin', 'fastest'"):
        open_placement("nearest")


def test_what_is_neither_a_name_nor_a_function_is_refused() -> None:
    with pytest.raises(TypeError, match="not 3"):
        open_placement(3)  # type: ignore[arg-type]  # the mistake


# ---------------------------------------------------------------- the user's own


def refused(function: Callable[..., Any]) -> str:
    """What is told of a function that names no candidate."""
    with pytest.raises(PlacementError) as caught:
        UsersOwn(function).place(CALL, [worker(1), worker(2)])
    assert caught.value.function == "f"
    assert "must return one of the candidates" in str(caught.value)
    return caught.value.did


def test_a_users_function_chooses_one_of_the_candidates() -> None:
    policy = open_placement(lambda call, candidates: candidates[call.input_bytes // 100])

    assert chosen(policy, worker(1), worker(2)) == 2


@pytest.mark.parametrize("nonsense", [None, 7, worker(1), worker(9), ()])
def test_what_is_no_candidate_is_told(nonsense: object) -> None:
    assert refused(lambda call, candidates: nonsense) == f"returned {nonsense!r}"


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit("no"), KeyboardInterrupt("no")])
def test_what_the_function_raises_is_told_with_its_place(error: BaseException) -> None:
    def choose(call: CallToPlace, candidates: tuple[Candidate, ...]) -> Candidate:
        raise error

    told = refused(choose)

    assert told.startswith(f"raised {type(error).__name__}: no (in choose, {__file__} line ")


def test_a_function_that_takes_other_arguments_is_told_of() -> None:
    assert "takes 0 positional arguments" in refused(lambda: None)


class Unspeakable(Exception):
    def __repr__(self) -> str:
        raise RuntimeError

    __str__ = __repr__


def test_what_cannot_be_told_is_named_by_its_type() -> None:
    def choose(call: CallToPlace, candidates: tuple[Candidate, ...]) -> Candidate:
        raise Unspeakable

    returned = refused(lambda call, candidates: Unspeakable())
    assert returned == "returned a Unspeakable that raises RuntimeError when it is told"
    assert refused(choose).startswith("raised Unspeakable: a Unspeakable that raises RuntimeError")


def test_much_is_told_in_short() -> None:
    told = refused(lambda call, candidates: "x" * 10_000)

    assert told.endswith("xxx...")
    assert len(told) == len("returned ") + TOLD_MAX


# ---------------------------------------------------------------- bandwidths


def test_before_anything_is_measured_there_is_a_guess() -> None:
    bandwidths = Bandwidths()

    assert bandwidths.seconds_for(1000, 0, 1) == 1000 / BYTES_PER_SECOND
    assert bandwidths.seconds_for(1000, 1, 1) == 1000 / MAPPED_BYTES_PER_SECOND


def test_a_pair_of_nodes_has_its_own_bandwidth_and_an_unknown_one_that_of_all() -> None:
    bandwidths = Bandwidths()
    bandwidths.measure(1, [Transfer(0, 1000, 1.0)])
    bandwidths.measure(2, [Transfer(0, 1000, 3.0)])

    assert bandwidths.seconds_for(500, 0, 1) == 0.5
    assert bandwidths.seconds_for(500, 0, 2) == 1.5
    assert 0.5 < bandwidths.seconds_for(500, 1, 0) < 1.5


def test_the_latest_transfers_count_most_and_the_large_ones() -> None:
    bandwidths = Bandwidths()
    bandwidths.measure(1, [Transfer(0, 1000, 1.0)])
    bandwidths.measure(1, [Transfer(0, 1, 9.0), Transfer(0, 10**6, 10.0), Transfer(0, 10**6, 10.0)])

    assert bandwidths.seconds_for(10**6, 0, 1) == pytest.approx(10.0, rel=0.5)


def test_what_was_not_moved_is_not_counted() -> None:
    bandwidths = Bandwidths()
    bandwidths.measure(1, [Transfer(1, 1000, 1.0), Transfer(0, 0, 1.0)])

    assert bandwidths.seconds_for(1000, 0, 1) == 1000 / BYTES_PER_SECOND


def test_so_many_pairs_are_kept_and_the_latest() -> None:
    bandwidths = Bandwidths()
    for number in range(1, PAIRS_MAX + 2):
        bandwidths.measure(0, [Transfer(number, 1000, float(number))])

    latest, mean = PAIRS_MAX + 1, bandwidths.seconds_for(1000, 1, 0)
    assert bandwidths.seconds_for(1000, 2, 0) == 2.0
    assert bandwidths.seconds_for(1000, latest, 0) == latest
    assert mean == bandwidths.seconds_for(1000, 7, 9) != 1.0
