"""The parts of a key have names, and say which of them has changed."""

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

import elsewhere
from elsewhere.keys.key import key_of
from elsewhere.keys.origin import PYTHON
from elsewhere.keys.parts import SHOWN_MAX, Parts, differences, explain, parts_of

TEXT = """
import numpy
RATE = 2
class A:
    x = 1
def g(x): return x * RATE
def f(x, y=3): return g(x) + A().x + numpy.sum(y)
"""


@pytest.fixture
def space() -> Iterator[dict[str, Any]]:
    module = sys.modules["parted"] = types.ModuleType("parted")
    exec(TEXT, vars(module))
    yield vars(module)
    del sys.modules["parted"]


def test_every_part_has_a_kind_and_a_name(space: dict[str, Any]) -> None:
    import numpy as np

    made = parts_of(space["f"], (1,))
    assert {(part.kind, part.name, part.shown) for part in made.parts} >= {
        ("python", "Python", PYTHON),
        ("argument", "x", "1"),
        ("argument", "y", "3"),
        ("constant", "parted.RATE", "2"),
        ("class", "parted.A", ""),
        ("library", "numpy", f"numpy {np.__version__}"),
    }
    functions = [part.name for part in made.parts if part.kind == "function"]
    assert sorted(functions) == ["parted.f", "parted.g"]
    assert made.key == key_of(space["f"], (1,))
    assert len({(part.kind, part.name) for part in made.parts}) == len(made.parts)


@pytest.mark.parametrize(
    ("change", "arguments", "told"),
    [
        ("", (2,), "  argument  x  changed: 1 -> 2"),
        ("RATE = [2]", (1,), "  constant  parted.RATE  changed: 2 -> [2]"),
        ("def g(x): return x", (1,), "  constant  parted.RATE  gone: 2"),
        ("A.x = 2", (1,), "  class  parted.A  changed:"),
        ("A.y = A", (1,), "  class  parted.A  changed:"),
        ("f.note = 5", (1,), "  constant  parted.f.<attribute>.note  new: 5"),
    ],
)
def test_what_differs_is_told(
    change: str, arguments: tuple[Any, ...], told: str, space: dict[str, Any]
) -> None:
    old = parts_of(space["f"], (1,))
    exec(change, space)
    new = parts_of(space["f"], arguments)
    lines = [" ".join(line.split()) for line in explain(new, old).splitlines()]
    assert " ".join(told.split()) in lines
    assert new.key != old.key


def test_a_function_that_changes_is_the_only_part_that_differs(space: dict[str, Any]) -> None:
    old = parts_of(space["f"], (1,))
    exec("def g(x): return RATE + x", space)
    found = differences(old, parts_of(space["f"], (1,)))
    assert [(one.kind, one.name) for one in found] == [("function", "parted.g")]


def test_equal_keys_are_said_to_be(space: dict[str, Any]) -> None:
    made = parts_of(space["f"], (1,))
    assert "the same as before" in explain(parts_of(space["f"], (), {"x": 1, "y": 3}), made)
    assert explain(made).splitlines()[0] == f"key {made.key.hex()}"


def test_parts_that_change_places_are_no_silent_difference(space: dict[str, Any]) -> None:
    exec(
        "def one(x): return x + 1\ndef two(x): return x + 2\n"
        "def make(g):\n    def h(x): return g(x)\n    return h\n"
        "left, right = make(one), make(two)\ndef f(x): return left(x) - right(x)",
        space,
    )
    old = parts_of(space["f"], (1,))
    exec("left, right = right, left", space)
    new = parts_of(space["f"], (1,))
    assert new.key != old.key
    assert "put together in another way" in explain(new, old) or differences(old, new)


def test_parts_survive_storage(space: dict[str, Any]) -> None:
    made = parts_of(space["f"], (1,))
    assert Parts.from_bytes(made.to_bytes()) == made


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"key": 1, "parts": []}', b"\xff"])
def test_what_is_no_parts_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no parts of a key"):
        Parts.from_bytes(data)


class Shy:
    def __repr__(self) -> str:
        raise RuntimeError("not now")


def test_a_value_that_cannot_be_shown_is_still_a_part() -> None:
    made = parts_of(repr, (Shy(),))
    assert any("Shy instance" in part.shown for part in made.parts)


def test_functions_are_shown_by_their_names() -> None:
    task = elsewhere.task(Shy.__repr__)
    made = parts_of(repr, ([Shy.__repr__, task],))
    name = "tests.unit.test_keys_parts.Shy.__repr__"
    assert [p.shown for p in made.parts if p.kind == "argument"] == [
        f"[{name}, <elsewhere.task of {name}>]"[:SHOWN_MAX]
    ]
    assert repr(task) == f"<elsewhere.task of {name}>"
