"""The demo's work: measure every file on the workers, then a sample of them on one core."""

import gc
import heapq
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Protocol

from elsewhere.calls.span import Span
from elsewhere.demo.collect import Collection
from elsewhere.demo.complexity import (
    FailureKind,
    FailureRecord,
    FunctionRecord,
    ModuleRecord,
    Source,
    analyse,
)

TOP_COUNT = 10
SAMPLE_SEED = 1976
# The sample is an eighth of all bytes within these bounds: some three seconds of work at most.
_SAMPLE_BYTES_MIN = 2**20
_SAMPLE_BYTES_MAX = 12 * 2**20

# McCabe's own limit (section IV of his paper), beyond which a module is to be split or explained.
COMPLEXITY_LIMIT = 10

Outcome = ModuleRecord | FailureRecord


class RecordingPool(Protocol):
    """What the survey needs of a pool that was opened with ``record=True``."""

    @property
    def workers(self) -> int: ...

    def map(
        self,
        fn: Callable[[Source], Outcome],
        iterable: Sequence[Source],
        /,
        *,
        progress: bool | str,
    ) -> Iterator[Outcome]: ...

    def timeline(self) -> Sequence[Span]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Files that one process measured alone, and the seconds that each of them took."""

    sources: tuple[Source, ...]
    seconds_each: tuple[float, ...]
    seed: int

    @property
    def bytes(self) -> int:
        return sum(source.bytes for source in self.sources)

    @property
    def seconds(self) -> float:
        return sum(self.seconds_each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimated time and its standard error, both in seconds."""

    seconds: float
    error_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerShare:
    """What one worker did. ``share`` is its part of all busy seconds, between 0 and 1."""

    worker: int
    calls: int
    files: int
    busy_seconds: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over all files; ``files`` and ``bytes`` include those that could not be parsed."""

    files: int
    parsed: int
    bytes: int
    lines: int
    functions: int
    classes: int
    statements: int
    over_limit: int


@dataclass(frozen=True, kw_only=True)
class Survey:
    """All that the demo found out. ``began`` is on the clock of the spans, `time.monotonic`.

    ``elapsed_seconds`` runs from before the pool was opened until the last result had arrived.
    """

    collection: Collection
    modules: tuple[ModuleRecord, ...]
    failures: tuple[FailureRecord, ...]
    workers: int
    began: float
    elapsed_seconds: float
    spans: tuple[Span, ...]
    sample: Sample

    @cached_property
    def totals(self) -> Totals:
        functions = [function for module in self.modules for function in module.functions]
        return Totals(
            files=len(self.modules) + len(self.failures),
            parsed=len(self.modules),
            bytes=sum(module.bytes for module in self.modules)
            + sum(failure.bytes for failure in self.failures),
            lines=sum(module.lines for module in self.modules),
            functions=len(functions),
            classes=sum(module.classes for module in self.modules),
            statements=sum(module.statements for module in self.modules),
            over_limit=sum(function.complexity > COMPLEXITY_LIMIT for function in functions),
        )

    @cached_property
    def top(self) -> tuple[tuple[ModuleRecord, FunctionRecord], ...]:
        """The most complex functions, the most complex first; of equals the longest, then by name."""
        pairs = [(module, function) for module in self.modules for function in module.functions]
        return tuple(heapq.nsmallest(TOP_COUNT, pairs, key=_rank))

    @cached_property
    def failures_by_kind(self) -> dict[FailureKind, tuple[FailureRecord, ...]]:
        """The failures of each kind that occurred, in the order of `FailureKind`."""
        kinds = {failure.kind for failure in self.failures}
        return {
            kind: tuple(failure for failure in self.failures if failure.kind is kind)
            for kind in FailureKind
            if kind in kinds
        }

    @cached_property
    def shares(self) -> tuple[WorkerShare, ...]:
        return worker_shares(self.spans)

    @cached_property
    def one_core(self) -> Estimate:
        """What one core would have taken for all files."""
        return extrapolate(self.sample, self.collection)

    @property
    def speed_up(self) -> float:
        """How many times as fast the pool was as one core; 0 where nothing was measured."""
        return self.one_core.seconds / self.elapsed_seconds if self.elapsed_seconds else 0.0


def _rank(pair: tuple[ModuleRecord, FunctionRecord]) -> tuple[int, int, str, int]:
    module, function = pair
    return -function.complexity, -function.lines, module.module, function.line


def take_survey(
    collection: Collection,
    open_pool: Callable[[], AbstractContextManager[RecordingPool]],
    *,
    progress: bool | str = False,
    on_sample: Callable[[Sequence[Source]], None] = lambda sources: None,
) -> Survey:
    """Measure all files of ``collection`` in the pool, then a sample in this process.

    The sample comes last, when the workers are gone and the files are in the system's cache: that
    favours one core, so the speed-up is not flattered. ``on_sample`` is told before it begins.
    """
    began = time.monotonic()
    with open_pool() as pool:
        outcomes = list(pool.map(analyse, collection.sources, progress=progress))
        elapsed = time.monotonic() - began
        spans = tuple(pool.timeline())
        workers = pool.workers
    drawn = draw_sample(collection.sources)
    on_sample(drawn)
    failures = [outcome for outcome in outcomes if isinstance(outcome, FailureRecord)]
    failures += collection.unreadable
    return Survey(
        collection=collection,
        modules=tuple(outcome for outcome in outcomes if isinstance(outcome, ModuleRecord)),
        failures=tuple(sorted(failures, key=attrgetter("module"))),
        workers=workers,
        began=began,
        elapsed_seconds=elapsed,
        spans=spans,
        sample=measure_sample(drawn),
    )


def draw_sample(sources: Sequence[Source], *, seed: int = SAMPLE_SEED) -> list[Source]:
    """Draw files at random, the same ones for the same files and seed, up to a share of the bytes."""
    total = sum(source.bytes for source in sources)
    wanted = min(max(total // 8, _SAMPLE_BYTES_MIN), _SAMPLE_BYTES_MAX)
    in_order = sorted(sources, key=attrgetter("path"))
    drawn: list[Source] = []
    drawn_bytes = 0
    for source in random.Random(seed).sample(in_order, len(in_order)):
        if drawn_bytes >= wanted:
            break
        drawn.append(source)
        drawn_bytes += source.bytes
    return drawn


def measure_sample(drawn: Sequence[Source], *, seed: int = SAMPLE_SEED) -> Sample:
    """Measure the drawn files one after the other in this process."""
    seconds_each = []
    # Collecting garbage takes longer here than in a worker, because all results are kept here: a
    # third more time in all. One core would look slow, so what is kept is set aside meanwhile.
    gc.collect()
    gc.freeze()
    try:
        for source in drawn:
            started = time.perf_counter()
            analyse(source)
            seconds_each.append(time.perf_counter() - started)
    finally:
        gc.unfreeze()
    return Sample(sources=tuple(drawn), seconds_each=tuple(seconds_each), seed=seed)


def extrapolate(sample: Sample, collection: Collection) -> Estimate:
    """Scale a sample up by bytes: the ratio estimator for a simple random sample, with its error.

    W. G. Cochran, "Sampling Techniques", 3rd edition, 1977, sections 6.3 and 6.4.
    """
    drawn, files = len(sample.sources), len(collection.sources)
    if not sample.bytes:
        return Estimate(seconds=0.0, error_seconds=0.0)
    rate = sample.seconds / sample.bytes
    residuals = [
        seconds - rate * source.bytes
        for source, seconds in zip(sample.sources, sample.seconds_each, strict=True)
    ]
    variance = sum(residual**2 for residual in residuals) / max(drawn - 1, 1)
    error = files * math.sqrt((1 - drawn / files) * variance / drawn)
    return Estimate(seconds=rate * collection.bytes, error_seconds=error)


def worker_shares(spans: Sequence[Span]) -> tuple[WorkerShare, ...]:
    """What each worker did, by worker number."""
    busy_total = sum(span.elapsed for span in spans)
    shares = []
    for worker in sorted({span.worker for span in spans}):
        own = [span for span in spans if span.worker == worker]
        busy = sum(span.elapsed for span in own)
        shares.append(
            WorkerShare(
                worker=worker,
                calls=len(own),
                files=sum(span.items for span in own),
                busy_seconds=busy,
                share=busy / busy_total if busy_total else 0.0,
            )
        )
    return tuple(shares)
