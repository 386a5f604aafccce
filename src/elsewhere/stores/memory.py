"""A store within the process, bounded by its size."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

from elsewhere.errors import StoreError
from elsewhere.store import Acknowledge, Done, Remember, Remembered
from elsewhere.stores.rows import check_row

BYTES_MAX = 256 * 2**20
# What Python needs for a row beside its bytes: measured with rows that have next to none.
ROW_BYTES = 450


class MemoryStore:
    """`elsewhere.store.Store`. Beyond `bytes_max` the least recently used results go first.

    A result that is larger than `bytes_max` by itself is not kept.
    """

    acknowledge = Acknowledge.MEMORY

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._rows: OrderedDict[bytes, Remembered] = OrderedDict()
        # Of each function the keys whose parts are kept, the latest last.
        self._keys: dict[str, dict[bytes, None]] = {}
        self._closed = False
        self.bytes = 0
        """how much is kept, by `BYTES_MAX`'s measure"""

    def get(self, key: bytes) -> Remembered | None:
        return self.get_many((key,))[0]

    def get_many(self, keys: Sequence[bytes]) -> list[Remembered | None]:
        rows = self._rows
        with self._lock:
            self._check_open()
            found = [rows.get(key) for key in keys]
            for row in found:
                if row is not None:
                    rows.move_to_end(row.key)
        return found

    def write(self, rows: Sequence[Remember], done: Done) -> None:
        for row in rows:
            check_row(row)
        made = time.time()
        with self._lock:
            self._check_open()
            for row in rows:
                if row.key not in self._rows:
                    self._keep(Remembered(*row, made))
        done(None)

    def latest(self, function: str) -> Remembered | None:
        with self._lock:
            self._check_open()
            keys = self._keys.get(function)
            return self._rows[next(reversed(keys))] if keys else None

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._rows.clear()
            self._keys.clear()
            self.bytes = 0

    def _keep(self, row: Remembered) -> None:
        size = _bytes_of(row)
        if size > self._bytes_max:
            return
        self._rows[row.key] = row
        if row.parts:
            self._keys.setdefault(row.function, {})[row.key] = None
        self.bytes += size
        while self.bytes > self._bytes_max:
            _, oldest = self._rows.popitem(last=False)
            if oldest.parts:
                keys = self._keys[oldest.function]
                del keys[oldest.key]
                if not keys:
                    del self._keys[oldest.function]
            self.bytes -= _bytes_of(oldest)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store in memory", "it is closed", "Open another one")


def _bytes_of(row: Remembered) -> int:
    return ROW_BYTES + len(row.payload) + len(row.parts)
