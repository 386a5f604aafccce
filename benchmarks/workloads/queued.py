"""Calls that are all queued before the first can begin: what a long queue costs each of them."""

from collections.abc import Mapping, Sequence

from benchmarks.functions import same
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload

MANY = 100_000
FEW = 1000


class Queued(Workload):
    """The rate is of queueing, while all workers are kept from work, and of running together."""

    title = f"{MANY:,} no-ops queued at once, against {FEW:,} at a time"
    metrics = (
        Metric("ratio", "x", "higher"),
        Metric("calls_per_second", "calls/s", "higher"),
        Metric("few_per_second", "calls/s", "higher", shown=False),
    )
    limit_seconds = 240.0

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.queued())

    def prepare(self, peer: Peer, scale: Scale) -> None:
        for idiom in peer.queued().values():
            idiom.run(same, FEW)

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        idiom = peer.queued()[variant]
        # Not reduced when quick: how long the queue is, is the question.
        times = scale.count(MANY // FEW) // 2
        before = sum(idiom.run(same, FEW) for _ in range(times))
        many = MANY / idiom.run(same, MANY)
        few = 2 * times * FEW / (before + sum(idiom.run(same, FEW) for _ in range(times)))
        return {"ratio": many / few, "calls_per_second": many, "few_per_second": few}


WORKLOAD = Queued()
