"""The templates of a node: processes that hold what its workers share, made when it is first asked for."""

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NoReturn

from elsewhere.links.pipe import PipeWorkerEnd
from elsewhere.node.trial import reseed
from elsewhere.worker.ends import end_group_with
from elsewhere.worker.requests import DIGEST_BYTES, REQUEST_BYTES, REQUEST_DESCRIPTORS


class _Process:
    """One template, as the node sees it."""

    def __init__(self, digest: bytes, control: socket.socket, lifeline: int) -> None:
        self.digest = digest
        self.control = control
        self.lifeline = lifeline
        """its closing ends the process"""

    def close(self) -> None:
        self.control.close()
        os.close(self.lifeline)


class Templates:
    """`leave` is what a child of the node begins with.

    Workers ask at `asked`.
    """

    def __init__(self, directory: str, leave: Callable[[], None]) -> None:
        self._directory = directory
        self._leave = leave
        self._requests, self.asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._processes: dict[int, _Process] = {}
        """by process id"""

    def fileno(self) -> int:
        return self._requests.fileno()

    def __iter__(self) -> Iterator[int]:
        """The processes."""
        return iter(self._processes)

    def leave(self) -> None:
        """In a child of the node: all but `asked` is not its own."""
        self._requests.close()
        for process in self._processes.values():
            process.close()

    def hand_on(self) -> None:
        """Hand a request on to the template that it is for, which is started if there is none."""
        request, descriptors, _, _ = socket.recv_fds(
            self._requests, REQUEST_BYTES, REQUEST_DESCRIPTORS
        )
        try:
            # If it cannot be, who asks finds that its link is closed.
            with suppress(OSError):
                self._send(request, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def reap(self, process: int) -> bool:
        """Whether this process was a template; it has ended."""
        ended = self._processes.pop(process, None)
        if ended is None:
            return False
        ended.close()
        return True

    def ask_to_end(self) -> None:
        """Let them clean up and end."""
        for process in self._processes.values():
            process.control.shutdown(socket.SHUT_RDWR)

    def _send(self, request: bytes, descriptors: list[int]) -> None:
        digest = request[:DIGEST_BYTES]
        found = self._find(digest)
        if found is not None:
            try:
                socket.send_fds(found.control, [request], descriptors)
            except ConnectionError:
                found.digest = b""  # it is ending
            else:
                return
        socket.send_fds(self._start(digest).control, [request], descriptors)

    def _find(self, digest: bytes) -> _Process | None:
        return next((one for one in self._processes.values() if one.digest == digest), None)

    def _start(self, digest: bytes) -> _Process:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        lifeline, other_end = os.pipe()
        ours.setblocking(False)  # it may be at work for long
        with theirs:
            number = os.fork()
            if number == 0:
                os.close(other_end)
                self._become_template(ours, theirs, lifeline)
            os.close(lifeline)
        process = self._processes[number] = _Process(digest, ours, other_end)
        return process

    def _become_template(
        self, ours: socket.socket, theirs: socket.socket, lifeline: int
    ) -> NoReturn:
        code = 1
        try:
            ours.close()
            self._leave()
            self.asked.close()
            os.setpgid(0, 0)
            reseed()
            end_group_with(lifeline)
            gc.enable()
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            # Few nodes have templates, and all would pay for it with memory.
            from elsewhere.worker.template import run_template

            run_template(theirs, PipeWorkerEnd, self._directory)
            code = 0
        except BaseException:  # noqa: BLE001  # nobody else can tell of it
            import traceback

            traceback.print_exc(file=sys.__stderr__)
        finally:
            # Never return into the node's code, nor run its clean-up.
            os._exit(code)
