"""What every placement policy promises, whatever it prefers."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elsewhere.calls.values import Put
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.placement import (
    PLACEMENTS,
    CallToPlace,
    Candidate,
    Placement,
    UsersOwn,
)
from elsewhere.gateway.room import can_take
from tests.unit.value_stage import ValueStage, brought, call, place_of, value

Make = Callable[[], Placement]

POLICIES: dict[str, Make] = {
    **PLACEMENTS,
    "the user's own, by bytes": lambda: UsersOwn(
        lambda call, candidates: max(candidates, key=lambda one: (one.local_bytes, one.worker))
    ),
    "the user's own, always the last": lambda: UsersOwn(lambda call, candidates: candidates[-1]),
}
BRIEF = settings(max_examples=40, deadline=None)
EACH = pytest.mark.parametrize("make", POLICIES.values(), ids=POLICIES)


SECONDS = st.floats(0, 10)
NBYTES = st.integers(0, 10**12)
CALLS = st.builds(CallToPlace, st.just("f"), st.just(""), NBYTES, SECONDS)
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.integers(1, 50),
        st.integers(0, 3),
        st.integers(0, 2000),
        SECONDS,
        NBYTES,
        NBYTES,
        NBYTES,
        SECONDS,
        st.floats(0.01, 100),
        st.integers(0, 5),
        SECONDS,
    ),
    min_size=1,
    max_size=10,
    unique_by=lambda one: one.worker,
)
HISTORIES = st.lists(st.tuples(CALLS, CANDIDATES), max_size=20)


@EACH
@BRIEF
@given(history=HISTORIES)
def test_it_names_one_of_the_candidates(
    make: Make, history: Sequence[tuple[CallToPlace, Sequence[Candidate]]]
) -> None:
    policy = make()
    for one, candidates in history:
        chosen = policy.place(one, candidates)
        assert any(chosen is candidate for candidate in candidates)


@EACH
@BRIEF
@given(history=HISTORIES)
def test_the_same_history_gives_the_same_choices(
    make: Make, history: Sequence[tuple[CallToPlace, Sequence[Candidate]]]
) -> None:
    policy, again = make(), make()
    for one, candidates in history:
        assert policy.place(one, candidates) is again.place(one, candidates)


@pytest.mark.parametrize("name", PLACEMENTS)
@BRIEF
@given(history=HISTORIES)
def test_a_policy_with_a_name_does_not_mind_in_which_order_candidates_come(
    name: str, history: Sequence[tuple[CallToPlace, Sequence[Candidate]]]
) -> None:
    policy, again = PLACEMENTS[name](), PLACEMENTS[name]()
    for one, candidates in history:
        assert policy.place(one, candidates) is again.place(one, candidates[::-1])


def no_call_waits_in_vain(gateway: Gateway) -> bool:
    """Whether nobody idles while a call waits that was not set aside; nobody has room, if the policy
    places every call."""
    vain = can_take if gateway.dispatch.placer.every_call else lambda worker: not worker.held
    if len(gateway.queue) == len(gateway.dispatch.aside):
        return True
    return not any(vain(worker) for worker in gateway.workers.values())


@EACH
@BRIEF
@given(
    batches=st.lists(st.lists(st.booleans(), min_size=1, max_size=30), min_size=1, max_size=8),
    seconds=st.sampled_from([0.0, 1e-6, 0.004, 0.5]),
    nodes=st.sampled_from([(0, 0, 0, 0), (0, 0, 1, 1), (0, 1, 2, 3)]),
)
def test_no_call_waits_while_anybody_has_room_and_each_comes_out(
    make: Make, batches: Sequence[Sequence[bool]], seconds: float, nodes: Sequence[int]
) -> None:
    stage = ValueStage(nodes=nodes, placement=make())
    stage.say(0, Put(9999, place_of(9999)))
    number = settled = 0
    for batch in batches:
        calls = []
        for with_input in batch:
            number += 1
            calls.append(call(number, brought(9999)) if with_input else call(number))
        stage.submit(*calls)
        assert no_call_waits_in_vain(stage.gateway)
        settled += run_heads(stage, seconds)
        assert no_call_waits_in_vain(stage.gateway)
    while done := run_heads(stage, seconds):
        settled += done
    assert settled == number
    assert not stage.gateway.calls


def run_heads(stage: ValueStage, seconds: float) -> int:
    """Each worker ends what it runs; returns how many calls that settled."""
    settled = 0
    for number in sorted(stage.gateway.workers):
        head = stage.gateway.workers[number].head()
        if head is not None:
            stage.now += seconds
            outcome = value(head.call.id, head.fence, elapsed=seconds)
            settled += len(stage.done(number, outcome).settlements)
    return settled
