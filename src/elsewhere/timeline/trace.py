"""A timeline in the Trace Event Format, which Perfetto and Chrome's tracing page open.

Format: "Trace Event Format", Google, 2016. One process; the client is its first thread and each lane
of a worker another one. Calls are complete events ("X"), what one is given by another is a flow ("s",
"f"), and a call that was asked for is an instant ("i") of the client. Times are microseconds.
"""

from collections.abc import Iterable
from typing import Any

from elsewhere.calls.span import Span
from elsewhere.timeline.lanes import Bar, lay_out

PROCESS = 1
CLIENT_THREAD = 1
"""the lanes follow"""


def trace_of(spans: Iterable[Span]) -> dict[str, Any]:
    """The trace as a value for `json.dumps`."""
    lanes = lay_out(spans)
    events = [_named("process_name", "elsewhere", CLIENT_THREAD)]
    for thread, name in enumerate(["client", *lanes.names], CLIENT_THREAD):
        events.append(_named("thread_name", name, thread))
        order = {**_event("thread_sort_index", "M", thread, 0.0), "args": {"sort_index": thread}}
        events.append(order)
    bars = {bar.span.call: bar for bar in lanes.bars}
    for bar in sorted(lanes.bars, key=lambda bar: bar.started):
        events += _call_events(bar, lanes.origin)
    # A flow binds to the slice around it, which therefore comes first.
    flows = 0
    for bar in lanes.bars:
        for number in bar.span.inputs:
            if number in bars:
                flows += 1
                events += _flow_events(bars[number], bar, flows)
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _call_events(bar: Bar, origin: float) -> list[dict[str, Any]]:
    span = bar.span
    args: dict[str, Any] = {
        "call": span.call,
        "verdict": span.verdict.name.lower(),
        "items": span.items,
        "argument bytes": span.argument_bytes,
        "result bytes": span.result_bytes,
        "sent bytes": span.sent_bytes,
        "mapped bytes": span.mapped_bytes,
    }
    waited_from = span.asked
    if span.ready is not None:
        args["inputs"] = list(span.inputs)
        args["waited for inputs (µs)"] = _micros(max(0.0, span.ready - span.asked))
        waited_from = max(span.asked, span.ready)
    args["waited for a worker (µs)"] = _micros(max(0.0, span.started - waited_from))
    call = _event(span.function, "X", _thread(bar), bar.started)
    if span.parent:
        args["inside call"] = span.parent
    asked = _event(f"asked for {span.function}", "i", CLIENT_THREAD, span.asked - origin)
    ran = {**call, "dur": _micros(bar.ended - bar.started), "cat": "call", "args": args}
    if span.parent:
        return [ran]
    return [ran, {**asked, "s": "t", "cat": "client", "args": {"call": span.call}}]


def _flow_events(source: Bar, target: Bar, number: int) -> list[dict[str, Any]]:
    # Within the slice, because at its very end it is over.
    left = source.ended - min(1e-6, (source.ended - source.started) / 2)
    common = {"cat": "input", "id": number}
    size = {"bytes": source.span.result_bytes}
    return [
        {**_event("input", "s", _thread(source), left), **common, "args": size},
        {**_event("input", "f", _thread(target), target.started), **common, "bp": "e"},
    ]


def _named(kind: str, name: str, thread: int) -> dict[str, Any]:
    return {**_event(kind, "M", thread, 0.0), "args": {"name": name}}


def _event(name: str, phase: str, thread: int, seconds: float) -> dict[str, Any]:
    return {"name": name, "ph": phase, "pid": PROCESS, "tid": thread, "ts": _micros(seconds)}


def _thread(bar: Bar) -> int:
    return CLIENT_THREAD + 1 + bar.lane


def _micros(seconds: float) -> float:
    """Microseconds to the nanosecond."""
    return round(seconds * 1e6, 3)
