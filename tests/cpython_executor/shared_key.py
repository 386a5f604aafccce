"""What a worker needs to reach the objects of a test's manager: the key of the tests' process.

CPython's executors inherit it because multiprocessing starts their processes.
"""

import multiprocessing
from collections.abc import Callable
from typing import Any


def initialise(key: bytes, initializer: Callable[..., object] | None, *args: Any) -> None:
    """Run in each worker, with the test's own initializer, before its first call."""
    multiprocessing.current_process().authkey = key
    if initializer is not None:
        initializer(*args)
