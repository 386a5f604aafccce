"""numpy's arrays as chunks: along their first axis.

numpy is not imported here: whoever has an array has imported it.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from elsewhere.pieces.hashing import hashes_of, mix
from elsewhere.pieces.kind import Kind


def loaded_numpy() -> Any:
    """numpy, where something that needs it has been decoded. Raises ImportError without it."""
    numpy = sys.modules.get("numpy")
    if numpy is None:  # Arrow does without
        raise ImportError("a shuffle of Arrow tables needs numpy: pip install numpy")
    return numpy


class Arrays:
    """`elsewhere.pieces.kind.Kind` of arrays of at least one dimension."""

    def length(self, chunk: Any) -> int:
        return len(chunk)

    def elements(self, chunk: Any) -> Iterator[Any]:
        return iter(chunk)

    def cut(self, chunk: Any, where: slice) -> Any:
        return chunk[where]

    def take(self, chunk: Any, places: Any) -> Any:
        return chunk[places]

    def join(self, chunks: Sequence[Any]) -> Any:
        numpy = sys.modules["numpy"]
        if any(isinstance(chunk, numpy.ma.MaskedArray) for chunk in chunks):
            return numpy.ma.concatenate(chunks)  # numpy.concatenate drops the masks
        return numpy.concatenate(chunks)

    def column(self, chunk: Any, name: Any) -> Any:
        if chunk.dtype.names is None:
            raise TypeError(
                f"an array of {chunk.dtype} has no column {name!r}: give a function of an element as "
                "the key, or a Chunked of the keys"
            )
        return chunk[name]

    def hashes(self, chunk: Any) -> Any:
        if chunk.ndim != 1 or chunk.dtype.names is not None:
            raise TypeError(
                f"the keys of a shuffle are an array of one dimension, not {chunk.ndim}: say by what "
                "the rows are told apart"
            )
        return hash_array(chunk)


def hash_array(array: Any) -> Any:
    """The hash of each element of an array of one dimension."""
    numpy = loaded_numpy()
    kind = array.dtype.kind
    if kind in "iub" and not isinstance(array, numpy.ma.MaskedArray):
        # A negative integer is what Python makes of it under the mask.
        return mix(array.astype(numpy.int64 if kind == "i" else numpy.uint64).view(numpy.uint64))
    if kind == "O" or isinstance(array, numpy.ma.MaskedArray):
        return numpy.array(hashes_of(array.tolist()), dtype=numpy.uint64)
    distinct, places = numpy.unique(array, return_inverse=True)
    return hash_encoded(list(distinct), places)


def hash_encoded(distinct: list[Any], places: Any) -> Any:
    """The hashes of the keys ``[distinct[place] for place in places]``, each distinct one hashed once."""
    numpy = loaded_numpy()
    return numpy.array(hashes_of(distinct), dtype=numpy.uint64)[places]


ARRAYS = Arrays()


def kind_of_array(chunk: Any) -> Kind | None:
    """The kind of a value of one of numpy's classes; None if it is one element."""
    return ARRAYS if isinstance(chunk, sys.modules["numpy"].ndarray) and chunk.ndim else None
