"""A connection that answers hits, and notes them for the writer."""

from collections.abc import Sequence
from typing import Any

from elsewhere.store import Remembered
from elsewhere.stores.blobs import Blobs
from elsewhere.stores.database import DAMAGE, Database, Error, explain
from elsewhere.stores.rows import (
    GET,
    GET_MANY,
    GET_MANY_KEYS,
    GET_NUMBER,
    Damaged,
    Row,
    to_remembered,
)

LATEST = "SELECT key FROM results WHERE function = ? AND parts <> x'' ORDER BY id DESC LIMIT 1"

# The numbers of all rows of a key; asks the index alone.
NUMBERS = "SELECT id FROM results WHERE key = ?"

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
        remembered, used = self._find(key)
        if remembered is None:
            return None
        self._note(remembered, used, now)
        return remembered

    def use_many(
        self, keys: Sequence[bytes], now: float
    ) -> tuple[dict[bytes, Remembered], set[bytes]]:
        """As `use`, for all of `keys`: what is there; and of which keys only `use` can tell.

        Those may have damage. Raises `StoreError`.
        """
        path = self.database.path
        found: dict[bytes, Remembered] = {}
        doubtful: set[bytes] = set()
        for start in range(0, len(keys), GET_MANY_KEYS):
            part = tuple(keys[start : start + GET_MANY_KEYS])
            try:
                rows = self._select(GET_MANY, *part, *part[-1:] * (GET_MANY_KEYS - len(part)))
            except Damaged:
                doubtful.update(part)
                continue
            for row in rows:
                key = row[-1]
                # Of several rows, which damage may have left, the first that is whole will do.
                if key in found:
                    continue
                try:
                    remembered = to_remembered(key, row[:-1], path, self._blobs.read)
                except (Damaged, FileNotFoundError):
                    doubtful.add(key)
                    continue
                found[key] = remembered
                self._note(remembered, row[4], now)
        return found, doubtful

    def _note(self, remembered: Remembered, used: float, now: float) -> None:
        notes = self.notes
        if now - used > USE_SECONDS:
            notes.used[remembered.key] = now
        hits, saved = notes.hits.get(remembered.function, (0, 0.0))
        notes.hits[remembered.function] = (hits + 1, saved + remembered.elapsed)

    def read(self, key: bytes) -> Remembered | None:
        """The result of the call `key`, None if there is none. Raises `Damaged`, `StoreError`."""
        return self._find(key)[0]

    def latest(self, function: str) -> bytes:
        """The key of `function` that was written last with its parts, empty if there is none."""
        rows = self._select(LATEST, function)
        return rows[0][0] if rows else b""

    def _find(self, key: bytes) -> tuple[Remembered | None, float]:
        """A result and when it was used."""
        try:
            return self._open(key, self._select(GET, key))
        except Damaged:
            # Another row may have been written in its place.
            for (number,) in self._select(NUMBERS, key):
                try:
                    found = self._open(key, self._select(GET_NUMBER, number))
                except Damaged:
                    continue
                if found[0] is not None:
                    return found
            raise

    def _select(self, query: str, *parameters: bytes | str | int) -> list[Any]:
        try:
            return self.database.execute(query, parameters).fetchall()
        except DAMAGE as error:
            raise Damaged(self.database.path, f"the database cannot be read ({error})") from error
        except Error as error:
            raise explain(self.database.path, error) from error

    def _open(self, key: bytes, rows: list[Row]) -> tuple[Remembered | None, float]:
        if not rows:
            return None, 0.0
        try:
            return to_remembered(key, rows[0], self.database.path, self._blobs.read), rows[0][4]
        except FileNotFoundError as error:
            if not self._select(GET, key):
                # Evicted meanwhile.
                return None, 0.0
            raise Damaged(str(error.filename), "its blob is not there") from error
