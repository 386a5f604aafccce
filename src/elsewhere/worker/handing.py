"""A large result that a worker hands on to its next call, without writing it to a segment.

What is decoded from it shares the memory of what the first call returned, and cannot write to it, just
as if it lay in a segment. So nothing else may refer to that memory, or it might change under the next
call: of bytes nobody can change anything, and of arrays it is counted who refers to them.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pickle import PickleBuffer
from typing import Any
from weakref import getweakrefcount

from elsewhere.calls.messages import Attempt
from elsewhere.calls.values import Place, Value
from elsewhere.codec.values import loads

COPIED_BYTES_MAX = 2**16
"""A part of a value is copied if it is not larger and others may refer to it."""
KEPT_BYTES_MAX = 2**26
MAPPED_BYTES_MIN = 2**25
"""The C library maps larger blocks of memory one by one; it takes no larger bound."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""as in glibc's malloc.h"""


class Handed:
    """A value, as pickle takes it apart: its pickle, and the memory that is none of that."""

    __slots__ = ("_buffers", "_data")

    def __init__(self, data: bytes, buffers: Sequence[PickleBuffer]) -> None:
        self._data = data
        self._buffers = buffers

    @property
    def place(self) -> Place:
        """What is said of where it lies."""
        return Place("", sum(part.nbytes for part in self.parts()))

    def parts(self) -> list[memoryview]:
        """What is written where it has to lie somewhere."""
        return [memoryview(self._data), *(buffer.raw() for buffer in self._buffers)]

    def load(self) -> Any:
        """The value, decoded."""
        return loads(self._data, buffers=[one.raw().toreadonly() for one in self._buffers])

    def make_sure(self) -> bool:
        """Whether nobody else can change its memory, now that small parts of it are copied. Who asks must have
        let go of the value itself."""
        sure: list[bytes | PickleBuffer] = []
        for buffer in self._buffers:
            if _is_alone(buffer):
                sure.append(buffer)
                continue
            with buffer.raw() as memory:
                if memory.nbytes > COPIED_BYTES_MAX:
                    return False
                sure.append(bytes(memory))
        self._buffers = [PickleBuffer(one) for one in sure]
        return True


class HandedOn:
    """What is handed on to the attempt that begins next, until that has come out; mostly nothing."""

    def __init__(self) -> None:
        self._one: tuple[int, int, Handed] | None = None
        """the call, the fence and the value"""

    def put(self, attempt: Attempt, value: Handed) -> None:
        """This attempt has come to this."""
        self._one = attempt.call, attempt.fence, value

    def find(self, value: Value) -> Handed | None:
        """What was handed on, if it is this input."""
        one = self._one
        return one[2] if one is not None and one[:2] == (value.call, value.fence) else None

    def begin(self, attempt: Attempt) -> None:
        """This attempt begins: what it does not need goes."""
        if self._one is not None and not any(map(self.find, attempt.inputs)):
            self._one = None

    def end(self, attempt: Attempt) -> None:
        """This attempt has come out: what it needed goes."""
        if self._one is not None and any(map(self.find, attempt.inputs)):
            self._one = None

    def clear(self) -> None:
        """No attempt is next."""
        self._one = None


@cache
def keep_memory() -> None:
    """Have the C library keep what memory is freed, up to `KEPT_BYTES_MAX`: what is handed on lies in memory
    of the process, and to touch fresh memory takes longer than to fill it. Other libraries than glibc
    are left as they are."""
    mallopt = None
    with suppress(ImportError, OSError):  # not every Python has it
        import ctypes  # only for who hands something on

        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, MAPPED_BYTES_MIN)
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES_MAX)


def _is_alone(buffer: PickleBuffer) -> bool:
    """Whether the memory is that of bytes, or of an array to which, and to whatever it is a part of, nothing
    else refers. Of other memory it is not known."""
    with memoryview(buffer) as view:
        owner: Any = view.obj
    numpy = sys.modules.get("numpy")
    while numpy is not None and type(owner) is numpy.ndarray:
        if sys.getrefcount(owner) > _ALONE or getweakrefcount(owner):
            return False
        if owner.base is None:
            return bool(owner.flags.owndata)
        owner = owner.base
    return type(owner) is bytes


def _count_alone() -> int:
    """How many references are counted, as it is done above, to what one other thing refers to."""
    buffer = PickleBuffer(bytearray(1))
    with memoryview(buffer) as view:
        owner = view.obj
    return sys.getrefcount(owner)


_ALONE = _count_alone()
