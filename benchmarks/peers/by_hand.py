"""What one writes by hand, for a single purpose: processes, pipes and shared memory."""

import mmap
import multiprocessing
import platform
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmarks.fetching import Fetch, Fetched, Sent, copy_star
from benchmarks.peer import WORKERS, Idiom, Idioms, Peer, Pipeline, Stages


class ByHand(Peer):
    """A chunk is made, changed and reduced by one process: its values are where they are needed.

    Each process has two segments, which it uses again for every chunk and in every round.
    """

    script = None

    def __init__(self) -> None:
        self._links: list[Connection] = []
        self._processes: list[BaseProcess] = []
        self._chunk_bytes = 0

    def version(self) -> str:
        return f"Python {platform.python_version()}"

    def open(self) -> None:
        return

    def close(self) -> None:
        for link in self._links:
            link.send(None)
        for process in self._processes:
            process.join()
        self._links, self._processes = [], []

    def pipelines(self) -> Idioms[Pipeline]:
        return {"two processes, segments used again": Idiom(self._pipeline)}

    def fetches(self) -> Idioms[Fetch]:
        return {"each copies it and reads it again": Idiom(copying)}

    def _pipeline(self, stages: Stages) -> list[float]:
        if self._chunk_bytes != stages.chunk_bytes:
            self.close()
            self._start(stages.chunk_bytes)
        reduced = [0.0] * stages.chunks
        for first, link in enumerate(self._links):
            link.send((stages, first))
        for first, link in enumerate(self._links):
            reduced[first::WORKERS] = link.recv()
        return reduced

    def _start(self, chunk_bytes: int) -> None:
        self._chunk_bytes = chunk_bytes
        fork = multiprocessing.get_context("fork")
        for _ in range(WORKERS):
            # Made before the fork, so that this process could read them too.
            segments = mmap.mmap(-1, chunk_bytes), mmap.mmap(-1, chunk_bytes)
            here, there = fork.Pipe()
            process = fork.Process(target=serve, args=(there, *segments), daemon=True)
            process.start()
            there.close()
            self._links.append(here)
            self._processes.append(process)


def serve(link: Connection, source: mmap.mmap, target: mmap.mmap) -> None:
    """Take every WORKERS-th chunk of what is asked for, until there is no more to do."""
    while (asked := link.recv()) is not None:
        stages, first = asked
        made, changed = stages.view(source), stages.view(target)
        reduced = []
        for number in range(first, stages.chunks, WORKERS):
            made[:] = stages.make(number, stages.items)
            changed[:] = stages.change(made)
            reduced.append(stages.reduce(changed))
        link.send(reduced)


@contextmanager
def copying(nodes: int) -> Iterator[Callable[[Path], Fetched]]:
    """A star: everybody copies from the one source."""
    with tempfile.TemporaryDirectory() as root:
        folders = [Path(root) / str(number) for number in range(nodes)]
        for folder in folders:
            folder.mkdir()

        def fetch(path: Path) -> Fetched:
            copy_star(path, folders)
            sizes = [(folder / path.name).stat().st_size for folder in folders]
            return Fetched(sizes, Sent(copies=nodes, most=nodes))

        yield fetch
