"""What the parameters of a function are given: found once for each function.

A parameter is *given* where its annotation, or its default, holds a `Dependency`. A function without
such parameters has no plan, and pays for nothing but finding that out again.
"""

import functools
import types
import weakref
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from elsewhere.calls.resources import KnownResource, ResourceName
from elsewhere.plans.annotations import look_at
from elsewhere.plans.dependency import Dependency

KEYWORD_ONLY = 1 << 30
"""stands for the place of a parameter that has none"""
_VARIABLE_KEYWORDS = 0x08
"""the bit of ``co_flags`` for **kwargs"""
_COROUTINE = 0x80
"""that for `async def`"""


class Given(NamedTuple):
    """One parameter that is given something; at `place` among the positional arguments."""

    name: str
    place: int
    dependency: Dependency


class Unknown(NamedTuple):
    """One parameter without default whose annotation may say so or not: it cannot be evaluated."""

    name: str
    place: int
    reason: str


class Plan:
    """The parameters of one callable that are given something, and those that nobody knows of."""

    __slots__ = ("asynchronous", "checked", "given", "unresolved")

    def __init__(
        self, given: tuple[Given, ...], unresolved: tuple[Unknown, ...], *, asynchronous: bool
    ) -> None:
        self.given = given
        self.unresolved = unresolved
        self.asynchronous = asynchronous
        """whether it is an `async def` function"""
        self.checked = False

    def node_needs(self) -> tuple[Dependency, ...]:
        """What of it is made once for all workers of a node."""
        return tuple(
            dict.fromkeys(need for one in self.given for need in one.dependency.node_needs())
        )

    def lacking(self, count: int, names: Mapping[str, Any]) -> tuple[Given, ...]:
        """Those that so many positional arguments, and these names, do not include."""
        return tuple([one for one in self.given if one.place >= count and one.name not in names])

    def within(self, count: int, names: Mapping[str, Any] = types.MappingProxyType({})) -> "Plan":
        """That of a callable which gives so many positional arguments, and these names, itself."""
        return Plan(
            tuple([one._replace(place=one.place - count) for one in self.lacking(count, names)]),
            tuple(
                one._replace(place=one.place - count)
                for one in self.unresolved
                if one.place >= count and one.name not in names
            ),
            asynchronous=self.asynchronous,
        )


def plan_of(function: Callable[..., Any]) -> Plan | None:
    """The plan of any callable; None if it is given nothing.

    Raises TypeError for two dependencies of one parameter, and where one is positional only.
    """
    known = _known.get(id(function))  # for most functions that is all
    if known is not None and known.function() is function and known.holds(function):
        return known.plan
    kind = type(function)
    if kind is types.FunctionType:
        return _plan_of_function(function)  # type: ignore[arg-type]  # it is one
    if isinstance(function, types.MethodType):
        return _within(plan_of(function.__func__), 1)
    if isinstance(function, functools.partial):
        return _within(plan_of(function.func), len(function.args), function.keywords)
    if isinstance(function, functools._lru_cache_wrapper):
        return plan_of(function.__wrapped__)
    # Whichever __init__ is found is the one that runs.
    own = function.__init__ if isinstance(function, type) else kind.__call__  # type: ignore[misc]
    return _within(_plan_of_function(own), 1) if isinstance(own, types.FunctionType) else None


def _within(
    plan: Plan | None, count: int, names: Mapping[str, Any] = types.MappingProxyType({})
) -> Plan | None:
    return None if plan is None else plan.within(count, names)


