"""A call in words, for messages: its function and its arguments, shortened."""

from collections.abc import Callable, Mapping
from reprlib import Repr
from typing import Any

from elsewhere.codec.functions import describe

_shortened = Repr()
_shortened.maxother = _shortened.maxstring = 40
_shortened.maxlevel = 3


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
