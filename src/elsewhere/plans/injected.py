"""A function that is given what it depends on, each time that it is called."""

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from types import CoroutineType
from typing import Any

from elsewhere.plans.dependency import Hold, release_all
from elsewhere.plans.plan import Plan, look_again, plan_of


def injected(function: Callable[..., Any]) -> Callable[..., Any]:
    """What to call in place of `function`: itself, if it is given nothing.

    Raises TypeError if what it depends on can never be made.
    """
    plan = plan_of(function)
    if plan is None:
        return function
    if not plan.checked:
        for one in plan.given:
            one.dependency.check()
        plan.checked = True
    return Injected(function, plan)


class Injected:
    """`func`, and what is given to it. What the caller gives comes first."""

    __slots__ = ("func", "plan")

    def __init__(self, func: Callable[..., Any], plan: Plan) -> None:
        self.func = func
        """so called because messages look there for a name, as in a partial"""
        self.plan = plan

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        plan, count = self.plan, len(args)
        if plan.asynchronous and any(one.dependency.is_of_loop() for one in plan.given):
            return self._call_in_loop(args, kwargs)
        held: list[Hold] = []
        try:
            for name, place, dependency in plan.given:
                if place >= count and name not in kwargs:
                    kwargs[name] = dependency.acquire(held)
            value = self.func(*args, **kwargs)
            if type(value) is CoroutineType:
                kept, held = held, []
                return _awaited(value, kept)
            return value
        except TypeError as error:
            # What a call says of its arguments is raised in no deeper frame.
            if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                self._explain(error, count, kwargs)
            raise
        finally:
            if held:
                release_all(held)

    def prepare(self, count: int, names: Mapping[str, Any]) -> list[Hold]:
        """Have made what a call in a fork of this process will find, if it is given so many positional
        arguments, and these names. It is in use until it is released. Raises what a provider raises."""
        held: list[Hold] = []
        try:
            for _, _, dependency in self.plan.lacking(count, names):
                if not (self.plan.asynchronous and dependency.is_of_loop(forked=True)):
                    dependency.make_ahead(held)
        except BaseException:
            release_all(held)
            raise
        return held

    def make_ahead(self) -> None:
        """Make what workers keep for its calls."""
        held: list[Hold] = []
        try:
            for one in self.plan.given:
                one.dependency.make_ahead(held)
        finally:
            release_all(held)

    async def _call_in_loop(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        held: list[Hold] = []
        async with AsyncExitStack() as ends:
            ends.callback(release_all, held)
            for name, _, dependency in self.plan.lacking(len(args), kwargs):
                kwargs[name] = await dependency.acquire_in_loop(held, ends)
            return await self.func(*args, **kwargs)

    def _explain(self, error: TypeError, count: int, names: dict[str, Any]) -> None:
        """Say of each parameter that the call lacks why it is not given."""
        for name, place, reason in self.plan.unresolved:
            if place >= count and name not in names:
                error.add_note(f"{name!r} is not given by itself: {reason}")
                look_again()


async def _awaited(coroutine: Coroutine[Any, Any, Any], held: list[Hold]) -> Any:
    """Its value. What it was given is in use until then."""
    try:
        return await coroutine
    finally:
        release_all(held)
