"""Bugs in what is remembered: when it is told, and whether it is there."""

from collections.abc import Sequence
from typing import Any

from elsewhere.calls.messages import Outcome, Verdict, Written
from elsewhere.gateway import ledger as ledger_module
from elsewhere.gateway.ledger import Ledger
from elsewhere.gateway.records import CallRecord
from elsewhere.store import Acknowledge, Remember
from elsewhere.testing.planted.planting import Patch, planted
from elsewhere.testing.shelf import Done, Row, Shelf


@planted
def a_value_is_told_before_the_store_has_it(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def come_out(
            ledger: Ledger, record: CallRecord, verdict: Verdict, outcome: Outcome
        ) -> None:
            ledger._waits_for_rows = False
            real(ledger, record, verdict, outcome)

        return come_out

    patch.wrap(Ledger, "come_out", make)


@planted
def what_could_not_be_written_is_told_as_if_it_were(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def on_written(ledger: Ledger, message: Written) -> None:
            real(ledger, Written(message.keys))

        return on_written

    patch.wrap(Ledger, "on_written", make)


@planted
def a_word_of_the_store_is_overheard(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def on_written(ledger: Ledger, message: Written) -> None:
            real(ledger, Written(message.keys[1:], message.failure))

        return on_written

    patch.wrap(Ledger, "on_written", make)


@planted
def a_row_is_given_twice(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def come_out(
            ledger: Ledger, record: CallRecord, verdict: Verdict, outcome: Outcome
        ) -> None:
            real(ledger, record, verdict, outcome)
            if record.joined:
                ledger.turn.rows += ledger.turn.rows[-1:]

        return come_out

    patch.wrap(Ledger, "come_out", make)


@planted
def errors_are_remembered_though_nobody_asked_for_it(patch: Patch) -> None:
    def is_remembered(record: CallRecord, verdict: Verdict) -> bool:
        return bool(record.call.key) and verdict in {Verdict.VALUE, Verdict.ERROR}

    patch.set(ledger_module, "is_remembered", is_remembered)


@planted
def a_call_that_was_tried_again_is_not_remembered(patch: Patch) -> None:
    def is_remembered(record: CallRecord, verdict: Verdict) -> bool:
        return bool(record.call.key) and verdict is Verdict.VALUE and not record.failures

    patch.set(ledger_module, "is_remembered", is_remembered)


# The store of the simulated worlds stands for a real one: these bugs show what a real one's would do.


@planted
def the_store_acknowledges_before_it_has_written(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def write(shelf: Shelf, rows: Sequence[Remember], done: Done) -> None:
            done("")
            real(shelf, rows, lambda _: None)

        return write

    patch.wrap(Shelf, "write", make)


@planted
def the_store_acknowledges_before_it_has_synced(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def write_all(shelf: Shelf) -> None:
            level, shelf.acknowledge = shelf.acknowledge, Acknowledge.CRASH
            real(shelf)
            shelf.acknowledge = level

        return write_all

    patch.wrap(Shelf, "_write_all", make)


@planted
def a_failed_write_is_called_done(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def tell(shelf: Shelf, batch: Any, failure: str) -> None:
            real(shelf, batch, "")

        return tell

    patch.wrap(Shelf, "_tell", make)


@planted
def a_restart_forgets_the_latest_row(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def crash(shelf: Shelf, *, power: bool) -> None:
            real(shelf, power=power)
            if shelf._rows:
                shelf._rows.popitem()

        return crash

    patch.wrap(Shelf, "crash", make)


@planted
def a_damaged_row_is_used(patch: Patch) -> None:
    def is_sound(shelf: Shelf, row: Row) -> bool:
        return True

    patch.set(Shelf, "is_sound", is_sound)


@planted
def what_waits_to_be_written_is_not_found(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def get(shelf: Shelf, key: bytes) -> Remember | None:
            return real(shelf, key) if key in shelf._rows else None

        return get

    patch.wrap(Shelf, "get", make)


@planted
def the_value_of_another_key_is_found(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def get(shelf: Shelf, key: bytes) -> Remember | None:
            row: Remember | None = real(shelf, key)
            others = [other.row for other in shelf._rows.values() if other.row.key != key]
            return row if row is None or not others else row._replace(payload=others[0].payload)

        return get

    patch.wrap(Shelf, "get", make)
