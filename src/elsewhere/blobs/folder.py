"""The blobs of one node: files that only their content names, on the disk, each written once."""

import fcntl
import os
from collections.abc import Callable

from elsewhere.segments.directory import make_twin

PREFIX = "blob-"
PART = "-part"
"""ends the name of what is being written"""


class BlobFolder:
    """The blobs that belong to a node's `directory`. All of its processes share them."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._folder = ""

    def path(self, blob: bytes) -> str:
        """Where a blob lies, if it is there."""
        if not self._folder:
            self._folder = make_twin(self._directory)
        return os.path.join(self._folder, PREFIX + blob.hex())

    def bring(self, blob: bytes, write: Callable[[int], None]) -> tuple[str, bool]:
        """The path of a blob, and whether this process has brought it: then `write` wrote it to the
        descriptor that it was given, and made sure that it is the very content.

        Of several processes one brings it and the others wait. If it fails, the next one tries.
        """
        path = self.path(blob)
        while not os.path.exists(path):
            part = os.open(path + PART, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                # The system unlocks it, however this process ends.
                fcntl.flock(part, fcntl.LOCK_EX)
                if not _is_at(part, path + PART):
                    continue  # whoever had it has finished it
                if os.path.exists(path):
                    os.unlink(path + PART)  # finished before this process began a part anew
                    break
                os.ftruncate(part, 0)
                write(part)
                os.fchmod(part, 0o400)
                os.rename(path + PART, path)
                return path, True
            finally:
                os.close(part)
        return path, False


def _is_at(file: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False
