"""Our own adapter: no option is given, as in a user's first program."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor

import elsewhere
from benchmarks.peer import WORKERS, Function, Idiom, Idioms, Map, Products, Script, Stream
from benchmarks.peers.executor import ExecutorPeer, products_by_closure
from elsewhere import Pool


class Elsewhere(ExecutorPeer):
    script = Script(
        package="elsewhere",
        imports="from elsewhere import Pool",
        open=f"pool = Pool({WORKERS})",
        first="value = pool.submit(function, 3).result()",
        all_workers="values = list(pool.map(function, range(8)))",
        close="pool.shutdown()",
    )

    def version(self) -> str:
        return elsewhere.__version__

    def make(self, initializer: Callable[[], None] | None = None) -> Executor:
        return Pool(WORKERS, initializer=initializer)

    def cheap_maps(self) -> Idioms[Map]:
        return {"default": Idiom(self._map_default)}

    def costly_maps(self) -> Idioms[Map]:
        return {"default": Idiom(self._map_default)}

    def products(self) -> Idioms[Products]:
        return {"closure": Idiom(products_by_closure(self._map_default))}

    def streams(self) -> Idioms[Stream]:
        return {"default": Idiom(self._stream_default)}

    def _map_default(self, function: Function, items: Iterable[object]) -> list[object]:
        return list(self._pool.map(function, items))

    def _stream_default(self, function: Function, items: Iterable[object]) -> Iterator[object]:
        return self._pool.map(function, items)
