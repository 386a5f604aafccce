"""Where elements are: which chunk has which of them, and at which places of its own."""

from collections.abc import Sequence
from typing import NamedTuple


class Share(NamedTuple):
    """What one chunk has of the elements that are wanted."""

    chunk: int
    places: range
    """counted from the chunk's first element, in the order in which they are wanted"""

    def as_slice(self) -> slice:
        """For a chunk as long as the places reach."""
        # Before the first place there is -1, which a slice would take for the last.
        stop = self.places.stop if self.places.stop >= 0 else None
        return slice(self.places.start, stop, self.places.step)


def shares(wanted: range, lengths: Sequence[int]) -> list[Share]:
    """Who has the elements `wanted`, which are within the sum of the chunks' lengths, in their order."""
    found, begin = [], 0
    for chunk, length in enumerate(lengths):
        places = _within(wanted, begin, begin + length)
        if places:
            found.append(Share(chunk, places))
        begin += length
    return found if wanted.step > 0 else found[::-1]


def _within(wanted: range, begin: int, end: int) -> range:
    if wanted.step < 0:
        return _within(wanted[::-1], begin, end)[::-1]
    start, step = wanted.start, wanted.step
    first, last = (max(0, -((start - edge) // step)) for edge in (begin, end))
    found = wanted[first:last]
    return range(found.start - begin, found.stop - begin, step)
