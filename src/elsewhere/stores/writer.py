"""The one thread of a store that writes: batches that wait are committed together.

A batch waits while the one before it is made durable, and by then there are many of them. So the
cost of a sync is shared without anybody waiting for company.
"""

import threading
import time
import warnings
from collections.abc import Callable, Sequence
from enum import Enum
from queue import Empty, SimpleQueue
from typing import NamedTuple, TypeAlias

from elsewhere.calls.messages import Verdict
from elsewhere.errors import StoreError
from elsewhere.store import Done, Remember, Remembered
from elsewhere.stores.blobs import Blobs
from elsewhere.stores.database import Database, Malformed, explain
from elsewhere.stores.reader import Notes, Reader
from elsewhere.stores.rows import (
    INLINE_BYTES_MAX,
    INSERT,
    INSERT_NEW,
    Damaged,
    Inserted,
    content_name,
    to_insert,
)

# One transaction takes this much, or one batch, if that is more.
GROUP_ROWS_MAX = 10_000
GROUP_BYTES_MAX = 64 * 2**20
NOTE_SECONDS = 60.0

NOTE_USE = "UPDATE results SET used = ? WHERE key = ? AND used < ?"
NOTE_HITS = """\
INSERT INTO functions(function, hits, saved) VALUES (?, ?, ?)
ON CONFLICT(function) DO UPDATE SET hits = hits + excluded.hits, saved = saved + excluded.saved"""


class _Batch(NamedTuple):
    rows: Sequence[Remember]
    made: float
    done: Done


class _Order(Enum):
    NOTE = 1
    STOP = 2


class _Ready(NamedTuple):
    """A batch whose blobs are written: its rows, and the payloads of the blobs that they name."""

    inserts: list[Inserted]
    blobs: dict[bytes, bytes]


_Double: TypeAlias = tuple[Remembered, Verdict, bytes]
"""what is remembered, and another result of its key"""


