"""What the gateway promises of calls with keys: equal ones run once, and nobody waits for himself."""

import pytest

from elsewhere.calls.messages import Settlement, Verdict
from elsewhere.gateway.machine import Gateway
from tests.unit.stage import Stage


def with_workers(count: int, *events: str, waits_for_rows: bool = False) -> Stage:
    """A gateway with function 7 and so many ready workers, after these events."""
    stage = Stage(waits_for_rows=waits_for_rows)
    for number in range(1, count + 1):
        stage.tell(f"start {number}", f"ready {number}")
    stage.tell("define 7", *events)
    return stage


# ---------------------------------------------------------------- claims


def test_equal_keys_run_once_and_all_who_asked_are_told() -> None:
    stage = with_workers(2, "submit 1 of 7 key=k", "submit 2 of 7 key=k")
    stage.tell("submit 50 of 7 key=k by=1")

    assert stage.tell("done 2 1#1") == [
        "remember k: value",
        "worker 1: call 50: value, attempt 1, worker 2",
        "call 1: value, attempt 1, worker 2",
        "call 2: value, attempt 1, worker 2",
    ]
    assert stage.tell("submit 3 of 7 key=k") == ["worker 2: run 3#1"]


def test_a_call_that_has_joined_another_may_be_submitted_twice() -> None:
    stage = with_workers(1, "submit 1 2 of 7 key=k")

    assert stage.tell("submit 2 of 7 key=k") == []
    assert len(stage.tell("done 1 1#1")) == 3


def test_who_joined_can_withdraw_and_the_call_goes_on() -> None:
    stage = with_workers(1, "submit 1 2 of 7 key=k")

    assert stage.tell("cancel 2") == ["call 2: cancelled"]
    assert stage.tell("cancel 2") == []
    assert stage.tell("done 1 1#1")[1:] == ["call 1: value, attempt 1, worker 1"]


def test_who_came_first_can_withdraw_and_the_call_goes_on() -> None:
    stage = with_workers(1, "submit 1 2 of 7 key=k")

    assert stage.tell("cancel 1") == ["call 1: cancelled"]
    assert stage.tell("cancel 1") == []
    assert stage.tell("done 1 1#1")[1:] == ["call 2: value, attempt 1, worker 1"]


def test_a_call_from_which_all_have_withdrawn_is_taken_back() -> None:
    stage = with_workers(1, "submit 1 2 of 7 key=k", "cancel 1")

    assert stage.tell("cancel 2") == ["worker 1: recall 1#1", "call 2: cancelled"]
    assert stage.tell("return 1 1#1") == []
    assert not stage.gateway.calls


def test_a_failed_call_that_nobody_wants_is_not_tried_again() -> None:
    stage = with_workers(1, "submit 1 2 of 7 key=k retries=2", "cancel 1 2", "return 1 kept 1#1")

    assert stage.tell("done 1 1#1 error") == []
    assert not stage.gateway.calls


def test_who_took_a_call_back_is_told_at_once_when_another_joins_it() -> None:
    stage = with_workers(1, "submit 1 of 7 key=k", "cancel 1")

    assert stage.tell("submit 2 of 7 key=k") == ["call 1: cancelled"]
    assert stage.tell("return 1 1#1") == ["worker 1: run 1#2"]
    assert stage.tell("done 1 1#2")[1:] == ["call 2: value, attempt 1, worker 1"]


def test_what_was_unwanted_is_wanted_again_by_who_joins() -> None:
    stage = with_workers(1, "submit 1 2 of 7 key=k", "cancel 1 2", "submit 3 of 7 key=k")

    assert stage.tell("return 1 1#1") == ["worker 1: run 1#2"]


def test_a_key_is_claimed_while_its_call_is_under_way() -> None:
    stage = with_workers(1, "submit 1 of 7 key=k")

    assert stage.gateway.is_claimed(b"k")
    stage.tell("done 1 1#1")
    assert not stage.gateway.is_claimed(b"k")


def test_a_claim_outlives_the_worker_that_ran_it() -> None:
    stage = with_workers(2, "submit 1 2 of 7 key=k", "lost 2")

    assert stage.gateway.ledger.asks.claims[b"k"].call.id == 1
    assert len(stage.tell("done 1 1#2")) == 3


def test_a_claim_outlives_the_worker_that_asked_for_it() -> None:
    stage = with_workers(2, "submit 1 of 7", "has 2 1", "submit 50 51 of 7 key=k by=2 parent=1")
    stage.tell("submit 60 of 7 key=k by=1")

    assert stage.tell("lost 2") == ["worker 1: run 1#2"]
    assert stage.tell("done 1 50#1")[1:] == ["worker 1: call 60: value, attempt 1, worker 1"]


def test_an_error_frees_its_key_and_is_remembered_only_if_asked() -> None:
    stage = with_workers(1, "submit 1 of 7 key=k", "submit 2 of 7 key=j remember-errors")

    assert stage.tell("done 1 1#1 error") == ["call 1: error, attempt 1, worker 1"]
    assert stage.tell("done 1 2#1 error")[0] == "remember j: error"
    assert not stage.gateway.ledger.asks.claims


# ---------------------------------------------------------------- writing


def writing() -> Stage:
    stage = with_workers(1, "submit 1 2 of 7 key=k", waits_for_rows=True)
    assert stage.tell("done 1 1#1") == ["remember k: value"]
    return stage


