"""A hash of keys that is the same in every process: keys that are equal have equal hashes.

Equal as in Python, where ``1 == 1.0 == Decimal(1) == True``: a number is hashed as the ratio that it
is, whatever its type. Integers are mixed by the finalizer of SplitMix64 (Steele, Lea, Flood: Fast
Splittable Pseudorandom Number Generators, 2014) with the constants of Stafford's variant 13, which
numpy does for a whole array at once; text goes through blake2b, everything else by its canonical bytes.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

MASK = 2**64 - 1
_START = 0x243F6A8885A308D3
"""what the hash of no elements begins with: digits of pi"""
_NONE = 0x13198A2E03707344


def mix(number: Any) -> Any:
    """64 bits of an integer, or of each of an array of uint64, in disorder."""
    number = (number + 0x9E3779B97F4A7C15) & MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & MASK
    return number ^ (number >> 31)


def combine(hashes: Iterable[Any]) -> Any:
    """The hash of a tuple, of the hashes of its elements: integers, or arrays of as many rows."""
    total: Any = _START
    for one in hashes:
        total = mix(one ^ mix(total))
    return total


def hash_of(key: Any) -> int:
    """64 bits that equal keys have in common. Raises `NoKey` for what has no exact bytes."""
    if isinstance(key, str):
        return _digest(key.encode("utf-8", "surrogatepass"), b"text")
    if isinstance(key, int):
        return _mixed(int(key))
    if key is None:
        return _NONE
    if isinstance(key, tuple):
        return int(combine(map(hash_of, key)))
    if isinstance(key, bytes):
        return _digest(key, b"bytes")
    return _hash_of_other(key)


def hashes_of(keys: Iterable[Any]) -> list[int]:
    """`hash_of` each."""
    known: dict[str, int] = {}
    hashes = []
    for key in keys:
        if type(key) is not str:
            hashes.append(hash_of(key))
            continue
        found = known.get(key)
        if found is None:
            found = known[key] = hash_of(key)
        hashes.append(found)
    return hashes


def _hash_of_other(key: Any) -> int:
    if isinstance(key, complex) and key.imag == 0:
        key = key.real
    if type(key).__module__ == "numpy" and hasattr(key, "item"):
        # Of a date this is the microsecond: dates of several units may be equal.
        plain = key.astype("M8[us]").item() if key.dtype.kind == "M" else key.item()
        if type(plain) is not type(key):
            return hash_of(plain)
    if hasattr(key, "as_integer_ratio"):
        try:
            above, below = key.as_integer_ratio()
        except (OverflowError, ValueError):
            return _digest(str(float(key)).encode(), b"number")  # an infinity, or no number
        return _mixed(above) if below == 1 else int(combine((_mixed(above), _mixed(below))))
    if isinstance(key, datetime):
        moment = key if key.tzinfo is None else key.astimezone(UTC)
        # Without what pandas adds: its dates are equal to the standard library's.
        return _digest(moment.isoformat(timespec="microseconds").encode(), b"moment")
    if isinstance(key, timedelta):
        return int(combine(map(_mixed, (key.days, key.seconds, key.microseconds))))
    # Only keys that are neither numbers nor text pay for what this imports.
    from elsewhere.keys.fingerprint import arguments_writer
    from elsewhere.keys.node import Part

    writer = arguments_writer()
    writer.write(key)
    parts: list[Part] = writer.out
    return _digest(b"".join(parts), b"value")  # type: ignore[arg-type]  # references are bytes here


def _mixed(number: int) -> int:
    return int(mix(number & MASK))


def _digest(data: bytes, person: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8, person=person).digest(), "big")
