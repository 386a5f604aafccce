"""What the calls of the tests of lost values run, and how a value is lost."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

import elsewhere
from elsewhere import Pool
from tests.system.large import LENGTH, Array, fill_slowly
from tests.system.segments import folder_of, segments_in


def lose_all(pool: Pool) -> int:
    """Remove all segments; how many there were."""
    paths = segments_in(folder_of(pool))
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


def note(log: str, what: str) -> None:
    with Path(log).open("a") as file:
        file.write(what + "\n")


def noted(log: Path) -> list[str]:
    """What was noted, in order."""
    return log.read_text().split() if log.exists() else []


def load(log: str, number: int) -> Array:
    note(log, f"load{number}")
    return np.arange(LENGTH) + number


def add(log: str, array: Any, number: int) -> Array:
    note(log, f"add{number}")
    return np.asarray(array + number)


def join(log: str, one: Any, other: Any) -> Array:
    note(log, "join")
    return np.asarray(one + other)


def read(path: str) -> Array:
    """A source of truth that may be gone the next time."""
    return np.full(LENGTH, int(Path(path).read_text()))


def double(array: Any) -> Array:
    return np.asarray(2 * array)


def load_when_allowed(log: str, gate: str) -> Array:
    """The first time at once, then once there is a file."""
    again = bool(noted(Path(log)))
    note(log, "load")
    while again and not os.path.exists(gate):
        time.sleep(0.005)
    return np.full(LENGTH, 3)


def lose_here(folder: str) -> None:
    for path in segments_in(Path(folder)):
        path.unlink(missing_ok=True)


def total(array: Any) -> int:
    return int(array.sum())


@elsewhere.task(retries=1)
def filled(number: int) -> Array:
    """With options, so that the gateway places it and its value stays where it is made."""
    return np.full(LENGTH, number)


def touch_a_lost_child(folder: str) -> int:
    """The value of a call inside this one is lost before this one looks at it."""
    child = elsewhere.spawn(filled, 4)
    assert child.nbytes > LENGTH
    lose_here(folder)
    return int(child.result().sum())


def give_a_lost_child(folder: str) -> int:
    """It is lost before a plain call is given it."""
    child = elsewhere.spawn(filled, 5)
    assert child.nbytes > LENGTH
    lose_here(folder)
    return elsewhere.spawn(total, child).result()


def touch_in_a_thread(folder: str) -> int:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(touch_a_lost_child, folder).result()


def share_and_lose(folder: str, path: str) -> tuple[int, int]:
    """The one value that two calls inside this one share is lost before two plain calls are given it."""
    both = [elsewhere.spawn(fill_slowly, path, 6) for _ in range(2)]
    assert len({child.nbytes for child in both}) == 1
    lose_here(folder)
    one, other = [elsewhere.spawn(total, child) for child in both]
    return one.result(), other.result()
