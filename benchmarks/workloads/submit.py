"""Many single calls of a no-op, then all their results."""

from collections.abc import Mapping, Sequence

from benchmarks.functions import same
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, check_equal, timed

CALLS = 20_000
WARM_UP_CALLS = 200


class Submit(Workload):
    title = f"{CALLS:,} submits of a no-op, then all results"
    metrics = (Metric("calls_per_second", "calls/s", "higher"),)

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.submits())

    def prepare(self, peer: Peer, scale: Scale) -> None:
        for idiom in peer.submits().values():
            idiom.run(same, WARM_UP_CALLS)

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        idiom = peer.submits()[variant]
        count = scale.count(CALLS, idiom.fewer)
        seconds, results = timed(lambda: idiom.run(same, count))
        check_equal(results, list(range(count)))
        return {"calls_per_second": count / seconds}


WORKLOAD = Submit()
