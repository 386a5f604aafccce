"""What the gateway promises of calls that are sent behind those that make their inputs."""

from elsewhere.calls.lifecycle import CallState
from elsewhere.calls.messages import Attempt, Options, Outcome, Parked, Recall, Returned, Verdict
from elsewhere.calls.workers import Ready, Started
from elsewhere.gateway.dispatch import ROB_CHECK_SECONDS, ROB_SECONDS
from elsewhere.gateway.followers import AHEAD_INPUTS_MAX, INPUTS_LOOKED_AT_MAX
from elsewhere.gateway.inputs import TOLD_MAX
from elsewhere.gateway.records import ENGINE
from elsewhere.gateway.room import HELD_CALLS_MAX
from tests.unit.value_stage import (
    ValueStage,
    brought,
    call,
    failed,
    large,
    unready,
    value,
)


def short(workers: int = 1) -> ValueStage:
    """A stage on which calls are known to be short."""
    stage = ValueStage(workers)
    stage.measure()
    stage.runs.clear()
    return stage


def ahead_of(attempt: Attempt) -> list[tuple[int, int]]:
    """Calls and fences of the inputs that are to come out in the worker."""
    return [(one.call, one.fence) for one in attempt.inputs if one.fence]


def test_a_chain_is_sent_at_once() -> None:
    stage = short()

    stage.submit(call(1), call(2, 1), call(3, 2))

    assert stage.sent() == [(1, 1, 1), (1, 2, 1), (1, 3, 1)]
    assert [ahead_of(attempt) for _, attempt in stage.runs] == [[], [(1, 1)], [(2, 1)]]
    assert [attempt.needed for _, attempt in stage.runs] == [True, True, False]


def test_a_chain_comes_out_call_by_call() -> None:
    stage = short()
    stage.submit(call(1), call(2, 1), call(3, 2))

    turn = stage.done(1, value(1), value(2), value(3))

    assert [(s.call, s.verdict) for s in turn.settlements] == [
        (1, Verdict.VALUE),
        (2, Verdict.VALUE),
        (3, Verdict.VALUE),
    ]
    assert len(stage.sent()) == 3


def test_a_large_value_that_was_sent_ahead_is_used_until_its_call_has_ended() -> None:
    stage = short()
    stage.submit(call(1), call(2, 1))
    stage.done(1, large(1))
    assert stage.users(1) == 1

    stage.drop(1)
    assert stage.freed == []

    stage.done(1, value(2))
    assert stage.freed == [(1, "segment of 1")]


def test_a_call_waits_for_inputs_of_several_workers() -> None:
    stage = short(2)
    stage.submit(*(call(n) for n in (1, 2)))
    stage.submit(call(3, 1, 2))

    assert {worker for worker, _, _ in stage.sent()} == {1, 2}
    assert stage.gateway.calls[3].state is CallState.WAITING


def test_a_call_follows_several_of_one_worker() -> None:
    stage = short()

    stage.submit(call(1), call(2), call(3, 1, 2))

    assert ahead_of(stage.runs[-1][1]) == [(1, 1), (2, 1)]


def test_what_is_there_and_what_comes_are_given_together() -> None:
    stage = short()
    stage.submit(call(1))
    stage.done(1, large(1))

    stage.submit(call(2), call(3, brought(1), 2))

    inputs = stage.runs[-1][1].inputs
    assert [(one.call, one.fence, one.place is None) for one in inputs] == [
        (1, 0, False),
        (2, 1, True),
    ]


def test_a_call_with_more_unready_inputs_is_not_sent_ahead() -> None:
    stage = short()
    few, many = range(1, AHEAD_INPUTS_MAX + 1), range(1, AHEAD_INPUTS_MAX + 2)

    stage.submit(*(call(n) for n in many), call(50, *many), call(51, *few))

    assert stage.gateway.calls[50].state is CallState.WAITING
    assert stage.gateway.calls[51].state is CallState.ASSIGNED


def test_a_call_with_more_inputs_is_not_sent_ahead() -> None:
    stage = short()
    there = [brought(n, position=n) for n in range(1, INPUTS_LOOKED_AT_MAX + 1)]
    for n in range(1, INPUTS_LOOKED_AT_MAX + 1):
        stage.submit(call(n))
        stage.done(1, large(n))

    stage.submit(call(90), call(91, *there, 90), call(92, *there[1:], 90))

    assert stage.gateway.calls[91].state is CallState.WAITING
    assert stage.gateway.calls[92].state is CallState.ASSIGNED


