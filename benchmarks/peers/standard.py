"""The standard library's two process pools."""

import multiprocessing
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing.pool import Pool
from typing import Any

from benchmarks.functions import same
from benchmarks.peer import (
    STREAM_CHUNKSIZE,
    WORKERS,
    Function,
    Idiom,
    Idioms,
    Initialized,
    Map,
    MapVectors,
    Problem,
    Products,
    ReadEach,
    Script,
    Share,
    Shared,
    Stream,
)
from benchmarks.peers.applying import ApplyPeer
from benchmarks.peers.executor import PRODUCTS_CHUNKSIZE, ExecutorPeer, products_by_partial


class Futures(ExecutorPeer):
    script = Script(
        package="concurrent.futures",
        imports="from concurrent.futures import ProcessPoolExecutor",
        open=f"pool = ProcessPoolExecutor({WORKERS})",
        first="value = pool.submit(function, 3).result()",
        all_workers="values = list(pool.map(function, range(8)))",
        close="pool.shutdown()",
    )

    def version(self) -> str:
        return f"Python {platform.python_version()}"

    def make(self, initializer: Callable[[], None] | None = None) -> Executor:
        return ProcessPoolExecutor(WORKERS, initializer=initializer)

    def products(self) -> Idioms[Products]:
        in_chunks = partial(self._map, chunksize=PRODUCTS_CHUNKSIZE)
        return {
            "global before the fork": Idiom(partial(self._products_forked, chunksize=1)),
            "partial": Idiom(products_by_partial(self._map), fewer=10),
            f"global before the fork, chunksize {PRODUCTS_CHUNKSIZE}": Idiom(
                partial(self._products_forked, chunksize=PRODUCTS_CHUNKSIZE)
            ),
            f"partial, chunksize {PRODUCTS_CHUNKSIZE}": Idiom(products_by_partial(in_chunks)),
        }

    def shares(self) -> Idioms[Share]:
        return {"global before the fork": Idiom(self._share_forked)}

    @contextmanager
    def _share_forked(self, shared: Shared) -> Iterator[ReadEach]:
        shared.keep()
        fork = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(WORKERS, mp_context=fork) as pool:
            yield lambda indices: list(pool.map(shared.read_kept, indices))

    @contextmanager
    def _products_forked(self, problem: Problem, chunksize: int) -> Iterator[MapVectors]:
        problem.keep()
        fork = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(WORKERS, mp_context=fork) as pool:
            list(pool.map(same, range(8)))
            yield lambda vectors: list(pool.map(problem.kept, vectors, chunksize=chunksize))


class MultiprocessingPool(ApplyPeer):
    script = Script(
        package="multiprocessing",
        imports="from multiprocessing import Pool",
        open=f"pool = Pool({WORKERS})",
        first="value = pool.apply(function, (3,))",
        all_workers="values = pool.map(function, range(8))",
        close="pool.terminate(); pool.join()",
    )
    _pool: Pool

    def version(self) -> str:
        return f"Python {platform.python_version()}"

    def open(self) -> None:
        self._pool = multiprocessing.Pool(WORKERS)
        self._pool.map(same, range(8))

    def close(self) -> None:
        self._pool.terminate()
        self._pool.join()

    def cheap_maps(self) -> Idioms[Map]:
        return {
            "default": Idiom(self._map),
            "chunksize 5000": Idiom(partial(self._map, chunksize=5000)),
        }

    def costly_maps(self) -> Idioms[Map]:
        return {
            "default": Idiom(self._map),
            "chunksize 1": Idiom(partial(self._map, chunksize=1)),
        }

    def products(self) -> Idioms[Products]:
        return {"global before the fork": Idiom(self._products_forked)}

    def initialized(self) -> Idioms[Initialized]:
        return {"initializer, chunksize 1": Idiom(self._initialized)}

    def streams(self) -> Idioms[Stream]:
        return {f"imap, chunksize {STREAM_CHUNKSIZE}": Idiom(self._stream)}

    def _map(
        self, function: Function, items: Sequence[Any], chunksize: int | None = None
    ) -> list[Any]:
        return self._pool.map(function, items, chunksize)

    @contextmanager
    def _products_forked(self, problem: Problem) -> Iterator[MapVectors]:
        problem.keep()
        with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
            pool.map(same, range(8))
            yield lambda vectors: pool.map(problem.kept, vectors)

    @contextmanager
    def _initialized(
        self, initializer: Callable[[], None], function: Function, items: Sequence[Any]
    ) -> Iterator[list[Any]]:
        with multiprocessing.Pool(WORKERS, initializer) as pool:
            yield pool.map(function, items, 1)

    def _stream(self, function: Function, items: Iterable[Any]) -> Iterator[Any]:
        return self._pool.imap(function, items, STREAM_CHUNKSIZE)
