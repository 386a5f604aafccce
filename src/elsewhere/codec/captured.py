"""What a function captures, and whether it is still the same.

A check must not keep the function alive that it watches, as it would if it held a variable of a
recursive function. So it finds what it looks at through the function that it is given, and remembers
functions weakly.
"""

import sys
import types
import weakref
from collections.abc import Callable
from typing import Any

from elsewhere.plans.dependency import Dependency
from elsewhere.plans.plan import plan_of
from elsewhere.tasks import Task

Check = Callable[[Any], bool]
"""Whether a value is still what it was when the check was made."""

Look = Callable[[Any], Any]
"""Finds a part of a function."""
ATOMS = (
    bool, int, float, complex, str, bytes, range, type(None), type(...), type(NotImplemented),
    types.MethodDescriptorType, types.WrapperDescriptorType,
)  # fmt: skip
_MISSING = object()


def check_of(function: Any) -> Check | None:
    """The check for a function and what it captures, or None if that could change in place."""
    if type(function) is not types.FunctionType:
        return _check_of(function, set())
    check = FunctionCheck(function)
    return check if check.watch(function, {id(function)}) else None


def _check_of(value: Any, begun: set[int]) -> Check | None:
    if is_fixed(value):
        return lambda now: now is value
    if type(value) is tuple:
        return _check_of_tuple(value, begun)
    if type(value) is types.FunctionType:
        return _check_of_function(value, begun)
    if type(value) is Task:
        return _check_of_task(value, begun)
    if isinstance(value, Dependency):
        return _check_of_dependency(value, begun)
    return None


def is_fixed(value: Any) -> bool:
    """Whether a value is the same for ever, and holds no function that is sent by value."""
    kind = type(value)
    if kind in ATOMS:
        return True
    if kind in (tuple, frozenset):
        return all(is_fixed(part) for part in value)
    if kind is slice:
        return is_fixed((value.start, value.stop, value.step))
    if kind is types.ModuleType:
        return sys.modules.get(value.__name__) is value
    if kind is types.BuiltinFunctionType:
        # A method of an object, such as ``{}.get``, is as changeable as the object.
        owner = value.__self__
        return owner is None or isinstance(owner, (types.ModuleType, type))
    return is_importable(value)


def is_importable(function: Any) -> bool:
    """Whether a worker finds the function by its module and name."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__":
        return False
    found: Any = sys.modules.get(module)
    if found is None or getattr(found, "__spec__", None) is None:
        return False
    for part in name.split("."):
        found = getattr(found, part, _MISSING)
    return found is function


class FunctionCheck:
    """The check for a function that is sent by value. It is called for every submit, so it is long."""

    __slots__ = ("_cells", "_code", "_defaults", "_globals", "_keywords", "_others")

    def __init__(self, function: types.FunctionType) -> None:
        self._code = function.__code__
        self._defaults = function.__defaults__
        self._keywords = function.__kwdefaults__
        self._globals: list[tuple[str, Any]] = []
        """names, with values that are the same for ever"""
        self._cells: list[tuple[int, Any]] = []
        """places in the closure, with values that are the same for ever"""
        self._others: list[tuple[Look, Check]] = []
        """whatever else has to be looked at"""

    def __call__(self, now: Any) -> bool:
        if (
            now.__code__ is not self._code
            or now.__defaults__ is not self._defaults
            or now.__kwdefaults__ is not self._keywords
            or now.__dict__
        ):
            return False
        space = now.__globals__
        for name, value in self._globals:
            if space.get(name, _MISSING) is not value:
                return False
        closure = now.__closure__
        try:
            for place, value in self._cells:
                if closure[place].cell_contents is not value:
                    return False
            for look, check in self._others:
                if not check(look(now)):
                    return False
        except (KeyError, ValueError):
            return False  # the variable was deleted
        return True

    def watch(self, function: types.FunctionType, begun: set[int]) -> bool:
        """Begin to watch what the function captures; False if it could change in place."""
        if function.__dict__:
            return False
        try:
            for place, cell in enumerate(function.__closure__ or ()):
                value = cell.cell_contents
                if is_fixed(value):
                    self._cells.append((place, value))
                elif not self._watch_other(_look_at_cell(place), value, begun):
                    return False
        except ValueError:
            return False  # a variable that has no value yet
        for name in _names(function.__code__):
            value = function.__globals__.get(name, _MISSING)
            if value is _MISSING or is_fixed(value):
                self._globals.append((name, value))
            elif not self._watch_other(_look_at_global(name), value, begun):
                return False
        for name, value in (function.__kwdefaults__ or {}).items():
            if not self._watch_other(_look_at_keyword(name), value, begun):
                return False
        if not self._watch_given(function, begun):
            return False
        return is_fixed(function.__defaults__) or self._watch_other(
            _look_at_defaults, function.__defaults__, begun
        )

    def _watch_given(self, function: types.FunctionType, begun: set[int]) -> bool:
        plan = plan_of(function)
        return all(
            self._watch_other(_look_at_given(one.name), one.dependency, begun)
            for one in (() if plan is None else plan.given)
        )

    def _watch_other(self, look: Look, value: Any, begun: set[int]) -> bool:
        check = _check_of(value, begun)
        if check is None:
            return False
        self._others.append((look, check))
        return True


def _check_of_function(function: types.FunctionType, begun: set[int]) -> Check | None:
    alive = weakref.ref(function)
    if id(function) in begun:
        # What it captures is looked at where it was met first.
        return lambda now: now is alive()
    begun.add(id(function))
    check = FunctionCheck(function)
    if not check.watch(function, begun):
        return None
    return lambda now: now is alive() and check(now)


def _check_of_task(task: "Task[..., Any]", begun: set[int]) -> Check | None:
    check = _check_of(task.function, begun)
    if check is None:
        return None
    return lambda now: type(now) is Task and check(now.function)


def _check_of_dependency(dependency: Dependency, begun: set[int]) -> Check | None:
    check = _check_of(dependency.provider, begun)
    if check is None or not is_fixed((dependency.args, tuple(dependency.kwargs.values()))):
        return None
    alive = weakref.ref(dependency)
    return lambda now: isinstance(now, Dependency) and now is alive() and check(now.provider)


def _check_of_tuple(value: tuple[Any, ...], begun: set[int]) -> Check | None:
    checks: list[Check] = []
    for part in value:
        check = _check_of(part, begun)
        if check is None:
            return None
        checks.append(check)
    return lambda now: (
        type(now) is tuple
        and len(now) == len(checks)
        and all(check(part) for check, part in zip(checks, now, strict=True))
    )


def _look_at_cell(place: int) -> Look:
    return lambda function: function.__closure__[place].cell_contents


def _look_at_global(name: str) -> Look:
    return lambda function: function.__globals__[name]


def _look_at_keyword(name: str) -> Look:
    return lambda function: function.__kwdefaults__[name]


def _look_at_given(name: str) -> Look:
    def look(function: Any) -> Any:
        plan = plan_of(function)
        found = () if plan is None else (g.dependency for g in plan.given if g.name == name)
        return next(iter(found), None)

    return look


def _look_at_defaults(function: Any) -> Any:
    return function.__defaults__


def _names(code: types.CodeType) -> set[str]:
    """Every name that the code, or code inside it, could take from its globals."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names
