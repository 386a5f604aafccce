"""What the gateway promises where there is too little memory for values."""

from elsewhere.calls.messages import Options, Verdict
from elsewhere.calls.values import Free, Moved, Place, Put, Spill, Unmap
from elsewhere.gateway.records import CLIENT, Turn
from tests.unit.value_stage import ValueStage, call, large, place_of, unready, value

SIZE = place_of(1).nbytes


def spilled(turn: Turn) -> list[int]:
    """The calls whose values are to be moved."""
    return [message.call for _, message in turn.sends if isinstance(message, Spill)]


def with_values(count: int, room: float) -> tuple[ValueStage, list[int]]:
    """A client has put so many values where there is room for `room`; and what was to be moved."""
    stage = ValueStage(bytes_max=room * SIZE)
    moved: list[int] = []
    for number in range(1, count + 1):
        moved += spilled(stage.say(CLIENT, Put(number, place_of(number))))
    return stage, moved


def test_the_oldest_values_are_moved_as_many_as_are_too_many() -> None:
    _, moved = with_values(5, 3)
    assert moved == [1, 2]


def test_nothing_is_handed_out_until_what_is_too_much_was_moved() -> None:
    stage, _ = with_values(3, 2)
    stage.submit(call(9))
    assert stage.runs == []
    stage.say(CLIENT, Moved(1, place_of(1), done=True))
    assert stage.sent() == [(1, 9, 1)]
    assert stage.gateway.ledger.values.nbytes == 2 * SIZE


def test_a_worker_that_runs_something_may_free_memory_and_is_waited_for() -> None:
    stage, _ = with_values(2, 2)
    stage.submit(call(7), call(8), call(9))
    assert stage.sent() == [(1, 7, 1), (1, 8, 1)]
    assert spilled(stage.done(1, large(7))) == [1]
    stage.say(CLIENT, Moved(1, place_of(1), done=False))
    assert stage.sent() == [(1, 7, 1), (1, 8, 1)]
    stage.drop(7)
    assert stage.sent()[2:] == [(1, 9, 1)]


def test_the_worker_that_made_a_value_lets_go_of_its_memory_once_it_was_moved() -> None:
    stage, _ = with_values(2, 2)
    stage.submit(call(7))
    assert spilled(stage.done(1, large(7))) == [1]
    assert spilled(stage.say(CLIENT, Put(3, place_of(3)))) == [2]
    assert spilled(stage.say(CLIENT, Put(4, place_of(4)))) == [7]

    turn = stage.say(CLIENT, Moved(7, place_of(7), done=True))

    assert (1, Unmap([place_of(7)])) in turn.sends
    assert not any(
        isinstance(m, Unmap) for _, m in stage.say(CLIENT, Moved(1, place_of(1), done=True)).sends
    )


def test_what_cannot_be_moved_stops_nobody_for_ever() -> None:
    stage, moved = with_values(2, 1)
    stage.submit(call(9))
    assert stage.runs == []
    while moved:
        moved = spilled(stage.say(CLIENT, Moved(moved[0], place_of(moved[0]), done=False)))
    assert stage.sent() == [(1, 9, 1)]


def test_what_is_let_go_while_it_is_moved_is_freed_after_that() -> None:
    stage, _ = with_values(2, 1)
    stage.drop(1)
    assert stage.freed == []
    stage.say(CLIENT, Moved(1, place_of(1), done=True))
    assert stage.freed == [(CLIENT, "segment of 1")]
    assert 1 not in stage.kept


def test_what_was_moved_is_freed_by_the_client_and_not_used_again() -> None:
    stage = ValueStage(bytes_max=0)
    stage.submit(call(1))
    assert spilled(stage.done(1, large(1))) == [1]
    stage.say(CLIENT, Moved(1, place_of(1), done=True))
    stage.drop(1)
    assert stage.freed == [(CLIENT, "segment of 1")]


def test_an_answer_that_comes_twice_or_late_changes_nothing() -> None:
    stage, _ = with_values(2, 1)
    for _ in range(2):
        stage.say(CLIENT, Moved(1, place_of(1), done=True))
    stage.say(CLIENT, Moved(5, place_of(5), done=True))
    assert stage.gateway.ledger.values.nbytes == SIZE
    assert stage.gateway.ledger.values.moving == 0


def test_a_value_that_is_put_twice_is_one() -> None:
    stage = ValueStage()
    for _ in range(2):
        stage.say(CLIENT, Put(1, place_of(1)))
    assert stage.gateway.ledger.values.nbytes == SIZE


def test_a_call_that_was_sent_ahead_and_is_taken_back_is_not_tried_again() -> None:
    stage = ValueStage()
    stage.measure()
    stage.submit(call(1), call(2, 1, options=Options()))
    stage.cancel(2)
    turn = stage.done(1, value(1), unready(2))
    assert [(s.call, s.verdict) for s in turn.settlements] == [
        (1, Verdict.VALUE),
        (2, Verdict.CANCELLED),
    ]


def test_it_is_known_who_needs_what_is_being_moved() -> None:
    stage, _ = with_values(2, 1)
    values = stage.gateway.ledger.values
    assert values.is_needed(1)
    assert not values.is_needed(3)
    stage.drop(1)
    assert not values.is_needed(1)
    assert stage.freed == []

    stage.say(CLIENT, Moved(1, place_of(1), done=False))

    assert stage.freed == [(CLIENT, place_of(1).path)]
    assert values.nbytes == SIZE


def test_what_was_written_to_the_disk_takes_no_memory_and_is_not_moved() -> None:
    stage, _ = with_values(2, 3)
    on_disk = Place("segment of 3", 10 * SIZE, on_disk=True)
    assert spilled(stage.say(CLIENT, Put(3, on_disk))) == []
    assert stage.gateway.ledger.values.room == SIZE

    turn = stage.drop(3)

    assert [message for _, message in turn.sends] == [Free([on_disk], reusable=False)]
    assert stage.gateway.ledger.values.room == SIZE
