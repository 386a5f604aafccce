"""pandas' frames and series as chunks: by rows, each with its label.

pandas is not imported here: whoever has a frame has imported it.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from elsewhere.pieces.arrays import hash_array, hash_encoded
from elsewhere.pieces.kind import Kind


class Frames:
    """`elsewhere.pieces.kind.Kind` of frames and series. A missing key is None, whatever it is in pandas."""

    def length(self, chunk: Any) -> int:
        return len(chunk)

    def elements(self, chunk: Any) -> Iterator[Any]:
        return (chunk.iloc[place] for place in range(len(chunk)))

    def cut(self, chunk: Any, where: slice) -> Any:
        return chunk.iloc[where]

    def take(self, chunk: Any, places: Any) -> Any:
        return chunk.take(places)

    def join(self, chunks: Sequence[Any]) -> Any:
        if len({chunk.ndim for chunk in chunks}) > 1:
            raise TypeError("frames and series cannot be joined: they are chunks of two objects")
        # An empty one has nothing to add but its types, which may be those of no values at all.
        filled = [chunk for chunk in chunks if len(chunk)]
        return sys.modules["pandas"].concat(filled or chunks[:1])

    def column(self, chunk: Any, name: Any) -> Any:
        return chunk[name]

    def hashes(self, chunk: Any) -> Any:
        if chunk.ndim != 1:
            raise TypeError(f"a frame has {chunk.shape[1]} columns: say by which it is shuffled")
        kind = getattr(chunk.dtype, "kind", "")
        if isinstance(chunk.dtype, sys.modules["numpy"].dtype) and kind in "iub":
            return hash_array(chunk.to_numpy())
        places, distinct = chunk.factorize()
        return hash_encoded([*distinct, None], places)  # of what is missing the place is -1: None's


FRAMES = Frames()


def kind_of_frame(chunk: Any) -> Kind | None:
    """The kind of a value of one of pandas' classes; None if it is one element."""
    pandas = sys.modules["pandas"]
    return FRAMES if isinstance(chunk, (pandas.DataFrame, pandas.Series)) else None
