"""What is asked of a type of chunks."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol


class Kind(Protocol):
    """How chunks of one type are counted, cut and joined. Elements are rows where there are columns."""

    def length(self, chunk: Any) -> int:
        """How many elements it has."""

    def elements(self, chunk: Any) -> Iterator[Any]:
        """Its elements in their order."""

    def cut(self, chunk: Any, where: slice) -> Any:
        """The elements at `where`, whose ends are within the chunk, as a chunk."""

    def take(self, chunk: Any, places: Any) -> Any:
        """The elements at `places`, whole numbers, in their order, as a chunk."""

    def join(self, chunks: Sequence[Any]) -> Any:
        """The elements of at least one chunk after another, as a chunk."""

    def column(self, chunk: Any, name: Any) -> Any:
        """Its column `name`; raises TypeError where there are no columns."""

    def hashes(self, chunk: Any) -> Any:
        """`elsewhere.pieces.hashing.hash_of` each element, as a list or an array of uint64.

        Raises TypeError where elements are rows of several columns.
        """
