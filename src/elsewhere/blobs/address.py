"""Where a process serves blobs. Every node listens there, and few are ever asked for anything."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

BACKLOG = 64


def address_in(directory: str) -> str:
    """Where the node serves blobs that has this directory."""
    return os.path.join(directory, "blobs.sock")


def listen(address: str) -> socket.socket:
    """A socket at which peers may connect. One that an earlier process has left there is replaced."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(FileNotFoundError):
            os.unlink(address)
        with _short(address) as path:
            listener.bind(path)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def connect(address: str, timeout: float) -> socket.socket:
    """A connection to whoever listens there, which may be silent for `timeout` seconds. Raises OSError."""
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        peer.settimeout(timeout)
        with _short(address) as path:
            peer.connect(path)
    except BaseException:
        peer.close()
        raise
    return peer


@contextmanager
def _short(address: str) -> Iterator[str]:
    """A path that leads there, and is short enough for the name of a socket wherever the folder is."""
    folder, name = os.path.split(address)
    opened = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{opened}/{name}"
    finally:
        os.close(opened)
