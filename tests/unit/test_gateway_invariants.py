"""Each invariant is broken by hand, and `check_invariants` says which it was."""

from collections.abc import Callable

import pytest

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.calls.messages import Call, Options, Settlement, Verdict
from elsewhere.calls.values import Missing
from elsewhere.errors import GatewayBug
from elsewhere.gateway.invariants import check_invariants
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import CLIENT, CallRecord, FunctionRecord
from tests.unit.stage import Stage
from tests.unit.value_stage import ValueStage, brought, call, large, place_of


def settle_without_forgetting(gateway: Gateway) -> None:
    gateway.calls[1].state = CallState.SETTLED


def lose_from_the_queue(gateway: Gateway) -> None:
    gateway.queue.clear()


def queue_a_stranger(gateway: Gateway) -> None:
    del gateway.calls[5]
    gateway.functions[7].live -= 1


def assign_to_nobody(gateway: Gateway) -> None:
    gateway.calls[1].worker = 9


def hold_for_another(gateway: Gateway) -> None:
    record = gateway.calls.pop(1)
    gateway.functions[7].live -= 1
    record.state = CallState.SETTLED
    record.worker = 2


def count_wrongly(gateway: Gateway) -> None:
    gateway.functions[7].live += 1


def remember_a_released_function(gateway: Gateway) -> None:
    gateway.functions[8] = FunctionRecord(8, b"", "f")


def disagree_about_a_function(gateway: Gateway) -> None:
    gateway.functions[7].workers.clear()


def let_a_worker_idle(gateway: Gateway) -> None:
    gateway.dispatch.idle[1] = gateway.workers[1]


def sort_wrongly(gateway: Gateway) -> None:
    gateway.dispatch.laden.clear()


def remember_a_worker_that_is_gone(gateway: Gateway) -> None:
    gateway.dispatch.laden[9] = gateway.workers[1]


def run_what_is_not_first(gateway: Gateway) -> None:
    gateway.workers[1].running = gateway.calls[2]


def miscount_bytes(gateway: Gateway) -> None:
    gateway.workers[1].held_bytes += 1


def park_what_is_held(gateway: Gateway) -> None:
    gateway.workers[1].parked[1] = gateway.calls[1]


def queue_what_nobody_wants(gateway: Gateway) -> None:
    gateway.calls[5].asker = None


def write_without_a_key(gateway: Gateway) -> None:
    record = gateway.calls[6]
    record.state = CallState.WRITING
    gateway.queue.remove(record)
    record.outcome = Settlement(7, Verdict.VALUE)


def lose_a_claim(gateway: Gateway) -> None:
    gateway.ledger.asks.claims.clear()


def claim_for_a_stranger(gateway: Gateway) -> None:
    gateway.ledger.asks.claims[b"other"] = CallRecord(
        Call(9, 7, b"", Options()), gateway.functions[7], CLIENT, 99
    )


def forget_who_joined(gateway: Gateway) -> None:
    gateway.calls[6].joined = None


def join_without_being_found(gateway: Gateway) -> None:
    gateway.ledger.asks.joined.clear()


def forget_what_a_worker_asked_for(gateway: Gateway) -> None:
    gateway.workers[1].asks.clear()


def rank_a_child_before_its_parent(gateway: Gateway) -> None:
    gateway.calls[50].rank = 0


def forget_a_child(gateway: Gateway) -> None:
    gateway.calls[1].asked = ()


def forget_a_parent(gateway: Gateway) -> None:
    gateway.calls[50].parents = ()


def wait_for_nobody(gateway: Gateway) -> None:
    gateway.calls[9].asker = None


def miscount_inputs(gateway: Gateway) -> None:
    gateway.calls[9].needs = 1


def wait_though_all_is_there(gateway: Gateway) -> None:
    record = gateway.calls[9]
    record.values = {number: Settlement(number, Verdict.VALUE) for number in (3, 8)}
    record.needs = 0


def begin_too_early(gateway: Gateway) -> None:
    gateway.calls[9].state = CallState.QUEUED
    gateway.queue.append(gateway.calls[9])


def leave_what_is_ready(gateway: Gateway) -> None:
    gateway.ledger.inputs.ready.append(gateway.calls[9])


def lose_who_waits(gateway: Gateway) -> None:
    gateway.ledger.inputs.waiting[3].clear()


def wait_for_what_is_over(gateway: Gateway) -> None:
    gateway.ledger.inputs.waiting[99] = []


def leave_what_has_fallen(gateway: Gateway) -> None:
    gateway.calls[9].learn(3, Settlement(3, Verdict.ERROR))


