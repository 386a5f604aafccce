"""A map over a long generator, results taken one by one: what the client must remember."""

from collections.abc import Mapping, Sequence

from benchmarks.functions import counted, same
from benchmarks.peer import Peer
from benchmarks.processes import peak_resident_bytes, reset_peak, resident_bytes
from benchmarks.workload import Metric, Scale, Workload, check_equal, timed

ITEMS = 1_000_000


class Stream(Workload):
    """The growth is the client's highest resident memory less that before the map."""

    title = f"{ITEMS:,} items through map from a generator"
    metrics = (
        Metric("growth_mb", "MB", "lower"),
        Metric("items_per_second", "items/s", "higher"),
    )
    # A client that has streamed once keeps the memory and would not grow again.
    fresh = True
    limit_seconds = 240.0

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.streams())

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        idiom = peer.streams()[variant]
        # Not reduced when quick: growth is the question, and a few seconds answer it.
        reset_peak()
        before = resident_bytes()
        seconds, total = timed(lambda: sum(idiom.run(same, counted(ITEMS))))
        growth = peak_resident_bytes() - before
        check_equal(total, ITEMS * (ITEMS - 1) // 2)
        return {"growth_mb": growth / 1e6, "items_per_second": ITEMS / seconds}


WORKLOAD = Stream()
