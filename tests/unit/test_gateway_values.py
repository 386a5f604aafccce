"""What the gateway promises of values that lie in segments: they stay while anybody needs them."""

from elsewhere.calls.lifecycle import CallState
from elsewhere.calls.messages import (
    NUMBERS_PER_WORKER,
    Call,
    Has,
    Input,
    Options,
    Outcome,
    Returned,
    Settlement,
    Verdict,
)
from elsewhere.calls.values import Hold, Missing, Place, Put
from elsewhere.gateway.records import CLIENT
from elsewhere.gateway.room import HELD_BYTES_MAX
from tests.unit.value_stage import (
    FUNCTION,
    ValueStage,
    brought,
    call,
    failed,
    large,
    place_of,
    value,
)

FREED_BY_1 = [(1, "segment of 1")]


def with_value(workers: int = 1) -> ValueStage:
    """Worker 1 has made the value of call 1, which the client has asked for."""
    stage = ValueStage(workers)
    stage.submit(call(1))
    stage.done(stage.runs[-1][0], large(1))
    return stage


def test_who_asked_is_told_where_the_value_lies() -> None:
    stage = ValueStage()
    stage.submit(call(1))

    turn = stage.done(1, large(1))

    assert [s.place for s in turn.settlements] == [place_of(1)]
    assert stage.kept[1].holders == {CLIENT}
    assert stage.freed == []


def test_a_value_is_freed_once_who_asked_drops_it() -> None:
    stage = with_value()

    stage.drop(1)
    stage.drop(1)

    assert stage.freed == FREED_BY_1
    assert not stage.kept


def test_what_was_put_is_freed_by_the_client() -> None:
    stage = ValueStage()
    stage.say(CLIENT, Put(1, place_of(1)))

    stage.drop(1)

    assert stage.freed == [(CLIENT, "segment of 1")]


def test_an_outcome_that_is_said_twice_frees_nothing() -> None:
    stage = with_value()

    stage.done(1, large(1))

    assert stage.freed == []
    assert stage.kept[1].holders == {CLIENT}


def test_a_value_stays_until_the_call_that_is_given_it_has_ended() -> None:
    stage = with_value()
    stage.submit(call(2, brought(1)))
    assert stage.runs[-1][1].inputs[0].place == place_of(1)

    stage.drop(1)
    assert stage.users(1) == 1
    assert stage.freed == []

    stage.done(1, value(2))
    assert stage.freed == FREED_BY_1


def test_a_value_stays_until_all_calls_that_are_given_it_have_ended() -> None:
    stage = with_value()
    stage.submit(call(2, brought(1)), call(3, brought(1)))
    stage.drop(1)

    stage.done(1, value(2))
    assert stage.users(1) == 1

    stage.done(1, failed(3))
    assert stage.freed == FREED_BY_1


def test_a_value_that_a_worker_still_refers_to_stays_until_it_drops_it() -> None:
    stage = with_value()
    stage.submit(call(2, brought(1)))
    stage.drop(1)

    stage.done(1, value(2, holds=(1,)))
    assert stage.kept[1].holders == {1}
    assert stage.freed == []

    stage.drop(1, by=1)
    assert stage.freed == FREED_BY_1


def test_what_a_worker_holds_of_no_known_value_is_passed_over() -> None:
    stage = ValueStage()
    stage.submit(call(2))

    stage.done(1, value(2, holds=(1,)))

    assert not stage.kept


def test_what_a_lost_worker_held_is_freed() -> None:
    stage = with_value(2)
    maker = stage.kept[1].maker
    stage.submit(call(5), call(2, brought(1)))
    running = {attempt.call: worker for worker, attempt in stage.runs}
    reader = running[2]
    stage.done(reader, value(2, holds=(1,)))
    stage.drop(1)
    assert stage.kept[1].holders == {reader}

    stage.lose(reader)

    assert stage.freed == [(CLIENT if reader == maker else maker, "segment of 1")]


def test_the_client_frees_what_a_worker_made_that_is_gone() -> None:
    stage = with_value()
    stage.lose(1)
    assert 1 in stage.kept

    stage.drop(1)

    assert stage.freed == [(CLIENT, "segment of 1")]


