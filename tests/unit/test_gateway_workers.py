"""What the gateway promises of workers: who is given what, what a death costs, who is blamed."""

import pytest

from elsewhere.calls.lifecycle import CALL_MOVES, WORKER_MOVES, CallState, WorkerState
from elsewhere.calls.messages import Call, Options, Verdict
from elsewhere.errors import GatewayBug
from elsewhere.gateway import dispatch
from elsewhere.gateway.records import CLIENT, CallRecord, FunctionRecord, WorkerRecord
from elsewhere.gateway.room import HELD_CALLS_MAX
from tests.unit.stage import Stage
from tests.unit.test_gateway_calls import with_worker


def test_a_worker_that_is_not_ready_is_given_nothing() -> None:
    stage = Stage()

    assert stage.tell("start 1", "define 7", "submit 1 of 7") == []


def test_a_worker_is_ready_once() -> None:
    stage = with_worker("submit 1 of 7")

    assert stage.tell("ready 1") == []
    assert stage.tell("unready 1") == []
    assert stage.tell("ready 9", "unready 9", "lost 9") == []


def test_a_worker_that_was_started_does_not_come_back_from_the_dead() -> None:
    stage = with_worker("lost 1")

    stage.tell("start 1", "ready 1")

    assert stage.gateway.workers == {}


def test_two_calls_are_sent_to_a_worker_as_long_as_nobody_knows_how_long_they_take() -> None:
    stage = with_worker()

    assert stage.tell("submit 1 2 3 of 7")[-1] == "worker 1: run 1#1 2#1"


def test_short_calls_are_sent_many_at_a_time_up_to_a_bound() -> None:
    stage = with_worker("submit 1 of 7", "done 1 1#1 took=0.000001")

    stage.tell("submit 2..3000 of 7")

    assert len(stage.gateway.workers[1].held) == HELD_CALLS_MAX


def test_large_arguments_are_sent_up_to_a_bound() -> None:
    stage = with_worker("submit 1 of 7", "done 1 1#1 took=0.000001")

    stage.tell("submit 2..9 of 7 bytes=2000000")

    assert len(stage.gateway.workers[1].held) == 3


def test_a_call_of_many_items_is_thought_to_take_that_much_longer() -> None:
    stage = with_worker("submit 1 of 7 items=10", "done 1 1#1 took=0.01")

    assert stage.tell("submit 2..9 of 7 items=10")[-1] == "worker 1: run 2#1 3#1"


def test_the_time_of_a_function_is_a_moving_average() -> None:
    function = FunctionRecord(8, b"code", "f")

    function.measure(1.0, 1)
    function.measure(0.5, 5)

    assert function.seconds == pytest.approx(0.75 * 1.0 + 0.25 * 0.1)


def test_whoever_has_room_takes_turns_when_nobody_idles() -> None:
    stage = with_worker("start 2", "ready 2", "submit 1 2 of 7")

    first = stage.tell("submit 3 of 7")
    second = stage.tell("submit 4 of 7")

    assert {first[0][:8], second[0][:8]} == {"worker 1", "worker 2"}


def test_a_submitted_call_can_leave_at_once_only_if_a_worker_has_room() -> None:
    stage = Stage()
    hungry = [stage.gateway.hungry]

    for event in ("start 1", "ready 1", "define 7", "submit 1 2 of 7", "done 1 1#1 2#1"):
        stage.tell(event)
        hungry.append(stage.gateway.hungry)

    assert hungry == [False, False, True, True, False, True]


def test_the_gateway_knows_who_is_busy_and_what_runs() -> None:
    stage = with_worker("start 2", "ready 2", "start 3", "submit 1 of 7")

    assert stage.gateway.busy() == (1, 2)
    assert stage.gateway.is_running(1)
    assert not stage.gateway.is_running(2)
    stage.tell("submit 2 3 4 5 of 7")
    assert not stage.gateway.is_running(5)


