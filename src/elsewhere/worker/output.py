"""What a call prints, in whole lines, on its way to the client's screen."""

import io
import os
import sys
import threading
from codecs import getincrementaldecoder
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class LineWriter(io.TextIOBase):
    """Stands for `sys.stdout` or `sys.stderr` in a worker. Keeps the rest of an unfinished line."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(
        self, fileno: int, say: Callable[[str], None], flush: Callable[[bool], None]
    ) -> None:
        self._fileno = fileno
        self._say = say
        self._flush = flush
        self._lock = threading.RLock()
        self.rest: list[str] = []
        """the parts of an unfinished line"""
        self.buffer = _ByteWriter(self)

    def send_through(self, say: Callable[[str], None], flush: Callable[[bool], None]) -> None:
        """Say lines in another way from now on."""
        self._say = say
        self._flush = flush

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if not text.isascii():
            # Half a surrogate pair cannot travel as text.
            text = text.encode("utf-8", self.errors).decode("utf-8")
        with self._lock:
            lines, newline, rest = text.rpartition("\n")
            if newline:
                self._say("".join((*self.rest, lines, newline)))
                self.rest.clear()
            if rest:
                self.rest.append(rest)
        if newline:
            self._flush(False)  # the call may be about to take this process down
        return len(text)

    def end_line(self) -> None:
        """Send an unfinished line as a whole one: the call that began it has ended."""
        with self._lock:
            if self.rest:
                self._say("".join((*self.rest, "\n")))
                self.rest.clear()

    def flush(self) -> None:
        """Send the whole lines so far, and wait until they are sent."""
        self._flush(True)

    def leave(self) -> None:
        """In a process that a call has forked: write to the client's stream, in whole lines too.

        What waits is the worker's, which says it itself.
        """
        self._lock = threading.RLock()
        self.rest.clear()
        self._say = self._write
        self._flush = self._write_rest

    def _write(self, text: str) -> None:
        data = memoryview(text.encode("utf-8", self.errors))
        while data:
            data = data[os.write(self._fileno, data) :]

    def _write_rest(self, wait: bool) -> None:
        if wait:
            with self._lock:
                text = "".join(self.rest)
                self.rest.clear()
            self._write(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fileno

    def isatty(self) -> bool:
        return False


class _ByteWriter(io.RawIOBase):
    """The binary side of a `LineWriter`."""

    def __init__(self, lines: LineWriter) -> None:
        self._lines = lines
        self._decoder = getincrementaldecoder("utf-8")("backslashreplace")

    def write(self, data: "ReadableBuffer") -> int:
        view = memoryview(data)
        self._lines.write(self._decoder.decode(bytes(view)))
        return view.nbytes

    def writable(self) -> bool:
        return True


def redirect(say: Callable[[int, str], None], flush: Callable[[bool], None]) -> list[LineWriter]:
    """Send what is printed in this process through `say(stream, lines)`, then `flush(wait)`."""
    out = LineWriter(1, lambda text: say(1, text), flush)
    err = LineWriter(2, lambda text: say(2, text), flush)
    sys.stdout, sys.stderr = out, err
    return [out, err]
