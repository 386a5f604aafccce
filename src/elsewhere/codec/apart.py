"""Arrays of numpy whose memory numpy itself would copy into the pickle: it does that with times and with
what is not contiguous. numpy is not imported for them, and values without them are pickled as ever.
"""

import io
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

COPIED_BYTES_MAX = 2**16
"""If less is in a pickle, it is not looked at for such arrays."""
ARRAY_BYTES_MIN = 2**12
"""Smaller arrays are copied."""
OBJECTS_MAX = 2**13
"""Where an array has more objects, to pickle these takes so long that the rest does not count."""
_MARK = b"_reconstruct"
"""in the pickle of every array whose memory is in there"""


class _NoGainError(Exception):
    pass


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        return reduce_array(obj)


def dumps_arrays_apart(
    data: bytes, value: Any, protocol: int, leave: Callable[[Any], object]
) -> bytes | None:
    """The pickle of `value` without the memory of its arrays, which `leave` gets, if `data`, its usual
    one, has such in it; else None."""
    if "numpy" not in sys.modules or _MARK not in data:
        return None
    with suppress(_NoGainError), io.BytesIO() as file:
        _Pickler(file, protocol, buffer_callback=leave).dump(value)
        return file.getvalue()
    return None


def reduce_array(value: Any) -> Any:
    """How to pickle such an array; `NotImplemented` for anything else."""
    numpy = sys.modules.get("numpy")
    if numpy is None or type(value) is not numpy.ndarray:
        return NotImplemented
    if value.dtype.hasobject:
        if value.size > OBJECTS_MAX:
            raise _NoGainError
        return NotImplemented
    contiguous = value.flags.forc
    if value.nbytes < ARRAY_BYTES_MIN or (contiguous and value.dtype.kind not in "mM"):
        return NotImplemented
    laid = value if contiguous else numpy.ascontiguousarray(value)
    order = "C" if laid.flags.c_contiguous else "F"
    memory = laid.ravel(order=order).view(numpy.uint8)
    memory.flags.writeable = value.flags.writeable
    return array_from, (pickle.PickleBuffer(memory), value.dtype, value.shape, order)


def array_from(memory: Any, dtype: Any, shape: tuple[int, ...], order: str) -> Any:
    """The array that lies there; payloads name this function."""
    numpy: Any = sys.modules["numpy"]  # of which `dtype` has come

    return numpy.frombuffer(memory, numpy.uint8).view(dtype).reshape(shape, order=order)
