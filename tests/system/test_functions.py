"""Functions of every kind run on a worker, and what they make comes back as what it is."""

import functools
import operator
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from elsewhere import NotPicklable, Pool
from tests.system import functions


class Counter:
    """Calls of its instances, methods and of itself."""

    unit = "items"

    def __init__(self, start: int) -> None:
        self.start = start

    def __call__(self, more: int) -> int:
        return self.start + more

    def times(self, factor: int) -> int:
        return self.start * factor

    @classmethod
    def in_unit(cls, number: int) -> str:
        return f"{number} {cls.unit}"

    @staticmethod
    def double(number: int) -> int:
        return 2 * number


def make_adder(first: int) -> Callable[[int], int]:
    def add_first(second: int) -> int:
        return first + second

    return add_first


def make_compound(depth: int) -> Callable[[int], int]:
    """A function that closes over a function that closes over one, and so on."""
    if depth == 0:
        return functions.square
    inner = make_compound(depth - 1)
    return lambda number: inner(number) + 1


def is_even(number: int) -> bool:
    return number == 0 or is_odd(number - 1)


def is_odd(number: int) -> bool:
    return number != 0 and is_even(number - 1)


CASES: dict[str, tuple[Callable[..., object], tuple[object, ...], object]] = {
    "of a module": (functions.square, (3,), 9),
    "of a module, by name only": (is_even, (10,), True),
    "nested": (make_adder(4), (3,), 7),
    "nested three deep": (make_compound(3), (2,), 7),
    "a lambda": (lambda number: number * 3, (3,), 9),
    "a bound method": (Counter(5).times, (3,), 15),
    "a class method": (Counter.in_unit, (3,), "3 items"),
    "a static method": (Counter.double, (3,), 6),
    "an unbound method": (Counter.times, (Counter(5), 3), 15),
    "a callable object": (Counter(5), (3,), 8),
    "a partial": (functools.partial(functions.add, 1, 2), (3,), 6),
    "a partial of a closure": (functools.partial(make_adder(4), 5), (), 9),
    "a partial of a partial": (functools.partial(functools.partial(pow, 2), 3), (), 8),
    "a builtin function": (len, ([1, 2],), 2),
    "a builtin class": (int, ("12",), 12),
    "a method of a builtin value": ("a,b".split, (",",), ["a", "b"]),
    "a method of a dictionary": ({1: "one"}.get, (1,), "one"),
    "a method of a builtin class": (str.upper, ("a",), "A"),
    "an operator": (operator.itemgetter(1), ("ab",), "b"),
    "a cached function": (functions.cached_square, (4,), 16),
    "a ufunc": (np.add, (1, 2), 3),
}


@pytest.mark.parametrize("kind", CASES)
def test_a_function_runs_whatever_its_kind(pool: Pool, kind: str) -> None:
    function, args, expected = CASES[kind]

    assert pool.submit(function, *args).result() == expected
    assert list(pool.map(lambda _: function(*args), range(3))) == [expected] * 3


def test_a_function_that_is_mapped_may_be_of_any_kind(pool: Pool) -> None:
    for function in (functions.square, lambda number: number**2, Counter(0), Counter(2).times):
        expected = [function(number) for number in range(5)]
        assert list(pool.map(function, range(5))) == expected


def test_a_class_makes_its_instances_elsewhere(pool: Pool) -> None:
    made = pool.submit(Counter, 5).result()

    assert isinstance(made, Counter)
    assert made.start == 5


def test_a_class_made_inside_a_function_is_the_same_class_when_it_returns(pool: Pool) -> None:
    class Local:
        def __init__(self, number: int) -> None:
            self.number = number

    made = pool.submit(Local, 5).result()

    assert isinstance(made, Local)
    assert made.number == 5
    assert pool.submit(lambda local: isinstance(local, Local), made).result()


def test_keyword_arguments_may_have_any_name(pool: Pool) -> None:
    names = ["fn", "self", "function", "args", "kwargs", "timeout", "retries", "workers"]

    assert pool.submit(dict, **dict.fromkeys(names, 1)).result() == dict.fromkeys(names, 1)


def test_a_call_runs_in_another_process_and_in_its_main_thread(pool: Pool) -> None:
    def describe() -> tuple[int, bool]:
        return os.getpid(), threading.current_thread() is threading.main_thread()

    process, in_main_thread = pool.submit(describe).result()

    assert process != os.getpid()
    assert in_main_thread


def test_workers_keep_their_globals_from_call_to_call() -> None:
    state: dict[str, int] = {}

    def remember(key: str) -> int:
        functions.__dict__.setdefault("REMEMBERED", []).append(key)
        return len(functions.__dict__["REMEMBERED"])

    with Pool(1) as pool:
        assert [pool.submit(remember, "a").result() for _ in range(3)] == [1, 2, 3]
    assert state == {}


@pytest.mark.parametrize("size_bytes", [0, 1, 2**16, 2**20, 2**25 + 1])
def test_arguments_and_results_may_be_large(pool: Pool, size_bytes: int) -> None:
    data = bytes(size_bytes)

    assert pool.submit(functions.identity, data).result() == data


def test_many_large_arguments_at_once_all_arrive(pool: Pool) -> None:
    block = bytes(2**20)

    futures = [pool.submit(len, block + bytes(number)) for number in range(60)]

    assert [future.result() for future in futures] == [2**20 + number for number in range(60)]


def test_arrays_arrive_as_they_were(pool: Pool) -> None:
    matrix = np.arange(10_000.0).reshape(100, 100)

    assert np.array_equal(pool.submit(np.transpose, matrix).result(), matrix.T)


def test_something_not_callable_is_refused_at_once(pool: Pool) -> None:
    with pytest.raises(TypeError, match="callable"):
        pool.submit(3)  # type: ignore[call-overload]  # what the test is about
    with pytest.raises(TypeError, match="callable"):
        pool.map(3, [1])  # type: ignore[arg-type]  # what the test is about


def test_a_function_that_cannot_travel_is_refused_with_the_name_of_the_variable(
    pool: Pool, tmp_path: Path
) -> None:
    with (tmp_path / "log").open("w") as log:

        def write(line: str) -> int:
            return log.write(line)

        with pytest.raises(NotPicklable, match="closure variable 'log'"):
            pool.submit(write, "line").result()
        with pytest.raises(NotPicklable, match="closure variable 'log'"):
            list(pool.map(write, ["line"]))
    assert pool.submit(functions.square, 2).result() == 4
