"""The key of a pure call: what it is remembered by."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from elsewhere.errors import NoKey
from elsewhere.keys.binding import Bound, bind, simple_count
from elsewhere.keys.canonical import Writer
from elsewhere.keys.fingerprint import arguments_writer, fingerprint_of, too_deep
from elsewhere.keys.node import DIGEST_BYTES

DOMAIN = b"elsewhere.key.1"
"""changes whenever the encoding does"""


def key_of(
    function: Callable[..., Any],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> bytes:
    """The key of ``function(*args, **kwargs)``, 32 bytes: equal calls of equal code have equal keys.

    Covers the arguments as the parameters get them and everything that the function reaches (see
    `docs/keys.md`). Raises `NoKey` for what has no exact name, TypeError for arguments that do not fit.
    """
    fingerprint = fingerprint_of(function)
    try:
        encoded = _encoded(function, args, kwargs)
    except RecursionError as error:
        raise too_deep().within("args") from error
    return key_from(fingerprint, encoded)


def keys_of(
    function: Callable[..., Any], items: Sequence[tuple[Any, ...]]
) -> list[bytes | Exception]:
    """`key_of` each ``function(*item)``, or what it raises; the function is looked at once for all."""
    try:
        fingerprint = fingerprint_of(function)
    except NoKey as error:
        return [error] * len(items)
    count = simple_count(function)
    writer = arguments_writer()
    keys: list[bytes | Exception] = []
    for item in items:
        try:
            if len(item) == count:
                writer.sequence(b"(", item)
                encoded = b"".join(writer.out)  # type: ignore[arg-type]  # as in `_encoded`
                writer.out.clear()
                writer.referred.clear()
                keys.append(key_from(fingerprint, encoded))
                continue
        except Exception:  # noqa: BLE001  # it comes again
            writer = arguments_writer()  # of what it has written nothing is of use
        try:
            keys.append(key_of(function, item))
        except Exception as error:  # noqa: BLE001  # an argument may say its key, by code of its own
            keys.append(error)
    return keys


def key_from(fingerprint: bytes, arguments: bytes) -> bytes:
    """The key, of the 32 bytes of a fingerprint and the canonical bytes of the bound arguments."""
    return blake2b(fingerprint + arguments, digest_size=DIGEST_BYTES, person=DOMAIN).digest()


def _encoded(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any] | None
) -> bytes:
    if not kwargs and len(args) == simple_count(function):
        writer = arguments_writer()
        try:
            writer.sequence(b"(", args)
            return b"".join(writer.out)  # type: ignore[arg-type]  # references are bytes here
        except NoKey:
            pass  # what follows is the same at length, knows defaults and says where it fails
    writer = arguments_writer()
    bound = list(bind(function, args, kwargs or {}))
    writer.tag(b"(", len(bound))
    for one in bound:
        write_bound(writer, one)
    return b"".join(writer.out)  # type: ignore[arg-type]  # references are bytes here


def write_bound(writer: Writer, bound: Bound) -> None:
    """Write one parameter's value."""
    if bound.is_default and type(bound.value) is object:
        writer.out.append(b"?")  # a sentinel that nobody else can mean
    else:
        writer.write_at(bound.path, bound.value)
