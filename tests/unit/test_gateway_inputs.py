"""What the gateway promises of calls that are given the values of other calls."""

import pytest

from elsewhere.calls.lifecycle import CallState
from elsewhere.calls.messages import CHAIN_MAX, Define
from elsewhere.calls.messages import NUMBERS_PER_WORKER as OWN
from elsewhere.gateway.inputs import FALLEN_MAX, TOLD_MAX
from tests.unit.stage import Stage

FIRST = OWN + 1
"""the first number of worker 1"""


def with_workers(count: int, *events: str) -> Stage:
    """A gateway with function 7 and so many ready workers, after these events."""
    stage = Stage()
    for number in range(1, count + 1):
        stage.tell(f"start {number}", f"ready {number}")
    stage.tell("define 7", *events)
    return stage


def inputs_are_forgotten(stage: Stage) -> bool:
    """Whether the gateway keeps nothing about calls that wait for others."""
    inputs = stage.gateway.ledger.inputs
    return not (inputs.waiting or inputs.untold or inputs.ready or inputs.fallen)


# ---------------------------------------------------------------- values


def test_a_call_waits_for_its_input_and_is_given_its_value() -> None:
    stage = with_workers(1, "submit 1 of 7")

    assert stage.tell("submit 2 of 7 inputs=1") == []
    assert stage.gateway.calls[2].state is CallState.WAITING
    assert not stage.gateway.is_running(2)
    assert stage.tell("done 1 1#1") == [
        "worker 1: run 2#1(1#1)",
        "call 1: value, attempt 1, worker 1",
    ]
    assert stage.tell("done 1 2#1") == ["call 2: value, attempt 1, worker 1"]
    assert inputs_are_forgotten(stage)


def test_a_call_waits_for_the_last_of_its_inputs_and_gets_them_in_its_own_order() -> None:
    stage = with_workers(1, "submit 1 2 3 of 7", "submit 4 of 7 inputs=3,1,2")

    # It is sent behind the last one, and finds that one's value where it runs.
    assert stage.tell("done 1 1#1", "done 1 2#1")[0] == "worker 1: run 4#1(, 1#1, 2#1)"
    assert stage.gateway.calls[4].needs == 1
    stage.tell("done 1 3#1")
    assert stage.gateway.calls[4].needs == 0


def test_many_calls_are_given_one_value() -> None:
    stage = with_workers(1, "submit 1 of 7", "submit 2 3 4 of 7 inputs=1")

    assert stage.tell("done 1 1#1")[0] == "worker 1: run 2#1(1#1) 3#1(1#1) 4#1(1#1)"
    assert inputs_are_forgotten(stage)


def test_a_diamond_comes_together() -> None:
    stage = with_workers(1, "submit 1 of 7", "submit 2 3 of 7 inputs=1", "submit 4 of 7 inputs=2,3")

    assert stage.tell("done 1 1#1")[:2] == [
        "worker 1: run 2#1(1#1) 3#1(1#1)",
        "worker 1: run 4#1(, )",
    ]
    stage.tell("done 1 2#1", "done 1 3#1")
    assert stage.tell("done 1 4#1") == ["call 4: value, attempt 1, worker 1"]


def test_what_has_got_its_last_input_goes_before_what_waits_and_in_its_order() -> None:
    stage = with_workers(1, "submit 1 2 3 4 5 of 7", "submit 6 7 of 7 inputs=1")

    stage.tell("done 1 1#1 took=9")

    assert [r.call.id for r in stage.gateway.queue] == [7, 3, 4, 5]
    assert list(stage.gateway.workers[1].held) == [2, 6]


def test_a_call_may_come_with_the_values_of_its_inputs() -> None:
    stage = with_workers(1)

    told = stage.tell("submit 1 of 7 inputs=-1:value,-2:value")

    assert told == ["worker 1: define 7", "worker 1: run 1#1(given -1, given -2)"]


