"""Our own adapter: no option is given, as in a user's first program."""

import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, wait
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from hashlib import blake2b
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

import elsewhere
from benchmarks import graphs, inside
from benchmarks.fetching import Fetch, Fetched, Sent
from benchmarks.functions import same
from benchmarks.given import fill_array, fill_bytes, given_of, same_given, work_given
from benchmarks.peer import (
    WORKERS,
    Averages,
    CallEach,
    Chain,
    Function,
    Given,
    Graph,
    Hash,
    Hold,
    Idiom,
    Idioms,
    Inferences,
    Inside,
    Map,
    MapOfGiven,
    Pipeline,
    Products,
    Refused,
    Remember,
    Remembering,
    Script,
    Share,
    Spilling,
    Stream,
)
from benchmarks.peers.executor import ExecutorPeer, products_by_closure
from benchmarks.peers.flow import Flow
from benchmarks.workload import WrongResult, check_equal
from elsewhere import NoKey, Pool
from elsewhere.calls.messages import Verdict
from elsewhere.keys.key import key_of
from elsewhere.store import KEY_BYTES, Acknowledge
from elsewhere.store import Remember as Row
from elsewhere.stores.opening import open_store
from elsewhere.testing.nodes import PoolOfNodes

STAY_SECONDS = 0.05
"""How long a call stays that looks at a file, so that each node has one of them."""

HOLD_SECONDS = 0.3
"""How long calls take that are to be on all workers at once."""


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

    def given(self) -> Idioms[Given]:
        return {"Depends": Idiom(mapping_given)}

    def maps_of_given(self) -> Idioms[MapOfGiven]:
        return {"Depends": Idiom(MapOfGiven(same_given, self._map_default))}

    def holds(self) -> Idioms[Hold]:
        return {
            "node, bytearray": Idiom(partial(hold, partial(given_of, fill_bytes))),
            "node, numpy": Idiom(partial(hold, partial(given_of, fill_array))),
        }

    def inferences(self) -> Idioms[Inferences]:
        return {"Depends": Idiom(infer)}

    def streams(self) -> Idioms[Stream]:
        return {"default": Idiom(self._stream_default)}

    def remembering(self) -> Idioms[Remembering]:
        return {
            str(level): Idiom(partial(remembering, level))
            for level in (Acknowledge.DURABLE, Acknowledge.CRASH)
        }

    def pure_calls(self) -> Idioms[Remembering]:
        return {"Pool.map": Idiom(mapping_pure), "spawn": Idiom(spawning_pure)}

    def insides(self) -> Idioms[Inside]:
        return {
            "spawn": Idiom(
                Inside(
                    opened=opened,
                    fib=inside.fib,
                    fib_apart=inside.fib_apart,
                    spread=inside.spread,
                    measure_descent=inside.measure_descent,
                    bogosity=inside.bogosity,
                )
            )
        }

    def chains(self) -> Idioms[Chain]:
        return {"submit": Idiom(flow_in(self._pool).chain)}

    def graphs(self) -> Idioms[Graph]:
        return {name: Idiom(partial(graphs.measure, name)) for name in graphs.GRAPHS}

    def pipelines(self) -> Idioms[Pipeline]:
        return {"submit": Idiom(flow_in(self._pool).pipeline)}

    def spilling(self) -> Idioms[Spilling]:
        return {"submit": Idiom(spilling)}

    def fetches(self) -> Idioms[Fetch]:
        return {"file": Idiom(fetching)}

    def shares(self) -> Idioms[Share]:
        return {"put": Idiom(flow_in(self._pool).share)}

    def averages(self) -> Idioms[Averages]:
        return {"submit": Idiom(flow_in(self._pool).means)}

    def hashes(self) -> Idioms[Hash]:
        return {"key_of": Idiom(lambda arguments: key_of(same, arguments))}

    def remembers(self) -> Idioms[Remember]:
        return {"key_of": Idiom(remember)}

    def _map_default(self, function: Function, items: Iterable[object]) -> list[object]:
        return list(self._pool.map(function, items))

    def _stream_default(self, function: Function, items: Iterable[object]) -> Iterator[object]:
        return self._pool.map(function, items)


@contextmanager
def mapping_given(items: Sequence[Any]) -> Iterator[list[Any]]:
    with Pool(WORKERS) as pool:
        yield list(pool.map(work_given, items))


def infer(calls: int) -> dict[str, float]:
    """As the example does; each level has to classify all pictures alike."""
    from examples import inference

    with TemporaryDirectory() as folder:
        path = Path(folder) / "forest.pickle"
        pictures, _ = inference.train(path, calls)
        seconds: dict[str, float] = {}
        found: list[list[list[int]]] = []
        for level in inference.LEVELS:
            seconds[level], results = inference.measure(level, WORKERS, path, pictures)
            found.append([result.tolist() for result in results])
    if found != found[:1] * len(found):
        raise WrongResult("not all levels give the same")
    return seconds


