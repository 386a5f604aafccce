"""What the gateway promises of calls inside calls: they park, are shared, and end with their worker."""

from elsewhere.calls.messages import NUMBERS_PER_WORKER as OWN
from elsewhere.calls.messages import Define
from elsewhere.gateway.dispatch import ROB_CHECK_SECONDS
from tests.unit.stage import Stage

FIRST = OWN + 1
"""the first number of worker 1"""
PLAIN = "done 1 1#1 took=0.000001"


def with_workers(count: int, *events: str) -> Stage:
    """A gateway with function 7 and so many ready workers, after these events."""
    stage = Stage()
    for number in range(1, count + 1):
        stage.tell(f"start {number}", f"ready {number}")
    stage.tell("define 7", *events)
    return stage


# ---------------------------------------------------------------- asking


def test_the_outcome_of_a_call_goes_to_the_worker_that_asked() -> None:
    stage = with_workers(2, "submit 1 of 7", f"submit {FIRST} of 7 by=2 parent=1")

    assert stage.tell(f"done 2 {FIRST}#1") == [
        f"worker 2: call {FIRST}: value, attempt 1, worker 2"
    ]


def test_what_a_call_asks_for_goes_first_to_the_worker_that_asks() -> None:
    stage = with_workers(3, "submit 1 of 7")

    told = stage.tell(f"submit {FIRST} {FIRST + 1} {FIRST + 2} of 7 by=1 parent=1")

    assert [line for line in told if "run" in line] == [
        f"worker 1: run {FIRST}#1 {FIRST + 1}#1",
        f"worker 2: run {FIRST + 2}#1",
    ]


def test_what_a_call_asks_for_goes_before_what_waits_and_in_its_order() -> None:
    stage = with_workers(1, "submit 1 2 3 4 of 7")

    stage.tell(f"submit {FIRST} {FIRST + 1} of 7 by=1 parent=1")

    assert [r.call.id for r in stage.gateway.queue] == [FIRST, FIRST + 1, 3, 4]


def test_a_worker_may_define_and_release_functions() -> None:
    stage = with_workers(1, f"define {FIRST} by=1", "submit 1 of 7")

    told = stage.tell(f"submit {FIRST} of {FIRST} by=1 parent=1", "done 1 1#1")
    assert told == ["call 1: value, attempt 1, worker 1"]
    stage.tell(f"release {FIRST} by=1")
    assert not stage.gateway.workers[1].defined
    assert stage.tell(f"done 1 {FIRST}#1") == [
        f"worker 1: forget {FIRST}",
        f"worker 1: call {FIRST}: value, attempt 1, worker 1",
    ]


def test_a_worker_that_takes_no_more_calls_leaves_what_it_asks_for_to_others() -> None:
    stage = Stage(tasks=1)
    stage.tell("start 1", "ready 1", "start 2", "ready 2", "define 7", "submit 1 of 7")

    told = stage.tell(f"submit {2 * OWN + 1} of 7 by=2 parent=1")

    assert told == ["worker 1: define 7", f"worker 1: run {2 * OWN + 1}#1", "worker 1: stop"]


def test_equal_code_is_one_function_by_whatever_numbers() -> None:
    stage = with_workers(2)
    for worker in (1, 2):
        stage.gateway.step(worker, Define(FIRST + worker, b"same", "f"), 0.0)

    assert stage.tell(f"submit 1 of {FIRST + 2}") == [
        f"worker 2: define {FIRST + 1}",
        "worker 2: run 1#1",
    ]
    assert stage.tell("lost 1") == []
    assert stage.tell("lost 2") == []
    assert set(stage.gateway.functions) == {7, FIRST + 1}
    assert stage.tell("cancel 1") == ["call 1: cancelled"]
    assert set(stage.gateway.functions) == {7}


