"""Lists as chunks, and values of any other type, each of which is a chunk of one element."""

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from elsewhere.errors import type_name
from elsewhere.pieces.hashing import hash_of, hashes_of


class Lists:
    """`elsewhere.pieces.kind.Kind` of lists."""

    def length(self, chunk: list[Any]) -> int:
        return len(chunk)

    def elements(self, chunk: list[Any]) -> Iterator[Any]:
        return iter(chunk)

    def cut(self, chunk: list[Any], where: slice) -> list[Any]:
        return chunk[where]

    def take(self, chunk: list[Any], places: Any) -> list[Any]:
        return [chunk[place] for place in places]

    def join(self, chunks: Sequence[list[Any]]) -> list[Any]:
        return [element for chunk in chunks for element in chunk]

    def column(self, chunk: list[Any], name: Any) -> NoReturn:
        _refuse_column(chunk, name)

    def hashes(self, chunk: list[Any]) -> list[int]:
        return hashes_of(chunk)


class Single:
    """`elsewhere.pieces.kind.Kind` of whatever is no collection of elements: one element each."""

    def length(self, chunk: Any) -> int:
        return 1

    def elements(self, chunk: Any) -> Iterator[Any]:
        yield chunk

    def cut(self, chunk: Any, where: slice) -> Any:
        return chunk if [chunk][where] else []

    def take(self, chunk: Any, places: Any) -> list[Any]:
        return [[chunk][place] for place in places]

    def join(self, chunks: Sequence[Any]) -> list[Any]:
        return list(chunks)

    def column(self, chunk: Any, name: Any) -> NoReturn:
        _refuse_column(chunk, name)

    def hashes(self, chunk: Any) -> list[int]:
        return [hash_of(chunk)]


def _refuse_column(chunk: object, name: object) -> NoReturn:
    raise TypeError(
        f"a chunk of type {type_name(type(chunk))} has no column {name!r}: "
        "give a function of an element as the key"
    )
