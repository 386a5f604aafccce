"""A map of a no-op over many items: what a library's chunking is worth."""

from collections.abc import Mapping, Sequence

from benchmarks.functions import same
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, check_equal, timed

ITEMS = 100_000


class Map(Workload):
    title = f"map of {ITEMS:,} no-ops"
    metrics = (Metric("items_per_second", "items/s", "higher"),)

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.cheap_maps())

    def prepare(self, peer: Peer, scale: Scale) -> None:
        for idiom in peer.cheap_maps().values():
            idiom.run(same, range(100))

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        # Not reduced when quick: the rate of a good map would be that of its first chunks.
        idiom = peer.cheap_maps()[variant]
        count = Scale().count(ITEMS, idiom.fewer)
        seconds, results = timed(lambda: idiom.run(same, range(count)))
        check_equal(results, list(range(count)))
        return {"items_per_second": count / seconds}


WORKLOAD = Map()
