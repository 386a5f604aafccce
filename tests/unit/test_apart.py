"""Arrays that numpy would copy into a pickle, and those that it would not."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elsewhere.codec.apart import OBJECTS_MAX
from elsewhere.codec.values import dumps_apart, dumps_parts, loads

LENGTH = 2**15

ARRAYS: dict[str, Callable[[], Any]] = {
    "of times": lambda: np.arange(LENGTH).view("M8[ns]"),
    "of spans": lambda: np.arange(LENGTH).view("m8[s]").reshape(2, -1),
    "of times in Fortran's order": lambda: np.asfortranarray(
        np.arange(LENGTH).view("M8[us]").reshape(2, -1)
    ),
    "every other item": lambda: np.arange(2 * LENGTH)[::2],
    "backwards": lambda: np.arange(LENGTH)[::-1],
    "a part of a table": lambda: np.arange(4 * LENGTH).reshape(-1, 4)[:, 1:3],
    "of records, every other": lambda: np.zeros(LENGTH, [("a", "i4"), ("b", "M8[D]")])[::2],
    "big-endian": lambda: np.arange(2 * LENGTH).astype(">f8")[::2],
}


@pytest.mark.parametrize("name", ARRAYS)
def test_the_memory_of_an_array_is_left_apart(name: str) -> None:
    array = ARRAYS[name]()

    data, buffers = dumps_apart({"x": [array, array]}, "value")
    first, *rest = dumps_parts({"x": [array, array]}, "value")

    assert len(data) < 1000
    assert [buffer.raw().nbytes for buffer in buffers] == [array.nbytes]
    assert [part.nbytes for part in rest] == [array.nbytes]
    for pickled, memory in ((data, [bytes(buffers[0].raw())]), (first, [bytes(rest[0])])):
        one, other = loads(pickled, buffers=memory)["x"]
        assert one is other
        assert one.dtype == array.dtype
        assert not one.flags.writeable
        assert np.array_equal(one, array)


def test_a_copy_can_be_written_to_if_the_array_could() -> None:
    array = np.arange(LENGTH).view("M8[ns]")

    for writeable in (True, False):
        array.flags.writeable = writeable
        (data,) = dumps_parts([array, "x" * 2**17], "value", 2**20)
        assert loads(data)[0].flags.writeable is writeable


def test_what_it_would_not_help_is_pickled_as_ever() -> None:
    objects = np.array([dt.timedelta(n) for n in range(OBJECTS_MAX + 1)])
    times = np.arange(LENGTH).view("M8[ns]")
    few = np.array([None, times[:3]], dtype=object)

    _, floats_apart = dumps_apart([np.zeros(LENGTH), objects, times], "value")
    _, parts = (
        dumps_parts([np.zeros(LENGTH), objects, times], "value")[0],
        dumps_parts([np.zeros(LENGTH), objects, times], "value")[1:],
    )
    data, buffers = dumps_apart([few, times, times[:9]], "value")

    assert [buffer.raw().nbytes for buffer in floats_apart] == [8 * LENGTH]
    assert [part.nbytes for part in parts] == [8 * LENGTH]
    assert [buffer.raw().nbytes for buffer in buffers] == [8 * LENGTH]
    assert loads(data, buffers=buffers)[0][0] is None
    assert dumps_apart(np.ma.masked_array(times[::2], times[::2] > times[4]), "value")[0]
