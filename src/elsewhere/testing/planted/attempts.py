"""Bugs to plant in the machine, each with the promise or invariant that it breaks.

Most were real in some version of the machine, or are what a careless change would make.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.calls.messages import (
    Attempt,
    Cancel,
    Exit,
    Kept,
    Outcome,
    Returned,
    Started,
    Verdict,
)
from elsewhere.gateway import machine
from elsewhere.gateway.dispatch import Dispatch
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import (
    CLIENT,
    CallRecord,
    FunctionRecord,
    Stopping,
    Turn,
    WorkerRecord,
)
from elsewhere.gateway.verdicts import after_loss, after_outcome

Plant = Callable[[pytest.MonkeyPatch], None]
PLANTED: dict[str, Plant] = {}


def planted(plant: Plant) -> Plant:
    PLANTED[plant.__name__.replace("_", " ")] = plant
    return plant


def wrap(patch: pytest.MonkeyPatch, owner: type, name: str, make: Callable[[Any], Any]) -> None:
    """Replace a method by what `make` makes of it."""
    patch.setattr(owner, name, make(getattr(owner, name)))


@planted
def the_fence_of_an_outcome_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def on_done(gateway: Gateway, number: int, outcomes: Iterable[Outcome]) -> None:
            worker = gateway.workers.get(number)
            held = {} if worker is None else worker.held
            real(
                gateway,
                number,
                [replace(o, fence=held[o.call].fence) for o in outcomes if o.call in held],
            )

        return on_done

    wrap(patch, Gateway, "_on_done", make)


@planted
def the_fence_of_a_returned_attempt_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def on_returned(gateway: Gateway, number: int, message: Returned) -> None:
            worker = gateway.workers.get(number)
            held = {} if worker is None else worker.held
            returned = [(call, held[call].fence) for call, _ in message.returned if call in held]
            real(gateway, number, Returned(returned, message.kept))

        return on_returned

    wrap(patch, Gateway, "_on_returned", make)


@planted
def an_outcome_of_a_worker_that_is_gone_is_accepted(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def on_done(gateway: Gateway, number: int, outcomes: list[Outcome]) -> None:
            real(gateway, number, outcomes)
            for outcome in outcomes if number not in gateway.workers else []:
                record = gateway.calls.get(outcome.call)
                if record is not None and outcome.verdict is Verdict.VALUE:
                    gateway._settle(record, Verdict.VALUE, outcome.payload)

        return on_done

    wrap(patch, Gateway, "_on_done", make)


@planted
def an_outcome_settles_its_call_twice(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def settle(gateway: Gateway, record: CallRecord, *args: Any, **options: Any) -> None:
            real(gateway, record, *args, **options)
            if record.deaths:
                gateway._turn.settlements.append(gateway._turn.settlements[-1])

        return settle

    wrap(patch, Gateway, "_settle", make)


@planted
def what_a_lost_worker_held_is_not_queued_again(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def requeue(gateway: Gateway, record: CallRecord, *, front: bool) -> None:
            real(gateway, record, front=front)
            if front and gateway.queue[0] is record:
                gateway.queue.popleft()

        return requeue

    wrap(patch, Gateway, "_requeue", make)


@planted
def every_call_of_a_lost_worker_is_blamed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(machine, "after_loss", lambda record, _: after_loss(record, record.call.id))


@planted
def a_call_is_blamed_though_the_gateway_had_its_worker_killed(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def on_lost(gateway: Gateway, number: int, how: Exit) -> None:
            if number in gateway.workers:
                gateway.workers[number].killed = False
            real(gateway, number, how)

        return on_lost

    wrap(patch, Gateway, "_on_lost", make)


@planted
def nobody_is_ever_blamed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(machine, "after_loss", lambda record, _: after_loss(record, 0))


@planted
def a_function_is_never_forgotten(patch: pytest.MonkeyPatch) -> None:
    def forget_unused(gateway: Gateway, number: int, function: FunctionRecord) -> None:
        return None

    patch.setattr(Gateway, "_forget_unused", forget_unused)


@planted
def a_function_is_forgotten_before_its_last_call(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def forget_unused(gateway: Gateway, number: int, function: FunctionRecord) -> None:
            live, function.live = function.live, max(0, function.live - 1)
            real(gateway, number, function)
            function.live = live

        return forget_unused

    wrap(patch, Gateway, "_forget_unused", make)


@planted
def the_code_is_sent_with_every_call(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def assign(
            dispatch: Dispatch, record: CallRecord, worker: WorkerRecord, turn: Turn
        ) -> Attempt:
            worker.functions.discard(record.call.function)
            attempt: Attempt = real(dispatch, record, worker, turn)
            return attempt

        return assign

    wrap(patch, Dispatch, "_assign", make)


@planted
def a_cancel_of_an_assigned_call_is_lost(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def on_cancel(gateway: Gateway, message: Cancel) -> None:
            queued = [
                number
                for number in message.calls
                if number in gateway.calls and gateway.calls[number].state is CallState.QUEUED
            ]
            real(gateway, Cancel(queued, message.interrupt))

        return on_cancel

    wrap(patch, Gateway, "_on_cancel", make)


@planted
def a_call_that_is_being_cancelled_is_tried_again(patch: pytest.MonkeyPatch) -> None:
    def after(record: CallRecord, outcome: Outcome) -> Verdict | None:
        record.cancelling = False
        return after_outcome(record, outcome)

    patch.setattr(machine, "after_outcome", after)


@planted
def a_settled_call_is_called_kept(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def on_returned(gateway: Gateway, number: int, message: Returned) -> None:
            real(gateway, number, message)
            settled = [call for call, _ in message.kept if call not in gateway.calls]
            if settled:
                gateway._send(CLIENT, Kept(settled))

        return on_returned

    wrap(patch, Gateway, "_on_returned", make)


@planted
def a_retry_is_not_counted(patch: pytest.MonkeyPatch) -> None:
    def after(record: CallRecord, outcome: Outcome) -> Verdict | None:
        failures = record.failures
        verdict = after_outcome(record, outcome)
        record.failures = failures
        return verdict

    patch.setattr(machine, "after_outcome", after)


@planted
def one_retry_too_many_is_made(patch: pytest.MonkeyPatch) -> None:
    def after(record: CallRecord, outcome: Outcome) -> Verdict | None:
        failed = outcome.verdict is Verdict.ERROR
        if failed and record.failures == record.call.options.retries:
            record.failures += 1
            return None
        return after_outcome(record, outcome)

    patch.setattr(machine, "after_outcome", after)


@planted
def the_budget_of_a_worker_is_ignored(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def on_started(gateway: Gateway, message: int) -> None:
            real(gateway, message)
            for worker in gateway.workers.values():
                worker.tasks_left = None

        return on_started

    wrap(patch, Gateway, "_on_started", make)


@planted
def a_worker_comes_back_from_the_dead(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def step(gateway: Gateway, sender: int, message: Any, now: float) -> Turn:
            if isinstance(message, Started) and message.worker not in gateway.workers:
                gateway.workers_started = message.worker - 1
            turn: Turn = real(gateway, sender, message, now)
            return turn

        return step

    wrap(patch, Gateway, "step", make)


@planted
def a_worker_is_killed_before_its_grace_is_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("elsewhere.gateway.machine.GRACE_SECONDS", 0.25)


@planted
def a_worker_that_does_not_yield_is_not_killed(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def grant_grace(gateway: Gateway, worker: WorkerRecord, record: CallRecord) -> None:
            real(gateway, worker, record)
            record.yield_by = math.inf

        return grant_grace

    wrap(patch, Gateway, "_grant_grace", make)


@planted
def only_the_first_head_has_a_time_limit(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def set_deadline(
            gateway: Gateway, worker: WorkerRecord, record: CallRecord, seconds: float
        ) -> None:
            if record.fence == 1:
                real(gateway, worker, record, seconds)

        return set_deadline

    wrap(patch, Gateway, "_set_deadline", make)


@planted
def work_is_taken_from_a_worker_though_nobody_idles(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def run(dispatch: Dispatch, turn: Turn, now: float) -> list[WorkerRecord]:
            given: list[WorkerRecord] = real(dispatch, turn, now)
            if dispatch.laden and not dispatch.queue and not dispatch.idle:
                dispatch._rob(turn, now)
            return given

        return run

    wrap(patch, Dispatch, "run", make)


@planted
def nobody_is_robbed(patch: pytest.MonkeyPatch) -> None:
    def rob(dispatch: Dispatch, turn: Turn, now: float) -> None:
        return None

    patch.setattr(Dispatch, "_rob", rob)


@planted
def a_ready_worker_is_overlooked(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def update(dispatch: Dispatch, worker: WorkerRecord) -> None:
            real(dispatch, worker)
            if worker.state is WorkerState.READY and len(dispatch.idle) > 1:
                dispatch.idle.pop(worker.id, None)

        return update

    wrap(patch, Dispatch, "update", make)


@planted
def the_machine_does_not_say_when_to_wake_it(patch: pytest.MonkeyPatch) -> None:
    def wake(gateway: Gateway) -> None:
        return None

    patch.setattr(Gateway, "_wake", wake)


@planted
def one_failed_start_fails_all_that_waits(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def fail_unstartable(gateway: Gateway, failure: bytes, how: Exit | None) -> None:
            workers, gateway.workers = gateway.workers, {}
            gateway.starts_lost += 3
            real(gateway, failure, how)
            gateway.workers = workers

        return fail_unstartable

    wrap(patch, Gateway, "_fail_unstartable", make)


@planted
def a_cancelled_call_that_begins_late_may_run_for_ever(patch: pytest.MonkeyPatch) -> None:
    def make(real: Any) -> Any:
        def grant_grace(gateway: Gateway, worker: WorkerRecord, record: CallRecord) -> None:
            if record.stopping is Stopping.NOT:
                real(gateway, worker, record)

        return grant_grace

    wrap(patch, Gateway, "_grant_grace", make)