def test_a_worker_gets_no_more_than_it_has_room_for() -> None:
    stage = ValueStage()  # nothing is known of how long calls take: two fill a worker

    stage.submit(call(1), call(2, 1), call(3, 2))
    assert stage.sent() == [(1, 1, 1), (1, 2, 1)]

    stage.done(1, value(1, elapsed=0.1))
    assert stage.sent()[2:] == [(1, 3, 1)]
    assert ahead_of(stage.runs[-1][1]) == [(2, 1)]


def test_a_long_chain_fills_a_worker_and_the_rest_follows() -> None:
    stage = short()
    last = HELD_CALLS_MAX + 10

    stage.submit(call(1), *(call(n, n - 1) for n in range(2, last + 1)))
    assert len(stage.runs) == HELD_CALLS_MAX

    stage.done(1, *(value(n) for n in range(1, HELD_CALLS_MAX + 1)))
    assert [n for _, n, _ in stage.sent()][-1] == last


def test_a_call_with_a_key_is_followed_by_none() -> None:
    stage = short()

    stage.submit(call(1, key=b"k"), call(2, 1))

    assert stage.gateway.calls[2].state is CallState.WAITING
    assert not stage.runs[0][1].needed


def test_a_worker_that_takes_so_many_calls_is_sent_none_ahead() -> None:
    stage = ValueStage(tasks=5)
    stage.measure()

    stage.submit(call(1), call(2, 1))

    assert stage.gateway.calls[2].state is CallState.WAITING
    stage.done(1, value(1))
    assert stage.sent()[-1] == (1, 2, 1)


def test_a_worker_that_leaves_is_sent_none_ahead() -> None:
    stage = ValueStage(2, tasks=2)
    stage.submit(call(1), call(2), call(3, 1))

    assert stage.gateway.calls[3].state is CallState.WAITING


def test_what_finds_no_input_in_its_worker_is_sent_again_when_that_has_come_out() -> None:
    stage = short()
    stage.submit(call(1), call(2, 1))
    stage.say(1, Parked(1, 1))

    stage.done(1, unready(2))
    assert stage.gateway.calls[2].state is CallState.WAITING
    assert stage.gateway.calls[2].worker == 0

    stage.done(1, value(1))
    assert stage.sent()[-1] == (1, 2, 2)
    assert not ahead_of(stage.runs[-1][1])


def test_that_an_attempt_was_not_begun_says_nothing_of_how_long_calls_take() -> None:
    stage = short()
    stage.submit(call(1), call(2, 1))
    before = stage.gateway.functions[7].seconds

    stage.done(1, unready(2))

    assert stage.gateway.functions[7].seconds == before


def test_an_attempt_whose_input_is_run_again_is_run_again() -> None:
    stage = short()
    stage.submit(call(1, options=Options(retries=1)), call(2, 1), call(3, 2))

    stage.done(1, failed(1))
    stage.done(1, unready(2), unready(3))
    assert stage.sent()[3:] == [(1, 1, 2)]

    stage.done(1, value(1, 2))
    assert stage.sent()[4:] == [(1, 2, 2), (1, 3, 2)]
    assert [ahead_of(attempt) for _, attempt in stage.runs[4:]] == [[], [(2, 2)]]

    turn = stage.done(1, value(2, 2), value(3, 2))
    assert [s.call for s in turn.settlements] == [2, 3]


def test_the_value_of_an_attempt_that_went_astray_is_freed() -> None:
    stage = short()
    stage.submit(call(1, options=Options(retries=1)), call(2, 1))
    stage.done(1, failed(1))

    stage.done(1, large(2))

    assert stage.freed == [(1, "segment of 2")]
    assert not stage.kept


def test_an_attempt_that_came_out_before_its_input_is_run_again() -> None:
    stage = short()
    stage.submit(call(1), call(2, 1))

    turn = stage.done(1, large(2))

    assert turn.settlements == []
    assert stage.freed == [(1, "segment of 2")]
    assert stage.gateway.calls[2].state is CallState.WAITING


def test_what_was_sent_ahead_fails_with_its_input() -> None:
    stage = short()
    stage.submit(call(1), call(2, 1), call(3, 2))

    turn = stage.done(1, failed(1), unready(2), unready(3))
    settled = [(s.call, s.verdict, s.chain) for s in turn.settlements]
    while turn.wake == stage.now:
        turn = stage.say(ENGINE, None)
        settled += [(s.call, s.verdict, s.chain) for s in turn.settlements]

    assert settled == [
        (1, Verdict.ERROR, ()),
        (2, Verdict.ERROR, ("f",)),
        (3, Verdict.ERROR, ("f", "f")),
    ]
    assert not stage.gateway.workers[1].held


def test_what_was_sent_ahead_and_failed_with_its_input_lets_its_other_inputs_go() -> None:
    stage = short()
    stage.submit(call(1))
    stage.done(1, large(1))
    stage.submit(call(2), call(3, brought(1), 2))
    stage.drop(1)
    stage.done(1, failed(2))
    assert stage.freed == []

    stage.done(1, unready(3))

    assert stage.freed == [(1, "segment of 1")]


