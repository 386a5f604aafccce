"""What all peers with the interface of `concurrent.futures.Executor` have in common."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from time import sleep
from typing import Any

from benchmarks.functions import same, wait_at
from benchmarks.peer import (
    STREAM_CHUNKSIZE,
    WORKERS,
    Call,
    Function,
    Idiom,
    Idioms,
    Initialized,
    Map,
    MapVectors,
    Peer,
    Problem,
    Products,
    Queued,
    Stream,
    Submits,
)
from benchmarks.workload import check_equal, timed

CHUNKSIZES = (1000, 5000, 12500, 50000)
PRODUCTS_CHUNKSIZE = 50
POLL_SECONDS = 0.001


class ExecutorPeer(Peer):
    """An executor whose `map` sends single items unless told otherwise."""

    _pool: Executor

    def make(self, initializer: Callable[[], None] | None = None) -> Executor:
        """Return a new pool."""
        raise NotImplementedError

    def open(self) -> None:
        self._pool = self.make()
        list(self._pool.map(same, range(8)))

    def close(self) -> None:
        self._pool.shutdown()

    def submits(self) -> Idioms[Submits]:
        return {"submit": Idiom(self._submit_all)}

    def calls(self) -> Idioms[Call]:
        return {"submit": Idiom(lambda function, item: self._pool.submit(function, item).result())}

    def cheap_maps(self) -> Idioms[Map]:
        by_hand: dict[str, Idiom[Map]] = {
            f"chunksize {size}": Idiom(partial(self._map, chunksize=size)) for size in CHUNKSIZES
        }
        return {"default": Idiom(self._map, fewer=10), **by_hand}

    def costly_maps(self) -> Idioms[Map]:
        return {"default": Idiom(self._map)}

    def initialized(self) -> Idioms[Initialized]:
        return {"initializer": Idiom(self._initialized)}

    def streams(self) -> Idioms[Stream]:
        return {f"chunksize {STREAM_CHUNKSIZE}": Idiom(self._stream)}

    def queued(self) -> Idioms[Queued]:
        return {"submit": Idiom(self._queued)}

    def _submit_all(self, function: Function, count: int) -> list[Any]:
        futures = [self._pool.submit(function, item) for item in range(count)]
        return [future.result() for future in futures]

    def _map(self, function: Function, items: Sequence[Any], chunksize: int = 1) -> list[Any]:
        return list(self._pool.map(function, items, chunksize=chunksize))

    @contextmanager
    def _initialized(
        self, initializer: Callable[[], None], function: Function, items: Sequence[Any]
    ) -> Iterator[list[Any]]:
        with self.make(initializer) as pool:
            yield list(pool.map(function, items))

    def _queued(self, function: Function, count: int) -> float:
        with tempfile.NamedTemporaryFile() as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            waiting = [self._pool.submit(wait_at, gate.name) for _ in range(WORKERS)]
            while os.path.getsize(gate.name) < WORKERS:
                sleep(POLL_SECONDS)
            queueing, futures = timed(
                lambda: [self._pool.submit(function, item) for item in range(count)]
            )
            fcntl.flock(gate, fcntl.LOCK_UN)
            running, results = timed(lambda: [future.result() for future in futures])
            check_equal(results, list(range(count)))
            for future in waiting:
                future.result()
        return queueing + running

    def _stream(self, function: Function, items: Iterable[Any]) -> Iterator[Any]:
        return self._pool.map(function, items, chunksize=STREAM_CHUNKSIZE)


def products_by_closure(mapping: Map) -> Products:
    """Return the idiom that maps a function closing over the matrix."""

    @contextmanager
    def opened(problem: Problem) -> Iterator[MapVectors]:
        yield lambda vectors: mapping(problem.closure, vectors)

    return opened


def products_by_partial(mapping: Map) -> Products:
    """Return the idiom that binds the matrix as an argument of every call."""

    @contextmanager
    def opened(problem: Problem) -> Iterator[MapVectors]:
        yield lambda vectors: mapping(partial(problem.multiply, problem.matrix), vectors)

    return opened