def with_child() -> tuple[ValueStage, int, int, int]:
    """A call of call 1 runs in another worker: its number, who asked for it, and who runs it."""
    stage = ValueStage(2)
    stage.submit(call(1), call(2), call(3))
    asker = stage.sent()[0][0]
    child = asker * NUMBERS_PER_WORKER + 1
    stage.say(asker, Has(1))
    stage.done(3 - asker, *[value(n) for worker, n, _ in stage.sent() if worker != asker])
    stage.submit(Call(child, FUNCTION, b"p", Options(), parent=1), by=asker)
    assert stage.sent()[-1] == (3 - asker, child, 1)
    return stage, child, asker, 3 - asker


def test_a_value_of_which_nobody_hears_is_freed_at_once() -> None:
    stage, child, asker, runner = with_child()
    stage.lose(asker)

    stage.done(runner, large(child))

    assert stage.freed == [(runner, f"segment of {child}")]
    assert not stage.kept


def test_who_asked_for_a_child_has_its_value_until_it_is_gone() -> None:
    stage, child, asker, runner = with_child()

    stage.done(runner, large(child))
    assert stage.kept[child].holders == {asker}

    stage.lose(asker)
    assert stage.freed == [(runner, f"segment of {child}")]


def test_an_interrupted_call_keeps_its_inputs_while_it_runs() -> None:
    stage = with_value()
    stage.submit(call(2, brought(1), options=Options(interrupt=True)))
    stage.drop(1)

    stage.cancel(2)
    assert 2 not in stage.gateway.calls
    assert stage.freed == []

    stage.done(1, Outcome(2, 1, Verdict.INTERRUPTED, b"", 0.0, 0.1))
    assert stage.freed == FREED_BY_1


def test_an_interrupted_call_that_had_not_begun_lets_its_inputs_go_when_it_is_returned() -> None:
    stage = with_value()
    stage.submit(call(2), call(3, brought(1), options=Options(interrupt=True)))
    stage.drop(1)
    stage.cancel(3)
    assert stage.freed == []

    stage.say(1, Returned([(3, 1)], []))

    assert stage.freed == FREED_BY_1


def test_an_interrupted_call_lets_its_inputs_go_with_its_worker() -> None:
    stage = with_value()
    stage.submit(call(2, brought(1), options=Options(interrupt=True)))
    stage.drop(1)
    stage.cancel(2)

    stage.lose(1)

    assert stage.freed == [(CLIENT, "segment of 1")]


def test_the_value_of_an_interrupted_call_is_freed() -> None:
    stage = ValueStage()
    stage.submit(call(1, options=Options(interrupt=True)))
    stage.cancel(1)

    stage.done(1, large(1))

    assert stage.freed == FREED_BY_1
    assert not stage.kept


def test_a_call_whose_worker_is_lost_keeps_its_inputs() -> None:
    stage = with_value(2)
    stage.submit(call(2, brought(1)))
    stage.drop(1)
    stage.lose(stage.runs[-1][0])
    assert stage.users(1) == 1

    stage.done(stage.runs[-1][0], value(2, 2))

    assert [path for _, path in stage.freed] == ["segment of 1"]


def test_a_waiting_call_that_is_cancelled_lets_its_inputs_go() -> None:
    stage = with_value()
    stage.submit(call(8))
    stage.submit(call(2, brought(1), 8, key=b"k"))
    stage.drop(1)
    assert stage.gateway.calls[2].state is CallState.WAITING

    stage.cancel(2)

    assert stage.freed == FREED_BY_1


def test_a_call_that_is_given_a_value_which_is_gone_is_told_that_it_is_lost() -> None:
    stage = with_value()
    stage.drop(1)

    turn = stage.submit(call(2, brought(1)))

    assert [(s.call, s.verdict) for s in turn.settlements] == [(2, Verdict.LOST)]
    assert turn.settlements[0].chain == ("f",)


