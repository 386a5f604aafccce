"""A sequence of work done three ways, as one picture.

The sequence is that of "A Comparison of Work Sequences" (Jason Cairns): d0 and d1 are given, d2 is made
of d1, d3 of d0 and d2, d4 of nothing; they are asked for in this order, and then d3 is looked at.

* serial: one process does one thing after another
* blocking: as SNOW does it. The client scatters data over the workers, waits for what comes back, and
  only then goes on to the next step
* futures: the client asks for d2, d3 and d4 at once, as a future may be an argument, and then for the
  value of d3. It never waits before that, and the data in between is none of its business

An exchange is a call that the client sends or a value that it fetches. A wait is where it cannot
go on without a value, and "to look" is the wait for d3 once everything has been asked for. "MB handled" are the
arguments that it has sent and the values that it has fetched.

Run: .venv/bin/python examples/work_sequence.py [PAGE]
"""

import sys
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from math import sqrt
from pathlib import Path
from time import monotonic
from typing import TypeAlias

from elsewhere import Future, Pool, Span

NUMBERS = 200_000
"""how many each of d0, d1, d2 and d3 has; d4 has twice as many"""
WORKERS = 2
NAMES = ("d2", "d3", "d4")
COLOURS = dict(zip(NAMES, ("#2b6cd4", "#2f8f4e", "#b9772a"), strict=True))
Data: TypeAlias = "array[float]"


def make(start: int, count: int) -> Data:
    return array("d", (work(number) for number in range(start, start + count)))


def change(data: Data) -> Data:
    return array("d", (work(x) for x in data))


def combine(data: Data, other: Data) -> Data:
    return array("d", (work(x + y) for x, y in zip(data, other, strict=True)))


def work(x: float) -> float:
    """Something that takes a microsecond."""
    return sqrt(x) + sqrt(x + 1) + sqrt(x + 2) + sqrt(x + 3) + sqrt(x + 4) + sqrt(x + 5)


@dataclass
class Bar:
    """Something that took a while: a call, or a wait of the client."""

    name: str
    started: float
    ended: float
    worker: int = 0


@dataclass
class Way:
    """What the client and the workers did on one way through the sequence. The client is worker 0."""

    name: str
    calls: list[Bar] = field(default_factory=list)
    waits: list[Bar] = field(default_factory=list)
    looks: int = 0
    """how many of the waits were for d3, when it was to be looked at"""
    arrows: list[tuple[float, int, float, int]] = field(default_factory=list)
    """from when and where to when and where"""
    exchanges: int = 0
    bytes: int = 0
    """what the client's program has sent and fetched"""
    began: float = field(default_factory=monotonic)
    names: list[str] = field(default_factory=list)
    """of the calls, in the order in which they were asked for"""
    fetched: dict[int, float] = field(default_factory=dict)
    """when the value of which of them had come"""

    @property
    def ended(self) -> float:
        return max(bar.ended for bar in [*self.calls, *self.waits])

    def do(self, name: str, function: Callable[..., Data], *data: object) -> Data:
        """A step in the client itself, which can do nothing else meanwhile."""
        began = monotonic()
        made = function(*data)
        self.calls.append(Bar(name, began, monotonic()))
        self.waits.append(self.calls[-1])
        return made

    def send(
        self, pool: Pool, name: str, function: Callable[..., Data], *data: object
    ) -> Future[Data]:
        self.exchanges += 1
        self.names.append(name)
        return pool.submit(function, *data)

    def fetch(self, *futures: tuple[int, Future[Data]]) -> Data:
        """The values of calls, by their places in the order of asking, put together: one wait."""
        self.exchanges += len(futures)
        began = monotonic()
        whole: Data = array("d")
        for place, future in futures:
            whole += future.result()
            self.fetched[place] = monotonic()
        self.waits.append(Bar("", began, monotonic()))
        return whole

    def look(self, place: int, future: Future[Data]) -> Data:
        before = len(self.waits)
        value = self.fetch((place, future))
        self.looks = len(self.waits) - before
        return value

    def note(self, timeline: list[Span]) -> None:
        """What the workers did for it."""
        spans = sorted(timeline, key=lambda span: span.call)
        by_number = {span.call: span for span in spans}
        for place, (name, span) in enumerate(zip(self.names, spans, strict=True)):
            self.calls.append(Bar(name, span.started, span.ended, span.worker))
            self.arrows.append((span.asked, 0, span.started, span.worker))
            self.bytes += span.argument_bytes
            if place in self.fetched:
                self.arrows.append((span.ended, span.worker, self.fetched[place], 0))
                self.bytes += span.result_bytes
            for source in (by_number[number] for number in span.inputs if number in by_number):
                self.arrows.append((source.ended, source.worker, span.started, span.worker))


