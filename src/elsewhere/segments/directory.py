"""The folder of a pool's segments, and those that dead pools have left behind.

It lies in the machine's shared memory where there is such a file system, and else in the folder for
temporary files. Whoever made it has it locked, and the system unlocks it when that process is gone,
however it has ended: what can be locked is abandoned. A process number would not tell, because a
container may share the memory and count its processes by itself.

What was moved to a disk lies in the folder's *twin* in the folder for temporary files, to which a
link in the folder leads. So whoever knows the folder finds the twin, also if it is told another place
for temporary files, and after the process that made it is gone.

Every pool makes such a folder before it starts a node, few move anything: so what takes milliseconds to
import, as `shutil`, `tempfile` and the messages do, is imported where it is used.
"""

import fcntl
import os
import re
from collections.abc import Container
from contextlib import suppress

SHARED_MEMORY = "/dev/shm"  # a file system, not a file
PREFIX = "elsewhere-"
OURS = re.compile(PREFIX + "[0-9]+-[0-9a-f]{8}")
DISK = "disk"
"""the link to the twin of a folder, and the end of the twin's name"""
COPY = "-copy"
"""ends the name of what is being moved"""
_locked: dict[str, int] = {}
"""by path: the descriptors of the folders that this process has locked"""


def make_directory() -> str:
    """A new folder that only this user can read, for this process; removes what dead ones have left."""
    root = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else _temporary()
    _remove_abandoned(root)
    while True:
        path = os.path.join(root, f"{PREFIX}{os.getpid()}-{os.urandom(4).hex()}")
        os.mkdir(path, 0o700)
        folder = _lock(path)
        if folder is not None:
            _locked[path] = folder
            return path
        # Another process has found it before it was locked, and removes it.


def remove_directory(path: str) -> None:
    """Remove a folder and all that is in it, and its twin. Who has mapped a segment keeps that."""
    with suppress(OSError):
        _remove_files(os.readlink(os.path.join(path, DISK)))
    with suppress(OSError):
        _remove_files(path)
    locked = _locked.pop(path, None)
    if locked is not None:
        os.close(locked)


def _remove_files(folder: str) -> None:
    """Not `shutil.rmtree`: at the exit of a program, imports hide from it that it was interrupted."""
    for name in os.listdir(folder):
        with suppress(OSError):  # another process removes it, too
            os.unlink(os.path.join(folder, name))
    os.rmdir(folder)


def make_twin(path: str) -> str:
    """The twin of a folder: where its segments lie if memory is short."""
    disk = os.path.join(path, DISK)
    with suppress(FileExistsError):
        # First the link: what it leads to is removed with it, whoever dies when.
        os.symlink(os.path.join(_temporary(), f"{os.path.basename(path)}-{DISK}"), disk)
    target = os.readlink(disk)
    os.makedirs(target, 0o700, exist_ok=True)
    return target


def twin(segment: str) -> str:
    """Where a segment lies if it is not where its name says."""
    folder, name = os.path.split(segment)
    return os.path.join(folder, DISK, name)


def remove_segments(path: str, writer: int | str, kept: Container[str]) -> None:
    """Remove what `writer`, which is gone, has left in a folder, but for the paths that are `kept`."""
    for folder in (path, os.path.join(path, DISK)):
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
        if OURS.fullmatch(name):
            path = os.path.join(root, name)
            folder = _lock(path)
            if folder is not None:
                remove_directory(path)
                os.close(folder)


def _lock(path: str) -> int | None:
    """Lock a folder for as long as the descriptor is open; None if another process has it, or it is
    somebody else's, or no more there."""
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        there = os.fstat(folder)
        if os.path.samestat(os.stat(path), there) and there.st_uid == os.geteuid():
            return folder
    except OSError:
        pass  # it is locked, or was removed meanwhile
    os.close(folder)
    return None


def _leave_to_parent() -> None:
    """In a forked child: what it has of the locks must not outlive the process that has them."""
    for folder in _locked.values():
        os.close(folder)
    _locked.clear()


os.register_at_fork(after_in_child=_leave_to_parent)