def test_a_value_is_told_when_the_store_has_it() -> None:
    stage = writing()

    assert not stage.gateway.is_running(1)
    assert stage.tell("written j") == []
    assert stage.tell("written k") == [
        "call 1: value, attempt 1, worker 1",
        "call 2: value, attempt 1, worker 1",
    ]
    assert stage.tell("written k") == []


def test_a_value_that_the_store_could_not_keep_is_told_as_unwritten() -> None:
    stage = writing()

    [first, _] = stage.turn("written k failure=full").settlements

    assert (first.verdict, first.payload) == (Verdict.UNWRITTEN, b"full")


def test_what_is_being_written_is_joined_and_not_taken_back() -> None:
    stage = writing()

    assert stage.tell("submit 3 of 7 key=k") == []
    assert stage.tell("cancel 1 interrupt") == []
    assert len(stage.tell("written k")) == 3


def test_what_is_being_written_does_not_care_for_deaths() -> None:
    stage = with_workers(1, "submit 50 of 7 key=k by=1", waits_for_rows=True)

    assert stage.tell("done 1 50#1", "lost 1") == []
    assert stage.tell("written k") == []
    assert not stage.gateway.calls


def test_a_row_for_a_claim_that_is_not_being_written_is_ignored() -> None:
    stage = with_workers(1, "submit 1 of 7 key=k", waits_for_rows=True)

    assert stage.tell("written k") == []
    assert 1 in stage.gateway.calls


def test_what_has_no_key_is_told_at_once() -> None:
    stage = with_workers(1, "submit 1 of 7", waits_for_rows=True)

    assert stage.tell("done 1 1#1") == ["call 1: value, attempt 1, worker 1"]


# ---------------------------------------------------------------- circles


def circle(stage: Stage, event: str, worker: int) -> Settlement:
    """The one answer that the event brings about."""
    turn = stage.turn(event)
    [(peer, answer)] = turn.sends
    assert peer == worker
    [settlement] = answer.settlements  # type: ignore[union-attr]  # else the test fails as it should
    assert settlement.verdict is Verdict.CIRCULAR
    return settlement


def test_a_call_that_asks_for_itself_is_told_at_once() -> None:
    stage = with_workers(1, "submit 1 of 7 key=a")

    told = circle(stage, "submit 50 of 7 key=a by=1 parent=1", 1)

    assert (told.call, told.payload) == (50, b"f(1)\nf(1)")
    assert not stage.gateway.workers[1].asks


def test_a_circle_through_several_workers_names_its_calls_in_order() -> None:
    stage = with_workers(3, "submit 1 of 7 key=a")
    stage.tell("submit 50 of 7 key=b by=3 parent=1", "submit 60 of 7 key=c by=2 parent=50")

    told = circle(stage, "submit 70 of 7 key=a by=1 parent=60", 1)

    assert told.payload == b"f(1)\nf(50)\nf(60)\nf(1)"


def test_a_circle_of_calls_that_were_asked_for_separately_is_found() -> None:
    stage = with_workers(2, "submit 1 of 7 key=a", "submit 2 of 7 key=b")

    assert stage.tell("submit 50 of 7 key=b by=2 parent=1") == []
    told = circle(stage, "submit 60 of 7 key=a by=1 parent=2", 1)
    assert told.payload == b"f(1)\nf(2)\nf(1)"


def test_what_needs_a_call_that_would_wait_for_itself_fails_for_the_same_reason() -> None:
    stage = with_workers(1, "submit 1 of 7 key=a", "submit 50 of 7 key=a by=1 parent=1")

    assert stage.tell("submit 51 of 7 by=1 parent=1 inputs=50") == ["worker 1: need for 51: 50"]
    assert stage.tell("given 51 50:circular by=1") == ["worker 1: call 51: circular, needed by f"]
    assert list(stage.gateway.calls) == [1]


def test_two_calls_may_wait_for_one() -> None:
    stage = with_workers(2, "submit 1 2 of 7", "submit 50 of 7 key=k by=1 parent=1")

    assert stage.tell("submit 60 of 7 key=k by=2 parent=2") == []
    assert stage.tell("submit 61 of 7 key=k by=2 parent=2") == []


def test_an_older_call_may_wait_for_a_younger_and_what_that_asks_for() -> None:
    stage = with_workers(3, "submit 1 2 of 7 key=a", "submit 3 of 7 key=b")
    stage.tell("submit 50 of 7 key=c by=1 parent=3", "submit 51 of 7 key=d by=1 parent=50")

    assert stage.tell("submit 60 of 7 key=a by=1 parent=51") == []
    assert stage.tell("submit 61 of 7 key=a by=1 parent=99") == []
    assert circle(stage, "submit 62 of 7 key=b by=2 parent=1", 2).payload.count(b"\n") == 4


def test_a_call_that_was_taken_back_and_runs_cannot_wait_for_itself_either() -> None:
    stage = with_workers(1, "submit 1 of 7 key=a", "cancel 1")

    told = stage.tell("submit 50 of 7 key=a by=1 parent=1")

    assert told == ["worker 1: call 50: circular", "call 1: cancelled"]
    assert stage.tell("return 1 kept 1#1") == []
    assert stage.tell("done 1 1#1") == ["remember a: value"]
    assert not stage.gateway.calls


@pytest.mark.parametrize("number", [0, 99])
def test_a_call_that_nobody_knows_is_not_running(number: int) -> None:
    assert not Gateway().is_running(number)
