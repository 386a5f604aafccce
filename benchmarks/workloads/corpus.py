"""Edits and changes of environment: is an answer that was remembered found exactly if it is good?"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.environments import ROOT
from benchmarks.peer import Peer
from benchmarks.remembering import FOUND, REFUSED
from benchmarks.workload import QUICK_DIVISOR, Metric, Scale, Workload
from tests.corpus import case
from tests.corpus.cases import CASES


class Corpus(Workload):
    title = f"{len(CASES)} edits and environments, each in fresh processes: wrong answers"
    metrics = (
        Metric("stale", "answers", "lower"),
        Metric("needless", "runs", "lower"),
        Metric("refused", "calls", "lower"),
    )
    opens = "nothing"
    library = "numpy"
    limit_seconds = 900.0

    def variants(self, peer: Peer) -> Sequence[str]:
        return list(peer.remembers())

    def measure(self, peer: Peer, variant: str, scale: Scale) -> Mapping[str, float]:
        cases = CASES[:: QUICK_DIVISOR if scale.quick else 1]
        with tempfile.TemporaryDirectory() as scratch:
            # The peer's process was started with its name, and starts others like itself.
            name = sys.argv[1]
            sides = [
                answers(Path(scratch), cases, side, name, variant) for side in ("before", "after")
            ]
        return count(cases, *sides)


def answers(
    scratch: Path, cases: Sequence[case.Case], side: str, peer: str, variant: str
) -> list[str]:
    """Return what the peer says of each case; each side has another folder and hash seed."""
    projects, stores = scratch / side / "projects", scratch / "stores"
    stores.mkdir(exist_ok=True)
    for place, one in enumerate(cases):
        for name, text in getattr(one, side).items():
            path = projects / f"{place}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    command = ["benchmarks.remembering", peer, variant, str(projects), str(stores)]
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(len(side)), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    said = json.loads(done.stdout)
    return [said[f"{place}"] for place in range(len(cases))]


def count(
    cases: Sequence[case.Case], before: Sequence[str], after: Sequence[str]
) -> Mapping[str, float]:
    """Count the cases in which a peer is wrong. What it may refuse, it may."""
    counts = dict.fromkeys(("stale", "needless", "refused"), 0)
    for one, first, second in zip(cases, before, after, strict=True):
        if REFUSED in (first.partition(":")[0], second.partition(":")[0]):
            counts["refused"] += one.expected != case.REFUSED
        elif second == FOUND:
            counts["stale"] += one.expected != case.SAME
        else:
            counts["needless"] += one.expected == case.SAME
    return counts


WORKLOAD = Corpus()
