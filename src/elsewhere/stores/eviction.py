"""Makes room in a store in a file, also while pools use it.

Results go first, then the blobs that none of the others names, then the pages that this frees. It is
done in slices, and the write lock is held for one slice at a time.
"""

import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from elsewhere.stores.blobs import Blobs
from elsewhere.stores.database import NEW_SUFFIX, Database, explain
from elsewhere.stores.sqlite import blobs_folder

# What a result takes in the database beside payload and parts: measured with 100,000 small ones.
ROW_BYTES = 220
SLICE_ROWS = 500
SLICE_PAGES = 500
# Nobody takes this long to make an empty database.
NEW_SECONDS = 3600.0

# Damage may have changed the type of anything.
SELECT = """\
SELECT key, CAST(used AS REAL), CAST(size AS INTEGER), blob, function
FROM results ORDER BY used DESC, id DESC"""
# What was used meanwhile stays.
DELETE = "DELETE FROM results WHERE key = ? AND used <= ?"
NAMED = "SELECT EXISTS (SELECT 1 FROM results WHERE blob = ?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Eviction:
    """What was evicted, or would be. Bytes of results are about what they take on the disk."""

    results: int
    result_bytes: int
    kept_results: int
    kept_bytes: int
    blobs: int
    blob_bytes: int
    leftovers: int
    """files that interrupted writers have left"""


@dataclass(slots=True)
class _Selection:
    """The results to evict, as (key, when used last), and what stays."""

    evicted: list[tuple[bytes, float]]
    evicted_bytes: int
    kept: int
    kept_bytes: int
    kept_blobs: set[bytes]


def evict(
    path: Path,
    *,
    older_than: float | None = None,
    max_bytes: int | None = None,
    function: str | None = None,
    dry_run: bool = False,
) -> Eviction:
    """Evict from the store at `path`. Raises `StoreError`.

    `older_than`: results that were not used for so many seconds go. `max_bytes`: the least recently
    used go until the others take no more than that. `function`: only results of that function are
    looked at, and without the other two all of them go. Blobs without a result and what interrupted
    writers left always go. With `dry_run` everything stays.
    """
    everything = function is not None and older_than is None and max_bytes is None
    cutoff = None if older_than is None else time.time() - older_than
    blobs = Blobs(blobs_folder(path), sync=False)
    with closing(Database(path, "NORMAL", create=False)) as database:
        selection = _select(database, cutoff, 0 if everything else max_bytes, function)
        try:
            unnamed = {
                name: size for name, size in blobs.names() if name not in selection.kept_blobs
            }
            leftovers = [*blobs.leftovers(), *_abandoned(path)]
            if not dry_run:
                _delete(database, selection.evicted)
                _sweep(database, blobs, list(unnamed))
                for leftover in leftovers:
                    leftover.unlink(missing_ok=True)
                _shrink(database)
        except OSError as error:
            raise explain(str(path), error) from error
    return Eviction(
        results=len(selection.evicted),
        result_bytes=selection.evicted_bytes,
        kept_results=selection.kept,
        kept_bytes=selection.kept_bytes,
        blobs=len(unnamed),
        blob_bytes=sum(unnamed.values()),
        leftovers=len(leftovers),
    )


def _select(
    database: Database, cutoff: float | None, max_bytes: int | None, function: str | None
) -> _Selection:
    selection = _Selection([], 0, 0, 0, set())
    looked_at_bytes = 0
    full = False
    with database.reading():
        for key, used, payload_size, blob, name in database.execute(SELECT):
            size = payload_size + ROW_BYTES
            looked_at = function in {None, name}
            if looked_at:
                # Nothing that was used longer ago stays once there is no room for one.
                full = full or (max_bytes is not None and looked_at_bytes + size > max_bytes)
            if looked_at and (full or (cutoff is not None and used < cutoff)):
                selection.evicted.append((key, used))
                selection.evicted_bytes += size
                continue
            looked_at_bytes += size if looked_at else 0
            selection.kept += 1
            selection.kept_bytes += size
            if blob is not None:
                selection.kept_blobs.add(blob)
    return selection


def _delete(database: Database, evicted: Sequence[tuple[bytes, float]]) -> None:
    for start in range(0, len(evicted), SLICE_ROWS):
        with database.writing():
            database.executemany(DELETE, evicted[start : start + SLICE_ROWS])


def _sweep(database: Database, blobs: Blobs, names: Sequence[bytes]) -> None:
    for start in range(0, len(names), SLICE_ROWS):
        with database.writing():
            for name in names[start : start + SLICE_ROWS]:
                if not database.execute(NAMED, (name,)).get:
                    blobs.remove(name)


def _shrink(database: Database) -> None:
    free = database.execute("PRAGMA freelist_count").get
    for _ in range(0, free, SLICE_PAGES):
        with database.writing():
            database.execute(f"PRAGMA incremental_vacuum({SLICE_PAGES})").fetchall()


def _abandoned(path: Path) -> list[Path]:
    """Databases whose maker was interrupted before they were in place."""
    found = []
    for new in path.parent.glob(f"{escape(path.name)}.*{NEW_SUFFIX}*"):
        with suppress(FileNotFoundError):
            if new.stat().st_mtime < time.time() - NEW_SECONDS:
                found.append(new)
    return found
