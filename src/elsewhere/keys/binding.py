"""Arguments as the parameters get them, however they were spelt."""

import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from elsewhere.plans.plan import plan_of

_VARIABLE = 0x0C
"""the bits of ``co_flags`` for *args and **kwargs"""


class Bound(NamedTuple):
    """One parameter: its value, how the caller would name it, and whether it is the default."""

    name: str
    value: Any
    path: str
    is_default: bool


def simple_count(function: Any) -> int | None:
    """How many parameters a function has, if they all can be given by position and none by keyword."""
    if type(function) is not types.FunctionType:
        return None
    code = function.__code__
    if code.co_flags & _VARIABLE or code.co_kwonlyargcount:
        return None
    return code.co_argcount


def bind(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Iterator[Bound]:
    """Each parameter in its place. TypeError, as from a call, for arguments that do not fit."""
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except ValueError:
        # A builtin that does not say what it takes: the spelling is all that is known.
        yield Bound("args", args, "args", False)
        yield Bound("kwargs", dict(kwargs), "kwargs", False)
        return
    plan = plan_of(function)
    by_itself = (
        {}
        if plan is None
        else {one.name: one.dependency for one in plan.lacking(len(args), kwargs)}
    )
    given = signature.bind(*args, **by_itself, **kwargs).arguments
    for place, (name, parameter) in enumerate(signature.parameters.items()):
        if parameter.kind is parameter.VAR_POSITIONAL:
            yield Bound(name, given.get(name, ()), "args", False)
        elif parameter.kind is parameter.VAR_KEYWORD:
            yield Bound(name, given.get(name, {}), "kwargs", False)
        elif name in given:
            path = f"args[{place}]" if place < len(args) else f"kwargs[{name!r}]"
            value = given[name]
            yield Bound(name, value, path, value is parameter.default or name in by_itself)
        else:
            yield Bound(name, parameter.default, f"the default of {name}", True)
