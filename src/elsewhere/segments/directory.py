"""The folder of a pool's segments, and those that dead pools have left behind.

It lies in the machine's shared memory where there is such a file system, and else in the folder for
temporary files. Its name tells the process that it belongs to.

Every pool makes such a folder before its first result, few move anything: `shutil` and `tempfile`,
which take milliseconds to import, are imported where they are used.
"""

import os
from collections.abc import Container
from contextlib import suppress

SHARED_MEMORY = "/dev/shm"  # a file system, not a file
PREFIX = "elsewhere-"
COPY = "-copy"
"""ends the name of what is being moved"""


def make_directory() -> str:
    """A new folder that only this user can read, for this process; removes what dead ones have left."""
    root = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else _temporary()
    _remove_abandoned(root)
    path = os.path.join(root, f"{PREFIX}{os.getpid()}-{os.urandom(4).hex()}")
    os.mkdir(path, 0o700)
    return path


def room_for_values(directory: str) -> int:
    """Half of the memory or of the file system, whichever is less, in bytes."""
    system = os.statvfs(directory)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(system.f_frsize * system.f_blocks, memory) // 2


def remove_directory(path: str) -> None:
    """Remove a folder and all that is in it, and its twin. Who has mapped a segment keeps that."""
    import shutil

    for folder in {path, on_disk(path)}:
        shutil.rmtree(folder, ignore_errors=True)


def on_disk(path: str) -> str:
    """The twin of a folder in shared memory: where its segments lie if memory is short."""
    return os.path.join(_temporary(), os.path.basename(path))


def twin(segment: str) -> str:
    """Where a segment lies if it is not where its name says."""
    folder, name = os.path.split(segment)
    return os.path.join(on_disk(folder), name)


def move_to_disk(segment: str) -> None:
    """Move a segment to its twin. It can be found all the time. Raises OSError, and has done nothing."""
    import shutil

    target = twin(segment)
    os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
    copy = target + COPY
    try:
        shutil.copyfile(segment, copy)
        os.rename(copy, target)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(copy)
        raise
    os.unlink(segment)


def remove_segments(path: str, writer: int, kept: Container[str]) -> None:
    """Remove what `writer`, which is gone, has left in a folder, but for the paths that are `kept`."""
    for folder in {path, on_disk(path)}:
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            mine = name.startswith(f"{writer}-") and not name.endswith(COPY)
            if mine and os.path.join(path, name) not in kept:
                with suppress(FileNotFoundError):
                    os.unlink(os.path.join(folder, name))


def _temporary() -> str:
    import tempfile

    return tempfile.gettempdir()


def _remove_abandoned(root: str) -> None:
    for name in os.listdir(root):
        process = name.removeprefix(PREFIX).split("-")[0]
        if name.startswith(PREFIX) and process.isdigit() and not _is_alive(int(process)):
            remove_directory(os.path.join(root, name))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True
