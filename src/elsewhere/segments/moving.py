"""Moving a segment from memory to a disk.

It goes past the system's cache of files, where that can be: memory is what is short, and to fill
pages of it with the copy, and to write these in the end, takes several times as long as to write the
segment itself.
"""

import errno
import mmap
import os
from contextlib import suppress

from elsewhere.segments.directory import COPY, make_twin
from elsewhere.segments.mapping import map_file, open_file

BLOCK_BYTES = 4096
"""What is written past the cache begins and ends at such blocks: no disk has larger ones."""
NOT_PAST_THE_CACHE = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})


def move_to_disk(segment: str) -> None:
    """Move a segment to its twin. It can be found all the time. Raises OSError, and has done nothing."""
    folder, name = os.path.split(segment)
    target = os.path.join(make_twin(folder), name)
    copy = target + COPY
    try:
        if not _copy_past_cache(segment, copy):
            import shutil  # few systems need it

            shutil.copyfile(segment, copy)
        os.rename(copy, target)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(copy)
        raise
    os.unlink(segment)


def _copy_past_cache(segment: str, copy: str) -> bool:
    """Copy a segment to a new file; False if that cannot be written past the cache. Raises OSError."""
    direct = getattr(os, "O_DIRECT", None)
    if direct is None:
        return False
    source = open_file(segment, os.O_RDONLY)
    try:
        size = os.fstat(source).st_size
        target = open_file(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | direct)
        try:
            os.posix_fallocate(target, 0, size)
            with (
                map_file(mmap.mmap, source, size, prot=mmap.PROT_READ) as memory,
                memoryview(memory) as view,
            ):
                _write_blocks(target, view)
            os.ftruncate(target, size)
        finally:
            os.close(target)
    except OSError as error:
        if error.errno not in NOT_PAST_THE_CACHE:
            raise
        return False
    finally:
        os.close(source)
    return True


def _write_blocks(file: int, view: memoryview) -> None:
    """Write what is in mapped memory; the last block is filled up."""
    whole = len(view) - len(view) % BLOCK_BYTES
    at = 0
    while at < whole:
        with view[at:whole] as rest:
            at += os.write(file, rest)
    if whole < len(view):
        with mmap.mmap(-1, BLOCK_BYTES) as block:
            block[: len(view) - whole] = view[whole:]
            os.write(file, block)
