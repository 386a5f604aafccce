"""What the gateway asks a placement policy, and what it makes of the answer."""

from collections.abc import Sequence

import pytest

from elsewhere.calls.messages import (
    NUMBERS_PER_WORKER,
    Call,
    Options,
    Parked,
    Recall,
    Returned,
    Run,
    Verdict,
)
from elsewhere.calls.values import Place, Put, Transfer
from elsewhere.calls.workers import Ready, Started, Stop
from elsewhere.gateway.bandwidths import BYTES_PER_SECOND
from elsewhere.gateway.dispatch import ASIDE_MAX, CANDIDATES_MAX, PLACED_MAX, ROB_CHECK_SECONDS
from elsewhere.gateway.placement import (
    CallToPlace,
    Candidate,
    Fastest,
    LeastLoaded,
    Locality,
    Placement,
    RoundRobin,
    UsersOwn,
)
from elsewhere.gateway.placer import LOOKED_AT_MAX
from elsewhere.gateway.records import CLIENT, ENGINE, Turn
from tests.unit.value_stage import FUNCTION, ValueStage, brought, call, place_of, value

MADE = 500
"""a call whose value lies on a node"""
NBYTES = place_of(MADE).nbytes


class Asked:
    """A policy that notes what it is asked, and takes the last of the candidates."""

    def __init__(self, *, every_call: bool = True) -> None:
        self.every_call = every_call
        self.calls: list[CallToPlace] = []
        self.candidates: list[dict[int, Candidate]] = []

    def place(self, call: CallToPlace, candidates: Sequence[Candidate]) -> Candidate:
        self.calls.append(call)
        self.candidates.append({one.worker: one for one in candidates})
        return candidates[-1]


def nowhere(call: CallToPlace, candidates: tuple[Candidate, ...]) -> Candidate:
    raise ValueError("no")


def with_value(
    *nodes: int, by: int = 1, seconds: float = 0.001, placement: Placement | None = None
) -> ValueStage:
    """Workers on these nodes, all idle. One has made the value of `MADE`; calls take so long."""
    stage = ValueStage(nodes=nodes, placement=placement)
    stage.gateway.functions[FUNCTION].seconds = seconds
    stage.gateway.ledger.values.add(MADE, place_of(MADE), by, [CLIENT])
    return stage


def runs_of(turn: Turn) -> list[tuple[int, list[int]]]:
    """Worker and calls of each `Run`."""
    return [
        (peer, [attempt.call for attempt in message.attempts])
        for peer, message in turn.sends
        if isinstance(message, Run)
    ]


def recalled(turn: Turn) -> list[int]:
    return [
        number
        for _, message in turn.sends
        if isinstance(message, Recall)
        for number, _ in message.attempts
    ]


# ---------------------------------------------------------------- locality


@pytest.mark.parametrize("maker", [1, 2, 3])
def test_a_call_goes_to_who_has_made_its_input(maker: int) -> None:
    stage = with_value(0, 0, 0, by=maker)

    assert runs_of(stage.submit(call(1000, brought(MADE)))) == [(maker, [1000])]


def test_it_does_not_wait_for_a_maker_that_is_busy() -> None:
    stage = with_value(0, 0)
    stage.submit(call(1000, brought(MADE)))

    assert runs_of(stage.submit(call(1001, brought(MADE)))) == [(2, [1001])]


def test_it_waits_for_its_node_if_that_takes_less_than_moving() -> None:
    stage = with_value(0, 1, seconds=0.001)
    stage.submit(call(1000, brought(MADE)))

    assert runs_of(stage.submit(call(1001, brought(MADE)))) == [(1, [1001])]


def test_it_is_moved_if_that_takes_less_than_waiting() -> None:
    stage = with_value(0, 1, seconds=0.015)
    stage.submit(call(1000, brought(MADE)))

    assert runs_of(stage.submit(call(1001, brought(MADE)))) == [(2, [1001])]


def test_what_transfers_took_decides_the_next_time() -> None:
    stage = with_value(0, 1, seconds=0.015)
    stage.submit(call(1000, brought(MADE)))
    stage.submit(call(1001, brought(MADE)))
    assert stage.sent()[-1] == (2, 1001, 1)
    slow = value(1001, elapsed=0.015, transfers=(Transfer(0, NBYTES, 1.0),))
    stage.done(2, slow)

    assert runs_of(stage.submit(call(1002, brought(MADE)))) == [(1, [1002])]


