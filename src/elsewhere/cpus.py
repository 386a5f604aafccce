"""How many processors this process may really use."""

import os
from collections.abc import Iterator

# Not pathlib: a pool would wait for its import before it has started anything.
CGROUP = "/sys/fs/cgroup"
MEMBERSHIP = "/proc/self/cgroup"


def usable_cpus(
    cgroup: str | os.PathLike[str] = CGROUP, membership: str | os.PathLike[str] = MEMBERSHIP
) -> int:
    """Processors by affinity and by the control groups' quotas, whichever is less; at least 1.

    A quota is read as in Linux's control groups, version 2 (``cpu.max``) or 1
    (``cpu/cpu.cfs_quota_us``), of this process's group and those above it, and rounded up: half a
    processor is one worker.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    quotas = [
        quota
        for group in _groups(os.fspath(cgroup), membership)
        if (quota := _quota(group)) is not None
    ]
    return max(1, min([count, *(-int(-quota // 1) for quota in quotas)]))


def _groups(cgroup: str, membership: str | os.PathLike[str]) -> Iterator[str]:
    """The folders of the groups that this process is in, as far as they are seen from here."""
    yield cgroup
    yield f"{cgroup}/cpu"
    try:
        lines = _read(membership).splitlines()
    except OSError:
        return  # no control groups here
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = f"{cgroup}/cpu" if controllers else cgroup
        path = group.strip("/")
        while path:
            yield f"{top}/{path}"
            path = path.rpartition("/")[0]
        yield top


def _quota(group: str) -> float | None:
    """How many processors a group grants; None if it does not say."""
    try:
        if os.path.exists(f"{group}/cpu.max"):
            granted, period = _read(f"{group}/cpu.max").split()
        else:
            granted = _read(f"{group}/cpu.cfs_quota_us")
            period = _read(f"{group}/cpu.cfs_period_us")
        quota = int(granted) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None  # nothing is said, or "max", or nothing that makes sense
    return quota if quota > 0 else None


def _read(path: str | os.PathLike[str]) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
