"""How much memory this process may really use."""

import os

from elsewhere.control_groups import CGROUP, MEMBERSHIP, Path, groups_of, read


def usable_memory(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> int:
    """Bytes of the machine or of the control groups' limits, whichever is less.

    A limit is read as in Linux's control groups, version 2 (``memory.max``) or 1
    (``memory/memory.limit_in_bytes``), of this process's group and those above it.
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [
        limit
        for group in groups_of("memory", cgroup, membership)
        if (limit := _limit(group)) is not None
    ]
    return min([machine, *limits])


def _limit(group: str) -> int | None:
    """How many bytes a group grants; None if it does not say."""
    for name in ("memory.max", "memory.limit_in_bytes"):
        try:
            limit = int(read(f"{group}/{name}"))
        except (OSError, ValueError):
            continue  # nothing is said, or "max", or nothing that makes sense
        if limit > 0:
            return limit
    return None
