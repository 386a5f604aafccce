"""The figures to reach, and whether a run reached them."""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from benchmarks.catalogue import OURS, REFERENCE
from benchmarks.results import (
    Results,
    Series,
    Summary,
    Values,
    WorkloadResult,
    best_of,
    ratios,
    summarise,
)
from benchmarks.workload import Metric

Comparison = Literal["≥", "≤", "<"]
COMPARE: dict[Comparison, Callable[[float, float], bool]] = {
    "≥": operator.ge,
    "≤": operator.le,
    "<": operator.lt,
}
ANY_PEER = "the best peer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A bound for our first variant's `metric`: absolute, or a multiple of a peer's.

    `peer` names that peer, of which the variant with the best median counts, among `variants`
    if these are given; ANY_PEER is whoever has the best median.
    """

    workload: str
    metric: str
    comparison: Comparison
    bound: float
    peer: str | None = None
    variants: tuple[str, ...] = ()


FIGURES = (
    Figure(workload="submit", metric="calls_per_second", comparison="≥", bound=7, peer=REFERENCE),
    Figure(workload="latency", metric="microseconds", comparison="≤", bound=0.4, peer=REFERENCE),
    Figure(workload="map", metric="items_per_second", comparison="≥", bound=1, peer=REFERENCE),
    Figure(workload="cpu", metric="speed_up", comparison="≥", bound=1, peer=REFERENCE),
    Figure(
        workload="matvec",
        metric="seconds",
        comparison="<",
        bound=1,
        peer=REFERENCE,
        # What it does without a chunksize by hand, which we do not need either.
        variants=("global before the fork", "partial"),
    ),
    Figure(workload="matvec", metric="times_serial", comparison="≤", bound=2),
    Figure(workload="startup", metric="first_result_ms", comparison="≤", bound=80),
    Figure(workload="startup", metric="import_ms", comparison="<", bound=30),
    Figure(workload="memory", metric="pss_mib", comparison="≤", bound=38),
    Figure(workload="initializer", metric="seconds", comparison="≤", bound=1, peer=ANY_PEER),
    # 1 s, and 1 s for 400 calls of 5 ms in two workers; 4 per cent, and the start of the pool.
    Figure(workload="setup", metric="seconds", comparison="≤", bound=2.16),
    Figure(workload="setup", metric="seconds", comparison="<", bound=1, peer=ANY_PEER),
    Figure(workload="injected", metric="microseconds", comparison="≤", bound=3),
    # 2.4 GiB for 2 GiB in eight workers.
    Figure(workload="held", metric="pss_mib", comparison="<", bound=2457),
    Figure(workload="held", metric="start_ms", comparison="<", bound=30),
    Figure(workload="inference", metric="less_percent", comparison="≥", bound=97),
    Figure(workload="stream", metric="growth_mb", comparison="<", bound=20),
    Figure(workload="store", metric="hits_per_second", comparison="≥", bound=20_000),
    Figure(workload="store", metric="hits_per_second", comparison="≥", bound=10, peer="joblib"),
    Figure(workload="store", metric="results_per_second", comparison="≥", bound=10_000),
    Figure(workload="keys", metric="microseconds", comparison="≤", bound=5),
    Figure(workload="keys", metric="times_blake2b", comparison="≤", bound=1.2),
    Figure(workload="corpus", metric="stale", comparison="≤", bound=0),
    Figure(workload="corpus", metric="needless", comparison="≤", bound=0),
    Figure(workload="nested", metric="on_one_worker", comparison="≥", bound=40_000),
    Figure(workload="nested", metric="speed_up", comparison="≥", bound=1.6),
    Figure(workload="pure", metric="microseconds", comparison="≤", bound=150),
    Figure(workload="children", metric="times_ideal", comparison="≤", bound=1.08),
    Figure(workload="parked", metric="kb_per_call", comparison="<", bound=12),
    Figure(workload="bogosity", metric="overhead_us_level_3", comparison="<", bound=1000),
    Figure(workload="bogosity", metric="overhead_us_level_8", comparison="<", bound=1000),
    Figure(workload="bogosity", metric="runs_level_3", comparison="≤", bound=16),
    Figure(workload="bogosity", metric="runs_level_8", comparison="≤", bound=46),
    Figure(workload="remembered", metric="results_per_second", comparison="≥", bound=10_000),
    Figure(
        workload="remembered", metric="results_per_second", comparison="≥", bound=30, peer="dbos"
    ),
    Figure(workload="remembered", metric="hits_per_second", comparison="≥", bound=20_000),
    Figure(
        workload="remembered", metric="hits_per_second", comparison="≥", bound=10, peer="joblib"
    ),
    Figure(workload="queued", metric="ratio", comparison="≥", bound=0.9),
    Figure(workload="shared", metric="seconds", comparison="≤", bound=1 / 3, peer="ray"),
    Figure(workload="pipeline", metric="seconds", comparison="≤", bound=1.3, peer="by hand"),
    Figure(
        workload="pipeline", metric="seconds", comparison="≤", bound=1 / 1.8, peer="distributed"
    ),
    Figure(workload="spill", metric="seconds", comparison="<", bound=1, peer="distributed"),
    Figure(workload="spill", metric="seconds", comparison="<", bound=1, peer="ray"),
    Figure(
        workload="chain", metric="calls_per_second", comparison="≥", bound=20, peer="distributed"
    ),
    Figure(workload="chain", metric="calls_per_second", comparison="≥", bound=20, peer="ray"),
    Figure(workload="graphs", metric="gateway_kb_per_call", comparison="≤", bound=1.5),
    Figure(workload="fetch", metric="copies_per_node", comparison="≤", bound=1),
    Figure(workload="fetch", metric="most_from_one", comparison="≤", bound=2),
    Figure(workload="mapreduce", metric="seconds", comparison="≤", bound=1, peer="distributed"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A figure beside what was measured; `measured` is None where a side is missing.

    `within_spread`: the median missed the bound, at least one round did not.
    """

    figure: Figure
    against: str
    measured: Summary | None
    reached: bool
    within_spread: bool

    @property
    def word(self) -> str:
        if self.measured is None:
            return "not measured"
        if self.reached:
            return "yes"
        return "no, but within the spread" if self.within_spread else "no"


