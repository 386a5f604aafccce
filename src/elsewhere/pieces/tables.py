"""Arrow's tables and arrays as chunks: by rows.

pyarrow is not imported here: whoever has a table has imported it.
"""

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from elsewhere.pieces.arrays import hash_array, hash_encoded
from elsewhere.pieces.hashing import hashes_of
from elsewhere.pieces.kind import Kind


class Tables:
    """`elsewhere.pieces.kind.Kind` of tables and record batches, which are joined to a table."""

    def length(self, chunk: Any) -> int:
        return int(chunk.num_rows)

    def elements(self, chunk: Any) -> Iterator[Any]:
        return iter(chunk.to_pylist())

    def cut(self, chunk: Any, where: slice) -> Any:
        return _cut(chunk, where, chunk.num_rows)

    def take(self, chunk: Any, places: Any) -> Any:
        return chunk.take(places)

    def join(self, chunks: Sequence[Any]) -> Any:
        arrow = sys.modules["pyarrow"]
        return arrow.concat_tables(
            chunk if isinstance(chunk, arrow.Table) else arrow.Table.from_batches([chunk])
            for chunk in chunks
        )

    def column(self, chunk: Any, name: Any) -> Any:
        return chunk.column(name)

    def hashes(self, chunk: Any) -> Any:
        raise TypeError(f"a table has {chunk.num_columns} columns: say by which it is shuffled")


class Columns:
    """`elsewhere.pieces.kind.Kind` of arrays, which are joined to a chunked array."""

    def length(self, chunk: Any) -> int:
        return len(chunk)

    def elements(self, chunk: Any) -> Iterator[Any]:
        return iter(chunk.to_pylist())

    def cut(self, chunk: Any, where: slice) -> Any:
        return _cut(chunk, where, len(chunk))

    def take(self, chunk: Any, places: Any) -> Any:
        return chunk.take(places)

    def join(self, chunks: Sequence[Any]) -> Any:
        arrow = sys.modules["pyarrow"]
        parts = [part for chunk in chunks for part in _arrays(chunk)]
        return arrow.chunked_array(parts, chunks[0].type)

    def column(self, chunk: Any, name: Any) -> Any:
        raise TypeError(f"an Arrow array of {chunk.type} has no column {name!r}")

    def hashes(self, chunk: Any) -> Any:
        arrow = sys.modules["pyarrow"]
        array, types = (
            arrow.concat_arrays(_arrays(chunk) or [arrow.array([], chunk.type)]),
            arrow.types,
        )
        if types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if types.is_timestamp(array.type):
            array = _in_microseconds(array, arrow.timestamp("us", array.type.tz))
        elif types.is_duration(array.type):
            array = _in_microseconds(array, arrow.duration("us"))
        if types.is_integer(array.type) and not array.null_count:
            return hash_array(array.to_numpy())
        if types.is_nested(array.type):
            return hashes_of(array.to_pylist())
        encoded = array.dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        places = encoded.indices.fill_null(len(distinct)).to_numpy()
        return hash_encoded([*distinct, None], places)


def _in_microseconds(array: Any, wanted: Any) -> Any:
    """Python's dates and durations have no nanoseconds. Rounded down, as all others round."""
    if array.type.unit != "ns":
        return array.cast(wanted)
    # Arrow's functions are loaded apart from its types.
    compute, nanoseconds = import_module("pyarrow.compute"), array.view("int64")
    towards_zero = compute.divide(nanoseconds, 1000)
    above = compute.greater(compute.multiply(towards_zero, 1000), nanoseconds)
    return compute.subtract(towards_zero, above.cast("int64")).view(wanted)


def _arrays(chunk: Any) -> list[Any]:
    return chunk.chunks if isinstance(chunk, sys.modules["pyarrow"].ChunkedArray) else [chunk]


def _cut(chunk: Any, where: slice, length: int) -> Any:
    places = range(*where.indices(length))
    if places.step == 1:
        return chunk.slice(places.start, len(places))
    return chunk.take(sys.modules["pyarrow"].array(places, "int64"))


TABLES, COLUMNS = Tables(), Columns()


def kind_of_arrow(chunk: Any) -> Kind | None:
    """The kind of a value of one of pyarrow's classes; None if it is one element."""
    arrow = sys.modules["pyarrow"]
    if isinstance(chunk, (arrow.Table, arrow.RecordBatch)):
        return TABLES
    return COLUMNS if isinstance(chunk, (arrow.Array, arrow.ChunkedArray)) else None
