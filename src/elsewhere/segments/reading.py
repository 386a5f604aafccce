"""Values in segments, mapped: what is made of them lies there, and nobody can write to it."""

import mmap
import os
from collections.abc import Callable
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from elsewhere.calls.messages import Place
from elsewhere.segments.directory import twin
from elsewhere.segments.layout import read_value


class Lease:
    """A claim to the value of a call: when this is gone, `drop(call)` is called, from anywhere."""

    __slots__ = ("__weakref__", "_call", "_drop")

    def __init__(self, call: int, drop: Callable[[int], None]) -> None:
        self._call = call
        self._drop = drop

    def __del__(self) -> None:
        self._drop(self._call)


class Leases:
    """The leases of one process: one for each call, so that what is dropped is dropped once."""

    def __init__(self, drop: Callable[[int], None]) -> None:
        self._drop = drop
        self._lock = Lock()
        self._leases: WeakValueDictionary[int, Lease] = WeakValueDictionary()

    def take(self, call: int) -> Lease:
        """The lease of a call, which lives while anybody has it."""
        with self._lock:
            lease = self._leases.get(call)
            if lease is None:
                lease = self._leases[call] = Lease(call, self._drop)
            return lease


class Mapping(mmap.mmap):
    """A mapped segment. It lives as long as anything that was made of it."""

    lease: Lease | None = None
    """what it keeps from being let go"""


def map_segment(place: Place) -> Mapping:
    """Map a segment for reading. Raises `FileNotFoundError` if it is lost."""
    try:
        file = os.open(place.path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        file = os.open(twin(place.path), os.O_RDONLY | os.O_CLOEXEC)
    try:
        return Mapping(file, place.nbytes, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    finally:
        os.close(file)


def load_value(mapping: Mapping) -> Any:
    """The value in a mapped segment."""
    return read_value(memoryview(mapping))
