"""How a blob gets from one process to another: over a socket, checked by its name.

Who connects says `Fetch`; who serves answers with a frame of `Length` and then that many bytes. Today
the sockets are those of one machine, and lie in folders that only their user can enter.
"""

import os
import socket
from collections.abc import Callable
from contextlib import closing
from hashlib import blake2b

from elsewhere.blobs.address import connect
from elsewhere.calls.blobs import Fetch, Length
from elsewhere.calls.wire import DecodeError, FrameReader, encode_frame

NAME_BYTES = 32
RECEIVE_BYTES = 2**20
FRAME_BYTES = 2**12
"""how much is read at once of what is said before the content"""
SILENCE_SECONDS = 60.0
"""For how long a peer may send or take nothing."""


class NotServed(Exception):
    """A blob is not to be had where it was said to be."""


def blob_name(content: bytes) -> bytes:
    """The name of this content."""
    return blake2b(content, digest_size=NAME_BYTES).digest()


def file_name(file: int) -> bytes:
    """The name of the content of a file, from where it stands to its end."""
    digest = blake2b(digest_size=NAME_BYTES)
    buffer = memoryview(bytearray(RECEIVE_BYTES))
    while size := os.readv(file, [buffer]):
        digest.update(buffer[:size])
    return digest.digest()


def fetch(address: str, blob: bytes, file: int) -> None:
    """Write the blob to a file that is empty. Raises `NotServed`."""
    try:
        with closing(connect(address, SILENCE_SECONDS)) as peer:
            peer.sendall(encode_frame([Fetch(blob)]))
            length, rest = _read_length(peer)
            received = _receive(peer, file, length, rest)
    except (ConnectionError, FileNotFoundError, TimeoutError, DecodeError) as error:
        raise NotServed(f"{address}: {error}") from error
    if received != blob:
        raise NotServed(f"{address} sent another content")


def _read_length(peer: socket.socket) -> tuple[int, bytes]:
    """How long the content is, and what has come of it already."""
    data = bytearray()
    while True:
        # The header says where the frame ends; what is behind that is content.
        chunk = peer.recv(FRAME_BYTES)
        if not chunk:
            raise ConnectionError("the connection was closed")
        data += chunk
        end = FrameReader.frame_bytes(data)
        if end is not None:
            break
    (length,) = FrameReader[Length](Length).feed(data[:end])
    if length.nbytes is None:
        raise NotServed(length.reason)
    return length.nbytes, bytes(data[end:])


def _receive(peer: socket.socket, file: int, length: int, rest: bytes) -> bytes:
    """Write so many bytes to the file, of which `rest` has come; the name of what was written."""
    digest = blake2b(digest_size=NAME_BYTES)
    buffer = memoryview(bytearray(min(RECEIVE_BYTES, length) or 1))
    part = memoryview(rest)
    left = length
    while left:
        if not part:
            size = peer.recv_into(buffer, min(left, len(buffer)))
            if not size:
                raise ConnectionError("the connection was closed")
            part = buffer[:size]
        digest.update(part)
        left -= len(part)
        while part:
            part = part[os.write(file, part) :]
    return digest.digest()


def serve(peer: socket.socket, open_blob: Callable[[bytes], int]) -> None:
    """Answer one peer. `open_blob` gives a descriptor of the content; raises `NotServed`."""
    with closing(peer):
        peer.settimeout(SILENCE_SECONDS)
        reader: FrameReader[Fetch] = FrameReader(Fetch)
        asked: list[Fetch] = []
        while not asked:
            data = peer.recv(FRAME_BYTES)
            if not data:
                return
            asked = reader.feed(data)
        try:
            file = open_blob(asked[0].blob)
        except NotServed as error:
            peer.sendall(encode_frame([Length(None, str(error))]))
            return
        with os.fdopen(file, "rb") as content:
            peer.sendall(encode_frame([Length(os.fstat(file).st_size)]))
            peer.sendfile(content)
