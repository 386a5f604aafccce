"""Every order of small worlds: A asks for B and C, C for D, D for E, and Z asks for E too."""

import pytest

from elsewhere.gateway.ancestry import Ancestry
from elsewhere.gateway.records import CallRecord
from elsewhere.testing.orders import Stuck, Tree, try_all_orders
from elsewhere.testing.planted import Patch

KEYED: Tree = {"A": "BC", "B": "", "C": "D", "D": "E", "E": "", "Z": "E"}
PLAIN: Tree = {"A": "bc", "b": "", "c": "D", "D": "E", "E": "", "Z": "E"}
SMALL: Tree = {"A": "c", "c": "D", "D": "E", "E": "", "Z": "E"}
GIVEN: Tree = {"A": "bCd+e+", "b": "", "C": "", "d": "", "e": "", "Z": "C"}
CIRCLE: Tree = {"A": "B", "B": "C", "C": "A"}


@pytest.mark.parametrize("tree", [KEYED, PLAIN])
@pytest.mark.parametrize("roots", ["AZ", "ZA"])
def test_one_worker_runs_each_call_once_in_every_order(tree: Tree, roots: str) -> None:
    states, ends = try_all_orders(tree, roots, workers=1)

    assert states > 100
    assert set(ends) == {f"value value; runs {dict.fromkeys(tree, 1)}; circles 0"}


@pytest.mark.parametrize(("tree", "roots"), [(KEYED, "ZA"), (SMALL, "AZ")])
def test_two_workers_run_each_call_once_in_every_order(tree: Tree, roots: str) -> None:
    states, ends = try_all_orders(tree, roots, workers=2)

    assert states > 1000
    assert set(ends) == {f"value value; runs {dict.fromkeys(tree, 1)}; circles 0"}


@pytest.mark.parametrize(("roots", "workers"), [("AZ", 1), ("ZA", 1), ("ZA", 2)])
def test_calls_are_given_what_others_made_in_every_order(roots: str, workers: int) -> None:
    states, ends = try_all_orders(GIVEN, roots, workers)

    assert states > 50
    assert set(ends) == {f"value value; runs {dict.fromkeys(GIVEN, 1)}; circles 0"}


def test_a_value_that_is_not_the_right_one_is_found() -> None:
    with Patch() as patch:
        patch.wrap(
            CallRecord, "input_values", lambda real: lambda record, ahead: real(record, ahead)[::-1]
        )
        with pytest.raises(Stuck, match="was given"):
            try_all_orders(GIVEN, "AZ", 1)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("roots", ["A", "AB"])
def test_a_circle_ends_with_an_error_in_every_order(roots: str, workers: int) -> None:
    _, ends = try_all_orders(CIRCLE, roots, workers)

    assert ends
    for end in ends:
        verdicts, _, circles = end.split("; ")
        assert set(verdicts.split()) == {"error"}
        assert circles != "circles 0"


def test_a_circle_that_nobody_looks_for_is_stuck() -> None:
    with Patch() as patch:
        patch.set(Ancestry, "join", lambda *_: [])
        with pytest.raises(Stuck, match="these are left"):
            try_all_orders(CIRCLE, "A", 1)
