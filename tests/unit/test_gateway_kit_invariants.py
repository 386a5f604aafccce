"""Each invariant of resources is broken by hand, and `check_invariants` says which it was."""

from collections.abc import Callable

import pytest

from elsewhere.errors import GatewayBug
from elsewhere.gateway.invariants import check_invariants
from elsewhere.gateway.kit import Kit, ResourceRecord
from elsewhere.gateway.machine import Gateway
from tests.unit.stage import Stage


def have_what_is_not_known(gateway: Gateway) -> None:
    gateway.ledger.kits.resources[b"a"].workers.clear()


def be_known_to_have_nothing(gateway: Gateway) -> None:
    gateway.workers[1].resources.clear()


def forget_a_resource(gateway: Gateway) -> None:
    del gateway.ledger.kits.resources[b"a"]


def remember_a_resource(gateway: Gateway) -> None:
    gateway.ledger.kits.resources[b"z"] = ResourceRecord(b"z", "z")


def know_it_twice(gateway: Gateway) -> None:
    kits = gateway.ledger.kits
    twin = ResourceRecord(b"a", "a")
    twin.kits, twin.workers = 1, {1: None}
    kits.resources[b"a"] = twin


def forget_a_kit(gateway: Gateway) -> None:
    kits = gateway.ledger.kits
    kits.kits.clear()
    kits.resources[b"a"].kits = 0


def miscount_functions(gateway: Gateway) -> None:
    next(iter(gateway.ledger.kits.kits.values())).functions += 1


def miscount_users(gateway: Gateway) -> None:
    next(iter(gateway.ledger.kits.kits.values())).users[1] += 1


def stand_in_the_wrong_line(gateway: Gateway) -> None:
    (line,) = gateway.dispatch.lines.all()
    line.kit = Kit(line.kit.resources)


def warm_in_the_wrong_line(gateway: Gateway) -> None:
    (line,) = gateway.dispatch.lines.all()
    line.warming.append(line.calls.pop())


def stand_in_the_queue(gateway: Gateway) -> None:
    (line,) = gateway.dispatch.lines.all()
    gateway.queue.append(line.calls.pop())
    gateway.dispatch.held_back = True  # or it would first be said that somebody idles


def miscount_what_is_stale(gateway: Gateway) -> None:
    (line,) = gateway.dispatch.lines.all()
    line.stale += 1


def let_who_has_it_idle(gateway: Gateway) -> None:
    gateway.workers[2].resources[b"a"] = gateway.workers[1].resources[b"a"]
    gateway.ledger.kits.resources[b"a"].workers[2] = None


def wait_for_who_is_gone(gateway: Gateway) -> None:
    gateway.ledger.kits.unanswered.add(9)


TAMPERING: list[tuple[Callable[[Gateway], None], str]] = [
    (have_what_is_not_known, "what a worker has and who has it agree"),
    (be_known_to_have_nothing, "what a worker has and who has it agree"),
    (forget_a_resource, "a resource is known as long as a kit or a worker has it"),
    (remember_a_resource, "a resource is known as long as a kit or a worker has it"),
    (know_it_twice, "a resource is known as long as a kit or a worker has it"),
    (forget_a_kit, "a kit is known as long as a function needs it"),
    (miscount_functions, "a kit is known as long as a function needs it"),
    (miscount_users, "who holds calls that need a kit is counted there"),
    (stand_in_the_wrong_line, "what stands in a line needs its kit"),
    (warm_in_the_wrong_line, "what stands in a line needs its kit"),
    (stand_in_the_queue, "what stands in a line needs its kit"),
    (miscount_what_is_stale, "of what stands in a line it is counted how much was settled"),
    (let_who_has_it_idle, "no ready worker idles that has what a call in a line needs"),
    (wait_for_who_is_gone, "only workers that are there"),
]


@pytest.mark.parametrize(("tamper", "sentence"), TAMPERING)
def test_a_broken_invariant_of_resources_is_named(
    tamper: Callable[[Gateway], None], sentence: str
) -> None:
    stage = Stage()
    stage.tell("start 1", "ready 1", "start 2", "ready 2", "define 7 needs=a", "made 1 a took=9")
    stage.gateway.functions[7].seconds = 0.1
    stage.tell("submit 1..5 of 7", "at 0.01 ")

    tamper(stage.gateway)

    with pytest.raises(GatewayBug, match=sentence):
        check_invariants(stage.gateway)


def test_while_too_many_lines_wait_not_all_are_looked_at() -> None:
    stage = Stage()
    stage.tell("start 1", "ready 1", "start 2", "ready 2", "define 6")
    stage.gateway.functions[6].seconds = 0.1
    stage.tell("submit 1..2 of 6", "submit 3 of 6", "made 1 a took=9")
    for number in range(70):
        stage.tell(f"made 1 r{number} took=9", f"define {100 + number} needs=r{number}")
        stage.tell(f"submit {10 + number} of {100 + number}")

    check_invariants(stage.gateway)

    assert len(stage.gateway.dispatch.lines) > 64
