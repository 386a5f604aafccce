"""Products of one matrix with many vectors: a function that carries a large value."""

import itertools
from collections.abc import Mapping, Sequence

from benchmarks import matrices
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, WrongResult, timed

SIZE = 1024
VECTORS = 1000


class Matvec(Workload):
    """The matrix is new in each round, so that no library can have it in its workers already."""

    title = f"{VECTORS:,} products of a {SIZE}² matrix and a vector, the function holds the matrix"
    metrics = (
        Metric("seconds", "s", "lower"),
        Metric("times_serial", "x serial", "lower"),
        Metric("serial_seconds", "s", "lower", shown=False),
    )

    library = "numpy"

    def __init__(self) -> None:
        self._seeds = itertools.count()

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.products())

    def prepare(self, peer: Peer, scale: Scale) -> None:
        problem = matrices.random_problem(8, next(self._seeds))
        vectors = matrices.random_vectors(8, 16, next(self._seeds))
        for idiom in peer.products().values():
            with idiom.run(problem) as products:
                products(vectors)

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        idiom = peer.products()[variant]
        problem = matrices.random_problem(SIZE, next(self._seeds))
        vectors = matrices.random_vectors(SIZE, VECTORS, next(self._seeds))
        serial_seconds, _ = timed(lambda: [problem.closure(vector) for vector in vectors])
        part = vectors[: scale.count(VECTORS, idiom.fewer)]
        with idiom.run(problem) as products:
            seconds, results = timed(lambda: products(part))
        if not matrices.are_close(results, [problem.closure(vector) for vector in part]):
            raise WrongResult("the products differ from those computed here")
        seconds *= VECTORS / len(part)
        return {
            "seconds": seconds,
            "times_serial": seconds / serial_seconds,
            "serial_seconds": serial_seconds,
        }


WORKLOAD = Matvec()
