"""What a function captures: a check holds as long as encoding it again would give the same."""

import functools
import math
import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import pytest

from elsewhere.codec.captured import check_of, is_importable
from tests.unit import functions
from tests.unit.functions import Point, in_module


def script(source: str) -> dict[str, Any]:
    """The globals of a script, whose functions no worker can import."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(source, space)
    return space


def holds_until(function: Callable[..., Any], change: Callable[[], object]) -> bool:
    """Whether the check of a function holds before the change and not after it."""
    check = check_of(function)
    assert check is not None
    assert check(function)
    change()
    return not check(function)


USES = """
import math
size = 1
def helper(x=1): return x + size + depth()
def depth(): return 0
def unused(): return 5
def f(x=helper, *, y=helper, z=2): return [helper(x) for _ in range(math.ceil(late()))]
"""


@pytest.mark.parametrize(
    "change",
    [
        "size = 2",
        "del size",
        "def helper(x=1): return x + size + depth()",
        "helper = 5",
        "del helper",
        "def depth(): return 0",
        "import cmath as math",
        "late = print",
        "range = list",
        "f.__defaults__ = (1,)",
        "f.__kwdefaults__ = {'y': 1, 'z': 2}",
        "f.__kwdefaults__['y'] = 3",
        "del f.__kwdefaults__['y']",
        "f.__code__ = unused.__code__",
        "f.counter = 1",
        "helper.counter = 1",
        "helper.__defaults__ = (5,)",
        "depth.__code__ = unused.__code__",
    ],
)
def test_a_change_is_noticed(change: str) -> None:
    space = script(USES)
    assert holds_until(space["f"], lambda: exec(change, space))


@pytest.mark.parametrize("change", ["other = 1", "unused.x = 2", "sizes = 3"])
def test_a_change_of_something_else_is_not(change: str) -> None:
    space = script(USES)
    assert not holds_until(space["f"], lambda: exec(change, space))


def test_a_closure_variable_that_is_reassigned_or_deleted_is_noticed() -> None:
    def make() -> tuple[Callable[[], int], Callable[[], None], Callable[[], None]]:
        x = 1

        def change() -> None:
            nonlocal x
            x = 2

        def delete() -> None:
            nonlocal x
            del x

        return lambda: x, change, delete

    function, change, _ = make()
    assert holds_until(function, change)
    function, _, delete = make()
    assert holds_until(function, delete)
    assert check_of(function) is None  # a variable without a value: who knows what comes


def test_functions_that_call_each_other_are_checked_once() -> None:
    space = script("def even(n): return n == 0 or odd(n - 1)\ndef odd(n): return n and even(n - 1)")
    assert not holds_until(space["even"], lambda: None)
    assert holds_until(space["even"], lambda: exec("def odd(n): return 1", space))


def test_functions_in_a_tuple_are_looked_into() -> None:
    space = script("size = 1\ndef g(): return size\npair = (g, 1)\ndef f(): return pair[0]()")
    assert holds_until(space["f"], lambda: exec("size = 2", space))
    space = script("def g(): return 1\npair = (g, 1)\ndef f(): return pair[0]()")
    assert holds_until(space["f"], lambda: exec("pair = (g, 1, 2)", space))


@pytest.mark.parametrize(
    "value",
    [
        5, 1.5, 1j, "a", b"a", None, ..., NotImplemented, True, range(3), slice(1, 2),
        (1, (2, "x")), frozenset({1, "a"}), math, math.sqrt, len, str.upper, dict.fromkeys,
        int.__add__, Point, in_module,
    ],
    ids=repr,
)  # fmt: skip
def test_what_cannot_change_is_compared_by_identity(value: object) -> None:
    def function() -> object:
        return value

    check = check_of(function)
    assert check is not None
    assert check(function)
    value = object()
    assert not check(function)


def with_attribute() -> Callable[[], None]:
    function = FunctionType((lambda: None).__code__, {"__name__": "__main__"})
    function.count = 1  # type: ignore[attr-defined]  # that is what is tested
    return function


@pytest.mark.parametrize(
    "value",
    [
        [], {}, set(), ([],), (1, (2, [])), slice([], 1), Point(1, 2), {}.get, [].append,
        functools.partial(abs), ModuleType("made_here"), with_attribute(), object(),
        bytearray(), frozenset({functools.partial(abs)}),
    ],
    ids=repr,
)  # fmt: skip
def test_what_can_change_in_place_is_not_watched(value: object) -> None:
    assert check_of(lambda: value) is None
    assert check_of(lambda x=value: x) is None

    def keyword(*, x: object = value) -> object:
        return x

    assert check_of(keyword) is None
    assert check_of(script("def f(): return value")["f"]) is not None
    space = script("def f(): return value")
    space["value"] = value
    assert check_of(space["f"]) is None


def test_callables_that_are_no_functions_are_not_watched_unless_they_are_fixed() -> None:
    assert check_of(functools.partial(abs)) is None
    assert check_of({}.get) is None
    check = check_of(math.sqrt)
    assert check is not None
    assert check(math.sqrt)


def test_importable_is_what_a_worker_finds_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_importable(in_module)
    assert is_importable(Point.norm)
    assert is_importable(Point)
    assert not is_importable(lambda: None)
    assert not is_importable(functools.partial(in_module))
    assert not is_importable(script("def f(): pass")["f"])
    monkeypatch.setattr(functions, "in_module", None)
    assert not is_importable(in_module)
    monkeypatch.setattr(functions, "__spec__", None)
    assert not is_importable(Point)
    monkeypatch.delitem(sys.modules, functions.__name__)
    assert not is_importable(Point)


GIVEN = """
from typing import Annotated
from elsewhere import Depends
rate = 1
def helper(): return rate
def load(n=1): return helper()
Loaded = Annotated[int, Depends(load, 2)]
def by_default(x, m=Depends(load, 3)): return x
def by_annotation(x, m: Annotated[int, Depends(load)]): return x
def by_text(x, m: "Loaded"): return x
def changeable(x, m: Annotated[int, Depends(load, [])]): return x
"""


@pytest.mark.parametrize("name", ["by_default", "by_annotation", "by_text"])
def test_what_a_function_is_given_is_watched(name: str) -> None:
    space = script(GIVEN)
    check = check_of(space[name])
    assert check is not None
    assert check(space[name])
    space["rate"] = 2
    assert not check(space[name])


def test_a_name_in_an_annotation_is_watched() -> None:
    space = script(GIVEN)
    other = script(GIVEN)["Loaded"]
    assert holds_until(space["by_text"], lambda: space.update(Loaded=other))


def test_arguments_of_a_provider_that_could_change_in_place_cannot_be_watched() -> None:
    assert check_of(script(GIVEN)["changeable"]) is None
