"""The node serves the blobs that it holds: a process for each peer, so that it stays free to fork."""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from elsewhere.blobs.folder import BlobFolder
from elsewhere.blobs.peers import NotServed, serve


def serve_peer(listener: socket.socket, directory: str, leave: Callable[[], None]) -> int | None:
    """Have a child of this process answer the peer that has connected; its process id. The child begins
    with `leave`. None: the peer has gone again, or there can be no more processes, and it must try again."""
    try:
        peer, _ = listener.accept()
    except OSError:
        return None
    with peer:
        try:
            child = os.fork()
        except OSError:
            return None
        if child == 0:
            _become_server(peer, directory, leave)
        return child


def _become_server(peer: socket.socket, directory: str, leave: Callable[[], None]) -> NoReturn:
    code = 1
    try:
        leave()
        folder = BlobFolder(directory)

        def open_blob(blob: bytes) -> int:
            try:
                return os.open(folder.path(blob), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise NotServed("the node does not hold it") from error

        with suppress(ConnectionError, TimeoutError):
            serve(peer, open_blob)
        code = 0
    except BaseException:  # noqa: BLE001  # nobody else can tell of it
        import sys
        import traceback

        traceback.print_exc(file=sys.__stderr__)
    finally:
        # Never return into the node's code, nor run its clean-up.
        os._exit(code)
