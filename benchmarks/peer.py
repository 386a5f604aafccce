"""The seam between the workloads and the libraries that are measured."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from benchmarks.fetching import Fetch
from benchmarks.functions import set_up_large, work_after_set_up

WORKERS = 2
STREAM_CHUNKSIZE = 1000
"""Items in a chunk of a stream, where the library wants to be told."""

Function = Callable[..., Any]
Run = TypeVar("Run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A matrix that many vectors are multiplied by, in the forms that libraries can send.

    `closure(vector)` closes over the matrix, `multiply(matrix, vector)` takes it, and `kept(vector)`
    finds it in a global of the process that `keep()` was called in, or of one forked from it.
    """

    matrix: Any
    closure: Function
    multiply: Function
    keep: Callable[[], None]
    kept: Function


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """Calls inside calls: where they run, and the functions that make them in the library's way.

    `opened(workers)` starts a pool, and gives what calls one of the functions there with arguments.
    `fib(n)` asks for two calls and waits for both. What is None is measured of nobody but us:
    `fib_apart(n, path)` is the same of pure calls that all differ, `spread(count, seconds)` asks for
    many children at once, and `measure_descent(depth)` says how many bytes a parked call takes.
    `bogosity(seconds, jobs, level, notes)` is called here: all jobs ask for the same calls.
    """

    opened: Callable[[int], AbstractContextManager[Function]]
    fib: Function
    fib_apart: Function | None = None
    spread: Function | None = None
    measure_descent: Function | None = None
    bogosity: Function | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """What is done with each of `chunks` arrays of `items` numbers.

    `make(number, items)` makes one, `change(array)` makes another of it, and `reduce(array)` one
    number. `view(memory)` is an array of `chunk_bytes` in memory that can be written.
    """

    chunks: int
    items: int
    chunk_bytes: int
    make: Function
    change: Function
    reduce: Function
    view: Function


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """An array of which calls read one element each.

    `read(array, index)` takes it, and `read_kept(index)` finds it in a global of the process that
    `keep()` was called in, or of one forked from it.
    """

    array: Any
    read: Function
    keep: Callable[[], None]
    read_kept: Function


Inferences = Callable[[int], Mapping[str, float]]
"""the seconds of so many calls, by what is kept between them: "none", "disk" and "memory" """


