"""Ray: tasks, actors, and its copy of multiprocessing's Pool."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray.util import ActorPool
from ray.util.multiprocessing import Pool

from benchmarks.functions import same
from benchmarks.peer import (
    STREAM_CHUNKSIZE,
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
    Stream,
    Submits,
)
from benchmarks.peers.flow import Flow


def fib(n: int) -> int:
    """Return the n-th Fibonacci number; every task but the smallest asks for two and waits."""
    if n < 2:
        return n
    one, other = ray.get([fib_task.remote(n - 1), fib_task.remote(n - 2)])
    return int(one + other)


fib_task: Any = ray.remote(fib)


@contextmanager
def opened(workers: int) -> Iterator[Function]:
    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    try:
        yield lambda remote, *arguments: ray.get(remote.remote(*arguments))
    finally:
        ray.shutdown()


class SetUpActor:
    """What `ActorPool` wants: a class whose instances live in the workers."""

    def __init__(self, initializer: Callable[[], None]) -> None:
        initializer()

    def call(self, function: Function, item: Any) -> Any:
        return function(item)


class Ray(Peer):
    script = Script(
        package="ray",
        imports="import ray",
        open=f"ray.init(num_cpus={WORKERS}, include_dashboard=False)",
        first="value = ray.get(ray.remote(function).remote(3))",
        all_workers="remote = ray.remote(function); "
        "values = ray.get([remote.remote(item) for item in range(8)])",
        close="ray.shutdown()",
    )

    def __init__(self) -> None:
        self._pool: Any = None
        self._remotes: dict[Function, Any] = {}
        self._flow = Flow(
            submit=lambda function, *arguments: self._remote(function).remote(*arguments),
            gather=ray.get,
            wait=lambda refs: ray.wait(refs, num_returns=len(refs), fetch_local=False),
            put=ray.put,
        )

    def version(self) -> str:
        return str(ray.__version__)

    def open_cluster(self) -> None:
        ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)

    def open(self) -> None:
        self.open_cluster()
        self._tasks(same, range(8))

    def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()
        self.close_cluster()

    def close_cluster(self) -> None:
        ray.shutdown()

    def submits(self) -> Idioms[Submits]:
        return {"task": Idiom(lambda f, count: self._tasks(f, range(count)), fewer=10)}

    def calls(self) -> Idioms[Call]:
        return {"task": Idiom(lambda f, item: self._tasks(f, [item])[0], fewer=2)}

    def cheap_maps(self) -> Idioms[Map]:
        return {
            "util.multiprocessing": Idiom(self._map),
            "util.multiprocessing, chunksize 5000": Idiom(partial(self._map, chunksize=5000)),
        }

    def costly_maps(self) -> Idioms[Map]:
        return {"task": Idiom(self._tasks)}

    def products(self) -> Idioms[Products]:
        return {"put": Idiom(self._products)}

    def initialized(self) -> Idioms[Initialized]:
        return {"ActorPool (cluster already up)": Idiom(self._initialized)}

    def streams(self) -> Idioms[Stream]:
        return {f"util.multiprocessing imap, chunksize {STREAM_CHUNKSIZE}": Idiom(self._stream)}

    def insides(self) -> Idioms[Inside]:
        # Each task that waits keeps a process of its own.
        return {"tasks": Idiom(Inside(opened=opened, fib=fib_task), fewer=200)}

    def chains(self) -> Idioms[Chain]:
        return {"task": Idiom(self._flow.chain, fewer=10)}

    def pipelines(self) -> Idioms[Pipeline]:
        return {"task": Idiom(self._flow.pipeline)}

    def spilling(self) -> Idioms[Spilling]:
        return {"task": Idiom(self._spilling)}

    def shares(self) -> Idioms[Share]:
        return {"put": Idiom(self._flow.share)}

    def averages(self) -> Idioms[Averages]:
        return {"task": Idiom(self._flow.means)}

    @contextmanager
    def _spilling(self, budget: int, folder: Path) -> Iterator[Pipeline]:
        ray.init(
            num_cpus=WORKERS,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=budget,
            object_spilling_directory=str(folder),
        )
        try:
            yield self._flow.pipeline_all_made
        finally:
            ray.shutdown()
            # They were exported to the cluster that has ended.
            self._remotes.clear()

    def _tasks(self, function: Function, items: Iterable[Any]) -> list[Any]:
        remote = self._remote(function)
        return list(ray.get([remote.remote(item) for item in items]))

    def _remote(self, function: Function) -> Any:
        # A remote function is exported to the cluster anew each time that it is made.
        remote = self._remotes.get(function)
        if remote is None:
            remote = self._remotes[function] = ray.remote(function)
        return remote

    def _opened_pool(self) -> Any:
        # The pool's actors take both processors for themselves, so tasks could not run beside it.
        if self._pool is None:
            self._pool = Pool(WORKERS)
        return self._pool

    def _map(
        self, function: Function, items: Sequence[Any], chunksize: int | None = None
    ) -> list[Any]:
        return list(self._opened_pool().map(function, items, chunksize))

    def _stream(self, function: Function, items: Iterable[Any]) -> Iterator[Any]:
        results: Iterator[Any] = self._opened_pool().imap(function, items, STREAM_CHUNKSIZE)
        return results

    @contextmanager
    def _products(self, problem: Problem) -> Iterator[MapVectors]:
        def products(vectors: list[Any]) -> list[Any]:
            matrix = ray.put(problem.matrix)
            multiply = ray.remote(problem.multiply)
            return list(ray.get([multiply.remote(matrix, vector) for vector in vectors]))

        yield products

    @contextmanager
    def _initialized(
        self, initializer: Callable[[], None], function: Function, items: Sequence[Any]
    ) -> Iterator[list[Any]]:
        actor = ray.remote(SetUpActor)
        actors = [actor.remote(initializer) for _ in range(WORKERS)]
        pool = ActorPool(actors)
        yield list(pool.map(lambda one, item: one.call.remote(function, item), items))
        for one in actors:
            ray.kill(one)
