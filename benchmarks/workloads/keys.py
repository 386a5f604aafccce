"""The key of a call, and the digest of a large array against the hash function alone."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np

from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, timed

CALLS = 100_000
SMALL = ((1, "x", (1, 2, 3, 4, 5)),)
LARGE_BYTES = 100_000_000


class Keys(Workload):
    title = "the key of (int, str, tuple of 5); of an array of 100 MB, in times of blake2b"
    metrics = (
        Metric("microseconds", "us", "lower"),
        Metric("times_blake2b", "times", "lower"),
    )
    opens = "nothing"
    library = "numpy"

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.hashes())

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        idiom = peer.hashes()[variant]
        calls = scale.count(CALLS)
        seconds, _ = timed(lambda: [idiom.run(SMALL) for _ in range(calls)])
        array = np.arange(scale.count(LARGE_BYTES // 8))
        alone, _ = timed(lambda: blake2b(array.data, digest_size=32).digest())
        whole, _ = timed(lambda: idiom.run((array,)))
        return {"microseconds": 1e6 * seconds / calls, "times_blake2b": whole / alone}


WORKLOAD = Keys()
