"""A hash of keys that is the same in every process: keys that are equal have equal hashes.

Equal as in Python, where ``1 == 1.0 == Decimal(1) == True``: a number is hashed as the ratio that it
is, whatever its type, and collections by what they hold. All that is missing is one key: None, NaN,
NaT and null. Integers are mixed by the finalizer of SplitMix64 (Steele, Lea, Flood: Fast
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
_LIST, _SET, _DICT = 0xA4093822299F31D0, 0x082EFA98EC4E6C89, 0x452821E638D01377
"""what distinguishes these from tuples: more digits of pi"""


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
    if isinstance(key, (bytes, bytearray)):
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
    if isinstance(key, (list, set, frozenset, dict)):
        return _hash_of_collection(key)
    if type(key).__module__ == "numpy" and hasattr(key, "item"):
        plain = _plain(key)
        if type(plain) is not type(key):
            return hash_of(plain)
    if hasattr(key, "as_integer_ratio"):
        try:
            above, below = key.as_integer_ratio()
        except OverflowError:
            return _digest(str(float(key)).encode(), b"number")  # an infinity
        except ValueError:
            return _NONE  # no number
        return _mixed(above) if below == 1 else int(combine((_mixed(above), _mixed(below))))
    if type(key).__name__ in {"NaTType", "NAType"}:  # of pandas, which is not imported here
        return _NONE
    if isinstance(key, datetime):
        moment = key if key.tzinfo is None else key.astimezone(UTC)
        # Without what pandas adds: its dates are equal to the standard library's.
        return _digest(moment.isoformat(timespec="microseconds").encode(), b"moment")
    if isinstance(key, timedelta):
        return int(combine(map(_mixed, (key.days, key.seconds, key.microseconds))))
    # Only keys that are neither numbers nor text pay for what this imports.
    from elsewhere.keys.fingerprint import canonical_bytes

    return _digest(canonical_bytes(key), b"value")


def _hash_of_collection(key: Any) -> int:
    if isinstance(key, list):
        return int(combine([_LIST, *map(hash_of, key)]))
    if isinstance(key, dict):
        return int(combine([_DICT, *sorted(map(hash_of, key.items()))]))
    return int(combine([_SET, *sorted(map(hash_of, key))]))


def _plain(scalar: Any) -> Any:
    """Python's value of one of numpy's. Dates and durations of several units may be equal: here all
    are of whole microseconds, or of months where they are of months or years."""
    kind = scalar.dtype.kind
    if kind == "M":
        return scalar.astype("M8[us]").item()
    if kind != "m":
        return scalar.item()
    if scalar.dtype.str[3:] in {"[Y]", "[M]"}:
        return scalar.astype("m8[M]").item()
    return scalar.astype("m8[us]").item()


def _mixed(number: int) -> int:
    return int(mix(number & MASK))


def _digest(data: bytes | bytearray, person: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8, person=person).digest(), "big")
