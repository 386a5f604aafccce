"""Fingerprints: a digest of all that a function reaches, found again at once while it is unchanged."""

from collections import OrderedDict
from typing import Any

from elsewhere.errors import NoKey
from elsewhere.keys.canonical import Writer
from elsewhere.keys.node import digest_of, root_digest
from elsewhere.keys.objects import write_other
from elsewhere.keys.origin import PYTHON
from elsewhere.keys.reach import Reach
from elsewhere.keys.references import is_found, write_reference
from elsewhere.keys.watch import Watch

PASSING_MAX = 64
"""How many functions that no module holds, such as lambdas, are kept with what they reach."""
TOO_DEEP_REMEDY = "Make it flatter, or give its class an __elsewhere_key__ method"


class Fingerprint:
    """The fingerprint of `value`, a function or a class; good while `watch` holds."""

    __slots__ = ("digest", "value", "watch")

    def __init__(self, value: Any, digest: bytes, watch: Watch) -> None:
        self.value = value
        self.digest = digest
        self.watch = watch


_lasting: dict[int, Fingerprint] = {}
_passing: OrderedDict[int, Fingerprint] = OrderedDict()


def fingerprint_of(value: Any) -> bytes:
    """The 32 bytes that stand for a callable and all it reaches. Raises `NoKey`."""
    place = id(value)
    known = _lasting.get(place) or _passing.get(place)
    if known is not None and known.value is value and known.watch.holds():
        return known.digest
    return _anew(value).digest


def _anew(value: Any) -> Fingerprint:
    reach = Reach()
    try:
        root = reach.root(value)
    except RecursionError as error:
        raise too_deep() from error
    reach.watch.close()
    made = Fingerprint(value, digest_of(PYTHON.encode() + root_digest(root)), reach.watch)
    if is_lasting(value):
        _lasting[id(value)] = made
    else:
        _passing[id(value)] = made
        while len(_passing) > PASSING_MAX:
            _passing.popitem(last=False)
    return made


def too_deep() -> NoKey:
    return NoKey("", "it is nested too deeply", TOO_DEEP_REMEDY)


def is_lasting(value: Any) -> bool:
    """Whether a module holds it, so that holding it too costs nothing."""
    name = getattr(value, "__module__", None)
    return hasattr(value, "__qualname__") and is_found(value, name)


def arguments_writer() -> Writer:
    """A writer of arguments: what they refer to stands in them by its fingerprint."""
    return Writer(write_other, _refer)


def canonical_bytes(value: Any) -> bytes:
    """The bytes of a value, equal for equal values. Raises `NoKey` for what has no exact bytes."""
    writer = arguments_writer()
    writer.write(value)
    return b"".join(writer.out)  # type: ignore[arg-type]  # references are bytes here


def _refer(writer: Writer, value: Any) -> None:
    write_reference(writer, value, _follow)


def _follow(writer: Writer, value: Any) -> None:
    # Of a thousand objects of one class the class is looked at once.
    found = writer.referred.get(id(value))
    if found is None:
        try:
            found = writer.referred[id(value)] = fingerprint_of(value)
        except NoKey as error:
            raise error.within(": ") from error.__cause__
    writer.out.append(b"&" + found)
