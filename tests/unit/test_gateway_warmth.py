"""Calls go to workers that have what they need, and to others when that is worth what it costs."""

from heapq import heappop, heappush
from random import Random

import pytest

from elsewhere.calls.messages import NUMBERS_PER_WORKER, Call, Options, Run, Submit
from elsewhere.calls.values import Missing
from elsewhere.gateway.builds import PATIENCE_SECONDS, last_begins, level
from elsewhere.gateway.placement import (
    CallToPlace,
    Candidate,
    LeastLoaded,
    Placement,
    UsersOwn,
)
from elsewhere.gateway.records import CLIENT, Turn
from elsewhere.gateway.warmth import LINES_MAX, LOOK_SECONDS
from tests.unit.stage import Stage, render
from tests.unit.value_stage import brought, place_of

LOAD = 7
"""a function that needs resource a"""
PLAIN = 8
"""one that needs nothing"""


def with_workers(
    count: int,
    *events: str,
    seconds: float | None = None,
    placement: Placement | None = None,
) -> Stage:
    """Workers that are ready, and the two functions; a call of each takes so long."""
    stage = Stage(placement=placement)
    for number in range(1, count + 1):
        stage.tell(f"start {number}", f"ready {number}")
    stage.tell(f"define {LOAD} needs=a", f"define {PLAIN}")
    for function in (LOAD, PLAIN):
        stage.gateway.functions[function].seconds = seconds
    stage.tell(*events)
    return stage


def runs(turn: Turn) -> dict[int, list[int]]:
    """By worker, the calls that it is given."""
    given: dict[int, list[int]] = {}
    for peer, message in turn.sends:
        if isinstance(message, Run):
            given.setdefault(peer, []).extend(attempt.call for attempt in message.attempts)
    return given


MADE = 500
"""a call whose value lies on a node"""
FIRST = NUMBERS_PER_WORKER + 1
"""the first call that worker 1 makes"""
NOTED: list[tuple[CallToPlace, tuple[Candidate, ...]]] = []


def note_and_take_last(call: CallToPlace, candidates: tuple[Candidate, ...]) -> Candidate:
    NOTED.append((call, candidates))
    return candidates[-1]


def give_a_large_value(stage: Stage, maker: int) -> None:
    stage.gateway.ledger.values.add(MADE, place_of(MADE), maker, [CLIENT])


def with_input(number: int) -> Call:
    """A call that needs a, and is given the large value."""
    return Call(number, LOAD, b"p", Options(), inputs=(brought(MADE),))


# ---------------------------------------------------------------- who has it


@pytest.mark.parametrize("warm", [1, 2, 3])
def test_a_call_goes_to_who_has_what_it_needs(warm: int) -> None:
    stage = with_workers(3, f"made {warm} a", seconds=0.01)

    assert runs(stage.turn(f"submit 1 of {LOAD}")) == {warm: [1]}


def test_it_waits_for_who_has_it_if_that_takes_less_than_to_make_it() -> None:
    stage = with_workers(2, "made 1 a took=1", "submit 1..2 of 7", seconds=0.1)

    assert runs(stage.turn("submit 3 of 7")) == {}
    assert runs(stage.turn("done 1 1#1 took=0.1")) == {1: [3]}


def test_others_are_let_in_when_the_line_is_worth_it() -> None:
    stage = with_workers(3, "made 1 a took=1", seconds=0.3)

    # Calls 1 and 2 would take 0.6 s there; the last of five would begin after 1.2 s.
    assert runs(stage.turn("submit 1..5 of 7")) == {3: [5], 1: [1, 2]}


def test_who_must_make_it_first_gets_the_last_call_and_not_the_first() -> None:
    stage = with_workers(2, "made 1 a took=0.5", "submit 1..2 of 7", seconds=0.3)

    assert runs(stage.turn("submit 3..9 of 7")) == {2: [9]}
    assert runs(stage.turn("made 2 a took=0.5")) == {2: [3]}


