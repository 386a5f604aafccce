"""Dask: a LocalCluster of single-threaded processes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import distributed

from benchmarks.functions import same
from benchmarks.peer import (
    WORKERS,
    Call,
    Function,
    Idiom,
    Idioms,
    Initialized,
    Inside,
    Map,
    MapVectors,
    Peer,
    Problem,
    Products,
    Script,
    Submits,
)

CHUNKSIZE = 50000


def fib(n: int) -> int:
    """Return the n-th Fibonacci number; every task but the smallest asks for two and waits."""
    if n < 2:
        return n
    with distributed.worker_client() as client:
        futures = [client.submit(fib, m, pure=False) for m in (n - 1, n - 2)]
        one, other = client.gather(futures)
    return int(one + other)


@contextmanager
def opened(workers: int) -> Iterator[Function]:
    with (
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield lambda function, *arguments: client.submit(function, *arguments, pure=False).result()


class Distributed(Peer):
    # The host and the port of the page keep everything on loopback and free of clashes.
    script = Script(
        package="distributed",
        imports="from distributed import Client, LocalCluster",
        open=f"cluster = LocalCluster(n_workers={WORKERS}, threads_per_worker=1, processes=True, "
        "host='127.0.0.1', dashboard_address='127.0.0.1:0'); client = Client(cluster)",
        first="value = client.submit(function, 3).result()",
        all_workers="values = client.gather(client.map(function, range(8)))",
        close="client.close(); cluster.close()",
    )
    _cluster: Any
    _client: Any

    def version(self) -> str:
        return str(distributed.__version__)

    def open_cluster(self) -> None:
        self._cluster = distributed.LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        )
        self._client = distributed.Client(self._cluster)

    def open(self) -> None:
        self.open_cluster()
        self._map(same, range(8))

    def close(self) -> None:
        self.close_cluster()

    def close_cluster(self) -> None:
        self._client.close()
        self._cluster.close()

    def submits(self) -> Idioms[Submits]:
        return {"submit": Idiom(self._submit_all, fewer=20)}

    def calls(self) -> Idioms[Call]:
        return {"submit": Idiom(self._call, fewer=10)}

    def cheap_maps(self) -> Idioms[Map]:
        return {
            "map": Idiom(self._map, fewer=100),
            f"lists of {CHUNKSIZE} by hand": Idiom(self._map_by_hand),
        }

    def costly_maps(self) -> Idioms[Map]:
        return {"map": Idiom(self._map)}

    def products(self) -> Idioms[Products]:
        return {"scatter": Idiom(self._products)}

    def initialized(self) -> Idioms[Initialized]:
        return {"run, then map (workers already up)": Idiom(self._initialized)}

    def insides(self) -> Idioms[Inside]:
        # Each task that waits keeps a thread of its own.
        return {"worker_client": Idiom(Inside(opened=opened, fib=fib), fewer=100)}

    def _submit_all(self, function: Function, count: int) -> list[Any]:
        futures = [self._client.submit(function, item, pure=False) for item in range(count)]
        return list(self._client.gather(futures))

    def _call(self, function: Function, item: int) -> Any:
        return self._client.submit(function, item, pure=False).result()

    def _map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        return list(self._client.gather(self._client.map(function, items, pure=False)))

    def _map_by_hand(self, function: Function, items: Sequence[Any]) -> list[Any]:
        def map_part(part: Sequence[Any]) -> list[Any]:
            return [function(item) for item in part]

        parts = [items[start : start + CHUNKSIZE] for start in range(0, len(items), CHUNKSIZE)]
        return [result for part in self._map(map_part, parts) for result in part]

    @contextmanager
    def _products(self, problem: Problem) -> Iterator[MapVectors]:
        def products(vectors: list[Any]) -> list[Any]:
            matrix = self._client.scatter(problem.matrix, broadcast=True)
            futures = [
                self._client.submit(problem.multiply, matrix, vector, pure=False)
                for vector in vectors
            ]
            return list(self._client.gather(futures))

        yield products

    @contextmanager
    def _initialized(
        self, initializer: Callable[[], None], function: Function, items: Sequence[Any]
    ) -> Iterator[list[Any]]:
        # Restarted workers have forgotten the initializer of the round before.
        self._client.run(initializer)
        yield self._map(function, items)
        self._client.restart()
