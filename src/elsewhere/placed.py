"""The value of a call, while it lies in a segment."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from elsewhere.calls.values import INLINE_BYTES, Place

if TYPE_CHECKING:
    from elsewhere.segments.reading import Lease, Mapping


class Holder(Protocol):
    """Who has a value that lies in a segment."""

    def keep(self) -> None:
        """Called when the pool ends: keep the value, although its segment goes."""


class Placed:
    """Where a value lies, and the claim to it."""

    lease: "Lease | None" = None
    ended = False
    """its pool has ended, and the segment may be gone"""
    _kept: "Mapping | bytes | None" = None
    """the segment, or a copy of it, if its pool has ended"""

    def __init__(self, place: Place) -> None:
        self.place = place

    def keep(self, *, wanted: bool) -> None:
        """Called when the pool ends: keep the value if it is `wanted`, although its segment goes."""
        self.ended = True
        if wanted:
            with suppress(FileNotFoundError):  # it is lost, as who asks for it is told
                self._kept = self._copy_small() or self.map()

    def forget(self) -> None:
        """The value was made; what was made of the segment keeps it."""
        self._kept = None

    def source(self, *, own: bool) -> Callable[..., Any]:
        """What gives the value; `own` if its call may change it. Raises as `map`."""
        from elsewhere.segments.reading import load_value

        mapping = self.map(own=own)
        return lambda own=False: load_value(mapping)

    def map(self, *, own: bool = False) -> "Mapping | bytes":
        """The segment. Raises `FileNotFoundError` if it is lost."""
        kept = self._kept
        if kept is not None:
            return kept
        from elsewhere.segments.reading import map_segment

        try:
            mapping = map_segment(self.place, own=own)
        except FileNotFoundError:
            kept = self._kept  # the pool may have ended just now
            if kept is None:
                raise
            return kept
        mapping.lease = self.lease
        return mapping

    def _copy_small(self) -> bytes | None:
        """The segment of a small value: only so many can be mapped at once."""
        return None if self.place.nbytes > INLINE_BYTES else bytes(self.map())
