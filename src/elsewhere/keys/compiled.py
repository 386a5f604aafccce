"""Extension modules of the user's own, which have no text and no version: known by their file."""

from functools import cache
from pathlib import Path

from elsewhere.errors import NoKey
from elsewhere.keys.node import digest_of


def compiled(module: str, file: str | None) -> str:
    """The digest of the file of an extension module. `NoKey` for one that has none."""
    if file is None:
        raise NoKey("", f"{module} is compiled, and of no installed library", "Install it")
    return _digest_of(file, Path(file).stat().st_mtime_ns)


@cache
def _digest_of(file: str, _changed: int) -> str:
    return digest_of(Path(file).read_bytes()).hex()
