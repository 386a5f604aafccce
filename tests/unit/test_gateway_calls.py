"""What the gateway promises of calls: they settle once, with the outcome of their current attempt."""

import pytest

from elsewhere.calls.messages import Kept, Verdict
from elsewhere.errors import GatewayBug
from elsewhere.gateway.records import CLIENT
from tests.unit.stage import Stage


def with_worker(*events: str) -> Stage:
    """A gateway with function 7 and one ready worker, after these events."""
    stage = Stage()
    stage.tell("start 1", "ready 1", "define 7", *events)
    return stage


def test_a_call_goes_to_an_idle_worker_with_the_code_of_its_function() -> None:
    stage = with_worker()

    assert stage.tell("submit 1 of 7") == ["worker 1: define 7", "worker 1: run 1#1"]


def test_a_call_that_nobody_can_take_waits_for_a_worker() -> None:
    stage = Stage()

    assert stage.tell("define 7", "submit 1 of 7") == []
    assert stage.tell("start 1", "ready 1") == ["worker 1: define 7", "worker 1: run 1#1"]


def test_a_value_settles_its_call_and_names_the_worker_and_the_attempt() -> None:
    stage = with_worker("submit 1 of 7")

    [settlement] = stage.turn("done 1 1#1 took=0.25").settlements

    assert settlement.verdict is Verdict.VALUE
    assert settlement.payload == b"1#1"
    assert (settlement.worker, settlement.attempt, settlement.elapsed) == (1, 1, 0.25)


def test_an_outcome_that_comes_twice_settles_once() -> None:
    stage = with_worker("submit 1 of 7", "done 1 1#1")

    assert stage.tell("done 1 1#1") == []


def test_a_call_that_is_submitted_twice_runs_once() -> None:
    stage = with_worker("submit 1 of 7")

    assert stage.tell("submit 1 of 7") == []


def test_a_function_that_is_defined_twice_stays_what_it_was() -> None:
    stage = with_worker("submit 1 of 7")

    assert stage.tell("define 7") == []
    assert stage.tell("done 1 1#1") == ["call 1: value, attempt 1, worker 1"]


def test_a_call_of_an_unknown_function_is_our_bug() -> None:
    stage = Stage()

    with pytest.raises(GatewayBug, match="call 1 is of unknown function 7"):
        stage.tell("submit 1 of 7")


def test_an_outcome_of_an_earlier_attempt_is_not_accepted() -> None:
    stage = with_worker("submit 1 of 7 retries=1", "done 1 1#1 error")

    assert stage.tell("done 1 1#1") == []
    assert stage.tell("done 1 1#2") == ["call 1: value, attempt 2, worker 1"]


def test_an_outcome_of_a_worker_that_is_gone_is_not_accepted() -> None:
    stage = with_worker("submit 1 of 7", "lost 1")

    assert stage.tell("done 1 1#1") == []
    assert stage.tell("return 1 1#1") == []


def test_an_attempt_that_comes_back_late_is_not_taken_from_the_current_one() -> None:
    stage = with_worker("submit 1 of 7 retries=1", "done 1 1#1 error")

    assert stage.tell("return 1 1#1") == []
    assert stage.tell("done 1 1#2") == ["call 1: value, attempt 2, worker 1"]


def test_a_message_that_is_not_for_the_gateway_is_our_bug() -> None:
    stage = Stage()

    with pytest.raises(AssertionError):
        stage.gateway.step(CLIENT, Kept([1]), 0.0)  # type: ignore[arg-type]  # that is the point


def test_an_error_is_tried_again_behind_the_others_as_often_as_allowed() -> None:
    stage = with_worker("submit 1 of 7 retries=1", "submit 2 3 of 7")

    assert stage.tell("done 1 1#1 error") == ["worker 1: run 3#1"]
    assert stage.tell("done 1 2#1 3#1")[0] == "worker 1: run 1#2"
    assert stage.tell("done 1 1#2 error") == ["call 1: error, attempt 2, worker 1"]


def test_an_interruption_that_nobody_asked_for_is_our_bug() -> None:
    stage = with_worker("submit 1 of 7")

    with pytest.raises(GatewayBug, match="nobody asked for it"):
        stage.tell("done 1 1#1 interrupted")