def flow_in(pool: Any) -> Flow:
    def put(value: object) -> Any:
        return pool.put(value)

    return Flow(
        submit=pool.submit,
        gather=lambda futures: [future.result() for future in futures],
        wait=wait,
        put=put,
    )


@contextmanager
def hold(give: Callable[[int], Function], size: int, workers: int) -> Iterator[Callable[[], float]]:
    use = give(size)
    with Pool(workers) as pool:
        processes: set[int] = set()
        while len(processes) < workers:
            futures = [pool.submit(use, HOLD_SECONDS) for _ in range(workers)]
            processes.update(future.result() for future in futures)

        def start() -> float:
            for process in processes:
                os.kill(process, signal.SIGKILL)
            # The node and the worker have seen that it has ended.
            pool.submit(sleep, HOLD_SECONDS).result()
            started = perf_counter()
            if pool.submit(use, 0.0).result() in processes:
                raise WrongResult("a process that was killed still answers")
            return perf_counter() - started

        yield start


@contextmanager
def spilling(budget: int, _: Path) -> Iterator[Pipeline]:
    options: dict[str, Any] = {"shared_memory": budget}
    with Pool(WORKERS, **options) as pool:
        yield flow_in(pool).pipeline_all_made


@contextmanager
def fetching(nodes: int) -> Iterator[Callable[[Path], Fetched]]:
    """Nodes of one machine, which see no file of this process, as if they were others."""
    with PoolOfNodes(nodes) as pool:
        # One call at a time for each, so that each node has one.
        options: dict[str, Any] = {"chunksize": 1}
        check_equal(list(pool.map(abs, range(8 * nodes), **options)), list(range(8 * nodes)))

        def fetch(path: Path) -> Fetched:
            file = elsewhere.file(path)
            sizes = dict(pool.map(size_of_file, [file] * nodes, **options))
            peers = [source.peers for source in pool.sources.blobs[file.name].sources.values()]
            return Fetched(list(sizes.values()), Sent(copies=sum(peers), most=max(peers)))

        yield fetch


def size_of_file(file: elsewhere.DataFile) -> tuple[int, int]:
    """The node, by the process that has forked this worker, and what it has of the file."""
    size = os.stat(file).st_size
    sleep(STAY_SECONDS)
    return os.getppid(), size


@contextmanager
def remembering(level: Acknowledge, function: Function, folder: Path) -> Iterator[CallEach]:
    """The store by itself: keys of our own making, calls in this process."""
    name = f"{function.__module__}.{function.__qualname__}"
    with closing(open_store(folder / "results.db", level)) as store:

        def call(item: object, said: "SimpleQueue[BaseException | None]") -> object:
            arguments = pickle.dumps(item)
            key = blake2b(arguments, digest_size=KEY_BYTES).digest()
            found = store.get(key)
            if found is not None:
                said.put(None)
                return pickle.loads(found.payload)
            value = function(item)
            store.write([Row(key, name, Verdict.VALUE, pickle.dumps(value), 0.0)], said.put)
            return value

        def call_each(items: Sequence[object]) -> list[object]:
            said: SimpleQueue[BaseException | None] = SimpleQueue()
            values = [call(item, said) for item in items]
            for _ in items:
                problem = said.get()
                if problem is not None:
                    raise problem
            return values

        yield call_each


def mapping_pure(function: Function, folder: Path) -> AbstractContextManager[CallEach]:
    """A map of a pure task, in a pool with a store."""
    return opened_with_store(function, folder, lambda pool, task, items: pool.map(task, items))


def spawning_pure(function: Function, folder: Path) -> AbstractContextManager[CallEach]:
    """All calls of a pure task first, then all results."""

    def call_each(_: Pool, task: Function, items: Sequence[object]) -> Iterator[object]:
        futures = [elsewhere.spawn(task, item) for item in items]
        return (future.result() for future in futures)

    return opened_with_store(function, folder, call_each)


@contextmanager
def opened_with_store(
    function: Function,
    folder: Path,
    call: Callable[[Pool, Function, Sequence[object]], Iterator[object]],
) -> Iterator[CallEach]:
    """What is in the store already must not run again: that is asked of the pool's record."""
    task = elsewhere.task(pure=True)(function)
    path = folder / "results.db"
    remembered = path.exists()
    with Pool(WORKERS, store=path, record=remembered) as pool:
        pool.submit(same, 0).result()
        ran = len(pool.timeline()) if remembered else 0

        def call_each(items: Sequence[object]) -> list[object]:
            values = list(call(pool, task, items))
            if remembered and len(pool.timeline()) > ran:
                raise WrongResult("calls that were remembered ran again")
            return values

        yield call_each


@contextmanager
def opened(workers: int) -> Iterator[Function]:
    with Pool(workers) as pool:
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


def remember(
    folder: Path, function: Function, args: tuple[object, ...], kwargs: dict[str, object]
) -> bool:
    try:
        place = folder / key_of(function, args, kwargs).hex()
    except NoKey as error:
        raise Refused(str(error)) from error
    found = place.exists()
    place.touch()
    return found
