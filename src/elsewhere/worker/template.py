"""A process that has made what has the scope `node`, a *template*, and forks processes that find it.

Each of these *stands in* for one worker of the node: it runs the calls that need what the template has,
one after another, as that worker tells it. They share the template's memory, as long as nobody writes
there. The template has one thread, unless a provider starts others, and runs nothing but providers.
"""

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from select import POLLIN, poll
from typing import NamedTuple, NoReturn

from elsewhere.blobs.folder import BlobFolder
from elsewhere.calls.messages import Define, ToWorker
from elsewhere.calls.resources import Made, ResourceName
from elsewhere.calls.wire import HEADER_BYTES, FrameReader, encode_frame
from elsewhere.calls.workers import Lost, Unready
from elsewhere.link import LinkClosed, WorkerEnd
from elsewhere.plans.dependency import Hold
from elsewhere.plans.host import PROCESS
from elsewhere.plans.injected import Injected, injected
from elsewhere.worker.editions import WorkerEditions
from elsewhere.worker.ends import RSS_UNIT, describe_exit, end_process_with
from elsewhere.worker.main import run_worker
from elsewhere.worker.output import redirect
from elsewhere.worker.post import Post
from elsewhere.worker.requests import (
    DIGEST_BYTES,
    GROUP_BYTES,
    REQUEST_BYTES,
    REQUEST_DESCRIPTORS,
)

LINGER_MS = 30_000
"""How long a template stays that nobody uses."""
HEAR_SECONDS = 5.0
"""How long a worker may take to say what it has asked for."""

MakeLink = Callable[[socket.socket], WorkerEnd]


class _Unmade(Exception):
    """What this process is for could not be made."""


class _Spare(NamedTuple):
    """A process that was forked ahead, and waits to be told for whom it stands in."""

    process: int
    control: socket.socket


