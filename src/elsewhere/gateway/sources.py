"""From whom a node fetches a blob: from one that has it and has not handed it to too many others.

So a blob spreads as a tree. Whoever has fetched it is a source itself; a place under its own source
is kept for it as long as it is one. Places never run out: of so many sources, each has places for
`PEERS_MAX` others, and all but the first take one.
"""

from collections import deque
from collections.abc import Iterable

from elsewhere.calls.blobs import PEERS_MAX, Offer, Seek, Source, Unavailable, Wanted
from elsewhere.gateway.records import CLIENT, Turn


class SourceRecord:
    """Who has a blob and serves it."""

    __slots__ = ("node", "parent", "peers")

    def __init__(self, node: int | None, parent: str | None) -> None:
        self.node = node
        """None: it is the client"""
        self.parent = parent
        """the address that it has it from, if a place there is kept for it"""
        self.peers = 0
        """how many have it from here, or fetch it"""


class BlobRecord:
    """A blob that some node has sought."""

    __slots__ = ("asked", "fetching", "sources", "waiting")

    def __init__(self) -> None:
        self.sources: dict[str, SourceRecord] = {}
        """by address"""
        self.fetching: dict[int, str] = {}
        """by worker: the address from which its node fetches it"""
        self.waiting: deque[int] = deque()
        """workers that have sought it and were told nothing yet"""
        self.asked = False
        """the client was asked for it, and has not answered"""


class Sources:
    """All blobs that were sought."""

    def __init__(self, peers_max: int = PEERS_MAX) -> None:
        self.peers_max = peers_max
        self.blobs: dict[bytes, BlobRecord] = {}
        self._sought: dict[int, set[bytes]] = {}
        """by worker: what it waits for or fetches"""

    def hear(
        self, sender: int, node: int | None, message: Seek | Offer | Unavailable, turn: Turn
    ) -> None:
        """Take in what a worker of that node or the client says."""
        record = self.blobs.setdefault(message.blob, BlobRecord())
        if isinstance(message, Seek):
            self._withdraw(sender, message.blob)
            record.waiting.append(sender)
            self._sought.setdefault(sender, set()).add(message.blob)
        elif isinstance(message, Offer):
            self._add(record, sender, node, message)
        else:
            self._withdraw(sender, message.blob)
            self._drop(record, message.address)
            if sender == CLIENT:
                record.asked = False
                self._refuse(record, message, turn)
        self._serve(message.blob, record, turn)

    def lose_worker(self, worker: int, turn: Turn) -> None:
        """What it was about to fetch, others of its node may seek."""
        for blob in sorted(self._sought.pop(worker, ())):
            self._withdraw(worker, blob)
            self._serve(blob, self.blobs[blob], turn)

    def lose_node(self, node: int, turn: Turn) -> None:
        """What it had is not to be had there any more."""
        for blob, record in self.blobs.items():
            for address in [a for a, source in record.sources.items() if source.node == node]:
                self._drop(record, address)
            self._serve(blob, record, turn)

    # ------------------------------------------------------------ moves

    def _withdraw(self, worker: int, blob: bytes) -> None:
        """This worker neither waits for the blob nor fetches it; the place that it had is free."""
        record = self.blobs[blob]
        self._sought.get(worker, set()).discard(blob)
        if worker in record.waiting:
            record.waiting.remove(worker)
        self._leave(record, record.fetching.pop(worker, None))

    def _leave(self, record: BlobRecord, parent: str | None) -> None:
        source = record.sources.get(parent) if parent is not None else None
        if source is not None:
            source.peers -= 1

    def _add(self, record: BlobRecord, sender: int, node: int | None, offer: Offer) -> None:
        if sender == CLIENT:
            record.asked = False
        parent = record.fetching.pop(sender, None)
        self._withdraw(sender, offer.blob)
        if offer.address in record.sources:
            self._leave(record, parent)
        else:
            record.sources[offer.address] = SourceRecord(node, parent)

    def _drop(self, record: BlobRecord, address: str) -> None:
        """No source any more. Those who have it from there keep it; they stand under nobody."""
        source = record.sources.pop(address, None)
        if source is not None:
            self._leave(record, source.parent)
            for other in record.sources.values():
                if other.parent == address:
                    other.parent = None
            for worker in [w for w, where in record.fetching.items() if where == address]:
                # Whatever comes of it: the place that it has is not one of a later source there.
                record.fetching[worker] = ""

    def _refuse(self, record: BlobRecord, message: Unavailable, turn: Turn) -> None:
        if not record.sources:
            for worker in record.waiting:
                self._sought[worker].discard(message.blob)
                turn.sends.append((worker, Source(message.blob, "", message.reason)))
            record.waiting.clear()

    def _serve(self, blob: bytes, record: BlobRecord, turn: Turn) -> None:
        """Tell those who wait, as far as there are places; the source with the fewest peers first."""
        while record.waiting:
            address = _freest(record.sources.items())
            if address is None:
                if not record.asked:
                    record.asked = True
                    turn.sends.append((CLIENT, Wanted(blob)))
                return
            source = record.sources[address]
            if source.peers >= self.peers_max:
                return  # whoever fetches it now will have places
            source.peers += 1
            worker = record.waiting.popleft()
            record.fetching[worker] = address
            turn.sends.append((worker, Source(blob, address)))


def _freest(sources: Iterable[tuple[str, SourceRecord]]) -> str | None:
    return min(sources, key=lambda one: one[1].peers, default=("", None))[0] or None
