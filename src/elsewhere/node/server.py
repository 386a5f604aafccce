"""The fork server: it starts workers in milliseconds because they share all that it has imported.

It has one thread and runs no user code, so forking it is safe. It ends, and its workers with it, as
soon as its control socket closes, however the client ended. Each worker has a page that it shares
with the node, its *box*, in which it notes the call that it runs; if it dies, that page still tells.
"""

import gc
import mmap
import os
import signal
import socket
import sys
from collections import deque
from contextlib import suppress
from select import POLLIN, poll

from elsewhere.calls.messages import Exit
from elsewhere.calls.wire import FrameReader, encode_frame
from elsewhere.link import LinkClosed
from elsewhere.links.pipe import PipeWorkerEnd
from elsewhere.node.control import Exited, FromNode, KillWorker, StartWorker, ToNode
from elsewhere.worker.main import run_worker

BOX_BYTES = mmap.PAGESIZE
DESCRIPTORS_MAX = 16
RECEIVE_BYTES = 65536
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""bytes in which the system counts resident memory"""


class Node:
    """The node's side of the control socket, and the workers that it has forked."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._reader: FrameReader[ToNode] = FrameReader(ToNode)
        self._descriptors: deque[int] = deque()
        self._workers: dict[int, int] = {}
        """process id → worker"""
        self._boxes: dict[int, mmap.mmap] = {}
        """worker → box"""

    def serve(self) -> None:
        """Start, kill and reap workers until the control socket closes; then end them all."""
        reaped_reader, reaped_writer = os.pipe()
        os.set_blocking(reaped_writer, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(reaped_writer, warn_on_full_buffer=False)
        ready = poll()
        ready.register(self._control, POLLIN)
        ready.register(reaped_reader, POLLIN)
        try:
            while True:
                for fileno, _ in ready.poll():
                    if fileno == reaped_reader:
                        os.read(reaped_reader, 4096)
                        self._reap()
                    elif not self._obey():
                        return
        finally:
            for process in self._workers:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    def _obey(self) -> bool:
        """Take in orders; False once the client has closed its end."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, RECEIVE_BYTES, DESCRIPTORS_MAX)
        except ConnectionError:
            return False
        self._descriptors += descriptors
        if not data:
            return False
        for order in self._reader.feed(data):
            match order:
                case StartWorker():
                    self._start(order.worker, self._descriptors.popleft())
                case KillWorker():
                    self._kill(order.worker)
        return True

    def _start(self, worker: int, descriptor: int) -> None:
        box = mmap.mmap(-1, BOX_BYTES)
        process = os.fork()
        if process == 0:
            self._become_worker(descriptor, box)
        os.close(descriptor)
        self._workers[process] = worker
        self._boxes[worker] = box

    def _become_worker(self, descriptor: int, box: mmap.mmap) -> None:
        """In the child: leave the node's things behind and run calls to the end."""
        code = 1
        try:
            gc.enable()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            link = PipeWorkerEnd(socket.socket(fileno=descriptor))
            with memoryview(box).cast("Q") as cells:
                run_worker(link, cells)
            code = 0
        except LinkClosed:
            code = 0
        finally:
            # Never return into the node's code, nor run its clean-up.
            os._exit(code)

    def _kill(self, worker: int) -> None:
        for process, number in self._workers.items():
            if number == worker:
                os.kill(process, signal.SIGKILL)

    def _reap(self) -> None:
        while self._workers:
            try:
                process, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process == 0:
                return
            worker = self._workers.pop(process, None)
            if worker is None:
                continue
            box = self._boxes.pop(worker)
            running = int.from_bytes(box[:8], "little")
            box.close()
            self._say(Exited(worker, describe_exit(status, usage.ru_maxrss * RSS_UNIT, running)))

    def _say(self, message: FromNode) -> None:
        with suppress(ConnectionError):
            # If the client is gone, the next read of the control socket says so.
            self._control.sendall(encode_frame([message]))


def describe_exit(status: int, memory_bytes: int, running: int) -> Exit:
    """The evidence of a wait status; `memory_bytes` is the peak resident memory."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return Exit(None, -code, memory_bytes, running)
    return Exit(code, None, memory_bytes, running)


def main(descriptor: int) -> None:
    """The node's process. Ignores Ctrl-C: the client decides when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=descriptor)
    control.setblocking(True)
    # What is there now lives as long as the node: keep the collector from touching shared pages.
    gc.freeze()
    Node(control).serve()
