"""Where the segments of a pool lie."""

from pathlib import Path

from elsewhere import Pool
from elsewhere.segments.directory import DISK


def folder_of(pool: Pool) -> Path:
    return Path(pool._session._host.holdings._directory)


def segments_in(folder: Path) -> list[Path]:
    """Those in memory, without what leads to those on a disk."""
    return sorted(path for path in folder.iterdir() if path.name != DISK)
