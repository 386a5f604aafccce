"""From nothing to a first result, and what an import costs, each in fresh processes."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from statistics import median
from typing import cast

from benchmarks import script
from benchmarks.peer import Peer
from benchmarks.workload import Metric, Scale, Workload, timed

STARTS = 3
IMPORTS = 20
# A peer that takes this long is started once a round.
LONG_SECONDS = 0.5


class Startup(Workload):
    title = "fresh process: import to first result, and the import alone"
    metrics = (
        Metric("first_result_ms", "ms", "lower"),
        Metric("import_ms", "ms", "lower"),
    )
    opens = "nothing"
    fresh = True

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(script.DEFINITIONS) if peer.script else []

    def prepare(self, peer: Peer, scale: Scale) -> None:
        # Compiles what has no .pyc yet.
        if peer.script:
            interpreter_seconds(peer.script.imports)

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        first_results = {"first_result_ms": 1000 * first_result_seconds(peer, variant)}
        if variant != self.variants(peer)[0]:
            return first_results
        return first_results | {"import_ms": 1000 * import_seconds(peer, scale.count(IMPORTS))}


def first_result_seconds(peer: Peer, variant: str) -> float:
    """Return the median over some processes, each timed by its own clock before the import."""
    definition = cast(script.Definition, variant)
    program = script.source(script.of(peer), definition, all_workers=False)
    times: list[float] = []
    while len(times) < STARTS:
        with script.running(program) as seconds:
            times.append(seconds)
        if seconds > LONG_SECONDS:
            break
    return median(times)


def import_seconds(peer: Peer, count: int) -> float:
    """Return what the import adds to an empty interpreter's whole run, in medians."""
    pairs = [
        (interpreter_seconds(f"import {script.of(peer).package}"), interpreter_seconds("pass"))
        for _ in range(count)
    ]
    return median(pair[0] for pair in pairs) - median(pair[1] for pair in pairs)


def interpreter_seconds(program: str) -> float:
    command = [sys.executable, "-c", program]
    seconds, _ = timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    return seconds


WORKLOAD = Startup()
