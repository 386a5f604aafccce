"""Many seeds on many cores, and what came of them together."""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from time import perf_counter

from elsewhere.testing.run import Report, run_seed

REPEATED_EVERY = 10
"""Every so many seeds one runs twice: the second time every invariant is checked after every step."""
SEEDS_AT_ONCE = 5
PROBES = (
    "calls waited outside the machine",
    "a message arrived after its worker was gone",
    "mail arrived at a dead worker",
    "a worker died with outcomes that it had not sent",
    "a worker ended before its kill arrived",
    "an outcome came from an attempt that is over",
    "a killed worker was in another call",
    "a call failed while the client wanted it back",
    "a worker was robbed",
    "a recalled attempt had begun",
    "a worker was asked to share",
    "a worker died while calls were parked in it",
    "a worker that leaves took a call beside those that it had parked",
    "a parked call went on",
    "a parked call was interrupted",
    "a call died of what it had asked for",
    "a worker was killed from outside",
    "a death was excused",
    "a call joined another with the same key",
    "a call would have waited for itself",
    "a result was found in the store",
    "a damaged row was a miss",
    "a client's process was killed",
    "a call waited for an input",
    "an input was settled before its call came",
    "an input was given to a call that is over",
    "a call failed because an input had",
    "calls failed because of an input in several steps",
    "an attempt was missing",
    "an attempt was unready",
    "a client missed a value",
    "a client was told again",
    "a lost value was made again",
    "a value was lost for good",
    "a value was moved",
    "a value was not moved",
    "a large value was shared by several who asked",
    "one of several futures of a value was dropped",
    "a remembered value stayed where it was made",
    "a remembered value was made again for who missed it",
    "a value was lost while it was being written",
    "a value could not be written",
    "a value was handed on",
    "a large value came out that nobody was to have",
    "a node was lost",
    "a provider failed",
    "a resource was given up",
    "a call was sent to who had what it needs",
    "something was made ahead",
    "nobody had what a call needs",
    "a worker was let in because calls had waited for long",
    "a worker was let in because the line was worth it",
    "a worker idled beside calls that wait for another one",
)
"""Rare branches that a campaign of some size has to reach."""


@dataclass(slots=True)
class Summary:
    """What came of a campaign. Adding a report keeps no more of it than its counts."""

    seeds: int = 0
    repeated: int = 0
    steps: int = 0
    events: int = 0
    checks: int = 0
    simulated_seconds: float = 0.0
    core_seconds: float = 0.0
    wall_seconds: float = 0.0
    faultless: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    probes: Counter[str] = field(default_factory=Counter)
    violations: list[tuple[int, str]] = field(default_factory=list)

    def add(self, report: Report) -> None:
        self.seeds += 1
        self.steps += report.steps
        self.events += report.events
        self.checks += report.checks
        self.simulated_seconds += report.simulated_seconds
        self.core_seconds += report.seconds
        self.faultless += not report.kinds
        self.faults += report.faults
        self.verdicts += report.verdicts
        self.probes += report.probes
        if report.violation:
            self.violations.append((report.seed, report.violation))

    @property
    def unreached(self) -> list[str]:
        return [probe for probe in PROBES if not self.probes[probe]]


def run_checked(seed: int) -> Report:
    """Run a seed; if it is one of the sample, run it twice and compare the hashes."""
    report = run_seed(seed)
    if seed % REPEATED_EVERY == 0 and not report.violation:
        again = run_seed(seed, check_every=1)
        report.violation = again.violation
        if again.hash != report.hash:
            report.violation = f"two runs differ: hash {report.hash}, then {again.hash}"
    return report


def run_some(seeds: list[int]) -> list[Report]:
    return [run_checked(seed) for seed in seeds]


def run_campaign(seeds: range, jobs: int) -> Summary:
    """Run seeds in order, up to the first violation."""
    summary = Summary()
    begun = perf_counter()
    for report in _run_all(seeds, jobs):
        summary.add(report)
        summary.repeated += report.seed % REPEATED_EVERY == 0
        if report.violation:
            break
    summary.wall_seconds = perf_counter() - begun
    return summary


def _run_all(seeds: range, jobs: int) -> Iterator[Report]:
    if jobs == 1:
        yield from map(run_checked, seeds)
        return
    some = [list(seeds[at : at + SEEDS_AT_ONCE]) for at in range(0, len(seeds), SEEDS_AT_ONCE)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as processes:
        try:
            yield from _flatten(processes.map(run_some, some))
        finally:
            processes.shutdown(cancel_futures=True)


def _flatten(reports: Iterable[list[Report]]) -> Iterator[Report]:
    for some in reports:
        yield from some
