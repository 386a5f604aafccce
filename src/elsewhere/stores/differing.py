"""Two results for one key: whether they are two values, which a pure task never returns."""

import reprlib
from typing import Any

from elsewhere.calls.messages import Verdict
from elsewhere.codec.values import loads
from elsewhere.keys.fingerprint import arguments_writer
from elsewhere.store import Remembered


def tell_apart(kept: Remembered, verdict: Verdict, payload: bytes) -> str:
    """How another result of its key differs from the one that is kept, in words; "" if it does not.

    Equal values may have different pickles, such as sets of strings from two processes. So values are
    compared as arguments are, and by their bytes only if they have no exact name. Two errors count
    as one: no value is in doubt.
    """
    if payload == kept.payload and verdict is kept.verdict:
        return ""
    if verdict is kept.verdict and (verdict is Verdict.ERROR or _are_equal(kept.payload, payload)):
        return ""
    return f"{_say(kept.verdict, kept.payload)} and {_say(verdict, payload)}"


def _are_equal(first: bytes, second: bytes) -> bool:
    try:
        return _name_of(loads(first)) == _name_of(loads(second))
    except Exception:  # noqa: BLE001  # unpickling runs the value's own code; then their bytes decide
        return False


def _name_of(value: Any) -> bytes:
    writer = arguments_writer()
    writer.write(value)
    return b"".join(writer.out)  # type: ignore[arg-type]  # references are bytes here


def _say(verdict: Verdict, payload: bytes) -> str:
    if verdict is Verdict.ERROR:
        return "an error"
    try:
        return " ".join(reprlib.repr(loads(payload)).split())
    except Exception:  # noqa: BLE001  # its own code
        return f"{len(payload)} bytes that cannot be read here"
