"""Data files that are named by their content, and can be had wherever a call runs."""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from weakref import ref

from elsewhere.blobs.peers import NotServed, file_name
from elsewhere.calls.shipment import File
from elsewhere.errors import FileChanged
from elsewhere.plans.host import PROCESS
from elsewhere.shipping.stock import STOCK, State, state_of


class DataFile(os.PathLike[str]):
    """A file as it was when it was named: `os.fspath`, and so `open`, gives a path with that content.

    The path must only be read from. It is the file's own where that is there as it was, and
    else one that all workers of a node share. Two are equal if their contents are.
    """

    def __init__(self, path: str, state: State, name: bytes = b"", *, own: bool = False) -> None:
        self._path = path
        self._state = state
        self._name = name
        self._own = own
        """it was named in this process"""

    def __fspath__(self) -> str:
        """Raises `FileChanged` if the content is to be had nowhere any more."""
        if self._own or PROCESS.path_of is None:
            self._check_state()
        elif not PROCESS.sees_files or not self._is_here():
            if not self._name:
                raise FileChanged(
                    self._path, "it was edited before it was sent, or is there no more"
                )
            try:
                return PROCESS.path_of(self._name)
            except NotServed as error:
                raise FileChanged(self._path, str(error)) from error
        return self._path

    @property
    def name(self) -> bytes:
        """The hash of the content: read once, when it is first asked for. Raises `FileChanged`."""
        if not self._name:
            self._check_state()
            try:
                file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise FileChanged(self._path, error.strerror or str(error)) from error
            try:
                name = file_name(file)
            finally:
                os.close(file)
            self._check_state()  # it may have been written to meanwhile
            self._name = name
        return self._name

    def _check_state(self) -> None:
        try:
            now = state_of(self._path)
        except OSError as error:
            raise FileChanged(self._path, "it is not there any more") from error
        if now != self._state:
            raise FileChanged(self._path, "it was edited since")

    def _is_here(self) -> bool:
        try:
            return state_of(self._path) == self._state
        except OSError:
            return False

    def __elsewhere_key__(self) -> bytes:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataFile) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"elsewhere.file({self._path!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Who reads one that was edited is told so. Not who makes the call: it may not be read at all.
        with suppress(FileChanged):
            if PROCESS.names_files:
                STOCK.add_file(self.name, self._path, self._state)
        return DataFile, (self._path, self._state, self._name)

    def to_record(self, given: str) -> File:
        """For a worker that runs the module that has named it `given`."""
        self.__reduce__()
        return File(given, self._path, self._name, *self._state)


_named: dict[str, dict[str, ref[DataFile]]] = {}
"""by module, what it has named and how"""


def file(path: str | os.PathLike[str]) -> DataFile:
    """Name a data file by its content, so that it can be given to calls wherever they run:
    ``pool.submit(count, elsewhere.file("words.txt"))``. It may be an argument, a default, or a
    variable that a function uses.

    What it is given to gets a `DataFile`, whose path it may read from. Raises OSError if there is no
    such file. A file that is edited or removed before it was read elsewhere raises `FileChanged` there.
    """
    given = os.fspath(path)
    if not isinstance(given, str):
        raise TypeError(f"path must be a string or a path, not {path!r}")
    record = None if PROCESS.file_of is None else PROCESS.file_of(given)
    if record is not None:
        # A module that was sent here names a file where it comes from.
        return DataFile(
            record.path, State(record.size, record.modified_ns, record.inode), record.name
        )
    full = os.path.abspath(given)
    state = state_of(full)
    if not os.path.isfile(full):
        raise IsADirectoryError(f"{given} is a folder: name the files in it")
    made = DataFile(full, state, own=True)
    module = sys._getframe(1).f_globals.get("__name__")
    _named.setdefault(str(module), {})[given] = ref(made)
    return made


def files_of(modules: Iterable[str]) -> tuple[File, ...]:
    """The files that these modules have named and still have."""
    found = []
    for module in sorted(modules):
        for given, reference in list(_named.get(module, {}).items()):
            made = reference()
            if made is not None:
                found.append(made.to_record(given))
    return tuple(found)
