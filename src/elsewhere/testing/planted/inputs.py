"""Bugs in calls that are given the values of others."""

from collections.abc import Iterable, Mapping
from typing import Any

from elsewhere.calls.lifecycle import CallState
from elsewhere.calls.messages import Call, Given, Input, Need, Settlement, Verdict
from elsewhere.calls.values import Value
from elsewhere.gateway.asks import Asks
from elsewhere.gateway.attempts import Attempts
from elsewhere.gateway.inputs import Inputs
from elsewhere.gateway.ledger import Ledger
from elsewhere.gateway.records import CLIENT, CallRecord, WorkerRecord
from elsewhere.testing.planted.planting import Patch, planted


@planted
def one_of_many_that_wait_for_an_input_is_lost(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def settled(inputs: Inputs, number: int, settlement: Settlement) -> None:
            if len(inputs.waiting.get(number, ())) > 2:
                inputs.waiting[number].pop()
            real(inputs, number, settlement)

        return settled

    patch.wrap(Inputs, "settled", make)


@planted
def a_call_is_begun_before_its_last_input_came(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def take(inputs: Inputs, record: CallRecord, number: int, settlement: Settlement) -> None:
            real(inputs, record, number, settlement)
            if record.needs == 1 and len(record.call.inputs) > 3:
                record.needs = 0
                inputs.ready.append(record)

        return take

    patch.wrap(Inputs, "_take", make)


@planted
def what_needs_a_failed_input_waits_on(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def settled(inputs: Inputs, number: int, settlement: Settlement) -> None:
            if settlement.verdict is Verdict.ERROR and settlement.chain:
                inputs.waiting.pop(number, None)
            real(inputs, number, settlement)

        return settled

    patch.wrap(Inputs, "settled", make)


@planted
def an_input_that_is_given_twice_counts_as_two(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def give(ledger: Ledger, message: Given) -> None:
            record = ledger.asks.calls.get(message.call)
            if record is not None and record.state is CallState.WAITING:
                for one in message.inputs:
                    record.learn(one.call, None)
            real(ledger, message)

        return give

    patch.wrap(Ledger, "give", make)


@planted
def inputs_are_handed_on_in_the_order_in_which_they_came(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def input_values(record: CallRecord, ahead: Mapping[int, Value]) -> tuple[Value, ...]:
            by_number = dict(
                zip((one.call for one in record.call.inputs), real(record, ahead), strict=False)
            )
            came = [number for number in record.values if number in by_number]
            return tuple(by_number[number] for number in dict.fromkeys([*came, *by_number]))

        return input_values

    patch.wrap(CallRecord, "input_values", make)


@planted
def the_values_of_an_input_that_failed_and_of_one_that_did_not_are_alike(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def take(inputs: Inputs, record: CallRecord, number: int, settlement: Settlement) -> None:
            verdict = settlement.verdict
            if verdict is Verdict.TIMED_OUT:
                verdict = Verdict.VALUE
            real(inputs, record, number, Settlement(number, verdict, settlement.payload))

        return take

    patch.wrap(Inputs, "_take", make)


@planted
def the_waiting_calls_of_a_lost_worker_are_kept(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def forget(ledger: Ledger, worker: WorkerRecord) -> list[CallRecord]:
            records: list[CallRecord] = real(ledger, worker)
            return [record for record in records if record.state is not CallState.WAITING]

        return forget

    patch.wrap(Ledger, "forget", make)


@planted
def what_needs_a_call_that_was_taken_back_is_not_told(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def withdraw(ledger: Ledger, number: int) -> CallRecord | None:
            waiting = ledger.inputs.waiting.pop(number, [])
            record: CallRecord | None = real(ledger, number)
            if waiting:
                ledger.inputs.waiting[number] = waiting
            return record

        return withdraw

    patch.wrap(Ledger, "withdraw", make)


@planted
def an_input_counts_as_under_way_though_who_asked_has_taken_it_back(patch: Patch) -> None:
    def is_awaited(asks: Asks, number: int) -> bool:
        return asks.find(number) is not None

    patch.set(Asks, "is_awaited", is_awaited)


@planted
def an_input_that_has_joined_another_call_is_not_found(patch: Patch) -> None:
    def is_awaited(asks: Asks, number: int) -> bool:
        record = asks.calls.get(number)
        return record is not None and record.asker is not None

    patch.set(Asks, "is_awaited", is_awaited)


@planted
def inputs_are_asked_of_the_client_whoever_made_the_call(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def open_call(ledger: Ledger, call: Call, asker: int) -> CallRecord | None:
            record: CallRecord | None = real(ledger, call, asker)
            if ledger.turn.sends and isinstance(ledger.turn.sends[-1][1], Need):
                ledger.turn.sends[-1] = CLIENT, ledger.turn.sends[-1][1]
            return record

        return open_call

    patch.wrap(Ledger, "open", make)


@planted
def the_names_of_those_that_needed_each_other_are_lost(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def told_again(settlement: Settlement, call: int, needed_by: str = "") -> Settlement:
            told: Settlement = real(settlement, call, needed_by)
            if len(told.chain) < 2:
                return told
            return Settlement(call, told.verdict, told.payload, chain=told.chain[:1])

        return told_again

    patch.wrap(Settlement, "told_again", make)


@planted
def what_one_step_could_not_settle_is_forgotten(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def settle_fallen(ledger: Ledger) -> bool:
            real(ledger)
            ledger.inputs.fallen.clear()
            return False

        return settle_fallen

    patch.wrap(Ledger, "settle_fallen", make)


@planted
def the_inputs_of_a_call_that_is_queued_again_are_forgotten(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def requeue(attempts: Attempts, record: CallRecord, *, front: bool) -> None:
            real(attempts, record, front=front)
            if record.call.inputs:
                record.values = dict(list(record.values.items())[:-1])

        return requeue

    patch.wrap(Attempts, "requeue", make)


@planted
def a_call_fails_once_for_each_of_its_inputs(patch: Patch) -> None:
    def settle_fallen(ledger: Ledger) -> bool:
        fallen = ledger.inputs.fallen
        while fallen:
            record, cause = fallen.popleft()
            told = cause.told_again(record.call.id, record.function.name)
            if record.state is CallState.SETTLED:
                ledger.answer(record.call.id, record.asker or CLIENT, told)
            else:
                ledger._settle(record, told)
        return False

    patch.set(Ledger, "settle_fallen", settle_fallen)


@planted
def values_that_come_with_a_call_are_not_counted(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def add(inputs: Inputs, record: CallRecord, known: Iterable[bool]) -> list[int]:
            missing: list[int] = real(inputs, record, known)
            brought: list[Input] = [one for one in record.call.inputs if one.settlement]
            if len(brought) > 1:
                record.needs += 1
            return missing

        return add

    patch.wrap(Inputs, "add", make)
