"""What the gateway promises of values that one call hands on to the next, and that lie nowhere."""

from collections.abc import Sequence
from typing import Any

import pytest

from elsewhere.calls.messages import (
    Attempt,
    Call,
    Kind,
    Options,
    Outcome,
    Returned,
    Verdict,
)
from elsewhere.calls.values import Place, Waive
from elsewhere.calls.wire import replace
from elsewhere.calls.workers import Ready, Started
from elsewhere.gateway.followers import EXPECTING_BYTES_MIN, HANDS_ON_SECONDS_MAX, HEIRS_MAX
from elsewhere.gateway.placement import Placement, RoundRobin
from elsewhere.gateway.records import CLIENT, ENGINE
from tests.unit.value_stage import FUNCTION, SHORT, ValueStage, brought, call, failed, large, value


def begin(
    *calls: Call,
    waived: Sequence[int] = (),
    seconds: float | None = 0.01,
    placement: Placement | None = None,
) -> ValueStage:
    """A stage on which calls are known to take so long, and on which its only worker starts once there are
    no futures of some of them any more."""
    stage = ValueStage(0, placement=placement)
    stage.gateway.functions[FUNCTION].seconds = seconds
    stage.submit(*calls)
    stage.say(CLIENT, Waive(list(waived)))
    start(stage, 1)
    return stage


def start(stage: ValueStage, worker: int) -> None:
    stage.say(ENGINE, Started(worker))
    stage.say(worker, Ready(1))


def sent_of(stage: ValueStage) -> list[Attempt]:
    return [attempt for _, attempt in stage.runs]


def handed(number: int, fence: int = 1) -> Outcome:
    return Outcome(number, fence, Verdict.VALUE, b"", 0.0, SHORT, Place("", 2**20))


def flags(stage: ValueStage) -> dict[int, bool]:
    return {attempt.call: attempt.hands_on for attempt in sent_of(stage)}


def test_a_call_whose_value_only_the_next_one_needs_hands_it_on() -> None:
    stage = begin(call(1), call(2, 1), call(3, 2), waived=(1, 2))

    assert flags(stage) == {1: True, 2: True, 3: False}
    assert [(one.call, one.fence) for one in sent_of(stage)[1].inputs] == [(1, 1)]


def test_what_was_handed_on_is_known_as_long_as_it_may_be_needed_and_is_not_freed() -> None:
    stage = begin(call(1), call(2, 1), waived=(1,))

    turn = stage.done(1, handed(1))

    assert [one.call for one in turn.settlements] == [1]
    assert stage.users(1) == 1
    assert not stage.kept[1].is_here
    stage.done(1, value(2))
    assert 1 not in stage.kept
    assert stage.freed == []


def test_it_is_made_again_if_the_worker_dies_before_the_next_call_has_ended() -> None:
    stage = begin(call(1), call(2, 1), waived=(1,))
    stage.done(1, handed(1))
    stage.runs.clear()

    stage.lose(1)
    start(stage, 2)
    stage.say(ENGINE, None)

    assert stage.sent() == [(2, 1, 2)]
    assert flags(stage) == {1: False}
    stage.done(2, large(1, 2))
    assert stage.sent()[1:] == [(2, 2, 2)]
    turn = stage.done(2, value(2, 2))

    assert [(one.call, one.verdict) for one in turn.settlements] == [(2, Verdict.VALUE)]
    assert stage.freed == [(2, "segment of 1")]


def test_it_is_made_again_if_the_next_call_comes_back_unstarted() -> None:
    stage = begin(call(1), call(2, 1), waived=(1,))
    stage.done(1, handed(1))
    stage.runs.clear()

    stage.say(1, Returned([(2, 1)], []))
    stage.say(ENGINE, None)

    assert stage.sent() == [(1, 1, 2)]


def test_a_call_that_fails_fails_the_one_behind_it() -> None:
    stage = begin(call(1), call(2, 1), waived=(1,))

    turn = stage.done(1, failed(1))

    assert [(one.call, one.verdict) for one in turn.settlements] == [
        (1, Verdict.ERROR),
        (2, Verdict.ERROR),
    ]


