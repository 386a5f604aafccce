"""A simulated store: what is written waits, then is in the system's memory, then on the disk.

It does what `elsewhere.store.Store` promises, and it can be slow, fail, crash and be damaged.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b

from elsewhere.store import Acknowledge, Remember
from elsewhere.testing.faults import Faults
from elsewhere.testing.world import World

Done = Callable[[str], None]
"""is told why nothing of a batch is promised, or an empty text"""


class Row:
    """What the disk has of one key."""

    __slots__ = ("payload", "row", "sum", "synced")

    def __init__(self, row: Remember) -> None:
        self.row = row
        self.payload = row.payload
        self.sum = digest(row.payload)
        self.synced = False


def digest(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=16).digest()


class Shelf:
    """A store that survives its process. Rows are written in the order of the calls of `write`."""

    def __init__(self, world: World, faults: Faults, acknowledge: Acknowledge) -> None:
        self.acknowledge = acknowledge
        self.damaged: set[bytes] = set()
        """keys whose rows were changed behind its back"""
        self._world = world
        self._faults = faults
        self._rows: dict[bytes, Row] = {}
        self._queue: list[tuple[list[Remember], Done]] = []
        self._busy = False

    def get(self, key: bytes) -> Remember | None:
        """The row of a key, None if there is none or it is damaged."""
        for rows, _ in self._queue if self.acknowledge is Acknowledge.MEMORY else ():
            for row in rows:
                if row.key == key:
                    return row
        found = self._rows.get(key)
        if found is None:
            return None
        if not self.is_sound(found):
            self._world.sometimes("a damaged row was a miss")
            return None
        return found.row._replace(payload=found.payload)

    def is_sound(self, row: Row) -> bool:
        return digest(row.payload) == row.sum

    def write(self, rows: Sequence[Remember], done: Done) -> None:
        if self.acknowledge is Acknowledge.MEMORY:
            done("")
        self._queue.append((list(rows), done))
        if not self._busy:
            self._busy = True
            self._world.after(self._delay(), self._write_all)

    def _delay(self) -> float:
        if self._faults.strike("slow_store"):
            return self._world.random.choice((0.005, 0.1, 1.0))
        return self._world.random.uniform(1e-4, 2e-3)

    def _write_all(self) -> None:
        """All that waits becomes one batch."""
        batch, self._queue = self._queue, []
        # At the level of memory the process itself is the store: that does not fail.
        fails = self.acknowledge is not Acknowledge.MEMORY and self._faults.strike("failing_store")
        kept = [row for rows, _ in batch for row in rows]
        if fails:
            # How much of it is there after a failure, nobody knows.
            kept = kept[: self._world.random.randint(0, len(kept))]
        self._keep(kept)
        if fails or self.acknowledge is not Acknowledge.DURABLE:
            self._tell(batch, "the disk is full" if fails else "")
            self._world.after(self._delay(), self._sync, [])
        else:
            self._world.after(self._delay(), self._sync, batch)

    def _keep(self, rows: list[Remember]) -> None:
        for row in rows:
            there = self._rows.get(row.key)
            if there is None or not self.is_sound(there):
                self._rows[row.key] = Row(row)

    def _sync(self, batch: list[tuple[list[Remember], Done]]) -> None:
        for row in self._rows.values():
            row.synced = True
        self._tell(batch, "")
        self._busy = bool(self._queue)
        if self._queue:
            self._world.after(self._delay(), self._write_all)

    def _tell(self, batch: list[tuple[list[Remember], Done]], failure: str) -> None:
        if self.acknowledge is not Acknowledge.MEMORY:
            for _, done in batch:
                done(failure)

    def crash(self, *, power: bool) -> None:
        """The process is killed, or the power fails: what is not that safe may be lost, the latest first."""
        random = self._world.random
        waiting = [row for rows, _ in self._queue for row in rows]
        self._queue, self._busy = [], False
        self._keep(waiting[: random.randint(0, len(waiting))])
        if power:
            unsafe = [key for key, row in self._rows.items() if not row.synced]
            for key in unsafe[random.randint(0, len(unsafe)) :]:
                del self._rows[key]
        self.damaged = {key for key in self._rows if self._faults.strike("damage")}
        for key in sorted(self.damaged):
            self._rows[key].payload = b"?" + self._rows[key].payload