def test_small_values_are_no_affair_of_segments() -> None:
    stage = ValueStage()
    stage.submit(call(1), call(2, 1))
    stage.done(1, value(1))
    attempt = stage.runs[-1][1]

    stage.done(1, value(2, attempt.fence))

    assert not stage.kept
    assert stage.freed == []


def test_the_paths_of_a_maker_are_those_of_its_values() -> None:
    stage = with_value()
    stage.say(CLIENT, Put(5, place_of(5)))

    assert stage.gateway.ledger.values.paths_of(1) == {"segment of 1"}


def test_inputs_that_come_along_count_as_what_a_worker_holds() -> None:
    stage = ValueStage()
    stage.measure()
    stage.runs.clear()
    given = Input(-1, Settlement(1, Verdict.VALUE, bytes(HELD_BYTES_MAX // 4)))

    stage.submit(*(call(number, given) for number in range(20, 30)))

    assert [number for _, number, _ in stage.sent()] == [20, 21, 22, 23]
    assert stage.gateway.workers[1].held_bytes > HELD_BYTES_MAX


def test_what_a_worker_puts_goes_with_it() -> None:
    stage = ValueStage(workers=2)

    stage.say(1, Put(5, place_of(5)))
    assert stage.kept[5].holders == {1}
    stage.lose(1)

    assert not stage.kept
    assert stage.freed == [(CLIENT, place_of(5).path)]


def test_a_put_of_a_worker_that_is_gone_comes_to_nothing() -> None:
    stage = ValueStage(workers=2)
    stage.lose(1)

    stage.say(1, Put(5, place_of(5)))

    assert not stage.kept


def refers(number: int, *others: int, fence: int = 1) -> Outcome:
    place = Place(f"segment of {number}", 10, refers=others)
    return Outcome(number, fence, Verdict.VALUE, b"", 0.0, 0.0, place)


def test_a_value_stays_while_another_one_refers_to_it() -> None:
    stage = ValueStage()
    stage.submit(call(1), call(2))
    stage.say(1, Put(8, place_of(8)))
    stage.done(1, refers(1, 8))
    stage.done(1, refers(2, 1, 8, 99))
    stage.drop(8, by=1)
    assert {number: stage.users(number) for number in stage.kept} == {1: 1, 2: 0, 8: 2}

    stage.drop(1)
    assert set(stage.kept) == {1, 2, 8}
    stage.drop(2)

    assert not stage.kept
    assert [path for _, path in stage.freed] == [f"segment of {n}" for n in (2, 1, 8)]


def test_who_is_given_what_refers_to_a_value_may_hold_that() -> None:
    stage = ValueStage()
    stage.submit(call(1))
    stage.say(1, Put(8, place_of(8)))
    stage.done(1, refers(1, 8))
    stage.drop(8, by=1)

    stage.say(CLIENT, Hold([8]))
    stage.drop(1)
    assert set(stage.kept) == {8}
    stage.lose(1)
    stage.say(1, Hold([8]))
    stage.drop(8)

    assert not stage.kept


def test_what_is_reached_from_a_value_is_found_once() -> None:
    stage = ValueStage()
    stage.submit(call(1), call(2))
    stage.say(1, Put(8, place_of(8)))
    stage.say(1, Put(9, place_of(9)))
    stage.done(1, refers(1, 8, 9))
    stage.done(1, refers(2, 1, 8))
    values = stage.gateway.ledger.values

    assert values.reached_from([2, 77]).keys() == {1, 8, 9}
    values.lose(9, place_of(9))
    assert values.reached_from([1]) == {8: place_of(8)}


def test_what_is_made_again_refers_to_what_it_then_does() -> None:
    stage = ValueStage()
    stage.submit(call(1))
    stage.say(1, Put(8, place_of(8)))
    first = refers(1, 8)
    stage.done(1, first)
    stage.drop(8, by=1)
    assert first.place is not None

    stage.say(CLIENT, Missing(1, first.place))
    assert set(stage.kept) == {1}
    stage.say(1, Put(9, place_of(9)))
    stage.done(1, refers(1, 9, fence=2))
    stage.drop(9, by=1)

    assert stage.users(9) == 1
    stage.drop(1)
    assert not stage.kept