def test_what_a_worker_said_before_it_died_comes_late_and_is_ignored() -> None:
    stage = with_workers(1, "lost 1")

    assert stage.tell(f"define {FIRST} by=1") == []
    assert stage.tell(f"submit {FIRST} of 7 by=1") == []
    assert stage.tell("park 1 1#1") == stage.tell("has 1 3") == []
    assert set(stage.gateway.functions) == {7}
    assert not stage.gateway.calls


def test_a_worker_can_take_a_call_back() -> None:
    stage = with_workers(1, "submit 1 2 of 7", f"submit {FIRST} of 7 by=1 parent=1")

    assert stage.tell(f"cancel {FIRST} by=1") == [f"worker 1: call {FIRST}: cancelled"]


def test_a_worker_is_not_told_that_its_call_is_kept() -> None:
    stage = with_workers(2, "submit 1 of 7", f"submit {FIRST} of 7 by=1 parent=1")
    stage.tell(f"cancel {FIRST} by=1")

    assert stage.tell(f"return 1 kept {FIRST}#1") == []
    assert stage.tell(f"done 1 {FIRST}#1") == [
        f"worker 1: call {FIRST}: value, attempt 1, worker 1"
    ]


# ---------------------------------------------------------------- parking


def test_a_worker_whose_call_waits_is_given_the_next() -> None:
    stage = with_workers(1, "submit 1 2 3 of 7")

    assert stage.tell("park 1 1#1") == ["worker 1: run 3#1"]
    assert stage.gateway.workers[1].running is stage.gateway.calls[2]
    assert stage.gateway.is_running(1)
    assert stage.gateway.is_running(2)
    assert not stage.gateway.is_running(3)


def test_a_worker_with_nothing_but_parked_calls_idles() -> None:
    stage = with_workers(1, "submit 1 of 7", "park 1 1#1")

    assert stage.tell(f"submit {FIRST} of 7 by=1 parent=1") == [f"worker 1: run {FIRST}#1"]


def test_a_parked_call_goes_on_before_all_that_its_worker_holds() -> None:
    stage = with_workers(1, "submit 1 2 of 7", "park 1 1#1", "park 1 2#1", "submit 3 of 7")

    stage.tell("resume 1 1#1")

    assert list(stage.gateway.workers[1].held) == [1, 3]
    assert stage.gateway.workers[1].running is stage.gateway.calls[1]
    assert stage.tell("done 1 1#1") == ["call 1: value, attempt 1, worker 1"]


def test_parking_and_resuming_may_be_said_twice_or_of_what_is_over() -> None:
    stage = with_workers(1, "submit 1 2 of 7", "park 1 1#1")

    assert stage.tell("park 1 1#1") == stage.tell("resume 1 2#1") == stage.tell("park 1 9#1") == []
    assert list(stage.gateway.workers[1].parked) == [1]
    assert list(stage.gateway.workers[1].held) == [2]


def test_what_a_dead_worker_had_parked_comes_before_what_it_held() -> None:
    stage = with_workers(1, "submit 1 2 3 4 of 7", "park 1 1#1", "lost 1")

    assert [r.call.id for r in stage.gateway.queue] == [1, 2, 3, 4]


def test_a_settled_call_that_was_parked_dies_with_its_worker() -> None:
    stage = with_workers(1, "submit 1 of 7", "park 1 1#1")

    assert stage.tell("cancel 1 interrupt")[-1] == "call 1: cancelled, attempt 1, worker 1"
    assert stage.tell("lost 1") == []


def test_an_interrupted_call_may_come_out_while_it_is_parked() -> None:
    stage = with_workers(1, "submit 1 of 7 timeout=1", "park 1 1#1")

    assert stage.tell("at 1 ") == ["worker 1: interrupt 1#1"]
    assert stage.tell("at 9 ") == []  # nobody is killed for what cannot yield
    assert stage.tell("done 1 1#1 interrupted") == ["call 1: timed_out, attempt 1, worker 1"]


