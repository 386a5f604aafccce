"""What it costs to be given something that is there already."""

from collections.abc import Mapping, Sequence
from functools import partial

from benchmarks.functions import same
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, check_equal, timed

ITEMS = 100_000


class Injected(Workload):
    title = f"a no-op that is given a resource, {ITEMS:,} times, against one that is not"
    metrics = (Metric("microseconds", "µs", "lower"),)

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.maps_of_given())

    def prepare(self, peer: Peer, scale: Scale) -> None:
        for idiom in peer.maps_of_given().values():
            for function in (same, idiom.run.function):
                idiom.run.map(function, range(scale.count(ITEMS, 10)))

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        run = peer.maps_of_given()[variant].run
        items = range(scale.count(ITEMS))
        seconds = {}
        for function in (same, run.function):
            seconds[function], values = timed(partial(run.map, function, items))
            check_equal(values, list(items))
        return {"microseconds": 1e6 * (seconds[run.function] - seconds[same]) / len(items)}


WORKLOAD = Injected()
