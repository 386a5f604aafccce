"""The value of a call, while it lies in a segment."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from elsewhere.calls.values import INLINE_BYTES, Place
from elsewhere.codec.references import Receiver, receiving

if TYPE_CHECKING:
    from elsewhere.segments.reading import Lease, Mapping, View


class Holder(Protocol):
    """Who has a value that lies in a segment."""

    def keep(self) -> None:
        """Called when the pool ends: keep the value, although its segment goes."""


class Placed:
    """Where a value lies, and the claim to it."""

    lease: "Lease | None" = None
    ended = False
    """its pool has ended, and the segment may be gone"""
    kept_inside: "dict[str, Mapping | bytes | OSError] | None" = None
    """by path: what the value refers to, if its pool has ended"""
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

    def keep_inside(self, places: Iterable[Place]) -> None:
        """Keep these, which the value refers to, although their pool ends."""
        from elsewhere.segments.reading import map_segment

        self.kept_inside = {}
        for place in places:
            try:
                self.kept_inside[place.path] = _map_or_copy(place, partial(map_segment, place))
            except OSError as error:  # as above
                self.kept_inside[place.path] = error

    def keep_as(self, kept: "dict[str, Mapping | bytes | OSError]") -> None:
        """Its pool had ended before it was made; `kept` is what it and others have."""
        self.ended, self.kept_inside = True, kept
        found = kept.get(self.place.path)
        if isinstance(found, OSError):
            self._failure = found
        else:
            self._kept = found

    def forget(self) -> None:
        """The value was made; what was made of the segment keeps it."""
        self._kept = None

    def source(self, settler: object, *, own: bool) -> Callable[..., Any]:
        """What gives the value, whose futures go to `settler`; `own` if its call may change it. Raises as
        `map`."""
        mapping = self.map(own=own)
        return lambda own=False: load_for(settler, self.place, mapping)

    def map(self, *, own: bool = False) -> "Mapping | bytes":
        """The segment. Raises `FileNotFoundError` if it is lost."""
        kept = self._kept
        if kept is not None:
            return kept
        from elsewhere.segments.reading import map_segment

        try:
            mapping = map_segment(self.place, own=own)
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
        return _map_or_copy(self.place, self.map)


def _map_or_copy(place: Place, map_it: "Callable[[], Mapping | bytes]") -> "Mapping | bytes":
    """A segment; of a small value a copy, for only so many can be mapped at once."""
    from elsewhere.segments.reading import read_segment

    if place.nbytes <= INLINE_BYTES:
        return read_segment(place)
    try:
        return map_it()
    except FileNotFoundError:
        raise
    except OSError:
        return read_segment(place)  # too many are mapped already


def load_for(settler: object, place: Place, mapping: "View | bytes") -> Any:
    """The value that lies there; the futures in it are those of `settler`."""
    from elsewhere.segments.reading import load_value

    if not place.refers:
        return load_value(mapping)
    with receiving(Receiver(settler)):
        return load_value(mapping)
