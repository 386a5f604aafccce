"""Waiting for facts: a test says what must become true, not how long that takes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Far beyond what any fact needs, so that only a hang or a loaded machine's worst hour reaches it.
WAIT_SECONDS_MAX = 30.0
LOOK_SECONDS = 0.01


def wait_until(fact: Callable[[], T], what: str, seconds: float = WAIT_SECONDS_MAX) -> T:
    """Look until `fact()` is true and return it. Fails, saying `what` was awaited, after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := fact()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain until {what}")
        time.sleep(LOOK_SECONDS)
    return value


def seconds_of(act: Callable[[], object]) -> float:
    """How long `act()` takes."""
    started = time.monotonic()
    act()
    return time.monotonic() - started