def test_a_value_that_came_out_small_after_all_is_given_as_ever() -> None:
    stage = begin(call(1), call(2, 1), waived=(1,))

    stage.done(1, value(1))
    turn = stage.done(1, value(2))

    assert [one.call for one in turn.settlements] == [2]
    assert not stage.kept


def test_a_value_that_lies_somewhere_goes_with_the_last_call_that_needs_it_if_it_was_waived() -> (
    None
):
    stage = begin(call(1), call(2, 1), call(3, 1), waived=(1,))

    stage.done(1, large(1))
    assert stage.freed == []
    stage.done(1, value(2), value(3))
    assert stage.freed == [(1, "segment of 1")]


def test_a_waived_value_goes_at_once_if_the_calls_that_needed_it_are_settled() -> None:
    stage = begin(call(1), call(2, 1), waived=(1,))
    stage.cancel(2, interrupt=True)

    stage.done(1, large(1))

    assert stage.freed == [(1, "segment of 1")]
    assert 1 not in stage.kept


@pytest.mark.parametrize(("outcome", "freed"), [(large(1), [(1, "segment of 1")]), (handed(1), [])])
def test_a_waived_value_that_no_call_has_been_given_is_not_kept(
    outcome: Outcome, freed: list[tuple[int, str]]
) -> None:
    stage = begin(call(1), waived=(1,))

    stage.done(1, outcome)

    assert 1 not in stage.kept
    assert stage.freed == freed


def test_to_waive_what_has_come_out_says_nothing() -> None:
    stage = begin(call(1))
    stage.done(1, large(1))

    stage.say(CLIENT, Waive([1]))

    assert stage.kept[1].holders == {CLIENT}
    assert stage.freed == []


def test_who_has_joined_a_call_has_its_value_although_the_first_has_waived_it() -> None:
    stage = begin(call(1, key=b"k"), call(2, key=b"k"), waived=(1,))

    stage.done(1, large(1, payload=b"all"))

    assert stage.kept[1].holders == {CLIENT}
    assert stage.freed == []


def test_only_who_has_asked_for_a_call_can_waive_its_value() -> None:
    stage = begin(call(1))

    stage.say(1, Waive([1]))

    assert not stage.gateway.calls[1].waived


NOT_HANDED_ON = {
    "the client may ask for it": (call(1), (call(2, 1),), ()),
    "another call needs it": (call(1), (call(2, 1), call(3, 1)), (1,)),
    "it is remembered": (call(1, key=b"k"), (call(2, 1),), (1,)),
    "it comes from a fork": (call(1, options=Options(fork=True)), (call(2, 1),), (1,)),
    "it is one of many": (replace(call(1), kind=Kind.MAP), (call(2, 1),), (1,)),
    "the next call is tried again if it fails": (
        call(1),
        (call(2, 1, options=Options(retries=1)),),
        (1,),
    ),
    "the next call runs in a fork": (call(1), (call(2, 1, options=Options(fork=True)),), (1,)),
    "the next call lacks something else": (call(1), (call(3), call(2, 1, 3)), (1,)),
}


@pytest.mark.parametrize("why", NOT_HANDED_ON)
def test_a_value_is_not_handed_on_if(why: str) -> None:
    first, others, numbers = NOT_HANDED_ON[why]

    stage = begin(first, *others, waived=numbers)

    assert not flags(stage)[1]


@pytest.mark.parametrize("seconds", [None, 2 * HANDS_ON_SECONDS_MAX])
def test_what_takes_long_or_nobody_knows_how_long_is_not_handed_on(seconds: float | None) -> None:
    stage = begin(call(1), call(2, 1), waived=(1,), seconds=seconds)

    assert not flags(stage)[1]


def test_another_placement_sends_no_call_behind_another() -> None:
    stage = begin(call(1), call(2, 1), waived=(1,), placement=RoundRobin())

    assert flags(stage) == {1: False}