def test_another_worker_of_the_node_is_nearer_than_one_of_another_node() -> None:
    stage = with_value(0, 1, 0)
    stage.submit(call(1000, brought(MADE)))

    assert runs_of(stage.submit(call(1001, brought(MADE)))) == [(3, [1001])]


def test_who_still_refers_to_a_value_need_not_move_it() -> None:
    stage = with_value(0, 1, 1, seconds=0.015)
    stage.submit(call(1000, brought(MADE)), call(1001, brought(MADE)))
    (holder,) = {worker for worker, attempt in stage.runs if attempt.call == 1001}
    stage.done(holder, value(1001, elapsed=0.015, holds=(MADE,)))

    assert runs_of(stage.submit(call(1002, brought(MADE)))) == [(holder, [1002])]


def test_what_the_client_has_put_lies_on_the_first_node() -> None:
    stage = with_value(1, 0, by=1)
    stage.say(CLIENT, Put(900, place_of(900)))

    assert runs_of(stage.submit(call(1000, brought(900)))) == [(2, [1000])]


def test_the_maker_of_an_input_may_be_gone() -> None:
    stage = with_value(0, 0)
    stage.lose(1)

    assert runs_of(stage.submit(call(1000, brought(MADE)))) == [(2, [1000])]


def test_calls_without_such_inputs_go_to_who_idles_beside_those_that_have_them() -> None:
    policy = Asked(every_call=False)
    stage = with_value(0, 0, placement=policy)

    turn = stage.submit(call(1000), call(1001, brought(MADE)), call(1002), call(1003))

    assert len(policy.calls) == 1
    assert sorted(number for _, run in runs_of(turn) for number in run) == [1000, 1001, 1002, 1003]
    assert len(runs_of(turn)) == 2


def test_what_one_step_gives_a_worker_goes_in_one_run() -> None:
    stage = with_value(0, 0, seconds=0.0001)

    turn = stage.submit(*(call(n, brought(MADE)) for n in range(1000, 1050)))

    assert sorted(peer for peer, _ in runs_of(turn)) == [1, 2]
    assert sum(len(run) for _, run in runs_of(turn)) == 50


def test_who_has_no_room_after_what_was_placed_there_takes_nothing_from_the_queue() -> None:
    stage = with_value(0, 1, seconds=0.010)

    turn = stage.submit(
        call(1000, brought(MADE)), call(1001, brought(MADE)), call(1002), call(1003), call(1004)
    )

    assert runs_of(turn) == [(2, [1002, 1003]), (1, [1000, 1001])]


def test_a_call_that_was_made_inside_another_is_placed_by_its_inputs_too() -> None:
    stage = with_value(0, 1, by=2)
    stage.submit(call(1000))
    asker = stage.runs[-1][0]
    number = asker * NUMBERS_PER_WORKER + 1
    inner = Call(number, FUNCTION, b"p", Options(), parent=1000, inputs=(brought(MADE),))

    assert runs_of(stage.submit(inner, by=asker)) == [(2, [inner.id])]


# ---------------------------------------------------------------- what a policy is told


def test_a_policy_is_told_of_the_call_and_of_who_has_room() -> None:
    policy = Asked()
    stage = with_value(0, 1, seconds=0.002, placement=policy)
    stage.now = 1.0
    stage.submit(call(1000))
    stage.now = 1.0005

    stage.submit(call(1001, brought(MADE)))

    assert policy.calls[-1] == CallToPlace("f", "", NBYTES, 0.002)
    busy, idle = stage.runs[0][0], 3 - stage.runs[0][0]
    offered = policy.candidates[-1]
    assert offered[busy].held == 1
    assert offered[busy].wait_seconds == pytest.approx(0.0015)
    assert (offered[idle].held, offered[idle].wait_seconds) == (0, 0.0)
    assert offered[1][:1] + offered[1][4:7] == (1, NBYTES, 0, NBYTES)
    assert offered[2][:2] + offered[2][4:7] == (2, 1, 0, NBYTES, 0)
    assert offered[1].move_seconds == 0.0
    assert offered[2].move_seconds == pytest.approx(NBYTES / 1e8)


def test_what_runs_for_longer_than_was_thought_is_waited_for_as_long_again() -> None:
    policy = Asked()
    stage = with_value(0, 0, seconds=0.002, placement=policy)
    stage.submit(call(1000))
    stage.now = 5.0

    stage.submit(call(1001))

    assert policy.candidates[-1][stage.runs[0][0]].wait_seconds == pytest.approx(4.998)


