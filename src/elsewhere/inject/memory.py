"""How much memory this process takes, and whether there is little left for it."""

import os
import resource
from collections.abc import Iterator

SHORT = 1 / 16
"""the part of a limit below which what is left of it is little"""
Left = tuple[int, int]
"""bytes that are left, and the limit"""


def resident_bytes() -> int:
    """What this process has in memory that is its own; 0 where the system does not tell."""
    try:
        fields = _fields("/proc/self/status")
        return fields["RssAnon"] + fields["RssShmem"]
    except (OSError, KeyError):
        return 0


def is_short(groups: str = "/sys/fs/cgroup") -> bool:
    """Whether little is left of the machine's memory, of what this process may take, or of what its
    group of processes may take (version 2, mounted at `groups`)."""
    limits = (_of_machine(), _of_process(), *_of_groups(groups))
    return any(left < SHORT * limit for left, limit in limits)


def _of_machine() -> Left:
    try:
        fields = _fields("/proc/meminfo")
        return fields["MemAvailable"], fields["MemTotal"]
    except (OSError, KeyError):
        return 1, 1


def _of_process() -> Left:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return 1, 1
    try:
        return limit - _fields("/proc/self/status")["VmSize"], limit
    except (OSError, KeyError):
        return 1, 1


def _of_groups(root: str) -> Iterator[Left]:
    """Of each group around this process that has a limit."""
    try:
        lines = _read("/proc/self/cgroup").splitlines()
        name = next((line[3:] for line in lines if line.startswith("0::")), "/").strip("/")
        parts = name.split("/") if name else []
        for count in range(len(parts), -1, -1):
            group = os.path.join(root, *parts[:count])
            said = os.path.join(group, "memory.max")
            limit = _read(said).strip() if os.path.exists(said) else "max"
            if limit != "max":
                yield int(limit) - _working_set(group), int(limit)
    except (OSError, ValueError, KeyError):
        return  # such a group has just gone, or is not ours to read


def _working_set(group: str) -> int:
    """What a group takes, without what the system would drop first."""
    lines = _read(os.path.join(group, "memory.stat")).splitlines()
    idle = next((int(line.split()[1]) for line in lines if line.startswith("inactive_file ")), 0)
    return int(_read(os.path.join(group, "memory.current"))) - idle


def _fields(path: str) -> dict[str, int]:
    """The amounts in a file of lines such as ``MemTotal:  32768 kB``, in bytes."""
    amounts = (line.split() for line in _read(path).splitlines() if line.endswith(" kB"))
    return {words[0].removesuffix(":"): int(words[1]) * 1024 for words in amounts}


def _read(path: str) -> str:
    # Not by pathlib: workers need it for nothing else.
    with open(path, encoding="utf-8") as file:
        return file.read()
