"""Writing values to segments, of which those that nobody needs any more are used again.

To write where something was written before takes two thirds of the time, as the system need not find
and clear memory for it.
"""

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from threading import Lock

from elsewhere.calls.values import FREE_BYTES_MAX, Place
from elsewhere.errors import NotPicklable
from elsewhere.segments.directory import on_disk, twin
from elsewhere.segments.layout import offsets_of, pieces_of

FREE_SHARE = 4
"""All writers together keep no more than this part of the room for values, to use it again."""
WASTE_MAX = 2
"""No segment is used for a value of which it could hold so many."""
NO_ROOM = frozenset({errno.ENOSPC, errno.ENOMEM, errno.EFBIG, errno.EDQUOT})
PIECES_MAX = 512
"""How many pieces one system call writes; at least 1024 are allowed everywhere."""


def free_bytes_max(room: int, writers: int) -> int:
    """How much each of so many writers may keep to use it again, where values have `room` in all."""
    return min(FREE_BYTES_MAX, room // (FREE_SHARE * writers))


class Segments:
    """Those that one process writes, in `directory`, with `writer` in their names.

    Of those that nobody needs, `free_bytes_max` are kept to be used again; the rest is given back to
    the system.
    """

    def __init__(self, directory: str, writer: int, free_bytes_max: int) -> None:
        self._directory = directory
        self._free_bytes_max = free_bytes_max
        self._writer = writer
        self._numbers = count(1)
        self._lock = Lock()
        self._free: dict[str, int] = {}
        """by path: how large each is, the longest free first"""
        self._larger: dict[str, int] = {}
        """by path: how large those are that hold a smaller value"""
        self._free_bytes = 0

    def write(self, parts: Sequence[memoryview], name: str) -> Place:
        """Write a pickle and its buffers. Raises `NotPicklable` where there is no room for the value,
        which `name` calls by name."""
        size = offsets_of([part.nbytes for part in parts])[-1]
        path = self._take(size)
        if not _write(path, parts):
            self._larger.pop(path, None)
            # It is found there under the same name.
            os.makedirs(on_disk(self._directory), 0o700, exist_ok=True)
            if not _write(twin(path), parts):
                raise NotPicklable(
                    name,
                    f"its {size / 2**30:.1f} GiB find no room, neither in {self._directory} "
                    f"nor in {on_disk(self._directory)}",
                    "Make it in parts, or let go of other values first",
                )
        return Place(path, size)

    def free(self, places: Sequence[Place], *, reusable: bool = True) -> None:
        """Nobody needs these any more, nor has anybody mapped them if they are `reusable`."""
        with self._lock:
            for place in places:
                size = self._larger.pop(place.path, place.nbytes)
                if not reusable:
                    _remove(place.path)
                    continue
                self._free[place.path] = size
                self._free_bytes += size
            while self._free_bytes > self._free_bytes_max:
                path, size = next(iter(self._free.items()))
                del self._free[path]
                self._free_bytes -= size
                _remove(path)

    def _take(self, size: int) -> str:
        """The free segment that fits best, or a new one."""
        with self._lock:
            fitting = [
                (free, path) for path, free in self._free.items() if size <= free < WASTE_MAX * size
            ]
            if fitting:
                free, path = min(fitting)
                del self._free[path]
                self._free_bytes -= free
                if free > size:
                    self._larger[path] = free
                return path
        return os.path.join(self._directory, f"{self._writer}-{next(self._numbers)}")


def _remove(path: str) -> None:
    for one in {path, twin(path)}:
        with suppress(FileNotFoundError):
            os.unlink(one)


def _write(path: str, parts: Sequence[memoryview]) -> bool:
    """Write a value to a file; False, and the file is gone, if there is no room for it."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
