"""How many processors this process may really use."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

CGROUP = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cpus(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> int:
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
        quota for group in _groups(cgroup, membership) if (quota := _quota(group)) is not None
    ]
    return max(1, min([count, *(-int(-quota // 1) for quota in quotas)]))


def _groups(cgroup: Path, membership: Path) -> Iterator[Path]:
    """The folders of the groups that this process is in, as far as they are seen from here."""
    yield cgroup
    yield cgroup / "cpu"
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return  # no control groups here
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = cgroup / "cpu" if controllers else cgroup
        path = PurePosixPath(group.lstrip("/"))
        yield from (top / part for part in (path, *path.parents))


def _quota(group: Path) -> float | None:
    """How many processors a group grants; None if it does not say."""
    try:
        if (group / "cpu.max").exists():
            granted, period = (group / "cpu.max").read_text().split()
        else:
            granted = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        quota = int(granted) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None  # nothing is said, or "max", or nothing that makes sense
    return quota if quota > 0 else None
