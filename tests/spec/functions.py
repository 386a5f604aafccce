"""The functions that this tutorial runs elsewhere."""

import os
import signal
import threading
from typing import NoReturn


def square(number: int) -> int:
    return number * number


def invert(number: float) -> float:
    return 1 / number


def crash(*_: object) -> NoReturn:
    """Take the worker down, as a bug in an extension module or a lack of memory would."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process runs on")


def crash_on_13(number: int) -> int:
    if number == 13:
        crash()
    return number


def run_for_ever() -> NoReturn:
    while True:
        threading.Event().wait()
