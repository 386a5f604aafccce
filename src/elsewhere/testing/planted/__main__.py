"""Plant each bug alone, and see which seed finds it. Exits with 1 if one is not found."""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from elsewhere.cpus import usable_cpus
from elsewhere.testing.planted import PLANTED
from elsewhere.testing.planted.finding import SEEDS_MAX, find


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m elsewhere.testing.planted",
        description="Plant bugs in the machine, one at a time, and let the simulation find them.",
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="those with this in their name")
    parser.add_argument("--seeds", type=int, default=SEEDS_MAX, help=f"at most ({SEEDS_MAX})")
    parser.add_argument("--jobs", type=int, default=usable_cpus(), help="processes (usable cores)")
    options = parser.parse_args(arguments)
    bugs = [bug for bug in PLANTED if options.only in bug]
    if not bugs:
        parser.error(f"no planted bug has {options.only!r} in its name")
    found = 0
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as processes:
        results = processes.map(find, bugs, [options.seeds] * len(bugs))
        for bug, result in zip(bugs, results, strict=True):
            if result is None:
                print(f"  not found  {bug}")
            else:
                found += 1
                print(f"seed {result.seed:>6}  {bug}: {result.violation[:100]}")
    print(f"found {found} of {len(bugs)}")
    return 0 if found == len(bugs) else 1


if __name__ == "__main__":
    sys.exit(main())
