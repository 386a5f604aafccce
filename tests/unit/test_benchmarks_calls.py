"""What the benchmarks of calls inside calls send away, run here; and the numbers they divide by."""

from pathlib import Path

import pytest

from benchmarks import inside, trees
from benchmarks.functions import note_run, spin
from benchmarks.workload import WrongResult
from benchmarks.workloads import bogosity


def test_the_tree_has_as_many_calls_as_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    fib = inside.fib

    def counted(n: int) -> int:
        asked.append(n)
        return fib(n)

    monkeypatch.setattr(inside, "fib", counted)
    assert counted(9) == trees.fib(9) == 34
    assert len(asked) == trees.fib_calls(9)


@pytest.mark.parametrize(("calls", "deepest"), [(1, 1), (2, 1), (3, 2), (8, 3), (21_891, 20)])
def test_the_deepest_tree_has_no_more_calls(calls: int, deepest: int) -> None:
    assert trees.deepest_fib(calls) == deepest
    assert trees.fib_calls(deepest) <= calls < trees.fib_calls(deepest + 1)


def test_a_wrong_number_is_no_measurement() -> None:
    trees.check_fib(10, 55)
    with pytest.raises(WrongResult):
        trees.check_fib(10, 54)


def test_the_calls_of_a_tree_of_pure_ones_differ() -> None:
    assert inside.fib_apart(9, "") == trees.fib(9)


def test_girders_jobs_ask_for_160_calls_of_which_16_differ(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    named = inside.bogosity(0.0, bogosity.JOBS, 3, str(notes))
    # Nothing is shared without a pool, so each call that is asked for runs.
    assert notes.stat().st_size == 160
    assert named == bogosity.distinct(3)
    assert (len(bogosity.distinct(3)), len(bogosity.distinct(8))) == (16, 46)
    assert (bogosity.asked(3), bogosity.asked(8)) == (48, 258)


def test_children_give_their_values_in_order() -> None:
    assert inside.spread(5, 0.0) == [0, 1, 2, 3, 4]
    assert spin(7, 0.0) == 7


def test_a_run_is_noted_by_one_byte(tmp_path: Path) -> None:
    for _ in range(3):
        note_run(str(tmp_path / "notes"))
    assert (tmp_path / "notes").stat().st_size == 3
