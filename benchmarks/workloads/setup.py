"""Short calls that need what takes a second and 50 MB to make; the pool's start counts."""

from collections.abc import Mapping, Sequence
from time import perf_counter

from benchmarks.functions import SETUP_BYTES, WORK_SECONDS
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, check_equal

CALLS = 400


class Setup(Workload):
    title = (
        f"{CALLS} calls of {1000 * WORK_SECONDS:.0f} ms that need what takes 1 s "
        f"and {SETUP_BYTES // 10**6} MB to make"
    )
    metrics = (Metric("seconds", "s", "lower"),)
    opens = "cluster"

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.given())

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        items = range(scale.count(CALLS))
        started = perf_counter()
        with peer.given()[variant].run(items) as results:
            seconds = perf_counter() - started
            check_equal(results, list(items))
        return {"seconds": seconds}


WORKLOAD = Setup()
