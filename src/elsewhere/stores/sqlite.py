"""A store in an SQLite file, which several pools and processes may use at the same time."""

import os
import threading
import time
import warnings
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from elsewhere.errors import StoreDamaged, StoreError
from elsewhere.store import Acknowledge, Done, Remember, Remembered
from elsewhere.stores.blobs import Blobs
from elsewhere.stores.database import Database
from elsewhere.stores.reader import Notes, Reader
from elsewhere.stores.rows import Damaged, check_row
from elsewhere.stores.writer import Writer

# So many uses of one reader are written down before their time, to bound the memory they take.
NOTES_MAX = 10_000


def blobs_folder(path: Path) -> Path:
    """Where the blobs of the store at `path` are."""
    return path.with_name(f"{path.name}.blobs")


class SqliteStore:
    """`elsewhere.store.Store`. Raises `StoreError` if `path` is no store or cannot be one."""

    def __init__(self, path: Path, acknowledge: Acknowledge) -> None:
        self.acknowledge = acknowledge
        self.path = path
        self._process = os.getpid()
        durable = acknowledge is Acknowledge.DURABLE
        self._blobs = Blobs(blobs_folder(path), sync=durable)
        # Readers that no thread uses at the moment. Those of a deque are taken and given back
        # without a lock.
        self._readers: deque[Reader] = deque()
        self._full: deque[Notes] = deque()
        self._lock = threading.Lock()
        self._closed = False
        self._damaged: set[bytes] = set()
        # Rows that are acknowledged and perhaps not written yet.
        self._queued: dict[bytes, Remembered] = {}
        # Why rows were not written whose writer had been told that they are queued.
        self._untold: BaseException | None = None
        database = Database(path, "FULL" if durable else "NORMAL", create=True)
        self._writer = Writer(database, self._blobs, self._take_notes)

    def get(self, key: bytes) -> Remembered | None:
        reader = self._lend()
        # Before the database is asked: what is not queued any more is there.
        queued = self._queued.get(key)
        try:
            return reader.use(key, time.time()) or queued
        except Damaged as damage:
            self._warn(key, damage)
            return queued
        finally:
            self._take_back(reader)

    def get_many(self, keys: Sequence[bytes]) -> list[Remembered | None]:
        if len(keys) == 1:
            return [self.get(keys[0])]
        reader = self._lend()
        # As in `get`.
        queued = {key: self._queued.get(key) for key in keys} if self._queued else {}
        try:
            found, doubtful = reader.use_many(keys, time.time())
        finally:
            self._take_back(reader)
        for key in doubtful.difference(found):
            remembered = self.get(key)
            if remembered is not None:
                found[key] = remembered
        return [found.get(key) or queued.get(key) for key in keys]

    def latest(self, function: str) -> Remembered | None:
        self._check_open()
        for row in reversed(list(self._queued.values())):
            if row.function == function and row.parts:
                return row
        reader = self._lend()
        key = b""
        try:
            key = reader.latest(function)
            return reader.read(key)
        except Damaged as damage:
            self._warn(key, damage)
            return None
        finally:
            self._take_back(reader)

    def write(self, rows: Sequence[Remember], done: Done) -> None:
        # Before the lock, which another thread may have held when this process was forked.
        self._check_open()
        for row in rows:
            check_row(row)
        made = time.time()
        if self.acknowledge is not Acknowledge.MEMORY:
            with self._lock:
                self._check_open()
                self._writer.put(rows, made, done)
            return
        with self._lock:
            self._check_open()
            for row in rows:
                self._queued.setdefault(row.key, Remembered(*row, made))
            self._writer.put(rows, made, partial(self._end_queueing, rows))
            untold, self._untold = self._untold, None
        done(untold)

    def close(self) -> None:
        if os.getpid() != self._process:
            # The connections and the thread are the parent's.
            return
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._writer.stop()
        self._close_readers()
        if self._untold is not None:
            raise self._untold

    def _check_open(self) -> None:
        if os.getpid() != self._process:
            raise StoreError(
                str(self.path),
                "this store was opened before a fork, by the parent process",
                "Open another one in the child",
            )
        if self._closed:
            raise StoreError(str(self.path), "this store is closed", "Open another one")

    def _lend(self) -> Reader:
        self._check_open()
        try:
            return self._readers.pop()
        except IndexError:
            return Reader(Database(self.path, None, create=False), self._blobs)

    def _take_back(self, reader: Reader) -> None:
        if len(reader.notes.used) >= NOTES_MAX:
            self._full.append(reader.notes)
            reader.notes = Notes()
            self._writer.note()
        self._readers.append(reader)
        # Again after it was given back, so that `close` has seen it or it is seen here.
        if self._closed:
            self._close_readers()

    def _close_readers(self) -> None:
        while self._readers:
            try:
                reader = self._readers.pop()
            except IndexError:
                # Another thread was faster.
                return
            reader.database.close()

    def _take_notes(self) -> Notes:
        notes = Notes()
        while self._full:
            notes.add(self._full.popleft())
        for _ in range(len(self._readers)):
            try:
                # From the left, where the idle are; those in use are met another time.
                reader = self._readers.popleft()
            except IndexError:
                break
            notes.add(reader.notes)
            reader.notes = Notes()
            self._readers.append(reader)
        return notes

    def _end_queueing(self, rows: Sequence[Remember], problem: BaseException | None) -> None:
        for row in rows:
            self._queued.pop(row.key, None)
        self._keep_untold(problem)

    def _keep_untold(self, problem: BaseException | None) -> None:
        if problem is not None:
            self._untold = problem

    def _warn(self, key: bytes, damage: Damaged) -> None:
        if key not in self._damaged:
            self._damaged.add(key)
            warnings.warn(StoreDamaged(damage.path, key.hex(), damage.what), stacklevel=3)
