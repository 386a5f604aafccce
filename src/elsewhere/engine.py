"""The seam to whatever starts workers and keeps them."""

from collections.abc import Callable
from typing import Protocol

from elsewhere.calls.workers import Exit, Imported
from elsewhere.link import GatewayEnd


class Door(Protocol):
    """What an engine may ask of the host that it works for. Everything is called in its I/O thread."""

    def worker_started(self, worker: int, link: GatewayEnd, node: int = 0) -> None:
        """A worker was started on this machine, or another `node`; its messages will come by `link`."""

    def worker_lost(self, worker: int, how: Exit) -> None:
        """A worker has ended; its link is closed by the host."""

    def watch(self, fileno: int, ready: Callable[[], None]) -> None:
        """Call `ready` whenever `fileno` can be read, until `unwatch`."""

    def unwatch(self, fileno: int) -> None:
        """Stop watching."""

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` once, `seconds` from now."""


class Engine(Protocol):
    """Starts, counts and replaces workers, and nothing else."""

    def open(self, door: Door) -> None:
        """Begin to start workers. Returns before they are ready."""

    def kill(self, worker: int) -> None:
        """End a worker at once; `Door.worker_lost` follows."""

    def ready(self, worker: int) -> None:
        """A worker that was started takes calls."""

    def preload(self, what: Imported) -> None:
        """Workers that start from now on may have imported this from the start."""

    def close(self) -> None:
        """Replace no more workers. Idempotent."""

    def end(self) -> None:
        """End every process at once and wait until none is left. Idempotent."""