def test_an_input_may_have_joined_another_call() -> None:
    stage = with_workers(1, "submit 1 2 of 7 key=k", "submit 3 of 7 inputs=2,1")

    assert stage.tell("done 1 1#1")[:2] == ["remember k: value", "worker 1: run 3#1(1#1, 1#1)"]
    assert inputs_are_forgotten(stage)


def test_an_input_that_is_remembered_is_waited_for_until_it_is_written() -> None:
    stage = Stage(waits_for_rows=True)
    stage.tell("start 1", "ready 1", "define 7", "submit 1 of 7 key=k", "submit 2 of 7 inputs=1")

    assert stage.tell("done 1 1#1") == ["remember k: value"]
    assert stage.tell("written k")[0] == "worker 1: run 2#1(1#1)"


def test_another_attempt_is_given_the_same_values() -> None:
    stage = with_workers(1, "submit 1 of 7", "submit 2 of 7 inputs=1 retries=1")

    stage.tell("done 1 1#1")

    assert stage.tell("done 1 2#1 error") == ["worker 1: run 2#2(1#1)"]


def test_a_call_whose_worker_is_lost_keeps_its_values() -> None:
    stage = with_workers(1, "submit 1 of 7", "submit 2 of 7 inputs=1", "done 1 1#1")
    stage.tell("start 2", "ready 2")

    assert stage.tell("lost 1") == ["worker 2: define 7", "worker 2: run 2#2(1#1)"]


def test_an_input_whose_worker_is_lost_is_waited_for_until_it_comes_out() -> None:
    stage = with_workers(2, "submit 1 of 7", "submit 2 of 7 inputs=1")

    assert stage.tell("lost 2 running=1")[1:] == ["worker 1: run 1#2", "worker 1: run 2#1"]
    assert stage.tell("done 1 1#2") == ["call 1: value, attempt 2, worker 1"]
    assert stage.tell("done 1 2#1") == ["call 2: value, attempt 1, worker 1"]


def test_a_submit_that_comes_twice_is_one() -> None:
    stage = with_workers(1, "submit 1 of 7", "submit 2 of 7 inputs=1")

    assert stage.tell("submit 2 of 7 inputs=1") == []
    assert stage.tell("done 1 1#1")[0] == "worker 1: run 2#1(1#1)"


# ---------------------------------------------------------------- what the gateway has forgotten


def test_who_asks_is_asked_for_inputs_that_the_gateway_does_not_know() -> None:
    stage = with_workers(1, "submit 1 2 of 7", "done 1 1#1")

    assert stage.tell("submit 3 of 7 inputs=1,2,9") == ["client: need for 3: 1 9"]
    assert stage.tell("done 1 2#1") == ["call 2: value, attempt 1, worker 1"]
    assert stage.tell("given 3 9:value") == []
    assert stage.tell("given 3 1:value") == ["worker 1: run 3#1(given 1, 2#1, given 9)"]


def test_a_worker_is_asked_for_inputs_of_its_calls() -> None:
    stage = with_workers(1, "submit 1 of 7")

    told = stage.tell(f"submit {FIRST + 1} of 7 by=1 parent=1 inputs={FIRST}")
    assert told == [f"worker 1: need for {FIRST + 1}: {FIRST}"]
    assert stage.tell(f"given {FIRST + 1} {FIRST}:value by=1") == [
        f"worker 1: run {FIRST + 1}#1(given {FIRST})"
    ]


def test_an_input_that_is_given_twice_is_one() -> None:
    stage = with_workers(1, "submit 3 of 7 inputs=1,2", "given 3 1:value")

    assert stage.tell("given 3 1:value") == []
    assert stage.gateway.calls[3].state is CallState.WAITING
    assert "worker 1: run 3#1(given 1, given 2)" in stage.tell("given 3 1:error 2:value")


@pytest.mark.parametrize(
    "given",
    [
        "given 3 9:value",  # no input of it
        "given 3 1",  # not how it came out
        "given 4 1:value",  # no such call
        "given 5 1:value",  # a call without inputs
    ],
)
def test_what_nobody_needs_is_ignored(given: str) -> None:
    stage = with_workers(1, "submit 5 of 7", "submit 3 of 7 inputs=1")

    assert stage.tell(given) == []
    assert stage.gateway.calls[3].needs == 1


