"""Girder's demonstration: jobs whose calls inside calls are the same, so that few have to run."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.peer import WORKERS, Inside, Peer
from benchmarks.workload import Metric, Scale, Workload, WrongResult, check_equal, timed

JOBS = 10
SECONDS = 0.001
LEVELS = (3, 8)
REPETITIONS = 5


class Bogosity(Workload):
    """Overhead is what passes beyond the work of all runs on two workers, for each call asked for.

    With nothing shared, level 3 would be 160 calls and level 8 more than a million.
    """

    title = (
        f"{JOBS} jobs that all ask for level - 1, level - 2, ... calls of {1000 * SECONDS:g} ms: "
        "runs beyond one for each distinct call, and overhead for each call asked for"
    )
    metrics = (
        *(Metric(f"overhead_us_level_{level}", "us", "lower") for level in LEVELS),
        *(Metric(f"runs_level_{level}", "runs", "lower") for level in LEVELS),
    )
    opens = "nothing"

    def variants(self, peer: Peer) -> Sequence[str]:
        return [name for name, idiom in peer.insides().items() if idiom.run.bogosity]

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        inside = peer.insides()[variant].run
        measured: dict[str, float] = {}
        with tempfile.TemporaryDirectory() as folder, inside.opened(WORKERS):
            for level in LEVELS:
                many = [
                    run(inside, level, Path(folder) / f"level-{level}-{number}")
                    for number in range(1 + REPETITIONS)
                ]
                # The first also loads what calls inside calls need.
                overhead = median(seconds for seconds, _ in many[1:]) / asked(level)
                measured[f"overhead_us_level_{level}"] = 1e6 * overhead
                measured[f"runs_level_{level}"] = max(runs for _, runs in many)
        return measured


def run(inside: Inside, level: int, notes: Path) -> tuple[float, int]:
    """Return the seconds beyond those of the work, and how many calls ran."""
    assert inside.bogosity is not None
    bogosity = inside.bogosity
    seconds, named = timed(lambda: bogosity(SECONDS, JOBS, level, str(notes)))
    check_equal(named, distinct(level))
    runs = notes.stat().st_size
    if runs < len(named):
        raise WrongResult(f"{len(named)} different calls, of which {runs} ran")
    return seconds - len(named) * SECONDS / WORKERS, runs


def distinct(level: int) -> frozenset[tuple[int, int]]:
    """Return the jobs and levels of all calls that differ."""
    top = {(job, level) for job in range(JOBS)}
    return frozenset(top | {(job, low) for low in range(level) for job in range(low + 1)})


def asked(level: int) -> int:
    """Return how many calls are asked for: the jobs, and what each call that runs asks for."""
    return JOBS + sum(low for _, low in distinct(level))


WORKLOAD = Bogosity()
