"""Calls that ask for two calls and wait for both, on one worker and on two."""

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median

from benchmarks.peer import WORKERS, Peer
from benchmarks.trees import check_fib, deepest_fib, fib_calls
from benchmarks.workload import Metric, Scale, Workload, timed

DEPTH = 20
REPETITIONS = 5


class Nested(Workload):
    """The rates are medians of some runs in one pool; starting it is not timed."""

    title = f"fib({DEPTH}), {fib_calls(DEPTH):,} calls: every call asks for two and waits"
    metrics = (
        Metric("calls_per_second", "calls/s", "higher"),
        Metric("on_one_worker", "calls/s", "higher"),
        Metric("speed_up", "x", "higher"),
    )
    opens = "nothing"

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.insides())

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        idiom = peer.insides()[variant]
        depth = deepest_fib(fib_calls(DEPTH) // idiom.fewer)
        repetitions = REPETITIONS if idiom.fewer == 1 else 1
        rates: dict[int, float] = {}
        for workers in (1, WORKERS):
            with idiom.run.opened(workers) as call:
                # Some libraries start what their waiting calls need only now.
                call(idiom.run.fib, depth)
                times = []
                for _ in range(repetitions):
                    seconds, value = timed(partial(call, idiom.run.fib, depth))
                    check_fib(depth, value)
                    times.append(seconds)
            rates[workers] = fib_calls(depth) / median(times)
        return {
            "calls_per_second": rates[WORKERS],
            "on_one_worker": rates[1],
            "speed_up": rates[WORKERS] / rates[1],
        }


WORKLOAD = Nested()
