"""Whether all that a fingerprint was made from is still what it was.

It is asked for every key, so what can be compared by identity is, in as few steps as will do: names,
code, defaults, closures, the members of classes. What can change in place is encoded anew.
"""

import datetime as dt
import decimal
import enum
import fractions
import functools
import pathlib
import re
import types
from collections.abc import Mapping
from operator import attrgetter, is_, itemgetter
from typing import Any

from elsewhere.errors import NoKey
from elsewhere.keys.canonical import ATOMS, Writer
from elsewhere.keys.node import digest_of
from elsewhere.keys.objects import CALLABLES, write_other
from elsewhere.plans.dependency import Dependency
from elsewhere.plans.plan import Given, plan_of
from elsewhere.tasks import Task

_EMPTY = object()
_code = attrgetter("__code__")
_defaults = attrgetter("__defaults__")
_keywords = attrgetter("__kwdefaults__")

_FIXED = ATOMS | {
    decimal.Decimal, fractions.Fraction, dt.date, dt.timedelta, pathlib.PosixPath,
    pathlib.PurePosixPath, re.Pattern, functools.cached_property, functools._lru_cache_wrapper, Task,
}  # fmt: skip
_BOUND = (types.BuiltinFunctionType, types.MethodWrapperType)


def is_fixed(value: Any) -> bool:
    """Whether the value itself cannot change; functions and classes in it are watched by themselves."""
    kind = type(value)
    if kind in _FIXED or isinstance(value, type):
        return True
    if kind in (tuple, frozenset):
        return all(map(is_fixed, value))
    if kind in _BOUND:
        # A method of an object, such as ``{}.get``, is as changeable as the object.
        return isinstance(value.__self__, (types.NoneType, types.ModuleType, type))
    if kind in (staticmethod, classmethod):
        return is_fixed(value.__func__)
    if kind is property:
        return all(map(is_fixed, (value.fget, value.fset, value.fdel)))
    if isinstance(value, enum.Enum):
        return is_fixed(value.value)
    if isinstance(value, Dependency):
        return is_fixed((value.args, tuple(value.kwargs.values())))
    return isinstance(value, CALLABLES)


class Watch:
    """Gathers what has to stay the same; `holds` says whether it has."""

    def __init__(self) -> None:
        self._spaces: dict[int, tuple[Mapping[str, Any], dict[str, Any]]] = {}
        self._absent: dict[int, tuple[Mapping[str, Any], set[str]]] = {}
        self._kept: list[Any] = []
        self._functions: list[types.FunctionType] = []
        self._cells: list[tuple[types.CellType, Any]] = []
        self._mappings: list[tuple[Mapping[Any, Any], list[Any], tuple[Any, ...]]] = []
        self._mutable: list[tuple[Any, bytes]] = []
        self._given: list[tuple[types.FunctionType, tuple[Given, ...]]] = []

    def keep(self, value: Any) -> None:
        """Hold a function or a class, so that nothing else gets its identity."""
        self._kept.append(value)

    def name(self, space: Mapping[str, Any], name: str, value: Any) -> None:
        self._spaces.setdefault(id(space), (space, {}))[1][name] = value

    def no_name(self, space: Mapping[str, Any], name: str) -> None:
        self._absent.setdefault(id(space), (space, set()))[1].add(name)

    def function(self, function: types.FunctionType) -> None:
        self._functions.append(function)
        if vars(function):
            self.mapping(vars(function))

    def given(self, function: types.FunctionType) -> None:
        """The parameters of this function are given the very same."""
        self._given.append((function, _given_to(function)))

    def cell(self, cell: types.CellType) -> None:
        self._cells.append((cell, _content(cell)))

    def mapping(self, mapping: Mapping[Any, Any]) -> None:
        """The mapping has the same names and the very same values."""
        self._mappings.append((mapping, list(mapping), tuple(mapping.values())))

    def value(self, value: Any) -> None:
        if not is_fixed(value):
            self._mutable.append((value, _snapshot(value)))

    def close(self) -> None:
        """Nothing more is added: make the question cheap."""
        functions = tuple(self._functions)
        self._plain = tuple(f for f in functions if not vars(f))
        self._now = [
            (get, functions, tuple(map(get, functions))) for get in (_code, _defaults, _keywords)
        ]
        self._looks = [
            # Two names at least, so that what is got is a tuple.
            (
                itemgetter(*names, next(iter(names))),
                space,
                (*names.values(), next(iter(names.values()))),
            )
            for space, names in self._spaces.values()
        ]
        self._slow = bool(self._cells or self._mappings or self._mutable or self._given)
        self._keys = [(space.keys(), frozenset(names)) for space, names in self._absent.values()]

    def holds(self) -> bool:
        """Whether everything is the same still."""
        try:
            for get, space, values in self._looks:
                if not all(map(is_, get(space), values)):
                    return False
        except KeyError:
            return False  # a name was deleted
        for keys, names in self._keys:
            if not keys.isdisjoint(names):
                return False
        for look, functions, values in self._now:
            if not all(map(is_, map(look, functions), values)):
                return False
        return not any(map(vars, self._plain)) and (not self._slow or self._slow_holds())

    def _slow_holds(self) -> bool:
        if not all(_content(cell) is value for cell, value in self._cells):
            return False
        if not all(_given_to(function) == given for function, given in self._given):
            return False
        for mapping, names, values in self._mappings:
            if list(mapping) != names or not all(map(is_, mapping.values(), values)):
                return False
        try:
            return all(_snapshot(value) == before for value, before in self._mutable)
        except NoKey:
            return False  # it has got something in it that has no name


def _given_to(function: types.FunctionType) -> tuple[Given, ...]:
    plan = plan_of(function)
    return () if plan is None else plan.given


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _EMPTY


def _snapshot(value: Any) -> bytes:
    writer = Writer(write_other, _by_identity, in_order=True)
    writer.write(value)
    return digest_of(b"".join(writer.out))  # type: ignore[arg-type]  # references are bytes here


def _by_identity(writer: Writer, value: Any) -> None:
    if isinstance(value, _BOUND) and not is_fixed(value):
        writer.write(value.__self__)
    # What is referred to is held and watched by itself, so its identity is its own for as long.
    writer.out.append(b"&" + id(value).to_bytes(8, "big"))
