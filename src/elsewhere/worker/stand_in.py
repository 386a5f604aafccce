"""A process that stands in for a worker: it runs the calls that need what has the scope `node`.

It was forked from a template and shares its memory; see `elsewhere.worker.template`. It is a worker
itself, and this one is its gateway: it sends it one attempt after another, waits, and passes on what it
says.
"""

import os
import signal
import socket
from collections import deque
from contextlib import suppress
from functools import partial
from select import POLLIN, poll
from threading import Lock
from time import monotonic, perf_counter
from weakref import ref

from elsewhere.calls.blobs import Offer, Seek, Source, Unavailable
from elsewhere.calls.messages import (
    Attempt,
    Define,
    Died,
    Done,
    FromWorker,
    Has,
    Interrupt,
    Outcome,
    Parked,
    Resumed,
    Run,
    Said,
    ToWorker,
)
from elsewhere.calls.resources import Evicted, Made
from elsewhere.calls.values import Drop
from elsewhere.calls.wire import FrameReader, encode_frame, replace
from elsewhere.calls.workers import Exit, Lost, Ready, Setup, Stop, Unready
from elsewhere.plans.host import PROCESS
from elsewhere.worker.control import Root
from elsewhere.worker.fork import ForkDied
from elsewhere.worker.node_function import NodeFunction
from elsewhere.worker.post import Post
from elsewhere.worker.values import Values

GRACE_SECONDS = 0.5
"""How long an interrupted call may take to yield before its process is killed: less than the gateway
grants its worker."""
END_SECONDS = 2.0
"""How long a process that stands in may take to end in order."""
REPORT_MS = 1000
"""How long a template may take to tell how one of its forks has ended."""
RECEIVE_BYTES = 65536


class _Kept:
    """Stands for an input that something in the process refers to, as `Values.hold` marks it."""

    lease: object = None


