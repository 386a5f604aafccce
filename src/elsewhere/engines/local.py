"""The default engine: worker processes of this machine, forked by a node that it spawns.

A worker that ends is replaced at once; one that never got ready, after a pause that doubles from
`RETRY_SECONDS` to `RETRY_SECONDS_MAX`, so that a broken start does not spin.
"""

import socket
import sys
from contextlib import suppress
from itertools import count

from elsewhere.calls.messages import Exit, Setup
from elsewhere.calls.wire import FrameReader, encode_frame
from elsewhere.engine import Door
from elsewhere.links.pipe import PipeGatewayEnd, socket_pair
from elsewhere.node.control import Exited, FromNode, KillWorker, StartWorker, ToNode
from elsewhere.node.process import NodeProcess

RETRY_SECONDS = 0.1
RETRY_SECONDS_MAX = 2.0
RECEIVE_BYTES = 65536


class LocalEngine:
    """`elsewhere.engine.Engine` for `workers` processes; `initializer` is an encoded call or empty."""

    def __init__(self, node: NodeProcess, workers: int, initializer: bytes) -> None:
        self._node: NodeProcess | None = node
        self._wanted = workers
        self._initializer = initializer
        self._numbers = count(1)
        self._alive: set[int] = set()
        self._unready: set[int] = set()
        self._failures = 0
        self._closing = False

    def open(self, door: Door) -> None:
        self._door = door
        self._adopt()

    def kill(self, worker: int) -> None:
        if worker in self._alive:
            self._order(KillWorker(worker))

    def ready(self, worker: int) -> None:
        """The worker takes calls: starting works."""
        self._unready.discard(worker)
        self._failures = 0

    def close(self) -> None:
        self._closing = True

    def end(self) -> None:
        self.close()
        if self._node is not None:
            self._node.end()
            self._node = None

    # ------------------------------------------------------------ the node

    def _adopt(self) -> None:
        self._reader: FrameReader[FromNode] = FrameReader(FromNode)
        if self._node is not None:
            self._door.watch(self._node.control.fileno(), self._listen)
        for _ in range(self._wanted):
            self._start()

    def _order(self, order: ToNode, descriptors: list[int] | None = None) -> None:
        if self._node is not None:
            control = self._node.control
            # Hundreds of orders at once fill the socket: the node, which only reads, makes room.
            control.setblocking(True)
            with suppress(ConnectionError):
                socket.send_fds(control, [encode_frame([order])], descriptors or [])
            control.setblocking(False)

    def _listen(self) -> None:
        node = self._node
        if node is None:
            return
        try:
            data = node.control.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._node_lost(node)
            return
        for message in self._reader.feed(data):
            self._worker_lost(message)

    def _node_lost(self, node: NodeProcess) -> None:
        """The node is gone, and with it its workers: begin again."""
        self._door.unwatch(node.control.fileno())
        node.end()
        self._node = None
        lost, self._alive = self._alive, set()
        for worker in sorted(lost):
            self._door.worker_lost(worker, Exit())
        if not self._closing:
            self._failures += 1
            self._door.later(self._pause(), self._restart)

    def _restart(self) -> None:
        if not self._closing:
            self._node = NodeProcess()
            self._adopt()

    # ------------------------------------------------------------ workers

    def _start(self) -> None:
        if self._closing or self._node is None or len(self._alive) >= self._wanted:
            return
        worker = next(self._numbers)
        ours, theirs = socket_pair()
        theirs.setblocking(True)
        self._order(StartWorker(worker), [theirs.fileno()])
        theirs.close()
        link = PipeGatewayEnd(ours)
        link.send([Setup(worker, self._initializer, multiprocessing_key())])
        self._alive.add(worker)
        self._unready.add(worker)
        self._door.worker_started(worker, link)

    def _worker_lost(self, message: Exited) -> None:
        worker = message.worker
        self._alive.discard(worker)
        self._door.worker_lost(worker, message.exit)
        if worker in self._unready:
            self._unready.discard(worker)
            self._failures += 1
            self._door.later(self._pause(), self._start)
        else:
            self._start()

    def _pause(self) -> float:
        return min(RETRY_SECONDS * 2.0 ** min(self._failures - 1, 10), RETRY_SECONDS_MAX)


def multiprocessing_key() -> bytes:
    """The key by which the proxies of `multiprocessing` managers know each other; empty if unused."""
    process = sys.modules.get("multiprocessing.process")
    return b"" if process is None else bytes(process.current_process().authkey)
