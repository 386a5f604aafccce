"""What this process can supply: blobs whose content it has in memory or in files of the user's."""

import os
from typing import NamedTuple

from elsewhere.blobs.peers import NotServed, blob_name


class State(NamedTuple):
    """What shows that a file has been written to since."""

    size: int
    modified_ns: int
    inode: int


def state_of(path: str) -> State:
    """Raises OSError."""
    found = os.stat(path)
    return State(found.st_size, found.st_mtime_ns, found.st_ino)


class Stock:
    """Blobs by name. Any thread may call."""

    def __init__(self) -> None:
        self._contents: dict[bytes, bytes] = {}
        self._files: dict[bytes, tuple[str, State]] = {}

    def add_content(self, content: bytes) -> bytes:
        """The name of a content, which can be had from now on."""
        name = blob_name(content)
        self._contents[name] = content
        return name

    def add_file(self, name: bytes, path: str, state: State) -> None:
        """This is the name of the content that a file has while it is in this state."""
        self._files[name] = path, state

    def check(self, name: bytes) -> None:
        """Raises `NotServed` if a blob cannot be had."""
        if name in self._contents:
            return
        if name not in self._files:
            raise NotServed("the process that made the pool does not have it")
        path, state = self._files[name]
        try:
            now = state_of(path)
        except OSError as error:
            raise NotServed(f"{path} cannot be read any more ({error.strerror})") from error
        if now != state:
            raise NotServed(f"{path} was edited after it had been sent")

    def open(self, name: bytes) -> int:
        """A descriptor of the content. Raises `NotServed`."""
        self.check(name)
        if name not in self._contents:
            return os.open(self._files[name][0], os.O_RDONLY | os.O_CLOEXEC)
        file = os.memfd_create("blob", os.MFD_CLOEXEC)
        content = memoryview(self._contents[name])
        while content:
            content = content[os.write(file, content) :]
        os.lseek(file, 0, os.SEEK_SET)
        return file


STOCK = Stock()
"""A file that was named is the process's, whichever pool is told of it."""
