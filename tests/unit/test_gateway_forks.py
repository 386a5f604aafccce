"""What the gateway promises of attempts that ran in forks, which have died: the worker goes on."""

from elsewhere.calls.lifecycle import WorkerState
from elsewhere.calls.messages import Attempt, Call, Died, Kind, Options, Run, Submit, Verdict
from elsewhere.calls.workers import Exit
from elsewhere.gateway.records import CLIENT
from tests.unit.test_gateway_calls import with_worker
from tests.unit.value_stage import ValueStage, brought, call, large


def test_a_worker_is_told_to_fork() -> None:
    stage = with_worker()
    forked = Call(1, 7, b"payload", Options(fork=True))

    turn = stage.gateway.step(CLIENT, Submit([forked]), 0.0)

    ran = [message for _, message in turn.sends if isinstance(message, Run)]
    assert [run.attempts for run in ran] == [[Attempt(1, 1, 7, b"payload", Kind.CALL, fork=True)]]


def test_a_call_whose_fork_has_died_is_tried_again_before_all_others() -> None:
    stage = with_worker("submit 1..9 of 7")

    assert stage.tell("died 1 1#1 signal=11") == ["worker 1: run 1#2"]
    assert stage.gateway.workers[1].state is WorkerState.READY


def test_after_so_many_deaths_it_fails_alone_with_the_evidence() -> None:
    stage = with_worker("submit 1 of 7", "died 1 1#1", "died 1 1#2 signal=9")

    turn = stage.turn("died 1 1#3 signal=11")

    (settlement,) = turn.settlements
    assert settlement.verdict is Verdict.QUARANTINED
    assert settlement.deaths == 3
    assert settlement.exit == Exit(None, 11, 2**20, fork=True)
    assert stage.tell("submit 2 of 7")[-1] == "worker 1: run 2#1"


def test_a_death_is_told_once() -> None:
    stage = with_worker("submit 1 of 7", "died 1 1#1")

    assert stage.tell("died 1 1#1") == []
    assert stage.tell("died 9 1#1") == []
    assert stage.gateway.calls[1].deaths == 1


def test_those_inside_which_it_was_asked_for_are_not_to_blame() -> None:
    stage = with_worker("submit 1 of 7", "define 8 by=1", "submit 9 of 8 by=1 parent=1")
    stage.tell("park 1 1#1")

    stage.tell("died 1 9#1")

    assert stage.gateway.calls[1].deaths == 0
    assert stage.gateway.calls[9].deaths == 1


def test_one_that_was_killed_for_its_time_limit_has_run_out_of_time() -> None:
    stage = with_worker("submit 1 of 7 timeout=1 retries=1", "at 1")

    assert stage.tell("at 1.5 died 1 1#1 signal=9") == ["worker 1: run 1#2"]
    stage.tell("at 2.5")
    assert stage.tell("at 3 died 1 1#2 signal=9") == ["call 1: timed_out, attempt 2, worker 1"]


def test_one_that_was_cancelled_is_over() -> None:
    stage = with_worker("submit 1 2 of 7", "cancel 1 interrupt")

    stage.tell("died 1 1#1 signal=2")

    assert 1 not in stage.gateway.calls
    assert stage.gateway.workers[1].held.keys() == {2}


def test_one_that_was_to_be_taken_back_is_cancelled() -> None:
    stage = with_worker("submit 1 of 7", "cancel 1")

    assert stage.tell("died 1 1#1") == ["call 1: cancelled, attempt 1, worker 1"]


def test_inputs_that_its_worker_still_maps_are_kept() -> None:
    stage = ValueStage()
    stage.submit(call(1))
    stage.done(1, large(1))
    stage.submit(call(2, brought(1), options=Options(fork=True, deaths_max=1)))
    stage.drop(1)

    stage.say(1, Died(2, 1, Exit(1, fork=True), holds=(1,)))

    assert stage.freed == []
    assert stage.kept[1].holders == {1}
