"""Arrow's tables and arrays: by type and values, however they are cut, padded or shared.

pyarrow is not imported here: whoever passes a table has imported it.
"""

import sys
from typing import Any

from elsewhere.keys.canonical import Writer


def write_arrow(writer: Writer, value: Any, base: type) -> bool:
    """Write `value`, of which `base` is a class of pyarrow's; False if it is none of its data."""
    arrow = sys.modules["pyarrow"]
    if isinstance(value, (arrow.Table, arrow.RecordBatch)):
        writer.out.append(b"1")
        writer.text("Table" if isinstance(value, arrow.Table) else "RecordBatch")
        _write_schema(writer, value.schema)
        writer.write(value.num_rows)
        for place, column in enumerate(value.columns):
            try:
                _write_column(writer, column, arrow)
            except arrow.ArrowException as error:
                raise TypeError(f"column {value.schema.names[place]!r}: {error}") from error
    elif isinstance(value, (arrow.Array, arrow.ChunkedArray)):
        writer.out.append(b"2")
        writer.text("Array" if isinstance(value, arrow.Array) else "ChunkedArray")
        writer.text(str(value.type))
        _write_column(writer, value, arrow)
    elif isinstance(value, arrow.Scalar):
        writer.out.append(b"3")
        writer.text(str(value.type))
        writer.write(value.as_py())
    elif isinstance(value, arrow.Schema):
        writer.out.append(b"4")
        _write_schema(writer, value)
    elif isinstance(value, arrow.DataType):
        writer.out.append(b"5")
        writer.text(str(value))
    else:
        return False
    return True


def _write_schema(writer: Writer, schema: Any) -> None:
    writer.write(schema.metadata)
    writer.tag(b"(", len(schema))
    for field in schema:
        writer.text(field.name)
        writer.text(str(field.type))
        writer.write(field.nullable)
        writer.write(field.metadata)


def _write_column(writer: Writer, column: Any, arrow: Any) -> None:
    if isinstance(column, arrow.ChunkedArray):
        column = arrow.concat_arrays(column.chunks) if column.num_chunks else _empty(column, arrow)
    _write_array(writer, column, arrow)


def _empty(column: Any, arrow: Any) -> Any:
    return arrow.array([], column.type)


def _write_array(writer: Writer, array: Any, arrow: Any) -> None:
    types, kind = arrow.types, array.type
    writer.write(len(array))
    if types.is_integer(kind) or types.is_floating(kind) or types.is_temporal(kind):
        _write_mask(writer, array)
        # Under a null there may be anything.
        _write_words(writer, array, arrow)
    elif types.is_string(kind) or types.is_large_string(kind):
        _write_mask(writer, array)
        _write_texts(writer, array, arrow)
    elif types.is_struct(kind):
        _write_mask(writer, array)
        for part in array.flatten():
            _write_array(writer, part, arrow)
    elif types.is_dictionary(kind):
        _write_array(writer, array.dictionary_decode(), arrow)
    else:
        writer.sequence(b"[", array.to_pylist())


def _write_mask(writer: Writer, array: Any) -> None:
    nulls = array.null_count
    writer.write(nulls)
    if nulls:
        writer.write(array.is_null().to_numpy(zero_copy_only=False))


def _write_words(writer: Writer, array: Any, arrow: Any) -> None:
    width = array.type.bit_width
    if array.type == arrow.month_day_nano_interval():
        writer.sequence(b"[", array.to_pylist())
        return
    words = array.view(
        {8: arrow.int8(), 16: arrow.int16(), 32: arrow.int32()}.get(width, arrow.int64())
    )
    writer.write((words.fill_null(0) if words.null_count else words).to_numpy())


def _write_texts(writer: Writer, array: Any, arrow: Any) -> None:
    if array.null_count:
        array = array.fill_null("")
    array = array.cast(arrow.large_string())
    # Of a slice the offsets begin anywhere and the text holds more than the slice.
    _, offsets, text = array.buffers()
    ends = arrow.Array.from_buffers(
        arrow.int64(), len(array) + 1, [None, offsets], offset=array.offset
    ).to_numpy()
    writer.write(ends - ends[0] if len(array) else ends[:0])
    begin, end = (int(ends[0]), int(ends[-1])) if len(array) else (0, 0)
    writer.data(b"b", memoryview(text)[begin:end] if text is not None else b"")
