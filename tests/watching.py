"""Watching what Python does."""

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def code_run_by(act: Callable[[], object]) -> list[str]:
    """The names of the Python functions that are called by `act`, but for `act` itself."""
    called: list[str] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            called.append(frame.f_code.co_name)

    gc.disable()  # else it would collect what others have left
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
        gc.enable()
    return called[1:]
