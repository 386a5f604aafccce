"""Bugs in values that lie where they were made, are lost, and are made again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from elsewhere.calls.messages import Attempt, Settlement, Verdict
from elsewhere.calls.values import Free, Place, Value
from elsewhere.calls.wire import replace
from elsewhere.gateway import attempts, ledger
from elsewhere.gateway.assigning import Assigning
from elsewhere.gateway.inputs import Inputs
from elsewhere.gateway.ledger import Ledger
from elsewhere.gateway.recipes import Recipe, Recipes
from elsewhere.gateway.records import CLIENT, STORE, CallRecord, Turn
from elsewhere.gateway.remaking import Remaking
from elsewhere.gateway.values import ValueRecord, Values
from elsewhere.testing.planted.planting import Patch, planted


@planted
def what_was_put_is_freed_although_something_was_made_from_it(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def let_go(values: Values, number: int, value: ValueRecord, turn: Turn) -> None:
            place = value.place
            if place is not None and value.lineage and not (value.is_needed or value.moving):
                values._take_away(number, value)
                turn.sends.append((CLIENT, Free([place])))
            real(values, number, value, turn)

        return let_go

    patch.wrap(Values, "let_go", make)


@planted
def a_lost_value_is_made_again_for_each_who_asks(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def open_again(remaking: Remaking, value: ValueRecord, recipe: Recipe) -> None:
            real(remaking, value, recipe)
            value.remaking = False

        return open_again

    patch.wrap(Remaking, "_open", make)


@planted
def a_call_is_given_the_place_that_its_input_was_settled_with(patch: Patch) -> None:
    def values_of(
        inputs: Inputs, record: CallRecord, ahead: Mapping[int, Value]
    ) -> tuple[Value, ...]:
        return record.input_values(ahead)

    patch.set(Inputs, "values_of", values_of)


@planted
def a_report_of_a_place_where_a_value_is_no_more_counts(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def lose(values: Values, number: int, place: Place) -> None:
            value = values.kept.get(number)
            real(values, number, place if value is None or value.place is None else value.place)

        return lose

    patch.wrap(Values, "lose", make)


@planted
def who_did_not_find_a_value_is_not_told_when_it_is_there_again(patch: Patch) -> None:
    def tell(remaking: Remaking, value: ValueRecord, settlement: Settlement, turn: Turn) -> None:
        value.askers.clear()

    patch.set(Remaking, "_tell_askers", tell)


@planted
def a_call_that_misses_several_inputs_goes_on_with_the_first(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def found(inputs: Inputs, value: ValueRecord) -> None:
            for record in value.waiting:
                record.needs = 1
            real(inputs, value)

        return found

    patch.wrap(Inputs, "found", make)


@planted
def how_a_value_was_made_is_forgotten_when_it_is_lost(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def lose(values: Values, number: int, place: Place) -> None:
            real(values, number, place)
            values.recipes.forget(number)

        return lose

    patch.wrap(Values, "lose", make)


@planted
def how_a_value_was_made_is_never_forgotten(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def forget(recipes: Recipes, number: int) -> None:
            if recipes.nbytes > recipes.bytes_max:  # else whoever makes room would never end
                real(recipes, number)

        return forget

    patch.wrap(Recipes, "forget", make)


@planted
def what_a_value_was_made_from_is_not_counted(patch: Patch) -> None:
    patch.set(Recipe, "placed", lambda recipe: [])


@planted
def a_worker_that_still_refers_to_a_value_is_not_noted(patch: Patch) -> None:
    def hold(values: Values, peer: int, numbers: Iterable[int]) -> None:
        return None

    patch.set(Values, "hold", hold)


@planted
def an_attempt_that_misses_an_input_has_failed(patch: Patch) -> None:
    patch.set(attempts, "NOT_BEGUN", frozenset({Verdict.UNREADY}))


@planted
def a_value_is_removed_once_it_was_moved(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def moved(values: Values, number: int, place: Place, turn: Turn, *, done: bool) -> None:
            real(values, number, place, turn, done=done)
            values.resting.pop(number, None)
            value = values.kept.get(number)
            if value is not None and done and value.place is not None:
                turn.sends.append((CLIENT, Free([value.place], reusable=False)))

        return moved

    patch.wrap(Values, "moved", make)


@planted
def a_value_that_was_made_again_is_counted_twice(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def find_again(values: Values, number: int, settlement: Settlement) -> ValueRecord:
            value: ValueRecord = real(values, number, settlement)
            values.nbytes += 0 if settlement.place is None else settlement.place.nbytes
            return value

        return find_again

    patch.wrap(Values, "find_again", make)


@planted
def who_joined_is_not_told_under_which_number_a_shared_value_is_kept(patch: Patch) -> None:
    patch.set(ledger, "replace", lambda told, **changes: told)


@planted
def a_shared_value_is_not_kept_while_it_is_written(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def keep(books: Ledger, record: CallRecord, place: Place, askers: Sequence[int]) -> None:
            if STORE not in askers:
                real(books, record, place, askers)

        return keep

    patch.wrap(Ledger, "_keep", make)


@planted
def the_store_never_lets_a_value_go(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def drop(values: Values, peer: int, numbers: Iterable[int], turn: Turn) -> None:
            if peer != STORE:
                real(values, peer, numbers, turn)

        return drop

    patch.wrap(Values, "drop", make)


@planted
def what_is_made_again_is_claimed_and_remembered_again(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def begin(recipe: Recipe, record: CallRecord) -> None:
            real(recipe, record)
            recipe.call = record.call

        return begin

    patch.wrap(Recipe, "__init__", make)


@planted
def what_is_remembered_travels_no_more(patch: Patch) -> None:
    def make(real: Any) -> Any:
        def attempt(*given: Any, **how: bool) -> Attempt:
            made: Attempt = real(*given, **how)
            return replace(made, remembered=False)

        return attempt

    patch.wrap(Assigning, "_attempt", make)