def large_makers(nbytes: int, *calls: Call, **stage: Any) -> ValueStage:
    """A stage of one worker, for calls of a function whose values are so large and let go of."""
    made = ValueStage(0, **stage)
    made.gateway.functions[FUNCTION].seconds = SHORT
    made.gateway.functions[FUNCTION].let_go_bytes = nbytes
    made.submit(*calls)
    start(made, 1)
    return made


def ten(**options: Any) -> list[Call]:
    return [call(number, **options) for number in range(1, 11)]


def test_a_worker_gets_one_call_ahead_while_it_is_not_known_who_needs_its_large_values() -> None:
    stage = large_makers(EXPECTING_BYTES_MIN, *ten())
    assert [one.call for one in sent_of(stage)] == [1, 2]
    stage.submit(*(call(10 + number, number) for number in range(1, 11)))
    assert [one.call for one in sent_of(stage)] == [1, 2]

    stage.say(CLIENT, Waive(list(range(1, 11))))
    stage.done(1, large(1), large(2))
    assert [one.call for one in sent_of(stage)][:8] == [1, 2, 11, 12, 3, 13, 4, 14]
    assert [number for number in range(1, 5) if flags(stage)[number]] == [3, 4]


def test_a_worker_gets_many_calls_again_once_none_of_them_may_have_an_heir() -> None:
    stage = large_makers(EXPECTING_BYTES_MIN, *ten())
    stage.say(CLIENT, Waive(list(range(3, 11))))

    stage.done(1, failed(1))
    assert [one.call for one in sent_of(stage)] == [1, 2, 3]
    stage.done(1, failed(2))
    assert [one.call for one in sent_of(stage)] == list(range(1, 11))


MANY_AHEAD = {
    "its values are small": large_makers(EXPECTING_BYTES_MIN - 1, *ten()),
    "another placement": large_makers(EXPECTING_BYTES_MIN, *ten(), placement=RoundRobin()),
    "it leaves after so many calls": large_makers(EXPECTING_BYTES_MIN, *ten(), tasks=100),
    "forks": large_makers(EXPECTING_BYTES_MIN, *ten(options=Options(fork=True))),
    "several need the value": large_makers(
        EXPECTING_BYTES_MIN, *ten(), *(call(n + 11, 1 + n % 10) for n in range(20))
    ),
}


@pytest.mark.parametrize("why", MANY_AHEAD)
def test_a_worker_gets_many_calls_ahead_that_will_have_no_heir(why: str) -> None:
    sent = [one.call for one in sent_of(MANY_AHEAD[why])]

    assert sent[:10] == list(range(1, 11))


def test_a_worker_gets_many_calls_ahead_whose_inputs_lie_on_its_node_and_not_on_others() -> None:
    stage = ValueStage(nodes=[0, 1])
    stage.submit(call(100))
    maker = stage.runs[-1][0]
    stage.done(maker, large(100))
    stage.gateway.functions[FUNCTION].let_go_bytes = EXPECTING_BYTES_MIN

    stage.submit(*(call(number, brought(100)) for number in range(1, 11)))

    assert stage.sent()[1:] == [(maker, number, 1) for number in range(1, 11)]


@pytest.mark.parametrize(
    ("outcome", "waived", "nbytes"),
    [
        (large(1), (1,), 2**20),
        (large(1), (), 0),
        (value(1), (1,), 0),
        (failed(1), (1,), 1),
    ],
    ids=["large and let go", "kept by the client", "small", "no value"],
)
def test_the_last_value_of_a_function_tells_whether_the_next_may_be_handed_on(
    outcome: Outcome, waived: tuple[int, ...], nbytes: int
) -> None:
    stage = large_makers(1, call(1))
    stage.say(CLIENT, Waive(list(waived)))

    stage.done(1, outcome)

    assert stage.gateway.functions[FUNCTION].let_go_bytes == nbytes


def test_so_many_calls_are_sent_behind_each_other_even_if_there_is_no_room() -> None:
    count = 2 * HEIRS_MAX
    calls = [call(1), *(call(n + 1, n) for n in range(1, count))]

    stage = begin(*calls, waived=range(1, count), seconds=0.02)

    assert list(flags(stage)) == list(range(1, HEIRS_MAX + 2))
