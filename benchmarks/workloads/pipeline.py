"""Values that calls make for other calls, and that the client never looks at."""

from collections.abc import Mapping, Sequence

from benchmarks import arrays
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, check_equal, timed

CHUNKS = 64
ITEMS = 2_000_000
CHUNK_MB = ITEMS * arrays.ITEM_BYTES // 1_000_000


class Pipelined(Workload):
    """A quick run has smaller chunks."""

    title = f"{CHUNKS} chunks of {CHUNK_MB} MB: made by one call each, changed by a second, reduced"
    metrics = (
        Metric("seconds", "s", "lower"),
        Metric("gb_per_second", "GB/s", "higher", shown=False),
    )
    library = "numpy"

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.pipelines())

    def prepare(self, peer: Peer, scale: Scale) -> None:
        # Whoever uses memory again has used it before.
        for variant in peer.pipelines():
            self.measure(peer, variant, scale)

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        stages = arrays.stages(CHUNKS, scale.count(ITEMS))
        run = peer.pipelines()[variant].run
        seconds, reduced = timed(lambda: run(stages))
        check_equal(reduced, arrays.reduced(stages))
        return {
            "seconds": seconds,
            "gb_per_second": stages.chunks * stages.chunk_bytes / 1e9 / seconds,
        }


WORKLOAD = Pipelined()
