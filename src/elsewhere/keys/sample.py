"""Which calls have the parts of their keys kept: not all, because that takes longer than a key."""

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from elsewhere.keys.fingerprint import fingerprint_of
from elsewhere.keys.parts import parts_of

SECONDS = 1.0
"""How often they are kept while the code of a function stays the same."""
FUNCTIONS_MAX = 4096
_kept: dict[str, tuple[bytes, float]] = {}


def parts_now_and_then(
    name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> bytes:
    """The parts of a key for the store, or nothing if those of another call of `name` were kept lately.

    Raises `NoKey`.
    """
    fingerprint, now = fingerprint_of(function), monotonic()
    known, since = _kept.get(name, (b"", 0.0))
    if known == fingerprint and now - since < SECONDS:
        return b""
    if len(_kept) >= FUNCTIONS_MAX:
        _kept.clear()
    _kept[name] = fingerprint, now
    return parts_of(function, args, kwargs).to_bytes()
