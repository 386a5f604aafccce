"""Opening and mapping files, also where a process has as many of them as the system likes.

Before Python 3.13 each mapping keeps a descriptor, of which a process may usually have 1024 without
asking for more. So more are asked for once they are needed, and not before: `select.select` is of no
use to who has more.
"""

import errno
import mmap
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
Map = TypeVar("Map", bound=mmap.mmap)

DESCRIPTORS_MAX = 2**20
"""How many descriptors are asked for, at most."""
TOO_MANY = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_UNTRACKED: dict[str, Any] = {"trackfd": False} if sys.version_info >= (3, 13) else {}


def open_file(path: str, flags: int, mode: int = 0o600) -> int:
    """As `os.open`, closed in programs that this one starts. Raises as `map_file`."""
    return _ask_for_more(lambda: os.open(path, flags | os.O_CLOEXEC, mode))


def map_file(kind: type[Map], file: int, nbytes: int, **how: int) -> Map:
    """As `mmap.mmap`, of a `kind` of that. Raises OSError, which says what to do about it."""
    return _ask_for_more(lambda: kind(file, nbytes, **how, **_UNTRACKED))


def _ask_for_more(act: Callable[[], T]) -> T:
    while True:
        try:
            return act()
        except OSError as error:
            if error.errno not in TOO_MANY:
                raise
            if error.errno == errno.EMFILE and _raise_limit():
                continue
            raise OSError(
                error.errno,
                f"{os.strerror(error.errno)}: this process holds so many large values, or open files, "
                "that it can map no more. Let go of some, put many values into one, or raise the "
                "limit: `ulimit -n`, or vm.max_map_count of Linux",
            ) from error


def _raise_limit() -> bool:
    """Have this process open as many files as it may; False if it does already."""
    import resource  # only for who holds a thousand large values

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_MAX if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS_MAX)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return True
