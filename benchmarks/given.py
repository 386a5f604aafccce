"""Functions that are given what they need by `elsewhere`, which only its own process has."""

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
