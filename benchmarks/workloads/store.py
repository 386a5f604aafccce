"""Results that are remembered in a file: written one by one, then asked for by a new client."""

import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.functions import runs, same_counted
from benchmarks.peer import Idioms, Peer, Remembering
from benchmarks.workload import Metric, Scale, Workload, WrongResult, check_equal, timed

RESULTS = 100_000


class Store(Workload):
    title = f"{RESULTS:,} results of a no-op: remembered, then asked for in another order"
    metrics = (
        Metric("hits_per_second", "hits/s", "higher"),
        Metric("results_per_second", "results/s", "higher"),
    )
    opens = "nothing"
    limit_seconds = 600.0

    def idioms(self, peer: Peer) -> Idioms[Remembering]:
        return peer.remembering()

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(self.idioms(peer))

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        idiom = self.idioms(peer)[variant]
        items = list(range(scale.count(RESULTS, idiom.fewer)))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with idiom.run(same_counted, folder) as call_each:
                writing, results = timed(lambda: call_each(items))
                check_equal(results, items)
            before = runs()
            random.Random(len(items)).shuffle(items)
            with idiom.run(same_counted, folder) as call_each:
                reading, results = timed(lambda: call_each(items))
                check_equal(results, items)
            if runs() != before:
                raise WrongResult(f"{runs() - before} of {len(items)} results were not remembered")
        return {
            "hits_per_second": len(items) / reading,
            "results_per_second": len(items) / writing,
        }


WORKLOAD = Store()
