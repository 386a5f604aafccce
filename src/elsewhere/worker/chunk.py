"""Chunks: many items of a map in one call.

The result is the list of values. If an item fails, the chunk ends there, and its failure carries the
values of the items before it, so that the error surfaces at its own position.
"""

from collections.abc import Callable, Sequence
from itertools import starmap
from typing import Any

from elsewhere.calls.messages import Kind
from elsewhere.calls.values import Place
from elsewhere.codec.references import Source, supplied
from elsewhere.codec.values import dumps, load_list
from elsewhere.errors import CallInterrupted, NotPicklable


class ChunkFailed(BaseException):
    """An item of a chunk failed; `payload` is what travels."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload


def load_chunk(payload: bytes, inputs: Sequence[Source]) -> tuple[list[Any], BaseException | None]:
    """An encoded list of items, which has the values of `inputs` in their places; and why those behind
    them could not be decoded."""
    with supplied(inputs):
        return load_list(payload)


def apply_chunk(
    function: Callable[..., Any],
    items: list[Any],
    refused: BaseException | None,
    kind: Kind,
    encode: Callable[[list[Any]], bytes | Place],
) -> bytes | Place:
    """The list of results, as `encode` gives it; `refused` is why the item behind these could not be
    decoded. Raises `ChunkFailed`."""
    results: list[Any] = []
    try:
        # extend keeps what it had when the function raises, and its loop runs in C.
        results.extend(map(function, items) if kind is Kind.MAP else starmap(function, items))
    except CallInterrupted:
        raise
    except BaseException as error:
        raise ChunkFailed(encode_chunk_failure(results, error)) from error
    if len(results) != len(items):
        stopped = RuntimeError(
            f"the function raised StopIteration for item {len(results)} of a chunk"
        )
        raise ChunkFailed(encode_chunk_failure(results, stopped))
    if refused is not None:
        raise ChunkFailed(encode_chunk_failure(results, refused)) from refused
    try:
        return encode(results)
    except NotPicklable as error:
        raise ChunkFailed(_encode_up_to_unpicklable(results, error)) from error


def encode_chunk_failure(results: list[Any], error: BaseException) -> bytes:
    """The values before the item that failed, and its failure; each encoded, for the values may
    refuse to be decoded where they come to."""
    from elsewhere.codec.failures import encode_failure

    try:
        values = dumps(results, "result")
    except NotPicklable as refused:
        return _encode_up_to_unpicklable(results, refused)
    return dumps((values, encode_failure(error)), "result")


def _encode_up_to_unpicklable(results: list[Any], refused: NotPicklable) -> bytes:
    for position, result in enumerate(results):
        try:
            dumps(result, "result")
        except NotPicklable as error:
            return encode_chunk_failure(results[:position], error)
    # Each can be sent alone, as where the list is one level too deep.
    return encode_chunk_failure([], refused)