TAMPERING: list[tuple[Callable[[Gateway], None], str]] = [
    (
        settle_without_forgetting,
        "a call that the gateway knows is waiting, queued, assigned or being written",
    ),
    (lose_from_the_queue, "stands in the queue exactly once"),
    (queue_a_stranger, "what waits in the queue is a call that the gateway knows"),
    (assign_to_nobody, "an assigned call is held or parked by its worker"),
    (hold_for_another, "what a worker holds or has parked is assigned to it"),
    (count_wrongly, "the function of every live call is known"),
    (remember_a_released_function, "a released function without live calls is forgotten"),
    (disagree_about_a_function, "who was sent a function and who it was sent to agree"),
    (let_a_worker_idle, "no ready worker idles while calls wait"),
    (sort_wrongly, "workers are sorted by what they hold"),
    (remember_a_worker_that_is_gone, "nothing is known of a worker that is gone"),
    (run_what_is_not_first, "a worker's running call is the first that it holds"),
    (park_what_is_held, "a worker holds nothing that it has parked"),
    (queue_what_nobody_wants, "a call that has not begun is wanted by somebody"),
    (wait_for_nobody, "a call that has not begun is wanted by somebody"),
    (miscount_inputs, "what a call needs are those of its inputs that have no value"),
    (wait_though_all_is_there, "a call waits exactly as long as it needs an input"),
    (begin_too_early, "a call waits exactly as long as it needs an input"),
    (leave_what_is_ready, "a call waits exactly as long as it needs an input"),
    (lose_who_waits, "a waiting call is found by each of its inputs that is under way"),
    (wait_for_what_is_over, "no call waits for an input of which nobody will hear"),
    (leave_what_has_fallen, "a waiting call of which an input has failed is about to be settled"),
    (write_without_a_key, "what is being written has a key and an outcome of its own"),
    (lose_a_claim, "a key is claimed by the one call that has it"),
    (claim_for_a_stranger, "a key is claimed by the one call that has it"),
    (forget_who_joined, "who has joined a call and what each has joined agree"),
    (join_without_being_found, "who has joined a call and what each has joined agree"),
    (forget_what_a_worker_asked_for, "the calls that a worker waits for are those that it asked"),
    (rank_a_child_before_its_parent, "the rank of a call is more than that of every call"),
    (forget_a_child, "what was asked for inside a call and inside which it was asked for agree"),
    (forget_a_parent, "what was asked for inside a call and inside which it was asked for agree"),
    (miscount_bytes, "the bytes that a worker holds are counted"),
]


@pytest.mark.parametrize(("tamper", "sentence"), TAMPERING)
def test_a_broken_invariant_is_named(tamper: Callable[[Gateway], None], sentence: str) -> None:
    stage = Stage()
    stage.tell("start 1", "ready 1", "define 7", "submit 1 2 3 4 5 of 7", "submit 6 8 of 7 key=k")
    stage.tell("submit 50 of 7 by=1 parent=1", "submit 9 of 7 inputs=3,8")

    tamper(stage.gateway)

    with pytest.raises(GatewayBug, match=sentence):
        check_invariants(stage.gateway)


def test_a_gateway_that_is_sound_passes() -> None:
    stage = Stage()
    stage.tell("start 1", "ready 1", "define 7", "submit 1 2 3 of 7", "cancel 1 interrupt")

    check_invariants(stage.gateway)

    assert stage.gateway.workers[1].state is WorkerState.READY


def forget_what_is_needed(gateway: Gateway) -> None:
    gateway.ledger.values.kept[1].lineage = 0


def remember_how_nothing_was_made(gateway: Gateway) -> None:
    recipes = gateway.ledger.values.recipes
    recipes.kept[99] = recipes.kept.pop(2)


def exceed_the_memory_for_recipes(gateway: Gateway) -> None:
    gateway.ledger.values.recipes.bytes_max = 1


def miscount_memory(gateway: Gateway) -> None:
    gateway.ledger.values.nbytes += 1


def keep_what_nobody_needs(gateway: Gateway) -> None:
    gateway.ledger.values.kept[3].holders.clear()


def forget_that_a_value_is_made_again(gateway: Gateway) -> None:
    gateway.ledger.values.kept[2].remaking = False


def say_that_a_value_is_made_again(gateway: Gateway) -> None:
    gateway.ledger.values.kept[1].remaking = True


def wait_for_what_is_there(gateway: Gateway) -> None:
    gateway.ledger.values.kept[1].askers.add(CLIENT)


VALUE_TAMPERING: list[tuple[Callable[[Gateway], None], str]] = [
    (forget_what_is_needed, "a value is known as long as it may be needed to make another one"),
    (remember_how_nothing_was_made, "how a value was made is known while anything is known of it"),
    (exceed_the_memory_for_recipes, "how a value was made is known while anything is known of it"),
    (miscount_memory, "the bytes of values and recipes are counted"),
    (keep_what_nobody_needs, "nothing lies there that only what can be made again needs"),
    (forget_that_a_value_is_made_again, "the gateway itself asks for just those calls again"),
    (say_that_a_value_is_made_again, "the gateway itself asks for just those calls again"),
    (wait_for_what_is_there, "who waits for a lost value will hear of it"),
]


@pytest.mark.parametrize(("tamper", "sentence"), VALUE_TAMPERING)
def test_a_broken_invariant_of_values_is_named(
    tamper: Callable[[Gateway], None], sentence: str
) -> None:
    stage = ValueStage()
    stage.submit(call(1))
    stage.done(1, large(1))
    stage.submit(call(3))
    stage.done(1, large(3))
    stage.submit(call(4, brought(3)))
    stage.done(1, large(4))
    stage.submit(call(2, brought(1)))
    stage.done(1, large(2))
    stage.say(CLIENT, Missing(2, place_of(2)))
    stage.done(1)

    tamper(stage.gateway)

    with pytest.raises(GatewayBug, match=sentence):
        check_invariants(stage.gateway)
