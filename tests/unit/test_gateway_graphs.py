"""What the gateway promises of many calls that wait for each other: little memory, bounded steps."""

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from benchmarks.graphs import GRAPHS
from elsewhere.calls.messages import (
    Call,
    Cancel,
    Define,
    Done,
    Input,
    Options,
    Outcome,
    Run,
    Submit,
    ToGateway,
    Verdict,
)
from elsewhere.calls.workers import Ready, Started
from elsewhere.gateway.followers import LOOKS_MAX
from elsewhere.gateway.inputs import FALLEN_MAX
from elsewhere.gateway.invariants import check_invariants
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import CLIENT, ENGINE, Turn
from elsewhere.gateway.room import HELD_CALLS_MAX

CALLS = 10_000
BYTES_PER_CALL_MAX = 1000
PAYLOAD_BYTES = 80
FUNCTION = 1
WORKER = 1


def calls_of(name: str) -> Iterator[Call]:
    options = Options()
    yield Call(1, FUNCTION, bytes(PAYLOAD_BYTES), options)
    for number, inputs in enumerate(GRAPHS[name](CALLS), 2):
        given = tuple([Input(one + 1) for one in inputs])
        yield Call(number, FUNCTION, bytes(PAYLOAD_BYTES), options, inputs=given)


class Driven:
    """A gateway, and a worker that does what it is sent, in order."""

    def __init__(self, name: str) -> None:
        self.gateway = Gateway()
        self.gateway.step(CLIENT, Define(FUNCTION, b"code", "f"), 0.0)
        for call in calls_of(name):
            self.gateway.step(CLIENT, Submit([call]), 0.0)
        self.verdicts: dict[int, Verdict] = {}
        self.given: dict[int, int] = {}
        """by call: how many values it was given when it ran"""
        self.settled_at_once = 0
        self.fails_first = False

    def start(self) -> None:
        self._hear(self.gateway.step(ENGINE, Started(WORKER), 0.0))
        self.run(WORKER, Ready(1))

    def run(self, sender: int, message: ToGateway | None) -> None:
        """Step with this, and with all that follows from it."""
        turn = self.gateway.step(sender, message, 0.0)
        while True:
            outcomes = self._hear(turn)
            if outcomes:
                turn = self.gateway.step(WORKER, Done(outcomes), 0.0)
            elif turn.wake is not None:
                turn = self.gateway.step(ENGINE, None, 0.0)
            else:
                return

    def _hear(self, turn: Turn) -> list[Outcome]:
        self.settled_at_once = max(self.settled_at_once, len(turn.settlements))
        self.verdicts |= {one.call: one.verdict for one in turn.settlements}
        outcomes = []
        for _, message in turn.sends:
            for attempt in message.attempts if isinstance(message, Run) else ():
                self.given[attempt.call] = len(attempt.inputs)
                fails = self.fails_first and attempt.call == 1
                unready = self.fails_first and any(one.fence for one in attempt.inputs)
                verdict = Verdict.ERROR if fails else Verdict.UNREADY if unready else Verdict.VALUE
                outcomes.append(Outcome(attempt.call, attempt.fence, verdict, b"", 0.0, 1e-6))
        return outcomes


@pytest.mark.parametrize("name", GRAPHS)
def test_a_call_that_waits_takes_little_memory(name: str) -> None:
    gc.collect()
    tracemalloc.start()
    try:
        driven = Driven(name)
        traced, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(driven.gateway.calls) == CALLS
    assert traced / CALLS < BYTES_PER_CALL_MAX


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_runs_through_and_every_call_is_given_its_inputs(name: str) -> None:
    driven = Driven(name)
    check_invariants(driven.gateway)

    driven.start()

    assert driven.verdicts == dict.fromkeys(range(1, CALLS + 1), Verdict.VALUE)
    assert driven.given == {call.id: len(call.inputs) for call in calls_of(name)}
    check_invariants(driven.gateway)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_first_call_that_fails_fails_them_all_in_bounded_steps(name: str) -> None:
    driven = Driven(name)
    driven.fails_first = True

    driven.start()

    assert driven.verdicts == dict.fromkeys(range(1, CALLS + 1), Verdict.ERROR)
    assert driven.settled_at_once <= FALLEN_MAX + HELD_CALLS_MAX
    assert not driven.gateway.calls


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_is_taken_back(name: str) -> None:
    driven = Driven(name)

    driven.run(CLIENT, Cancel(list(driven.gateway.calls)))

    assert driven.verdicts == dict.fromkeys(range(1, CALLS + 1), Verdict.CANCELLED)
    assert not driven.gateway.ledger.inputs.waiting


def test_a_step_looks_at_so_many_calls_that_could_be_sent_behind_others_and_asks_for_another() -> (
    None
):
    gateway = Gateway()
    options = Options()
    gateway.step(ENGINE, Started(WORKER), 0.0)
    gateway.step(WORKER, Ready(1), 0.0)
    gateway.step(CLIENT, Define(FUNCTION, b"code", "f"), 0.0)
    gateway.step(CLIENT, Submit([Call(1, FUNCTION, b"", options)]), 0.0)
    gateway.step(WORKER, Done([Outcome(1, 1, Verdict.VALUE, b"", 0.0, 1e-6)]), 0.0)
    # Each needs one that it could be sent behind, and one that it could not.
    many = [
        Call(number, FUNCTION, b"", options, inputs=(Input(2), Input(3)))
        for number in range(5, 5 + LOOKS_MAX)
    ]
    last = Call(4, FUNCTION, b"", options, inputs=(Input(2),))
    # What is remembered is followed by none.
    lead, other = Call(2, FUNCTION, b"", options), Call(3, FUNCTION, b"", options, key=b"k")

    first = gateway.step(CLIENT, Submit([lead, other, *many, last]), 1.0)
    assert _sent(first) == [2, 3]
    assert first.wake == 1.0

    second = gateway.step(ENGINE, None, 1.0)
    assert _sent(second) == [4]
    assert second.wake is None


def _sent(turn: Turn) -> list[int]:
    runs = [message for _, message in turn.sends if isinstance(message, Run)]
    return [attempt.call for run in runs for attempt in run.attempts]
