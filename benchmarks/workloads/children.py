"""One call that asks for many short ones: how much of two workers they can use."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor

from benchmarks.functions import same, spin
from benchmarks.peer import WORKERS, Peer
from benchmarks.workload import Metric, Scale, Workload, check_equal, timed

CHILDREN = 10_000
SECONDS = 0.001


class Children(Workload):
    """A child works by the wall clock, so what others take of the processors costs less.

    What they take nevertheless is told by processes that do the same work and nothing else.
    """

    title = (
        f"{CHILDREN:,} children of one call, {1000 * SECONDS:g} ms each: "
        f"times the ideal {CHILDREN * SECONDS / WORKERS:g} s"
    )
    metrics = (
        Metric("times_ideal", "times", "lower"),
        Metric("times_bare", "times", "lower"),
    )
    opens = "nothing"

    def variants(self, peer: Peer) -> Sequence[str]:
        return [name for name, idiom in peer.insides().items() if idiom.run.spread]

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        inside = peer.insides()[variant].run
        children = scale.count(CHILDREN)
        with inside.opened(WORKERS) as call:
            call(inside.spread, 2 * WORKERS, SECONDS)
            seconds, values = timed(lambda: call(inside.spread, children, SECONDS))
        check_equal(values, list(range(children)))
        return {
            "times_ideal": seconds / (children * SECONDS / WORKERS),
            "times_bare": seconds / bare_seconds(children),
        }


def bare_seconds(children: int) -> float:
    """Return the seconds that as many processes as workers need for an equal part each."""
    with ProcessPoolExecutor(WORKERS) as pool:
        list(pool.map(same, range(2 * WORKERS)))
        parts = [children // WORKERS] * WORKERS
        seconds, _ = timed(lambda: list(pool.map(work, parts)))
    return seconds


def work(children: int) -> None:
    for child in range(children):
        spin(child, SECONDS)


WORKLOAD = Children()
