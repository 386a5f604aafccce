"""The seam to whoever makes the engine of a pool."""

from collections.abc import Sequence
from typing import Protocol

from elsewhere.calls.workers import Setup
from elsewhere.engine import Engine
from elsewhere.node.process import NodeProcess


class EngineOf(Protocol):
    """What makes an engine."""

    @property
    def alike(self) -> bool:
        """Whether its workers see the files that this process sees, and have what is installed here."""

    def __call__(
        self, node: NodeProcess, workers: int, setup: Setup, *, preload: Sequence[str]
    ) -> Engine:
        """An engine with so many workers, each of which is told `setup`. `node` is this machine's, and
        imports the modules `preload` before it starts one."""
