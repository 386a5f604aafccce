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
from collections.abc import Callable
from contextlib import suppress
from select import POLLIN, poll
from typing import NoReturn

from elsewhere.blobs.folder import BlobFolder
from elsewhere.calls.messages import Define, ToWorker
from elsewhere.calls.wire import encode_frame
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

DIGEST_BYTES = 32
GROUP_BYTES = 8
REQUEST_BYTES = DIGEST_BYTES + GROUP_BYTES
"""A request: what is needed, by its name, and the process group of the worker that needs it."""
REQUEST_DESCRIPTORS = 3
"""What comes with it: the link of the process to be forked, what it is to end with, and where to tell
how it ended."""
LINGER_MS = 30_000
"""How long a template stays that nobody uses."""
HEAR_SECONDS = 5.0
"""How long a worker may take to say what it has asked for."""

MakeLink = Callable[[socket.socket], WorkerEnd]


class _Unmade(Exception):
    """What this process is for could not be made."""


class _Template:
    """Serves `control`, by which the node hands on requests, each for the same."""

    def __init__(self, control: socket.socket, make_link: MakeLink, directory: str) -> None:
        self._control = control
        self._make_link = make_link
        self._directory = directory
        self._held: list[Hold] = []
        self._failure = b""
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
            for descriptor in descriptors:
                os.close(
                    descriptor
                )  # too many files are open here: who asked finds its link closed
            return True
        stream, lifeline, report = descriptors
        link = self._make_link(socket.socket(fileno=stream))
        try:
            self._serve_worker(link, lifeline, report, int.from_bytes(request[DIGEST_BYTES:]))
        except LinkClosed:
            os.close(report)  # the worker is gone
        finally:
            link.close()
            os.close(lifeline)
        return True

    def _serve_worker(self, link: WorkerEnd, lifeline: int, report: int, group: int) -> None:
        said = link.receive(HEAR_SECONDS)
        if not said:
            raise LinkClosed("who asked has said nothing")
        define, *rest = said
        if not isinstance(define, Define):
            raise TypeError(f"the first message must be Define, not {define!r}")
        if not (self._held or self._failure):
            self._make(define.code, link)
        if self._failure:
            os.close(report)
            link.send([Unready(self._failure)])
            raise _Unmade
        process = os.fork()
        if process == 0:
            self._stand_in(link, lifeline, group, rest)
        self._reports[process] = report

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
        gc.collect()
        gc.freeze()  # the collector of no fork touches, and so copies, what is here

    def _stand_in(
        self, link: WorkerEnd, lifeline: int, group: int, come: list[ToWorker]
    ) -> NoReturn:
        """In the child: be a worker whose gateway is another worker."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            for report in self._reports.values():
                os.close(report)
            os.setpgid(0, group)
            end_process_with(lifeline)
            run_worker(link, memoryview(bytearray(16)).cast("Q"), come)
            code = 0
        except (LinkClosed, ProcessLookupError):
            code = 0  # the worker is gone
        except BaseException:  # noqa: BLE001  # nobody else can tell of it
            import traceback

            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(code)

    def _reap(self) -> None:
        while self._reports:
            process, status, usage = os.wait4(-1, os.WNOHANG)
            if process == 0:
                return
            report = self._reports.pop(process, None)
            if report is not None:
                try:
                    os.write(
                        report,
                        encode_frame(
                            [Lost(0, describe_exit(status, usage.ru_maxrss * RSS_UNIT, fork=True))]
                        ),
                    )
                except BrokenPipeError:
                    pass  # the worker is gone
                finally:
                    os.close(report)


def run_template(control: socket.socket, make_link: MakeLink, directory: str) -> None:
    """The life of a template whose node has `directory`. `make_link` makes the worker's end of a link."""
    _Template(control, make_link, directory).serve()