def go_serially() -> tuple[Way, Data]:
    d0, d1 = make(0, NUMBERS), make(NUMBERS, NUMBERS)
    way = Way("serial")
    d2 = way.do("d2", change, d1)
    d3 = way.do("d3", combine, d0, d2)
    way.do("d4", make, 0, 2 * NUMBERS)
    return way, d3


def go_blocking() -> tuple[Way, Data]:
    d0, d1 = make(0, NUMBERS), make(NUMBERS, NUMBERS)
    with Pool(WORKERS, record=True) as pool:
        warm_up(pool)
        before = len(pool.timeline())
        way = Way("blocking")

        def step(name: str, function: Callable[..., Data], *parts: tuple[object, ...]) -> Data:
            first = len(way.names)
            sent = [way.send(pool, name, function, *part) for part in parts]
            return way.fetch(*enumerate(sent, first))

        d2 = step("d2", change, *((part,) for part in scatter(d1)))
        d3 = step("d3", combine, *zip(scatter(d0), scatter(d2), strict=True))
        step("d4", make, *((worker * NUMBERS, NUMBERS) for worker in range(WORKERS)))
    way.note(list(pool.timeline()[before:]))
    return way, d3


def go_with_futures() -> tuple[Way, Data]:
    with Pool(WORKERS, record=True) as pool:
        warm_up(pool)
        d0, d1 = pool.submit(make, 0, NUMBERS), pool.submit(make, NUMBERS, NUMBERS)
        for given in (d0, d1):
            given.exception()  # there, where they were made
        before = len(pool.timeline())
        way = Way("futures")
        d2 = way.send(pool, "d2", change, d1)
        d3 = way.send(pool, "d3", combine, d0, d2)
        way.send(pool, "d4", make, 0, 2 * NUMBERS)
        value = way.look(1, d3)
    way.note(list(pool.timeline()[before:]))
    return way, value


def warm_up(pool: Pool) -> None:
    """Have the workers started, and the functions sent to them."""
    small = make(0, 1)
    steps: list[tuple[Callable[..., Data], tuple[object, ...]]] = [
        (make, (0, 1)),
        (change, (small,)),
        (combine, (small, small)),
    ]
    for function, data in steps * 2:
        for future in [pool.submit(function, *data) for _ in range(WORKERS)]:
            future.result()