def test_no_row_is_written_as_long_as_there_is_no_store() -> None:
    assert with_worker().turn("submit 1 of 7").rows == []


# ---------------------------------------------------------------- cancelling


def test_a_call_that_waits_is_cancelled_at_once() -> None:
    stage = Stage()
    stage.tell("define 7", "submit 1 of 7")

    assert stage.tell("cancel 1") == ["call 1: cancelled"]
    assert stage.tell("start 1", "ready 1") == []


def test_a_cancel_of_a_settled_call_does_nothing() -> None:
    stage = with_worker("submit 1 of 7", "done 1 1#1")

    assert stage.tell("cancel 1") == []


def test_a_call_that_waits_in_its_worker_is_cancelled_when_that_gave_it_back() -> None:
    stage = with_worker("submit 1 2 of 7")

    assert stage.tell("cancel 2") == ["worker 1: recall 2#1"]
    assert stage.tell("return 1 2#1") == ["call 2: cancelled, attempt 1, worker 1"]


def test_the_first_cancel_takes_the_whole_backlog_back_for_those_that_follow() -> None:
    stage = with_worker("submit 1 of 7", "done 1 1#1 took=0.001", "submit 2..5 of 7")

    assert stage.tell("cancel 5") == ["worker 1: recall 3#1 4#1 5#1"]
    assert stage.tell("return 1 3#1 4#1 5#1") == ["call 5: cancelled, attempt 1, worker 1"]
    assert stage.tell("cancel 4") == ["call 4: cancelled"]
    assert stage.tell("done 1 2#1")[0] == "worker 1: run 3#2"


def test_several_calls_of_one_worker_are_called_back_together() -> None:
    stage = with_worker("submit 1 2 of 7")

    assert stage.tell("cancel 1 2") == ["worker 1: recall 1#1 2#1"]


def test_the_client_is_told_that_a_call_which_runs_is_kept() -> None:
    stage = with_worker("submit 1 of 7", "cancel 1")

    assert stage.tell("return 1 kept 1#1") == ["client: kept 1"]
    assert stage.tell("return 1 kept 1#1") == []
    assert stage.tell("done 1 1#1") == ["call 1: value, attempt 1, worker 1"]


def test_a_kept_attempt_of_earlier_is_no_answer() -> None:
    stage = with_worker("submit 1 of 7 retries=1", "done 1 1#1 error", "cancel 1")

    assert stage.tell("return 1 kept 1#1") == []
    assert stage.tell("return 1 kept 1#2") == ["client: kept 1"]


def test_a_call_that_may_be_interrupted_is_cancelled_while_it_runs() -> None:
    stage = with_worker("submit 1 of 7")

    assert stage.tell("cancel 1 interrupt") == [
        "worker 1: interrupt 1#1",
        "worker 1: recall 1#1",
        "call 1: cancelled, attempt 1, worker 1",
    ]
    assert stage.tell("return 1 kept 1#1") == []
    assert stage.tell("done 1 1#1 interrupted") == []


def test_the_option_of_a_call_to_be_interrupted_is_enough() -> None:
    stage = with_worker("submit 1 of 7 interrupt")

    assert "call 1: cancelled, attempt 1, worker 1" in stage.tell("cancel 1")


def test_nothing_is_kept_once_it_was_cancelled_after_all() -> None:
    stage = with_worker("submit 1 of 7", "cancel 1", "cancel 1 interrupt")

    assert stage.tell("return 1 kept 1#1") == []


def test_a_cancelled_call_that_comes_back_unstarted_is_forgotten() -> None:
    stage = with_worker("submit 1 2 of 7", "cancel 2 interrupt")

    assert stage.tell("return 1 2#1") == []
    assert stage.tell("at 5") == []


def test_a_call_that_fails_while_it_is_being_cancelled_is_not_tried_again() -> None:
    stage = with_worker("submit 1 of 7 retries=3", "cancel 1")

    [told] = stage.tell("done 1 1#1 error")

    assert told.startswith("call 1: cancelled")


def test_a_call_whose_worker_dies_while_it_is_being_cancelled_is_cancelled() -> None:
    stage = with_worker("submit 1 of 7", "cancel 1")

    assert stage.tell("lost 1 running=1") == ["call 1: cancelled, attempt 1, worker 1"]


