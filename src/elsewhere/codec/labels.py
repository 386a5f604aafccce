"""Functions and calls in words, for messages: the arguments shortened."""

from collections.abc import Callable, Mapping
from reprlib import Repr
from typing import Any

_shortened = Repr()
_shortened.maxother = _shortened.maxstring = 40
_shortened.maxlevel = 3


def full_name(function: Callable[..., Any]) -> str:
    """What a store calls a function: its name with that of its module."""
    return (
        f"{getattr(function, '__module__', None) or type(function).__module__}.{describe(function)}"
    )


def describe(function: Callable[..., Any]) -> str:
    """What messages and tables call a function."""
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
    if isinstance(name, str):
        return name
    inner = getattr(function, "func", None)
    if callable(inner):
        return describe(inner)
    return type(function).__qualname__


def label_of(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Such as ``ratio(5, digits=3)``, on one line. Never raises for what the arguments are."""
    parts = [_say(value) for value in args]
    parts += [f"{name}={_say(value)}" for name, value in kwargs.items()]
    return f"{describe(function)}({', '.join(parts)})"


def _say(value: object) -> str:
    try:
        return " ".join(_shortened.repr(value).split())
    except Exception:  # noqa: BLE001  # its own code
        return f"<{type(value).__name__}>"
