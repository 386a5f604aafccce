"""What functions that were sent by value are put together with where they arrive.

It does what the constructors do that cloudpickle names in its pickles, so that a process which only
receives functions need not import cloudpickle, which takes 15 ms and 1.7 MiB.
"""

import sys
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

Space = dict[str, Any]
"""the globals of functions"""
State = tuple[dict[str, Any], dict[str, Any]]
"""the attributes of a function, and what else it is filled with"""
own: dict[str, Space] = {}
"""by the name of a module, what functions of it find here in place of the globals that come with them"""
noted: dict[int, Space] | None = None
"""by identity, the globals of all functions that are put together while somebody wants to know"""
_SENT = "__elsewhere_sent__"
"""among the globals of functions: what they were sent with, where they find something else"""


def make_code(*parts: Any) -> CodeType:
    """Code from what its type is called with."""
    return CodeType(*parts)


def make_cell(*value: Any) -> CellType:
    """A variable of an enclosing function, with its value if it has one yet."""
    return CellType(*value)


def find_module(name: str) -> ModuleType:
    """A module that can be imported."""
    __import__(name)
    return sys.modules[name]


def make_function(
    code: CodeType,
    space: Space,
    name: str | None,
    defaults: tuple[Any, ...] | None,
    closure: tuple[CellType, ...] | None,
) -> FunctionType:
    """A function in a `space` of globals that is filled later."""
    space["__builtins__"] = __builtins__
    if noted is not None:
        noted[id(space)] = space
    return FunctionType(code, space, name, defaults, closure)


def fill_as_is(function: FunctionType, state: State) -> None:
    """Give it what may lead back to itself: attributes, globals, variables of enclosing functions."""
    attributes, slots = state
    vars(function).update(attributes)
    function.__globals__.update(slots.pop("__globals__"))
    function.__globals__["__builtins__"] = __builtins__
    del slots["_cloudpickle_submodules"]  # they are imported by being there
    cells = zip(function.__closure__ or (), slots.pop("__closure__") or (), strict=True)
    for cell, filled in cells:
        try:
            cell.cell_contents = filled.cell_contents
        except ValueError:
            continue  # the variable has no value yet
    for name, value in slots.items():
        setattr(function, name, value)


def fill_function(function: FunctionType, state: State) -> None:
    """The same, but what this process has of its own takes the place of globals that came."""
    space = function.__globals__
    found = own.get(space.get("__name__", ""))
    if found:
        came = state[1]["__globals__"]
        sent = space.setdefault(_SENT, {})
        sent.update({name: came[name] for name in found.keys() & came.keys()})
    fill_as_is(function, state)
    if found:
        space.update(found)


def as_sent(space: Space, names: Space) -> Space:
    """Some of the globals of a function, to be sent on: without what is this process's own."""
    found = own.get(space.get("__name__", ""), {})
    mine = {name for name in found.keys() & names.keys() if names[name] is found[name]}
    if not mine:
        return names
    sent = space.get(_SENT, {})
    return {
        name: sent[name] if name in mine else value
        for name, value in names.items()
        if name not in mine or name in sent
    }
