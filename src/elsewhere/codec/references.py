"""Futures among the arguments of a call: places in the payload, where the values come in later.

What is pickled stays as it is; a future that pickle meets while a call is being encoded writes down
the position that it has among the inputs of that call, and there its value is put where the call runs.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from elsewhere.codec.values import dumps_call


class _Local(threading.local):
    met: dict[Any, int] | None = None
    """the inputs of the call that this thread encodes, and their positions"""
    load: Callable[[int], Any]
    """gives an input of the call that this thread decodes, by position"""


_local = _Local()


def dumps_with_inputs(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bytes, list[Any]]:
    """The bytes of the arguments of a call, and the futures among them. Raises as `dumps_call`."""
    outer = _local.met
    met: dict[Any, int] = {}
    _local.met = met
    try:
        return dumps_call(args, kwargs), list(met)
    finally:
        _local.met = outer


def refer(future: object) -> tuple[Callable[[int], Any], tuple[int]] | None:
    """How pickle is to write a future down; None where no call is being encoded."""
    met = _local.met
    if met is None:
        return None
    return input_value, (met.setdefault(future, len(met)),)


@contextmanager
def supplied(load: Callable[[int], Any]) -> Iterator[None]:
    """What this thread decodes here is the arguments of a call; ``load(position)`` gives an input."""
    outer = _local.__dict__.get("load")
    _local.load = load
    try:
        yield
    finally:
        if outer is None:
            del _local.load
        else:
            _local.load = outer


def input_value(position: int) -> Any:
    """The value of an input; payloads name this function."""
    return _local.load(position)
