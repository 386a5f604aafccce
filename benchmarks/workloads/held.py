"""What takes 2 GB to hold, for eight workers: memory, and how soon one more process has it."""

import os
from collections.abc import Mapping, Sequence

from benchmarks.peer import Peer
from benchmarks.processes import descendants, proportional_bytes
from benchmarks.workload import Metric, Scale, Workload

BYTES = 2 * 2**30
MANY = 8
MIB = 1024 * 1024


class Held(Workload):
    """Proportional memory (PSS) divides what processes share among those that share it."""

    title = (
        f"{BYTES // 2**30} GB that calls on {MANY} workers need: summed proportional memory (PSS)"
    )
    metrics = (
        Metric("pss_mib", "MiB", "lower"),
        Metric("start_ms", "ms", "lower"),
    )
    opens = "nothing"
    fresh = True
    limit_seconds = 300.0

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.holds())

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        hold = peer.holds()[variant].run
        size = scale.count(BYTES)
        with hold(size, MANY):
            total = sum(proportional_bytes(pid) for pid in descendants(os.getpid()))
        with hold(size, 1) as start:
            seconds = start()
        return {"pss_mib": total / MIB, "start_ms": 1000 * seconds}


WORKLOAD = Held()