def test_a_line_that_has_not_been_empty_for_as_long_is_worth_it_too() -> None:
    stage = with_workers(3, "made 1 a took=1", "submit 1..3 of 7", seconds=0.1)

    assert stage.turn("at 0.2 ").wake == pytest.approx(1.0)
    stage.tell("at 0.3 submit 4 of 7", "at 0.4 done 1 1#1 took=0.1")
    stage.tell("at 0.5 submit 5 of 7", "at 0.6 done 1 2#1 took=0.1")
    stage.tell("at 0.7 submit 6 of 7")

    assert runs(stage.turn("at 1.0 ")) == {3: [6]}


def test_nobody_is_let_in_for_calls_that_those_take_who_are_free() -> None:
    stage = with_workers(2, "made 1 a took=1", "submit 1..3 of 7", seconds=0.1)

    assert runs(stage.turn("at 1.1 done 1 1#1 2#1 took=0.5")) == {1: [3]}


def test_who_leaves_is_near_for_one_call_only() -> None:
    stage = Stage(tasks=1)
    stage.tell("start 1", "ready 1", f"define {LOAD} needs=a", f"submit 1 of {LOAD}")
    stage.tell("made 1 a took=5", "park 1 1#1", "start 2", "ready 2")

    turn = stage.turn(f"submit {FIRST} {FIRST + 1} of {LOAD} by=1 parent=1")
    assert runs(turn) == {1: [FIRST], 2: [FIRST + 1]}


def test_as_many_are_let_in_for_that_as_there_are_near() -> None:
    stage = with_workers(6, "made 1 a took=1", "made 2 a took=1", seconds=0.01)
    stage.tell("submit 1..14 of 7 items=10", "at 0.9 done 1 1#1 took=0.1", "done 2 8#1 took=0.1")

    assert sorted(runs(stage.turn("at 1 "))) == [5, 6]


def test_of_those_that_are_free_who_keeps_least_makes_it() -> None:
    stage = with_workers(3, "made 3 b", "made 1 b", seconds=0.01)

    assert runs(stage.turn("submit 1 of 7")) == {2: [1]}


def test_if_nobody_has_it_whoever_is_free_makes_it() -> None:
    stage = with_workers(2)

    assert runs(stage.turn("submit 1 of 7")) == {2: [1]}


def test_as_long_as_nobody_knows_what_it_takes_all_make_it_at_once() -> None:
    stage = with_workers(3)

    given = runs(stage.turn("submit 1..400 of 7"))

    assert sorted(given) == [1, 2, 3]


def test_one_call_more_waits_for_who_has_been_at_it_for_longer_than_its_work_takes() -> None:
    stage = with_workers(2, "submit 1 of 7")

    assert runs(stage.turn("at 0.5 submit 2 of 7")) == {2: [2]}  # whoever is making it


def test_who_makes_what_nobody_has_made_is_doubted_after_a_while() -> None:
    stage = with_workers(2, "submit 1 of 7", "at 0.5 submit 2 3 of 7")

    turn = stage.turn("at 0.6 ")
    assert turn.wake == pytest.approx(PATIENCE_SECONDS)
    assert runs(stage.turn(f"at {PATIENCE_SECONDS + 0.001} ")) == {1: [3]}


def test_the_first_measurement_says_whether_it_is_worth_it() -> None:
    stage = with_workers(2, "submit 1 of 7", "at 0.5 submit 2..4 of 7")

    turn = stage.turn("at 0.6 made 2 a took=0.01")

    # Three calls of which nobody knows how long they take are worth more than 10 ms.
    assert runs(turn) == {1: [4]}


def test_what_was_made_does_not_count_as_time_of_the_function() -> None:
    stage = with_workers(1, "submit 1 of 7", "made 1 a took=2")

    stage.tell("done 1 1#1 took=2.5 building=2")

    assert stage.gateway.functions[LOAD].seconds == pytest.approx(0.5)


def test_how_long_it_takes_is_an_average_of_which_the_latest_counts_a_quarter() -> None:
    stage = with_workers(2, "made 1 a took=1", "made 2 a took=2")

    assert stage.gateway.ledger.kits.resources[b"a"].seconds == pytest.approx(1.25)


def test_what_is_given_up_is_not_there_any_more() -> None:
    stage = with_workers(2, "made 1 a", "made 2 a", "evicted 1 a", "evicted 1 a", seconds=0.01)

    assert runs(stage.turn("submit 1 of 7")) == {2: [1]}


