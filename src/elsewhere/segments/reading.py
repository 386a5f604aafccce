"""Values in segments, mapped: what is made of them lies there, and nobody can write to it."""

import mmap
import os
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, cast
from weakref import ref

from elsewhere.calls.values import Place
from elsewhere.codec.values import load_list
from elsewhere.segments.directory import twin
from elsewhere.segments.layout import read_parts, read_value

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
    """The leases of one process, one for each call. `drop(call)` is called when one is gone.

    A finaliser of the lease could be overtaken: while it ran, another thread could take that very
    lease again, or a new one, and then lose the value by the drop of the old one. A weak reference
    is dead before anything runs, and what is gone is dropped behind the lock under which leases are
    made. That happens in the middle of anything, so nobody waits for the lock: whoever has it looks
    again once it has let go of it.
    """

    def __init__(self, drop: Callable[[int], None]) -> None:
        self._drop = drop
        self._lock = Lock()
        self._watches: dict[int, _Watch] = {}
        self._gone: deque[_Watch] = deque()

    def take(self, call: int) -> Lease:
        """The lease of a call, which lives while anybody has it."""
        with self._lock:
            watch = self._watches.get(call)
            lease = None if watch is None else watch()
            if lease is None:
                lease = Lease()
                watch = self._watches[call] = _Watch(lease, self._note_gone)
                watch.call = call
        self._drop_gone()
        return lease

    def _note_gone(self, watch: ref[Lease]) -> None:
        self._gone.append(watch)  # type: ignore[arg-type]  # the one that was made in `take`
        self._drop_gone()

    def _drop_gone(self) -> None:
        while self._gone and self._lock.acquire(blocking=False):
            try:
                while self._gone:
                    watch = self._gone.popleft()
                    if self._watches.get(watch.call) is watch:  # else it was taken anew
                        del self._watches[watch.call]
                        self._drop(watch.call)
            finally:
                self._lock.release()


class Mapping(mmap.mmap):
    """A segment that is mapped for reading."""

    lease: Lease | None = None


def map_segment(place: Place, *, own: bool = False) -> Mapping:
    """Map a segment for reading, or as this process's `own`: what it writes then, it alone has.

    Raises `FileNotFoundError` if it is lost.
    """
    try:
        file = os.open(place.path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        file = os.open(twin(place.path), os.O_RDONLY | os.O_CLOEXEC)
    try:
        if own:
            protection = mmap.PROT_READ | mmap.PROT_WRITE
            return Mapping(file, place.nbytes, flags=mmap.MAP_PRIVATE, prot=protection)
        return Mapping(file, place.nbytes, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    finally:
        os.close(file)


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
