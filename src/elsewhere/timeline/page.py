"""A timeline as a page: one HTML file that needs nothing else."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from elsewhere.calls.span import Span
from elsewhere.pages import byte_text, fill_in, script_json
from elsewhere.timeline.lanes import Lanes, lay_out


def render(spans: Sequence[Span], left_out: int = 0) -> str:
    """The whole page as text, to be written as UTF-8; `left_out` earlier spans are only counted."""
    template = files("elsewhere.timeline").joinpath("page.html").read_text(encoding="utf-8")
    lanes = lay_out(spans)
    workers = len({span.worker for span in spans})
    notice = f'<p class="muted">{left_out:,} earlier calls are left out.</p>' if left_out else ""
    return fill_in(
        template,
        {
            "title": escape(f"{_count(len(spans), 'call')} on {_count(workers, 'worker')}"),
            "notice": notice,
            "figures": _figures(spans, lanes),
            "functions": _functions(spans),
            "workers": _workers(spans, lanes),
            "data": _data(lanes),
        },
    )


def _data(lanes: Lanes) -> str:
    names = sorted({bar.span.function for bar in lanes.bars})
    place = {name: index for index, name in enumerate(names)}
    calls = []
    for bar in lanes.bars:
        span = bar.span
        ready = None if span.ready is None else round(span.ready - lanes.origin, 7)
        calls.append(
            [
                bar.lane,
                round(bar.started, 7),
                round(bar.ended, 7),
                place[span.function],
                span.call,
                round(span.asked - lanes.origin, 7),
                ready,
                span.inputs,
                span.items,
                span.argument_bytes,
                span.result_bytes,
                span.verdict.name.lower().replace("_", " "),
                span.sent_bytes,
                span.mapped_bytes,
                span.parent,
            ]
        )
    length = round(lanes.length, 7)
    return script_json({"length": length, "lanes": lanes.names, "functions": names, "calls": calls})


def _figures(spans: Sequence[Span], lanes: Lanes) -> str:
    made = {span.call: span for span in spans}
    given = [(made[number], span) for span in spans for number in span.inputs if number in made]
    handed = sum(source.result_bytes for source, _ in given)
    moved = sum(one.result_bytes for one, other in given if one.worker != other.worker)
    figures = [
        ("From first to last", _seconds(lanes.length)),
        (
            "Sum of the client's calls",
            _seconds(sum(span.elapsed for span in spans if not span.parent)),
        ),
        ("Arguments", byte_text(sum(span.argument_bytes for span in spans))),
        ("Results", byte_text(sum(span.result_bytes for span in spans))),
        ("Inputs from other calls", byte_text(handed)),
        ("of these from another worker", byte_text(moved)),
        ("Sent", byte_text(sum(span.sent_bytes for span in spans))),
        ("In shared memory", byte_text(sum(span.mapped_bytes for span in spans))),
    ]
    return "".join(f"<div><dt>{escape(n)}</dt><dd>{escape(v)}</dd></div>" for n, v in figures)


def _functions(spans: Sequence[Span]) -> str:
    by_name: dict[str, list[Span]] = {}
    for span in spans:
        by_name.setdefault(span.function, []).append(span)
    rows = []
    for name, own in sorted(by_name.items(), key=lambda item: -sum(s.elapsed for s in item[1])):
        waits = [wait_of(span) for span in own]
        rows.append(
            [
                name,
                f"{len(own):,}",
                f"{sum(not span.ok for span in own):,}",
                _seconds(sum(span.elapsed for span in own)),
                _seconds(max(span.elapsed for span in own)),
                _seconds(sum(inputs for inputs, _ in waits) / len(own)),
                _seconds(sum(worker for _, worker in waits) / len(own)),
                byte_text(sum(span.argument_bytes for span in own)),
                byte_text(sum(span.result_bytes for span in own)),
            ]
        )
    return _rows(rows)


def _workers(spans: Sequence[Span], lanes: Lanes) -> str:
    rows = []
    for worker in sorted({span.worker for span in spans}):
        own = [span for span in spans if span.worker == worker]
        busy = _union(own)
        share = f"{busy / lanes.length:.0%}" if lanes.length else ""
        rows.append([f"worker {worker}", f"{len(own):,}", _seconds(busy), share])
    return _rows(rows)


def wait_of(span: Span) -> tuple[float, float]:
    """How many seconds a call waited for its inputs, and then for a worker."""
    ready = span.asked if span.ready is None else max(span.asked, span.ready)
    return ready - span.asked, max(0.0, span.started - ready)


def _union(spans: Iterable[Span]) -> float:
    """The seconds in which at least one of them was under way."""
    total, until = 0.0, 0.0
    for span in sorted(spans, key=lambda span: span.started):
        total += max(0.0, span.ended - max(span.started, until))
        until = max(until, span.ended)
    return total


def _rows(rows: Iterable[Sequence[str]]) -> str:
    lines = []
    for first, *rest in rows:
        cells = "".join(f'<td class="number">{escape(text)}</td>' for text in rest)
        lines.append(f"<tr><th><code>{_text(first)}</code></th>{cells}</tr>")
    return "".join(lines)


def _text(name: str) -> str:
    # A lone surrogate is a character of a name, but none that UTF-8 could write.
    return escape(name.encode("utf-8", "backslashreplace").decode("utf-8"))


def _seconds(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:,.2f} s"
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