def test_a_worker_that_is_gone_has_nothing() -> None:
    stage = with_workers(2, "made 1 a", "made 2 a", "submit 1..4 of 7", seconds=0.1)

    stage.tell("lost 1", "lost 2")

    assert not stage.gateway.ledger.kits.resources[b"a"].workers
    assert runs(stage.turn("start 3", "ready 3")) == {3: [3, 4]}


def test_a_worker_that_has_a_part_makes_less() -> None:
    stage = with_workers(3, "define 9 needs=a,b", "made 1 a took=5", "made 1 b took=1")
    stage.tell("made 2 a took=5", "made 3 b took=1", "lost 1")

    assert runs(stage.turn("submit 1 of 9")) == {2: [1]}


def test_a_function_that_needs_the_same_shares_the_line() -> None:
    stage = with_workers(2, "define 9 needs=a", "made 2 a", seconds=0.01)

    assert stage.gateway.functions[9].kit is stage.gateway.functions[LOAD].kit
    assert runs(stage.turn("submit 1 of 9")) == {2: [1]}


def test_nothing_is_remembered_of_what_nobody_needs_or_has() -> None:
    stage = with_workers(1, "define 9 needs=a,b", "made 1 b", "release 7", "release 9")
    kits = stage.gateway.ledger.kits

    assert [*kits.resources] == [b"b"]
    stage.tell("evicted 1 b")
    assert not kits.kits
    assert not kits.resources


def test_a_call_that_has_parked_makes_nothing_for_others() -> None:
    stage = with_workers(2, "submit 1 of 7", "park 2 1#1")

    kit = stage.gateway.functions[LOAD].kit
    assert kit is not None
    assert not kit.users


# ---------------------------------------------------------------- lines and the queue


def test_what_needs_nothing_does_not_wait_behind_what_does() -> None:
    stage = with_workers(2, "made 1 a took=9", "submit 1..4 of 7", seconds=0.1)

    assert runs(stage.turn("submit 5 of 8")) == {2: [5]}


def test_neither_line_nor_queue_starves_the_other() -> None:
    stage = with_workers(1, "made 1 a", seconds=0.1)
    stage.tell("submit 1..6 of 7", "submit 11..16 of 8")
    order: list[int] = []
    worker = stage.gateway.workers[1]
    while worker.running is not None:
        call = worker.running.call.id
        order.append(call)
        stage.tell(f"done 1 {call}#1 took=0.1")

    assert sorted(order) == [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]
    assert order.index(11) < order.index(5)
    assert order.index(5) < order.index(14)


def test_what_is_made_inside_calls_goes_first() -> None:
    stage = with_workers(1, "made 1 a", "submit 1..4 of 7", seconds=0.1)

    first = 2**40 + 1
    stage.tell(f"submit {first} of 7 by=1 parent=1")

    assert [r.call.id for r in stage.gateway.dispatch.lines] == [first, 3, 4]


def test_what_comes_back_goes_to_the_front() -> None:
    stage = with_workers(1, "made 1 a", "submit 1..4 of 7", seconds=0.1)

    stage.tell("lost 1")

    assert [r.call.id for r in stage.gateway.dispatch.lines] == [1, 2, 3, 4]


def test_what_is_tried_again_goes_to_the_end() -> None:
    stage = with_workers(1, "made 1 a", "submit 1..4 of 7 retries=1", seconds=0.1)

    stage.tell("park 1 1#1", "done 1 1#1 error", "done 1 2#1 error")

    assert [r.call.id for r in stage.gateway.dispatch.lines][-1] == 2


def test_what_was_cancelled_while_it_waited_is_skipped() -> None:
    stage = with_workers(2, "made 1 a took=1", "submit 1..6 of 7", seconds=0.1)
    stage.tell("cancel 3", "cancel 6")

    assert runs(stage.turn("done 1 1#1 took=0.1")) == {1: [4]}
    stage.tell("cancel 5", "submit 7 of 7")
    assert runs(stage.turn("at 1 ")) == {2: [7]}


def test_a_line_of_what_was_cancelled_is_empty() -> None:
    stage = with_workers(1, "made 1 a", "submit 1..3 of 7", "cancel 3", seconds=0.1)

    stage.tell("done 1 1#1")

    assert not len(stage.gateway.dispatch.lines)


