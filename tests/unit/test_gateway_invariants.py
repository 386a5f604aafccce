"""Each invariant is broken by hand, and `check_invariants` says which it was."""

from collections.abc import Callable

import pytest

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.errors import GatewayBug
from elsewhere.gateway.invariants import check_invariants
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import FunctionRecord
from tests.unit.stage import Stage


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
    gateway.functions[8] = FunctionRecord(b"")
    gateway.functions[8].released = True


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


TAMPERING: list[tuple[Callable[[Gateway], None], str]] = [
    (settle_without_forgetting, "a call that the gateway knows is queued or assigned"),
    (lose_from_the_queue, "stands in the queue exactly once"),
    (queue_a_stranger, "what waits in the queue is a call that the gateway knows"),
    (assign_to_nobody, "an assigned call is held by its worker"),
    (hold_for_another, "what a worker holds is assigned to it"),
    (count_wrongly, "the function of every live call is known"),
    (remember_a_released_function, "a released function without live calls is forgotten"),
    (disagree_about_a_function, "who was sent a function and who it was sent to agree"),
    (let_a_worker_idle, "no ready worker idles while calls wait"),
    (sort_wrongly, "workers are sorted by what they hold"),
    (remember_a_worker_that_is_gone, "nothing is known of a worker that is gone"),
    (run_what_is_not_first, "a worker's running call is the first that it holds"),
    (miscount_bytes, "the bytes that a worker holds are counted"),
]


@pytest.mark.parametrize(("tamper", "sentence"), TAMPERING)
def test_a_broken_invariant_is_named(tamper: Callable[[Gateway], None], sentence: str) -> None:
    stage = Stage()
    stage.tell("start 1", "ready 1", "define 7", "submit 1 2 3 4 5 of 7")

    tamper(stage.gateway)

    with pytest.raises(GatewayBug, match=sentence):
        check_invariants(stage.gateway)


def test_a_gateway_that_is_sound_passes() -> None:
    stage = Stage()
    stage.tell("start 1", "ready 1", "define 7", "submit 1 2 3 of 7", "cancel 1 interrupt")

    check_invariants(stage.gateway)

    assert stage.gateway.workers[1].state is WorkerState.READY
