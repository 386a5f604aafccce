"""Pure calls in a pool with a store: different ones, written durably; then hits of a new client."""

from benchmarks.peer import Idioms, Peer, Remembering
from benchmarks.workloads.store import RESULTS, Store


class Remembered(Store):
    title = f"{RESULTS:,} different pure no-ops, durable; then asked for in another order, as hits"

    def idioms(self, peer: Peer) -> Idioms[Remembering]:
        return peer.pure_calls()


WORKLOAD = Remembered()