def test_if_no_worker_starts_what_waits_in_lines_fails_too() -> None:
    stage = Stage()
    stage.tell("start 1", "define 7 needs=a", "submit 1 of 7")

    assert stage.tell("unready 1") == ["call 1: unstartable"]


def test_a_call_is_sent_behind_its_input_to_who_has_what_it_needs() -> None:
    stage = with_workers(1, "start 2", "made 2 a", "submit 11..12 of 8", seconds=0.1)
    stage.tell("submit 1 of 8", "submit 2 of 7 inputs=1")

    assert runs(stage.turn("ready 2")) == {2: [1, 2]}


def test_a_call_is_not_sent_behind_its_input_to_who_lacks_what_it_needs() -> None:
    stage = with_workers(1, "start 2", "made 1 a took=9", "submit 11..12 of 8", seconds=0.1)
    stage.tell("submit 1 of 8", "submit 2 of 7 inputs=1")

    assert runs(stage.turn("ready 2")) == {2: [1]}


def test_more_lines_than_a_step_looks_at_are_looked_at_later() -> None:
    stage = with_workers(1, "submit 1001..1002 of 8", "start 2", "ready 2", seconds=0.1)
    for number in range(LINES_MAX + 1):
        stage.tell(f"made 1 r{number} took=9", f"define {100 + number} needs=r{number}")
        stage.tell(f"submit {number + 1} of {100 + number}")

    assert stage.turn("at 1 ").wake == pytest.approx(1 + LOOK_SECONDS)


# ---------------------------------------------------------------- backlogs


def test_a_backlog_stays_where_it_is_if_to_make_it_elsewhere_takes_longer() -> None:
    stage = with_workers(2, "made 1 a took=1", "submit 1..2 of 7", seconds=0.1)

    assert render(stage.turn("at 0.05 ")) == []


def test_it_is_taken_back_once_the_call_before_it_has_taken_too_long() -> None:
    stage = with_workers(2, "made 1 a took=1", "submit 1..2 of 7", seconds=0.1)

    assert render(stage.turn("at 1.5 ")) == ["worker 1: recall 2#1"]
    assert runs(stage.turn("return 1 2#1")) == {2: [2]}


def test_it_is_taken_back_at_once_for_who_has_it() -> None:
    stage = with_workers(2, "made 1 a took=1", "submit 1..2 of 7", seconds=0.1)

    assert render(stage.turn("at 0.05 made 2 a")) == ["worker 1: recall 2#1"]


def test_what_stands_beside_it_and_needs_nothing_is_taken_back() -> None:
    stage = with_workers(2, "made 1 a took=9", seconds=0.001)
    stage.tell("submit 1..8 of 8")
    stage.tell("submit 9 of 7", "submit 10 of 8")
    first, second = ([*stage.gateway.workers[number].held] for number in (1, 2))

    turn = stage.turn("at 0.1 done 2 " + " ".join(f"{n}#1" for n in second))

    moved = [n for n in first[1:] if n != 9][-2:]
    assert 9 in first
    recalls = [line for line in render(turn) if "recall" in line]
    assert recalls == ["worker 1: recall " + " ".join(f"{n}#1" for n in reversed(moved))]


# ---------------------------------------------------------------- made ahead


def test_each_worker_is_warmed_once() -> None:
    stage = with_workers(3)

    assert runs(stage.turn("submit 1..3 of 7 items=3 warm")) == {1: [1], 2: [2], 3: [3]}


def test_one_that_starts_is_waited_for() -> None:
    stage = with_workers(1, "start 2", "submit 1..2 of 7 items=2 warm")

    assert len(stage.gateway.dispatch.lines) == 1
    assert runs(stage.turn("ready 2")) == {2: [2]}


def test_so_many_are_warmed_as_were_asked_for() -> None:
    stage = with_workers(3, "made 1 a", "submit 1..2 of 7 items=2 warm")

    assert runs(stage.turn("at 1 ")) == {}
    has = [number for number, worker in stage.gateway.workers.items() if worker.held]
    assert len({1, *has}) == 2  # there is nothing left for the second call to do