def test_many_idle_workers_are_served_over_several_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "SERVED_MAX", 2)
    stage = Stage()
    stage.tell(*(f"start {n}" for n in range(1, 5)), *(f"ready {n}" for n in range(1, 5)))

    turn = stage.turn("define 7", "submit 1..4 of 7")

    assert len(turn.sends) == 4
    assert turn.wake == 0.0
    assert len(stage.turn("at 0").sends) == 4


def test_a_call_that_was_cancelled_while_it_waited_is_passed_over() -> None:
    stage = Stage()
    stage.tell("define 7", "submit 1 2 of 7", "cancel 1", "start 1")

    assert stage.tell("ready 1")[-1] == "worker 1: run 2#1"


def test_nothing_is_sent_if_all_that_waited_was_cancelled() -> None:
    stage = Stage()
    stage.tell("define 7", "submit 1 of 7", "cancel 1", "start 1")

    assert stage.tell("ready 1") == []


# ---------------------------------------------------------------- robbing


def laden(*events: str) -> Stage:
    """Worker 1 holds calls 2 to 5 of a millisecond each; worker 2 was started."""
    return with_worker(
        "submit 1 of 7", "done 1 1#1 took=0.001", "submit 2..5 of 7", "start 2", *events
    )


def test_half_of_a_backlog_is_called_back_for_a_worker_that_idles() -> None:
    assert laden().tell("ready 2") == ["worker 1: recall 5#1 4#1"]


def test_what_comes_back_keeps_its_order_and_goes_to_the_idle_worker() -> None:
    stage = laden("ready 2")

    assert stage.tell("return 1 4#1 5#1")[-1] == "worker 2: run 4#2 5#2"


def test_a_worker_is_robbed_once_at_a_time() -> None:
    stage = laden("ready 2", "start 3")

    assert stage.tell("ready 3") == []


def test_another_is_robbed_if_the_first_does_not_answer() -> None:
    stage = with_worker("start 2", "ready 2", "submit 1 2 3 4 of 7", "start 3")

    first = stage.turn("at 1.0 ready 3")
    second = stage.turn(f"at {first.wake}")

    assert first.wake == 1.0 + dispatch.ROB_CHECK_SECONDS
    assert {peer for peer, _ in [*first.sends, *second.sends]} == {1, 2}
    assert second.wake is None


def test_a_backlog_that_its_worker_reaches_soon_is_left_alone_for_now() -> None:
    stage = with_worker("submit 1 of 7", "done 1 1#1 took=0.0001", "submit 2 3 of 7", "start 2")

    turn = stage.turn("ready 2")

    assert turn.sends == []
    assert turn.wake == dispatch.ROB_CHECK_SECONDS
    assert stage.tell("at 0.005") == ["worker 1: recall 3#1"]


def test_nobody_is_robbed_for_a_worker_that_was_given_calls_in_the_same_step() -> None:
    stage = laden("ready 2", "return 1 4#1 5#1", "done 2 4#2 5#2", "return 1 3#1", "done 2 3#2")
    stage.tell("done 1 2#1", "submit 6..9 of 7")

    told = stage.tell("done 2 6#1 7#1", "submit 10 of 7")

    assert not any("recall" in line for line in told)


def test_nothing_more_is_sent_behind_a_call_whose_worker_was_robbed() -> None:
    stage = laden("ready 2", "return 1 4#1 5#1", "return 1 3#1")

    told = stage.tell("submit 6..9 of 7")

    assert all(line.startswith("worker 2") for line in told)


# ---------------------------------------------------------------- deaths


def test_what_a_dead_worker_held_is_queued_again_in_front_and_in_order() -> None:
    stage = with_worker("submit 1 2 3 of 7", "lost 1", "start 2")

    assert stage.tell("ready 2")[-1] == "worker 2: run 1#2 2#2"


def test_only_the_call_that_ran_is_blamed_for_a_death() -> None:
    stage = with_worker("submit 1 2 of 7 deaths=1")

    told = stage.tell("lost 1 running=2")

    assert told == ["call 2: quarantined, attempt 1, worker 1"]
    assert stage.gateway.calls[1].deaths == 0


