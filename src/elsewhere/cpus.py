"""How many processors this process may really use."""

import os

from elsewhere.control_groups import CGROUP, MEMBERSHIP, Path, groups_of, read


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
        quota
        for group in groups_of("cpu", cgroup, membership)
        if (quota := _quota(group)) is not None
    ]
    return max(1, min([count, *(-int(-quota // 1) for quota in quotas)]))


def _quota(group: str) -> float | None:
    """How many processors a group grants; None if it does not say."""
    try:
        if os.path.exists(f"{group}/cpu.max"):
            granted, period = read(f"{group}/cpu.max").split()
        else:
            granted = read(f"{group}/cpu.cfs_quota_us")
            period = read(f"{group}/cpu.cfs_period_us")
        quota = int(granted) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None  # nothing is said, or "max", or nothing that makes sense
    return quota if quota > 0 else None
