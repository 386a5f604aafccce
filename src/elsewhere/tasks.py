"""A task: a function with options. It is still a function: calling it runs it here, plainly."""

import sys
from collections.abc import Callable
from functools import update_wrapper
from types import CodeType, FunctionType, MethodType
from typing import Any, Generic, Literal, ParamSpec, TypeVar, overload
from weakref import WeakSet

from elsewhere.arguments import check_isolation, check_limits
from elsewhere.calls.messages import Options
from elsewhere.plans.injected import injected

P = ParamSpec("P")
T = TypeVar("T")
_CO_COROUTINE = 0x80
"""`inspect.CO_COROUTINE`, without the import"""
_pure: "WeakSet[FunctionType]" = WeakSet()
"""the functions of pure tasks"""


class Task(Generic[P, T]):
    """A function and the options of its calls elsewhere; made by `task`."""

    __wrapped__: Callable[P, T]

    def __init__(self, function: Callable[P, T], options: Options, *, pure: bool) -> None:
        update_wrapper(self, function)
        self.function = function
        self.options = options
        """what is asked of a call of it"""
        self.pure = pure
        """whether equal calls have equal results"""
        if pure and type(function) is FunctionType:
            _pure.add(function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        value: T = injected(self.function)(*args, **kwargs)
        return value

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> str | tuple[Any, ...]:
        module, name = getattr(self, "__module__", None), getattr(self, "__qualname__", None)
        if isinstance(module, str) and isinstance(name, str) and module != "__main__":
            found: Any = sys.modules.get(module)
            for part in name.split("."):
                found = getattr(found, part, None)
            if found is self:
                return name
        return _rebuild, (self.function, self.options, self.pure)

    def __repr__(self) -> str:
        name = getattr(self, "__qualname__", None)
        where = f"{self.__module__}.{name}" if isinstance(name, str) else repr(self.function)
        return f"<elsewhere.task of {where}>"


def _rebuild(function: Callable[P, T], options: Options, pure: bool) -> Task[P, T]:  # from a pickle
    return Task(function, options, pure=pure)


@overload
def task(function: Callable[P, T], /) -> Task[P, T]: ...
@overload
def task(
    *,
    pure: bool = False,
    timeout: float | None = None,
    retries: int = 0,
    interrupt: bool = False,
    remember_errors: bool = False,
    isolation: Literal["fork"] | None = None,
) -> Callable[[Callable[P, T]], Task[P, T]]: ...
def task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    pure: bool = False,
    timeout: float | None = None,
    retries: int = 0,
    interrupt: bool = False,
    remember_errors: bool = False,
    isolation: Literal["fork"] | None = None,
) -> Any:
    """Give a function options: ``@task(retries=3)`` or ``task(timeout=60)(function)``.

    ``pure``: equal arguments give equal results, and nothing else matters: equal calls run once, and
    what came out is remembered. ``remember_errors``: also if it raised. ``timeout``, ``retries``,
    ``interrupt``, ``isolation``: as in `Pool.options`, which they take precedence over. Raises TypeError and
    ValueError for values that make no sense.
    """
    if function is not None and not callable(function):
        raise TypeError(f"task takes a function, not {function!r}")
    check_limits(timeout, retries)
    if remember_errors and not pure:
        raise ValueError("remember_errors says what is remembered of a pure task: add pure=True")
    options = Options(
        timeout,
        retries,
        interrupt,
        remember_errors=remember_errors,
        fork=check_isolation(isolation),
    )

    def decorate(function: Callable[P, T]) -> Task[P, T]:
        if not callable(function):
            raise TypeError(f"task takes a function, not {function!r}")
        return Task(function, options, pure=pure)

    return decorate if function is None else decorate(function)


def is_pure(function: object) -> bool:
    """Whether it is what a pure task calls."""
    return type(function) is FunctionType and function in _pure


def task_of(function: object) -> Task[..., Any] | None:
    """The task that a function is, or that a bound method is of."""
    if isinstance(function, MethodType):
        function = function.__func__
    return function if isinstance(function, Task) else None


def plain_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a task, or a bound method of one, does when it is called."""
    if isinstance(function, Task):
        return function.function
    if isinstance(function, MethodType) and isinstance(function.__func__, Task):
        return MethodType(function.__func__.function, function.__self__)
    return function


def is_asynchronous(function: Callable[..., Any]) -> bool:
    """Whether it is an `async def` function, a task or a method of one."""
    code = getattr(plain_function(function), "__code__", None)
    return isinstance(code, CodeType) and bool(code.co_flags & _CO_COROUTINE)


def merge_options(own: Options, of_pool: Options) -> Options:
    """A task's own options, and the pool's for those that it does not name."""
    return Options(
        of_pool.timeout if own.timeout is None else own.timeout,
        own.retries or of_pool.retries,
        own.interrupt or of_pool.interrupt,
        remember_errors=own.remember_errors,
        fork=own.fork or of_pool.fork,
    )
