"""What the tests of keys share."""

from typing import Any

from elsewhere.keys import fingerprint
from elsewhere.keys.fingerprint import arguments_writer
from elsewhere.keys.key import key_of


def encoded(value: Any) -> bytes:
    """The canonical bytes of a value, as it stands among the arguments of a call."""
    writer = arguments_writer()
    writer.write(value)
    parts = writer.out
    assert all(isinstance(part, bytes) for part in parts)
    return b"".join(part for part in parts if isinstance(part, bytes))


def fresh_key(function: Any, *args: Any) -> bytes:
    """The key as a process finds it that has seen nothing before."""
    kept = fingerprint._lasting.copy(), fingerprint._passing.copy()
    fingerprint._lasting.clear()
    fingerprint._passing.clear()
    try:
        return key_of(function, args)
    finally:
        fingerprint._lasting.update(kept[0])
        fingerprint._passing.update(kept[1])
