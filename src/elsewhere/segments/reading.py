"""Values in segments, mapped: what is made of them lies there, and nobody can write to it."""

import mmap
import os
from collections import deque
from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol, cast
from weakref import ref

from elsewhere.calls.values import Place
from elsewhere.codec.values import load_list
from elsewhere.segments.directory import twin
from elsewhere.segments.layout import read_parts, read_value
from elsewhere.segments.mapping import map_file, open_file

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    class View(ReadableBuffer, Protocol):
        """A mapped segment. It lives as long as anything that was made of it."""

        lease: "Lease | None"
        """what it keeps from being let go"""


class Lease:
    """A claim to the value of a call, which is given up when this is gone."""

    __slots__ = ("__weakref__",)


class _Watch(ref[Lease]):
    """Tells when the lease of a call is gone."""

    __slots__ = ("call",)
    call: int


class Leases:
    """The leases of one process, one for each call. `drop` is told by `tell_gone` of those that are gone.

    No Python code runs where a lease is dropped: Ctrl-C would be swallowed there, as whatever is
    raised in the callback of a weak reference. So that is a method of C, which only notes what is
    gone, and it is told of later, behind the lock under which leases are made: else another thread
    could take a lease anew, and lose the value by the drop of the old one.
    """

    def __init__(self, drop: Callable[[list[int]], None]) -> None:
        self._drop = drop
        self._lock = RLock()  # a finaliser may come in anywhere, and settle a future
        self._watches: dict[int, _Watch] = {}
        self._gone: deque[ref[Lease]] = deque()

    def __bool__(self) -> bool:
        """Whether there are any, or any that nobody was told of."""
        return bool(self._watches)

    def take(self, call: int) -> Lease:
        """The lease of a call, which lives while anybody has it."""
        with self._lock:
            watch = self._watches.get(call)
            lease = None if watch is None else watch()
            if lease is None:
                lease = Lease()
                new = self._watches[call] = _Watch(lease, self._gone.append)
                new.call = call
        return lease

    def tell_gone(self) -> None:
        """Tell of the leases that are gone."""
        if not self._gone:
            return
        with self._lock:
            calls = []
            while self._gone:
                watch: Any = self._gone.popleft()  # as it was made in `take`
                call = watch.call
                if self._watches.get(call) is watch:  # else it was taken anew
                    del self._watches[call]
                    calls.append(call)
            if calls:
                self._drop(calls)


class Mapping(mmap.mmap):
    """A segment that is mapped for reading."""

    lease: Lease | None = None


def map_segment(place: Place, *, own: bool = False) -> Mapping:
    """Map a segment for reading, or as this process's `own`: what it writes then, it alone has.

    Raises `FileNotFoundError` if it is lost, and another OSError, as `map_file`.
    """
    file = _open(place)
    try:
        if own:
            protection = mmap.PROT_READ | mmap.PROT_WRITE
            return map_file(Mapping, file, place.nbytes, flags=mmap.MAP_PRIVATE, prot=protection)
        return map_file(Mapping, file, place.nbytes, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    finally:
        os.close(file)


def read_segment(place: Place) -> bytes:
    """A copy of a segment. Raises `FileNotFoundError` if it is lost, and other OSErrors."""
    with open(_open(place), "rb") as file:
        return file.read(place.nbytes)


def _open(place: Place) -> int:
    try:
        if not place.on_disk:
            return open_file(place.path, os.O_RDONLY)
    except FileNotFoundError:
        pass  # it was moved
    return open_file(twin(place.path), os.O_RDONLY)


def view_of(memory: mmap.mmap, nbytes: int) -> "View":
    """The beginning of what this process has mapped for writing.

    Of what Python brings, an array of ctypes alone can be referred to weakly and lend its memory.
    """
    import ctypes  # only for who writes where it has written before

    array: Any = (ctypes.c_ubyte * nbytes).from_buffer(memory)
    array.lease = None
    return cast("View", array)


def load_value(mapping: "View | bytes") -> Any:
    """The value in a mapped segment, or in the bytes of one."""
    return read_value(_memory_of(mapping))


def load_values(mapping: "View | bytes") -> tuple[list[Any], Exception | None]:
    """Those of the list in a mapped segment, and None; or those up to the first that raises, and its
    error."""
    data, *buffers = read_parts(_memory_of(mapping))
    return load_list(data, buffers)


def _memory_of(mapping: "View | bytes") -> memoryview:
    view = memoryview(mapping)
    if isinstance(mapping, Mapping | bytes):
        return view
    return view.cast("B").toreadonly()  # what this process writes to, elsewhere
