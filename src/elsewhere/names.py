"""How a pure call is named: by its key, in words, and now and then by the parts of its key."""

from collections.abc import Callable
from typing import Any, NamedTuple

from elsewhere.tasks import plain_function


class Name(NamedTuple):
    """What a call with a key says of itself."""

    key: bytes
    label: str
    parts: bytes


def name_of(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Name:
    """The name of a pure call. Raises `NoKey`, and TypeError for arguments that do not fit."""
    # Only pure calls pay for what these import.
    from elsewhere.codec.functions import full_name
    from elsewhere.codec.labels import label_of
    from elsewhere.keys.key import key_of
    from elsewhere.keys.sample import parts_now_and_then

    plain = plain_function(function)
    key = key_of(plain, args, kwargs)
    parts = parts_now_and_then(full_name(function), plain, args, kwargs)
    return Name(key, label_of(function, args, kwargs), parts)
