"""Calls of which each takes the value of the one before: no two can run at once."""

from collections.abc import Mapping, Sequence

from benchmarks.functions import increment
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, check_equal, timed

CALLS = 100_000
WARM_UP_CALLS = 200


class Chained(Workload):
    title = f"a chain of {CALLS:,} calls, each the input of the next"
    metrics = (
        Metric("calls_per_second", "calls/s", "higher"),
        Metric("microseconds", "us", "lower", shown=False),
    )

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.chains())

    def prepare(self, peer: Peer, scale: Scale) -> None:
        for idiom in peer.chains().values():
            idiom.run(increment, WARM_UP_CALLS)

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        idiom = peer.chains()[variant]
        count = scale.count(CALLS, idiom.fewer)
        seconds, value = timed(lambda: idiom.run(increment, count))
        check_equal(value, count)
        return {"calls_per_second": count / seconds, "microseconds": 1e6 * seconds / count}


WORKLOAD = Chained()
