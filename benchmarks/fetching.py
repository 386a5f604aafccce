"""Files that are brought to several nodes."""

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path

BLOCK = bytes(range(256)) * 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How often a file was sent, and how often by the one who has sent it most."""

    copies: int
    most: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """The sizes that calls on all nodes have found, and what that took."""

    sizes: list[int]
    sent: Sent


# Opens so many nodes; what it gives brings a file to all of them.
Fetch = Callable[[int], AbstractContextManager[Callable[[Path], Fetched]]]


def write_file(path: Path, nbytes: int) -> None:
    """A file that no file system keeps as holes or as one block many times."""
    with path.open("wb") as file:
        for number in range(nbytes // len(BLOCK)):
            file.write(number.to_bytes(8, "little") + BLOCK[8:])


def copy_checked(source: Path, target: Path) -> int:
    """Copy a file and read it again, as one does who wants to be sure."""
    shutil.copyfile(source, target)
    digest = blake2b(digest_size=32)
    with target.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return os.stat(target).st_size


def copy_star(source: Path, folders: list[Path]) -> None:
    """A process for each folder copies the file into it."""
    fork = get_context("fork")
    processes = [
        fork.Process(target=copy_checked, args=(source, folder / source.name)) for folder in folders
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
