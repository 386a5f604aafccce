"""Which pool a call goes to that names none: the pool *in force*.

It is the pool of the innermost ``with`` block of this thread or asyncio task. Without one it is, in a
worker, the worker's own, inside whatever it runs; in a client, the latest that another thread has
entered. Where there is none, calls run inline.
"""

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from elsewhere.finished import Hit
    from elsewhere.future import Future
    from elsewhere.store import Store


class Caller(Protocol):
    """What a pool does for a call that names none."""

    def spawn(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> "Future[Any]":
        """Call ``function(*args, **kwargs)`` elsewhere."""

    def spawn_each(
        self, function: Callable[..., Any], items: Sequence[tuple[Any, ...]]
    ) -> "Iterable[Future[Any] | Hit[Any]]":
        """Call ``function(*item)`` elsewhere for each of `items`, while that is iterated over."""

    def store(self) -> "Store | None":
        """Where results are remembered, if that can be asked from here."""


_entered: ContextVar[tuple[Caller, ...]] = ContextVar("elsewhere_entered", default=())
_latest: list[Caller] = []
_of_worker: Callable[[], Caller] | None = None


def in_force() -> Caller | None:
    """The pool in force, if there is one."""
    mine = _entered.get()
    if mine:
        return mine[-1]
    if _of_worker is not None:
        return _of_worker()
    return _latest[-1] if _latest else None


class OfValues:
    """A pure task that is called with futures: in a worker they are values, and so the call has a key.

    It is called what the task is called. It cannot be referred to weakly, so its equals are found by
    their bytes and sent once.
    """

    __slots__ = ("func",)

    def __init__(self, task: Callable[..., Any]) -> None:
        self.func = task

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        caller = in_force()
        if caller is None:
            return self.func(*args, **kwargs)
        return caller.spawn(self.func, args, kwargs).result()


def enter(caller: Caller) -> None:
    """A ``with`` block of this pool begins."""
    _entered.set((*_entered.get(), caller))
    _latest.append(caller)


def leave(caller: Caller) -> None:
    """It ends."""
    mine = list(_entered.get())
    for entered in (mine, _latest):
        if caller in entered:
            entered.reverse()
            entered.remove(caller)
            entered.reverse()
    _entered.set(tuple(mine))


def serve_worker(make: Callable[[], Caller] | None) -> None:
    """This process is a worker, and `make` gives its own pool; None: it is one no more."""
    global _of_worker  # a process is one worker
    _of_worker = make