def test_what_is_given_late_changes_nothing() -> None:
    stage = with_workers(1, "submit 3 of 7 inputs=1", "given 3 1:value")

    assert stage.tell("given 3 1:error") == []
    assert stage.tell("done 1 3#1") == ["call 3: value, attempt 1, worker 1"]
    assert stage.tell("given 3 1:error") == []


def test_an_input_that_its_asker_has_taken_back_is_unknown_though_it_goes_on_for_others() -> None:
    stage = with_workers(1, "submit 1 2 of 7 key=k", "cancel 1")

    assert stage.tell("submit 3 of 7 inputs=1") == ["client: need for 3: 1"]
    assert stage.tell("submit 4 of 7 inputs=2") == []
    assert stage.tell("given 3 1:cancelled") == ["call 3: cancelled, needed by f"]


# ---------------------------------------------------------------- inputs without a value


@pytest.mark.parametrize("verdict", ["error", "cancelled", "timed_out", "quarantined", "circular"])
def test_a_call_with_an_input_that_has_no_value_has_none_for_the_same_reason(verdict: str) -> None:
    stage = with_workers(1)

    told = stage.tell(f"submit 1 of 7 inputs=-1:{verdict},-2:value")

    assert told == [f"call 1: {verdict}, needed by f"]
    assert not stage.gateway.calls
    assert inputs_are_forgotten(stage)


def test_what_needs_a_failed_call_fails_in_turn_and_the_chain_is_told() -> None:
    stage = with_workers(1)
    stage.gateway.step(0, Define(8, b"other code", "g"), 0.0)
    stage.tell("submit 1 of 7", "submit 2 of 8 inputs=1", "submit 3 of 7 inputs=2")

    turn = stage.turn("done 1 1#1 error")

    assert [(s.call, s.payload, s.worker, s.chain) for s in turn.settlements] == [
        (1, b"1#1", 1, ()),
        (2, b"1#1", 1, ("g",)),
        (3, b"1#1", 1, ("f", "g")),
    ]
    assert turn.wake is None
    assert not stage.gateway.calls


def test_a_long_chain_is_told_in_part() -> None:
    stage = with_workers(1, "submit 1 of 7")
    for number in range(2, CHAIN_MAX + 4):
        stage.tell(f"submit {number} of 7 inputs={number - 1}")

    turn = stage.turn("done 1 1#1 error")

    assert len(turn.settlements) == CHAIN_MAX + 3
    assert turn.settlements[-1].chain == ("f",) * CHAIN_MAX


def test_a_call_fails_once_whichever_of_its_inputs_fail() -> None:
    stage = with_workers(1, "submit 1 2 of 7", "submit 3 of 7 inputs=1,2")

    assert stage.tell("done 1 1#1 error")[1:] == ["call 3: error, attempt 1, worker 1, needed by f"]
    assert stage.tell("done 1 2#1 error") == ["call 2: error, attempt 1, worker 1"]
    assert stage.tell("submit 4 of 7 inputs=-1:error,-2:timed_out,9") == [
        "client: need for 4: 9",
        "call 4: error, needed by f",
    ]
    assert inputs_are_forgotten(stage)


def test_a_call_that_its_worker_died_of_too_often_is_told_to_what_needs_it() -> None:
    stage = with_workers(1, "submit 1 of 7 deaths=1", "submit 2 of 7 inputs=1")

    turn = stage.turn("lost 1 running=1 signal=9")

    assert [(s.verdict.name, s.chain) for s in turn.settlements] == [
        ("QUARANTINED", ()),
        ("QUARANTINED", ("f",)),
    ]
    assert turn.settlements[1].exit == turn.settlements[0].exit is not None


