"""Records and their bytes: the one door to msgspec.

A frame is eight bytes of length, least significant first, then one msgpack array of messages. A
message is an array too: its tag, then its fields in order, so that a new field goes last and has a
default.
"""

from typing import Any, Generic, TypeVar

from msgspec import DecodeError, Struct
from msgspec.msgpack import Decoder, Encoder, decode
from msgspec.structs import replace

__all__ = [
    "PAYLOAD_BYTES_MAX",
    "DecodeError",
    "FrameReader",
    "Record",
    "decode_record",
    "encode_frame",
    "encode_record",
    "replace",
]

HEADER_BYTES = 8
# What msgpack can say of the length of one string of bytes.
PAYLOAD_BYTES_MAX = 2**32 - 1

M = TypeVar("M")
R = TypeVar("R", bound="Record")


class Record(Struct, frozen=True, array_like=True, gc=False):
    """A value that can travel: frozen, compared by its fields."""


_encoder = Encoder()


def encode_frame(messages: list[Any]) -> bytearray:
    """The frame that carries `messages`, no payload of which exceeds `PAYLOAD_BYTES_MAX`."""
    frame = bytearray(HEADER_BYTES)
    _encoder.encode_into(messages, frame, HEADER_BYTES)
    frame[:HEADER_BYTES] = (len(frame) - HEADER_BYTES).to_bytes(HEADER_BYTES, "little")
    return frame


def encode_record(record: Record) -> bytes:
    """One record, to be the payload of another one."""
    return _encoder.encode(record)


def decode_record(data: bytes, kind: type[R]) -> R:
    """That record again. Raises `DecodeError` on damaged bytes."""
    return decode(data, type=kind)


class FrameReader(Generic[M]):
    """Turns a stream of bytes back into messages of the union `kind`."""

    def __init__(self, kind: Any) -> None:
        self._decoder: Decoder[list[M]] = Decoder(list[kind])
        self._buffer = bytearray()

    @staticmethod
    def frame_bytes(data: bytes | bytearray) -> int | None:
        """How long the frame is that begins `data`; None if it has not come whole."""
        end = HEADER_BYTES + int.from_bytes(data[:HEADER_BYTES], "little")
        return end if len(data) >= HEADER_BYTES and end <= len(data) else None

    def feed(self, data: bytes | bytearray | memoryview) -> list[M]:
        """The messages that `data` completes. Raises `DecodeError` on damaged bytes."""
        buffer = self._buffer
        buffer += data
        messages: list[M] = []
        start = 0
        while len(buffer) - start >= HEADER_BYTES:
            body = start + HEADER_BYTES
            end = body + int.from_bytes(buffer[start:body], "little")
            if end > len(buffer):
                break
            with memoryview(buffer) as view, view[body:end] as frame:
                messages += self._decoder.decode(frame)
            start = end
        del buffer[:start]
        return messages
