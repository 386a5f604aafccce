"""Where the messages of the machine go: to workers, to the engine, and to parts of this very client."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from elsewhere.calls.blobs import Wanted
from elsewhere.calls.messages import FromGateway, Kept, Need, ToGateway
from elsewhere.calls.values import Free, Spill
from elsewhere.calls.workers import Kill
from elsewhere.cancels import Cancels
from elsewhere.engine import Engine
from elsewhere.gateway.records import CLIENT, ENGINE
from elsewhere.holdings import Holdings
from elsewhere.link import GatewayEnd
from elsewhere.poller import READ, WRITE, Poller

if TYPE_CHECKING:
    from elsewhere.supply import Supply


class Delivery:
    """Called by whoever has the machine to itself. It never blocks. What this process has for others
    lies in `directory`; `note` takes what it has to say to the machine."""

    def __init__(  # each is a part of the client that messages go to
        self,
        engine: Engine,
        holdings: Holdings,
        cancels: Cancels,
        poller: Poller,
        directory: str,
        note: Callable[[ToGateway], None],
    ) -> None:
        self._engine = engine
        self._directory = directory
        self._note = note
        self._holdings = holdings
        self._cancels = cancels
        self._poller = poller
        self.links: dict[int, GatewayEnd] = {}
        """by worker, from its start until it is lost"""
        self._supply: Supply | None = None

    def end(self) -> None:
        """Serve no blobs any more, and close all links."""
        if self._supply is not None:
            self._supply.end()
        for link in self.links.values():
            link.close()
        self.links.clear()

    def deliver(self, sends: Iterable[tuple[int, FromGateway]]) -> None:
        """Send the messages of a Turn, to each peer all at once."""
        batches: dict[int, list[FromGateway]] = {}
        for peer, message in sends:
            batches.setdefault(peer, []).append(message)
        for peer, messages in batches.items():
            self.send(peer, messages)

    def send(self, peer: int, messages: list[FromGateway]) -> None:
        """Send to one peer; nothing to a worker that is lost."""
        if peer == ENGINE:
            self._tell_engine(messages)
        elif peer == CLIENT:
            self._tell_client(messages)
        else:
            link = self.links.get(peer)
            if link is not None and not link.send(messages):  # type: ignore[arg-type]  # for a worker
                self._poller.change(link.fileno(), READ | WRITE)

    def flush(self, link: GatewayEnd) -> None:
        """Send what waits in a link; whatever then still does, once the link is ready."""
        self._poller.change(link.fileno(), READ if link.flush() else READ | WRITE)

    def _tell_engine(self, messages: list[FromGateway]) -> None:
        for message in messages:
            if isinstance(message, Kill):
                self._engine.kill(message.worker)

    def _tell_client(self, messages: list[FromGateway]) -> None:
        for message in messages:
            if isinstance(message, Kept):
                self._cancels.note_kept(message.calls)
            elif isinstance(message, Need):
                self._holdings.need(message)
            elif isinstance(message, Spill):
                self._holdings.spill(message)
            elif isinstance(message, Free):
                self._holdings.free(message)
            elif isinstance(message, Wanted):
                self._open_supply().offer(message.blob)

    def _open_supply(self) -> "Supply":
        if self._supply is None:
            # Only who has what a node lacks pays for this.
            from elsewhere.supply import Supply

            self._supply = Supply(self._directory, self._note)
        return self._supply
