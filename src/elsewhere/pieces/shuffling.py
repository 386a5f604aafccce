"""How elements with equal keys meet: a chunk is put in the order of its parts, and parts are joined.

What a chunk becomes is one value, its elements part by part, and where each part begins. So whoever
joins a part takes one slice of each of these values, which costs no copy of an array.
"""

from collections.abc import Callable
from itertools import accumulate
from typing import Any, TypeAlias

from elsewhere.codec.values import dumps, loads
from elsewhere.pieces.arrays import loaded_numpy
from elsewhere.pieces.hashing import combine, hashes_of
from elsewhere.pieces.kind import Kind
from elsewhere.pieces.kinds import LISTS, SINGLE, join, kind_of

Key: TypeAlias = "Callable[[Any], Any] | str | list[str] | None"
"""A function of an element, a column, several columns; None: the element itself"""
Sorted: TypeAlias = tuple[Any, list[int]]
"""the elements part by part, and where each part begins; the last number is where all end"""


def sort_by_key(key: Key, parts: int, chunk: Any) -> Sorted:
    """Put a chunk in the order of the parts of its elements' keys."""
    kind = kind_of(chunk)
    hashes: Any
    if key is None:
        hashes = kind.hashes(chunk)
    elif callable(key):
        hashes = hashes_of(map(key, kind.elements(chunk)))
    elif isinstance(key, list):
        columns = [kind.column(chunk, name) for name in key]
        hashes = combine([_as_array(kind_of(column).hashes(column)) for column in columns])
    else:
        column = kind.column(chunk, key)
        hashes = kind_of(column).hashes(column)
    return _sort(kind, hashes, parts, chunk)


def sort_by_keys(parts: int, chunk: Any, keys: Any) -> Sorted:
    """The same, with the keys as a chunk of their own."""
    kind, kind_of_keys = kind_of(chunk), kind_of(keys)
    elements, given = kind.length(chunk), kind_of_keys.length(keys)
    if elements != given:
        raise ValueError(f"a chunk of {elements} elements has {given} keys: there is one for each")
    return _sort(kind, kind_of_keys.hashes(keys), parts, chunk)


def join_part(part: int, *chunks: Sorted) -> Any:
    """The elements of one part, of all chunks."""
    found = []
    for elements, begins in chunks:
        begin, end = begins[part], begins[part + 1]
        if isinstance(elements, bytes):
            found.append(loads(memoryview(elements)[begin:end]))
        else:
            found.append(kind_of(elements).cut(elements, slice(begin, end)))
    return join(found)


def _sort(kind: Kind, hashes: Any, parts: int, chunk: Any) -> Sorted:
    if kind is LISTS or kind is SINGLE:
        return _sort_list(kind.elements(chunk), hashes, parts)
    numpy = loaded_numpy()
    part_of_each = _as_array(hashes) % numpy.uint64(parts)
    order = numpy.argsort(part_of_each, kind="stable")
    begins = numpy.searchsorted(part_of_each[order], numpy.arange(parts + 1, dtype=numpy.uint64))
    return kind.take(chunk, order), begins.tolist()


def _sort_list(elements: Any, hashes: Any, parts: int) -> Sorted:
    """Of a list each part is bytes by itself: who joins one part need not decode the others."""
    buckets: list[list[Any]] = [[] for _ in range(parts)]
    for element, one in zip(elements, hashes, strict=True):
        buckets[int(one) % parts].append(element)
    encoded = [dumps(bucket, "part") for bucket in buckets]
    return b"".join(encoded), [0, *accumulate(map(len, encoded))]


def _as_array(hashes: Any) -> Any:
    numpy = loaded_numpy()
    return numpy.asarray(hashes, dtype=numpy.uint64)
