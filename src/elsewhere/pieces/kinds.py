"""Of which kind a chunk is."""

from collections.abc import Callable, Sequence
from typing import Any

from elsewhere.errors import type_name
from elsewhere.pieces.arrays import kind_of_array
from elsewhere.pieces.frames import kind_of_frame
from elsewhere.pieces.kind import Kind
from elsewhere.pieces.lists import Lists, Single
from elsewhere.pieces.tables import kind_of_arrow

LISTS, SINGLE = Lists(), Single()
_PACKAGES: dict[str, Callable[[Any], Kind | None]] = {
    "numpy": kind_of_array,
    "pandas": kind_of_frame,
    "pyarrow": kind_of_arrow,
}


def kind_of(chunk: object) -> Kind:
    """The kind of a list, array, frame or table; of anything else, that of one element."""
    if isinstance(chunk, list):
        return LISTS
    for base in type(chunk).__mro__[:-1]:
        find = _PACKAGES.get(str(base.__module__).partition(".")[0])
        kind = None if find is None else find(chunk)
        if kind is not None:
            return kind
    return SINGLE


def join(chunks: Sequence[Any]) -> Any:
    """All elements as one chunk; of none it is a list. Raises TypeError for chunks of several kinds."""
    if not chunks:
        return []
    kind = kind_of(chunks[0])
    for position, chunk in enumerate(chunks):
        if kind_of(chunk) is not kind:
            raise TypeError(
                f"chunks of several types cannot be joined: chunk 0 is a "
                f"{type_name(type(chunks[0]))}, chunk {position} a {type_name(type(chunk))}"
            )
    return kind.join(chunks)
