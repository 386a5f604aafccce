"""What this process supplies to nodes: opened with the first blob that one lacks.

A thread of its own serves each peer. There are few: only who has a blob from nobody else comes here.
"""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from elsewhere.blobs.address import listen
from elsewhere.blobs.peers import NotServed, serve
from elsewhere.calls.blobs import Offer, Unavailable
from elsewhere.shipping.stock import STOCK


class Supply:
    """Serves the stock of this process at a socket in `directory`; `tell` takes messages for the
    gateway, and must only note them."""

    def __init__(self, directory: str, tell: Callable[[Offer | Unavailable], None]) -> None:
        self._address = os.path.join(directory, "client.sock")
        self._tell = tell
        self._listener: socket.socket | None = None

    def offer(self, blob: bytes) -> None:
        """Answer the gateway, which wants this blob for a node."""
        try:
            STOCK.check(blob)
            if self._listener is None:
                self._listener = listen(self._address)
                _start(self._accept, self._listener)
        except (NotServed, OSError) as error:
            self._tell(Unavailable(blob, str(error), self._address))
        else:
            self._tell(Offer(blob, self._address))

    def end(self) -> None:
        """Serve nobody any more."""
        if self._listener is not None:
            # Closing alone would not wake the thread that waits there.
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        # It ends with an error once the listener is closed.
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                _start(self._serve, peer)

    def _serve(self, peer: socket.socket) -> None:
        # A peer that is gone, or whose file is, finds another source or says why it cannot.
        with suppress(OSError):
            serve(peer, STOCK.open)


def _start(act: Callable[[socket.socket], None], sock: socket.socket) -> None:
    threading.Thread(target=act, args=(sock,), name="elsewhere-supply", daemon=True).start()
