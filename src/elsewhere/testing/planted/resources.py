"""Bugs in what is thought of resources, and in who is given calls that need them."""

from collections.abc import Sequence
from typing import Any

from elsewhere.calls.lifecycle import CallState
from elsewhere.calls.resources import Inventory, Made
from elsewhere.gateway import builds as builds_module
from elsewhere.gateway import warmth as warmth_module
from elsewhere.gateway.builds import Builds
from elsewhere.gateway.kit import Kit
from elsewhere.gateway.kits import Kits
from elsewhere.gateway.lines import Line
from elsewhere.gateway.records import CallRecord, FunctionRecord, WorkerRecord
from elsewhere.gateway.waiting import Waiting
from elsewhere.gateway.warmth import Warmth
from elsewhere.testing.planted.planting import Patch, planted


@planted
def what_calls_need_is_of_no_account(patch: Patch) -> None:
    def _put(waiting: Waiting, record: CallRecord, *, front: bool) -> None:
        (waiting.queue.appendleft if front else waiting.queue.append)(record)

    patch.set(Waiting, "_put", _put)


@planted
def whoever_idles_is_let_in(patch: Patch) -> None:
    patch.set(Warmth, "_is_worth", lambda *args: True)


@planted
def making_something_costs_nothing(patch: Patch) -> None:
    patch.set(Builds, "seconds", lambda builds, kit, worker, now: 0.0)


@planted
def nobody_is_let_in_while_anybody_has_it(patch: Patch) -> None:
    patch.set(Warmth, "_is_worth", lambda *args: False)


@planted
def it_is_not_looked_again_whether_a_line_is_worth_it(patch: Patch) -> None:
    patch.set(Warmth, "_look_by", lambda warmth, when, now: None)


@planted
def those_that_have_it_are_passed_over(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def near(builds: Builds, kit: Kit, now: float) -> list[WorkerRecord]:
            found: list[WorkerRecord] = real(builds, kit, now)
            return [one for one in found if kit.missing(one.resources)]

        return near

    patch.wrap(Builds, "near", make)


@planted
def what_is_given_up_is_still_thought_to_be_there(patch: Patch) -> None:
    patch.set(Kits, "_on_evicted", lambda kits, worker, digest: None)


@planted
def a_worker_that_is_gone_keeps_what_it_has(patch: Patch) -> None:
    patch.set(Kits, "on_lost", lambda kits, worker: None)


@planted
def what_is_being_made_is_thought_to_be_there(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def enter(kit: Kit, worker: int) -> None:
            real(kit, worker)
            for resource in kit.resources:
                resource.workers[worker] = None

        return enter

    patch.wrap(Kit, "enter", make)


@planted
def everybody_is_thought_to_have_what_one_has_made(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def on_made(kits: Kits, worker: WorkerRecord, message: Made, now: float) -> None:
            for one in kits._workers.values():
                real(kits, one, message, now)

        return on_made

    patch.wrap(Kits, "_on_made", make)


@planted
def a_kit_is_forgotten_with_the_first_of_its_functions(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def forget(kits: Kits, function: FunctionRecord) -> None:
            if function.kit is not None:
                function.kit.functions = 1
            real(kits, function)

        return forget

    patch.wrap(Kits, "forget", make)


@planted
def an_inventory_is_not_taken_as_the_answer(patch: Patch) -> None:
    def on_inventory(kits: Kits, worker: WorkerRecord, message: Inventory, now: float) -> None:
        return None

    patch.set(Kits, "_on_inventory", on_inventory)


@planted
def what_leaves_a_worker_is_still_counted_as_needing_its_kit(patch: Patch) -> None:
    patch.set(Kit, "leave", lambda kit, worker: None)


@planted
def a_line_forgets_who_waits_behind_what_was_cancelled(patch: Patch) -> None:
    def first(line: Line) -> CallRecord | None:
        record = line.calls[0] if line.calls else None
        return record if record is not None and record.state is CallState.QUEUED else None

    patch.set(Line, "first", first)


@planted
def calls_that_make_something_ahead_wait_for_ever(patch: Patch) -> None:
    patch.set(warmth_module, "_may_be_warm", lambda worker: False)


@planted
def a_worker_that_leaves_takes_nothing_from_lines(patch: Patch) -> None:
    patch.set(builds_module, "can_take", lambda worker: False)


@planted
def a_line_is_thought_to_take_ten_times_as_long_as_it_does(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def last_begins(waits: Sequence[float], seconds: float, calls: int) -> float:
            return 10.0 * float(real(waits, seconds, calls))

        return last_begins

    patch.wrap(warmth_module, "last_begins", make)
