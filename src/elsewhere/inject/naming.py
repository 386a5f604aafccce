"""By what a resource is known in its process: the provider's fingerprint and its arguments."""

from collections.abc import Callable
from contextlib import suppress
from os import urandom
from types import FunctionType
from typing import Any, NamedTuple
from weakref import ref

from elsewhere.codec.labels import full_name
from elsewhere.errors import NoKey
from elsewhere.plans.dependency import Dependency

PROVIDERS_MAX = 1024
"""How many providers are kept with their fingerprints."""
DIGEST_BYTES = 32
_providers: dict[int, "tuple[ref[Callable[..., Any]], Looked]"] = {}


class Name(NamedTuple):
    """Equal ones are one resource."""

    digest: bytes
    """32 bytes: the same for equal providers and equal arguments"""
    place: bytes
    """the same for providers of which one was defined in place of the other; empty if that is not known"""
    exact: bool = True
    """other processes have the same digest for it"""


def name_of(wanted: Dependency, *, anew: bool = False) -> Name:
    """The name of what `wanted` makes. `anew`: as its provider is now, and not as it was when it was
    first looked at.

    What has no exact name is like nothing else: such a provider is shared by all who name the very same
    function, such an argument by nobody.
    """
    # Only who makes resources pays for what this imports.
    from elsewhere.keys.fingerprint import arguments_writer

    provider = wanted.provider
    writer = arguments_writer()
    try:
        writer.sequence(b"(", wanted.args)
        writer.mapping(b"{", wanted.kwargs.items(), in_order=False)
    except NoKey:
        return Name(_own(), b"", exact=False)
    arguments = b"".join(writer.out)  # type: ignore[arg-type]  # references are bytes here
    place = _digest(full_name(provider).encode() + arguments) if _is_alone(provider) else b""
    looked_at = _look_at(provider) if anew else _remember(provider)
    return Name(_digest(looked_at.fingerprint + arguments), place, looked_at.exact)


def label_of_all(needs: tuple[Dependency, ...]) -> str:
    """What has been made of all of these, in words."""
    return " and ".join(sorted({repr(need) for need in needs}))


def name_of_all(needs: tuple[Dependency, ...], *, anew: bool = False) -> Name:
    """Of what has been made of all of these. Raises `NoKey`: a name must be the same in all processes."""
    names = sorted({exact_name_of(need, anew=anew) for need in needs})
    digest = _digest(b"".join(name.digest for name in names))
    known = all(name.place for name in names)
    return Name(digest, _digest(b"".join(name.place for name in names)) if known else b"")


def exact_name_of(wanted: Dependency, *, anew: bool = False) -> Name:
    """As `name_of`, where it is the same in all processes. Raises `NoKey`."""
    from elsewhere.keys.fingerprint import arguments_writer, fingerprint_of

    writer = arguments_writer()
    writer.sequence(b"(", wanted.args)
    writer.mapping(b"{", wanted.kwargs.items(), in_order=False)
    fingerprint_of(wanted.provider)
    return name_of(wanted, anew=anew)


def _is_alone(provider: Callable[..., Any]) -> bool:
    """Whether its module can have only one function of this name at a time."""
    return (
        type(provider) is FunctionType
        and provider.__closure__ is None
        and provider.__qualname__ == provider.__name__ == provider.__code__.co_name
        and provider.__name__.isidentifier()
    )


class Looked(NamedTuple):
    """What a provider was found to be."""

    fingerprint: bytes
    exact: bool


def _remember(provider: Callable[..., Any]) -> Looked:
    """Looked at once for each function: a provider may change what it reads, such as a counter."""
    known = _providers.get(id(provider))
    if known is not None and known[0]() is provider:
        return known[1]
    found = _look_at(provider)
    with suppress(TypeError):  # of some builtins there are no references, and they do not change
        if len(_providers) >= PROVIDERS_MAX:
            _providers.clear()
        _providers[id(provider)] = ref(provider), found
    return found


def _look_at(provider: Callable[..., Any]) -> Looked:
    from elsewhere.keys.fingerprint import fingerprint_of

    try:
        return Looked(fingerprint_of(provider), exact=True)
    except NoKey:
        return Looked(_own(), exact=False)


def _own() -> bytes:
    """What no other process has for anything."""
    return urandom(DIGEST_BYTES)


def _digest(data: bytes) -> bytes:
    from hashlib import blake2b  # it brings OpenSSL, and workers are mostly told names

    return blake2b(data, digest_size=DIGEST_BYTES, person=b"elsewhere.given").digest()
