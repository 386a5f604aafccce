"""Which seed finds a planted bug."""

from typing import NamedTuple

from elsewhere.testing.planted import PLANTED, Patch
from elsewhere.testing.run import run_seed

SEEDS_MAX = 2000


class Found(NamedTuple):
    seed: int
    violation: str


def find(bug: str, seeds: int = SEEDS_MAX) -> Found | None:
    """The first of so many seeds that breaks a promise or an invariant with this bug planted."""
    with Patch() as patch:
        PLANTED[bug](patch)
        for seed in range(seeds):
            report = run_seed(seed)
            if report.violation:
                return Found(seed, report.violation)
    return None
