"""numpy's arrays, scalars and types, by dtype, shape and the bytes of the elements in C order.

numpy is not imported here: whoever passes an array has imported it.
"""

import sys
from hashlib import blake2b
from typing import Any

from elsewhere.keys.canonical import INLINE_BYTES_MAX, Writer
from elsewhere.keys.node import DIGEST_BYTES

BLOCK_BYTES = 2**20
"""What is not contiguous is gathered in blocks of this size."""
# Of the 16 bytes of an extended double of x86 six are padding and may be anything.
_EXTENDED_MANTISSA_BITS, _EXTENDED_BYTES = 63, 10


def write_numpy(writer: Writer, value: Any, base: type) -> bool:
    """Write `value`, of which `base` is a class of numpy's; False if it is no array or scalar."""
    numpy: Any = sys.modules["numpy"]
    if isinstance(value, numpy.ndarray):
        _write_array(writer, value, base, numpy)
    elif isinstance(value, numpy.generic):
        writer.out.append(b"$")
        _write_elements(writer, numpy.asarray(value), numpy)
    elif isinstance(value, numpy.dtype):
        writer.out.append(b"Y")
        _write_dtype(writer, value)
    elif isinstance(value, numpy.ufunc):
        return _write_ufunc(writer, value, numpy)
    else:
        return False
    return True


def _write_ufunc(writer: Writer, value: Any, numpy: Any) -> bool:
    name: str = value.__name__
    if getattr(numpy, name, None) is not value:
        return False  # made of a function, of which it knows no more
    writer.out.append(b"U")
    writer.text(name)
    writer.refer(writer, numpy)
    return True


def _write_array(writer: Writer, value: Any, base: type, numpy: Any) -> None:
    kind = type(value)
    if kind is numpy.ndarray or kind is numpy.memmap:
        writer.out.append(b"A")
        _write_elements(writer, value, numpy)
        return
    writer.out.append(b"V")
    writer.refer(writer, kind)
    _write_elements(writer, value.view(numpy.ndarray), numpy)
    if isinstance(value, numpy.ma.MaskedArray):
        _write_elements(writer, numpy.ma.getmaskarray(value), numpy)
        writer.write_at(".fill_value", value.fill_value)
    elif base is kind:
        return  # numpy's own subclasses have no further state
    else:
        writer.mapping(b"{", vars(value).items(), in_order=False)


def _write_dtype(writer: Writer, dtype: Any) -> None:
    if dtype.names is not None:
        writer.tag(b"(", len(dtype.names))
        for name in dtype.names:
            field, offset, *_ = dtype.fields[name]
            writer.text(name)
            writer.write(offset)
            _write_dtype(writer, field)
        writer.write(dtype.itemsize)
    elif dtype.subdtype is not None:
        inner, shape = dtype.subdtype
        writer.out.append(b"_")
        writer.write(shape)
        _write_dtype(writer, inner)
    else:
        # Two of them: int64 has several letters, and types of other packages all are "<V2".
        writer.text(dtype.name)
        writer.text(dtype.str)


def _write_elements(writer: Writer, array: Any, numpy: Any) -> None:
    _write_dtype(writer, array.dtype)
    writer.write(array.shape)
    _write_content(writer, array, numpy)


def _write_content(writer: Writer, array: Any, numpy: Any) -> None:
    dtype = array.dtype
    if dtype.names is not None:
        # Field by field, because there may be anything between them.
        for name in dtype.names:
            _write_content(writer, array[name], numpy)
    elif dtype.hasobject or dtype.kind == "T":
        if writer.enter(array):
            writer.sequence(b"[", array.ravel().tolist())
            writer.leave(array)
    elif array.nbytes == 0:
        writer.data(b"b", b"")
    elif dtype.char in "gG" and numpy.finfo(dtype).nmant == _EXTENDED_MANTISSA_BITS:
        parts = numpy.ascontiguousarray(array).reshape(-1).view(numpy.uint8)
        width = dtype.itemsize // (2 if dtype.char == "G" else 1)
        data = numpy.ascontiguousarray(parts.reshape(-1, width)[:, :_EXTENDED_BYTES])
        writer.data(b"b", memoryview(data).cast("B"))
    elif array.flags.c_contiguous:
        writer.data(b"b", memoryview(array.reshape(-1).view(numpy.uint8)))
    elif array.nbytes <= INLINE_BYTES_MAX:
        writer.data(b"b", array.tobytes())
    else:
        writer.large(b"b", array.nbytes, _digest_by_blocks(array, numpy))


def _digest_by_blocks(array: Any, numpy: Any) -> bytes:
    hasher = blake2b(digest_size=DIGEST_BYTES)
    waiting = [array]
    while waiting:
        part = waiting.pop()
        if part.flags.c_contiguous or part.nbytes <= BLOCK_BYTES:
            hasher.update(memoryview(numpy.ascontiguousarray(part).reshape(-1).view(numpy.uint8)))
        elif len(part) == 1:
            waiting.append(part[0])
        else:
            half = len(part) // 2
            waiting += [part[half:], part[:half]]
    return hasher.digest()
