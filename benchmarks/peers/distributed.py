"""Dask: a LocalCluster of single-threaded processes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import distributed

from benchmarks.functions import same
from benchmarks.peer import (
    WORKERS,
    Averages,
    Call,
    Chain,
    Function,
    Idiom,
    Idioms,
    Initialized,
    Inside,
    Map,
    MapVectors,
    Peer,
    Pipeline,
    Problem,
    Products,
    Script,
    Share,
    Spilling,
    Submits,
    Table,
)
from benchmarks.peers.flow import Flow

CHUNKSIZE = 50000
IDLE_WORKER_BYTES = 100_000_000
"""What a worker holds that has done nothing, for Dask counts all memory of a worker."""


def fib(n: int) -> int:
    """Return the n-th Fibonacci number; every task but the smallest asks for two and waits."""
    if n < 2:
        return n
    with distributed.worker_client() as client:
        futures = [client.submit(fib, m, pure=False) for m in (n - 1, n - 2)]
        one, other = client.gather(futures)
    return int(one + other)


def local_cluster(workers: int, **options: Any) -> Any:
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        **options,
    )


@contextmanager
def opened(workers: int) -> Iterator[Function]:
    with local_cluster(workers) as cluster, distributed.Client(cluster) as client:
        yield lambda function, *arguments: client.submit(function, *arguments, pure=False).result()


def flow_in(client: Any, *, broadcast: bool = False) -> Flow:
    return Flow(
        submit=partial(client.submit, pure=False),
        gather=client.gather,
        wait=distributed.wait,
        put=partial(client.scatter, broadcast=broadcast, hash=False),
    )


@contextmanager
def spilling(budget: int, folder: Path) -> Iterator[Pipeline]:
    limit = budget // WORKERS + IDLE_WORKER_BYTES
    with (
        local_cluster(WORKERS, memory_limit=limit, local_directory=str(folder)) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield flow_in(client).pipeline_all_made


def means(table: Table, **options: int) -> dict[int, float]:
    # It needs pandas, which is not there for the other workloads.
    from dask import dataframe

    frame = dataframe.from_map(
        table.make, range(table.chunks), rows=table.rows, meta=table.make(0, table.rows).iloc[:0]
    )
    found: dict[int, float] = (
        frame.groupby(table.key)[table.value].mean(**options).compute().to_dict()
    )
    return found


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
        self._cluster = local_cluster(WORKERS)
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

    def chains(self) -> Idioms[Chain]:
        return {"submit": Idiom(flow_in(self._client).chain, fewer=50)}

    def pipelines(self) -> Idioms[Pipeline]:
        return {"submit": Idiom(flow_in(self._client).pipeline)}

    def spilling(self) -> Idioms[Spilling]:
        return {"submit": Idiom(spilling)}

    def shares(self) -> Idioms[Share]:
        return {
            "scatter": Idiom(flow_in(self._client).share),
            "scatter, broadcast": Idiom(flow_in(self._client, broadcast=True).share),
        }

    def averages(self) -> Idioms[Averages]:
        return {
            "dask.dataframe": Idiom(means),
            # By default the groups are shuffled, of which there could be many.
            "dask.dataframe, split_out 1": Idiom(partial(means, split_out=1)),
        }

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