def test_if_all_have_it_there_is_nothing_left_to_do() -> None:
    stage = with_workers(2, "made 1 a", "made 2 a")

    given = runs(stage.turn("submit 1..2 of 7 items=2 warm"))

    assert sorted(call for calls in given.values() for call in calls) == [1, 2]


def test_without_workers_it_waits() -> None:
    stage = Stage()
    stage.tell("define 7 needs=a", "submit 1 of 7 items=1 warm")

    assert len(stage.gateway.dispatch.lines) == 1


def test_how_long_it_takes_says_nothing_of_the_function() -> None:
    stage = with_workers(1, "submit 1 of 7 items=1 warm")

    stage.tell("made 1 a took=1", "done 1 1#1 took=1")

    assert stage.gateway.functions[LOAD].seconds is None


def test_it_is_not_taken_back_for_who_idles() -> None:
    stage = with_workers(2, "submit 1..2 of 8", "submit 3..4 of 7 items=2 warm", seconds=0.1)

    held = " ".join(f"{number}#1" for number in stage.gateway.workers[2].held)

    turn = stage.turn(f"at 0.1 done 2 {held}")

    assert all("recall" not in line for line in render(turn))


def test_a_policy_that_is_asked_for_each_call_is_asked_again_for_a_backlog() -> None:
    stage = with_workers(2, "made 2 a", "submit 1..4 of 7", seconds=0.1, placement=LeastLoaded())

    held = " ".join(f"{number}#1" for number in stage.gateway.workers[2].held)
    turn = stage.turn(f"at 0.05 done 2 {held}")

    assert [line for line in render(turn) if "recall" in line] == ["worker 1: recall 4#1"]


def test_a_policy_that_is_asked_for_each_call_is_not_asked_for_these() -> None:
    stage = Stage(placement=LeastLoaded())
    stage.tell("start 1", "ready 1", "start 2", "ready 2", "define 7 needs=a", "made 1 a")

    given = runs(stage.turn("submit 1..2 of 7 items=2 warm"))
    assert 2 in given
    assert runs(stage.turn("submit 3 of 7")) != {}
    assert all("recall" not in line for line in render(stage.turn("at 5 ")))


# ---------------------------------------------------------------- inquiries


def test_workers_are_asked_how_often_their_resources_were_used() -> None:
    stage = with_workers(3, "made 1 a bytes=5", "made 2 a")

    assert stage.tell("inquire") == ["worker 1: inquire", "worker 2: inquire"]
    assert stage.tell("inquire") == []  # they have not answered yet
    stage.tell("at 10 inventory 1 a:7:4 b:1:0", "lost 2")
    kits = stage.gateway.ledger.kits
    assert not kits.unanswered
    ((worker, kept),) = kits.listing()
    assert (worker.id, kept.uses, kept.used_at, kept.nbytes) == (1, 7, 6.0, 5)


def test_one_that_is_being_killed_is_not_asked() -> None:
    stage = with_workers(1, "made 1 a", "submit 1 of 8 timeout=1", "at 1 ", "at 2.5 ")

    assert stage.tell("inquire") == []


def test_what_a_worker_says_that_is_gone_comes_late() -> None:
    stage = with_workers(1, "lost 1", "made 1 a", "evicted 1 a", "inventory 1")

    assert not stage.gateway.ledger.kits.resources[b"a"].workers


def test_a_message_that_comes_twice_changes_nothing() -> None:
    stage = with_workers(1, "made 1 a", "made 1 a")

    assert [kept.resource.label for _, kept in stage.gateway.ledger.kits.listing()] == ["a"]


# ---------------------------------------------------------------- levels


@pytest.mark.parametrize(
    ("waits", "work", "until"),
    [([0.0], 0.0, 0.0), ([1.0], 2.0, 3.0), ([0.0, 0.0], 3.0, 1.5), ([5.0, 1.0], 2.0, 3.0)],
)
def test_work_is_dealt_out_to_those_that_are_free_first(
    waits: list[float], work: float, until: float
) -> None:
    assert level(waits, work) == until


def test_there_must_be_somebody_to_deal_it_out_to() -> None:
    with pytest.raises(ValueError, match="there must be a worker"):
        level([], 1.0)


