"""Bugs in values that are handed on, and in those that nobody will ask for."""

from collections.abc import Iterable
from typing import Any

from elsewhere.calls.values import Place
from elsewhere.gateway import followers
from elsewhere.gateway.followers import Followers
from elsewhere.gateway.ledger import Ledger
from elsewhere.gateway.records import CallRecord, Turn, WorkerRecord
from elsewhere.gateway.values import ValueRecord, Values
from elsewhere.testing.planted.planting import Patch, planted


@planted
def a_value_is_handed_on_although_its_client_may_ask_for_it(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def hands_on(record: CallRecord) -> bool:
            waived, record.waived = record.waived, True
            found = bool(real(record))
            record.waived = waived
            return found

        return hands_on

    patch.wrap(followers, "_hands_on", make)


@planted
def a_value_is_handed_on_although_another_call_waits_for_it(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def heir(
            following: Followers, record: CallRecord, worker: WorkerRecord
        ) -> CallRecord | None:
            waiting = following._inputs.waiting
            others = waiting.get(record.call.id)
            if others:
                waiting[record.call.id] = others[:1]
            found: CallRecord | None = real(following, record, worker)
            if others:
                waiting[record.call.id] = others
            return found

        return heir

    patch.wrap(Followers, "heir", make)


@planted
def what_was_handed_on_is_thought_to_be_there(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def add(values: Values, number: int, place: Place, maker: int, *rest: Any) -> None:
            real(values, number, place, maker, *rest)
            value = values.kept[number]
            if place.handed_on and value.place is None:
                values._lay(number, value, place, maker)

        return add

    patch.wrap(Values, "add", make)


@planted
def what_nobody_will_ask_for_is_kept_if_a_call_waited_for_it(patch: Patch) -> None:
    def let_unneeded_go(values: Values, number: int, turn: Turn) -> None:
        pass

    patch.set(Values, "let_unneeded_go", let_unneeded_go)


@planted
def what_one_of_several_will_not_ask_for_nobody_has(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def keep(ledger: Ledger, record: CallRecord, place: Place, askers: Iterable[int]) -> None:
            real(ledger, record, place, [] if record.waived else askers)

        return keep

    patch.wrap(Ledger, "_keep", make)


@planted
def a_value_is_let_go_although_the_call_behind_has_not_come_out(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def let_go(values: Values, number: int, value: ValueRecord, turn: Turn) -> None:
            if value.place is None and value.users == 1 and not value.holders:
                value.users = 0
            real(values, number, value, turn)

        return let_go

    patch.wrap(Values, "let_go", make)
