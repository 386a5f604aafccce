"""Functions that are given what they need by `elsewhere`, which only its own process has."""

import os
from collections.abc import Callable
from time import sleep
from typing import Annotated, Any

from benchmarks.functions import allocate, use_processor
from elsewhere import Depends


def nothing() -> None:
    """Make nothing, which is what a call without a resource has too."""


def same_given(value: int, given: None = Depends(nothing)) -> int:
    """Do nothing with what it is given."""
    return value


def work_given(value: int, model: bytearray = Depends(allocate)) -> int:
    """Use the processor as `work_after_set_up` does."""
    use_processor()
    return value if model else -1


def fill_bytes(size: int) -> bytearray:
    """So many bytes, each page of which is there."""
    return bytearray(b"x") * size


def fill_array(size: int) -> Any:
    """The same as an array, for which numpy asks for large pages."""
    import numpy as np

    return np.full(size, 1, dtype=np.uint8)


def given_of(fill: Callable[[int], Any], size: int) -> Callable[[float], int]:
    """A function that needs what `fill` makes of so many bytes, for `seconds`, and returns its process."""

    def use(
        seconds: float, space: Annotated[Any, Depends(fill, size).options(scope="node")]
    ) -> int:
        sleep(seconds)
        return os.getpid() if len(space) == size else 0

    given: Callable[[float], int] = use  # type: ignore[assignment]  # the rest is given by itself
    return given
