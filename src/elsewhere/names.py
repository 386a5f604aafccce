"""How a pure call is named: by its key, in words, and now and then by the parts of its key."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from elsewhere.tasks import plain_function


class Name(NamedTuple):
    """What a call with a key says of itself."""

    key: bytes
    label: str
    parts: bytes


def name_of(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Name:
    """The name of a pure call. Raises `NoKey`, and TypeError for arguments that do not fit."""
    return describe_call(key_of_call(function, args, kwargs), function, args, kwargs)


def key_of_call(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bytes:
    """Its key alone, which is all that one needs to look it up. Raises as `name_of`."""
    # Only pure calls pay for what this imports.
    from elsewhere.keys.key import key_of

    return key_of(plain_function(function), args, kwargs)


def keys_of_calls(
    function: Callable[..., Any], items: Sequence[tuple[Any, ...]]
) -> list[bytes | Exception]:
    """`key_of_call` of ``function(*item)`` for each of `items`, or what that raises."""
    from elsewhere.keys.key import keys_of

    return keys_of(plain_function(function), items)


def describe_call(
    key: bytes, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Name:
    """Its name, if the key is known already. Raises `NoKey`."""
    from elsewhere.codec.labels import full_name, label_of
    from elsewhere.keys.sample import parts_now_and_then

    parts = parts_now_and_then(full_name(function), plain_function(function), args, kwargs)
    return Name(key, label_of(function, args, kwargs), parts)
