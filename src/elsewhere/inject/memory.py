"""How much memory this process takes, and whether there is little left for it."""

import resource
from collections.abc import Iterator
from pathlib import Path

SHORT = 1 / 16
"""the part of a limit below which what is left of it is little"""
Left = tuple[int, int]
"""bytes that are left, and the limit"""


def resident_bytes() -> int:
    """What this process has in memory that is its own; 0 where the system does not tell."""
    try:
        fields = _fields(Path("/proc/self/status"))
        return fields["RssAnon"] + fields["RssShmem"]
    except (OSError, KeyError):
        return 0


def is_short(groups: Path = Path("/sys/fs/cgroup")) -> bool:
    """Whether little is left of the machine's memory, of what this process may take, or of what its
    group of processes may take (version 2, mounted at `groups`)."""
    limits = (_of_machine(), _of_process(), *_of_groups(groups))
    return any(left < SHORT * limit for left, limit in limits)


def _of_machine() -> Left:
    try:
        fields = _fields(Path("/proc/meminfo"))
        return fields["MemAvailable"], fields["MemTotal"]
    except (OSError, KeyError):
        return 1, 1


def _of_process() -> Left:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return 1, 1
    try:
        return limit - _fields(Path("/proc/self/status"))["VmSize"], limit
    except (OSError, KeyError):
        return 1, 1


def _of_groups(root: Path) -> Iterator[Left]:
    """Of each group around this process that has a limit."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        name = next((line[3:] for line in lines if line.startswith("0::")), "/")
        folder = root / name.lstrip("/")
        for group in (folder, *folder.parents):
            if not group.is_relative_to(root):
                return
            said = group / "memory.max"
            limit = said.read_text().strip() if said.exists() else "max"
            if limit != "max":
                yield int(limit) - _working_set(group), int(limit)
    except (OSError, ValueError, KeyError):
        return  # such a group has just gone, or is not ours to read


def _working_set(group: Path) -> int:
    """What a group takes, without what the system would drop first."""
    lines = (group / "memory.stat").read_text().splitlines()
    idle = next((int(line.split()[1]) for line in lines if line.startswith("inactive_file ")), 0)
    return int((group / "memory.current").read_text()) - idle


def _fields(path: Path) -> dict[str, int]:
    """The amounts in a file of lines such as ``MemTotal:  32768 kB``, in bytes."""
    amounts = (line.split() for line in path.read_text().splitlines() if line.endswith(" kB"))
    return {words[0].removesuffix(":"): int(words[1]) * 1024 for words in amounts}
