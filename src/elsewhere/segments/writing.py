"""Writing values to segments, of which those that nobody needs any more are used again.

To write where something was written before takes two thirds of the time, as the system need not find
and clear memory for it. What is used again is mapped, and stays so, because a copy to mapped memory
takes half the time of a system call that writes; and who wrote there reads there, because to map
16 MB anew takes as long as to sum them.
"""

import errno
import mmap
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from math import inf
from operator import itemgetter
from threading import Lock
from typing import TYPE_CHECKING

from elsewhere.calls.values import Place
from elsewhere.errors import NotPicklable
from elsewhere.segments.directory import make_twin, twin
from elsewhere.segments.layout import offsets_of, pieces_of
from elsewhere.segments.mapping import map_file, open_file
from elsewhere.segments.reading import view_of

if TYPE_CHECKING:
    from elsewhere.segments.reading import View

WASTE_MAX = 2
"""No segment is used for a value of which it could hold so many."""
NO_ROOM = frozenset({errno.ENOSPC, errno.ENOMEM, errno.EFBIG, errno.EDQUOT})
PIECES_MAX = 512
"""How many pieces one system call writes; at least 1024 are allowed everywhere."""
COPIED_AT_ONCE = 2**26
"""bytes; to copy them takes some milliseconds"""
MAP_AT_ONCE = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
"""All pages of what is written are needed; where there is no such flag, they come one by one."""


class Segments:
    """Those that one process writes, in `directory`, with `writer` in their names.

    Of those that nobody needs, `free_bytes_max` are kept to be used again; the rest is given back to
    the system. What takes more than `room` goes to the disk.
    """

    def __init__(
        self,
        directory: str,
        writer: int | str,
        free_bytes_max: int,
        room: Callable[[], float] = lambda: inf,
    ) -> None:
        self._directory = directory
        self._free_bytes_max = free_bytes_max
        self._room = room
        self._writer = writer
        self._numbers = count(1)
        self._lock = Lock()
        self._free: dict[str, int] = {}
        """by path: how large each is, the longest free first"""
        self._larger: dict[str, int] = {}
        """by path: how large those are that hold a smaller value"""
        self._free_bytes = 0
        self._memory: dict[str, mmap.mmap] = {}
        """by path: those that were used again, mapped"""

    def write(self, parts: Sequence[memoryview], name: str) -> Place:
        """Write a pickle and its buffers. Raises `NotPicklable` where there is no room for the value,
        which `name` calls by name."""
        size = offsets_of([part.nbytes for part in parts])[-1]
        if size <= self._room():
            path, memory = self._take(size)
            if memory is not None:
                self._copy(path, memory, parts)
            if memory is not None or _write(path, parts, size):
                return Place(path, size)
            self._larger.pop(path, None)
        else:
            path = self._new_path()
        # It is found there under the same name.
        disk = make_twin(self._directory)
        if not _write(twin(path), parts, size):
            raise NotPicklable(
                name,
                f"its {size / 2**30:.1f} GiB find no room, neither in {self._directory} nor in {disk}",
                "Make it in parts, or let go of other values first",
            )
        return Place(path, size, on_disk=True)

    def free(self, places: Sequence[Place], *, reusable: bool = True) -> None:
        """Nobody needs these any more, nor has anybody mapped them if they are `reusable`."""
        with self._lock:
            for place in places:
                size = self._larger.pop(place.path, place.nbytes)
                if not reusable:
                    self._remove(place.path)
                    continue
                self._free[place.path] = size
                self._free_bytes += size
            while self._free_bytes > self._free_bytes_max:
                path, size = next(iter(self._free.items()))
                del self._free[path]
                self._free_bytes -= size
                self._remove(path)

    def unmap(self, places: Sequence[Place]) -> None:
        """What lies here was moved to a disk: let go of the memory."""
        with self._lock:
            for place in places:
                self._memory.pop(place.path, None)

    def view(self, place: Place) -> "View | None":
        """What this process wrote, for reading, if it has that mapped."""
        memory = self._memory.get(place.path)
        return None if memory is None else view_of(memory, place.nbytes)

    def _take(self, size: int) -> tuple[str, mmap.mmap | None]:
        """The free segment that fits best, mapped; or a new one."""
        with self._lock:
            while (fitting := self._find_fitting(size)) is not None:
                path, free = fitting
                del self._free[path]
                self._free_bytes -= free
                memory = self._map(path, free)
                if memory is not None:
                    if free > size:
                        self._larger[path] = free
                    return path, memory
        return self._new_path(), None

    def _new_path(self) -> str:
        return os.path.join(self._directory, f"{self._writer}-{next(self._numbers)}")

    def _find_fitting(self, size: int) -> tuple[str, int] | None:
        """Of the free segments that waste least, the one that was freed last: it may be in a cache."""
        fitting = (one for one in reversed(self._free.items()) if size <= one[1] < WASTE_MAX * size)
        return min(fitting, key=itemgetter(1), default=None)

    def _map(self, path: str, size: int) -> mmap.mmap | None:
        """A segment for writing; None if it is gone, or as many are mapped as may be."""
        if not os.path.exists(path):
            self._memory.pop(path, None)
            return None
        memory = self._memory.get(path)
        if memory is None:
            file = open_file(path, os.O_RDWR)
            try:
                memory = self._memory[path] = map_file(mmap.mmap, file, size, flags=MAP_AT_ONCE)
            except OSError:  # a new one need not be mapped
                self._remove(path)
            finally:
                os.close(file)
        return memory

    def _copy(self, path: str, memory: mmap.mmap, parts: Sequence[memoryview]) -> None:
        try:
            copy(memory, parts)
        except BaseException:  # the call was interrupted
            with self._lock:
                self._larger.pop(path, None)
                self._remove(path)
            raise

    def _remove(self, path: str) -> None:
        self._memory.pop(path, None)
        for one in (path, twin(path)):
            with suppress(FileNotFoundError):
                os.unlink(one)


def copy(memory: mmap.mmap, parts: Sequence[memoryview]) -> None:
    """Write a value to mapped memory."""
    at = 0
    with memoryview(memory) as view:
        for piece in pieces_of(parts):
            # The other thread gets its turn between two steps.
            for step in range(0, len(piece), COPIED_AT_ONCE):
                some = piece[step : step + COPIED_AT_ONCE]
                view[at : at + len(some)] = some
                at += len(some)


def _write(path: str, parts: Sequence[memoryview], size: int) -> bool:
    """Write a value of this size to a file; False, and there is no file, if there is no room for it."""
    system = os.statvfs(os.path.dirname(path))
    if size > system.f_bavail * system.f_frsize:
        return False  # else it would fill what others need, before it failed
    try:
        file = open_file(path, os.O_WRONLY | os.O_CREAT)
        try:
            _write_all(file, pieces_of(parts))
        finally:
            os.close(file)
    except BaseException as error:
        with suppress(FileNotFoundError):
            os.unlink(path)  # also if the call was interrupted
        if not isinstance(error, OSError) or error.errno not in NO_ROOM:
            raise
        return False
    return True


def _write_all(file: int, pieces: list[bytes | memoryview]) -> None:
    todo = [memoryview(piece) for piece in pieces]
    at = 0
    while at < len(todo):
        written = os.writev(file, todo[at : at + PIECES_MAX])
        while at < len(todo) and written >= todo[at].nbytes:
            written -= todo[at].nbytes
            at += 1
        if written:
            todo[at] = todo[at][written:]