def test_what_needs_a_call_that_no_worker_could_be_started_for_fails_with_it() -> None:
    stage = Stage()
    stage.tell("define 7", "start 1", "submit 1 of 7", "submit 2 of 7 inputs=1")
    stage.tell("submit 4 of 7 inputs=3")

    assert stage.tell("unready 1") == ["call 1: unstartable", "call 2: unstartable, needed by f"]
    assert list(stage.gateway.calls) == [4]


def test_one_step_settles_so_many_and_asks_for_another() -> None:
    stage = with_workers(1, "submit 1 of 7", f"submit 2..{FALLEN_MAX + 3} of 7 inputs=1")

    first = stage.turn("done 1 1#1 error")
    second = stage.turn("at 3")

    assert len(first.settlements) == 1 + FALLEN_MAX
    assert first.wake == 0.0
    assert [s.call for s in second.settlements] == [FALLEN_MAX + 2, FALLEN_MAX + 3]
    assert second.wake is None
    assert not stage.gateway.calls


def test_what_has_fallen_can_be_cancelled_before_its_step() -> None:
    stage = with_workers(1, "submit 1 of 7", "submit 2 3 of 7 inputs=1")
    stage.gateway.ledger.inputs.fallen_max = 1
    stage.tell("done 1 1#1 error")

    assert stage.tell("cancel 3") == ["call 3: cancelled"]
    assert inputs_are_forgotten(stage)


def test_one_step_tells_so_many_that_their_input_is_there_and_asks_for_another() -> None:
    last = 2 * TOLD_MAX + 12
    stage = with_workers(1, "submit 1 of 7", f"submit 2..{last} of 7 inputs=1")

    wakes = [stage.turn("done 1 1#1 took=9").wake]
    held = list(stage.gateway.workers[1].held)
    assert len(stage.gateway.queue) == TOLD_MAX - len(held)
    wakes += [stage.turn("at 3").wake, stage.turn("at 3").wake]

    assert wakes == [0.0, 3.0, None]
    told = [*held, *(r.call.id for r in stage.gateway.queue)]
    assert sorted(told) == list(range(2, last + 1))
    assert told[len(held) :] == sorted(told[len(held) :])
    assert inputs_are_forgotten(stage)


def test_nobody_is_robbed_while_calls_may_become_ready_in_the_next_step() -> None:
    stage = with_workers(
        2, "submit 1 2 3 of 7", "submit 4 of 7 inputs=2", "submit 5 of 7 inputs=2,4"
    )
    stage.gateway.ledger.inputs.told_max = 1
    busy, free = (1, 2) if 1 in stage.gateway.workers[1].held else (2, 1)

    said = stage.tell("at 1", f"done {free} 2#1 took=1")

    assert not [line for line in said if "recall" in line]
    assert stage.tell("at 1")[0].startswith(f"worker {free}: run 4#1")
    assert len(stage.gateway.workers[busy].held) == 2


def test_those_that_are_still_to_be_told_of_their_input_can_be_cancelled() -> None:
    last = 2 * TOLD_MAX
    stage = with_workers(1, "submit 1 of 7", f"submit 2..{last} of 7 inputs=1", "done 1 1#1 took=9")

    assert stage.gateway.calls[3].state is CallState.WAITING
    assert stage.turn("cancel 3").settlements[0].verdict.name == "CANCELLED"

    assert [r.call.id for r in stage.gateway.queue][:2] == [2, 4]
    assert inputs_are_forgotten(stage)


# ---------------------------------------------------------------- taking back


def test_a_call_that_waits_for_its_input_is_cancelled_at_once() -> None:
    stage = with_workers(1, "submit 1 of 7", "submit 2 of 7 inputs=1", "submit 3 of 7 inputs=2")

    assert stage.tell("cancel 2") == ["call 2: cancelled", "call 3: cancelled, needed by f"]
    assert stage.tell("done 1 1#1") == ["call 1: value, attempt 1, worker 1"]
    assert inputs_are_forgotten(stage)


