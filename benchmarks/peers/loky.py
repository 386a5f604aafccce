"""loky: an executor that sends functions by value."""

from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial

import loky

from benchmarks.peer import WORKERS, Idiom, Idioms, Products, Script
from benchmarks.peers.executor import PRODUCTS_CHUNKSIZE, ExecutorPeer, products_by_closure


class Loky(ExecutorPeer):
    script = Script(
        package="loky",
        imports="from loky import get_reusable_executor",
        open=f"pool = get_reusable_executor({WORKERS})",
        first="value = pool.submit(function, 3).result()",
        all_workers="values = list(pool.map(function, range(8)))",
        close="pool.shutdown()",
    )

    def version(self) -> str:
        return str(loky.__version__)

    def make(self, initializer: Callable[[], None] | None = None) -> Executor:
        executor: Executor = loky.get_reusable_executor(WORKERS, initializer=initializer)
        return executor

    def products(self) -> Idioms[Products]:
        in_chunks = partial(self._map, chunksize=PRODUCTS_CHUNKSIZE)
        return {
            "closure": Idiom(products_by_closure(self._map), fewer=20),
            f"closure, chunksize {PRODUCTS_CHUNKSIZE}": Idiom(products_by_closure(in_chunks)),
        }
