"""Draws a run; the one file that needs matplotlib."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.catalogue import OURS
from benchmarks.figures import target
from benchmarks.report import number
from benchmarks.results import Results, Series, WorkloadResult
from benchmarks.workload import Metric

COLUMNS = 3
PANEL_INCHES = (5.2, 3.0)
LOGARITHMIC_SPAN = 30.0
OURS_COLOUR = "#0b6e4f"
PEER_COLOUR = "#a9b4c2"
TARGET_COLOUR = "#c1121f"


def draw(results: Results, path: Path) -> None:
    """Write a PNG with one panel a metric: the best way of each peer, and what is to be reached."""
    panels = [
        (workload, metric, bars)
        for workload in results.workloads
        for metric in workload.shown_metrics
        if (bars := panel_bars(workload, metric))
    ]
    columns = min(COLUMNS, max(1, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    size = (PANEL_INCHES[0] * columns, PANEL_INCHES[1] * rows + 0.6)
    canvas = Figure(figsize=size, layout="constrained")
    canvas.suptitle(
        f"{results.machine}\n2 workers, {results.rounds} rounds: medians, lowest and highest; "
        "the dashed line is to be reached",
        fontsize=8,
    )
    axes = canvas.subplots(rows, columns, squeeze=False).flatten()
    for axis, (workload, metric, bars) in zip(axes, panels, strict=False):
        draw_panel(axis, workload, metric, bars)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    canvas.savefig(path, dpi=120)


def panel_bars(workload: WorkloadResult, metric: Metric) -> list[Series]:
    """Return each peer's best variant, and of ours the first, which the figures are about."""
    ours = workload.first(OURS, metric)
    return [
        ours if ours is not None and series.peer == OURS else series
        for series in workload.best(metric)
    ]


def draw_panel(axis: Axes, workload: WorkloadResult, metric: Metric, bars: list[Series]) -> None:
    medians = [bar.summary.median for bar in bars]
    axis.barh(
        [bar.peer for bar in bars],
        medians,
        xerr=[
            [bar.summary.median - bar.summary.low for bar in bars],
            [bar.summary.high - bar.summary.median for bar in bars],
        ],
        color=[OURS_COLOUR if bar.peer == OURS else PEER_COLOUR for bar in bars],
        ecolor="#444444",
        capsize=2,
    )
    for position, bar in enumerate(bars):
        axis.annotate(
            number(bar.summary.median),
            (bar.summary.high, position),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
        )
    if min(medians) > 0 and max(medians) / min(medians) > LOGARITHMIC_SPAN:
        axis.set_xscale("log")
    to_reach = target(workload, metric)
    if to_reach is not None:
        axis.axvline(to_reach, color=TARGET_COLOUR, linestyle="--", linewidth=1)
    axis.margins(x=0.25)
    # The first peer on top.
    axis.invert_yaxis()
    axis.set_title(f"{workload.name}: {metric.label}", fontsize=9)
    axis.tick_params(labelsize=7)
