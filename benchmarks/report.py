"""A run as a table for people and as plain values for programs."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.catalogue import OURS
from benchmarks.figures import Verdict, judge_all
from benchmarks.results import PeerResult, Results, Series, WorkloadResult, ratios, summarise
from benchmarks.workload import Metric

LARGE = 1000
# Enough to move a speed-up on two cores by several percent.
DISTURBING_CORES = 0.15
VERDICT_HEADER = ("", "against", "measured", "", "to reach", "reached")


def number(value: float) -> str:
    """Return a value with three significant digits, or all those before the point."""
    return f"{value:,.0f}" if abs(value) >= LARGE else f"{value:.3g}"


def spread(low: float, high: float) -> str:
    return f"({number(low)} to {number(high)})"


def aligned(rows: Sequence[Sequence[str]], columns: str) -> Iterator[str]:
    """Yield the rows as lines; `columns` has < for a column that is aligned left, > right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, columns, widths, strict=True)
        yield "  " + "  ".join(f"{cell:{side}{width}}" for cell, side, width in cells).rstrip()


def text(results: Results) -> str:
    """Return the whole report."""
    return "\n".join(text_lines(results))


def text_lines(results: Results) -> Iterator[str]:
    yield f"{results.machine}"
    yield f"peers: {', '.join(versions(results)) or 'none'}"
    quick = " (quick: fewer calls a round)" if results.quick else ""
    yield f"2 workers; {results.rounds} rounds in alternation{quick}; median (lowest to highest)"
    for workload in results.workloads:
        yield ""
        yield f"{workload.name}: {workload.problem or workload.title}"
        for metric in workload.shown_metrics:
            yield from metric_lines(workload, metric)
        for peer in workload.peers:
            yield from remarks(peer)
        yield from disturbance(workload)
    verdicts = list(judge_all(results))
    if verdicts:
        yield ""
        yield "Figures to reach; ratios are taken round by round"
        yield from aligned([VERDICT_HEADER, *map(verdict_row, verdicts)], "<<><<<")


def versions(results: Results) -> list[str]:
    """Return each peer that was measured with its version, once."""
    found: dict[str, str] = {}
    for workload in results.workloads:
        for peer in workload.peers:
            if peer.version:
                found.setdefault(peer.name, peer.version)
    return [f"{name} {version}" for name, version in found.items()]


def metric_lines(workload: WorkloadResult, metric: Metric) -> Iterator[str]:
    ours = workload.first(OURS, metric)
    rows = [measured_row(series, ours) for peer in workload.peers for series in peer.series(metric)]
    if rows:
        header = [metric.label, "", "", "", "ours / its"]
        yield from aligned([header, *rows], "<<><>")


def measured_row(series: Series, ours: Series | None) -> list[str]:
    ratio = None
    if ours is not None and series.peer != OURS:
        ratio = summarise(ratios(ours.values, series.values))
    summary = series.summary
    return [
        series.peer,
        series.variant,
        number(summary.median),
        spread(summary.low, summary.high),
        f"{number(ratio.median)} x" if ratio else "",
    ]


def remarks(peer: PeerResult) -> Iterator[str]:
    if peer.problem is not None:
        yield f"  {peer.name}: {peer.problem}"
    if peer.left_behind:
        yield f"  {peer.name}: left {peer.left_behind} processes behind, which were killed"


def disturbance(workload: WorkloadResult) -> Iterator[str]:
    disturbed = [peer for peer in workload.peers if peer.others_cores >= DISTURBING_CORES]
    if disturbed:
        worst = max(disturbed, key=lambda peer: peer.others_cores)
        yield (
            f"  disturbed: others used {number(worst.others_cores)} cores while {worst.name} "
            f"was measured, and at least {DISTURBING_CORES} beside {len(disturbed)} of "
            f"{len(workload.peers)} peers"
        )


def verdict_row(verdict: Verdict) -> list[str]:
    figure, measured = verdict.figure, verdict.measured
    times = " x" if figure.peer else ""
    return [
        f"{figure.workload} {figure.metric}",
        verdict.against,
        f"{number(measured.median)}{times}" if measured else "-",
        spread(measured.low, measured.high) if measured else "",
        f"{figure.comparison} {number(figure.bound)}{times}",
        verdict.word,
    ]


def as_plain(results: Results) -> dict[str, Any]:
    """Return everything that was measured and judged, ready for JSON."""
    plain = asdict(results)
    for workload, fields in zip(results.workloads, plain["workloads"], strict=True):
        fields["summaries"] = [
            {"metric": metric.name, "peer": one.peer, "variant": one.variant, **asdict(one.summary)}
            for metric in workload.metrics
            for peer in workload.peers
            for one in peer.series(metric)
        ]
    plain["figures"] = [asdict(verdict) for verdict in judge_all(results)]
    return plain
