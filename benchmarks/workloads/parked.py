"""Calls that all wait for one more: what a parked call costs the memory of its worker."""

from collections.abc import Mapping, Sequence

from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, timed

CALLS = 200_000
WARM_UP_CALLS = 1000


class Parked(Workload):
    title = f"{CALLS:,} calls parked at once in one worker: growth of its resident memory"
    metrics = (
        Metric("kb_per_call", "KB", "lower"),
        Metric("calls_per_second", "calls/s", "higher"),
    )
    opens = "nothing"

    def variants(self, peer: Peer) -> Sequence[str]:
        return [name for name, idiom in peer.insides().items() if idiom.run.measure_descent]

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        inside = peer.insides()[variant].run
        calls = scale.count(CALLS)
        # A new worker each time: one that has grown once keeps the memory.
        with inside.opened(1) as call:
            call(inside.measure_descent, WARM_UP_CALLS)
            seconds, grown = timed(lambda: call(inside.measure_descent, calls))
        return {"kb_per_call": grown / 1000, "calls_per_second": calls / seconds}


WORKLOAD = Parked()
