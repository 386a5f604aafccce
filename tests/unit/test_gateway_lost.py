"""What the gateway promises of values that are lost: they are made again, if that can be."""

import pytest

from elsewhere.calls.lifecycle import CallState
from elsewhere.calls.messages import (
    NUMBERS_PER_WORKER,
    Answer,
    Call,
    Cancel,
    Done,
    Given,
    Has,
    Input,
    Need,
    Options,
    Outcome,
    Release,
    Returned,
    Run,
    Settlement,
    Submit,
    Verdict,
)
from elsewhere.calls.values import NAMES_MAX, Drop, Loss, Missing, Moved, Place, Put, Spill
from elsewhere.calls.wire import decode_record
from elsewhere.calls.workers import NodeLost, Ready, Started
from elsewhere.gateway.placement import CallToPlace, Candidate, open_placement
from elsewhere.gateway.records import CLIENT, ENGINE, Turn
from tests.unit.value_stage import (
    FUNCTION,
    SHORT,
    ValueStage,
    brought,
    call,
    failed,
    large,
    place_of,
    value,
)


def again(number: int) -> Place:
    """Where the second value of a call lies."""
    return Place(f"second segment of {number}", 2**20)


def remade(number: int, fence: int = 2) -> Outcome:
    return Outcome(number, fence, Verdict.VALUE, b"", 0.0, SHORT, again(number))


def missing(number: int, place: Place, fence: int = 1) -> Outcome:
    """An attempt has not found an input at this place."""
    return Outcome(number, fence, Verdict.MISSING, b"", 0.0, 0.0, place)


def with_chain(length: int, workers: int = 1) -> ValueStage:
    """Calls with large values, each given that of the one before; the client has them all."""
    stage = ValueStage(workers)
    for number in range(1, length + 1):
        stage.submit(call(number, *([brought(number - 1)] if number > 1 else [])))
        stage.done(stage.runs[-1][0], large(number))
    return stage


def ask(stage: ValueStage, number: int, place: Place | None = None, by: int = CLIENT) -> Turn:
    """Who has a value has not found it."""
    return stage.say(by, Missing(number, place or place_of(number)))


def losses(turn: Turn) -> list[tuple[int, Loss]]:
    """The calls that were told that a value is lost for good, and why."""
    return [
        (told.call, decode_record(told.payload, Loss))
        for told in turn.settlements
        if told.verdict is Verdict.LOST
    ]


def run_all(stage: ValueStage, turn: Turn) -> Turn:
    """Step on as long as the gateway asks for it at once."""
    while turn.wake == stage.now:
        turn = stage.say(ENGINE, None)
    return turn


# ---------------------------------------------------------------- who asks


def test_who_does_not_find_a_value_is_told_where_it_is_once_it_was_made_again() -> None:
    stage = with_chain(1)

    turn = ask(stage, 1)
    assert turn.settlements == []
    assert stage.sent()[-1] == (1, 1, 2)

    turn = stage.done(1, remade(1))
    assert [(told.call, told.place) for told in turn.settlements] == [(1, again(1))]
    assert stage.kept[1].holders == {CLIENT}
    assert not stage.gateway.calls


def test_it_is_told_at_once_if_the_value_was_made_again_meanwhile() -> None:
    stage = with_chain(1)
    ask(stage, 1)
    stage.done(1, remade(1))

    turn = ask(stage, 1)

    assert [(told.call, told.place) for told in turn.settlements] == [(1, again(1))]
    assert len(stage.runs) == 2


def test_a_value_is_made_again_once_whoever_asks() -> None:
    stage = with_chain(1)
    for _ in range(3):
        ask(stage, 1)
    stage.submit(call(2, brought(1)), call(3, brought(1)))
    assert stage.sent()[1:] == [(1, 1, 2)]

    turn = stage.done(1, remade(1))

    assert [told.call for told in turn.settlements] == [1]
    assert [attempt.inputs[0].place for _, attempt in stage.runs[2:]] == [again(1), again(1)]


def test_it_is_made_again_as_often_as_it_is_lost() -> None:
    stage = with_chain(1)
    ask(stage, 1)
    stage.done(1, remade(1))

    ask(stage, 1, again(1))
    turn = stage.done(1, large(1, 3))

    assert [told.place for told in turn.settlements] == [place_of(1)]


def test_a_value_that_nobody_knows_of_is_lost() -> None:
    stage = ValueStage()

    turn = ask(stage, 1)

    assert [(told.call, told.verdict) for told in turn.settlements] == [(1, Verdict.LOST)]


