"""Which processes a test session started and has not ended, read from /proc."""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from select import select
from time import monotonic

# In the environment of all that a session starts: the names of the sessions it belongs to.
SESSION_VARIABLE = "ELSEWHERE_TEST_SESSION"

# What a node's command line mentions. It finds an orphan whose environment was cleaned.
NODE_COMMAND = "elsewhere.node"

# The standard library starts one per process and ends it when that process ends.
STANDARD_HELPER = "from multiprocessing.resource_tracker import main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    pid: int
    parent: int
    started_ticks: int
    command: str
    sessions: frozenset[str]

    def __str__(self) -> str:
        return f"pid {self.pid}, parent {self.parent}: {self.command[:300]}"


def session_name() -> str:
    me = read_process(os.getpid())
    # A number of a process is used again one day, but not at the same time.
    return f"{os.getpid()}@{me.started_ticks if me else 0}"


def left_behind(session: str, grace_seconds: float) -> list[Process]:
    """What `session`, run by this process, started and what still runs after `grace_seconds`."""
    deadline = monotonic() + grace_seconds
    while found := started_by(session, os.getpid()):
        remaining = deadline - monotonic()
        if remaining <= 0:
            break
        wait_for_any_to_end(found, remaining)
    return found


def started_by(session: str, leader: int) -> list[Process]:
    """The living processes of `session`: by environment, by descent from `leader`, by command."""
    alive = {process.pid: process for process in processes()}
    since = alive[leader].started_ticks if leader in alive else 0

    def ancestors(pid: int) -> Iterator[int]:
        while pid in alive:
            pid = alive[pid].parent
            yield pid

    # Who inherits our orphans: the first process, or an ancestor that asked to.
    heirs = {1, *ancestors(leader)}

    def is_stray_node(process: Process) -> bool:
        return (
            process.parent in heirs
            and not process.sessions
            and NODE_COMMAND in process.command
            and process.started_ticks >= since
        )

    return [
        process
        for process in alive.values()
        if process.pid != leader
        and STANDARD_HELPER not in process.command
        and (
            session in process.sessions
            or leader in ancestors(process.pid)
            or is_stray_node(process)
        )
    ]


def processes() -> Iterator[Process]:
    """All living processes; none where the system has no /proc. The dead unreaped do not count."""
    for folder in Path("/proc").glob("[0-9]*"):
        process = read_process(int(folder.name))
        if process is not None:
            yield process


def read_process(pid: int) -> Process | None:
    folder = Path("/proc") / str(pid)
    try:
        # The name, in brackets, may itself hold spaces and brackets.
        state, parent, *rest = (
            (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        )
        command = (folder / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if state in "ZX":
        return None
    return Process(
        pid=pid,
        parent=int(parent),
        started_ticks=int(rest[17]),
        command=command.replace(b"\0", b" ").decode("utf-8", "replace").strip(),
        sessions=_sessions(folder),
    )


def _sessions(folder: Path) -> frozenset[str]:
    try:
        environment = (folder / "environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return frozenset()
    for entry in environment.split(b"\0"):
        name, _, value = entry.partition(b"=")
        if name == SESSION_VARIABLE.encode():
            return frozenset(value.decode("utf-8", "replace").split())
    return frozenset()


def wait_for_any_to_end(found: Iterable[Process], timeout_seconds: float) -> None:
    with ExitStack() as stack:
        handles = []
        for process in found:
            try:
                handle = os.pidfd_open(process.pid)
            except ProcessLookupError:
                return
            stack.callback(os.close, handle)
            handles.append(handle)
        select(handles, [], [], timeout_seconds)


def end(found: Iterable[Process]) -> None:
    for process in found:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
