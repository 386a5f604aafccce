"""The seam between the runner and what is measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Literal, Protocol, TypeVar

from benchmarks.environments import Library
from benchmarks.peer import Peer

QUICK_DIVISOR = 10

Result = TypeVar("Result")


class WrongResult(Exception):
    """A peer returned something else than the workload's results."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One number that a workload measures; one that is not `shown` is only recorded."""

    name: str
    unit: str
    better: Literal["higher", "lower"]
    shown: bool = True

    @property
    def label(self) -> str:
        return f"{self.name.replace('_', ' ')}, {self.better} is better"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of a workload is run."""

    quick: bool = False

    def count(self, full: int, fewer: int = 1) -> int:
        """Return how many of `full` calls to make, at least two."""
        return max(2, full // fewer // (QUICK_DIVISOR if self.quick else 1))


class Workload(Protocol):
    """What is measured, in the process of a peer.

    `opens`: what is opened before `prepare`. `fresh`: each measurement has a process of its own,
    and nothing else of the benchmark runs beside it. `library`: it is on the path of the peers,
    of which some import it, with what it costs, wherever they find it. `prepare` warms up, and its
    time does not count. The first metric is the main one.
    """

    title: str
    metrics: tuple[Metric, ...]
    opens: Literal["pool", "cluster", "nothing"] = "pool"
    fresh: bool = False
    library: Library | None = None
    limit_seconds: float = 120.0

    def variants(self, peer: Peer) -> Sequence[str]: ...

    def prepare(self, peer: Peer, scale: Scale) -> None:
        return

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]: ...


def timed(run: Callable[[], Result]) -> tuple[float, Result]:
    """Return the seconds that `run` took, and its result."""
    started = perf_counter()
    result = run()
    return perf_counter() - started, result


def check_equal(result: object, expected: object) -> None:
    """Raise WrongResult unless the results are the expected ones."""
    if result != expected:
        raise WrongResult(f"expected {str(expected)[:60]}…, got {str(result)[:60]}…")