def test_a_value_that_is_small_this_time_is_told_itself() -> None:
    stage = with_chain(1)
    ask(stage, 1)

    turn = stage.done(1, value(1, 2))
    assert [(told.payload, told.place) for told in turn.settlements] == [(b"v", None)]
    stage.submit(call(2, brought(1)))
    assert stage.runs[-1][1].inputs[0].payload == b"v"
    assert ask(stage, 1).settlements[0].payload == b"v"

    stage.done(1, value(2))
    stage.drop(1)
    assert not stage.kept
    assert stage.freed == []


def with_child_value() -> tuple[ValueStage, int, int]:
    """A call of call 1 has a large value, which its asker, worker 1 or 2, has been told of."""
    stage = ValueStage(2)
    stage.submit(call(1))
    asker = stage.runs[-1][0]
    child = asker * NUMBERS_PER_WORKER + 1
    stage.submit(Call(child, FUNCTION, b"p", Options(), parent=1), by=asker)
    stage.done(stage.runs[-1][0], large(child))
    return stage, child, asker


def test_a_worker_that_does_not_find_a_value_is_told_by_an_answer() -> None:
    stage, child, asker = with_child_value()

    ask(stage, child, by=asker)
    turn = stage.done(stage.runs[-1][0], remade(child))

    answers = [(peer, sent) for peer, sent in turn.sends if isinstance(sent, Answer)]
    assert [(peer, sent.settlements[0].place) for peer, sent in answers] == [(asker, again(child))]
    assert turn.settlements == []


def test_a_worker_that_is_gone_is_told_nothing() -> None:
    stage, child, asker = with_child_value()
    ask(stage, child, by=asker)
    maker = stage.runs[-1][0]
    if maker == asker:
        stage.lose(asker)
        maker = stage.runs[-1][0]
    else:
        stage.lose(asker)
    stage.done(maker, remade(child, stage.runs[-1][1].fence))

    turn = ask(stage, child, by=asker)

    assert not any(isinstance(sent, Answer) for _, sent in turn.sends)
    assert child not in stage.kept


# ---------------------------------------------------------------- calls


def test_a_call_that_misses_an_input_waits_until_it_was_made_again() -> None:
    stage = with_chain(1)
    small = Input(-2, Settlement(9, Verdict.VALUE, b"v"))
    stage.submit(call(2, brought(1), small))

    stage.done(1, missing(2, place_of(1)))
    assert stage.sent()[-1] == (1, 2, 1)
    stage.say(ENGINE, None)
    assert stage.sent()[-1] == (1, 1, 2)

    stage.done(1, remade(1))
    assert stage.runs[-1][1].inputs[0].place == again(1)
    turn = stage.done(1, value(2, 2))
    assert [(told.call, told.attempt) for told in turn.settlements] == [(2, 1)]


def test_a_policy_that_places_every_call_is_not_asked_while_an_input_is_lost() -> None:
    asked: list[CallToPlace] = []

    def first(call: CallToPlace, candidates: tuple[Candidate, ...]) -> Candidate:
        asked.append(call)
        return candidates[0]

    stage = ValueStage(1, placement=open_placement(first))
    stage.submit(call(1))
    stage.done(1, large(1, elapsed=1.0))
    stage.submit(*(call(n, brought(1)) for n in (2, 3, 4)))
    assert stage.sent()[1:] == [(1, 2, 1), (1, 3, 1)]

    run_all(stage, stage.done(1, missing(2, place_of(1))))

    assert stage.sent()[-1] == (1, 1, 2)
    assert len(asked) == len(stage.runs)
    assert all(stage.gateway.calls[n].state is CallState.WAITING for n in (2, 4))


def test_a_report_of_a_place_where_the_value_is_no_more_changes_nothing() -> None:
    stage = with_chain(1)
    stage.submit(call(2, brought(1)))
    ask(stage, 1)
    stage.done(1, missing(2, place_of(1)))
    stage.done(1, remade(1))
    assert stage.sent()[-1] == (1, 2, 2)

    stage.done(1, missing(2, place_of(1), 2))

    assert stage.kept[1].place == again(1)
    assert stage.sent()[-1] == (1, 2, 3)


def test_a_call_that_misses_an_input_and_that_nobody_wants_is_taken_back() -> None:
    stage = with_chain(1)
    stage.submit(call(2), call(3, brought(1)))
    stage.cancel(3)

    turn = stage.done(1, value(2), missing(3, place_of(1)))

    assert [told.verdict for told in turn.settlements if told.call == 3] == [Verdict.CANCELLED]