def test_only_workers_with_room_are_offered() -> None:
    policy = Asked()
    stage = ValueStage(3, placement=policy)
    stage.submit(*(call(n) for n in range(1, 9)))

    assert [len(offered) for offered in policy.candidates] == [3, 3, 2, 2, 1, 1]
    assert all(one.held < 2 for offered in policy.candidates for one in offered.values())
    assert len(stage.runs) == 6
    assert len(stage.gateway.queue) == 2


def test_so_many_candidates_are_offered() -> None:
    policy = Asked()
    stage = ValueStage(CANDIDATES_MAX + 10, placement=policy)

    stage.submit(call(1))

    assert len(policy.candidates[-1]) == CANDIDATES_MAX


def test_it_is_looked_at_the_largest_inputs_who_has_made_them() -> None:
    policy = Asked(every_call=False)
    stage = with_value(0, 0, placement=policy)
    for number in range(900, 900 + LOOKED_AT_MAX):
        stage.say(CLIENT, Put(number, place_of(number)))
    inputs = [brought(n, position=n) for n in [*range(900, 900 + LOOKED_AT_MAX), MADE]]

    stage.submit(call(1000, *inputs))

    assert policy.calls[-1].input_bytes == (LOOKED_AT_MAX + 1) * NBYTES
    assert [one.warm_bytes for one in policy.candidates[-1].values()] == [0, 0]


def test_speeds_are_measured_against_what_was_thought() -> None:
    policy = Asked()
    stage = ValueStage(2, placement=policy)
    for number in range(1, 41):
        stage.submit(call(number))
        worker = stage.runs[-1][0]
        stage.done(worker, value(number, elapsed=0.001 * worker))
        if number % 2:
            stage.submit(call(100 + number), call(200 + number))
            for other, attempt in stage.runs[-2:]:
                stage.done(other, value(attempt.call, elapsed=0.001 * other))

    offered = policy.candidates[-1]
    assert offered[1].speed > 1.2 * offered[2].speed


def test_a_speed_that_cannot_be_told_is_that_of_all() -> None:
    stage = ValueStage(1, placement=Fastest())
    for number in range(1, 4):
        stage.submit(call(number))
        stage.done(1, value(number, elapsed=0.0))
    assert stage.gateway.workers[1].speed == 1.0

    stage.submit(call(9))
    stage.done(1, value(9, elapsed=1.0))
    assert stage.gateway.workers[1].speed == 1.0


def test_round_robin_gives_each_worker_its_turn() -> None:
    stage = ValueStage(3, placement=RoundRobin())
    stage.measure()
    stage.runs.clear()

    stage.submit(*(call(n) for n in range(1, 7)))

    assert [worker for worker, _, _ in sorted(stage.sent(), key=lambda one: one[1])] == [
        2, 3, 1, 2, 3, 1,
    ]  # fmt: skip


def test_nothing_is_sent_ahead_of_its_inputs_unless_locality_decides() -> None:
    stage = ValueStage(1, placement=LeastLoaded())
    stage.measure()
    stage.runs.clear()

    stage.submit(call(1), call(2, 1))

    assert stage.sent() == [(1, 1, 1)]
    assert not stage.runs[0][1].needed


@pytest.mark.parametrize(("maker", "ahead"), [(1, [1002]), (2, [1001, 1002])])
def test_nothing_is_sent_ahead_if_another_input_lies_on_another_node(
    maker: int, ahead: list[int]
) -> None:
    stage = with_value(0, 1, by=maker, seconds=0.0001)

    turn = stage.submit(call(1000), call(1001, 1000, brought(MADE)), call(1002, 1000))

    assert runs_of(turn) == [(2, [1000]), (2, ahead)]


def test_calls_inside_calls_are_placed_by_the_policy() -> None:
    policy = Asked()
    stage = ValueStage(2, placement=policy)
    stage.submit(call(1))
    asker = stage.runs[-1][0]
    inner = Call(asker * NUMBERS_PER_WORKER + 1, FUNCTION, b"p", Options(), parent=1)

    stage.submit(inner, by=asker)

    assert len(policy.calls) == 2
    assert set(policy.candidates[-1]) == {1, 2}


# ---------------------------------------------------------------- bounds


