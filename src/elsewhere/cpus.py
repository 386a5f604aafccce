"""How many processors this process may really use."""

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def usable_cpus(cgroup: Path = CGROUP) -> int:
    """Processors by affinity and by the control group's quota, whichever is less; at least 1.

    The quota is read as in Linux's control groups, version 2 (``cpu.max``) or 1
    (``cpu/cpu.cfs_quota_us``), rounded up: half a processor is one worker.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, count if quota is None else min(count, -int(-quota // 1)))


def _quota(cgroup: Path) -> float | None:
    try:
        if (cgroup / "cpu.max").exists():
            granted, period = (cgroup / "cpu.max").read_text().split()
            return None if granted == "max" else int(granted) / int(period)
        granted = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text()
        period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text()
    except (OSError, ValueError):
        return None  # no control groups here, or none that limit processors
    return int(granted) / int(period) if int(granted) > 0 else None