def test_an_interrupted_call_may_still_say_what_it_misses() -> None:
    stage = with_chain(1)
    stage.submit(call(2, brought(1), options=Options(interrupt=True)))
    stage.cancel(2)

    stage.done(1, missing(2, place_of(1)))

    assert not stage.kept[1].is_here
    assert stage.freed == []


def test_a_call_that_is_taken_back_while_it_waits_is_not_begun() -> None:
    stage = with_chain(1)
    ask(stage, 1)
    stage.submit(call(2, brought(1)))
    stage.cancel(2)

    stage.done(1, remade(1))

    assert stage.sent()[-1] == (1, 1, 2)
    assert stage.users(1) == 0


def test_what_nobody_waits_for_any_more_is_not_made_again() -> None:
    stage = with_chain(1)
    stage.gateway.ledger.remaking.sought_max = 0
    stage.submit(call(2, brought(1)))
    stage.done(1, missing(2, place_of(1)))
    stage.cancel(2)
    stage.gateway.ledger.remaking.sought_max = 10

    run_all(stage, stage.say(ENGINE, None))

    assert [number for _, number, _ in stage.sent()] == [1, 2]


def test_a_call_waits_for_all_inputs_that_are_lost() -> None:
    stage = ValueStage()
    stage.submit(call(1), call(2))
    stage.done(1, large(1), large(2))
    stage.say(ENGINE, NodeLost(0))
    run_all(stage, stage.submit(call(3, brought(1), brought(2, position=1))))

    stage.done(1, remade(1))
    assert stage.sent()[-1] != (1, 3, 1)
    stage.done(1, remade(2))

    assert stage.sent()[-1] == (1, 3, 1)
    assert [one.place for one in stage.runs[-1][1].inputs] == [again(1), again(2)]


def test_a_call_is_not_sent_ahead_while_another_input_is_lost() -> None:
    stage = with_chain(1)
    stage.measure()
    stage.say(ENGINE, NodeLost(0))

    run_all(stage, stage.submit(call(2), call(3, brought(1), 2)))

    assert [number for _, number, _ in stage.sent()[2:]] == [2, 1]


def test_a_value_that_is_asked_for_by_its_number_while_it_is_made_again() -> None:
    stage = with_chain(1)
    ask(stage, 1)

    turn = stage.submit(call(2, 1))
    assert (CLIENT, Need(2, [1])) in turn.sends
    settlement = Settlement(1, Verdict.VALUE, place=place_of(1))
    stage.say(CLIENT, Given(2, (Input(1, settlement),)))
    stage.done(1, remade(1))

    assert stage.runs[-1][1].inputs[0].place == again(1)


def test_who_takes_back_a_call_that_has_come_out_does_not_stop_its_value() -> None:
    stage = with_chain(1)
    ask(stage, 1)

    stage.cancel(1)

    assert [told.place for told in stage.done(1, remade(1)).settlements] == [again(1)]


# ---------------------------------------------------------------- chains


def test_what_was_let_go_is_made_again_if_something_else_needs_it() -> None:
    stage = with_chain(3)
    stage.drop(1, 2)
    assert stage.freed == [(1, "segment of 1"), (1, "segment of 2")]
    assert set(stage.kept) == {1, 2, 3}

    run_all(stage, ask(stage, 3))
    assert stage.sent()[-1] == (1, 1, 2)
    stage.done(1, remade(1))
    assert stage.sent()[-1] == (1, 2, 2)
    stage.done(1, remade(2))
    turn = stage.done(1, remade(3))

    assert [(told.call, told.place) for told in turn.settlements] == [(3, again(3))]
    assert stage.freed[2:] == [(1, "second segment of 1"), (1, "second segment of 2")]


def test_only_what_is_needed_is_made_again() -> None:
    stage = with_chain(3)
    stage.drop(1)
    stage.say(ENGINE, NodeLost(0))

    run_all(stage, ask(stage, 1))
    stage.done(1, remade(1))
    assert [number for _, number, _ in stage.sent()] == [1, 2, 3, 1]

    run_all(stage, ask(stage, 2))
    assert [number for _, number, _ in stage.sent()][4:] == [2]


def test_all_is_forgotten_once_the_last_value_is_let_go() -> None:
    stage = with_chain(3)
    stage.drop(1, 2)

    run_all(stage, stage.drop(3))

    assert not stage.kept
    assert not stage.gateway.ledger.values.recipes.kept
    assert stage.gateway.ledger.values.recipes.nbytes == 0


