"""Runs attempts, each in a fiber, so that one that waits can be parked and another run meanwhile."""

import signal
from time import monotonic
from typing import Any

from elsewhere.calls.messages import Attempt, Kind, Outcome, Verdict
from elsewhere.calls.wire import PAYLOAD_BYTES_MAX
from elsewhere.codec.values import dumps, loads, too_large
from elsewhere.errors import CallInterrupted
from elsewhere.worker.fibers import getcurrent, greenlet
from elsewhere.worker.output import LineWriter
from elsewhere.worker.post import Post

FLUSH_SECONDS = 0.002
"""How long an outcome may wait for others while short calls follow each other."""


class Runner:
    """The main thread's side of a worker. `cells[0]` is where it notes the call in control."""

    def __init__(self, post: Post, cells: "memoryview[int]", screens: list[LineWriter]) -> None:
        self._post = post
        self._cells = cells
        self._screens = screens
        self.current: Attempt | None = None
        """the attempt in control"""
        self.begun = 0
        """how many attempts were begun: if it stands still, one keeps the thread busy"""
        self.idle = True
        self._interrupted: Attempt | None = None
        self._flushed = 0.0
        self._hub = getcurrent()
        self._fiber = greenlet(self._work)

    def run_ready(self) -> None:
        """Run what has come, until nothing is left that could run now."""
        self.idle = False
        self._fiber.switch()
        self.idle = True

    def _work(self) -> None:
        """A fiber's life: run attempts one after another, and switch to the hub when none is left."""
        post = self._post
        attempts = post.attempts
        while True:
            try:
                attempt = attempts.popleft()
            except IndexError:
                self._hub.switch()
                continue
            self._run(attempt)
            now = monotonic()
            if now - self._flushed > FLUSH_SECONDS:
                post.flush()
                post.look()
                self._flushed = now

    def _run(self, attempt: Attempt) -> None:
        post = self._post
        if post.lasting and attempt.function in post.lasting:
            post.flush()  # if this one keeps the interpreter to itself, nobody can do so meanwhile
        started = monotonic()
        self._cells[0] = attempt.call
        self.begun += 1
        verdict = Verdict.ERROR
        try:
            self.current = attempt
            try:
                payload = self._apply(attempt)
                if len(payload) > PAYLOAD_BYTES_MAX:
                    raise too_large("the result", len(payload))
                verdict = Verdict.VALUE
            finally:
                self.current = None
        except BaseException as error:  # noqa: BLE001  # it travels to the client
            payload = self._describe(attempt, error)
            if self._interrupted is attempt and isinstance(error, CallInterrupted):
                verdict = Verdict.INTERRUPTED
        if post.interrupts:
            post.interrupts.discard((attempt.call, attempt.fence))
        for screen in self._screens:
            if screen.rest:
                screen.end_line()
        elapsed = monotonic() - started
        self._cells[0] = 0
        if elapsed > FLUSH_SECONDS:
            post.lasting.add(attempt.function)
        elif post.lasting:
            post.lasting.discard(attempt.function)
        post.outgoing.append(
            Outcome(attempt.call, attempt.fence, verdict, payload, started, elapsed)
        )

    def _apply(self, attempt: Attempt) -> bytes:
        function: Any = self._post.functions[attempt.function]
        if type(function) is bytes:
            function = self._post.functions[attempt.function] = loads(function)
        if attempt.kind is Kind.CALL:
            args, kwargs = loads(attempt.payload)
            return dumps(function(*args, **kwargs), "result")
        from elsewhere.worker.chunk import apply_chunk

        return apply_chunk(function, attempt.payload, attempt.kind)

    def _describe(self, attempt: Attempt, error: BaseException) -> bytes:
        # Only a failure pays for what its description imports.
        from elsewhere.codec.failures import encode_failure
        from elsewhere.worker.chunk import ChunkFailed, encode_chunk_failure

        if isinstance(error, ChunkFailed):
            return error.payload
        if attempt.kind is not Kind.CALL:
            return encode_chunk_failure([], error)  # it failed before its first item
        return encode_failure(error)

    # ------------------------------------------------------------ interrupts

    def install(self) -> None:
        """Let the watcher interrupt the main thread by a signal."""
        signal.signal(signal.SIGINT, self._on_signal)

    def leave(self) -> None:
        """In a process that a call has forked: the box is the worker's, and so are interrupts."""
        self._cells = memoryview(bytearray(self._cells.nbytes)).cast("Q")
        if signal.getsignal(signal.SIGINT) == self._on_signal:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _on_signal(self, signum: int, frame: object) -> None:
        attempt = self.current
        if attempt is None or self._post.is_sending():
            return  # half a message must not stay half: the watcher will signal again
        name = (attempt.call, attempt.fence)
        if name in self._post.interrupts:
            self._post.interrupts.discard(name)
            self._interrupted = attempt
            raise CallInterrupted(f"call {attempt.call} was asked to stop")
