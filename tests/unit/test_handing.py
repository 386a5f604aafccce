"""Whether a result may be handed on: nobody but the next call may be able to change its memory."""

from collections.abc import Callable
from importlib.util import find_spec
from pickle import PickleBuffer
from typing import Any
from weakref import ref

import numpy as np
import pytest

from elsewhere.codec.values import dumps_apart
from elsewhere.worker.handing import COPIED_BYTES_MAX, Handed
from tests.requirements import need

ITEMS = 2 * COPIED_BYTES_MAX
_kept = np.arange(float(ITEMS))
_weak: list[Any] = []


def handed_of(make: Callable[[], Any]) -> Handed:
    """As a worker takes the result of a call apart, and lets go of it."""
    value = make()
    handed = Handed(*dumps_apart(value, "result"))
    del value
    return handed


def two_parts_of_one() -> list[Any]:
    array = np.zeros(2 * ITEMS)
    return [array[:ITEMS], array[ITEMS:]]


def referred_to_weakly() -> Any:
    array = np.zeros(ITEMS)
    _weak.append(ref(array))
    return array


ALONE: dict[str, Callable[[], Any]] = {
    "an array": lambda: np.arange(ITEMS),
    "an array in another shape": lambda: np.arange(ITEMS).reshape(2, -1),
    "an array on its side": lambda: np.arange(ITEMS).reshape(2, -1).T,
    "a part of an array": lambda: np.arange(2 * ITEMS)[:ITEMS],
    "every other item of an array": lambda: np.arange(2 * ITEMS)[::2],
    "times": lambda: np.zeros(ITEMS, "M8[s]"),
    "arrays in containers": lambda: {"a": np.zeros(ITEMS), "b": [np.ones(ITEMS)]},
    "bytes": lambda: PickleBuffer(bytes(ITEMS)),
    "an array in bytes": lambda: np.frombuffer(bytes(ITEMS), np.uint8),
    "a small part of what others have": lambda: [np.arange(ITEMS), _kept[:100]],
}
SHARED: dict[str, Callable[[], Any]] = {
    "an array that the module keeps": lambda: _kept,
    "a part of it": lambda: _kept[:-1],
    "it in another shape and a container": lambda: {"a": _kept.reshape(2, -1)},
    "two parts of one array": two_parts_of_one,
    "an array that is referred to weakly": referred_to_weakly,
    "a bytearray": lambda: PickleBuffer(bytearray(ITEMS)),
    "an array in a bytearray": lambda: np.frombuffer(bytearray(ITEMS), np.uint8),
    "what cannot be written to here, but elsewhere": lambda: np.frombuffer(
        memoryview(bytearray(ITEMS)).toreadonly(), np.uint8
    ),
}


@pytest.mark.parametrize("make", ALONE.values(), ids=ALONE)
def test_what_nobody_else_has_is_handed_on(make: Callable[[], Any]) -> None:
    assert handed_of(make).make_sure()


@pytest.mark.parametrize("make", SHARED.values(), ids=SHARED)
def test_what_others_may_change_is_not_handed_on(make: Callable[[], Any]) -> None:
    assert not handed_of(make).make_sure()


def test_who_has_not_let_go_of_an_array_has_it() -> None:
    array = np.arange(ITEMS)
    assert not Handed(*dumps_apart(array, "result")).make_sure()


def test_what_is_handed_on_cannot_be_written_to() -> None:
    handed = handed_of(lambda: np.arange(ITEMS))
    assert handed.make_sure()

    array = handed.load()

    assert array.tolist() == list(range(ITEMS))
    assert not array.flags.writeable
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.flags.writeable = True


def test_small_parts_are_copied() -> None:
    handed = handed_of(lambda: [np.arange(ITEMS), _kept[:100]])
    assert handed.make_sure()

    part = handed.load()[1]

    assert not np.shares_memory(part, _kept)
    assert part.tolist() == _kept[:100].tolist()


def test_a_frame_is_handed_on() -> None:
    need(find_spec("pandas"), "pandas", "pip install pandas")
    import pandas as pd

    def make() -> Any:
        frame = pd.DataFrame({"a": np.arange(ITEMS), "b": np.arange(float(ITEMS))})
        frame["c"] = frame.a * 2
        return frame[frame.a > 5]

    handed = handed_of(make)
    assert handed.make_sure()
    pd.testing.assert_frame_equal(handed.load(), make())


def test_it_is_said_how_large_it_is_and_that_it_lies_nowhere() -> None:
    place = handed_of(lambda: np.arange(ITEMS)).place
    assert place.handed_on
    assert place.nbytes > 8 * ITEMS