def test_a_function_stays_while_a_value_may_have_to_be_made_again() -> None:
    stage = with_chain(1)
    stage.say(CLIENT, Release([FUNCTION]))
    assert FUNCTION in stage.gateway.functions

    ask(stage, 1)
    stage.done(1, remade(1))
    run_all(stage, stage.drop(1))

    assert FUNCTION not in stage.gateway.functions


def test_a_long_chain_is_let_go_in_several_steps() -> None:
    stage = with_chain(1)
    values = stage.gateway.ledger.values
    for number in range(2, 1500):
        stage.gateway.step(CLIENT, Submit([call(number, brought(number - 1))]), 0.0)
        stage.gateway.step(CLIENT, Drop([number - 1]), 0.0)
        stage.gateway.step(1, Done([large(number)]), 0.0)
    assert len(stage.kept) == 1499

    turn = stage.drop(1499)
    assert turn.wake == stage.now
    assert stage.kept

    run_all(stage, turn)
    assert not stage.kept
    assert not values.recipes.unused


def test_a_long_chain_is_sought_in_several_steps() -> None:
    stage = with_chain(6)
    stage.gateway.ledger.remaking.sought_max = 2
    stage.say(ENGINE, NodeLost(0))

    turn = ask(stage, 6)
    assert turn.wake == stage.now
    run_all(stage, turn)
    for number in range(1, 7):
        assert stage.sent()[-1] == (1, number, 2)
        turn = stage.done(1, remade(number))

    assert [told.place for told in turn.settlements] == [again(6)]


# ---------------------------------------------------------------- what cannot be made again


def with_put() -> ValueStage:
    """Call 2 was given a value that was put, which the client has dropped."""
    stage = ValueStage()
    stage.say(CLIENT, Put(1, place_of(1)))
    stage.submit(call(2, brought(1)))
    stage.drop(1)
    stage.done(1, large(2))
    return stage


def test_what_was_put_stays_while_something_that_was_made_from_it_may_be_lost() -> None:
    stage = with_put()
    assert stage.freed == []

    ask(stage, 2)
    assert stage.runs[-1][1].inputs[0].place == place_of(1)
    stage.done(1, remade(2))
    run_all(stage, stage.drop(2))

    assert sorted(stage.freed) == [(CLIENT, "segment of 1"), (1, "second segment of 2")]
    assert not stage.kept


def test_what_only_recipes_need_is_moved_to_a_disk_first() -> None:
    stage = ValueStage(bytes_max=2 * 2**20)
    stage.say(CLIENT, Put(3, place_of(3)))
    stage.say(CLIENT, Put(1, place_of(1)))
    stage.submit(call(2, brought(1)))
    stage.drop(1)

    turn = stage.done(1, large(2))

    assert [sent for _, sent in turn.sends if isinstance(sent, Spill)] == [Spill(1, place_of(1))]
    stage.say(CLIENT, Moved(1, place_of(1), done=True))
    run_all(stage, stage.drop(2))
    assert (CLIENT, "segment of 1") in stage.freed


def test_what_was_put_and_is_lost_is_told_with_all_that_was_made_from_it() -> None:
    stage = with_put()
    stage.say(ENGINE, NodeLost(0))

    turn = run_all(stage, ask(stage, 2))

    assert losses(turn) == [(2, Loss(("f", "")))]
    assert [number for _, number, _ in stage.sent()] == [2]
    run_all(stage, stage.drop(2))
    assert not stage.kept


def test_the_put_value_itself_is_lost() -> None:
    stage = ValueStage()
    stage.say(CLIENT, Put(1, place_of(1)))

    assert losses(ask(stage, 1)) == [(1, Loss(("",)))]


def test_what_raises_this_time_is_lost_with_all_that_needs_it() -> None:
    stage = with_chain(2)
    stage.say(ENGINE, NodeLost(0))
    run_all(stage, stage.submit(call(3, brought(2))))

    turn = stage.done(1, failed(1, 2))

    assert losses(turn) == [(3, Loss(("f", "f"), Verdict.ERROR, b"why"))]
    assert turn.settlements[0].chain == ("f",)


def test_what_could_not_be_made_again_is_not_tried_again() -> None:
    stage = with_chain(1)
    ask(stage, 1)
    assert losses(stage.done(1, failed(1, 2))) == [(1, Loss(("f",), Verdict.ERROR, b"why"))]

    turn = ask(stage, 1)

    assert losses(turn) == [(1, Loss(("f",), Verdict.ERROR, b"why"))]
    assert len(stage.runs) == 2


