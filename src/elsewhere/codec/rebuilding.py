"""What functions that were sent by value are put together with where they arrive.

It does what the constructors do that cloudpickle names in its pickles, so that a process which only
receives functions need not import cloudpickle, which takes 15 ms and 1.7 MiB.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import CellType, CodeType, FunctionType
from typing import Any

Space = dict[str, Any]
"""the globals of functions"""
own: dict[str, Space] = {}
"""by the name of a module, what functions of it find here in place of the globals that come with them"""
_noted: list[Space] = []
_is_noting = False


@contextmanager
def noting_spaces() -> Iterator[list[Space]]:
    """Gives the globals of all functions that are put together meanwhile."""
    global _is_noting
    _is_noting = True
    try:
        yield _noted
    finally:
        _is_noting = False


def make_code(*parts: Any) -> CodeType:
    """Code from what its type is called with."""
    return CodeType(*parts)


def make_cell(*value: Any) -> CellType:
    """A variable of an enclosing function, with its value if it has one yet."""
    return CellType(*value)


def make_function(
    code: CodeType,
    space: Space,
    name: str | None,
    defaults: tuple[Any, ...] | None,
    closure: tuple[CellType, ...] | None,
) -> FunctionType:
    """A function in a `space` of globals that is filled later."""
    space["__builtins__"] = __builtins__
    if _is_noting:
        _noted.append(space)
    return FunctionType(code, space, name, defaults, closure)


def fill_function(function: FunctionType, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Give it what may lead back to itself: attributes, globals, variables of enclosing functions."""
    attributes, slots = state
    vars(function).update(attributes)
    space = function.__globals__
    space.update(slots.pop("__globals__"))
    space["__builtins__"] = __builtins__
    if own:
        space.update(own.get(space.get("__name__", ""), {}))
    del slots["_cloudpickle_submodules"]  # they are imported by being there
    cells = zip(function.__closure__ or (), slots.pop("__closure__") or (), strict=True)
    for cell, filled in cells:
        try:
            cell.cell_contents = filled.cell_contents
        except ValueError:
            continue  # the variable has no value yet
    for name, value in slots.items():
        setattr(function, name, value)
