"""The value of a call, while it lies in a segment."""

from typing import TYPE_CHECKING, Protocol

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
    _failure: OSError | None = None
    """why it could not be kept"""

    def __init__(self, place: Place) -> None:
        self.place = place

    def keep(self, *, wanted: bool) -> None:
        """Called when the pool ends: keep the value if it is `wanted`, although its segment goes."""
        self.ended = True
        if wanted:
            try:
                self._kept = self._map_or_copy()
            except OSError as error:  # who asks for it is told
                self._failure = error

    def forget(self) -> None:
        """The value was made; what was made of the segment keeps it."""
        self._kept = None

    def map(self) -> "Mapping | bytes":
        """The segment. Raises `FileNotFoundError` if it is lost."""
        kept = self._kept
        if kept is not None:
            return kept
        from elsewhere.segments.reading import map_segment

        try:
            mapping = map_segment(self.place)
        except FileNotFoundError as lost:
            kept = self._kept  # the pool may have ended just now
            if kept is None:
                if self._failure is None:
                    raise
                raise self._failure from lost
            return kept
        mapping.lease = self.lease
        return mapping

    def _map_or_copy(self) -> "Mapping | bytes":
        """The segment; of a small value a copy, for only so many can be mapped at once."""
        from elsewhere.segments.reading import read_segment

        if self.place.nbytes <= INLINE_BYTES:
            return read_segment(self.place)
        try:
            return self.map()
        except FileNotFoundError:
            raise
        except OSError:
            return read_segment(self.place)  # too many are mapped already
