"""The link of one machine: a pair of connected local sockets that carry frames.

The gateway's end never blocks, so that no thread waits for a socket while it holds the machine; the
worker's end blocks, and is the only one that does.
"""

import socket
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from os import sched_yield
from select import POLLIN, poll
from time import monotonic

from elsewhere.calls.messages import FromWorker, ToWorker
from elsewhere.calls.wire import DecodeError, FrameReader, encode_frame
from elsewhere.link import LinkClosed

RECEIVE_BYTES = 2**18
"""how much is received at once; each end keeps this much, because the system takes longer to give and
take it back than to carry a small message"""
SOCKET_BUFFER_BYTES = 2**20
SPIN_SECONDS = 0.0001


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected stream sockets with room for a batch of calls."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
    ours.setblocking(False)
    return ours, theirs


class PipeGatewayEnd:
    """`elsewhere.link.GatewayEnd` over a non-blocking socket. One thread at a time per direction."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._reader: FrameReader[FromWorker] = FrameReader(FromWorker)
        self._waiting: deque[memoryview] = deque()
        self._received = memoryview(bytearray(RECEIVE_BYTES))

    def send(self, messages: Sequence[ToWorker]) -> bool:
        self._waiting.append(memoryview(encode_frame(list(messages))))
        return len(self._waiting) == 1 and self.flush()

    def flush(self) -> bool:
        waiting = self._waiting
        while waiting:
            try:
                sent = self._sock.send(waiting[0])
            except BlockingIOError:
                return False
            except OSError:
                # The peer is gone. Its engine will say so; nothing that waits can reach it.
                waiting.clear()
                return True
            if sent == len(waiting[0]):
                waiting.popleft()
            else:
                waiting[0] = waiting[0][sent:]
        return True

    def receive(self) -> list[FromWorker]:
        # Part of a frame is not yet a message: nothing is returned only when nothing is left.
        messages: list[FromWorker] = []
        while not messages:
            try:
                size = self._sock.recv_into(self._received)
            except BlockingIOError:
                break
            except OSError as error:
                raise LinkClosed(str(error)) from error
            if not size:
                raise LinkClosed("the worker has closed its end")
            try:
                messages = self._reader.feed(self._received[:size])
            except DecodeError as error:
                raise LinkClosed(f"the worker sent what is no message: {error}") from error
        return messages

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        with suppress(OSError):
            self._sock.close()


class PipeWorkerEnd:
    """`elsewhere.link.WorkerEnd` over a blocking socket.

    Before it blocks, it looks again for a moment and offers its processor to whoever else wants it.
    Waking a processor that has gone to sleep takes longer than all the rest of a round trip.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._reader: FrameReader[ToWorker] = FrameReader(ToWorker)
        self._received = memoryview(bytearray(RECEIVE_BYTES))
        self._poll = poll()
        self._poll.register(sock, POLLIN)
        self._watches = False
        """whether anything but the link is waited for"""

    def send(self, messages: Sequence[FromWorker]) -> None:
        try:
            self._sock.sendall(encode_frame(list(messages)))
        except OSError as error:
            raise LinkClosed(str(error)) from error

    def receive(self, timeout: float | None = None) -> list[ToWorker]:
        messages: list[ToWorker] = []
        while not messages:
            if timeout is None:
                self._spin()
            if (timeout is not None or self._watches) and not self._await_link(timeout):
                break
            try:
                size = self._sock.recv_into(self._received)
            except OSError as error:
                raise LinkClosed(str(error)) from error
            if not size:
                raise LinkClosed("the gateway has closed its end")
            messages = self._reader.feed(self._received[:size])
        return messages

    def watch(self, fileno: int) -> None:
        self._poll.register(fileno, POLLIN)
        self._watches = True

    def close(self) -> None:
        with suppress(OSError):
            self._sock.close()

    def _await_link(self, timeout: float | None) -> bool:
        """Whether the link can be read; False if that was something else, or nothing in time."""
        ready = self._poll.poll(None if timeout is None else timeout * 1000)
        return any(fileno == self._sock.fileno() for fileno, _ in ready)

    def _spin(self) -> None:
        until = monotonic() + SPIN_SECONDS
        while not self._poll.poll(0) and monotonic() < until:
            sched_yield()
