"""Lanes: the lines on which spans are drawn.

A worker runs one call at a time, but a call that waits for its own calls is parked meanwhile, and
coroutines wait beside each other. So a worker has a second lane where two of its spans overlap, and
as many as overlap at most.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush

from elsewhere.calls.span import Span

LANES_MAX = 64
"""of a worker; what is nested deeper is drawn on the last one"""
RESOLUTION_SECONDS = 1e-6
"""Spans that overlap by less do so by rounding."""


@dataclass(slots=True)
class Bar:
    """A span on its lane; times are seconds since the origin of the picture."""

    span: Span
    lane: int
    """an index into `Lanes.names`"""
    started: float
    ended: float


@dataclass(frozen=True, slots=True)
class Lanes:
    """Bars that do not overlap on their lanes, in the order of their spans."""

    bars: list[Bar]
    names: list[str]
    """by lane"""
    origin: float
    """the first moment of the picture, on the machine's monotonic clock"""
    length: float
    """seconds from there to the last"""


def lay_out(spans: Iterable[Span]) -> Lanes:
    """The lanes of the workers in the order of their numbers, lowest first."""
    spans = list(spans)
    origin = min((min(span.asked or span.started, span.started) for span in spans), default=0.0)
    bars = [Bar(span, 0, span.started - origin, span.ended - origin) for span in spans]
    by_worker: dict[int, list[Bar]] = {}
    for bar in bars:
        by_worker.setdefault(bar.span.worker, []).append(bar)
    names: list[str] = []
    for worker in sorted(by_worker):
        lanes = _stack(sorted(by_worker[worker], key=_order), len(names))
        names += [f"worker {worker}" + (f" ({lane + 1})" if lane else "") for lane in range(lanes)]
    return Lanes(bars, names, origin, max((bar.ended for bar in bars), default=0.0))


def _order(bar: Bar) -> tuple[float, float]:
    return bar.started, bar.ended


def _stack(bars: list[Bar], first: int) -> int:
    """Give each bar the lowest free lane from `first` on; returns how many there are."""
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    last: dict[int, Bar] = {}
    for bar in bars:
        while busy and busy[0][0] <= bar.started + RESOLUTION_SECONDS:
            heappush(free, heappop(busy)[1])
        lane = heappop(free) if free else first + min(len(last), LANES_MAX - 1)
        before = last.get(lane)
        if before is not None:
            before.ended = min(before.ended, bar.started)
        bar.lane = lane
        last[lane] = bar
        heappush(busy, (bar.ended, lane))
    return len(last)
