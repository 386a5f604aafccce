"""Bugs in who asked for what, in calls inside calls, and in circles."""

from collections.abc import Iterable
from typing import Any

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.calls.messages import Answer, Call, Settlement
from elsewhere.calls.workers import Exit
from elsewhere.gateway import dispatch as dispatch_module
from elsewhere.gateway import invariants
from elsewhere.gateway.ancestry import Ancestry
from elsewhere.gateway.asks import Asks
from elsewhere.gateway.attempts import Attempts
from elsewhere.gateway.blame import Blame
from elsewhere.gateway.dispatch import Dispatch
from elsewhere.gateway.ledger import Ledger
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import CLIENT, CallRecord, Stopping, Turn, WorkerRecord
from elsewhere.testing.planted.planting import Patch, planted


@planted
def only_the_first_who_asked_is_told(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def remove(asks: Asks, record: CallRecord) -> list[tuple[int, int]]:
            askers: list[tuple[int, int]] = real(asks, record)
            return askers[:1]

        return remove

    patch.wrap(Asks, "remove", make)


@planted
def a_claim_is_given_up_when_a_worker_dies(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def requeue(attempts: Attempts, record: CallRecord, *, front: bool) -> None:
            real(attempts, record, front=front)
            if front:
                attempts.ledger.asks.claims.pop(record.call.key, None)

        return requeue

    patch.wrap(Attempts, "requeue", make)


@planted
def a_claim_outlives_a_call_that_failed(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def remove(asks: Asks, record: CallRecord) -> list[tuple[int, int]]:
            askers: list[tuple[int, int]] = real(asks, record)
            if record.failures and record.call.key:
                asks.claims[record.call.key] = record
            return askers

        return remove

    patch.wrap(Asks, "remove", make)


@planted
def equal_keys_are_not_claimed(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def open_call(ledger: Ledger, call: Call, asker: int) -> CallRecord | None:
            claimed = ledger.asks.claims.pop(call.key, None)
            record: CallRecord | None = real(ledger, call, asker)
            if claimed is not None:
                ledger.asks.claims[call.key] = claimed
            return record

        return open_call

    patch.wrap(Ledger, "open", make)


@planted
def what_a_dead_worker_asked_for_is_kept(patch: Patch) -> None:
    def forget(ledger: Ledger, worker: WorkerRecord) -> list[CallRecord]:
        return []

    patch.set(Ledger, "forget", forget)


@planted
def what_nobody_wants_is_tried_again(patch: Patch) -> None:
    def requeue(attempts: Attempts, record: CallRecord, *, front: bool) -> None:
        record.become(CallState.QUEUED)
        record.worker = 0
        record.stopping = Stopping.NOT
        queue = attempts.dispatch.queue
        (queue.appendleft if front else queue.append)(record)

    patch.set(Attempts, "requeue", requeue)


@planted
def who_took_a_call_back_waits_for_who_joins_it(patch: Patch) -> None:
    def let_go(ledger: Ledger, record: CallRecord) -> None:
        record.cancelling = False

    patch.set(Ledger, "_let_go", let_go)


@planted
def a_withdrawal_takes_the_call_from_all(patch: Patch) -> None:
    def withdraw(ledger: Ledger, number: int) -> CallRecord | None:
        record = ledger.asks.find(number)
        return None if record is None or record.state is CallState.WRITING else record

    patch.set(Ledger, "withdraw", withdraw)


@planted
def an_answer_goes_to_the_first_worker(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def answer(ledger: Ledger, number: int, peer: int, settlement: Settlement) -> None:
            real(ledger, number, peer, settlement)
            if peer != CLIENT and ledger.turn.sends:
                _, message = ledger.turn.sends[-1]
                if isinstance(message, Answer):
                    ledger.turn.sends[-1] = (min(ledger._workers, default=peer), message)

        return answer

    patch.wrap(Ledger, "answer", make)


@planted
def the_circle_check_looks_one_level_up_only(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def join(ancestry: Ancestry, record: CallRecord, asker: int) -> list[CallRecord]:
            parent = ancestry._calls.get(asker)
            near = parent is None or parent is record or record.call.id in parent.parents
            circle: list[CallRecord] = real(ancestry, record, asker)
            return circle if near else []

        return join

    patch.wrap(Ancestry, "join", make)


@planted
def circles_are_not_looked_for(patch: Patch) -> None:
    def join(ancestry: Ancestry, record: CallRecord, asker: int) -> list[CallRecord]:
        return []

    patch.set(Ancestry, "join", join)


@planted
def the_ranks_are_not_dealt_anew(patch: Patch) -> None:
    def deal_anew(
        ancestry: Ancestry, above: dict[int, CallRecord], below: dict[int, CallRecord]
    ) -> None:
        return None

    patch.set(Ancestry, "_deal_anew", deal_anew)


@planted
def a_parked_call_is_taken_for_the_one_that_runs(patch: Patch) -> None:
    def park(worker: WorkerRecord, record: CallRecord) -> None:
        return None

    patch.set(WorkerRecord, "park", park)


@planted
def a_resumed_call_goes_behind_what_its_worker_holds(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def resume(worker: WorkerRecord, record: CallRecord) -> None:
            real(worker, record)
            if record.call.id in worker.held:
                worker.held.move_to_end(record.call.id)

        return resume

    patch.wrap(WorkerRecord, "resume", make)


@planted
def time_runs_on_for_what_was_passed_over(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def resume(worker: WorkerRecord, record: CallRecord) -> None:
            head = worker.head()
            due = None if head is None else head.due
            real(worker, record)
            if head is not None:
                head.due = due

        return resume

    patch.wrap(WorkerRecord, "resume", make)


@planted
def what_was_parked_dies_with_its_worker(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def on_lost(gateway: Gateway, number: int, how: Any) -> None:
            if number in gateway.workers:
                gateway.workers[number].parked.clear()
            real(gateway, number, how)

        return on_lost

    patch.wrap(Gateway, "_on_lost", make)


@planted
def who_asked_for_what_kills_is_not_to_blame(patch: Patch) -> None:
    def find(blame: Blame, worker: WorkerRecord, how: Exit, now: float) -> set[int]:
        return set() if worker.killed else {how.running}

    patch.set(Blame, "find", find)


@planted
def a_worker_that_leaves_takes_nothing_for_what_it_has_parked(patch: Patch) -> None:
    def may_take(worker: WorkerRecord) -> bool:
        return worker.state is WorkerState.READY

    patch.set(dispatch_module, "may_take", may_take)
    patch.set(invariants, "may_take", may_take)


@planted
def nobody_is_asked_to_share(patch: Patch) -> None:
    def ask_to_share(dispatch: Dispatch, turn: Turn) -> None:
        return None

    patch.set(Dispatch, "_ask_to_share", ask_to_share)


@planted
def a_worker_is_asked_to_share_though_nobody_idles(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def run(dispatch: Dispatch, turn: Turn, now: float) -> Iterable[WorkerRecord]:
            given: Iterable[WorkerRecord] = real(dispatch, turn, now)
            if not dispatch.idle:
                dispatch._ask_to_share(turn)
            return given

        return run

    patch.wrap(Dispatch, "run", make)