def test_a_call_that_returns_while_it_is_being_cancelled_has_its_value() -> None:
    stage = with_worker("submit 1 of 7", "cancel 1")

    assert stage.tell("done 1 1#1") == ["call 1: value, attempt 1, worker 1"]


# ---------------------------------------------------------------- time


def test_a_time_limit_counts_from_when_the_call_is_the_first_of_its_worker() -> None:
    stage = with_worker("submit 1 of 7", "submit 2 of 7 timeout=0.5")

    assert stage.tell("at 9") == []
    assert stage.turn("done 1 1#1").wake == 9.5
    assert stage.tell("at 9.5") == ["worker 1: interrupt 2#1"]


def test_a_call_that_ends_in_time_is_not_interrupted() -> None:
    stage = with_worker("submit 1 of 7 timeout=0.5", "at 0.4 done 1 1#1")

    assert stage.tell("at 0.5") == []
    assert stage.turn("at 0.5").wake is None


def test_a_limit_of_a_worker_that_is_gone_is_past() -> None:
    stage = with_worker("submit 1 of 7 timeout=0.5", "lost 1")

    assert stage.tell("at 0.5") == []


def test_a_call_that_yields_to_its_time_limit_has_timed_out() -> None:
    stage = with_worker("submit 1 of 7 timeout=0.5", "at 0.5")

    assert stage.tell("at 0.6 done 1 1#1 interrupted") == ["call 1: timed_out, attempt 1, worker 1"]


def test_a_call_that_returns_though_it_was_interrupted_has_its_value() -> None:
    stage = with_worker("submit 1 of 7 timeout=0.5", "at 0.5")

    assert stage.tell("at 0.6 done 1 1#1") == ["call 1: value, attempt 1, worker 1"]


def test_a_worker_is_killed_when_its_call_has_not_yielded_for_the_grace() -> None:
    stage = with_worker("submit 1 of 7 timeout=0.5", "at 0.5")

    assert stage.tell("at 1.49") == []
    assert stage.tell("at 1.5") == ["engine: kill 1"]
    assert stage.tell("lost 1 running=1 signal=9") == ["call 1: timed_out, attempt 1, worker 1"]


def test_a_killed_worker_is_given_nothing_more() -> None:
    stage = with_worker("submit 1 of 7 timeout=0.5", "at 0.5", "at 1.5")

    assert stage.tell("submit 2 of 7") == []


def test_a_call_that_timed_out_with_its_worker_is_tried_again_if_it_may() -> None:
    stage = with_worker("submit 1 of 7 timeout=0.5 retries=1", "at 0.5", "at 1.5")

    assert stage.tell("lost 1 running=1", "start 2", "ready 2")[1:] == ["worker 2: run 1#2"]


def test_a_cancelled_call_has_the_whole_grace_though_its_time_runs_out_meanwhile() -> None:
    stage = with_worker("submit 1 of 7 timeout=1.0", "at 0.9 cancel 1 interrupt")

    assert stage.tell("at 1.0") == []
    assert stage.tell("at 1.9") == ["engine: kill 1"]


def test_a_cancel_does_not_prolong_the_grace_of_a_call_that_ran_out_of_time() -> None:
    stage = with_worker("submit 1 of 7 timeout=0.5", "at 0.5", "at 1.0 cancel 1 interrupt")

    assert stage.tell("at 1.5") == ["engine: kill 1"]


def test_a_cancelled_call_that_begins_late_has_its_grace_then_and_no_longer() -> None:
    # Its cancellation met it on its way: what the gateway holds to run has ended long ago.
    stage = with_worker("submit 1 2 of 7", "cancel 2 interrupt", "return 1 kept 2#1")

    assert stage.tell("at 1.0") == []
    assert stage.tell("at 2.0 done 1 1#1") == ["call 1: value, attempt 1, worker 1"]
    assert stage.tell("at 3.0") == ["engine: kill 1"]


def test_one_wake_serves_whatever_comes_first() -> None:
    stage = with_worker("submit 1 2 of 7 timeout=5", "start 2", "ready 2")

    # The second worker idles beside a call that waits behind another: it was called back.
    assert stage.turn("at 0.001").wake == 5.0
