"""The seam between the gateway's host and a worker: a link carries batches of messages, in order."""

from collections.abc import Sequence
from typing import Protocol

from elsewhere.calls.messages import FromWorker, ToWorker


class LinkClosed(ConnectionError):
    """The other end of a link is gone."""


class GatewayEnd(Protocol):
    """The gateway's end. It never blocks: what the link cannot take yet waits in it."""

    def send(self, messages: Sequence[ToWorker]) -> bool:
        """Send a batch; False if part of it still waits in this end. Never raises for a dead peer."""

    def flush(self) -> bool:
        """Send what waits, as far as the link takes it; True when nothing waits any more."""

    def receive(self) -> list[FromWorker]:
        """What has arrived, perhaps nothing. Raises `LinkClosed`."""

    def fileno(self) -> int:
        """What to select on."""

    def close(self) -> None:
        """Close this end. Idempotent."""


class WorkerEnd(Protocol):
    """The worker's end. It blocks: the gateway never does, so two ends cannot wait for each other."""

    def send(self, messages: Sequence[FromWorker]) -> None:
        """Send a batch. Raises `LinkClosed`."""

    def receive(self, timeout: float | None = None) -> list[ToWorker]:
        """Wait up to `timeout` seconds (None: for ever, 0: not) for messages, perhaps none if something
        else that is watched became ready. Raises `LinkClosed`."""

    def watch(self, fileno: int) -> None:
        """Let `receive` end when `fileno` can be read, too."""

    def close(self) -> None:
        """Close this end in this process. Idempotent; whatever is done next raises `LinkClosed`."""
