"""Which store a user means by what he gives as `store=`."""

import os
from pathlib import Path

from elsewhere.errors import StoreError
from elsewhere.store import Acknowledge, Store

__all__ = ["open_store"]


def open_store(
    where: str | os.PathLike[str] | None = None, acknowledge: Acknowledge | str | None = None
) -> Store:
    """Open the store `where`: None for one in memory, a path for one in a file, made if need be.

    `acknowledge` is "memory", "crash" or "durable" (default: "durable" in a file, "memory" without
    one). Raises `StoreError` if there can be no such store, `ValueError` for an unknown or
    impossible `acknowledge`, `TypeError` if `where` is no path.
    """
    level = None if acknowledge is None else _level(acknowledge)
    if where is None:
        from elsewhere.stores.memory import MemoryStore

        if level not in {None, Acknowledge.MEMORY}:
            raise ValueError(
                f"a store in memory cannot acknowledge {str(level)!r}: it ends with its process. "
                "Give the store a path"
            )
        return MemoryStore()
    from elsewhere.stores.sqlite import SqliteStore

    return SqliteStore(store_path(where), level or Acknowledge.DURABLE)


def store_path(where: object) -> Path:
    """The file that `where` names. Raises `StoreError` and `TypeError`."""
    text = os.fspath(where) if isinstance(where, str | os.PathLike) else None
    if not isinstance(text, str):
        raise TypeError(f"a store is named by a path, not by {where!r}")
    if not text or text == ":memory:":
        raise StoreError(
            repr(text), "it names no file", "Give a path, or None to keep it in memory"
        )
    if "://" in text:
        raise StoreError(text, "there is no store of this kind", "Give the path of a file")
    # Links are followed so that all who use one database agree on where its blobs are.
    return Path(text).resolve()


def _level(acknowledge: Acknowledge | str) -> Acknowledge:
    try:
        return Acknowledge(acknowledge)
    except ValueError:
        known = ", ".join(repr(str(level)) for level in Acknowledge)
        raise ValueError(f"acknowledge is one of {known}, not {acknowledge!r}") from None