def test_what_has_all_its_inputs_is_cancelled_like_any_other() -> None:
    stage = with_workers(1, "submit 1 2 3 of 7", "submit 4 of 7 inputs=1", "done 1 1#1 took=9")

    assert stage.tell("cancel 4") == ["worker 1: recall 4#1"]
    assert stage.tell("return 1 4#1") == ["call 4: cancelled, attempt 1, worker 1"]


def test_what_needs_a_cancelled_call_is_cancelled_when_that_is() -> None:
    stage = with_workers(1, "submit 1 of 7 interrupt", "submit 2 of 7 inputs=1")

    turn = stage.turn("cancel 1")

    assert [(s.call, s.verdict.name) for s in turn.settlements] == [
        (1, "CANCELLED"),
        (2, "CANCELLED"),
    ]


def test_what_needs_a_call_that_could_not_be_taken_back_goes_on() -> None:
    stage = with_workers(1, "submit 1 of 7", "submit 2 of 7 inputs=1", "cancel 1")

    assert stage.tell("return 1 kept 1#1") == ["client: kept 1"]
    assert stage.tell("done 1 1#1")[0] == "worker 1: run 2#1(1#1)"


def test_what_needs_a_call_that_only_one_of_its_askers_takes_back_is_cancelled() -> None:
    stage = with_workers(1, "submit 1 2 of 7 key=k", "submit 3 of 7 inputs=1")
    stage.tell("submit 4 of 7 inputs=2")

    assert stage.tell("cancel 1") == ["call 1: cancelled", "call 3: cancelled, needed by f"]
    assert stage.tell("done 1 1#1")[1] == "worker 1: run 4#1(1#1)"
    assert inputs_are_forgotten(stage)


def test_what_needs_a_call_that_another_takes_over_is_cancelled() -> None:
    stage = with_workers(1, "submit 1 of 7 key=k", "submit 2 of 7 inputs=1", "cancel 1")

    told = stage.tell("submit 3 of 7 key=k")

    assert told == ["call 1: cancelled", "call 2: cancelled, needed by f"]
    assert inputs_are_forgotten(stage)


# ---------------------------------------------------------------- askers that die


def test_the_waiting_calls_of_a_worker_that_is_gone_are_forgotten() -> None:
    stage = with_workers(2, "submit 1 of 7")
    stage.tell(
        f"submit {FIRST} of 7 by=1 parent=1",
        f"submit {FIRST + 1} of 7 by=1 parent=1 inputs={FIRST}",
        f"submit {FIRST + 2} of 7 by=1 parent=1 inputs={FIRST + 1},{FIRST + 9}",
    )

    stage.tell("lost 1 running=1")

    assert set(stage.gateway.calls) == {1}
    assert inputs_are_forgotten(stage)


def test_what_needs_what_a_lost_worker_asked_for_does_not_wait_for_it() -> None:
    stage = with_workers(3, "submit 1 2 of 7")
    stage.tell(
        f"submit {FIRST} of 7 by=1 parent=1 key=k",
        f"submit {2 * OWN + 1} of 7 by=2 parent=2 key=k",
        f"submit {2 * OWN + 2} of 7 by=2 parent=2 inputs={FIRST}",
        f"submit {FIRST + 1} of 7 by=1 parent=1 inputs={FIRST}",
    )

    told = stage.tell("lost 1 running=1")

    assert f"worker 2: call {2 * OWN + 2}: cancelled, needed by f" in told
    assert FIRST in stage.gateway.calls
    assert inputs_are_forgotten(stage)


def test_what_a_lost_worker_asked_for_and_another_runs_leaves_nothing_behind() -> None:
    stage = with_workers(1, "submit 1 of 7", "start 2", "ready 2")
    stage.tell(
        f"submit {FIRST} of 7 by=1 parent=1",
        f"return 1 {FIRST}#1",
        f"submit {FIRST + 1} of 7 by=1 parent=1 inputs={FIRST}",
    )

    stage.tell("lost 1 running=1")

    assert stage.gateway.calls[FIRST].cancelling
    assert inputs_are_forgotten(stage)
