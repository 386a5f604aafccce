"""Values that calls make for other calls, four times more of them than memory is allowed for."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import arrays
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, check_equal, timed
from benchmarks.workloads.pipeline import CHUNK_MB, ITEMS

CHUNKS = 512
BUDGET_MB = 2048
WARM_UP_CHUNKS = 4


class Spill(Workload):
    """No chunk is changed before all are made. A quick run has smaller chunks and budget."""

    title = (
        f"{CHUNKS} chunks of {CHUNK_MB} MB, all made, then changed, then reduced, "
        f"with a budget of {BUDGET_MB / 1024:g} GB"
    )
    metrics = (Metric("seconds", "s", "lower"),)
    library = "numpy"
    opens = "nothing"
    limit_seconds = 600.0

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.spilling())

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        items = scale.count(ITEMS)
        stages, few = arrays.stages(CHUNKS, items), arrays.stages(WARM_UP_CHUNKS, items)
        opened = peer.spilling()[variant].run
        with (
            tempfile.TemporaryDirectory() as folder,
            opened(scale.count(BUDGET_MB) * 1024 * 1024, Path(folder)) as run,
        ):
            check_equal(run(few), arrays.reduced(few))
            seconds, reduced = timed(lambda: run(stages))
        check_equal(reduced, arrays.reduced(stages))
        return {"seconds": seconds}


WORKLOAD = Spill()
