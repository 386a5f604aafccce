"""pandas' frames, series and indexes, column by column, however the columns lie in memory.

pandas is not imported here: whoever passes a frame has imported it.
"""

import sys
from typing import Any

from elsewhere.keys.canonical import Writer


def write_pandas(writer: Writer, value: Any, base: type) -> bool:
    """Write `value`, of which `base` is a class of pandas'; False if it is none of its tables."""
    pandas = sys.modules["pandas"]
    if isinstance(value, pandas.DataFrame):
        _begin(writer, value, base, b"H")
        writer.write_at(".columns", value.columns)
        writer.write_at(".index", value.index)
        for place in range(value.shape[1]):
            writer.write_at(f".iloc[:, {place}]", value.iloc[:, place].array)
        writer.write_at(".attrs", value.attrs)
    elif isinstance(value, pandas.Series):
        _begin(writer, value, base, b"6")
        writer.write_at(".name", value.name)
        writer.write_at(".index", value.index)
        writer.write_at(".array", value.array)
        writer.write_at(".attrs", value.attrs)
    elif isinstance(value, pandas.Index):
        _begin(writer, value, base, b"X")
        _write_index(writer, value, pandas)
    elif isinstance(value, pandas.api.extensions.ExtensionArray):
        _write_array(writer, value, pandas)
    else:
        return False
    return True


def _begin(writer: Writer, value: Any, base: type, tag: bytes) -> None:
    writer.out.append(tag)
    writer.text(base.__name__)
    # A subclass of the user's counts with its code.
    writer.write(None if type(value) is base else type(value))


def _write_index(writer: Writer, value: Any, pandas: Any) -> None:
    writer.write_at(".names", list(value.names))
    if isinstance(value, pandas.RangeIndex):
        writer.write((value.start, value.stop, value.step))
    elif isinstance(value, pandas.MultiIndex):
        for level in range(value.nlevels):
            writer.write_at(f".levels[{level}]", value.get_level_values(level))
    else:
        writer.write_at(".array", value.array)
        # An inferred frequency steers what arithmetic with the index gives.
        writer.write(getattr(value, "freqstr", None))


def _write_array(writer: Writer, value: Any, pandas: Any) -> None:
    dtype = value.dtype
    arrays = pandas.arrays
    writer.out.append(b"J")
    writer.text(str(dtype))
    if isinstance(value, arrays.NumpyExtensionArray):
        writer.write(value.to_numpy())
    elif isinstance(value, pandas.Categorical):
        writer.write(value.ordered)
        writer.write_at(".categories", value.categories)
        writer.write(value.codes)
    elif isinstance(value, (arrays.DatetimeArray, arrays.TimedeltaArray, arrays.PeriodArray)):
        writer.write(value.asi8)
    elif isinstance(value, arrays.SparseArray):
        writer.write(value.fill_value)
        writer.write(value.to_dense())
    elif isinstance(value, (arrays.IntegerArray, arrays.FloatingArray, arrays.BooleanArray)):
        missing = value.isna()
        writer.write(missing)
        # Under the mask there may be anything.
        writer.write(value.to_numpy(dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0)))
    elif hasattr(value, "_pa_array"):
        writer.write(value.__arrow_array__())
    else:
        writer.sequence(b"[", list(value))
