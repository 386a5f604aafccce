"""The SQLite file of a store: the one door to apsw.

A new database is made under another name and linked into place when it is whole, so that no process
ever meets half of one, and its first page says from the beginning whose it is and of which format.
That page is looked at before anything else, in a way that leaves no trace: what is not ours, or of a
newer format, is refused as it was found.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote

import apsw

from elsewhere.errors import StoreError

__all__ = [
    "DAMAGE",
    "FORMAT",
    "NEW_SUFFIX",
    "Database",
    "Error",
    "Malformed",
    "explain",
    "sync_folder",
]

FORMAT = 1
APPLICATION = int.from_bytes(b"else", "big")
LOCK_SECONDS_MAX = 30.0
CACHE_KIB = 16 * 1024
NEW_SUFFIX = ".new"
# The write-ahead log is cut to this after a burst.
LOG_BYTES_MAX = 64 * 2**20

SCHEMA = """
CREATE TABLE results (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    size INTEGER NOT NULL,          -- bytes of payload and parts
    function TEXT NOT NULL,
    verdict INTEGER NOT NULL,
    elapsed REAL NOT NULL,          -- seconds
    made REAL NOT NULL,             -- seconds of the epoch
    used REAL NOT NULL,             -- the same, to the hour
    blob BLOB,                      -- name of the payload's blob, NULL if the payload is here
    seal BLOB NOT NULL,             -- hash of all but id, size and used
    payload BLOB,
    parts BLOB NOT NULL
) STRICT;
-- Not unique: a row that cannot be read any more may stay beside the one that replaces it.
CREATE INDEX results_of_key ON results(key);
CREATE INDEX results_of_function ON results(function);
CREATE INDEX results_with_parts ON results(function) WHERE parts <> x'';
CREATE INDEX results_of_blob ON results(blob) WHERE blob IS NOT NULL;
CREATE TABLE functions (            -- what remembering was worth
    function TEXT PRIMARY KEY,
    hits INTEGER NOT NULL,
    saved REAL NOT NULL             -- seconds that calls answered by a hit had taken
) STRICT, WITHOUT ROWID;
"""

Error = apsw.Error
Malformed = apsw.CorruptError
# What reading a damaged file or a dying disk raises.
DAMAGE = (
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.IOError,
    apsw.TooBigError,
    UnicodeDecodeError,
)


class Database(apsw.Connection):
    """A connection to the database of a store. One thread at a time may use it."""

    def __init__(self, path: Path, synchronous: str | None, *, create: bool) -> None:
        """Connect to read, or with `synchronous` ("FULL" or "NORMAL") to write as well.

        If there is nothing at `path` a database is made, or without `create` refused. Raises
        `StoreError`.
        """
        self.path = str(path)
        try:
            if not path.exists():
                if not create:
                    raise StoreError(self.path, "there is no store", "Check the path")
                if not path.parent.is_dir():
                    raise StoreError(self.path, "its folder does not exist", "Make the folder")
                _make(path)
            _look_at(path)
            # A reader writes too: to the shared memory that tells it what is in the log.
            super().__init__(self.path, flags=apsw.SQLITE_OPEN_READWRITE)
            try:
                self.set_busy_timeout(int(LOCK_SECONDS_MAX * 1000))
                _check_identity(self.path, self)
                self._set_up(synchronous)
                self._file = _file_at(self.path)
            except BaseException:
                self.close()
                raise
        except (apsw.Error, OSError) as error:
            raise explain(self.path, error) from error

    def _set_up(self, synchronous: str | None) -> None:
        if self.readonly("main"):
            raise StoreError(
                self.path, "it is read-only", "Give the right to write it, or use another path"
            )
        self.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self.execute("PRAGMA cell_size_check = ON")
        self.execute("PRAGMA trusted_schema = OFF")
        if synchronous is None:
            self.execute("PRAGMA query_only = ON")
        else:
            self.execute(f"PRAGMA journal_size_limit = {LOG_BYTES_MAX}")
            self.execute(f"PRAGMA synchronous = {synchronous}")
            level = self.execute("PRAGMA synchronous").get
            if level != {"NORMAL": 1, "FULL": 2}[synchronous]:
                raise StoreError(
                    self.path, f"SQLite writes at level {level}, not {synchronous}", "Report it"
                )
        journal = self.execute("PRAGMA journal_mode").get
        if journal != "wal":
            raise StoreError(
                self.path,
                f"its journal is {journal!r}, not a write-ahead log",
                "Use a file system of this machine, or restore the file",
            )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction that holds the write lock: all of it or nothing. Raises `StoreError`."""
        try:
            self.execute("BEGIN IMMEDIATE")
            try:
                if _file_at(self.path) != self._file:
                    # SQLite would go on to write what nobody can ever open again.
                    raise StoreError(
                        self.path, "it was removed or replaced while open", "Open the store anew"
                    )
                yield
                self.execute("COMMIT")
            except BaseException:
                # After some errors SQLite has rolled back by itself.
                if self.in_transaction:
                    self.execute("ROLLBACK")
                raise
        except apsw.Error as error:
            raise explain(self.path, error) from error

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Everything is read as it is at one moment. Raises `StoreError`."""
        try:
            self.execute("BEGIN")
            try:
                yield
            finally:
                if self.in_transaction:
                    self.execute("ROLLBACK")
        except (apsw.Error, UnicodeDecodeError) as error:
            raise explain(self.path, error) from error


def _file_at(path: str) -> tuple[int, int] | None:
    """Which file has this name now."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _make(path: Path) -> None:
    """Make an empty database, unless somebody else does so first."""
    new = path.with_name(f"{path.name}.{token_hex(8)}{NEW_SUFFIX}")
    try:
        database = apsw.Connection(str(new))
        try:
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")
            database.execute(
                f"BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION};"
                f"PRAGMA user_version = {FORMAT}; COMMIT"
            )
            database.execute("PRAGMA journal_mode = WAL")
        finally:
            database.close()
        try:
            path.hardlink_to(new)
        except FileExistsError:
            return
    finally:
        new.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _look_at(path: Path) -> None:
    """Refuse what is no store of ours without touching it. Raises `StoreError`."""
    if not path.is_file():
        raise StoreError(str(path), "it is no file", "Give the path of a file")
    # By way of SQLite, because a descriptor of ours, when closed, would take away the locks that
    # another connection of this process has on the file. As if the file were immutable, because
    # then SQLite neither locks it nor looks for a log.
    address = f"file:{quote(os.fsencode(path))}?immutable=1"
    try:
        database = apsw.Connection(address, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        try:
            _check_identity(str(path), database)
        finally:
            database.close()
    except apsw.NotADBError:
        raise _refusal(str(path)) from None
    except apsw.CorruptError:
        # Another process may be in the midst of moving pages from its log. Whoever then opens the
        # database in earnest looks again.
        return


def _check_identity(path: str, database: apsw.Connection) -> None:
    if database.execute("PRAGMA application_id").get != APPLICATION:
        raise _refusal(path)
    version = database.execute("PRAGMA user_version").get
    if version != FORMAT:
        raise StoreError(
            path,
            f"it is a store of format {version}, and this version of elsewhere knows format "
            f"{FORMAT}; it is left as it is",
            "Use the version of elsewhere that made it, or another path",
        )


def _refusal(path: str) -> StoreError:
    return StoreError(
        path, "it is no store, and is left as it is", "Give another path, or move the file away"
    )


def explain(path: str, error: Exception) -> StoreError:
    """What an error of SQLite or of the system means for the store, and what to do."""
    if isinstance(error, OSError):
        path = os.fsdecode(error.filename or path)
    full = isinstance(error, OSError) and error.errno in {ENOSPC, EDQUOT, EFBIG}
    if full or isinstance(error, apsw.FullError):
        return StoreError(path, "there is no room to write", "Make room on its disk")
    if isinstance(error, apsw.BusyError):
        what = f"another process has locked it for more than {LOCK_SECONDS_MAX:g} s"
        return StoreError(path, what, "End that process, or use a store of its own")
    if isinstance(error, apsw.CorruptError | apsw.NotADBError | UnicodeDecodeError):
        return StoreError(
            path,
            f"the database is damaged ({error})",
            "Close all that use it and move it away with the files beside it: a new one is made, "
            "and what it remembered is computed again",
        )
    if isinstance(error, OSError):
        return StoreError(
            path, error.strerror or str(error), "Check the disk, the path, the rights"
        )
    return StoreError(path, str(error), "Check the disk, the path and the rights of its folder")
