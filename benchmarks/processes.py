"""What Linux tells about processes: who descends from whom, and how much memory they hold."""

import ctypes
import os
import signal
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

PROC = Path("/proc")
PR_SET_CHILD_SUBREAPER = 36
RESET_PEAK = "5"
POLL_SECONDS = 0.02
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Seconds of processor time since the start: of the whole machine, and of one tree."""

    taken: float
    machine: float
    tree: float

    def others_since(self, earlier: "Usage") -> float:
        """Return the seconds that processes outside the tree have used since `earlier`."""
        return max(0.0, (self.machine - earlier.machine) - (self.tree - earlier.tree))


def usage(root: int) -> Usage:
    """Measure the machine and the tree of `root`, with those of its processes that have ended."""
    fields = (PROC / "stat").read_text().split("\n", 1)[0].split()
    user, nice, system, _idle, _iowait, interrupts, soft_interrupts, stolen = map(int, fields[1:9])
    tree = sum(_ticks(pid) for pid in [root, *descendants(root, zombies=True)])
    return Usage(
        taken=monotonic(),
        machine=(user + nice + system + interrupts + soft_interrupts + stolen) / TICKS,
        tree=tree / TICKS,
    )


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parents end (Linux only)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def descendants(root: int, without: Collection[int] = (), *, zombies: bool = False) -> list[int]:
    """Return the processes below `root`, leaving out the subtrees of `without`."""
    children: dict[int, list[tuple[int, str]]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(int(parent), []).append((int(entry.name), state))
    found, to_visit = [], [root]
    while to_visit:
        for pid, state in children.get(to_visit.pop(), ()):
            if pid not in without:
                to_visit.append(pid)
                if zombies or state not in "ZX":
                    found.append(pid)
    return found


def end_descendants(root: int, without: Collection[int], grace_seconds: float) -> int:
    """Wait for the processes below `root` to end, kill those that do not; return how many."""
    deadline = monotonic() + grace_seconds
    while (left := descendants(root, without)) and monotonic() < deadline:
        sleep(POLL_SECONDS)
    killed: set[int] = set()
    while left := descendants(root, without):
        killed.update(left)
        kill_all(left)
        sleep(POLL_SECONDS)
    return len(killed)


def kill_all(pids: Iterable[int]) -> None:
    """Kill the processes; those that have ended meanwhile are left out."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_tracker(pid: int) -> bool:
    """Return whether it is Python's or loky's process that removes what others left behind."""
    try:
        return b"resource_tracker" in (PROC / str(pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def proportional_bytes(pid: int) -> int:
    """Return a process's proportional memory (PSS); 0 if it has just ended."""
    try:
        return _kilobytes(PROC / str(pid) / "smaps_rollup", "Pss")
    except (FileNotFoundError, ProcessLookupError):
        return 0


def resident_bytes() -> int:
    return _kilobytes(PROC / "self" / "status", "VmRSS")


def peak_resident_bytes() -> int:
    """Return this process's highest resident memory since `reset_peak`."""
    return _kilobytes(PROC / "self" / "status", "VmHWM")


def reset_peak() -> None:
    (PROC / "self" / "clear_refs").write_text(RESET_PEAK)


def _ticks(pid: int) -> int:
    """Return what a process and its children that have ended have used; 0 if it has ended."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(map(int, fields[11:15]))


def _kilobytes(path: Path, field: str) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return 1024 * int(line.split()[1])
    raise LookupError(f"{path} has no field {field}")
