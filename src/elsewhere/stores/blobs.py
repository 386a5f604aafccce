"""Large payloads: files beside the database, named by the hash of their content.

A blob is written under a temporary name and renamed when it is whole, before the row that names it
is committed. Blobs are removed only under the database's write lock, and whoever commits a row looks
under that lock whether its blob is still there. So a blob that a row names is never swept.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from elsewhere.stores.database import sync_folder
from elsewhere.stores.rows import HASH_BYTES, Damaged, content_name

TEMPORARY_SUFFIX = ".part"
# Nobody takes this long from one write of a temporary file to the next.
TEMPORARY_SECONDS = 3600.0


class Blobs:
    """The blobs of one store. With `sync` they survive a power cut when `write` returns."""

    def __init__(self, folder: Path, *, sync: bool) -> None:
        self.folder = folder
        self._sync = sync
        self._synced: set[Path] = set()

    def write(self, name: bytes, payload: bytes) -> None:
        """Write the blob, unless it is there and whole. Raises `OSError`."""
        path = self.path(name)
        if not self._keep_existing(path, payload):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write_new(path, payload)
        if self._sync:
            sync_folder(path.parent)
            if path.parent not in self._synced:
                # Whoever made these folders need not have synced them.
                sync_folder(self.folder)
                sync_folder(self.folder.parent)
                self._synced.add(path.parent)

    def read(self, name: bytes) -> bytes:
        """The content of a blob. Raises `Damaged`; `FileNotFoundError` if it is not there."""
        path = self.path(name)
        try:
            payload = path.read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise Damaged(str(path), f"its blob cannot be read ({error.strerror})") from error
        if content_name(payload) != name:
            raise Damaged(str(path), "its blob is not what was written")
        return payload

    def has(self, name: bytes) -> bool:
        return self.path(name).exists()

    def remove(self, name: bytes) -> None:
        """Remove a blob, under the database's write lock only."""
        self.path(name).unlink(missing_ok=True)

    def path(self, name: bytes) -> Path:
        text = name.hex()
        return self.folder / text[:2] / text

    def names(self) -> Iterator[tuple[bytes, int]]:
        """Name and bytes of every blob."""
        for path in self.folder.glob("??/*"):
            with suppress(ValueError, FileNotFoundError):
                name = bytes.fromhex(path.name)
                if len(name) == HASH_BYTES:
                    yield name, path.stat().st_size

    def leftovers(self) -> Iterator[Path]:
        """Temporary files of writers that were interrupted."""
        oldest = time.time() - TEMPORARY_SECONDS
        for path in self.folder.glob(f"??/*{TEMPORARY_SUFFIX}"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    yield path

    def _keep_existing(self, path: Path, payload: bytes) -> bool:
        try:
            with path.open("rb") as file:
                if file.read() != payload:
                    return False
                if self._sync:
                    os.fsync(file.fileno())
        except OSError:
            # A file that is not there, or cannot be read or synced, is written anew. To sync it once
            # more would not do: the system may have dropped what it could not write.
            return False
        return True

    def _write_new(self, path: Path, payload: bytes) -> None:
        temporary = path.with_name(f"{path.name}.{token_hex(8)}{TEMPORARY_SUFFIX}")
        try:
            with temporary.open("xb") as file:
                file.write(payload)
                if self._sync:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