def test_nobody_is_blamed_if_nobody_knows_what_ran() -> None:
    stage = with_worker("submit 1 of 7 deaths=1")

    assert stage.tell("lost 1") == []


def test_a_call_is_not_blamed_for_a_death_that_the_gateway_ordered() -> None:
    # The first call yielded while the kill was on its way, so it hit the second.
    stage = with_worker("submit 1 2 of 7 timeout=0.5 deaths=1", "at 0.5", "at 1.5")

    assert stage.tell("at 1.5 done 1 1#1 interrupted") == ["call 1: timed_out, attempt 1, worker 1"]
    assert stage.tell("at 1.5 lost 1 running=2 signal=9") == []


def test_a_quarantined_call_carries_the_evidence() -> None:
    stage = with_worker("submit 1 of 7 deaths=2", "lost 1 running=1", "start 2", "ready 2")

    [settlement] = stage.turn("lost 2 running=1 signal=11").settlements

    assert settlement.verdict is Verdict.QUARANTINED
    assert (settlement.deaths, settlement.attempt, settlement.worker) == (2, 2, 2)
    assert settlement.exit is not None
    assert settlement.exit.signal == 11


def test_a_call_that_is_blamed_waits_until_others_have_been_tried() -> None:
    stage = with_worker("submit 1 2 3 of 7", "lost 1 running=1", "start 2")

    assert stage.tell("ready 2")[-1] == "worker 2: run 2#2 3#1"


def killed_twice(*events: str) -> Stage:
    """Call 1 has taken down two workers and runs in a third, and two more are there."""
    stage = with_worker("submit 1 of 7", "lost 1 running=1 signal=9", "start 2", "ready 2")
    stage.tell("lost 2 running=1 signal=9", "start 3", "ready 3", "start 4", "ready 4", "start 5")
    stage.tell("ready 5", *events)
    return stage


def test_a_death_is_excused_if_a_worker_was_killed_in_which_nothing_ran() -> None:
    stage = killed_twice("lost 4 signal=15")

    assert stage.tell("lost 3 running=1 signal=9")[-1] == "worker 5: run 1#4"
    assert stage.tell("lost 5 running=1 signal=9") == ["call 1: quarantined, attempt 4, worker 5"]


def test_a_death_is_excused_if_another_call_that_died_has_a_value() -> None:
    stage = killed_twice("submit 2 of 7", "lost 5 running=2 signal=9", "done 4 2#2")

    assert stage.tell("lost 3 running=1 signal=9")[-1] == "worker 4: run 1#4"


@pytest.mark.parametrize(("later", "told"), [("at 59", 0), ("at 61", 1)])
def test_what_came_from_outside_excuses_calls_that_die_within_a_minute(
    later: str, told: int
) -> None:
    stage = with_worker("start 2", "ready 2", "lost 2 signal=9", "submit 1 of 7 deaths=1")

    assert len(stage.tell(f"{later} lost 1 running=1 signal=9")) == told


@pytest.mark.parametrize("how", ["signal=11", "code=3"])
def test_a_death_that_cannot_come_from_outside_is_never_excused(how: str) -> None:
    stage = with_worker("submit 1 of 7 deaths=2", f"lost 1 running=1 {how}", "start 2", "ready 2")
    stage.tell("start 3", "ready 3", "lost 3 signal=9")

    assert stage.tell(f"lost 2 running=1 {how}") == ["call 1: quarantined, attempt 2, worker 2"]


@pytest.mark.parametrize("how", ["signal=11", "code=3"])
def test_an_end_that_cannot_come_from_outside_excuses_no_call(how: str) -> None:
    stage = killed_twice(f"lost 4 {how}")

    told = stage.tell("lost 3 running=1 signal=9")

    assert told == ["call 1: quarantined, attempt 3, worker 3"]


def test_a_death_is_told_once() -> None:
    stage = with_worker("submit 1 of 7", "lost 1 running=1")

    stage.tell("lost 1 running=1")

    assert stage.gateway.calls[1].deaths == 1


def test_a_cancelled_call_dies_with_its_worker() -> None:
    stage = with_worker("submit 1 of 7", "cancel 1 interrupt")

    assert stage.tell("lost 1 running=1") == []


