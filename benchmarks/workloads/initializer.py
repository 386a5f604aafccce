"""Short calls in workers that need a second of setup first; the pool's start counts."""

from collections.abc import Mapping, Sequence
from time import perf_counter

from benchmarks.functions import WORK_SECONDS, set_up, work_after_set_up
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, check_equal

CALLS = 400


class Initializer(Workload):
    title = f"{CALLS} calls of {1000 * WORK_SECONDS:.0f} ms in workers with a setup of 1 s"
    metrics = (Metric("seconds", "s", "lower"),)
    opens = "cluster"

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.initialized())

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        idiom = peer.initialized()[variant]
        items = range(scale.count(CALLS))
        started = perf_counter()
        with idiom.run(set_up, work_after_set_up, items) as results:
            seconds = perf_counter() - started
            check_equal(results, list(items))
        return {"seconds": seconds}


WORKLOAD = Initializer()
