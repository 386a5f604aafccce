"""Pools with several nodes on one machine, each with a directory of its own, as if they were machines.

Nothing is taken to be on them that is here: modules, files and blobs reach them as they would reach
another machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from elsewhere.calls.wire import replace
from elsewhere.calls.workers import Exit, Imported, Setup
from elsewhere.engine import Door, Engine
from elsewhere.engines.local import LocalEngine
from elsewhere.gateway.sources import Sources
from elsewhere.link import GatewayEnd
from elsewhere.node.process import NodeProcess
from elsewhere.pool import Pool
from elsewhere.segments.directory import remove_directory


class PoolOfNodes(Pool):
    """A `Pool` with `workers` on each of so many nodes, which find modules in `path` (None: as here).

    With `sees_files` they may take a file for the client's that is where the client has it, as on
    machines that share a file system. `options` are those of `Pool`.
    """

    def __init__(
        self,
        nodes: int,
        workers: int = 1,
        *,
        path: list[str] | None = None,
        sees_files: bool = False,
        **options: Any,
    ) -> None:
        self._engine_of = Nodes(nodes, path, sees_files)
        super().__init__(nodes * workers, **options)

    @property
    def sources(self) -> Sources:
        """Who has which blob, and has handed it to how many."""
        return self._session._host._gateway.sources


@dataclass(frozen=True)
class Nodes:
    """`elsewhere.engines.making.EngineOf`."""

    count: int
    path: list[str] | None
    sees_files: bool
    alike: bool = False

    def __call__(
        self, node: NodeProcess, workers: int, setup: Setup, *, preload: Sequence[str]
    ) -> Engine:
        return SeveralNodes(
            self,
            node,
            workers,
            replace(setup, sees_files=self.sees_files, names_files=True),
            preload,
        )


class SeveralNodes:
    """`elsewhere.engine.Engine`: an engine for each node. That of this machine has no workers."""

    def __init__(
        self,
        nodes: Nodes,
        node: NodeProcess,
        workers: int,
        setup: Setup,
        preload: Sequence[str],
    ) -> None:
        self._node = node
        numbers = count(1)
        self._engines = [
            LocalEngine(
                NodeProcess(path=nodes.path),
                workers // nodes.count,
                setup,
                preload=preload,
                numbers=numbers,
            )
            for _ in range(nodes.count)
        ]
        self._engine_of: dict[int, LocalEngine] = {}

    def open(self, door: Door) -> None:
        for number, engine in enumerate(self._engines, 1):
            engine.open(NodeDoor(door, number, engine, self._engine_of))

    def kill(self, worker: int) -> None:
        self._engine_of[worker].kill(worker)

    def preload(self, what: Imported) -> None:
        for engine in self._engines:
            engine.preload(what)

    def ready(self, worker: int) -> None:
        self._engine_of[worker].ready(worker)

    def close(self) -> None:
        for engine in self._engines:
            engine.close()

    def end(self) -> None:
        for engine in self._engines:
            engine.end()
        self._node.end()
        remove_directory(self._node.directory)


class NodeDoor:
    """`elsewhere.engine.Door` of one node, which notes whose its workers are."""

    def __init__(
        self, door: Door, node: int, engine: LocalEngine, engine_of: dict[int, LocalEngine]
    ) -> None:
        self._door = door
        self._node = node
        self._engine = engine
        self._engine_of = engine_of
        self.watch = door.watch
        self.unwatch = door.unwatch
        self.later = door.later

    def worker_started(self, worker: int, link: GatewayEnd, node: int = 0) -> None:
        self._engine_of[worker] = self._engine
        self._door.worker_started(worker, link, self._node)

    def worker_lost(self, worker: int, how: Exit) -> None:
        self._door.worker_lost(worker, how)
