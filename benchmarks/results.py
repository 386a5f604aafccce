"""What a run has measured, as values: the source of the table, the JSON and the chart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.machine import Machine
from benchmarks.workload import Metric

# One value a round, None where nothing was measured.
Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Summary:
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one variant of a peer, of which at least one round was measured."""

    peer: str
    variant: str
    values: Values
    summary: Summary


@dataclass(slots=True, kw_only=True)
class PeerResult:
    """One peer in one workload; the runner fills it round by round.

    `rounds[i]` has the metrics of round i by variant; a peer with a `problem` has no more of
    them. `left_behind` counts processes that were still there after the peer had closed.
    `others_seconds` is the processor time that the rest of the machine used meanwhile.
    """

    name: str
    version: str = ""
    python: str = ""
    variants: Sequence[str] = ()
    rounds: list[Mapping[str, Mapping[str, float]]] = field(default_factory=list)
    problem: str | None = None
    left_behind: int = 0
    seconds: float = 0.0
    others_seconds: float = 0.0

    @property
    def others_cores(self) -> float:
        """Return how many cores others used on average while this peer was measured."""
        return self.others_seconds / self.seconds if self.seconds else 0.0

    def series(self, metric: Metric, variants: Sequence[str] = ()) -> Iterator[Series]:
        """Yield what was measured of a metric, one for each variant (of `variants` if given)."""
        for variant in self.variants:
            if variants and variant not in variants:
                continue
            values = [metrics.get(variant, {}).get(metric.name) for metrics in self.rounds]
            if (summary := summarise(values)) is not None:
                yield Series(self.name, variant, values, summary)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadResult:
    """A workload with a `problem` was not measured at all."""

    name: str
    title: str
    metrics: tuple[Metric, ...] = ()
    peers: Sequence[PeerResult] = ()
    problem: str | None = None

    @property
    def shown_metrics(self) -> list[Metric]:
        return [metric for metric in self.metrics if metric.shown]

    def best(self, metric: Metric, variants: Sequence[str] = ()) -> list[Series]:
        """Return the best variant of each peer, of those in `variants` if these are given."""
        return [
            best_of(metric, series)
            for peer in self.peers
            if (series := list(peer.series(metric, variants)))
        ]

    def first(self, peer_name: str, metric: Metric) -> Series | None:
        """Return the first variant of a peer, if it was measured."""
        for peer in self.peers:
            if peer.name == peer_name and peer.variants:
                return next(peer.series(metric, peer.variants[:1]), None)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A whole run; `started` is in UTC."""

    machine: Machine
    started: str
    rounds: int
    quick: bool
    workloads: Sequence[WorkloadResult]


def summarise(values: Values) -> Summary | None:
    """Return the median and the range of what was measured; None if nothing was."""
    measured = [value for value in values if value is not None]
    if not measured:
        return None
    return Summary(median(measured), min(measured), max(measured))


def ratios(numerators: Values, denominators: Values) -> Values:
    """Divide round by round, so that what disturbed a whole round cancels out."""
    return [
        one / other if one is not None and other else None
        for one, other in zip(numerators, denominators, strict=False)
    ]


def best_of(metric: Metric, series: Sequence[Series]) -> Series:
    """Return the one with the best median; ValueError if there is none."""
    sign = 1.0 if metric.better == "higher" else -1.0
    return max(series, key=lambda one: sign * one.summary.median)