class _Known:
    """The plan of one function, and what it was found from."""

    __slots__ = ("_annotations", "_defaults", "_keywords", "_names", "function", "plan")

    def __init__(
        self,
        function: types.FunctionType,
        plan: Plan | None,
        names: tuple[tuple[str, Any], ...],
        forget: Callable[[object], None],
    ) -> None:
        self.function = weakref.ref(function, forget)
        self.plan = plan
        self._annotations = function.__annotations__
        self._defaults = function.__defaults__
        self._keywords = function.__kwdefaults__
        self._names = names

    def holds(self, function: Any) -> bool:
        """Whether all of it is the same still: a name in an annotation may stand for another thing."""
        if self.plan is None:
            return True
        if (
            function.__annotations__ is not self._annotations
            or function.__defaults__ is not self._defaults
            or function.__kwdefaults__ is not self._keywords
        ):
            return False
        if self._names:
            space = function.__globals__
            return all(space.get(name) is value for name, value in self._names)
        return True


_known: dict[int, _Known] = {}


def look_again() -> None:
    """What could not be evaluated may be known by now."""
    _known.clear()


def _plan_of_function(function: types.FunctionType) -> Plan | None:
    place = id(function)
    known = _known.get(place)
    if known is not None and known.function() is function and known.holds(function):
        return known.plan
    wrapped = vars(function).get("__wrapped__")
    if wrapped is not None and function.__code__.co_flags & _VARIABLE_KEYWORDS:
        return plan_of(wrapped)  # it takes what it hands on
    plan, names = _find(function)

    def forget(reference: object) -> None:
        latest = _known.get(place)
        if latest is not None and latest.function is reference:
            del _known[place]

    _known[place] = _Known(function, plan, names, forget)
    return plan


def _find(function: types.FunctionType) -> tuple[Plan | None, tuple[tuple[str, Any], ...]]:
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    defaults = dict(zip(reversed(positional), reversed(function.__defaults__ or ()), strict=False))
    defaults.update(function.__kwdefaults__ or {})
    annotations = function.__annotations__
    given: list[Given] = []
    unresolved: list[Unknown] = []
    names: list[tuple[str, Any]] = []
    for place, name in [*enumerate(positional), *((KEYWORD_ONLY, name) for name in only)]:
        found = look_at(annotations.get(name), function)
        dependency = found.dependency
        if dependency is None and isinstance(defaults.get(name), Dependency):
            dependency = defaults[name]
        if dependency is not None:
            if place < code.co_posonlyargcount:
                raise TypeError(
                    f"{function.__qualname__}() takes {name!r} by position only, and what it depends on "
                    "is given by name: move the / to the left of it"
                )
            given.append(Given(name, place, dependency))
            names += found.names
        elif found.unresolved and name not in defaults:
            unresolved.append(Unknown(name, place, found.unresolved))
    if not given and not unresolved:
        return None, ()
    asynchronous = bool(code.co_flags & _COROUTINE)
    return Plan(tuple(given), tuple(unresolved), asynchronous=asynchronous), tuple(names)


class Kept(NamedTuple):
    """What workers keep for calls of a function."""

    resources: tuple[ResourceName, ...] = ()
    """each once, as far as it has exact names"""
    known: tuple[KnownResource, ...] = ()
    """for each of `dependencies_of`; nothing where calls run beside their workers"""


def kept_for(function: Callable[..., Any]) -> Kept:
    """What workers keep for calls of it."""
    try:
        plan = plan_of(function)
        if plan is None:
            return Kept()
        needs = plan.node_needs()
        if needs:  # its calls run where that is, and all else is kept there
            return Kept(tuple(needs[0].kept_for_node(needs)))
        known = tuple(one for given in plan.given for one in given.dependency.kept())
    except TypeError:
        return Kept()  # its calls say why it can never be made
    named = {one.resource.digest: one.resource for one in known if one.resource.digest}
    return Kept(tuple(named.values()), known)


def dependencies_of(function: Callable[..., Any]) -> list[Dependency]:
    """All that its calls are given is made with, each behind what it needs, in an order that is the same in
    all processes. Raises TypeError as `plan_of`."""
    plan = plan_of(function)
    if plan is None:
        return []
    return [one for given in plan.given for one in given.dependency.with_needs()]
