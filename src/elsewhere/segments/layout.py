"""How a value lies in a segment: a header, its pickle, and its buffers, each where vectors may begin.

The header is 64-bit words, least significant byte first: how many buffers there are, the length of the
pickle, and the length of each buffer.
"""

import pickle
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

WORD = 8
ALIGNMENT = 64
"""bytes; of processors' cache lines, and what vector instructions ask for"""


def header_of(lengths: Sequence[int]) -> bytes:
    """The header for a pickle and its buffers of these lengths."""
    words = (len(lengths) - 1, *lengths)
    return b"".join(word.to_bytes(WORD, "little") for word in words)


def offsets_of(lengths: Sequence[int]) -> list[int]:
    """Where the pickle and the buffers begin, and behind them where the value ends."""
    header = _aligned(WORD * (len(lengths) + 1))
    return list(accumulate((_aligned(length) for length in lengths), initial=header))


def read_value(view: memoryview) -> Any:
    """The value in a segment; its buffers are parts of `view`."""
    data, *buffers = read_parts(view)
    return pickle.loads(data, buffers=buffers)


def read_parts(view: memoryview) -> list[memoryview]:
    """The pickle in a segment and its buffers, all of which are parts of `view`."""
    count = int.from_bytes(view[:WORD], "little")
    words = view[WORD : WORD * (count + 2)].cast("Q")
    lengths = [int(word) for word in words]
    offsets = offsets_of(lengths)
    return [view[start : start + length] for start, length in zip(offsets, lengths, strict=False)]


def pieces_of(parts: Sequence[memoryview]) -> list[bytes | memoryview]:
    """What to write, one after another, for a pickle and its buffers."""
    lengths = [part.nbytes for part in parts]
    header = header_of(lengths)
    pieces: list[bytes | memoryview] = [header, bytes(offsets_of(lengths)[0] - len(header))]
    for part in parts:
        pieces += [part, bytes(_aligned(part.nbytes) - part.nbytes)]
    return [piece for piece in pieces if len(piece)]


def _aligned(length: int) -> int:
    return -(-length // ALIGNMENT) * ALIGNMENT
