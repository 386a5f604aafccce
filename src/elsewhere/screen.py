"""The client's standard streams, as the place where the lines appear that workers print."""

import sys
from typing import TextIO

from elsewhere.reports import report_briefly


class Screen:
    """Shows lines. A stream that is closed or broken is no reason to stop working."""

    def __init__(self) -> None:
        self._reported: set[int] = set()

    def say(self, stream: int, text: str) -> None:
        """Show lines on standard output (1) or standard error (2). Never raises; the first time
        that a stream fails is logged."""
        name = "stdout" if stream == 1 else "stderr"
        screen: TextIO | None = getattr(sys, name)
        if screen is None:  # the program was started without one
            return
        try:
            _write(screen, text)
        except Exception as error:  # noqa: BLE001  # the stream may be the user's own
            if stream not in self._reported:
                self._reported.add(stream)
                report_briefly(f"sys.{name} cannot show what workers print", error)


def _write(screen: TextIO, text: str) -> None:
    try:
        screen.write(text)
    except UnicodeEncodeError:
        known = screen.encoding or "ascii"
        screen.write(text.encode(known, "backslashreplace").decode(known))
    screen.flush()
