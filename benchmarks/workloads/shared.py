"""One large array that many calls read a little of: what it costs to have it in the workers."""

import itertools
import random
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from benchmarks import arrays
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, check_equal, timed

ITEMS = 8_000_000
CALLS = 200
WARM_UP_ITEMS = 200_000


class SharedArray(Workload):
    """The array is new in each round, so that no library can have it in its workers already."""

    title = (
        f"{ITEMS * arrays.ITEM_BYTES // 1_000_000} MB array, {CALLS} calls that read one element"
    )
    metrics = (Metric("seconds", "s", "lower"),)
    library = "numpy"

    def __init__(self) -> None:
        self._seeds = itertools.count()

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.shares())

    def prepare(self, peer: Peer, scale: Scale) -> None:
        for variant in peer.shares():
            self._read(peer, variant, WARM_UP_ITEMS)

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        # Not reduced when quick: how large the array is, is the question.
        return {"seconds": self._read(peer, variant, ITEMS)}

    def _read(self, peer: Peer, variant: str, items: int) -> float:
        seed = next(self._seeds)
        shared = arrays.random_shared(items, seed)
        indices = random.Random(seed).sample(range(items), CALLS)
        # Some give the array to their workers by starting them.
        with ExitStack() as stack:
            entering, read_each = timed(
                lambda: stack.enter_context(peer.shares()[variant].run(shared))
            )
            reading, values = timed(lambda: read_each(indices))
        check_equal(values, [arrays.read(shared.array, index) for index in indices])
        return entering + reading


WORKLOAD = SharedArray()
