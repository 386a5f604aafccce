"""How much memory values may take, and how much of it may wait to be used again."""

import os

from elsewhere.calls.values import FREE_BYTES_MAX

FREE_SHARE = 4
"""All writers together keep no more than this part of the room for values, to use it again."""


def room_for_values(directory: str, memory: int) -> int:
    """Half of the memory or of the file system, whichever is less, in bytes."""
    system = os.statvfs(directory)
    return min(system.f_frsize * system.f_blocks, memory) // 2


def free_bytes_max(room: int, writers: int) -> int:
    """How much each of so many writers may keep to use it again, where values have `room` in all."""
    return min(FREE_BYTES_MAX, room // (FREE_SHARE * writers))
