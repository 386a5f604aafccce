"""The calls that a `Chunked` makes: each takes chunks, and runs where they are."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from elsewhere.codec.values import dumps, loads
from elsewhere.errors import NoKey
from elsewhere.pieces.arrow_operators import is_arrow, operate_arrow
from elsewhere.pieces.kinds import LISTS, SINGLE, join, kind_of
from elsewhere.plans.injected import injected


def same(chunk: Any) -> Any:
    """What brings a chunk to a worker."""
    return chunk


def count(chunk: Any) -> int:
    """How many elements it has."""
    return kind_of(chunk).length(chunk)


def cut(where: slice, chunk: Any) -> Any:
    """Some of its elements, as a chunk."""
    return kind_of(chunk).cut(chunk, where)


def first(elements: int, chunk: Any) -> tuple[int, Any]:
    """How many of its first `elements` there are, and they."""
    kind = kind_of(chunk)
    found = min(elements, kind.length(chunk))
    return found, kind.cut(chunk, slice(0, found))


def element(place: int, chunk: Any) -> Any:
    """One of its elements."""
    kind = kind_of(chunk)
    return next(iter(kind.elements(kind.cut(chunk, slice(place, place + 1)))))


def joined(*chunks: Any) -> Any:
    """One chunk of several."""
    return join(chunks)


def fold(function: Callable[[Any, Any], Any], *chunks: Any) -> Any:
    """One value of several, from left to right."""
    return reduce(injected(function), chunks)


def pair(*chunks: Any) -> list[tuple[Any, ...]]:
    """A tuple for each position."""
    _check_lengths(chunks)
    return list(zip(*(kind_of(chunk).elements(chunk) for chunk in chunks), strict=True))


def pack(chunk: Any) -> bytes:
    """Its bytes, as a store keeps them."""
    return dumps(chunk, "chunk")


def unpack(packed: bytes) -> Any:
    """What `pack` has made bytes of."""
    return loads(packed)


def is_same(packed: bytes, other: bytes) -> bool:
    """Whether `pack` was given equal values, whose bytes may differ: by what keys are made of.

    What has no exact bytes is equal to nothing.
    """
    from elsewhere.keys.fingerprint import canonical_bytes

    try:
        return canonical_bytes(loads(packed)) == canonical_bytes(loads(other))
    except NoKey:
        return False


def operate_alone(operate: Callable[[Any], Any], chunk: Any) -> Any:
    """An operator of one operand, of a list for each element."""
    return [operate(one) for one in chunk] if isinstance(chunk, list) else _apply(operate, chunk)


def operate_on(operate: Callable[[Any, Any], Any], chunk: Any, other: Any) -> Any:
    """An operator of a chunk and a value, which every element of a list meets."""
    if isinstance(chunk, list):
        return [operate(one, other) for one in chunk]
    return _apply(operate, chunk, other)


def operate_swapped(operate: Callable[[Any, Any], Any], chunk: Any, other: Any) -> Any:
    """The same, with the value on the left."""
    if isinstance(chunk, list):
        return [operate(other, one) for one in chunk]
    return _apply(operate, other, chunk)


def operate_both(operate: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """An operator of two chunks, position by position; what is one element meets all of the other."""
    if kind_of(right) is SINGLE:
        return operate_on(operate, left, right)
    if kind_of(left) is SINGLE:
        return operate_swapped(operate, right, left)
    _check_lengths((left, right))
    if kind_of(left) is LISTS and kind_of(right) is LISTS:
        return list(map(operate, left, right))
    return _apply(operate, left, right)


def _apply(operate: Callable[..., Any], *operands: Any) -> Any:
    """What the operands' own operator makes of them; Arrow has functions instead."""
    return operate_arrow(operate, operands) if is_arrow(operands) else operate(*operands)


def _check_lengths(chunks: Sequence[Any]) -> None:
    lengths = [count(chunk) for chunk in chunks]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"chunks of {' and '.join(map(str, lengths))} elements do not fit: "
            "chunks that meet have equal lengths; a.align(b) cuts the elements of a as those of b are"
        )
