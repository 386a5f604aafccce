"""The functions that make calls inside their calls, as a user of `elsewhere` writes them."""

import elsewhere
from benchmarks.functions import note_run, spin
from benchmarks.processes import resident_bytes


def fib(n: int) -> int:
    """Return the n-th Fibonacci number; every call but the smallest asks for two and waits."""
    if n < 2:
        return n
    one, other = elsewhere.spawn(fib, n - 1), elsewhere.spawn(fib, n - 2)
    return one.result() + other.result()


@elsewhere.task(pure=True)
def fib_apart(n: int, path: str) -> int:
    """Return the n-th Fibonacci number, with `path` as what tells each call from all others."""
    if n < 2:
        return n
    one = elsewhere.spawn(fib_apart, n - 1, f"{path}1")
    other = elsewhere.spawn(fib_apart, n - 2, f"{path}2")
    return one.result() + other.result()


def spread(count: int, seconds: float) -> list[int]:
    """Ask for `count` children that use a processor for `seconds` each; return their values."""
    children = [elsewhere.spawn(spin, item, seconds) for item in range(count)]
    return [child.result() for child in children]


def descend(depth: int) -> int:
    """Return the resident bytes of the worker with `depth` calls parked, each waiting for the next."""
    return elsewhere.call(descend, depth - 1) if depth else resident_bytes()


def measure_descent(depth: int) -> float:
    """Return by how many bytes a worker has grown for each of `depth` parked calls."""
    before = resident_bytes()
    return (elsewhere.call(descend, depth) - before) / depth


Named = frozenset[tuple[int, int]]


@elsewhere.task(pure=True)
def bogosity_job(seconds: float, job: int, level: int, notes: str) -> Named:
    """Ask for `level` jobs of the level below, then work; return the jobs and levels that took part.

    `notes` is the file in which every run is noted.
    """
    note_run(notes)
    below = [
        elsewhere.spawn(bogosity_job, seconds, child, level - 1, notes) for child in range(level)
    ]
    spin(job, seconds)
    return frozenset([(job, level)]).union(*[child.result() for child in below])


def bogosity(seconds: float, jobs: int, level: int, notes: str) -> Named:
    """Girder's demonstration: ask the pool in force for jobs that all ask for the same calls."""
    asked = [elsewhere.spawn(bogosity_job, seconds, job, level, notes) for job in range(jobs)]
    return frozenset[tuple[int, int]]().union(*[job.result() for job in asked])
