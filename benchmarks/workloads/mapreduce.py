"""A table in chunks: the means of its groups."""

from collections.abc import Mapping, Sequence

from benchmarks import frames
from benchmarks.peer import Peer, Table
from benchmarks.workload import Metric, Scale, Workload, check_equal, timed

ROWS = 10_000_000
CHUNKS = 64


class MapReduce(Workload):
    """Making the chunks is timed, for where they are made is a part of the question."""

    title = f"{ROWS // 1_000_000} M rows in {CHUNKS} pandas chunks: made, grouped, means of groups"
    metrics = (Metric("seconds", "s", "lower"),)
    library = "pandas"

    def __init__(self) -> None:
        self._expected: dict[int, float] = {}

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.averages())

    def prepare(self, peer: Peer, scale: Scale) -> None:
        self._expected = frames.means(table_of(scale))
        for variant in peer.averages():
            self.measure(peer, variant, scale)

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        table = table_of(scale)
        run = peer.averages()[variant].run
        seconds, means = timed(lambda: run(table))
        check_equal(means, self._expected)
        return {"seconds": seconds}


def table_of(scale: Scale) -> Table:
    return frames.table(CHUNKS, scale.count(ROWS // CHUNKS))


WORKLOAD = MapReduce()