@pytest.mark.parametrize("placement", [Locality(), RoundRobin()])
def test_a_step_places_so_many_calls_and_asks_for_another_step(placement: Placement) -> None:
    stage = with_value(0, 0, seconds=1e-9, placement=placement)
    calls = [call(n, brought(MADE)) for n in range(1000, 1000 + PLACED_MAX + 10)]

    turn = stage.submit(*calls)

    assert len(stage.runs) == PLACED_MAX
    assert turn.wake == stage.now
    stage.say(CLIENT, None)
    assert len(stage.runs) == PLACED_MAX + 10


@pytest.mark.parametrize("placement", [Locality(), RoundRobin()])
def test_a_worker_that_has_used_up_its_budget_is_offered_nothing_more(
    placement: Placement,
) -> None:
    stage = ValueStage(1, tasks=3, placement=placement)
    stage.measure()
    stage.say(CLIENT, Put(900, place_of(900)))

    turn = stage.submit(*(call(n, brought(900)) for n in range(1, 6)))

    assert runs_of(turn) == [(1, [1, 2])]
    assert [type(message) for _, message in turn.sends] == [Run, Stop]
    assert len(stage.gateway.queue) == 3


def test_a_worker_that_leaves_may_be_placed_what_its_parked_calls_wait_for() -> None:
    stage = ValueStage(1, tasks=1, placement=RoundRobin())
    stage.submit(call(1))
    inner = Call(NUMBERS_PER_WORKER + 1, FUNCTION, b"p", Options(), parent=1)
    stage.submit(inner, by=1)
    assert len(stage.runs) == 1

    stage.say(1, Parked(1, 1))

    assert stage.sent()[-1] == (1, inner.id, 1)


def test_calls_that_were_taken_back_are_passed_over() -> None:
    stage = ValueStage(1, placement=RoundRobin())
    stage.submit(*(call(n) for n in range(1, 5)))
    stage.cancel(3)

    stage.done(1, value(1), value(2))

    assert stage.sent()[-1] == (1, 4, 1)


# ---------------------------------------------------------------- a call that cannot be placed


def test_a_call_for_which_no_candidate_is_named_fails_and_it_alone() -> None:
    def place(call: CallToPlace, candidates: tuple[Candidate, ...]) -> Candidate:
        return candidates[0] if call.input_bytes else nowhere(call, candidates)

    stage = ValueStage(1, placement=UsersOwn(place))
    stage.say(CLIENT, Put(900, place_of(900)))

    turn = stage.submit(call(1), call(2, brought(900)))

    assert [(s.call, s.verdict) for s in turn.settlements] == [(1, Verdict.MISPLACED)]
    assert turn.settlements[0].payload.startswith(b"raised ValueError: no (in nowhere, ")
    assert stage.sent() == [(1, 2, 1)]


def test_what_needs_a_call_that_could_not_be_placed_fails_too() -> None:
    stage = ValueStage(1, placement=UsersOwn(nowhere))

    turn = stage.submit(call(1), call(2, 1))

    assert turn.wake == stage.now
    turn = stage.say(CLIENT, None)
    assert [(s.call, s.verdict) for s in turn.settlements] == [(2, Verdict.MISPLACED)]
    assert not stage.gateway.calls


def test_an_error_that_no_text_can_hold_is_told_all_the_same() -> None:
    def place(call: CallToPlace, candidates: tuple[Candidate, ...]) -> Candidate:
        raise ValueError("\udc80")

    stage = ValueStage(1, placement=UsersOwn(place))

    (settlement,) = stage.submit(call(1)).settlements

    assert b"\\udc80" in settlement.payload


# ---------------------------------------------------------------- robbing


def test_what_is_not_worth_moving_is_not_recalled_for_who_idles() -> None:
    stage = with_value(0, 1, seconds=0.003)
    turn = stage.submit(call(1000, brought(MADE)), call(1001, brought(MADE)))

    assert runs_of(turn) == [(1, [1000, 1001])]
    turn = stage.say(CLIENT, None)
    assert recalled(turn) == []
    assert turn.wake == pytest.approx(stage.now + ROB_CHECK_SECONDS)


def test_what_has_waited_for_longer_than_moving_takes_is_recalled() -> None:
    stage = with_value(0, 1, seconds=0.003)
    stage.submit(call(1000, brought(MADE)), call(1001, brought(MADE)))
    stage.now = 0.1

    assert recalled(stage.say(CLIENT, None)) == [1001]
    assert runs_of(stage.say(1, Returned([(1001, 1)], []))) == [(2, [1001])]


def test_what_has_no_such_inputs_is_recalled_from_any_node() -> None:
    stage = ValueStage(nodes=(0,))
    stage.measure(0.006)
    stage.submit(call(1), call(2))

    assert recalled(join(stage, 2, 1)) == [2]


