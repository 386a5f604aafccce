"""Rows at the bottom of a terminal, below whatever is printed while they are there.

Several bars share one region, since two displays that each move the cursor would overwrite one
another. While it has rows, ``sys.stdout`` and ``sys.stderr`` are replaced by ``Above``: it lets
whole lines through, unchanged, to the stream that they were meant for, and moves the rows down.
(rich's own ``Live`` wraps such lines at the terminal's width, renders its rows anew for each of
them, takes a redirected standard output to the terminal, and misses what other consoles print.)
"""

import math
import os
import sys
import threading
from contextlib import suppress
from typing import TextIO

REDRAW_SECONDS = 0.1
ROWS_MAX = 8
# What is printed without a line's end waits for it, but not for ever.
LINE_CHARS_MAX = 8192

_CLEAR_BELOW = "\x1b[J"
_CLEAR_REST = "\x1b[K"


class Region:
    """The rows, each with a key of its own; empty, it leaves the terminal and the streams alone."""

    def __init__(self) -> None:
        # Reentrant, because a signal handler or a finaliser may print in the middle of a redraw.
        self._lock = threading.RLock()
        self._rows: dict[object, str] = {}
        self._stream: TextIO | None = None
        self._above: dict[str, Above] = {}
        self._frame = ""
        self._drawn_at = -math.inf
        self._process = 0

    def put(self, key: object, row: str, now: float) -> None:
        """Add or change a row; redraw, if the last time was at least REDRAW_SECONDS ago."""
        with self._lock:
            if not self._rows:
                self._open()
            self._rows[key] = row
            # A timer comes a little early or late, and should not miss every other turn.
            if now - self._drawn_at >= 0.9 * REDRAW_SECONDS:
                self._drawn_at = now
                self._draw()

    def finish(self, key: object, row: str) -> None:
        """Take a row out and leave its last state above the others."""
        with self._lock:
            stream = self._stream
            if stream is None or self._rows.pop(key, None) is None:
                return
            try:
                self._print(stream, f"{row}\n")
            finally:
                if not self._rows:
                    self._close()

    def drop(self, key: object) -> None:
        """Take a row out although the terminal may fail."""
        with self._lock:
            if self._stream is None or self._rows.pop(key, None) is None:
                return
            # The failing terminal is why we are here, and is reported by who drops the row.
            with suppress(OSError, ValueError):
                self._print(self._stream, "")
            if not self._rows:
                self._close()

    def _open(self) -> None:
        self._stream = sys.stderr
        self._process = os.getpid()
        self._frame, self._drawn_at = "", -math.inf
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            # What goes into a file or a pipe cannot get in the way of the rows.
            if stream is not None and stream.isatty():
                self._above[name] = Above(self, name, stream)
                setattr(sys, name, self._above[name])

    def _close(self) -> None:
        above, self._above, self._stream = self._above, {}, None
        for name, stream in above.items():
            # Who has replaced it in the meantime puts it back, and it lets everything through.
            if getattr(sys, name) is stream:
                setattr(sys, name, stream.stream)
        for stream in above.values():
            stream.release()

    def is_shown(self) -> bool:
        """Whether there are rows, and in this process: a forked child inherits them unseen."""
        return bool(self._rows) and os.getpid() == self._process

    def print_above(self, above: "Above", text: str) -> None:
        """Write whole lines above the rows; a line that is begun waits for its end."""
        with self._lock:
            if self._stream is None:
                above.stream.write(text)
                return
            lines = above.take_lines(text)
            if lines:
                self._print(above.stream, lines)

    def _print(self, stream: TextIO, text: str) -> None:
        terminal = self._stream
        if terminal is None:
            return
        if self._frame:
            terminal.write(self._to_top() + _CLEAR_BELOW)
            self._frame = ""
        if stream is not terminal:
            terminal.flush()
        try:
            stream.write(text)
            if stream is not terminal:
                stream.flush()
        finally:
            self._draw()

    def _draw(self) -> None:
        frame = f"{_CLEAR_REST}\n".join(list(self._rows.values())[-ROWS_MAX:])
        if self._stream is None or (frame and frame == self._frame):
            return
        # Rows are overwritten, not erased and written anew, so that they do not flicker.
        self._stream.write(self._to_top() + frame + _CLEAR_BELOW if self._frame else frame)
        self._stream.flush()
        self._frame = frame

    def _to_top(self) -> str:
        up = self._frame.count("\n")
        return f"\r\x1b[{up}A" if up else "\r"


class Above:
    """Stands for a standard stream of the same terminal; whole lines appear above the region."""

    def __init__(self, region: Region, name: str, stream: TextIO) -> None:
        self.stream = stream
        self._region = region
        self._name = name
        # By thread, because what one prints in pieces must not mix with what another prints.
        self._begun: dict[int, str] = {}

    def write(self, text: str) -> int:
        if not self._region.is_shown():
            return self.stream.write(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._region.print_above(self, text)
        return len(text)

    def take_lines(self, text: str) -> str:
        """The lines that end in ``text``; the rest is kept."""
        thread = threading.get_ident()
        lines, end, rest = (self._begun.pop(thread, "") + text).rpartition("\n")
        if len(rest) > LINE_CHARS_MAX:
            lines, end, rest = lines + end + rest, "\n", ""
        if rest:
            self._begun[thread] = rest
        return lines + end

    def writelines(self, lines: list[str]) -> None:
        self.write("".join(lines))

    def flush(self) -> None:
        """Flush whole lines; one that is begun stays until it ends or the region closes."""
        self.stream.flush()

    def release(self) -> None:
        """Write what still waits for the end of its line."""
        begun, self._begun = self._begun, {}
        for text in begun.values():
            self.stream.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)

    def __reduce__(self) -> tuple[object, ...]:
        # A function that refers to sys.stdout means the one of the process where it runs.
        return _standard_stream, (self._name,)


def _standard_stream(name: str) -> object:
    return getattr(sys, name)
