"""What the gateway promises of large values that are remembered: they travel once, to the store, and all
who asked find them where they lie."""

import pytest

from elsewhere.calls.messages import Answer, Call, Define, Outcome, Verdict, Written
from elsewhere.calls.values import Missing, Moved, Spill
from elsewhere.gateway.records import CLIENT, STORE
from tests.unit.value_stage import FUNCTION, ValueStage, call, large, place_of

KEY = b"k"
WHOLE = b"all of it"
OF_WORKER = 2**20
"""a number of a call that a worker asks for"""


def keyed(number: int) -> Call:
    return call(number, key=KEY)


def made(number: int = 1) -> Outcome:
    return large(number, payload=WHOLE)


def with_two(*, waits_for_rows: bool = False) -> ValueStage:
    """The client has asked twice, and worker 1 has made the value."""
    stage = ValueStage(waits_for_rows=waits_for_rows)
    stage.submit(keyed(1), keyed(2))
    turn = stage.done(1, made())
    assert [(row.key, row.payload) for row in turn.rows] == [(KEY, WHOLE)]
    assert bool(turn.settlements) is not waits_for_rows
    return stage


def test_a_worker_is_told_what_is_to_be_remembered() -> None:
    stage = ValueStage()
    stage.submit(keyed(1), call(2))

    assert [attempt.remembered for _, attempt in stage.runs] == [True, False]


def test_all_who_asked_are_told_where_the_one_value_lies() -> None:
    stage = ValueStage()
    stage.submit(keyed(1), keyed(2))

    first, second = stage.done(1, made()).settlements

    assert (first.call, first.kept_as, second.call, second.kept_as) == (1, 0, 2, 1)
    assert {first.place, second.place} == {place_of(1)}
    assert first.payload == second.payload == b""
    assert first.as_kept() is first
    assert (second.as_kept().call, second.as_kept().place) == (1, place_of(1))


def test_it_is_freed_once_by_the_number_under_which_it_is_kept() -> None:
    stage = with_two()

    stage.drop(2)
    assert stage.freed == []
    stage.drop(1)

    assert stage.freed == [(1, "segment of 1")]
    assert not stage.kept


def test_a_call_that_is_given_it_by_the_number_of_who_joined_finds_it() -> None:
    stage = ValueStage()
    stage.submit(keyed(1), keyed(2), call(3, 2))
    stage.done(1, made())

    _, attempt = stage.runs[-1]
    assert [(one.call, one.place) for one in attempt.inputs] == [(1, place_of(1))]
    stage.drop(1)
    assert stage.users(1) == 1
    stage.done(1, large(3))
    assert stage.freed == [(1, "segment of 1")]


def test_workers_that_have_joined_have_a_part_in_it_of_their_own() -> None:
    stage = ValueStage(2)
    stage.say(2, Define(OF_WORKER, b"code", "f"))
    stage.submit(keyed(1))
    stage.submit(Call(OF_WORKER, OF_WORKER, b"p", keyed(1).options, key=KEY), by=2)
    runner, _ = stage.runs[-1]

    turn = stage.done(runner, made())

    (answer,) = [told for peer, told in turn.sends if peer == 2 and isinstance(told, Answer)]
    assert [(one.call, one.kept_as) for one in answer.settlements] == [(OF_WORKER, 1)]
    assert stage.kept[1].holders == {CLIENT, 2}
    stage.drop(1)
    assert stage.freed == []
    stage.lose(2)
    assert [path for _, path in stage.freed] == ["segment of 1"]


def test_it_is_there_until_the_store_has_it() -> None:
    stage = with_two(waits_for_rows=True)
    assert stage.kept[1].holders == {STORE}

    stage.lose(1)
    assert stage.freed == []
    turn = stage.say(CLIENT, Written([KEY]))

    assert [one.place for one in turn.settlements] == [place_of(1), place_of(1)]
    assert stage.kept[1].holders == {CLIENT}


@pytest.mark.parametrize("failure", ["", "the disk is full"])
def test_it_is_freed_if_nobody_is_told_of_it(failure: str) -> None:
    stage = ValueStage(2, waits_for_rows=True)
    stage.say(2, Define(OF_WORKER, b"code", "f"))
    stage.submit(Call(OF_WORKER, OF_WORKER, b"p", keyed(1).options, key=KEY), by=2)
    runner, _ = stage.runs[-1]
    stage.done(runner, made(OF_WORKER))
    if not failure:
        stage.lose(2)  # who has asked

    turn = stage.say(CLIENT, Written([KEY], failure))

    told = [s for _, sent in turn.sends if isinstance(sent, Answer) for s in sent.settlements]
    assert [one.verdict for one in told] == ([Verdict.UNWRITTEN] if failure else [])
    assert [path for _, path in stage.freed] == [f"segment of {OF_WORKER}"]
    assert not stage.kept


def test_it_may_be_moved_while_it_is_written() -> None:
    stage = ValueStage(bytes_max=2**19, waits_for_rows=True)
    stage.submit(keyed(1))
    turn = stage.done(1, made())
    assert (CLIENT, Spill(1, place_of(1))) in turn.sends

    stage.say(CLIENT, Written([KEY]))
    stage.drop(1)
    assert stage.freed == []
    stage.say(CLIENT, Moved(1, place_of(1), done=True))

    assert stage.freed == [(CLIENT, "segment of 1")]


def test_what_is_lost_is_made_again_and_neither_claimed_nor_remembered() -> None:
    stage = with_two()

    stage.say(CLIENT, Missing(1, place_of(1)))
    _, again = stage.runs[-1]
    stage.submit(keyed(4))  # it does not join what the gateway asks for itself

    assert (again.call, again.fence, again.remembered) == (1, 2, False)
    assert (stage.runs[-1][1].call, stage.runs[-1][1].function) == (4, FUNCTION)
    turn = stage.done(1, large(1, 2))
    assert turn.rows == []
    assert [(one.call, one.place) for one in turn.settlements] == [(1, place_of(1))]


def test_who_has_asked_several_times_is_told_at_once() -> None:
    stage = ValueStage(2)
    stage.say(2, Define(OF_WORKER, b"code", "f"))
    again = OF_WORKER + 1
    options = keyed(1).options
    for number in (OF_WORKER, again):
        stage.submit(Call(number, OF_WORKER, b"p", options, key=KEY), by=2)
    stage.submit(keyed(1))
    runner, attempt = stage.runs[-1]

    turn = stage.done(runner, made(attempt.call))

    answers = [told for _, told in turn.sends if isinstance(told, Answer)]
    assert [[one.call for one in told.settlements] for told in answers] == [[OF_WORKER, again]]
    assert [one.kept_as for one in turn.settlements] == [OF_WORKER]
