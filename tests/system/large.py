"""What the calls of the tests of large values run."""

import mmap
import os
import resource
import signal
import time
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

import elsewhere
from tests.system.functions import touch_and_wait

Array = npt.NDArray[np.int64]
LENGTH = 2**17
"""items; a MiB"""
_kept: list[Any] = []


def fill(number: int) -> Array:
    return np.full(LENGTH, number)


@elsewhere.task(pure=True)
def fill_slowly(path: str, number: int) -> Array:
    """Note each execution in a file, and give who asks for the same time to join."""
    with open(path, "a") as notes:
        notes.write(f"{number}\n")
    time.sleep(0.3)
    return np.full(LENGTH, number)


@elsewhere.task(pure=True)
def bytes_of(size: int) -> bytes:
    return bytes(size)


@elsewhere.task(pure=True, isolation="fork")
def fill_in_a_fork(path: str, number: int) -> Array:
    return fill_slowly.function(path, number)


@elsewhere.task(pure=True)
def fill_beside(
    path: str, number: int, given: Annotated[int, elsewhere.Depends(int, "1").options(scope="node")]
) -> Array:
    return fill_slowly.function(path, number * given)


class LoadedByItsMaker:
    """What cannot be loaded in the process that has made it."""

    def __init__(self, maker: int, array: Array) -> None:
        self.array = array
        self._maker = maker

    def __reduce__(self) -> tuple[Any, ...]:
        return _load_elsewhere, (self._maker, self.array)


def _load_elsewhere(maker: int, array: Array) -> LoadedByItsMaker:
    if maker == os.getpid():
        raise ValueError("not here")
    return LoadedByItsMaker(maker, array)


@elsewhere.task(pure=True)
def loaded_elsewhere(number: int) -> LoadedByItsMaker:
    return LoadedByItsMaker(os.getpid(), np.full(LENGTH, number))


def total_of_two(path: str, number: int) -> tuple[int, bool]:
    """Ask for the same twice from inside a call; whether both lie in one segment."""
    one, two = elsewhere.gather(
        elsewhere.spawn(fill_slowly, path, number), elsewhere.spawn(fill_slowly, path, number)
    )
    return total(one) + total(two), is_mapped(one) and is_mapped(two)


def total(array: Any) -> int:
    return int(array.sum())


def owner(array: Any) -> object:
    """What the memory of an array belongs to."""
    while isinstance(array, np.ndarray):
        array = array.base
    return array


def is_mapped(array: Any) -> bool:
    """Whether an array lies in a segment."""
    base = owner(array)
    return isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap)


def is_mapped_here(array: Any) -> bool:
    return is_mapped(array) and not array.flags.writeable


def write_to(array: Any) -> None:
    array[0] = 1


def part_of(array: Any) -> Any:
    return array[10:-10]


def keep(array: Any) -> int:
    """Keep an input beyond the call."""
    _kept.append(array)
    return os.getpid()


def sums_of_kept() -> list[set[int]]:
    return [set(array.tolist()) for array in _kept]


def let_go() -> None:
    _kept.clear()


def kill_self_once(array: Any, marker: str) -> int:
    """Take the worker down the first time."""
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return int(array.sum())
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def limit_files(nbytes: int) -> None:
    """As if the file system had no more room for one file."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, nbytes))


def fill_up_to_5(number: int) -> Array:
    if number == 5:
        raise ValueError("item 5")
    return fill(number)


class Refuses:
    """Can be encoded, and not be decoded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _refuse, ()


def _refuse() -> None:
    raise RuntimeError("it refuses")


def fill_or_refuse(number: int) -> Any:
    return Refuses() if number == 5 else fill(number)


def fill_or_kill_self_once(number: int, marker: str) -> Array:
    """Take the worker down the first time that item 4 is met."""
    if number == 4:
        kill_self_once(np.zeros(1), marker)
    return fill(number)


def sum_inside(count: int) -> int:
    return sum(int(array.sum()) for array in elsewhere.map(fill, range(count)))


def mark(started: str, release: str) -> Array:
    """A value that tells which process made it, once it is released."""
    touch_and_wait(started, release)
    return np.full(LENGTH, os.getpid())


def processes_of(array: Any) -> tuple[int, int]:
    """Which process has made a value of `mark`, and which one reads it."""
    return int(array[0]), os.getpid()


def hold(array: Any, started: str, release: str) -> int:
    """Read a value until released; which process does."""
    touch_and_wait(started, release)
    return os.getpid()


def add_in_place(array: Any, number: int) -> int:
    array += number
    return int(array.sum())


def sum_all(values: list[Any]) -> int:
    return sum(int(np.sum(value)) for value in values)


def clear_and_kill_self_once(array: Any, marker: str) -> int:
    before = int(array.sum())
    array[:] = 0
    kill_self_once(array, marker)
    return before


def numbers(count: int) -> list[int]:
    return list(range(count))


def first(array: Array) -> int:
    return int(array[0])
