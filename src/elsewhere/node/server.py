"""The fork server: it starts workers in milliseconds because they share all that it has imported.

It has one thread and runs no user code, so forking it is safe. It ends, and its workers with it, as
soon as its control socket closes or its client has ended, and if it is killed they end too. Each
worker has a process group of its own, so that a call that signals its group hits its own worker
only, and a page that it shares with the node, its *box*, in which it notes the call that it runs; if
it dies, that page still tells.
"""

import errno
import gc
import mmap
import os
import signal
import socket
import sys
from collections import deque
from contextlib import suppress
from select import POLLIN, poll
from time import monotonic, sleep
from typing import NoReturn

from elsewhere.blobs.address import address_in, listen
from elsewhere.calls.wire import FrameReader, encode_frame
from elsewhere.calls.workers import Exit
from elsewhere.link import LinkClosed
from elsewhere.links.pipe import PipeWorkerEnd
from elsewhere.node.control import Exited, FromNode, KillWorker, Preload, StartWorker, ToNode
from elsewhere.node.preload import Preloading
from elsewhere.node.templates import Templates
from elsewhere.node.trial import reseed
from elsewhere.worker.ends import RSS_UNIT, describe_exit, end_group_with, keep, watch_process
from elsewhere.worker.keeping import END_SECONDS
from elsewhere.worker.main import run_worker

BOX_BYTES = mmap.PAGESIZE
DESCRIPTORS_MAX = 16
RECEIVE_BYTES = 65536
LOST = -1
"""stands for a descriptor that came when no more files could be open here"""
CLIENT_CHECK_MS = 500
"""how often to look after the client where the system does not tell of its end"""
LOOK_SECONDS = 0.002
"""how often to look whether workers have ended that clean up"""


