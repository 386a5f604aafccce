"""A connection that answers hits, and notes them for the writer."""

from typing import Any

from elsewhere.store import Remembered
from elsewhere.stores.blobs import Blobs
from elsewhere.stores.database import DAMAGE, Database, Error, explain
from elsewhere.stores.rows import GET, Damaged, Row, to_remembered

LATEST = "SELECT key FROM results WHERE function = ? ORDER BY id DESC LIMIT 1"

# A use is noted if the last one that was noted is older; so a hit rarely costs a write.
USE_SECONDS = 3600.0


class Notes:
    """What hits have left to write down."""

    __slots__ = ("hits", "used")

    def __init__(self) -> None:
        self.used: dict[bytes, float] = {}
        """keys, and when they were used"""
        self.hits: dict[str, tuple[int, float]] = {}
        """functions, how many of their calls were answered, and the seconds that this saved"""

    def add(self, others: "Notes") -> None:
        self.used |= others.used
        for function, (hits, saved) in others.hits.items():
            before = self.hits.get(function, (0, 0.0))
            self.hits[function] = (before[0] + hits, before[1] + saved)

    def __bool__(self) -> bool:
        return bool(self.used or self.hits)


class Reader:
    """One connection. One thread at a time may use it."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self.database = database
        self.notes = Notes()
        self._blobs = blobs

    def use(self, key: bytes, now: float) -> Remembered | None:
        """As `read`, and noted as used at `now`, in seconds of the epoch."""
        row = self._row(key)
        remembered = None if row is None else self._open(key, row)
        if row is None or remembered is None:
            return None
        notes = self.notes
        if now - row[4] > USE_SECONDS:
            notes.used[key] = now
        hits, saved = notes.hits.get(remembered.function, (0, 0.0))
        notes.hits[remembered.function] = (hits + 1, saved + remembered.elapsed)
        return remembered

    def read(self, key: bytes) -> Remembered | None:
        """The result of the call `key`, None if there is none. Raises `Damaged`, `StoreError`."""
        row = self._row(key)
        return None if row is None else self._open(key, row)

    def latest(self, function: str) -> bytes:
        """The key of `function` that was written last, empty if there is none."""
        return self._first(LATEST, function) or b""

    def _row(self, key: bytes) -> Row | None:
        row: Row | None = self._first(GET, key)
        return row

    def _first(self, query: str, parameter: bytes | str) -> Any:
        try:
            return self.database.execute(query, (parameter,)).get
        except DAMAGE as error:
            raise Damaged(self.database.path, f"the database cannot be read ({error})") from error
        except Error as error:
            raise explain(self.database.path, error) from error

    def _open(self, key: bytes, row: Row) -> Remembered | None:
        try:
            return to_remembered(key, row, self.database.path, self._blobs.read)
        except FileNotFoundError as error:
            if self._row(key) is None:
                # Evicted meanwhile.
                return None
            raise Damaged(str(error.filename), "its blob is not there") from error
