"""Many inferences by one model: how much time is saved by keeping what calls need."""

from collections.abc import Mapping, Sequence

from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload

CALLS = 100
PICTURES = 16


class Inference(Workload):
    title = (
        f"{CALLS * PICTURES:,} inferences in {CALLS} calls, with nothing kept between them and with "
        "everything in memory"
    )
    metrics = (
        Metric("less_percent", "%", "higher"),
        Metric("none_seconds", "s", "lower"),
        Metric("disk_seconds", "s", "lower"),
        Metric("memory_seconds", "s", "lower"),
    )
    opens = "nothing"
    limit_seconds = 600.0

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.inferences())

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        seconds = peer.inferences()[variant].run(scale.count(CALLS))
        found = {f"{level}_seconds": value for level, value in seconds.items()}
        return {"less_percent": 100 * (1 - seconds["memory"] / seconds["none"]), **found}


WORKLOAD = Inference()