# ---------------------------------------------------------------- budgets


def test_a_worker_is_stopped_when_it_was_given_as_many_calls_as_it_may_take() -> None:
    stage = Stage(tasks=2)
    stage.tell("start 1", "ready 1", "define 7")

    assert stage.tell("submit 1 2 3 of 7")[1:] == ["worker 1: run 1#1 2#1", "worker 1: stop"]
    assert stage.tell("done 1 1#1 2#1 took=0.0001")[0] == "call 1: value, attempt 1, worker 1"


def test_a_worker_that_was_stopped_can_still_be_killed() -> None:
    stage = Stage(tasks=1)
    stage.tell("start 1", "ready 1", "define 7", "submit 1 of 7 timeout=0.5", "at 0.5")

    assert stage.tell("at 1.5") == ["engine: kill 1"]


# ---------------------------------------------------------------- starting


def test_an_initializer_that_raises_fails_what_waits_if_no_other_worker_can_be_hoped_for() -> None:
    stage = Stage()
    stage.tell("define 7", "submit 1 2 of 7", "cancel 2", "start 1")

    [settlement] = stage.turn("unready 1").settlements

    assert settlement.verdict is Verdict.UNSTARTABLE
    assert settlement.payload == b"raised"


def test_what_waits_is_spared_while_another_worker_starts() -> None:
    stage = Stage()
    stage.tell("define 7", "submit 1 of 7", "start 1", "start 2")

    assert stage.tell("unready 1") == []
    assert stage.tell("lost 1") == []


def test_what_waits_is_spared_while_a_worker_takes_calls() -> None:
    stage = with_worker("submit 1 2 3 of 7", "start 2")

    assert stage.tell("unready 2") == []


def test_a_process_that_dies_at_its_start_is_worth_three_tries() -> None:
    stage = Stage()
    stage.tell("define 7", "submit 1 of 7", "start 1", "lost 1", "start 2", "lost 2", "start 3")

    assert stage.tell("lost 3 signal=9") == ["call 1: unstartable"]


# ---------------------------------------------------------------- functions


def test_a_function_is_sent_to_a_worker_once() -> None:
    stage = with_worker("submit 1 of 7", "done 1 1#1")

    assert stage.tell("submit 2 of 7") == ["worker 1: run 2#1"]


def test_a_released_function_is_forgotten_when_its_last_call_is_settled() -> None:
    stage = with_worker("submit 1 of 7", "release 7")

    assert stage.tell("done 1 1#1") == ["worker 1: forget 7", "call 1: value, attempt 1, worker 1"]
    assert stage.tell("release 7") == []


def test_a_released_function_without_calls_is_forgotten_at_once() -> None:
    stage = with_worker("submit 1 of 7", "done 1 1#1")

    assert stage.tell("release 7") == ["worker 1: forget 7"]


def test_a_worker_that_died_need_not_forget() -> None:
    stage = with_worker("submit 1 of 7", "lost 1 running=1", "release 7")

    assert stage.tell("cancel 1") == ["call 1: cancelled, attempt 1"]


# ---------------------------------------------------------------- lifecycles


def test_a_move_that_the_tables_do_not_have_is_our_bug() -> None:
    call = CallRecord(Call(1, 7, b"", Options()), FunctionRecord(8, b"", "f"), CLIENT, 1)
    worker = WorkerRecord(1, None)
    call.become(CallState.SETTLED)
    worker.become(WorkerState.GONE)

    with pytest.raises(GatewayBug, match="call 1: no move"):
        call.become(CallState.QUEUED)
    with pytest.raises(GatewayBug, match="worker 1: no move"):
        worker.become(WorkerState.READY)


def test_every_state_has_its_moves_and_the_last_has_none() -> None:
    assert set(CALL_MOVES) == set(CallState)
    assert set(WORKER_MOVES) == set(WorkerState)
    assert not CALL_MOVES[CallState.SETTLED]
    assert not WORKER_MOVES[WorkerState.GONE]
