"""Calls that run in the calling thread: what they are given, and coroutines where there is no loop."""

from collections import deque
from collections.abc import Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from copy import deepcopy
from dataclasses import fields, is_dataclass
from itertools import chain
from typing import Any

from elsewhere.future import Future


class Joined:
    """What stands for futures and is pickled as what becomes of their values: a `Chunked`."""

    chunks: tuple[Future[Any], ...]


_PLAIN = {int, str, float, bool, type(None), bytes, complex}


def with_values(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call, with its value for each future in lists, tuples, sets, dicts and
    dataclasses, and what a `Chunked` is joined to. Waits for the futures, and raises what one of them raised.

    What holds futures is copied; all else stays the very object that it is.
    """
    memo: dict[int, Any] = {}
    """by identity: what a copy has for an object"""
    walked: dict[int, Any] = {}
    """those that were looked into, so that none of them is another one by and by"""
    found = False
    todo = [args, kwargs]
    while todo:
        for part in parts_of(todo.pop()):
            place = id(part)
            if place in memo or place in walked:
                continue
            if isinstance(part, Future):
                memo[place] = part.result()
                found = True
            elif is_walked(part):
                walked[place] = part
                found |= isinstance(part, Joined)
                todo.append(part)
            else:
                memo[place] = part
    if not found:
        return args, kwargs
    copied: tuple[tuple[Any, ...], dict[str, Any]] = deepcopy((args, kwargs), memo)
    return copied


def is_walked(value: object) -> bool:
    """Whether futures are looked for in this."""
    return isinstance(value, (list, tuple, dict, set, frozenset, deque, Joined)) or (
        is_dataclass(value) and not isinstance(value, type)
    )


def parts_of(value: Any) -> Iterable[Any]:
    """Where they are looked for in it."""
    if isinstance(value, Joined):
        return value.chunks
    if isinstance(value, Mapping):
        return chain(value.keys(), value.values())
    if is_dataclass(value):
        return [getattr(value, field.name) for field in fields(value) if hasattr(value, field.name)]
    # Most lists are long ones of numbers or words, in which nothing is found.
    return () if _PLAIN.issuperset(map(type, value)) else value


def run_coroutine(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The value of a coroutine. Blocks, also where this thread runs a loop already."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    # A thread runs one loop at a time.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(copy_context().run, asyncio.run, coroutine).result()
