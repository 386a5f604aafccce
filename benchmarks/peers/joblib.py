"""joblib: `Parallel` on its default backend."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import joblib
from joblib.externals.loky import get_reusable_executor

from benchmarks.calls import watched
from benchmarks.functions import same
from benchmarks.peer import (
    WORKERS,
    Call,
    CallEach,
    Function,
    Hash,
    Idiom,
    Idioms,
    Initialized,
    Map,
    MapVectors,
    Peer,
    Problem,
    Products,
    ReadEach,
    Remember,
    Remembering,
    Script,
    Share,
    Shared,
    Stream,
    Submits,
)

STREAM_BATCH_SIZE = 5000


class Joblib(Peer):
    script = Script(
        package="joblib",
        imports="from joblib import Parallel, delayed",
        open=f"pool = Parallel(n_jobs={WORKERS})",
        first="value = pool([delayed(function)(3)])[0]",
        all_workers="values = pool(delayed(function)(item) for item in range(8))",
        close="",
    )

    def version(self) -> str:
        return str(joblib.__version__)

    def open(self) -> None:
        self._parallel(same, range(8))

    def close(self) -> None:
        get_reusable_executor().shutdown()

    def hashes(self) -> Idioms[Hash]:
        return {"hash": Idiom(joblib.hash)}

    def remembers(self) -> Idioms[Remember]:
        return {"Memory": Idiom(remember)}

    def submits(self) -> Idioms[Submits]:
        each = partial(self._parallel, batch_size=1, pre_dispatch="all")
        return {
            "Parallel(batch_size=1)": Idiom(lambda function, count: each(function, range(count)))
        }

    def calls(self) -> Idioms[Call]:
        return {"Parallel": Idiom(self._call, fewer=5)}

    def cheap_maps(self) -> Idioms[Map]:
        return {
            "default": Idiom(self._parallel),
            "batch_size 12500": Idiom(partial(self._parallel, batch_size=12500)),
        }

    def costly_maps(self) -> Idioms[Map]:
        return {
            "default": Idiom(self._parallel),
            "batch_size 1": Idiom(partial(self._parallel, batch_size=1)),
        }

    def products(self) -> Idioms[Products]:
        return {"automatic memory map": Idiom(self._products)}

    def shares(self) -> Idioms[Share]:
        return {"automatic memory map": Idiom(self._share)}

    def initialized(self) -> Idioms[Initialized]:
        return {"initializer": Idiom(self._initialized)}

    def streams(self) -> Idioms[Stream]:
        return {f"generator, batch_size {STREAM_BATCH_SIZE}": Idiom(self._stream)}

    def remembering(self) -> Idioms[Remembering]:
        # The whole count would take minutes.
        return {"Memory": Idiom(self._remembering, fewer=20)}

    def pure_calls(self) -> Idioms[Remembering]:
        # The whole count, though it takes long: a large folder is slower than a small one.
        return {"Memory, does not sync": Idiom(self._remembering)}

    def _call(self, function: Function, item: int) -> Any:
        return self._parallel(function, [item])[0]

    def _parallel(self, function: Function, items: Iterable[Any], **options: Any) -> list[Any]:
        parallel = joblib.Parallel(n_jobs=WORKERS, **options)
        return list(parallel(joblib.delayed(function)(item) for item in items))

    @contextmanager
    def _products(self, problem: Problem) -> Iterator[MapVectors]:
        def products(vectors: list[Any]) -> list[Any]:
            multiply = joblib.delayed(problem.multiply)
            return list(
                joblib.Parallel(n_jobs=WORKERS)(
                    multiply(problem.matrix, vector) for vector in vectors
                )
            )

        yield products

    @contextmanager
    def _share(self, shared: Shared) -> Iterator[ReadEach]:
        def read_each(indices: Sequence[int]) -> list[Any]:
            read = joblib.delayed(shared.read)
            parallel = joblib.Parallel(n_jobs=WORKERS)
            return list(parallel(read(shared.array, index) for index in indices))

        yield read_each

    @contextmanager
    def _initialized(
        self, initializer: Callable[[], None], function: Function, items: Sequence[Any]
    ) -> Iterator[list[Any]]:
        yield self._parallel(function, items, initializer=initializer)
        self.close()

    @contextmanager
    def _remembering(self, function: Function, folder: Path) -> Iterator[CallEach]:
        remembered = joblib.Memory(folder, verbose=0).cache(function)
        yield lambda items: [remembered(item) for item in items]

    def _stream(self, function: Function, items: Iterable[Any]) -> Iterator[Any]:
        parallel = joblib.Parallel(
            n_jobs=WORKERS,
            batch_size=STREAM_BATCH_SIZE,
            pre_dispatch=4 * STREAM_BATCH_SIZE,
            return_as="generator",
        )
        results: Iterator[Any] = parallel(joblib.delayed(function)(item) for item in items)
        return results


def remember(
    folder: Path, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    remembered = joblib.Memory(folder, verbose=0).cache(function)
    with watched(function) as runs:
        remembered(*args, **kwargs)
    return not runs
