"""The memory of a client and all its processes, idle after a first result."""

import os
from collections.abc import Mapping, Sequence
from time import sleep

from benchmarks import script
from benchmarks.peer import Peer
from benchmarks.processes import descendants, proportional_bytes
from benchmarks.workload import Metric, Scale, Workload

SETTLE_SECONDS = 1.0
MIB = 1024 * 1024


class Memory(Workload):
    """Proportional memory (PSS) divides what processes share among those that share it.

    The few pages of the interpreter's own binary are also shared with the benchmark's processes.
    """

    title = "idle pool of two after a first result: summed proportional memory (PSS)"
    metrics = (
        Metric("pss_mib", "MiB", "lower"),
        Metric("processes", "processes", "lower"),
    )
    opens = "nothing"
    fresh = True

    def variants(self, peer: Peer) -> Sequence[str]:
        return ["idle"] if peer.script else []

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        with script.running(script.source(script.of(peer), "in the script", all_workers=True)):
            sleep(SETTLE_SECONDS)
            # This process adopts orphans, so its descendants are all that the script started.
            pids = descendants(os.getpid())
            total = sum(proportional_bytes(pid) for pid in pids)
            return {"pss_mib": total / MIB, "processes": len(pids)}


WORKLOAD = Memory()
