"""Girder's bogosity: requests that make requests, some of which others make too.

Every job asks for `level` jobs of the next lower level, sleeps for a moment and returns a text of what
it got. Most of them are asked for many times over, and each runs once. Run it with
``python examples/bogosity.py [level]``.
"""

import sys
import time

import elsewhere
from elsewhere import Pool

JOBS = 10
SECONDS = 0.001


@elsewhere.task(pure=True)
def bogosity(job, level, run):
    parts = list(elsewhere.map(bogosity, range(level), [level - 1] * level, [run] * level))
    time.sleep(SECONDS)
    print(f"ran {job} at level {level}")
    return f"bogosity {job} at {level}: [{', '.join(parts)}]"


def count_calls(level):
    """How many calls one job makes, itself included."""
    return 1 + level * count_calls(level - 1) if level else 1


def count_distinct(level):
    """How many of the calls of `JOBS` jobs differ."""
    return JOBS + sum(range(1, level + 1))


if __name__ == "__main__":
    level = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with Pool(2, record=True) as pool:
        began = time.perf_counter()
        texts = list(elsewhere.map(bogosity, range(JOBS), [level] * JOBS, ["a run"] * JOBS))
        seconds = time.perf_counter() - began
        ran = len(pool.timeline())
    asked, distinct = JOBS * count_calls(level), count_distinct(level)
    print(f"{asked} calls, {distinct} of them different, took {seconds:.3f} s; ")
    print(f"the longest text has {max(map(len, texts))} characters")
