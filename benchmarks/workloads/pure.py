"""A tree of pure calls which all differ, so that each is claimed, run and remembered."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from statistics import median

from benchmarks.peer import WORKERS, Peer
from benchmarks.trees import check_fib, deepest_fib, fib_calls
from benchmarks.workload import Metric, Scale, Workload, timed

DEPTH = 17
REPETITIONS = 5


class Pure(Workload):
    title = f"fib({DEPTH}) of pure calls, {fib_calls(DEPTH):,} different keys, store in memory"
    metrics = (Metric("microseconds", "us", "lower"),)
    opens = "nothing"

    def variants(self, peer: Peer) -> Sequence[str]:
        return [name for name, idiom in peer.insides().items() if idiom.run.fib_apart]

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        inside = peer.insides()[variant].run
        depth = deepest_fib(scale.count(fib_calls(DEPTH)))
        paths = map(str, count())
        times = []
        with inside.opened(WORKERS) as call:
            call(inside.fib_apart, 4, next(paths))
            for _ in range(REPETITIONS):
                # What was asked for before is remembered.
                path = f"{next(paths)} "
                seconds, value = timed(partial(call, inside.fib_apart, depth, path))
                check_fib(depth, value)
                times.append(seconds)
        return {"microseconds": 1e6 * median(times) / fib_calls(depth)}


WORKLOAD = Pure()
