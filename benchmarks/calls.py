"""Whether a function really runs, whatever a library puts around it."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from benchmarks.peer import Function


@contextmanager
def watched(function: Function) -> Iterator[list[str]]:
    """Give a list that gets an item whenever the function's code begins to run, in any new thread."""
    runs: list[str] = []
    code = function.__code__

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is code:
            runs.append(frame.f_code.co_name)

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield runs
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