def judge(figure: Figure, workload: WorkloadResult) -> Verdict:
    """Compare what was measured with the figure."""
    metric = find_metric(figure, workload)
    ours = workload.first(OURS, metric)
    values: Values = ours.values if ours else ()
    against = ""
    if figure.peer is not None:
        rival = find_rival(figure, workload)
        against = f"{rival.peer}, {rival.variant}" if rival else figure.peer
        values = ratios(values, rival.values if rival else ())
    measured = summarise(values)
    meets = COMPARE[figure.comparison]
    reached = measured is not None and meets(measured.median, figure.bound)
    return Verdict(
        figure=figure,
        against=against,
        measured=measured,
        reached=reached,
        within_spread=not reached
        and any(meets(value, figure.bound) for value in values if value is not None),
    )


def judge_all(results: Results) -> Iterator[Verdict]:
    """Yield the verdicts on the workloads that were run."""
    for workload in results.workloads:
        if workload.problem is None:
            for figure in FIGURES:
                if figure.workload == workload.name:
                    yield judge(figure, workload)


def target(workload: WorkloadResult, metric: Metric) -> float | None:
    """Return what is to be reached in the metric's own unit; None if nothing is, or no rival."""
    for figure in FIGURES:
        if (figure.workload, figure.metric) == (workload.name, metric.name):
            if figure.peer is None:
                return figure.bound
            rival = find_rival(figure, workload)
            return figure.bound * rival.summary.median if rival else None
    return None


def find_metric(figure: Figure, workload: WorkloadResult) -> Metric:
    return next(metric for metric in workload.metrics if metric.name == figure.metric)


def find_rival(figure: Figure, workload: WorkloadResult) -> Series | None:
    """Return the peer's variant that the figure compares us with, if it was measured."""
    metric = find_metric(figure, workload)
    rivals = [
        series
        for series in workload.best(metric, figure.variants)
        if series.peer == figure.peer or (figure.peer == ANY_PEER and series.peer != OURS)
    ]
    return best_of(metric, rivals) if rivals else None