def scatter(data: Data) -> list[Data]:
    size = -(-len(data) // WORKERS)
    return [data[start : start + size] for start in range(0, len(data), size)]


# ---------------------------------------------------------------- the picture

LEFT, WIDTH, ROW = 90, 940, 34


def draw(way: Way, scale: float) -> str:
    """The sequence diagram of one way, `scale` pixels for a second."""
    workers = sorted({bar.worker for bar in way.calls} - {0})
    rows = {0: 0, **{worker: row for row, worker in enumerate(workers, 1)}}

    def x(moment: float) -> float:
        return round(LEFT + (moment - way.began) * scale, 1)

    def y(worker: int) -> float:
        return rows[worker] * ROW * 1.6 + 8

    parts = []
    for worker in rows:
        who = f"worker {worker}" if worker else "client"
        parts.append(f'<text class="who" x="0" y="{y(worker) + 22}">{who}</text>')
        line = (
            f'x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y(worker) + ROW / 2}" y2="{y(worker) + ROW / 2}"'
        )
        parts.append(f'<line class="life" {line}/>')
    for bar in way.waits:
        box = f'x="{x(bar.started)}" width="{max(x(bar.ended) - x(bar.started), 1):.1f}"'
        parts.append(f'<rect class="wait" {box} y="{y(0)}" height="{ROW}"/>')
    for bar in way.calls:
        box = f'x="{x(bar.started)}" width="{max(x(bar.ended) - x(bar.started), 1):.1f}"'
        inner = f'y="{y(bar.worker) + 4}" height="{ROW - 8}" fill="{COLOURS[bar.name]}"'
        parts.append(f"<rect {box} {inner}><title>{bar.name}</title></rect>")
        label = f'x="{x(bar.started) + 5}" y="{y(bar.worker) + 22}"'
        parts.append(f'<text class="name" {label}>{bar.name}</text>')
    for left, source, right, target in way.arrows:
        down = rows[source] < rows[target]
        ends = (
            (y(source) + ROW - 2, y(target) + 3)
            if down
            else (y(source) + 3, y(target) + (ROW - 2 if source != target else 3))
        )
        line = f'x1="{x(left)}" y1="{ends[0]}" x2="{x(right)}" y2="{ends[1]}"'
        parts.append(f'<line class="arrow" marker-end="url(#head)" {line}/>')
    height = y(max(rows, key=lambda worker: rows[worker])) + ROW + 8
    return (
        f'<svg viewBox="0 0 {LEFT + WIDTH + 10} {height:.0f}" role="img" '
        f'aria-label="{escape(way.name)}">{"".join(parts)}</svg>'
    )


STYLE = """
body { margin: 2rem auto; max-width: 68rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: #1d2025; background: #fff; }
svg { display: block; width: 100%; } h2 { margin: 1.4rem 0 .2rem; font-size: 1.1rem; }
.who { fill: #5a626d; font-size: 13px; } .name { fill: #fff; font-size: 13px; } .life { stroke: #dcdfe3; }
.wait { fill: url(#hatch); stroke: #c4372c; stroke-width: .7; } .arrow { stroke: #1d2025; stroke-width: 1.1; }
table { border-collapse: collapse; margin-top: 1.2rem; } th, td { padding: .2rem 1.2rem .2rem 0; text-align: right; }
th:first-child { text-align: left; }
"""
DEFINITIONS = """<svg width="0" height="0" style="position:absolute"><defs>
<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<rect width="6" height="6" fill="#fbe9e7"/><line x1="0" y1="0" x2="0" y2="6" stroke="#c4372c" stroke-width="1.5"/></pattern>
<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#1d2025"/></marker>
</defs></svg>"""


def page(ways: list[Way], rows: list[tuple[str, ...]]) -> str:
    scale = WIDTH / max(way.ended - way.began for way in ways)
    figures = "".join(f"<h2>{escape(way.name)}</h2>{draw(way, scale)}" for way in ways)
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in rows[0])]
    lines += [
        f"<th>{escape(row[0])}</th>" + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        for row in rows[1:]
    ]
    table = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A work sequence</title>'
        f"<style>{STYLE}</style></head><body><h1>A work sequence, three ways</h1>"
        "<p>d2 is made of d1, d3 of d0 and d2, d4 of nothing; then d3 is looked at. All three on one "
        "scale of time. Hatched: the client waits. Arrows: calls that are sent, values that are "
        "fetched, and values that one call is given by another.</p>"
        f"{DEFINITIONS}{figures}<table>{table}</table></body></html>"
    )


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "work_sequence.html")
    done = [go_serially(), go_blocking(), go_with_futures()]
    if any(d3 != done[0][1] for _, d3 in done):
        sys.exit("the three ways have made different values of d3")
    ways = [way for way, _ in done]
    rows: list[tuple[str, ...]] = [("", "waits", "to look", "exchanges", "MB handled", "seconds")]
    for way in ways:
        seconds = way.ended - way.began
        waits = (len(way.waits) - way.looks, way.looks, way.exchanges)
        counts = (*map(str, waits), f"{way.bytes / 1e6:.1f}")
        rows.append((way.name, *counts, f"{seconds:.3f}"))
    for first, *rest in rows:
        print(f"{first:10}" + "".join(f"{cell:>12}" for cell in rest))
    where = {bar.name: bar.worker for bar in ways[-1].calls}
    print("with futures, " + ", ".join(f"{name} ran on worker {where[name]}" for name in NAMES))
    out.write_text(page(ways, rows), "utf-8")
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