def test_a_function_that_needs_nothing_has_no_kit() -> None:
    stage = with_workers(1)

    assert stage.gateway.functions[PLAIN].kit is None


@pytest.mark.parametrize(
    ("waits", "seconds", "calls", "begins"),
    [
        ([0.0], 1.0, 1, 0.0),
        ([0.0], 1.0, 3, 2.0),
        ([0.0, 0.0, 0.0], 1.0, 3, 0.0),
        ([0.0, 0.0, 0.0], 1.0, 4, 1.0),
        ([0.0, 0.5], 1.0, 3, 1.0),
        ([5.0, 0.0], 1.0, 2, 1.0),
        ([5.0, 4.0], 0.0, 7, 4.0),
    ],
)
def test_the_last_call_begins_when_somebody_is_free_for_it(
    waits: list[float], seconds: float, calls: int, begins: float
) -> None:
    assert last_begins(waits, seconds, calls) == begins


def test_it_is_as_if_each_went_to_whoever_is_free_first() -> None:
    random = Random(1)
    for _ in range(300):
        waits = [random.choice((0.0, random.random() * 3)) for _ in range(random.randint(1, 6))]
        seconds, calls = random.choice((0.1, 0.37, 2.0)), random.randint(1, 20)
        free, begins = sorted(waits), 0.0
        for _ in range(calls):
            begins = heappop(free)
            heappush(free, begins + seconds)

        assert last_begins(waits, seconds, calls) == pytest.approx(begins)


def test_a_function_forgotten_while_others_share_its_kit_leaves_that() -> None:
    stage = with_workers(1, "define 9 needs=a", "release 9")

    assert len(stage.gateway.ledger.kits.kits) == 1


def test_a_call_with_an_input_on_a_node_goes_to_who_has_what_it_needs() -> None:
    stage = with_workers(3, "made 2 a", seconds=0.01)
    give_a_large_value(stage, maker=1)

    assert runs(stage.say(CLIENT, Submit([with_input(5)]))) == {2: [5]}


def test_where_nobody_has_it_the_policy_is_told_what_making_it_takes() -> None:
    stage = with_workers(
        2, "made 1 a took=2", "evicted 1 a", placement=UsersOwn(note_and_take_last)
    )
    NOTED.clear()

    stage.tell("submit 1 of 7", "made 1 a", "submit 2 of 7")

    (call, first), (_, second) = NOTED
    assert call.resources == ("a",)
    assert {(one.lacks, one.build_seconds) for one in first} == {(1, 2.0)}
    assert {one.worker: one.lacks for one in second} == {1: 0, 2: 1}


def test_a_lost_input_of_a_call_in_a_line_is_waited_for() -> None:
    stage = with_workers(1, "made 1 a", "submit 1001..1002 of 8", seconds=0.1)
    give_a_large_value(stage, maker=1)
    stage.say(CLIENT, Submit([with_input(5)]))
    stage.say(CLIENT, Missing(MADE, place_of(MADE)))

    turn = stage.turn("done 1 1001#1")

    assert 5 not in [call for calls in runs(turn).values() for call in calls]


def test_a_lost_input_of_whoever_would_be_let_in_for_is_waited_for() -> None:
    stage = with_workers(1, "submit 1001..1002 of 8", seconds=0.1)
    give_a_large_value(stage, maker=1)
    stage.say(CLIENT, Submit([with_input(5)]))
    stage.say(CLIENT, Missing(MADE, place_of(MADE)))

    turn = stage.turn("start 2", "ready 2")

    assert 5 not in [call for calls in runs(turn).values() for call in calls]


def test_the_last_calls_of_a_line_that_were_cancelled_are_skipped() -> None:
    stage = with_workers(2, "made 1 a took=2", "submit 1..6 of 7", "cancel 6", seconds=0.3)

    assert runs(stage.turn("at 2 ")) == {2: [5]}


def test_what_was_to_be_made_ahead_and_was_cancelled_is_skipped() -> None:
    stage = with_workers(1, "start 2", "submit 1..4 of 7 items=2 warm", "cancel 2")

    assert runs(stage.turn("ready 2")) == {2: [3], 1: [4]}
