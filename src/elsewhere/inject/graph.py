"""What a provider depends on itself: a graph without circles."""

from collections.abc import Callable
from typing import Any

from elsewhere.codec.labels import full_name
from elsewhere.plans.dependency import Dependency
from elsewhere.plans.plan import Given, plan_of
from elsewhere.tasks import is_asynchronous, plain_function

_ASYNC_GENERATOR = 0x200
"""`inspect.CO_ASYNC_GENERATOR`, without the import"""


def needs_of(wanted: Dependency) -> tuple[Given, ...]:
    """The parameters of its provider that are given something, and not by its own arguments."""
    plan = plan_of(plain_function(wanted.provider))
    return () if plan is None else plan.lacking(len(wanted.args), wanted.kwargs)


def check_graph(wanted: Dependency) -> None:
    """Raise TypeError, with the path, if a provider depends on itself."""
    _check(wanted, {})


def _check(wanted: Dependency, path: dict[object, str]) -> None:
    needs = needs_of(wanted)
    # One with other needs is another one: what it was given itself ends the circle.
    place = (_identity(wanted.provider), frozenset(need.name for need in needs))
    if place in path:
        names = [*path.values()]
        circle = [*names[list(path).index(place) :], full_name(wanted.provider)]
        raise TypeError(f"providers depend on themselves: {' → '.join(circle)}")
    if needs:
        path[place] = full_name(wanted.provider)
        for need in needs:
            _check(need.dependency, path)
        del path[place]


def is_asynchronous_graph(wanted: Dependency) -> bool:
    """Whether a coroutine has to be waited for to make it, or what it depends on."""
    provider = wanted.provider
    return (
        is_asynchronous(provider)
        or _is_asynchronous_generator(provider)
        or any(is_asynchronous_graph(need.dependency) for need in needs_of(wanted))
    )


def _is_asynchronous_generator(provider: Callable[..., Any]) -> bool:
    code = getattr(plain_function(provider), "__code__", None)
    return bool(getattr(code, "co_flags", 0) & _ASYNC_GENERATOR)


def _identity(provider: Callable[..., Any]) -> object:
    plain = plain_function(provider)
    return getattr(plain, "__self__", None), id(getattr(plain, "__func__", plain))
