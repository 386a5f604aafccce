"""A million calls that all wait before one of them can begin, in three graphs."""

from collections.abc import Mapping, Sequence

from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload

CALLS = 1_000_000


class Graphs(Workload):
    title = f"graphs of {CALLS:,} calls, all asked for before one can begin"
    metrics = (
        Metric("gateway_kb_per_call", "KB", "lower"),
        Metric("client_kb_per_call", "KB", "lower"),
        Metric("calls_per_second", "calls/s", "higher"),
    )
    opens = "nothing"
    limit_seconds = 600.0

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.graphs())

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        idiom = peer.graphs()[variant]
        return idiom.run(scale.count(CALLS, idiom.fewer))


WORKLOAD = Graphs()
