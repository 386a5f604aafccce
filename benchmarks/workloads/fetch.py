"""A large file that calls read on several nodes, each of which has a disk folder of its own."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.fetching import write_file
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, check_equal, timed

MEBIBYTE = 2**20
# So that as much is written in each.
MEBIBYTES = {2: 500, 8: 125}


class Fetch(Workload):
    title = "a file brought to nodes: 500 MB to two of them, 125 MB to eight"
    metrics = (
        Metric("seconds", "s", "lower"),
        Metric("copies_per_node", "copies", "lower"),
        Metric("most_from_one", "copies", "lower"),
    )
    opens = "nothing"

    def variants(self, peer: Peer) -> Sequence[str]:
        return [f"{way}, {nodes} nodes" for way in peer.fetches() for nodes in MEBIBYTES]

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        way, _, rest = variant.rpartition(", ")
        nodes = int(rest.partition(" ")[0])
        nbytes = scale.count(MEBIBYTES[nodes]) * MEBIBYTE
        with tempfile.TemporaryDirectory() as folder, peer.fetches()[way].run(nodes) as fetch:
            path = Path(folder) / "large"
            write_file(path, nbytes)
            seconds, fetched = timed(lambda: fetch(path))
        check_equal(fetched.sizes, [nbytes] * nodes)
        return {
            "seconds": seconds,
            "copies_per_node": fetched.sent.copies / nodes,
            "most_from_one": fetched.sent.most,
        }


WORKLOAD = Fetch()
