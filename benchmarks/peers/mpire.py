"""mpire: forked workers, a map that splits by itself."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import mpire

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

STREAM_ITEMS_IN_FLIGHT = 8000


class Mpire(ApplyPeer):
    script = Script(
        package="mpire",
        imports="from mpire import WorkerPool",
        open=f"pool = WorkerPool({WORKERS}, keep_alive=True, start_method='fork')",
        first="value = pool.apply(function, (3,))",
        all_workers="values = pool.map(function, range(8))",
        close="pool.stop_and_join(); pool.terminate()",
    )

    def version(self) -> str:
        return version("mpire")

    def open(self) -> None:
        self._pool = mpire.WorkerPool(WORKERS, keep_alive=True, start_method="fork")
        self._pool.map(same, range(8))

    def close(self) -> None:
        self._pool.stop_and_join()
        self._pool.terminate()

    def cheap_maps(self) -> Idioms[Map]:
        return {
            "default": Idiom(self._map),
            "chunk_size 1000": Idiom(
                lambda function, items: self._map(function, items, chunk_size=1000)
            ),
        }

    def costly_maps(self) -> Idioms[Map]:
        return {"default": Idiom(self._map)}

    def products(self) -> Idioms[Products]:
        return {"shared_objects": Idiom(self._products)}

    def shares(self) -> Idioms[Share]:
        return {"shared_objects": Idiom(self._share)}

    def initialized(self) -> Idioms[Initialized]:
        return {"worker_init": Idiom(self._initialized)}

    def streams(self) -> Idioms[Stream]:
        return {f"imap, chunk_size {STREAM_CHUNKSIZE}": Idiom(self._stream)}

    def _map(self, function: Function, items: Sequence[Any], **options: int) -> list[Any]:
        return list(self._pool.map(function, items, **options))

    @contextmanager
    def _products(self, problem: Problem) -> Iterator[MapVectors]:
        def multiply_shared(matrix: Any, vector: Any) -> Any:
            return problem.multiply(matrix, vector)

        with mpire.WorkerPool(
            WORKERS, shared_objects=problem.matrix, keep_alive=True, start_method="fork"
        ) as pool:
            # By default mpire joins the results of arrays into one; the list is what is compared.
            yield lambda vectors: pool.map(
                multiply_shared, [(vector,) for vector in vectors], concatenate_numpy_output=False
            )

    @contextmanager
    def _share(self, shared: Shared) -> Iterator[ReadEach]:
        with mpire.WorkerPool(
            WORKERS, shared_objects=shared.array, keep_alive=True, start_method="fork"
        ) as pool:
            yield lambda indices: list(pool.map(shared.read, [(index,) for index in indices]))

    @contextmanager
    def _initialized(
        self, initializer: Callable[[], None], function: Function, items: Sequence[Any]
    ) -> Iterator[list[Any]]:
        with mpire.WorkerPool(WORKERS, start_method="fork") as pool:
            yield pool.map(function, items, worker_init=initializer)

    def _stream(self, function: Function, items: Iterable[Any]) -> Iterator[Any]:
        results: Iterator[Any] = self._pool.imap(
            function,
            items,
            chunk_size=STREAM_CHUNKSIZE,
            max_tasks_active=STREAM_ITEMS_IN_FLIGHT,
        )
        return results