def test_a_retry_is_granted_again() -> None:
    stage = ValueStage()
    stage.submit(call(1, options=Options(retries=1)))
    stage.done(1, failed(1))
    stage.done(1, large(1, 2))
    ask(stage, 1)

    stage.done(1, failed(1, 3))
    turn = stage.done(1, remade(1, 4))

    assert [told.place for told in turn.settlements] == [again(1)]


def test_of_a_long_chain_the_first_and_the_last_names_are_told() -> None:
    loss = Loss(("",))
    for number in range(20):
        loss = loss.of(str(number))

    assert len(loss.names) == NAMES_MAX
    assert loss.names[0] == "19"
    assert loss.names[-1] == ""


# ---------------------------------------------------------------- too little memory for recipes


def test_the_oldest_recipes_are_forgotten_and_that_is_told() -> None:
    stage = with_chain(1)
    recipes = stage.gateway.ledger.values.recipes
    recipes.bytes_max = 2 * (recipes.nbytes + 2**10)
    for number in range(2, 9):
        stage.submit(call(number, brought(number - 1)))
        stage.drop(number - 1)
        run_all(stage, stage.done(1, large(number)))
        assert len(recipes.kept) <= 2
        assert len(stage.kept) <= 3

    turn = run_all(stage, ask(stage, 8))

    ((number, loss),) = losses(turn)
    assert number == 8
    assert loss.verdict is None
    assert loss.names[-1] == "f"


def test_a_value_whose_recipe_is_forgotten_stays_while_it_may_be_needed() -> None:
    stage = with_chain(2)
    stage.gateway.ledger.values.recipes.forget(1)
    run_all(stage, stage.drop(1))
    assert stage.freed == []

    ask(stage, 2)

    assert stage.runs[-1][1].inputs[0].place == place_of(1)


def test_a_recipe_may_be_forgotten_while_the_value_is_made_again() -> None:
    stage = with_chain(1)
    ask(stage, 1)
    stage.gateway.ledger.values.recipes.forget(1)
    stage.say(ENGINE, None)

    turn = stage.done(1, remade(1))

    assert [told.place for told in turn.settlements] == [again(1)]


# ---------------------------------------------------------------- moved, dropped, and gone


def test_a_value_that_is_lost_while_it_is_moved_is_made_again() -> None:
    stage = ValueStage(bytes_max=0)
    stage.submit(call(1))
    stage.done(1, large(1))
    assert stage.gateway.ledger.values.moving == 2**20

    ask(stage, 1)
    stage.say(CLIENT, Moved(1, place_of(1), done=False))
    assert stage.gateway.ledger.values.nbytes == 0
    stage.done(1, remade(1))
    stage.say(CLIENT, Moved(1, place_of(1), done=True))

    assert stage.kept[1].moving


def test_a_value_that_is_dropped_while_it_is_made_again_is_freed_when_it_is() -> None:
    stage = with_chain(1)
    ask(stage, 1)
    stage.drop(1)
    stage.say(1, Returned([], []))

    run_all(stage, stage.done(1, remade(1)))
    run_all(stage, stage.drop(1))

    assert stage.freed == [(1, "second segment of 1")]
    assert not stage.kept


def test_what_lies_on_another_node_is_not_lost() -> None:
    stage = ValueStage(0)
    stage.say(ENGINE, Started(1, 5))
    stage.say(1, Ready(1))
    stage.submit(call(1))
    stage.done(1, large(1))
    stage.say(CLIENT, Put(2, place_of(2)))
    assert stage.kept[1].node == 5

    stage.say(ENGINE, NodeLost(5))
    assert not stage.kept[1].is_here
    assert stage.kept[2].is_here

    stage.say(ENGINE, NodeLost(5))
    assert len(stage.kept) == 2


def test_what_is_lost_while_nobody_needs_it_but_who_moves_it_is_forgotten() -> None:
    stage = ValueStage(bytes_max=0)
    stage.say(CLIENT, Put(1, place_of(1)))
    stage.drop(1)
    assert stage.kept[1].moving

    stage.say(ENGINE, NodeLost(0))

    assert not stage.kept
    assert stage.freed == []


@pytest.mark.parametrize("message", [Cancel([7]), Has(0)])
def test_other_messages_change_nothing(message: Cancel | Has) -> None:
    stage = with_chain(1)
    ask(stage, 1)

    stage.say(1, message)

    assert isinstance(stage.say(1, message), Turn)
    assert stage.kept[1].remaking
    assert not any(isinstance(sent, Run) for _, sent in stage.say(1, message).sends)
