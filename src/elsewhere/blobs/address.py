"""Where a process serves blobs. Every node listens there, and few are ever asked for anything."""

import os
import socket

BACKLOG = 64


def address_in(directory: str) -> str:
    """Where the node serves blobs that has this directory."""
    return os.path.join(directory, "blobs.sock")


def listen(address: str) -> socket.socket:
    """A socket at which peers may connect. One that an earlier process has left there is replaced."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if os.path.exists(address):
            os.unlink(address)
        listener.bind(address)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