def test_the_grace_runs_from_when_an_interrupted_call_resumes() -> None:
    stage = with_workers(1, "submit 1 of 7 timeout=1", "park 1 1#1", "at 1", "at 5 resume 1 1#1")

    assert stage.tell("at 5.9") == []
    assert stage.tell("at 6") == ["engine: kill 1"]


def test_time_counts_while_a_call_is_parked_and_once() -> None:
    stage = with_workers(1, "submit 1 of 7 timeout=2", "at 1 park 1 1#1", "at 1.5 resume 1 1#1")

    assert stage.tell("at 2") == ["worker 1: interrupt 1#1"]


def test_the_time_of_a_call_that_was_passed_over_begins_anew() -> None:
    stage = with_workers(1, "submit 1 of 7", "park 1 1#1", "submit 2 of 7 timeout=2")
    stage.tell("at 1 resume 1 1#1")  # call 2 was sent and not begun

    assert stage.tell("at 2") == []
    stage.tell("at 5 done 1 1#1")
    assert stage.tell("at 6.9") == []
    assert stage.tell("at 7") == ["worker 1: interrupt 2#1"]


def test_a_worker_that_leaves_takes_what_its_parked_calls_may_wait_for() -> None:
    stage = Stage(tasks=1)
    stage.tell("start 1", "ready 1", "define 7", "submit 1 2 of 7")

    assert stage.tell("park 1 1#1") == ["worker 1: run 2#1"]
    stage.tell("done 1 2#1 1#1")
    assert stage.tell("submit 3 of 7") == []


# ---------------------------------------------------------------- sharing


def test_who_idles_makes_the_gateway_ask_the_worker_with_most_children_once() -> None:
    stage = with_workers(3, "submit 1 2 of 7")

    assert stage.tell("has 3 1") == ["worker 3: share"]
    assert stage.tell("has 2 5") == ["worker 2: share"]
    assert stage.tell("at 0.001") == []
    assert stage.tell(f"submit {FIRST} of 7 by=2 parent=1") == [
        "worker 1: define 7",
        f"worker 1: run {FIRST}#1",
    ]
    assert stage.tell("has 2 0") == []


def test_nobody_is_asked_to_share_while_nobody_idles_or_a_backlog_can_be_robbed() -> None:
    stage = with_workers(1, "submit 1 of 7")
    assert stage.tell("has 1 4") == []

    stage.tell("submit 2 of 7", "start 2")
    assert stage.tell("ready 2") == ["worker 1: recall 2#1"]


def test_children_are_shared_while_a_backlog_is_on_its_way() -> None:
    stage = with_workers(1, "submit 1 2 of 7", "has 1 4", "start 2", "ready 2")

    assert stage.tell("at 0.001") == ["worker 1: share"]


def test_children_are_shared_beside_a_backlog_that_is_soon_done() -> None:
    stage = with_workers(1, "submit 1 of 7", PLAIN, "submit 2 3 of 7", "has 1 4", "start 2")

    assert stage.tell("ready 2") == ["worker 1: share"]


def test_a_worker_that_is_gone_is_not_asked_to_share() -> None:
    stage = with_workers(2, "submit 1 of 7", "has 2 3", "lost 2")

    assert not stage.gateway.dispatch.parents
    assert stage.tell("start 3", "ready 3") == []


# ---------------------------------------------------------------- death of who asked


def test_what_only_a_dead_worker_asked_for_is_cancelled() -> None:
    stage = with_workers(1, "submit 1 2 of 7", f"submit {FIRST} of 7 by=1 parent=1", "lost 1")

    assert [r.call.id for r in stage.gateway.queue if r.call.id in stage.gateway.calls] == [1, 2]


def test_what_only_a_dead_worker_asked_for_is_taken_back_and_not_tried_again() -> None:
    stage = with_workers(2, "submit 1 of 7", "has 2 1")
    stage.tell(f"submit {FIRST} of 7 by=2 parent=1 retries=3", "has 2 0")

    assert stage.tell("lost 2")[0] == f"worker 1: recall {FIRST}#1"
    assert stage.tell(f"return 1 kept {FIRST}#1") == []
    assert stage.tell(f"done 1 {FIRST}#1 error") == ["worker 1: run 1#2"]
    assert FIRST not in stage.gateway.calls