def test_within_a_node_every_backlog_is_recalled() -> None:
    stage = with_value(0, seconds=0.003)
    stage.submit(call(1000, brought(MADE)), call(1001, brought(MADE)))

    assert recalled(join(stage, 2, 0)) == [1001]


def join(stage: ValueStage, number: int, node: int) -> Turn:
    """One more worker, which idles."""
    stage.say(ENGINE, Started(number, node))
    return stage.say(number, Ready(1))


# ---------------------------------------------------------------- waiting for a node


FAR_SECONDS = NBYTES / BYTES_PER_SECOND
"""how long it is thought to take to move the value: 10.5 ms"""


def enlarge(stage: ValueStage, times: int) -> None:
    """The value is so many times as large."""
    values = stage.gateway.ledger.values
    values.kept[MADE].place = Place("large", times * NBYTES)
    values.nbytes += (times - 1) * NBYTES


def many(stage: ValueStage, count: int, first: int = 1000) -> Turn:
    return stage.submit(*(call(n, brought(MADE)) for n in range(first, first + count)))


def test_what_could_begin_sooner_where_its_inputs_are_is_set_aside() -> None:
    stage = with_value(0, 1, seconds=0.009)

    turn = many(stage, 5)

    # 1002 could begin there after 18 ms, 1003 after 27, and elsewhere after 10.5 and 19.5.
    assert runs_of(turn) == [(2, [1002, 1004]), (1, [1000, 1001, 1003])]


def test_what_is_set_aside_goes_first_once_there_is_room() -> None:
    stage = with_value(0, 1, seconds=0.021)
    enlarge(stage, 10)
    turn = many(stage, 3)
    assert runs_of(turn) == [(1, [1000, 1001])]
    assert stage.say(CLIENT, None).wake == pytest.approx(stage.now + ROB_CHECK_SECONDS)

    assert runs_of(stage.submit(call(2000))) == [(2, [2000])]
    assert runs_of(stage.done(1, value(1000))) == [(1, [1002])]
    assert not stage.gateway.queue


def test_each_that_is_set_aside_makes_the_next_wait_longer() -> None:
    stage = with_value(0, 1, seconds=0.021)
    enlarge(stage, 10)

    turn = many(stage, 6)

    assert sorted(runs_of(turn)) == [(1, [1000, 1001]), (2, [1005])]
    assert [record.call.id for record in stage.gateway.dispatch.aside] == [1002, 1003, 1004]


def test_so_many_are_set_aside_and_no_more() -> None:
    stage = with_value(0, 1, seconds=0.010)
    enlarge(stage, 1000)

    turn = many(stage, ASIDE_MAX + 3)

    assert sorted(runs_of(turn)) == [(1, [1000, 1001]), (2, [1000 + ASIDE_MAX + 2])]
    assert len(stage.gateway.dispatch.aside) == ASIDE_MAX


def test_nobody_waits_for_a_worker_that_will_take_no_more() -> None:
    stage = with_value(0, 1, seconds=0.021)
    enlarge(stage, 10)
    stage.submit(call(900), call(901))  # the latest that idles has the first
    stage.gateway.workers[1].stuck = True
    stage.gateway.dispatch.update(stage.gateway.workers[1])

    assert runs_of(many(stage, 1)) == [(2, [1000])]


def test_nobody_waits_for_a_node_that_is_gone() -> None:
    stage = with_value(0, 1, 2, by=1, seconds=0.021)
    enlarge(stage, 10)
    stage.lose(1)

    assert len(runs_of(many(stage, 2))) == 2


def test_while_something_is_set_aside_who_idles_is_given_what_others_have_not_begun() -> None:
    stage = with_value(0, 1, seconds=0.021)
    enlarge(stage, 10)
    stage.submit(*(call(n) for n in range(900, 904)))
    many(stage, 1)
    held = {worker.id: list(worker.held) for worker in stage.gateway.workers.values()}

    turn = stage.done(2, *(value(number, elapsed=0.021) for number in held[2]))

    assert recalled(turn) == held[1][1:]
    assert [record.call.id for record in stage.gateway.dispatch.aside] == [1000]
    assert turn.wake == pytest.approx(stage.now + ROB_CHECK_SECONDS)


def test_within_one_node_nothing_is_set_aside() -> None:
    stage = with_value(0, 0, seconds=0.021)
    enlarge(stage, 1000)

    many(stage, 10)

    assert not stage.gateway.dispatch.aside
