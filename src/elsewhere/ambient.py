"""Calls that name no pool: they go to the pool in force, and run inline where there is none."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future as BaseFuture
from concurrent.futures import as_completed as base_as_completed
from types import CoroutineType
from typing import Any, ParamSpec, TypeVar, cast, overload

from elsewhere.finished import finished_future
from elsewhere.future import Future
from elsewhere.in_force import in_force
from elsewhere.inline import run_coroutine, with_values
from elsewhere.partials import unfold
from elsewhere.plans.injected import injected
from elsewhere.stream import Stream
from elsewhere.tasks import task_of

P = ParamSpec("P")
T = TypeVar("T")


# Of each the second, because no type says that any part of an argument may be a future of it.
@overload
def spawn(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]: ...
@overload
def spawn(  # type: ignore[overload-cannot-match]  # it is, where the first one does not match
    function: Callable[..., T], /, *args: Any, **kwargs: Any
) -> Future[T]: ...
def spawn(function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
    """Call ``function(*args, **kwargs)`` elsewhere, and go on. Without a pool it has run already."""
    caller = in_force()
    if caller is not None:
        return caller.spawn(function, args, kwargs)
    return finished_future(run_here, (function, *args), kwargs)


@overload
def call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
@overload
def call(  # type: ignore[overload-cannot-match]  # as above
    function: Callable[..., T], /, *args: Any, **kwargs: Any
) -> T: ...
def call(function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """The value of ``function(*args, **kwargs)``, computed elsewhere. Raises what the call raised."""
    caller = in_force()
    if caller is not None:
        value: T = caller.spawn(function, args, kwargs).result()
        return value
    return run_here(function, *args, **kwargs)


def map(function: Callable[..., T], *iterables: Iterable[Any]) -> Iterator[T]:  # noqa: A001  # that is what it is
    """``map(function, *iterables)``, each call elsewhere; yields in order.

    The iterables may be unbounded: a bounded number of calls is under way. An exception surfaces at
    its position. When the iterator ends early, calls that have not begun are taken back.
    """
    if not iterables:
        raise TypeError("map needs at least one iterable")
    caller = in_force()
    items = zip(*iterables, strict=False)
    if caller is None:
        return (run_here(function, *item) for item in items)
    task = task_of(function)
    pure = task is not None and task.pure
    return Stream(lambda batch: caller.spawn_each(function, batch), items, batched=pure)


def run_here(function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """The value of a call in this thread; of an `async def` function, once its coroutine has ended.

    It is given the values of futures, as it would be elsewhere.
    """
    function, args, kwargs = unfold(function, args, kwargs)
    args, kwargs = with_values(args, kwargs)
    value: Any = injected(function)(*args, **kwargs)
    if not isinstance(value, CoroutineType):
        return cast(T, value)
    return cast(T, run_coroutine(value))


def gather(*futures: BaseFuture[Any]) -> list[Any]:
    """The values of all, in order, once all have come out.

    Raises what one of them raised, or an `ExceptionGroup` if several did.
    """
    errors: list[BaseException] = []
    for future in futures:
        error = future.exception()
        if error is not None:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise BaseExceptionGroup(f"{len(errors)} of {len(futures)} calls failed", errors)
    return [future.result() for future in futures]


def as_completed(
    futures: Iterable[BaseFuture[T]], timeout: float | None = None
) -> Iterator[BaseFuture[T]]:
    """The futures, each as soon as it has come out. Raises TimeoutError `timeout` seconds from now."""
    return base_as_completed(futures, timeout)
