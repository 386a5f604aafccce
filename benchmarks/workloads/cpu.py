"""A pure-Python function that takes long, over a few items: the speed-up over one core."""

from collections.abc import Mapping, Sequence

from benchmarks.functions import nth_prime, same
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, check_equal, timed

ITEMS = 64
# About 45 ms of pure Python on a core of 2023.
NTH = 15_000


class Cpu(Workload):
    title = f"pure-Python nth prime x {ITEMS}, speed-up over serial in the same process"
    metrics = (
        Metric("speed_up", "x", "higher"),
        Metric("seconds", "s", "lower", shown=False),
        Metric("serial_seconds", "s", "lower", shown=False),
    )

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.costly_maps())

    def prepare(self, peer: Peer, scale: Scale) -> None:
        for idiom in peer.costly_maps().values():
            idiom.run(same, range(8))

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        idiom = peer.costly_maps()[variant]
        # 64 does not divide by the quick divisor; 16 leaves both workers busy to the end.
        items = [NTH] * (16 if scale.quick else ITEMS)
        serial_seconds, expected = timed(lambda: [nth_prime(item) for item in items])
        seconds, results = timed(lambda: idiom.run(nth_prime, items))
        check_equal(results, expected)
        return {
            "speed_up": serial_seconds / seconds,
            "seconds": seconds,
            "serial_seconds": serial_seconds,
        }


WORKLOAD = Cpu()