def test_what_a_dead_worker_takes_back_too_late_was_taken_back_already() -> None:
    stage = with_workers(2, "submit 1 of 7", "has 2 1", f"submit {FIRST} of 7 by=2 parent=1")
    stage.tell("lost 2", f"return 1 kept {FIRST}#1")

    assert stage.tell(f"cancel {FIRST} by=2") == []


def test_functions_end_with_the_worker_that_defined_them() -> None:
    stage = with_workers(1, f"define {FIRST} by=1", "lost 1")

    assert set(stage.gateway.functions) == {7}


def test_nobody_is_told_of_a_call_that_took_down_the_worker_that_asked_for_it() -> None:
    stage = with_workers(1, "submit 1 of 7", f"submit {FIRST} of 7 by=1 parent=1 deaths=1")
    stage.tell("park 1 1#1")

    assert stage.tell(f"lost 1 running={FIRST}") == []
    assert set(stage.gateway.calls) == {1}


def test_what_is_asked_for_inside_a_call_that_is_over_runs_all_the_same() -> None:
    stage = with_workers(1)

    assert stage.tell(f"submit {FIRST} of 7 by=1 parent=9")[1:] == [f"worker 1: run {FIRST}#1"]


def test_who_asked_for_what_took_its_worker_down_is_to_blame_as_well() -> None:
    stage = with_workers(1, "submit 1 of 7 deaths=2", "submit 2 of 7", "park 1 2#1")
    stage.tell(f"submit {FIRST} of 7 by=1 parent=1", "park 1 1#1", f"lost 1 running={FIRST}")
    assert stage.gateway.calls[1].deaths == 1
    assert stage.gateway.calls[2].deaths == 0

    stage.tell("start 2", "ready 2", f"submit {2 * OWN} of 7 by=2 parent=1", "park 2 1#2")
    told = stage.tell("park 2 2#2", f"lost 2 running={2 * OWN}")

    assert told == ["call 1: quarantined, attempt 2, worker 2"]


def test_who_asked_for_what_does_not_yield_is_to_blame_as_well() -> None:
    stage = with_workers(1, "submit 1 of 7", f"submit {FIRST} of 7 by=1 parent=1 timeout=1")
    stage.tell("park 1 1#1", "at 1", "at 2")

    stage.tell("lost 1 signal=9")

    assert stage.gateway.calls[1].deaths == 1
    assert FIRST not in stage.gateway.calls


def test_nobody_is_to_blame_if_what_was_to_be_killed_had_ended() -> None:
    stage = with_workers(1, "submit 1 of 7", f"submit {FIRST} of 7 by=1 parent=1 timeout=1")
    stage.tell("park 1 1#1", "at 1", "at 2", f"done 1 {FIRST}#1")

    stage.tell("lost 1 signal=9")

    assert stage.gateway.calls[1].deaths == 0


def test_a_call_that_had_resumed_unheard_is_to_blame() -> None:
    stage = with_workers(1, "submit 1 of 7", "park 1 1#1", "lost 1 running=1")

    assert stage.gateway.calls[1].deaths == 1


def test_who_idles_beside_what_another_was_just_given_is_served_at_once() -> None:
    stage = with_workers(1, "submit 1 of 7", PLAIN, "submit 2 3 of 7")
    stage.tell(f"submit {FIRST}..{FIRST + 5} of 7 by=1 parent=2")
    stage.tell("start 2", "start 3", "ready 2", "ready 3")

    # What the dead worker had asked for stands in the queue still, so the share is too large.
    turn = stage.turn("at 1 lost 1")

    assert len(turn.sends) == 2
    assert turn.wake == 1
    assert stage.turn("at 1 ").wake == 1 + ROB_CHECK_SECONDS
