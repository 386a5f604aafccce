"""One call of a no-op and its result, again and again."""

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median

from benchmarks.functions import same
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, check_equal, timed

ROUND_TRIPS = 1000
WARM_UP_CALLS = 20


class Latency(Workload):
    title = f"one no-op round trip, median of {ROUND_TRIPS:,}"
    metrics = (Metric("microseconds", "µs", "lower"),)

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.calls())

    def prepare(self, peer: Peer, scale: Scale) -> None:
        for idiom in peer.calls().values():
            for item in range(WARM_UP_CALLS):
                idiom.run(same, item)

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        idiom = peer.calls()[variant]
        times = []
        for item in range(scale.count(ROUND_TRIPS, idiom.fewer)):
            seconds, result = timed(partial(idiom.run, same, item))
            check_equal(result, item)
            times.append(seconds)
        return {"microseconds": 1e6 * median(times)}


WORKLOAD = Latency()
