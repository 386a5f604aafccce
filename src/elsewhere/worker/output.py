"""What a call prints, in whole lines, on its way to the client's screen."""

import io
import sys
import threading
from collections.abc import Callable


class LineWriter(io.TextIOBase):
    """Stands for `sys.stdout` or `sys.stderr` in a worker. Keeps the rest of an unfinished line."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, fileno: int, say: Callable[[str], None]) -> None:
        self._fileno = fileno
        self._say = say
        self._lock = threading.RLock()
        self.rest = ""

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        with self._lock:
            lines, newline, rest = (self.rest + text).rpartition("\n")
            self.rest = rest
            if newline:
                self._say(lines + newline)
        return len(text)

    def end_line(self) -> None:
        """Send an unfinished line as a whole one: the call that began it has ended."""
        with self._lock:
            rest, self.rest = self.rest, ""
            if rest:
                self._say(rest + "\n")

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fileno

    def isatty(self) -> bool:
        return False

    @property
    def buffer(self) -> "_ByteWriter":
        return _ByteWriter(self)


class _ByteWriter(io.RawIOBase):
    """The binary side of a `LineWriter`."""

    def __init__(self, lines: LineWriter) -> None:
        self._lines = lines

    def write(self, data: object) -> int:
        text = bytes(data).decode("utf-8", "backslashreplace")  # type: ignore[call-overload]  # any buffer
        self._lines.write(text)
        return len(text)

    def writable(self) -> bool:
        return True


def redirect(say: Callable[[int, str], None]) -> list[LineWriter]:
    """Send what is printed in this process through `say(stream, lines)`."""
    out = LineWriter(1, lambda text: say(1, text))
    err = LineWriter(2, lambda text: say(2, text))
    sys.stdout, sys.stderr = out, err
    return [out, err]