class Writer:
    """Writes what it is given, in order, until `stop`."""

    def __init__(self, database: Database, blobs: Blobs, take_notes: Callable[[], Notes]) -> None:
        """`take_notes` hands over what hits have left to write down."""
        self._database = database
        self._blobs = blobs
        self._reader = Reader(database, blobs)
        self._take_notes = take_notes
        self._noted = time.monotonic()
        self._doubted: set[bytes] = set()
        """keys whose two values the user has been told of"""
        self._queue: SimpleQueue[_Batch | _Order] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="elsewhere-store", daemon=True)
        self._thread.start()

    def put(self, rows: Sequence[Remember], made: float, done: Done) -> None:
        """Have `rows` written, as `made` then; `done` is called in the writer's thread."""
        self._queue.put(_Batch(rows, made, done))

    def note(self) -> None:
        """Have notes written soon."""
        self._queue.put(_Order.NOTE)

    def stop(self) -> None:
        """Wait until all is written, and end the thread."""
        self._queue.put(_Order.STOP)
        self._thread.join()

    def _run(self) -> None:
        order: _Order | None = None
        while order is not _Order.STOP:
            group, order = self._next_group()
            try:
                if group:
                    self._commit(group)
                if order or time.monotonic() - self._noted > NOTE_SECONDS:
                    self._write_notes()
            except BaseException as error:  # noqa: BLE001  the thread has to go on
                self._report(error)
        self._database.close()

    def _next_group(self) -> tuple[list[_Batch], _Order | None]:
        """What waits, and the order behind it; nothing and NOTE after a while."""
        group: list[_Batch] = []
        rows = size = 0
        try:
            entry = self._queue.get(timeout=NOTE_SECONDS)
            while isinstance(entry, _Batch):
                group.append(entry)
                rows += len(entry.rows)
                size += sum(len(row.payload) for row in entry.rows)
                if rows >= GROUP_ROWS_MAX or size >= GROUP_BYTES_MAX:
                    return group, None
                entry = self._queue.get_nowait()
        except Empty:
            return group, None if group else _Order.NOTE
        return group, entry

    def _commit(self, group: list[_Batch]) -> None:
        ready: list[_Ready] = []
        problems: list[BaseException | None] = []
        for batch in group:
            try:
                ready.append(self._prepare(batch))
                problems.append(None)
            except Exception as error:  # noqa: BLE001  whoever waits for the batch is told
                problems.append(self._explained(error))
        common: BaseException | None = None
        doubles: list[_Double] = []
        try:
            doubles = self._insert_or_mend(ready)
        except Exception as error:  # noqa: BLE001  whoever waits for the group is told
            common = self._explained(error)
        for batch, problem in zip(group, problems, strict=True):
            try:
                batch.done(problem or common)
            except BaseException as error:  # noqa: BLE001  what a callback raises ends no store
                self._report(error)
        for kept, verdict, payload in doubles:
            self._compare(kept, verdict, payload)

    def _compare(self, kept: Remembered, verdict: Verdict, payload: bytes) -> None:
        """Tell the user if a key has two values, once for each key."""
        from elsewhere.stores.differing import tell_apart  # it imports what few need

        if kept.key in self._doubted:
            return
        told = tell_apart(kept, verdict, payload)
        if told:
            self._doubted.add(kept.key)
            warnings.warn(
                f"{kept.function} has two results for one key, {kept.key.hex()}: {told}. The first "
                "stays. A pure task must return the same for the same arguments",
                RuntimeWarning,
                2,
            )

    def _explained(self, error: Exception) -> Exception:
        return explain(self._database.path, error) if isinstance(error, OSError) else error

    def _report(self, error: BaseException) -> None:
        report = (type(error), error, error.__traceback__, self._thread)
        threading.excepthook(threading.ExceptHookArgs(report))

    def _prepare(self, batch: _Batch) -> _Ready:
        ready = _Ready([to_insert(row, batch.made) for row in batch.rows], {})
        for row, insert in zip(batch.rows, ready.inserts, strict=True):
            blob = insert[7]
            if blob is not None:
                self._blobs.write(blob, row.payload)
                ready.blobs[blob] = row.payload
        return ready

    def _insert_or_mend(self, ready: list[_Ready]) -> list[_Double]:
        try:
            return self._insert(ready)
        except StoreError as error:
            if not isinstance(error.__cause__, Malformed):
                raise
            # If what is damaged is an index, it can be made anew from the rows.
            with self._database.writing():
                self._database.execute("REINDEX")
            return self._insert(ready)

    def _insert(self, ready: list[_Ready]) -> list[_Double]:
        """Returns what had other results already."""
        database = self._database
        doubles: list[_Double] = []
        with database.writing():
            for inserts, blobs in ready:
                for name, payload in blobs.items():
                    # It may have been swept before the lock was ours.
                    if not self._blobs.has(name):
                        self._blobs.write(name, payload)
                for insert in inserts:
                    database.execute(INSERT_NEW, insert)
                    if database.changes():
                        continue
                    kept = self._confirm(insert[0])
                    if kept is None:
                        database.execute(INSERT, insert)
                        continue
                    other = insert[9] if insert[7] is None else blobs[insert[7]]
                    if other is not None and other != kept.payload:
                        doubles.append((kept, Verdict(insert[3]), other))
        return doubles

    def _confirm(self, key: bytes) -> Remembered | None:
        """Make what is remembered as `key` as safe as this store promises; None if it is damaged."""
        try:
            found = self._reader.read(key)
        except Damaged:
            return None
        if found is None:
            return None
        # A store that promises less may have written it, and not have synced it.
        if len(found.payload) > INLINE_BYTES_MAX:
            self._blobs.write(content_name(found.payload), found.payload)
        # A transaction that changes nothing would not be synced.
        self._database.execute(NOTE_HITS, (found.function, 0, 0.0))
        return found

    def _write_notes(self) -> None:
        self._noted = time.monotonic()
        notes = self._take_notes()
        if not notes:
            return
        try:
            with self._database.writing():
                for key, now in notes.used.items():
                    try:
                        self._database.execute(NOTE_USE, (now, key, now))
                    except Malformed:
                        # Whoever reads what is damaged is told. This result goes a little earlier.
                        continue
                self._database.executemany(
                    NOTE_HITS, [(function, *hits) for function, hits in notes.hits.items()]
                )
        except StoreError as error:
            warnings.warn(f"the use of results was not noted: {error}", RuntimeWarning, 2)
