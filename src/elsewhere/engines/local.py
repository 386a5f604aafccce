"""The default engine: worker processes of this machine, forked by a node that it spawns.

A worker that ends is replaced at once; one that never got ready, after a pause that doubles from
`RETRY_SECONDS` to `RETRY_SECONDS_MAX`, so that a broken start does not spin. So is a node; and once
one was lost, perhaps by a call that killed the parent of its worker, each worker gets a keeper.

Whatever it tells the door may run callbacks of the user, which may wait for what else is to be done
here. So all that follows from one message is put down first and then done item by item, and what
remains is left to a timer before each item.
"""

import socket
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import count

from elsewhere.calls.wire import FrameReader, encode_frame, replace
from elsewhere.calls.workers import Exit, Imported, Setup
from elsewhere.engine import Door
from elsewhere.links.pipe import PipeGatewayEnd, socket_pair
from elsewhere.node.control import (
    Exited,
    FromNode,
    KillWorker,
    Preload,
    Refused,
    StartWorker,
    ToNode,
)
from elsewhere.node.process import NodeProcess
from elsewhere.reports import mention, report_briefly
from elsewhere.segments.directory import remove_directory

RETRY_SECONDS = 0.1
RETRY_SECONDS_MAX = 2.0
RECEIVE_BYTES = 65536


class LocalEngine:
    """`elsewhere.engine.Engine` for `workers` processes.

    Each is told `setup`, with its own number and what the node and this process are found to have.
    Workers are numbered by `numbers`, which count upwards. The node imports the modules `preload` before it
    starts the first one. A node that replaces a lost one imports nothing, for that may have been what was
    the matter.
    """

    alike = True
    """its workers see the files that this process sees, and have what is installed here"""

    def __init__(
        self,
        node: NodeProcess,
        workers: int,
        setup: Setup,
        preload: Sequence[str] = (),
        numbers: Iterator[int] | None = None,
    ) -> None:
        self._node: NodeProcess | None = node
        self._wanted = workers
        self._setup = replace(setup, directory=node.directory)
        self._preload = list(preload)
        self._preloaded: set[str] = set()
        """modules that the node was asked to import"""
        self._again = node.again
        self._directory = node.directory
        self._numbers = count(1) if numbers is None else numbers
        self._alive: set[int] = set()
        self._unready: set[int] = set()
        self._failures = 0
        self._todo: deque[Callable[[], None]] = deque()
        self._kept = False
        """whether workers get a keeper"""
        self._closing = False

    def open(self, door: Door) -> None:
        """As `Engine.open`. Raises OSError if the system gives no descriptors for the links."""
        self._door = door
        self._listen_to_node()
        if self._preload:
            self._order(Preload(self._preload, first=True))
        for _ in range(self._wanted):
            self._start()

    def kill(self, worker: int) -> None:
        if worker in self._alive:
            self._order(KillWorker(worker))

    def ready(self, worker: int) -> None:
        """The worker takes calls: starting works."""
        self._unready.discard(worker)
        self._failures = 0

    def preload(self, what: Imported) -> None:
        new = [name for name in what.modules if name not in self._preloaded]
        if new and not (self._kept or self._closing):
            self._preloaded.update(new)
            self._order(Preload(new, what.variables))

    def close(self) -> None:
        self._closing = True

    def end(self) -> None:
        self.close()
        if self._node is not None:
            self._node.end()
            self._node = None
        remove_directory(self._directory)

    # ------------------------------------------------------------ the node

    def _listen_to_node(self) -> None:
        self._reader: FrameReader[FromNode] = FrameReader(FromNode)
        if self._node is not None:
            self._door.watch(self._node.control.fileno(), self._listen)

    def _order(self, order: ToNode, descriptors: list[int] | None = None) -> None:
        if self._node is not None:
            control = self._node.control
            # Hundreds of orders at once fill the socket: the node, which only reads, makes room.
            control.setblocking(True)
            try:
                with suppress(ConnectionError):
                    socket.send_fds(control, [encode_frame([order])], descriptors or [])
            finally:
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
            match message:
                case Exited():
                    self._worker_lost(message)
                case Refused():
                    _tell_refused(message)
        self._do()

    def _node_lost(self, node: NodeProcess) -> None:
        """The node is gone, and with it its workers: begin again."""
        self._door.unwatch(node.control.fileno())
        node.end()
        self._node = None
        lost, self._alive = self._alive, set()
        none_was_ready = lost <= self._unready
        self._unready.clear()
        self._kept = True
        self._todo += [partial(self._door.worker_lost, worker, Exit()) for worker in sorted(lost)]
        if not self._closing:
            self._try_later(self._restart)
            if none_was_ready:
                self._tell_unstartable("was lost with its node")
        self._do()

    def _restart(self) -> None:
        if self._closing or self._node is not None:
            return
        try:
            self._node = self._again()
        except OSError as error:
            self._try_later(self._restart)
            self._tell_unstartable(f"could not be started ({error})")
        else:
            self._listen_to_node()
            self._todo += [self._replace] * self._wanted
        self._do()

    def _tell_unstartable(self, reason: str) -> None:
        """Tell the door of a worker that there never was, so that calls do not wait for ever."""
        worker = next(self._numbers)
        try:
            ours, theirs = socket_pair()
        except OSError:
            return  # there is no link to tell it by; the calls wait until there is one
        theirs.close()
        self._todo += [
            partial(self._door.worker_started, worker, PipeGatewayEnd(ours)),
            partial(self._door.worker_lost, worker, Exit(reason=reason)),
        ]

    def _do(self) -> None:
        """Do what is put down."""
        while self._todo:
            act = self._todo.popleft()
            if self._todo:
                self._door.later(0.0, self._do)
            act()

    def _try_later(self, act: Callable[[], None]) -> None:
        self._failures += 1
        pause = RETRY_SECONDS * 2.0 ** min(self._failures - 1, 10)
        self._door.later(min(pause, RETRY_SECONDS_MAX), act)

    # ------------------------------------------------------------ workers

    def _start(self) -> None:
        if self._closing or self._node is None or len(self._alive) >= self._wanted:
            return
        worker = next(self._numbers)
        ours, theirs = socket_pair()
        theirs.setblocking(True)
        self._order(StartWorker(worker, self._kept), [theirs.fileno()])
        theirs.close()
        link = PipeGatewayEnd(ours)
        link.send([replace(self._setup, worker=worker, authkey=multiprocessing_key())])
        self._alive.add(worker)
        self._unready.add(worker)
        self._door.worker_started(worker, link)

    def _replace(self) -> None:
        try:
            self._start()
        except OSError:
            self._try_later(self._replace)  # this process has as many files open as it may

    def _worker_lost(self, message: Exited) -> None:
        worker = message.worker
        self._alive.discard(worker)
        if worker in self._unready:
            self._unready.discard(worker)
            self._try_later(self._replace)
        else:
            self._todo.append(self._replace)
        self._todo.append(partial(self._door.worker_lost, worker, message.exit))


def _tell_refused(message: Refused) -> None:
    what = f"{message.package!r} was not imported before workers are forked"
    if message.first:
        report_briefly(what, ImportError(message.problem))
    else:
        mention(f"{what}: {message.problem}")


def multiprocessing_key() -> bytes:
    """The key by which the proxies of `multiprocessing` managers know each other; empty if unused."""
    process = sys.modules.get("multiprocessing.process")
    return b"" if process is None else bytes(process.current_process().authkey)
