"""Where the segments of a pool lie."""

import re
from pathlib import Path

from elsewhere import Pool

SEGMENT = re.compile(r"[0-9]+-[0-9]+")
"""the number of its writer, and its own"""


def folder_of(pool: Pool) -> Path:
    return Path(pool._session._host.holdings._directory)


def segments_in(folder: Path) -> list[Path]:
    """Those in memory."""
    return sorted(path for path in folder.iterdir() if SEGMENT.fullmatch(path.name))
