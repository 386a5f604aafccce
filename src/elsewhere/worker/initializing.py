"""The initializer of a pool, and what it makes of the globals of a script.

A function of a script travels with copies of its globals, so one that the initializer assigns would be
seen by the initializer alone. What it has assigned, or changed in place, is therefore found by all
functions of its module that come to this worker later, as if they shared the module. Pure tasks are left
out: what they compute is remembered by what they were sent with.
"""

from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, NamedTuple

from elsewhere.codec import rebuilding
from elsewhere.codec.values import dumps
from elsewhere.errors import NotPicklable

_SAME_FOR_EVER = (
    bool, int, float, complex, str, bytes, range, type(None), type, ModuleType, FunctionType,
    BuiltinFunctionType,
)  # fmt: skip


class Before(NamedTuple):
    """A global before the initializer has run."""

    value: object
    picture: int | None
    """what tells whether it was changed in place; None where nothing does"""


def initialize(decode: Callable[[bytes], Any], code: bytes) -> None:
    """Run an initializer, and keep what it makes. Raises what it raises."""
    rebuilding.noted = {}
    try:
        function, args = decode(code)
        spaces = [*rebuilding.noted.values()]
    finally:
        rebuilding.noted = None
    before = [{name: Before(value, _picture(value)) for name, value in s.items()} for s in spaces]
    function(*args)
    for space, old in zip(spaces, before, strict=True):
        made = {name: value for name, value in space.items() if _is_new(value, old.get(name))}
        if made:
            rebuilding.own.setdefault(space.get("__name__", ""), {}).update(made)


def _is_new(value: object, old: Before | None) -> bool:
    if old is None or value is not old.value:
        return True
    return old.picture is not None and _picture(value) != old.picture


def _picture(value: object) -> int | None:
    if isinstance(value, _SAME_FOR_EVER):
        return None
    try:
        return hash(dumps(value, "global"))
    except NotPicklable:
        return None
