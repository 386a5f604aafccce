"""Bugs in what becomes of calls, attempts and workers.

Most were real in some version of the machine, or are what a careless change would make.
"""

import math
from collections.abc import Iterable
from typing import Any

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.calls.messages import Attempt, Cancel, Done, Kept, Outcome, Returned, Verdict
from elsewhere.calls.workers import Exit, Started
from elsewhere.gateway import attempts as attempts_module
from elsewhere.gateway import limits
from elsewhere.gateway.assigning import Assigning
from elsewhere.gateway.attempts import Attempts
from elsewhere.gateway.blame import Blame
from elsewhere.gateway.dispatch import Dispatch
from elsewhere.gateway.ledger import Ledger
from elsewhere.gateway.limits import Limits
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
from elsewhere.testing.planted.planting import Patch, planted


@planted
def the_fence_of_an_outcome_is_not_looked_at(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def on_done(
            attempts: Attempts, worker: WorkerRecord, outcomes: Iterable[Outcome], now: float
        ) -> None:
            held = worker.held
            real(
                attempts,
                worker,
                [
                    Outcome(o.call, held[o.call].fence, o.verdict, o.payload, o.started, o.elapsed)
                    for o in outcomes
                    if o.call in held
                ],
                now,
            )

        return on_done

    patch.wrap(Attempts, "on_done", make)


@planted
def the_fence_of_a_returned_attempt_is_not_looked_at(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def on_returned(
            attempts: Attempts, worker: WorkerRecord, message: Returned, now: float
        ) -> None:
            held = worker.held
            returned = [(call, held[call].fence) for call, _ in message.returned if call in held]
            real(attempts, worker, Returned(returned, message.kept), now)

        return on_returned

    patch.wrap(Attempts, "on_returned", make)


@planted
def an_outcome_of_a_worker_that_is_gone_is_accepted(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def take_in(gateway: Gateway, sender: int, message: Any) -> None:
            real(gateway, sender, message)
            late = isinstance(message, Done) and sender not in gateway.workers
            for outcome in message.outcomes if late else []:
                record = gateway.calls.get(outcome.call)
                if record is not None and record.state is CallState.ASSIGNED:
                    gateway.ledger.settle(record, outcome.verdict, outcome.payload)

        return take_in

    patch.wrap(Gateway, "_take_in", make)


@planted
def an_outcome_settles_its_call_twice(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def settle(ledger: Ledger, record: CallRecord, *args: Any, **options: Any) -> None:
            real(ledger, record, *args, **options)
            if record.deaths and ledger.turn.settlements:
                ledger.turn.settlements.append(ledger.turn.settlements[-1])

        return settle

    patch.wrap(Ledger, "settle", make)


@planted
def what_a_lost_worker_held_is_not_queued_again(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def requeue(attempts: Attempts, record: CallRecord, *, front: bool) -> None:
            real(attempts, record, front=front)
            if front and attempts.dispatch.queue[0] is record:
                attempts.dispatch.queue.popleft()

        return requeue

    patch.wrap(Attempts, "requeue", make)


@planted
def every_call_of_a_lost_worker_is_blamed(patch: Patch) -> None:
    def blame_it(
        record: CallRecord, how: Exit, blame: Blame, now: float, *, blamed: bool
    ) -> Verdict | None:
        return after_loss(record, how, blame, now, blamed=True)

    patch.set(attempts_module, "after_loss", blame_it)


@planted
def a_death_counts_though_others_show_that_it_came_from_outside(patch: Patch) -> None:
    patch.set(Blame, "own_deaths", lambda _, record: record.deaths)


@planted
def a_death_is_excused_though_nothing_shows_that_it_came_from_outside(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def count(blame: Blame, record: CallRecord, how: Exit, now: float) -> None:
            real(blame, record, how, now)
            blame.strays += 1

        return count

    patch.wrap(Blame, "count", make)


@planted
def a_call_is_blamed_though_the_gateway_had_its_worker_killed(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def on_lost(gateway: Gateway, number: int, how: Exit) -> None:
            if number in gateway.workers:
                gateway.workers[number].killed = False
            real(gateway, number, how)

        return on_lost

    patch.wrap(Gateway, "_on_lost", make)


@planted
def nobody_is_ever_blamed(patch: Patch) -> None:
    def blame_none(
        record: CallRecord, how: Exit, blame: Blame, now: float, *, blamed: bool
    ) -> Verdict | None:
        return after_loss(record, how, blame, now, blamed=False)

    patch.set(attempts_module, "after_loss", blame_none)


@planted
def a_function_is_never_forgotten(patch: Patch) -> None:
    def forget_unused(ledger: Ledger, function: FunctionRecord) -> None:
        return None

    patch.set(Ledger, "_forget_unused", forget_unused)


@planted
def a_function_is_forgotten_before_its_last_call(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def forget_unused(ledger: Ledger, function: FunctionRecord) -> None:
            live, function.live = function.live, max(0, function.live - 1)
            real(ledger, function)
            function.live = live

        return forget_unused

    patch.wrap(Ledger, "_forget_unused", make)


@planted
def the_code_is_sent_with_every_call(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def attempt(
            assigning: Assigning, record: CallRecord, worker: WorkerRecord, *rest: Any, **how: bool
        ) -> Attempt:
            worker.functions.discard(record.call.function)
            made: Attempt = real(assigning, record, worker, *rest, **how)
            return made

        return attempt

    patch.wrap(Assigning, "_attempt", make)


@planted
def a_cancel_of_an_assigned_call_is_lost(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def on_cancel(gateway: Gateway, message: Cancel) -> None:
            queued = [
                number
                for number in message.calls
                if number in gateway.calls and gateway.calls[number].state is CallState.QUEUED
            ]
            real(gateway, Cancel(queued, message.interrupt))

        return on_cancel

    patch.wrap(Gateway, "_on_cancel", make)


@planted
def a_call_that_is_being_cancelled_is_tried_again(patch: Patch) -> None:
    def after(record: CallRecord, outcome: Outcome) -> Verdict | None:
        record.cancelling = False
        return after_outcome(record, outcome)

    patch.set(attempts_module, "after_outcome", after)


@planted
def a_settled_call_is_called_kept(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def on_returned(
            attempts: Attempts, worker: WorkerRecord, message: Returned, now: float
        ) -> None:
            real(attempts, worker, message, now)
            open_calls = attempts.ledger.asks.calls
            settled = [call for call, _ in message.kept if call not in open_calls]
            if settled:
                attempts.ledger.turn.sends.append((CLIENT, Kept(settled)))

        return on_returned

    patch.wrap(Attempts, "on_returned", make)


@planted
def a_retry_is_not_counted(patch: Patch) -> None:
    def after(record: CallRecord, outcome: Outcome) -> Verdict | None:
        failures = record.failures
        verdict = after_outcome(record, outcome)
        record.failures = failures
        return verdict

    patch.set(attempts_module, "after_outcome", after)


@planted
def one_retry_too_many_is_made(patch: Patch) -> None:
    def after(record: CallRecord, outcome: Outcome) -> Verdict | None:
        failed = outcome.verdict is Verdict.ERROR
        if failed and record.failures == record.call.options.retries:
            record.failures += 1
            return None
        return after_outcome(record, outcome)

    patch.set(attempts_module, "after_outcome", after)


@planted
def the_budget_of_a_worker_is_ignored(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def on_started(gateway: Gateway, number: int, node: int) -> None:
            real(gateway, number, node)
            for worker in gateway.workers.values():
                worker.tasks_left = None

        return on_started

    patch.wrap(Gateway, "_on_started", make)


@planted
def a_worker_comes_back_from_the_dead(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def step(gateway: Gateway, sender: int, message: Any, now: float) -> Turn:
            if isinstance(message, Started) and message.worker not in gateway.workers:
                gateway.workers_started = message.worker - 1
            turn: Turn = real(gateway, sender, message, now)
            return turn

        return step

    patch.wrap(Gateway, "step", make)


@planted
def a_worker_is_killed_before_its_grace_is_over(patch: Patch) -> None:
    patch.set(limits, "GRACE_SECONDS", 0.25)


@planted
def a_worker_that_does_not_yield_is_not_killed(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def grant_grace(self: Limits, worker: WorkerRecord, record: CallRecord, now: float) -> None:
            real(self, worker, record, now)
            record.yield_by = math.inf

        return grant_grace

    patch.wrap(Limits, "_grant_grace", make)


@planted
def only_the_first_head_has_a_time_limit(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def set_moment(self: Limits, worker: WorkerRecord, record: CallRecord, when: float) -> None:
            if record.fence == 1:
                real(self, worker, record, when)

        return set_moment

    patch.wrap(Limits, "_set", make)


@planted
def work_is_taken_from_a_worker_though_nobody_idles(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def run(dispatch: Dispatch, turn: Turn, now: float) -> list[WorkerRecord]:
            given: list[WorkerRecord] = real(dispatch, turn, now)
            if dispatch.laden and not dispatch.queue and not dispatch.idle:
                dispatch._rob(turn, now)
            return given

        return run

    patch.wrap(Dispatch, "run", make)


@planted
def nobody_is_robbed(patch: Patch) -> None:
    def rob(dispatch: Dispatch, turn: Turn, now: float) -> bool:
        return True

    patch.set(Dispatch, "_rob", rob)


@planted
def a_ready_worker_is_overlooked(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def update(dispatch: Dispatch, worker: WorkerRecord) -> None:
            real(dispatch, worker)
            if worker.state is WorkerState.READY and len(dispatch.idle) > 1:
                dispatch.idle.pop(worker.id, None)

        return update

    patch.wrap(Dispatch, "update", make)


@planted
def the_machine_does_not_say_when_to_wake_it(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def step(gateway: Gateway, sender: int, message: Any, now: float) -> Turn:
            turn: Turn = real(gateway, sender, message, now)
            turn.wake = None
            return turn

        return step

    patch.wrap(Gateway, "step", make)


@planted
def one_failed_start_fails_all_that_waits(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def fail_unstartable(gateway: Gateway, failure: bytes, how: Exit | None) -> None:
            workers, gateway.workers = gateway.workers, {}
            gateway.starts_lost += 3
            real(gateway, failure, how)
            gateway.workers = workers

        return fail_unstartable

    patch.wrap(Gateway, "_fail_unstartable", make)


@planted
def a_cancelled_call_that_begins_late_may_run_for_ever(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def grant_grace(self: Limits, worker: WorkerRecord, record: CallRecord, now: float) -> None:
            if record.stopping is Stopping.NOT:
                real(self, worker, record, now)

        return grant_grace

    patch.wrap(Limits, "_grant_grace", make)