def test_what_failed_with_its_input_is_not_interrupted() -> None:
    stage = short()
    stage.submit(call(1), call(2, 1, options=Options(timeout=1.0)))

    turn = stage.done(1, failed(1))

    assert [s.call for s in turn.settlements] == [1, 2]
    assert turn.wake is not None
    stage.now = turn.wake
    assert not stage.say(ENGINE, None).sends


def test_what_was_sent_ahead_is_cancelled_with_its_input() -> None:
    stage = short()
    stage.submit(call(8), call(1), call(2, 1))

    stage.cancel(1)
    turn = stage.say(1, Returned([(1, 1), (2, 1)], []))

    assert {(s.call, s.verdict) for s in turn.settlements} == {
        (1, Verdict.CANCELLED),
        (2, Verdict.CANCELLED),
    }


def test_a_lost_worker_loses_no_call_that_was_sent_ahead() -> None:
    stage = short(2)
    stage.submit(call(1), call(2, 1), call(3, 2))
    first = stage.runs[0][0]

    stage.lose(first)

    other = 3 - first
    assert stage.sent()[3:] == [(other, 1, 2), (other, 2, 2), (other, 3, 2)]
    assert first not in stage.gateway.dispatch.followers.led
    turn = stage.done(other, value(1, 2), value(2, 2), value(3, 2))
    assert [s.call for s in turn.settlements] == [1, 2, 3]


def test_what_has_its_inputs_is_robbed_and_what_follows_is_not() -> None:
    stage = short()
    stage.submit(*(call(n) for n in range(1, 5)), call(5, 1))
    assert list(stage.gateway.workers[1].held) == [1, 2, 3, 4, 5]
    stage.now = 1.0
    stage.say(ENGINE, Started(2))

    turn = stage.say(2, Ready(1))

    recalled = [name for _, m in turn.sends if isinstance(m, Recall) for name in m.attempts]
    assert recalled[0] == (4, 1)
    assert (5, 1) not in recalled


def test_nobody_is_robbed_of_calls_that_only_follow() -> None:
    stage = short()
    stage.submit(call(1), call(2, 1), call(3, 2), call(4, 3))
    stage.now = 1.0
    stage.say(ENGINE, Started(2))

    turn = stage.say(2, Ready(1))

    assert not [m for _, m in turn.sends if isinstance(m, Recall)]
    assert len(stage.gateway.workers[1].held) == 4


def test_a_backlog_of_calls_that_only_followed_is_looked_at_again_soon() -> None:
    stage = ValueStage()
    stage.measure(2 * ROB_SECONDS)
    stage.submit(call(1), *(call(n, 1) for n in range(2, 6)))
    stage.now = 1.0
    stage.say(ENGINE, Started(2))
    assert stage.say(2, Ready(1)).wake is None

    wait = ROB_CHECK_SECONDS * 5 / HELD_CALLS_MAX
    stage.now += wait / 2
    turn = stage.done(1, value(1))
    assert not turn.sends
    assert turn.wake == 1.0 + wait
    stage.now = turn.wake
    turn = stage.say(ENGINE, None)

    assert [m.attempts for _, m in turn.sends if isinstance(m, Recall)] == [[(5, 1), (4, 1)]]


def test_what_follows_an_interrupted_call_is_settled_and_heard_out() -> None:
    stage = short()
    stage.submit(call(1, options=Options(interrupt=True)), call(2, 1))

    stage.cancel(1)
    assert not stage.gateway.calls
    assert list(stage.gateway.workers[1].held) == [1, 2]

    stage.done(1, Outcome(1, 1, Verdict.INTERRUPTED, b"", 0.0, 0.1), unready(2))
    assert not stage.gateway.workers[1].held


def test_the_value_of_what_follows_an_interrupted_call_is_freed() -> None:
    stage = short()
    stage.submit(call(1, options=Options(interrupt=True)), call(2, 1))
    stage.cancel(1)

    stage.done(1, large(1), large(2))

    assert stage.freed == [(1, "segment of 1"), (1, "segment of 2")]
    assert not stage.kept


def test_of_many_that_wait_those_that_were_sent_ahead_are_told_at_once() -> None:
    stage = short()
    last = HELD_CALLS_MAX + TOLD_MAX
    stage.submit(call(1), *(call(n, 1) for n in range(2, last + 1)))
    ahead = list(stage.gateway.workers[1].held)
    assert len(ahead) == HELD_CALLS_MAX

    turn = stage.done(1, *(value(n) for n in ahead))

    assert [s.call for s in turn.settlements] == ahead