class StandIn:
    """One process that stands in for this worker."""

    def __init__(self, post: Post, values: Values, node: socket.socket, digest: bytes) -> None:
        self._post = post
        self._values = values
        self._reader: FrameReader[FromWorker] = FrameReader(FromWorker)
        self._come: deque[FromWorker] = deque()
        self._process = 0
        self._functions: dict[int, bytes] = {}
        """those that it knows, by number"""
        self._kept: dict[int, _Kept] = {}
        """by call: the inputs that something in it refers to"""
        self._lock = Lock()
        self._sending = Lock()
        self._stopped_at: float | None = None
        self._open = True
        self.shared_seconds = 0.0
        """how long it took until what it finds was made, for all"""
        self._link, theirs = socket.socketpair()
        lifeline, self._lifeline = os.pipe()
        self._report, report = os.pipe()
        request = digest + os.getpgrp().to_bytes(8, "big")
        try:
            socket.send_fds(node, [request], [theirs.fileno(), lifeline, report])
        except BaseException:
            self._close()
            raise
        finally:
            theirs.close()
            os.close(lifeline)
            os.close(report)
        self._ready = poll()
        self._ready.register(self._link, POLLIN)
        self._ready.register(self._report, POLLIN)

    def begin(self, code: bytes, setup: Setup) -> bool:
        """Wait until it takes calls; False if it or its template has ended. Raises what the provider
        raises."""
        started = perf_counter()
        try:
            self._send(Define(0, code))  # a frame by itself, which the template takes
            self._send(setup)
            message = self._next()
            if isinstance(message, Made):
                self.shared_seconds = perf_counter() - started
                message = self._next()
        except BaseException as error:
            self._close()
            if isinstance(error, ConnectionError):
                return False
            raise
        if isinstance(message, Unready):
            from elsewhere.codec.failures import decode_failure

            self._close()
            raise decode_failure(message.failure)
        if not isinstance(message, Ready):
            raise TypeError(f"a process that stands in must be Ready first, not {message!r}")
        self._process = message.pid
        self._post.on_sources.append(self._pass_on)
        return True

    def is_alive(self) -> bool:
        """Whether it has not ended, as far as is known; it may have been killed between two calls."""
        if self._open and any(fileno == self._report for fileno, _ in self._ready.poll(0)):
            self._bury()
        return self._open

    def run(self, function: NodeFunction, attempt: Attempt, root: Root) -> Outcome:
        """As `NodeRunner.run`."""
        with self._lock:
            try:
                came = self._run(function, attempt, root)
            except ConnectionError as error:
                raise ForkDied(self._bury()) from error
            except BaseException:
                self._bury()  # what it does now is not known
                raise
            finally:
                root.stop = None
        for call in came.holds:
            kept = self._kept.setdefault(call, _Kept())
            root.mapped.append((call, ref(kept)))
        if isinstance(came, Died):  # a fork of its own
            raise ForkDied(came.exit)
        return came

    def _run(self, function: NodeFunction, attempt: Attempt, root: Root) -> Outcome | Died:
        if not attempt.inputs:
            return self._run_told(function, attempt, root)
        with self._values.as_told(attempt) as inputs:
            return self._run_told(function, replace(attempt, inputs=inputs), root)

    def _run_told(self, function: NodeFunction, attempt: Attempt, root: Root) -> Outcome | Died:
        told = replace(attempt, needed=False, hands_on=False)
        self._stopped_at = None
        root.stop = partial(self._stop, attempt)
        if self._functions.get(attempt.function) is function.code:
            self._send(Run([told]))
        else:
            self._functions[attempt.function] = function.code
            self._send(Define(attempt.function, function.code), Run([told]))
        while True:
            message = self._next()
            if isinstance(message, Done):
                outcome = message.outcomes[0]
                if PROCESS.host is not None:
                    PROCESS.host.count_building(outcome.building)
                return outcome
            if isinstance(message, Died):
                return message

    def end(self) -> None:
        """Let it end in order, and take what it still says."""
        if self._open:
            until = monotonic() + END_SECONDS
            try:
                self._send(Stop())
                while True:
                    self._next(until)
            except (ConnectionError, TimeoutError):
                self._bury()

    # ------------------------------------------------------------ the link

    def _send(self, *messages: ToWorker) -> None:
        with self._sending:
            self._link.sendall(encode_frame(list(messages)))

    def _pass_on(self, source: Source) -> None:
        """From either thread: it may be what this one seeks."""
        with suppress(OSError):
            self._send(source)

    def _stop(self, attempt: Attempt) -> None:
        """In a signal handler: interrupt it, again and again; kill it if that was long ago."""
        now = monotonic()
        if self._stopped_at is None:
            self._stopped_at = now
        if now - self._stopped_at > GRACE_SECONDS:
            with suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
        elif not self._sending.locked():
            with suppress(OSError):
                self._send(Interrupt(attempt.call, attempt.fence))

    def _next(self, until: float | None = None) -> FromWorker:
        """The next thing that it says which is for this worker itself. Raises ConnectionError if it has
        ended, TimeoutError `until` then."""
        while True:
            while self._come:
                message = self._come.popleft()
                if not self._passed(message):
                    return message
            self._post.flush(False)
            left = None if until is None else max(0.0, until - monotonic()) * 1000
            found = [fileno for fileno, _ in self._ready.poll(left)]
            if not found:
                raise TimeoutError
            data = self._link.recv(RECEIVE_BYTES) if self._link.fileno() in found else b""
            if not data:
                raise ConnectionResetError
            self._come += self._reader.feed(data)

    def _passed(self, message: FromWorker) -> bool:
        """Whether it was for somebody else, who has it now."""
        match message:
            case Said():
                self._post.say(message.stream, message.text)
            case Seek() | Offer() | Unavailable():
                self._post.outgoing.append(message)
            case Drop():
                for call in message.calls:
                    self._kept.pop(call, None)
            case Parked() | Resumed() | Has() | Evicted():
                pass  # for the gateway it is this worker that runs it, and keeps the process
            case _:
                return False
        return True

    # ------------------------------------------------------------ its end

    def _bury(self) -> Exit:
        """Kill it if it lives; how it ended, as its template tells."""
        ended = poll()
        ended.register(self._report, POLLIN)
        if self._process and not ended.poll(0):
            with suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
        how = Exit(fork=True)
        if ended.poll(REPORT_MS) and (data := os.read(self._report, RECEIVE_BYTES)):
            reader: FrameReader[Lost] = FrameReader(Lost)
            how = reader.feed(data)[0].exit
        self._close()
        return how

    def _close(self) -> None:
        self._open = False
        self._kept.clear()
        if self._pass_on in self._post.on_sources:
            self._post.on_sources.remove(self._pass_on)
        self._link.close()
        os.close(self._lifeline)
        os.close(self._report)
