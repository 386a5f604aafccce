"""Futures among the arguments of a call: places in the payload, where the values come in later.

What is pickled stays as it is; a future that pickle meets while a call is being encoded writes down
the position that it has among the inputs of that call, and there its value is put where the call runs.
In a worker a future may be met in what a call returns, too: then it travels as its outcome.
"""

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeAlias, TypeVar

from elsewhere.codec.values import PROTOCOL, dumps_call, loads

Encoding = TypeVar("Encoding")
Source: TypeAlias = bytes | Callable[..., Any]
"""a value: encoded, or what gives it, and with `own=True` a copy of it"""


class Referable(Protocol):
    """A future, as it is met here."""

    def check_input(self, settler: Any) -> None:
        """Raises `NotPicklable` if it cannot be the input of a call that goes through `settler`."""

    def as_returned(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """How to write it down as its outcome, for which this waits."""


class Met:
    """The inputs of a call that is being encoded for `settler`, and their positions."""

    __slots__ = ("futures", "settler")

    def __init__(self, settler: object) -> None:
        self.settler = settler
        self.futures: dict[Any, int] = {}


# Not thread-local: what pickle calls may wait, and fibers of one thread would meet each other's futures.
_met: ContextVar[Met | None] = ContextVar("elsewhere_met", default=None)
_values: ContextVar[Sequence[Source]] = ContextVar("elsewhere_values", default=())
_in_worker = False


def let_futures_travel(allowed: bool) -> None:
    """Whether what is pickled in this process is what calls return."""
    global _in_worker  # a process is one worker
    _in_worker = allowed


def dumps_with_inputs(
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    settler: object,
    encode: Callable[[Any, str], Encoding],
) -> tuple[Encoding, list[Any]]:
    """The arguments of a call that goes through `settler`, as `encode` gives them, and the futures
    among them.

    Raises as `dumps_call`, also for a future that cannot be an input of it.
    """
    met = Met(settler)
    token = _met.set(met)
    try:
        return dumps_call(args, kwargs, encode), list(met.futures)
    finally:
        _met.reset(token)


@contextmanager
def meeting(settler: object) -> Iterator[Met]:
    """What is encoded here is given to calls that go through `settler`."""
    met = Met(settler)
    token = _met.set(met)
    try:
        yield met
    finally:
        _met.reset(token)


def refer(future: Referable) -> tuple[Callable[..., Any], tuple[Any, ...]] | None:
    """How pickle is to write a future down; None where it cannot travel."""
    met = _met.get()
    if met is not None:
        future.check_input(met.settler)
        return input_value, (met.futures.setdefault(future, len(met.futures)),)
    return future.as_returned() if _in_worker else None


@contextmanager
def supplied(values: Sequence[Source]) -> Iterator[None]:
    """What is decoded here was given to a call with these inputs."""
    token = _values.set(values)
    try:
        yield
    finally:
        _values.reset(token)


def note_not_begun(error: Exception) -> None:
    """Say of what was raised as the arguments of a call were decoded that no code of it has run."""
    from elsewhere.codec.failures import add_notes

    note = "raised as the arguments were unpickled and the inputs put in their places: it was not begun"
    add_notes(error, [note])


def dumps_own(position: int) -> bytes:
    """The bytes of arguments that are an input of their call, because they are large."""
    return pickle.dumps(_OwnValue(position), PROTOCOL)


class _OwnValue:
    """Becomes the value of an input where it is decoded."""

    def __init__(self, position: int) -> None:
        self.position = position

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[int]]:
        return own_value, (self.position,)


def own_value(position: int) -> Any:
    """The value of an input that its call may change; payloads name this function."""
    source = _values.get()[position]
    return loads(source) if isinstance(source, bytes) else source(own=True)


def input_value(position: int) -> Any:
    """The value of an input; payloads name this function."""
    source = _values.get()[position]
    return loads(source) if isinstance(source, bytes) else source()
