"""What a store in a file keeps, function by function."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from elsewhere.stores.blobs import Blobs
from elsewhere.stores.database import FORMAT, Database, explain
from elsewhere.stores.sqlite import blobs_folder

# A row for each function that has results; what hits saved stays when its results are evicted.
# Damage may have changed the type of anything.
SELECT = """\
SELECT r.function, count(*), sum(r.size), sum(r.elapsed), min(CAST(r.made AS REAL)),
    max(CAST(r.made AS REAL)), max(CAST(r.used AS REAL)),
    coalesce(max(f.hits), 0), coalesce(max(f.saved), 0.0)
FROM results r LEFT JOIN functions f ON f.function = r.function
GROUP BY r.function ORDER BY sum(r.size) DESC, r.function"""


@dataclass(frozen=True, slots=True)
class Kept:
    """The results of one function. Times are in seconds of the epoch."""

    function: str
    results: int
    bytes: int
    """of payloads and parts of keys"""
    seconds: float
    """that the calls took whose results are kept"""
    oldest: float
    newest: float
    used: float
    """when one was used last, to the hour"""
    hits: int
    """how many calls were answered; counted about once a minute"""
    saved: float
    """seconds that these calls had taken"""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a store keeps, and what it takes on the disk."""

    path: Path
    format: int
    database_bytes: int
    blobs: int
    blob_bytes: int
    functions: list[Kept]


def summarise(path: Path) -> Summary:
    """Look into the store at `path`. Raises `StoreError`."""
    with closing(Database(path, None, create=False)) as database:
        with database.reading():
            kept = [Kept(*row) for row in database.execute(SELECT)]
        try:
            sizes = [size for _, size in Blobs(blobs_folder(path), sync=False).names()]
            files = [path, path.with_name(f"{path.name}-wal")]
            size = sum(file.stat().st_size for file in files if file.exists())
        except OSError as error:
            raise explain(str(path), error) from error
    return Summary(path, FORMAT, size, len(sizes), sum(sizes), kept)
