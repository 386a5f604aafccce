"""How processes end: one with another, even where no code of its own can run; and how that is told."""

import fcntl
import os
import signal
import sys

from elsewhere.calls.workers import Exit

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""bytes in which the system counts resident memory"""


_lifelines: list[int] = []
"""those that this process ends with"""


def _let_go() -> None:
    while _lifelines:  # a fork of a fork has none left
        os.close(_lifelines.pop())


os.register_at_fork(after_in_child=_let_go)


def end_group_with(lifeline: int) -> None:
    """Have the kernel kill this process group once nobody holds the other end of the pipe.

    A worker whose call keeps the interpreter to itself could not do so. Linux only: elsewhere a worker
    ends when it finds its link closed.
    """
    _end_with(lifeline, -os.getpgrp())


def end_process_with(lifeline: int) -> None:
    """The same for this process alone."""
    _end_with(lifeline, os.getpid())


def _end_with(lifeline: int, owner: int) -> None:
    if sys.platform == "linux":
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, owner)
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
        try:
            os.read(lifeline, 1)
        except BlockingIOError:
            pass  # it is held
        else:
            _kill(owner)  # it was let go before the kernel knew
        # What a call forks may outlive a worker that ends in order.
        _lifelines.append(lifeline)


def _kill(owner: int) -> None:
    if owner < 0:
        os.killpg(-owner, signal.SIGKILL)
    else:
        os.kill(owner, signal.SIGKILL)


def keep() -> None:
    """Fork, and return in the new process; the one before waits for it and ends as it did.

    So a call that kills its parent hits a process that is there for its own worker only, and the
    node learns whose call it was.
    """
    child = os.fork()
    if child == 0:
        return
    # Its copy of the link stays open, so that the client does not see the worker's end before it can be
    # told how that came.
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one dump of core is enough
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def watch_process(process: int) -> int | None:
    """A descriptor that can be read once `process` has ended; None where there is no such thing."""
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(process)
    except OSError:  # it has ended, or a sandbox forbids this
        return None


def describe_exit(status: int, memory_bytes: int, running: int = 0, *, fork: bool = False) -> Exit:
    """The evidence of a wait status; `memory_bytes` is the peak resident memory."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return Exit(None, -code, memory_bytes, running, fork=fork)
    return Exit(code, None, memory_bytes, running, fork=fork)
