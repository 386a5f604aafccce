"""Arrays that calls make, change, reduce and read."""

import mmap
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.peer import Shared, Stages

Array = NDArray[np.float64]
ITEM_BYTES = 8

_kept: Array | None = None


def stages(chunks: int, items: int) -> Stages:
    return Stages(
        chunks=chunks,
        items=items,
        chunk_bytes=items * ITEM_BYTES,
        make=make,
        change=change,
        reduce=reduce,
        view=view,
    )


def make(number: int, items: int) -> Array:
    """Return chunk `number` of the numbers from 0, of which each chunk has `items`."""
    return np.arange(number * items, (number + 1) * items, dtype=np.float64)


def change(chunk: Array) -> Array:
    doubled: Array = chunk * 2.0
    return doubled


def reduce(chunk: Array) -> float:
    return float(chunk.sum())


def view(memory: mmap.mmap) -> Array:
    """Return what is in the memory as an array that writes to it."""
    return np.frombuffer(memory, dtype=np.float64)


def reduced(stages: Stages) -> list[float]:
    """Return what all chunks come to: whole numbers below 2**53, so the sums are exact."""
    items = stages.items
    return [float(items * (2 * number * items + items - 1)) for number in range(stages.chunks)]


def random_shared(items: int, seed: int) -> Shared:
    array = np.random.default_rng(seed).standard_normal(items)
    return Shared(array=array, read=read, keep=partial(keep, array), read_kept=read_kept)


def read(array: Array, index: int) -> float:
    return float(array[index])


def keep(array: Array) -> None:
    """Set the module's global array, for workers that are forked afterwards."""
    global _kept
    _kept = array


def read_kept(index: int) -> float:
    """Read from the global array; RuntimeError if it was not set before the fork."""
    if _kept is None:
        raise RuntimeError("this worker has no array")
    return read(_kept, index)
