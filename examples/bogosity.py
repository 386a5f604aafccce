"""Girder's bogosity: jobs that ask for jobs, most of which others have asked for too.

A job asks for as many jobs of the next lower level as its level says, takes a moment, and returns a
text of what it got. Each different job runs once, however many ask for it; this is counted, and the
program fails if it is not so.

Run: .venv/bin/python examples/bogosity.py [LEVEL]
"""

import sys
import tempfile
import time
from pathlib import Path

import elsewhere
from elsewhere import Pool

JOBS = 10
JOB_SECONDS = 0.001
WORKERS = 2


@elsewhere.task(pure=True)
def bogosity(job: int, level: int, tally: str) -> str:
    parts = elsewhere.map(bogosity, range(level), [level - 1] * level, [tally] * level)
    text = f"bogosity {job} at {level}: [{', '.join(parts)}]"
    time.sleep(JOB_SECONDS)
    # What must not be done in a pure function, and shows here how often it really runs.
    with open(tally, "ab") as file:
        file.write(b".")
    return text


def count_calls(level: int) -> int:
    """How many calls one job of this level is made of, itself included."""
    return 1 + level * count_calls(level - 1) if level else 1


def run_jobs(level: int, tally: Path) -> int:
    """Run all jobs, say how it went; how many calls were run."""
    began = time.perf_counter()
    texts = list(elsewhere.map(bogosity, range(JOBS), [level] * JOBS, [str(tally)] * JOBS))
    seconds = time.perf_counter() - began
    executions = tally.stat().st_size
    overhead = (seconds * WORKERS - executions * JOB_SECONDS) / executions
    print(
        f"{tally.name}: {executions} executions in {seconds:.3f} s, "
        f"{overhead * 1000:.2f} ms of a worker for each beside its {JOB_SECONDS * 1000:g} ms; "
        f"{sum(map(len, texts)):,} characters came back"
    )
    return executions


if len(sys.argv) > 2 or not all(argument.isdecimal() for argument in sys.argv[1:]):
    sys.exit("usage: bogosity.py [LEVEL], a number from 0 on")
level = int(sys.argv[1]) if len(sys.argv) == 2 else 3
# Below the top there are as many different jobs of a level as the level above asks for.
distinct = JOBS + sum(range(1, level + 1))
print(f"{JOBS * count_calls(level):,} calls are asked for, {distinct} of them different")
with tempfile.TemporaryDirectory() as folder, Pool(WORKERS):
    # The file's name is an argument, so the second time nothing is remembered from the first.
    runs = [run_jobs(level, Path(folder, name)) for name in ("workers starting", "workers warm")]
if runs != [distinct, distinct]:
    sys.exit(f"each different call should have run once: {distinct} executions, not {runs}")