class _Template:
    """Serves `control`, by which the node hands on requests, each for the same.

    To fork a process with gigabytes takes tens of milliseconds, so one is always forked ahead.
    """

    def __init__(self, control: socket.socket, make_link: MakeLink, directory: str) -> None:
        self._control = control
        self._make_link = make_link
        self._directory = directory
        self._held: list[Hold] = []
        self._failure = b""
        self._spare: _Spare | None = None
        self._reports: dict[int, int] = {}
        """process id of one that stands in → where to tell how it has ended"""

    def serve(self) -> None:
        """Until the node closes its end, what is to be made cannot be made, or nobody needs it any more."""
        reaped_reader, reaped_writer = os.pipe()
        os.set_blocking(reaped_writer, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(reaped_writer, warn_on_full_buffer=False)
        ready = poll()
        ready.register(self._control, POLLIN)
        ready.register(reaped_reader, POLLIN)
        try:
            while found := ready.poll(None if self._reports else LINGER_MS):
                for fileno, _ in found:
                    if fileno == reaped_reader:
                        os.read(reaped_reader, 4096)
                        self._reap()
                    elif not self._hear():
                        return
                if self._held and self._spare is None:
                    self._spare = self._fork_ahead()
        except _Unmade:
            self._control.setblocking(False)
            self._tell_all()
            self._control.close()  # so that the node starts another one for whoever comes now
        finally:
            if PROCESS.kept is not None:
                PROCESS.kept.end()

    def _tell_all(self) -> None:
        """Those who wait are told the same."""
        while True:
            with suppress(_Unmade):
                if not self._hear():
                    return

    def _hear(self) -> bool:
        """Take in one request; False if there is none, and will be none."""
        try:
            request, descriptors, _, _ = socket.recv_fds(
                self._control, REQUEST_BYTES, REQUEST_DESCRIPTORS
            )
        except BlockingIOError:
            return False
        if not request:
            return False
        if len(descriptors) < REQUEST_DESCRIPTORS:
            # Too many files are open here: who asked finds its link closed.
            for descriptor in descriptors:
                os.close(descriptor)
            return True
        stream, lifeline, report = socket.socket(fileno=descriptors[0]), *descriptors[1:]
        try:
            with stream:
                self._serve_worker(stream, lifeline, report, request[DIGEST_BYTES:])
        except (LinkClosed, OSError):
            os.close(report)  # the worker is gone, or there can be no more processes
        finally:
            os.close(lifeline)
        return True

    def _serve_worker(
        self, stream: socket.socket, lifeline: int, report: int, group: bytes
    ) -> None:
        defined = bool(self._held or self._failure)
        if not defined:
            self._make(_read_define(stream).code, self._make_link(stream.dup()))
        if self._failure:
            self._make_link(stream.dup()).send([Unready(self._failure)])
            os.close(report)
            raise _Unmade
        spare = self._spare or self._fork_ahead(stream.fileno(), lifeline, report)
        self._spare = None
        with spare.control:
            told = group + defined.to_bytes(1)
            socket.send_fds(spare.control, [told], [stream.fileno(), lifeline])
        self._reports[spare.process] = report

    # ------------------------------------------------------------ processes that stand in

    def _fork_ahead(self, *others: int) -> _Spare:
        """`others` are descriptors that are none of its."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = os.fork()
            if process == 0:
                ours.close()
                self._stand_in(theirs, others)
        return _Spare(process, ours)

    def _stand_in(self, control: socket.socket, others: Iterable[int]) -> NoReturn:
        """In the child: be a worker whose gateway is another worker, once there is one."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            for descriptor in (*others, *self._reports.values()):
                os.close(descriptor)
            with control:
                told, descriptors, _, _ = socket.recv_fds(control, GROUP_BYTES + 1, 2)
            if len(descriptors) == 2:
                stream, lifeline = socket.socket(fileno=descriptors[0]), descriptors[1]
                os.setpgid(0, int.from_bytes(told[:GROUP_BYTES]))
                end_process_with(lifeline)
                if told[GROUP_BYTES]:
                    _read_define(stream)  # what it says is made already
                link = self._make_link(stream)
                link.send([Made(ResourceName(b"", ""), 0.0, 0)])  # so much is done for all
                run_worker(link, memoryview(bytearray(16)).cast("Q"))
            code = 0
        except (LinkClosed, ProcessLookupError):
            code = 0  # the worker is gone
        except BaseException:  # noqa: BLE001  # nobody else can tell of it
            import traceback

            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(code)

    def _reap(self) -> None:
        while True:
            try:
                process, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process == 0:
                return
            if self._spare is not None and self._spare.process == process:
                self._spare.control.close()
                self._spare = None
            report = self._reports.pop(process, None)
            if report is None:
                continue
            how = describe_exit(status, usage.ru_maxrss * RSS_UNIT, fork=True)
            with suppress(BrokenPipeError):  # the worker is gone
                os.write(report, encode_frame([Lost(0, how)]))
            os.close(report)

    # ------------------------------------------------------------ what they find

    def _make(self, code: bytes, link: WorkerEnd) -> None:
        """Make what the function needs, as if that were called; what is printed goes to who asked first."""
        post = Post(link)
        screens = redirect(post.say, post.flush)
        folder = BlobFolder(self._directory)
        try:
            # The worker has brought to the node what it has decoded itself.
            function = injected(WorkerEditions(folder.path).decode(code))
            if not isinstance(function, Injected):
                raise TypeError(f"{function!r} is given nothing")
            for need in function.plan.node_needs():
                need.acquire(self._held)
        except Exception as error:  # noqa: BLE001  # it travels to the client
            from elsewhere.codec.failures import encode_failure

            self._failure = encode_failure(error)
        finally:
            for screen in screens:
                screen.end_line()
            post.flush()
            for screen in screens:
                screen.leave()
            link.close()  # the worker must see it if who stands in for it closes its end
        gc.collect()
        gc.freeze()  # the collector of no fork touches, and so copies, what is here


def _read_define(stream: socket.socket) -> Define:
    """The frame that a worker begins with, and nothing of what follows. Raises `LinkClosed`."""
    stream.settimeout(HEAR_SECONDS)
    try:
        frame = stream.recv(HEADER_BYTES, socket.MSG_WAITALL)
        frame += stream.recv(int.from_bytes(frame, "little"), socket.MSG_WAITALL)
    except OSError as error:
        raise LinkClosed(str(error)) from error
    stream.settimeout(None)
    reader: FrameReader[ToWorker] = FrameReader(ToWorker)
    match reader.feed(frame):
        case [Define() as define]:
            return define
        case []:
            raise LinkClosed("the worker has closed its end")
        case other:
            raise TypeError(f"the first message must be Define, not {other!r}")


def run_template(control: socket.socket, make_link: MakeLink, directory: str) -> None:
    """The life of a template whose node has `directory`. `make_link` makes the worker's end of a link."""
    _Template(control, make_link, directory).serve()
