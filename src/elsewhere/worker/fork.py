"""A call that runs in a fork of its worker: it finds all that the worker has, and can harm none of it.

The thread that runs the attempt forks and waits, as if it ran the call itself: it says what the fork
prints, and hands interrupts on. The fork is no worker. It has neither link nor hub, fibers that were
parked stay where they are, and calls that it makes run in it. Whatever it has changed ends with it.
"""

import gc
import os
import signal
import socket
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from select import POLLIN, poll
from threading import Lock, get_ident
from time import monotonic
from types import FrameType
from typing import NoReturn

from elsewhere.calls.messages import Done, Outcome, Said
from elsewhere.calls.wire import FrameReader, encode_frame
from elsewhere.calls.workers import Exit
from elsewhere.codec import failures  # noqa: F401  # the fork must not import what it needs:
from elsewhere.errors import CallInterrupted
from elsewhere.plans.host import PROCESS
from elsewhere.segments import writing  # noqa: F401  # another thread may hold the lock of that
from elsewhere.worker.control import Root
from elsewhere.worker.ends import RSS_UNIT, describe_exit, end_process_with, watch_process
from elsewhere.worker.output import LineWriter
from elsewhere.worker.post import Post

GRACE_SECONDS = 0.5
"""How long an interrupted fork may take to yield before it is killed: less than the gateway grants its
worker."""
LOOK_MS = 20
"""How often to look whether a fork has ended, where the system does not tell."""
RECEIVE_BYTES = 65536


class ForkDied(BaseException):
    """A fork has ended without an outcome."""

    def __init__(self, how: Exit) -> None:
        self.how = how


class Fork:
    """The one fork of an attempt, as its worker sees it."""

    def __init__(self, root: Root, post: Post, screens: list[LineWriter]) -> None:
        self._root = root
        self._post = post
        self._screens = screens
        self._process = 0
        self._stopped_at: float | None = None

    def run(self, work: Callable[[], Outcome]) -> Outcome:
        """What `work` returns in a fork of this process. Raises `ForkDied`, OSError if there can be none."""
        ours, theirs = socket.socketpair()
        lifeline, other_end = os.pipe()
        # An interrupt must not come where it would be raised here and leave the fork behind.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process = _fork()
            if self._process == 0:
                _Forked(self._root, theirs, self._screens).live(
                    work, mask, lifeline, (ours.fileno(), other_end)
                )
            theirs.close()
            self._root.stop = self.stop
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            outcome = self._hear_out(ours)
        except BaseException:
            if self._process:
                os.kill(self._process, signal.SIGKILL)
                self._reap()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            ours.close()
            theirs.close()
            os.close(lifeline)
            os.close(other_end)
        if outcome is None and not _has_ended(self._process):
            os.kill(self._process, signal.SIGKILL)  # it has let go of its end, and goes on
        how = self._reap()
        if outcome is None:
            raise ForkDied(how)
        return outcome

    def stop(self) -> None:
        """Interrupt it; kill it if it was interrupted some time ago. Called again until it has ended."""
        now = monotonic()
        if self._stopped_at is None:
            self._stopped_at = now
        late = now - self._stopped_at > GRACE_SECONDS
        os.kill(self._process, signal.SIGKILL if late else signal.SIGINT)

    def _hear_out(self, ours: socket.socket) -> Outcome | None:
        """Say what it says until it has come out; None if it ends without."""
        reader: FrameReader[Said | Done] = FrameReader(Said | Done)
        ready = poll()
        ready.register(ours, POLLIN)
        ended = watch_process(self._process)
        if ended is not None:
            ready.register(ended, POLLIN)
        try:
            while True:
                found = [fileno for fileno, _ in ready.poll(LOOK_MS if ended is None else None)]
                # A process that it has forked itself may hold the other end for long.
                if ours.fileno() not in found:
                    if found or (ended is None and _has_ended(self._process)):
                        return None
                    continue
                data = ours.recv(RECEIVE_BYTES)
                if not data:
                    return None
                for message in reader.feed(data):
                    if isinstance(message, Done):
                        return message.outcomes[0]
                    self._post.say(message.stream, message.text)
                self._post.flush(False)
        finally:
            if ended is not None:
                os.close(ended)

    def _reap(self) -> Exit:
        self._root.stop = None
        try:
            _, status, usage = os.wait4(self._process, 0)
        except ChildProcessError:
            return Exit(fork=True)  # another thread has waited for all there are
        return describe_exit(status, usage.ru_maxrss * RSS_UNIT, fork=True)


class _Forked:
    """The fork itself."""

    def __init__(self, root: Root, theirs: socket.socket, screens: Sequence[LineWriter]) -> None:
        self._root = root
        self._outlet = _Outlet(theirs)
        self._screens = screens
        self._process = os.getpid()
        self._over = False

    def live(
        self,
        work: Callable[[], Outcome],
        mask: Iterable[int],
        lifeline: int,
        others: Iterable[int],
    ) -> NoReturn:
        """Do it, say so, and end without any clean-up that is the worker's. `others` are the worker's
        ends."""
        code = 1
        try:
            for descriptor in others:
                os.close(descriptor)
            end_process_with(lifeline)
            gc.freeze()  # the collector must not touch, and so copy, all that the worker has
            signal.signal(signal.SIGINT, self._on_signal)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            for stream, screen in enumerate(self._screens, 1):
                screen.send_through(self._outlet.say_on(stream), self._outlet.flush)
            outcome = work()
            self._over = True
            if os.getpid() == self._process:  # else the call has forked, and its copy comes back
                self._end(outcome)
            code = 0
        except CallInterrupted:
            pass  # the signal came just as it was over
        except BaseException:  # noqa: BLE001  # nobody else can tell of it
            import traceback

            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(code)

    def _end(self, outcome: Outcome) -> None:
        if PROCESS.kept is not None:
            PROCESS.kept.end()  # what it has made itself
        for screen in self._screens:
            screen.end_line()
        self._outlet.send(Done([outcome]))

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        # Half a message must not stay half: the signal comes again.
        if not self._over and not self._outlet.is_sending():
            self._over = True
            self._root.interrupted = True
            raise CallInterrupted(f"call {self._root.attempt.call} was asked to stop")


class _Outlet:
    """The way out of a fork, for all of its threads. A signal handler may come in while its own thread
    sends: what it says is left to that."""

    def __init__(self, theirs: socket.socket) -> None:
        self._theirs = theirs
        self._waiting: deque[Said | Done] = deque()
        self._sending = Lock()
        self._senders: set[int] = set()

    def say_on(self, stream: int) -> Callable[[str], None]:
        return lambda text: self._waiting.append(Said(stream, text))

    def send(self, message: Done) -> None:
        self._waiting.append(message)
        self.flush()

    def flush(self, wait: bool = True) -> None:
        me = get_ident()
        if me in self._senders:
            return
        self._senders.add(me)
        try:
            while self._waiting:
                with self._sending:
                    while self._waiting:
                        self._theirs.sendall(encode_frame([self._waiting.popleft()]))
        finally:
            self._senders.discard(me)

    def is_sending(self) -> bool:
        return get_ident() in self._senders


def _fork() -> int:
    with warnings.catch_warnings():
        # The thread that answers the link has nothing that the fork needs; of threads that calls have
        # started, the page on resources tells.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _has_ended(process: int) -> bool:
    try:
        return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True
