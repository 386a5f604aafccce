"""The default engine: worker processes of this machine, forked by a node that it spawns.

A worker that ends is replaced at once; one that never got ready, after a pause that doubles from
`RETRY_SECONDS` to `RETRY_SECONDS_MAX`, so that a broken start does not spin.
"""

import os
import socket
import sys
from contextlib import suppress
from itertools import count

from elsewhere.calls.messages import Exit, Setup
from elsewhere.calls.wire import FrameReader, encode_frame
from elsewhere.engine import Door
from elsewhere.links.pipe import PipeGatewayEnd, socket_pair
from elsewhere.node.control import Exited, FromNode, KillWorker, StartWorker, ToNode

RETRY_SECONDS = 0.1
RETRY_SECONDS_MAX = 2.0
RECEIVE_BYTES = 65536
NODE_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; from elsewhere.node.server import main; main({descriptor})"
)


class LocalEngine:
    """`elsewhere.engine.Engine` for `workers` processes; `initializer` is an encoded call or empty."""

    def __init__(self, workers: int, initializer: bytes) -> None:
        self._wanted = workers
        self._initializer = initializer
        self._numbers = count(1)
        self._alive: set[int] = set()
        self._unready: set[int] = set()
        self._failures = 0
        self._closing = False
        self._node = 0
        self._spawn()

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
        if self._node:
            # The node kills its workers and ends as soon as this socket closes.
            self._control.close()
            self._reap_node()

    # ------------------------------------------------------------ the node

    def _spawn(self) -> None:
        """Start the node's process. It has a process group of its own, out of Ctrl-C's reach."""
        if not sys.executable:
            raise RuntimeError("sys.executable is not set: no Python to start workers with")
        ours, theirs = socket_pair()
        descriptor = theirs.fileno()
        program = NODE_PROGRAM.format(path=sys.path, descriptor=descriptor)
        try:
            self._node = os.posix_spawn(
                sys.executable,
                [sys.executable, *interpreter_options(), "-c", program],
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, descriptor, descriptor),
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                ],
                setpgroup=0,
            )
        finally:
            theirs.close()
        self._control = ours
        self._reader: FrameReader[FromNode] = FrameReader(FromNode)

    def _adopt(self) -> None:
        self._door.watch(self._control.fileno(), self._listen)
        for _ in range(self._wanted):
            self._start()

    def _order(self, order: ToNode, descriptors: list[int] | None = None) -> None:
        # Orders are few and short: the socket's buffer always has room for them.
        with suppress(ConnectionError):
            socket.send_fds(self._control, [encode_frame([order])], descriptors or [])

    def _listen(self) -> None:
        try:
            data = self._control.recv(RECEIVE_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            self._node_lost()
            return
        for message in self._reader.feed(data):
            self._worker_lost(message)

    def _node_lost(self) -> None:
        """The node is gone, and with it its workers: begin again."""
        self._door.unwatch(self._control.fileno())
        self._control.close()
        self._reap_node()
        lost, self._alive = self._alive, set()
        for worker in sorted(lost):
            self._door.worker_lost(worker, Exit())
        if not self._closing:
            self._failures += 1
            self._door.later(self._pause(), self._restart)

    def _restart(self) -> None:
        if not self._closing:
            self._spawn()
            self._adopt()

    def _reap_node(self) -> None:
        with suppress(ChildProcessError):
            os.waitpid(self._node, 0)
        self._node = 0

    # ------------------------------------------------------------ workers

    def _start(self) -> None:
        if self._closing or not self._node or len(self._alive) >= self._wanted:
            return
        worker = next(self._numbers)
        ours, theirs = socket_pair()
        theirs.setblocking(True)
        self._order(StartWorker(worker), [theirs.fileno()])
        theirs.close()
        link = PipeGatewayEnd(ours)
        link.send([Setup(worker, self._initializer)])
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


def interpreter_options() -> list[str]:
    """The options with which this interpreter was started, as far as they concern its children."""
    options = [f"-X{name}" if value is True else f"-X{name}={value}"
               for name, value in sys._xoptions.items()]
    options += [f"-W{option}" for option in sys.warnoptions]
    if sys.flags.optimize:
        options.append("-" + "O" * sys.flags.optimize)
    if sys.flags.isolated:
        options.append("-I")
    if sys.flags.no_site:
        options.append("-S")
    return options
