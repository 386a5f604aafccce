"""A list of futures that behaves as one distributed object.

The work is in `elsewhere.pieces.works`; here are futures, how many elements each has, and which call
gets which of them.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from operator import index
from typing import Any, NoReturn, Self, SupportsIndex, TypeAlias, overload

from elsewhere.ambient import gather, run_here
from elsewhere.arguments import check_count
from elsewhere.checkpoints import read_checkpoint, write_checkpoint
from elsewhere.finished import finished_future
from elsewhere.future import Future
from elsewhere.in_force import in_force
from elsewhere.inline import Joined
from elsewhere.operators import Operators
from elsewhere.pieces import shuffling, works
from elsewhere.pieces.kinds import LISTS, SINGLE, join, kind_of
from elsewhere.pieces.places import shares
from elsewhere.store import Store

FAN_IN = 4
"""How many values one call of a tree makes one of."""
PACKED_AHEAD = 4
"""How many chunks are on their way to the store at once."""
Chunk: TypeAlias = Future[Any]


class Chunked(Joined, Operators):
    """Elements in chunks, each the value of a future: made with `split`, `read` or `of`.

    A chunk is a list, a numpy array, a pandas frame or series, an Arrow table or array. Its elements
    are its items or rows. Any other value counts as one element, so ``xs.map(sum)`` is a `Chunked` of
    as many numbers as there are chunks.

    Calls go to the pool in force, and run inline without one. They are sent before their inputs exist;
    what waits says so. Chunks come to the client in `gather`, `head`, iteration and ``xs[5]``.

    As the argument of a call it arrives joined to one value.
    """

    def __init__(self, chunks: Iterable[Chunk], lengths: Iterable[int] | None = None) -> None:
        self.chunks = tuple(chunks)
        """the futures of the chunks"""
        self._lengths = None if lengths is None else tuple(lengths)

    # ------------------------------------------------------------ making one

    @classmethod
    def of(cls, futures: Iterable[Chunk]) -> Self:
        """Of futures, each of a chunk."""
        chunks = tuple(futures)
        for position, chunk in enumerate(chunks):
            if not isinstance(chunk, Future):
                raise TypeError(
                    f"Chunked.of takes elsewhere's futures; number {position} is {chunk!r}"
                )
        return cls(chunks)

    @classmethod
    def split(cls, values: Any, parts: int) -> Self:
        """Of values that are here, in `parts` chunks whose lengths differ by one at most.

        `values`: what can be a chunk, or another iterable, of which a list is made.
        """
        check_count("parts", parts)
        kind = kind_of(values)
        if kind is SINGLE:
            values = list(values)
            kind = LISTS
        total = kind.length(values)
        ends = [total * part // parts for part in range(parts + 1)]
        spans = list(pairwise(ends))
        chunks = [send(works.same, kind.cut(values, slice(*span))) for span in spans]
        return cls(chunks, (end - begin for begin, end in spans))

    @classmethod
    def read(cls, paths: Iterable[str | os.PathLike[str]], reader: Callable[[Any], Any]) -> Self:
        """Of files: ``reader(path)`` makes a chunk of each, on a worker."""
        if isinstance(paths, (str, bytes, os.PathLike)):
            raise TypeError(f"paths must be several paths, not the one {paths!r}")
        return cls(send(reader, path) for path in paths)

    # ------------------------------------------------------------ chunk by chunk

    def map(self, function: Callable[..., Any], *others: Any) -> Self:
        """``function(chunk, *chunks_of_others)``, chunk by chunk.

        Others that are `Chunked` are aligned: first chunk with first chunk. One with fewer chunks
        begins again from its first one, so the larger number must be a multiple of its own; else
        ValueError. Any other value, futures too, goes to every call as it is.
        """
        return type(self)(send(function, *row) for row in self._aligned(others))

    def operate(self, function: Callable[..., Any], *others: Any, swapped: bool = False) -> Self:
        """What Python's operators call: `function` is one of the module `operator`.

        Chunks are aligned as in `map`, and chunks that meet must have equal lengths. Of lists the
        elements meet, of anything else its own operator decides.
        """
        if not others:
            return type(self)(
                (send(works.operate_alone, function, c) for c in self.chunks), self._lengths
            )
        (other,) = others
        if isinstance(other, Chunked):
            rows = self._aligned(others)
            return type(self)(send(works.operate_both, function, *row) for row in rows)
        work = works.operate_swapped if swapped else works.operate_on
        return type(self)(send(work, function, chunk, other) for chunk in self.chunks)

    def zip(self, *others: "Chunked") -> Self:
        """Lists of tuples, of the elements at each position. Waits for the lengths.

        Raises ValueError unless all have the same length.
        """
        aligned = [other.align(self) for other in others]
        rows = zip(self.chunks, *(other.chunks for other in aligned), strict=True)
        return type(self)((send(works.pair, *row) for row in rows), self.lengths())

    def align(self, other: "Chunked") -> Self:
        """The same elements in chunks as long as `other`'s. Waits for the lengths.

        Raises ValueError unless both have the same length.
        """
        lengths, wanted = self.lengths(), other.lengths()
        if sum(lengths) != sum(wanted):
            raise ValueError(
                f"{sum(lengths)} elements cannot be aligned with {sum(wanted)}: there is one for each"
            )
        if lengths == wanted:
            return self
        chunks, begin = [], 0
        for length in wanted:
            chunks.append(self._assemble(begin, begin + length))
            begin += length
        return type(self)(chunks, wanted)

    def reduce(self, function: Callable[[Any, Any], Any]) -> Future[Any]:
        """The future of one value, of all chunks: ``function(left, right)`` makes one of two.

        By a tree of calls, so `function` must be associative: it meets neighbours in their order, but
        in any grouping. Raises TypeError if there are no chunks.
        """
        if not self.chunks:
            raise TypeError("reduce() of a Chunked without chunks")
        level = list(self.chunks)
        while len(level) > 1:
            groups = [level[start : start + FAN_IN] for start in range(0, len(level), FAN_IN)]
            level = [
                group[0] if len(group) == 1 else send(works.fold, function, *group)
                for group in groups
            ]
        return level[0]

    def shuffle(self, key: "shuffling.Key | Chunked" = None, parts: int | None = None) -> Self:
        """The same elements in `parts` chunks, by default as many as now, equal keys in one chunk.

        ``key``: a function of an element; the name of a column or a list of names; a `Chunked` of the
        keys, one for each element, with chunks as long; or None, if an element is its own key. Keys
        that are equal have equal hashes, in every process and run; missing keys of frames and tables
        are equal to each other. Within a part the elements keep their order.
        """
        count = len(self.chunks) if parts is None else parts
        if parts is not None:
            check_count("parts", parts)
        if isinstance(key, Chunked):
            if len(key.chunks) != len(self.chunks):
                raise ValueError(
                    f"{len(self.chunks)} chunks have {len(key.chunks)} chunks of keys: there is one "
                    "for each"
                )
            pairs = zip(self.chunks, key.chunks, strict=True)
            ordered = [send(shuffling.sort_by_keys, count, *pair) for pair in pairs]
        else:
            ordered = [send(shuffling.sort_by_key, key, count, chunk) for chunk in self.chunks]
        return type(self)(send(shuffling.join_part, part, *ordered) for part in range(count))

    # ------------------------------------------------------------ looking

    def gather(self) -> Any:
        """All elements as one value of the chunks' type, once all have come out.

        Of chunks that are one element each it is the list of them. Raises what a call raised, or an
        `ExceptionGroup` if several did.
        """
        return join(gather(*self.chunks))

    def head(self, elements: int = 5) -> Any:
        """The first `elements`, or all if there are fewer, as one value. Waits for the first chunks."""
        check_count("elements", elements, least=0)
        found: list[Any] = []
        for chunk in self.chunks:
            count, part = send(works.first, elements, chunk).result()
            if count or not found:
                found.append(part)
            elements -= count
            if not elements:
                break
        return join(found)

    def lengths(self) -> tuple[int, ...]:
        """How many elements each chunk has. Waits for the chunks, once."""
        if self._lengths is None:
            self._lengths = tuple(gather(*(send(works.count, chunk) for chunk in self.chunks)))
        return self._lengths

    def __len__(self) -> int:
        return sum(self.lengths())

    def __bool__(self) -> NoReturn:
        raise ValueError("a Chunked is neither true nor false: ask for len(xs), or reduce it")

    def __iter__(self) -> Iterator[Any]:
        for chunk in self.chunks:
            value = chunk.result()
            yield from kind_of(value).elements(value)

    @overload
    def __getitem__(self, where: slice) -> Self: ...
    @overload
    def __getitem__(self, where: SupportsIndex) -> Any: ...
    def __getitem__(self, where: Any) -> Any:
        """``xs[5]``: that element. ``xs[2:9]``: a `Chunked` of those. Waits for the lengths."""
        if isinstance(where, slice):
            return self._slice(range(len(self))[where])
        place = range(len(self))[index(where)]
        (share,) = shares(range(place, place + 1), self.lengths())
        return send(works.element, share.places.start, self.chunks[share.chunk]).result()

    def __repr__(self) -> str:
        return f"<elsewhere.Chunked of {len(self.chunks)} chunks>"

    def __reduce__(self) -> tuple[Any, ...]:
        return join, (list(self.chunks),)

    # ------------------------------------------------------------ keeping

    def checkpoint(self, name: str) -> None:
        """Keep all chunks in the pool's store as `name`; returns when that is written.

        Raises ValueError if the store has a checkpoint `name` of other values, which are those with
        other canonical bytes, or without any.
        """
        write_checkpoint(
            _store(),
            name,
            self._packed(),
            lambda *packed: bool(send(works.is_same, *packed).result()),
        )

    @classmethod
    def restore(cls, name: str) -> Self:
        """What `checkpoint` has kept as `name`, in the same chunks.

        Raises KeyError if there is none, `StoreError` if a chunk has been evicted.
        """
        return cls(send(works.unpack, payload) for payload in read_checkpoint(_store(), name))

    # ------------------------------------------------------------ how

    def _packed(self) -> Iterator[bytes]:
        under_way: list[Future[bytes]] = []
        for chunk in self.chunks:
            under_way.append(send(works.pack, chunk))
            if len(under_way) == PACKED_AHEAD:
                yield under_way.pop(0).result()
        for packed in under_way:
            yield packed.result()

    def _aligned(self, others: Sequence[Any]) -> list[list[Any]]:
        columns = [self, *others]
        counts = [len(column.chunks) for column in columns if isinstance(column, Chunked)]
        most = max(counts)
        for count in counts:
            if most and (not count or most % count):
                raise ValueError(
                    f"{count} chunks cannot be aligned with {most}: the larger number must be a "
                    "multiple of the smaller"
                )
        return [
            [c.chunks[n % len(c.chunks)] if isinstance(c, Chunked) else c for c in columns]
            for n in range(most)
        ]

    def _slice(self, wanted: range) -> Self:
        lengths = self.lengths()
        found = shares(wanted, lengths)
        if not found and self.chunks:  # an empty one says of which type the elements would be
            return type(self)([send(works.cut, slice(0, 0), self.chunks[0])], [0])
        chunks = [
            self.chunks[share.chunk]
            if share.places == range(lengths[share.chunk])
            else send(works.cut, share.as_slice(), self.chunks[share.chunk])
            for share in found
        ]
        return type(self)(chunks, (len(share.places) for share in found))

    def _assemble(self, begin: int, end: int) -> Chunk:
        part = self._slice(range(begin, end)).chunks
        return part[0] if len(part) == 1 else send(works.joined, *part)


def send(function: Callable[..., Any], *args: Any) -> Future[Any]:
    """As `elsewhere.spawn`; inline, the futures among `args` come as their values, too."""
    caller = in_force()
    if caller is not None:
        return caller.spawn(function, args, {})
    return finished_future(_run_with_values, (function, args), {})


def _run_with_values(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    return run_here(function, *[arg.result() if isinstance(arg, Future) else arg for arg in args])


def _store() -> Store:
    caller = in_force()
    store = None if caller is None else caller.store()
    if store is None:
        raise RuntimeError(
            "a checkpoint is in the store of a pool: use it in the `with` block of one, in the client"
        )
    return store
