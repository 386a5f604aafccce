"""Bugs in which worker is given a call."""

from collections.abc import Iterable, Sequence
from typing import Any

from elsewhere.calls.lifecycle import WorkerState
from elsewhere.calls.messages import Verdict
from elsewhere.gateway import dispatch as dispatch_module
from elsewhere.gateway.dispatch import Dispatch
from elsewhere.gateway.ledger import Ledger
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.placement import (
    CallToPlace,
    Candidate,
    Fastest,
    LeastLoaded,
    Locality,
    RoundRobin,
)
from elsewhere.gateway.placer import Placer
from elsewhere.gateway.records import CallRecord, Turn, WorkerRecord
from elsewhere.testing.planted.planting import Patch, planted


@planted
def locality_ignores_what_waiting_costs(patch: Patch) -> None:
    def place(policy: Locality, call: CallToPlace, candidates: Sequence[Candidate]) -> Candidate:
        return min(candidates, key=lambda one: (one.move_seconds, one.worker))

    patch.set(Locality, "place", place)


@planted
def workers_without_room_are_offered(patch: Patch) -> None:
    def can_take(worker: WorkerRecord) -> bool:
        return worker.state is WorkerState.READY

    patch.set(dispatch_module, "can_take", can_take)


@planted
def a_worker_whose_backlog_was_called_back_is_offered(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def choose(
            placer: Placer,
            record: CallRecord,
            inputs: Any,
            workers: Iterable[WorkerRecord],
            now: float,
        ) -> WorkerRecord:
            stuck = [one for one in placer._workers.values() if one.stuck and one.held]
            chosen: WorkerRecord = real(placer, record, inputs, [*workers, *stuck], now)
            return chosen

        return choose

    patch.wrap(Placer, "choose", make)


@planted
def round_robin_forgets_its_turn(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def place(
            policy: RoundRobin, call: CallToPlace, candidates: Sequence[Candidate]
        ) -> Candidate:
            chosen: Candidate = real(policy, call, candidates)
            if chosen is candidates[-1]:
                policy._latest = 0
            return chosen

        return place

    patch.wrap(RoundRobin, "place", make)


@planted
def least_loaded_counts_calls_and_not_their_time(patch: Patch) -> None:
    def place(policy: LeastLoaded, call: CallToPlace, candidates: Sequence[Candidate]) -> Candidate:
        return min(candidates, key=lambda one: (one.held, one.worker))

    patch.set(LeastLoaded, "place", place)


@planted
def fastest_takes_the_slowest(patch: Patch) -> None:
    def place(policy: Fastest, call: CallToPlace, candidates: Sequence[Candidate]) -> Candidate:
        return min(
            candidates, key=lambda one: ((one.wait_seconds + call.seconds) * one.speed, one.worker)
        )

    patch.set(Fastest, "place", place)


@planted
def a_call_goes_elsewhere_than_the_policy_says(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def choose(
            placer: Placer,
            record: CallRecord,
            inputs: Any,
            workers: Iterable[WorkerRecord],
            now: float,
        ) -> WorkerRecord:
            offered = list(workers)
            real(placer, record, inputs, offered, now)
            return offered[0]

        return choose

    patch.wrap(Placer, "choose", make)


@planted
def calls_inside_calls_are_not_placed_by_the_policy(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def serve(
            dispatch: Dispatch, worker: WorkerRecord, share: int, turn: Turn, now: float
        ) -> list[WorkerRecord]:
            wanted, dispatch.placer.every_call = dispatch.placer.every_call, False
            given: list[WorkerRecord] = real(dispatch, worker, share, turn, now)
            dispatch.placer.every_call = wanted
            return given

        return serve

    patch.wrap(Dispatch, "serve", make)


@planted
def a_call_that_could_not_be_placed_is_dropped(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def settle(
            ledger: Ledger, record: CallRecord, verdict: Verdict, *args: Any, **how: Any
        ) -> None:
            if verdict is not Verdict.MISPLACED:
                real(ledger, record, verdict, *args, **how)

        return settle

    patch.wrap(Ledger, "settle", make)


@planted
def what_needs_a_call_that_could_not_be_placed_waits_for_the_next_message(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def step(gateway: Gateway, *args: Any) -> Turn:
            turn: Turn = real(gateway, *args)
            if any(one.verdict is Verdict.MISPLACED for one in turn.settlements):
                turn.wake = None
            return turn

        return step

    patch.wrap(Gateway, "step", make)


@planted
def how_long_a_worker_is_busy_is_what_was_thought_at_first(patch: Patch) -> None:
    def wait_seconds(worker: WorkerRecord, now: float) -> float:
        return worker.ahead

    patch.set(WorkerRecord, "wait_seconds", wait_seconds)