class Node:
    """The node's side of the control socket, and the workers that it has forked for `client`. Peers
    fetch blobs from its `directory`."""

    def __init__(self, control: socket.socket, client: int, directory: str) -> None:
        self._control = control
        self._client = client
        self._directory = directory
        self._reader: FrameReader[ToNode] = FrameReader(ToNode)
        self._ready = poll()
        self._orders: deque[ToNode] = deque()
        """those that were not followed yet"""
        self._descriptors: deque[int] = deque()
        self._workers: dict[int, int] = {}
        """process id, which is its group too → worker"""
        self._lifelines: dict[int, int] = {}
        """worker → the descriptor whose closing ends its group"""
        self._boxes: dict[int, mmap.mmap] = {}
        """worker → box"""
        self._servers: dict[int, int] = {}
        """process id of one that serves a peer → as in `_lifelines`"""
        self._peers = listen(address_in(directory))
        self._preloading = Preloading(self._say, self._leave, self._ready, self._workers.keys())
        self._templates = Templates(directory, self._leave)

    def serve(self) -> None:
        """Start, kill and reap workers until the client is gone; then end them all."""
        reaped_reader, reaped_writer = os.pipe()
        os.set_blocking(reaped_writer, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(reaped_writer, warn_on_full_buffer=False)
        ready = self._ready
        ready.register(self._control, POLLIN)
        ready.register(reaped_reader, POLLIN)
        ready.register(self._peers, POLLIN)
        ready.register(self._templates, POLLIN)
        # A fork of the client may hold the other end of the control socket after its death.
        ended = watch_process(self._client)
        if ended is not None:
            ready.register(ended, POLLIN)
        try:
            while os.getppid() == self._client:
                for fileno, _ in ready.poll(self._wait_ms(looks=ended is None)):
                    if fileno == reaped_reader:
                        os.read(reaped_reader, 4096)
                        self._reap()
                    elif fileno == self._peers.fileno():
                        self._serve_peer()
                    elif fileno == self._templates.fileno():
                        self._templates.hand_on()
                    elif fileno == self._control.fileno():
                        if not self._obey():
                            return
                    elif fileno != ended:
                        self._preloading.hear()
                self._follow()
                self._preloading.tend()
        finally:
            self._preloading.end()
            self._ask_to_end()
            for process in (*self._workers, *self._templates):
                kill_group(process)
            for process in (*self._workers, *self._templates):
                with suppress(ChildProcessError):
                    os.waitpid(process, 0)

    def _wait_ms(self, *, looks: bool) -> float | None:
        """How long to wait for what comes, in milliseconds; if it `looks` after the client, not for long."""
        if self._orders and not self._preloading.first:
            return 0
        seconds = self._preloading.seconds_to_wait()
        if seconds is None:
            return CLIENT_CHECK_MS if looks else None
        # Rounded up, or it would come back too early again and again.
        return min(1000 * seconds + 1, CLIENT_CHECK_MS) if seconds else 0

    def _obey(self) -> bool:
        """Take in orders; False once the client has closed its end."""
        try:
            data, descriptors, flags, _ = socket.recv_fds(
                self._control, RECEIVE_BYTES, DESCRIPTORS_MAX
            )
        except ConnectionError:
            return False
        self._descriptors += descriptors
        if flags & socket.MSG_CTRUNC:
            self._descriptors.append(LOST)
        if not data:
            return False
        self._orders += self._reader.feed(data)
        return True

    def _follow(self) -> None:
        """Do what was ordered, in order, unless workers have to wait for what they are to have."""
        while self._orders and not self._preloading.first:
            match order := self._orders.popleft():
                case StartWorker():
                    self._preloading.disturb()
                    self._start(order)
                case KillWorker():
                    self._kill(order.worker)
                case Preload():
                    self._preloading.ask(order)

    def _start(self, order: StartWorker) -> None:
        ours = [self._descriptors.popleft()]
        try:
            if ours == [LOST]:
                ours.clear()
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            ours += os.pipe()
            box = mmap.mmap(-1, BOX_BYTES)
            process = os.fork()
        except OSError as error:
            for descriptor in ours:
                os.close(descriptor)
            self._say(Exited(order.worker, Exit(reason=f"could not be forked ({error})")))
            return
        link, lifeline, other_end = ours
        self._lifelines[order.worker] = other_end
        if process == 0:
            self._become_worker(link, lifeline, box, kept=order.kept)
        with suppress(OSError):
            os.setpgid(process, process)  # whoever is first: it may have done so, or be gone
        os.close(link)
        os.close(lifeline)
        self._workers[process] = order.worker
        self._boxes[order.worker] = box

    def _become_worker(self, link: int, lifeline: int, box: mmap.mmap, *, kept: bool) -> None:
        """In the child: leave the node's things behind and run calls to the end."""
        code = 1
        try:
            gc.enable()
            self._leave()
            os.setpgid(0, 0)
            reseed()
            end_group_with(lifeline)
            if kept:
                keep()
            end = PipeWorkerEnd(socket.socket(fileno=link))
            with memoryview(box).cast("Q") as cells:
                run_worker(end, cells, node=self._templates.asked)
            code = 0
        except LinkClosed:
            code = 0
        except BaseException:  # noqa: BLE001  # nobody else can tell of it
            import traceback

            traceback.print_exc(file=sys.__stderr__)
        finally:
            # Never return into the node's code, nor run its clean-up.
            os._exit(code)

    def _leave(self) -> None:
        """In a process just forked: keep nothing of what is the node's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._control.close()
        self._peers.close()
        for other_end in (
            *self._lifelines.values(),
            *self._servers.values(),
        ):
            os.close(other_end)
        self._preloading.leave()
        self._templates.leave()

    def _serve_peer(self) -> None:
        # Few nodes serve anybody.
        from elsewhere.node.serving import serve_peer

        try:
            lifeline, other_end = os.pipe()
        except OSError:
            return  # there are too many files open: the peer still waits, and is come back to
        server = serve_peer(
            self._peers, self._directory, lambda: self._leave_server(lifeline, other_end)
        )
        os.close(lifeline)
        if server is None:
            os.close(other_end)
        else:
            self._servers[server] = other_end

    def _leave_server(self, lifeline: int, other_end: int) -> None:
        os.close(other_end)
        self._leave()
        os.setpgid(0, 0)
        end_group_with(lifeline)

    def _ask_to_end(self) -> None:
        """Give workers a while that have something to clean up."""
        asked = [
            process
            for process, worker in self._workers.items()
            if (guarded := int.from_bytes(self._boxes[worker][8:16], "little"))
            and _terminate(guarded)
        ]
        for process in set(self._workers).difference(asked):
            kill_group(process)
        self._templates.ask_to_end()
        asked += self._templates
        until = monotonic() + END_SECONDS
        while monotonic() < until and not all(map(_has_ended, asked)):
            sleep(LOOK_SECONDS)

    def _kill(self, worker: int) -> None:
        for process, number in self._workers.items():
            if number == worker:
                kill_group(process)

    def _reap(self) -> None:
        while True:
            try:
                process, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process == 0:
                return
            if self._preloading.is_trial(process):
                self._preloading.ended(status)
                continue
            worker = self._workers.pop(process, None)
            if worker is None:
                if process in self._servers:
                    os.close(self._servers.pop(process))
                else:
                    self._templates.reap(process)
                continue
            self._preloading.worker_ended()
            if status:
                kill_group(process)  # what it had started must not run on beside its next attempt
            os.close(self._lifelines.pop(worker))
            box = self._boxes.pop(worker)
            running = int.from_bytes(box[:8], "little")
            box.close()
            self._say(Exited(worker, describe_exit(status, usage.ru_maxrss * RSS_UNIT, running)))

    def _say(self, message: FromNode) -> None:
        with suppress(ConnectionError):
            # If the client is gone, the next read of the control socket says so.
            self._control.sendall(encode_frame([message]))


def _terminate(process: int) -> bool:
    """Ask a process to end; whether there is one."""
    try:
        os.kill(process, signal.SIGTERM)
    except ProcessLookupError:
        return False
    return True


def _has_ended(process: int) -> bool:
    """Whether a worker that is not reaped yet has ended."""
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def kill_group(process: int) -> None:
    """Kill a worker with all that its calls have started and that has not left its group."""
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


def main(descriptor: int, client: int, directory: str) -> NoReturn:
    """The node's process. Ignores Ctrl-C: the client decides when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=descriptor)
    control.setblocking(True)
    # What is there now lives as long as the node: keep the collector from touching shared pages.
    gc.freeze()
    Node(control, client, directory).serve()
    # If the client is dying, this may come before it is dead, and nobody else would remove it.
    from elsewhere.segments.directory import remove_directory

    remove_directory(directory)
    # Nothing is left to clean up, and the client waits.
    os._exit(0)