@dataclass(frozen=True, slots=True)
class MapOfGiven:
    """A no-op that is given something, and a way to map it."""

    function: Function
    map: Callable[[Function, Sequence[Any]], list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table in `chunks` of `rows` each, of which the means by `key` of `value` are asked for.

    `make(number, rows)` makes a chunk, `add_up(chunk)` what `combine(*parts)` makes the means of.
    """

    chunks: int
    rows: int
    key: str
    value: str
    make: Function
    add_up: Function
    combine: Function


# What an idiom runs, by what it is used for.
Submits = Callable[[Function, int], list[Any]]
Call = Callable[[Function, int], Any]
Map = Callable[[Function, Sequence[Any]], list[Any]]
MapVectors = Callable[[list[Any]], list[Any]]
Products = Callable[[Problem], AbstractContextManager[MapVectors]]
Initialized = Callable[
    [Callable[[], None], Function, Sequence[Any]], AbstractContextManager[list[Any]]
]
Given = Callable[[Sequence[Any]], AbstractContextManager[list[Any]]]
# So many bytes are there for calls on so many workers; the value ends one process that has them, and
# gives the seconds until a call has them again.
Hold = Callable[[int, int], AbstractContextManager[Callable[[], float]]]
Stream = Callable[[Function, Iterable[Any]], Iterator[Any]]
CallEach = Callable[[Sequence[Any]], list[Any]]
Remembering = Callable[[Function, Path], AbstractContextManager[CallEach]]
# The seconds that so many calls took which all were queued before the first could begin.
Queued = Callable[[Function, int], float]
# The content name of a call with these arguments, in whatever form the library has it.
Hash = Callable[[tuple[Any, ...]], object]
# The value after so many calls of a function, each with the value of the one before; the first has 0.
Chain = Callable[[Function, int], Any]
# What was measured of so many calls that all wait before one can begin.
Graph = Callable[[int], Mapping[str, float]]
Pipeline = Callable[[Stages], list[Any]]
# The same with no more than so many bytes of shared memory, and a folder for the rest.
Spilling = Callable[[int, Path], AbstractContextManager[Pipeline]]
ReadEach = Callable[[Sequence[int]], list[Any]]
Share = Callable[[Shared], AbstractContextManager[ReadEach]]
Averages = Callable[[Table], dict[int, float]]
# Remembers the answer of a call in a folder; whether it was found there. Refused if it has no name.
Remember = Callable[[Path, Function, tuple[Any, ...], dict[str, Any]], bool]


class Refused(Exception):
    """The library says that it cannot tell whether an answer is still good."""


@dataclass(frozen=True, slots=True)
class Idiom(Generic[Run]):
    """One way to use a library. Rates of an idiom that is too slow for the workload's whole
    count come from `fewer` times fewer calls."""

    run: Run
    fewer: int = 1


Idioms = Mapping[str, Idiom[Run]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The shortest program of a library, as lines that use `function` (its argument squared).

    `package` is what `import` alone is measured with. `first` leaves the square of 3 in `value`, `all_workers` the squares of range(8) in `values`.
    """

    package: str
    imports: str
    open: str
    first: str
    all_workers: str
    close: str


class Peer(Protocol):
    """One library with `WORKERS` workers. What it does not offer is an empty mapping.

    `open_cluster` starts what a user of the library has running before a program starts (only
    the servers of Ray and Dask); `open` starts it and the pool, `close` ends both.
    """

    # None: the library has no workers to start.
    script: Script | None

    def version(self) -> str: ...

    def open(self) -> None: ...

    def close(self) -> None: ...

    def open_cluster(self) -> None:
        return

    def close_cluster(self) -> None:
        return

    def submits(self) -> Idioms[Submits]:
        """Return the ways to make many calls of one item each and collect their results."""
        return {}

    def calls(self) -> Idioms[Call]:
        """Return the ways to make one call and wait for it."""
        return {}

    def cheap_maps(self) -> Idioms[Map]:
        """Return the ways to map a function that takes no time over many items."""
        return {}

    def costly_maps(self) -> Idioms[Map]:
        """Return the ways to map a function that takes long over a few items."""
        return {}

    def products(self) -> Idioms[Products]:
        """Return the ways to multiply one matrix by many vectors; entering is not timed."""
        return {}

    def initialized(self) -> Idioms[Initialized]:
        """Return the ways to start a pool with an initializer and map; leaving is not timed."""
        return {}

    def given(self) -> Idioms[Given]:
        """Return the ways to start a pool and map a function that needs something large; leaving is not
        timed. Where there is no better one, an initializer keeps it in a global."""
        return {
            name: Idiom(partial(idiom.run, set_up_large, work_after_set_up))
            for name, idiom in self.initialized().items()
        }

    def maps_of_given(self) -> Idioms[MapOfGiven]:
        """Return the ways to map a no-op that is given something."""
        return {}

    def holds(self) -> Idioms[Hold]:
        """Return the ways to have something very large at hand on many workers."""
        return {}

    def inferences(self) -> Idioms[Inferences]:
        """Return the ways to keep what calls need between them: not at all, on disk and in memory."""
        return {}

    def streams(self) -> Idioms[Stream]:
        """Return the ways to map over a generator and take the results one by one, in order."""
        return {}

    def remembering(self) -> Idioms[Remembering]:
        """Return the ways to call a function whose results are remembered in a folder.

        What was called is written when the call of all items returns.
        """
        return {}

    def pure_calls(self) -> Idioms[Remembering]:
        """Return the ways to do the same as users of the library do, with workers where it has any.

        What was called is on the disk, safe from a power cut, when the call of all items returns;
        a way that cannot give that says so in its name.
        """
        return {}

    def insides(self) -> Idioms[Inside]:
        """Return the ways to make calls inside calls that wait for them."""
        return {}

    def queued(self) -> Idioms[Queued]:
        """Return the ways to queue many calls while all workers are kept busy."""
        return {}

    def chains(self) -> Idioms[Chain]:
        """Return the ways to give each call the future of the one before."""
        return {}

    def graphs(self) -> Idioms[Graph]:
        """Return the graphs of calls to be asked for, each measured in a process of its own."""
        return {}

    def pipelines(self) -> Idioms[Pipeline]:
        """Return the ways to make, change and reduce arrays, nothing through this process."""
        return {}

    def spilling(self) -> Idioms[Spilling]:
        """Return the ways to do it with little memory, all made before one is changed."""
        return {}

    def fetches(self) -> Idioms[Fetch]:
        """Return the ways to bring a file to nodes with a disk folder each."""
        return {}

    def shares(self) -> Idioms[Share]:
        """Return the ways to let calls read an array; entering is timed, leaving is not."""
        return {}

    def averages(self) -> Idioms[Averages]:
        """Return the ways to find the means of a table's groups."""
        return {}

    def hashes(self) -> Idioms[Hash]:
        """Return the ways to name the arguments of a call by their content."""
        return {}

    def remembers(self) -> Idioms[Remember]:
        """Return the ways to remember the answer of a function across processes."""
        return {}
