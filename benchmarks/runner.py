"""Runs the workloads: every peer once in a round, round after round."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.catalogue import Entry
from benchmarks.machine import this_machine
from benchmarks.processes import adopt_orphans, end_descendants, usage
from benchmarks.report import number
from benchmarks.results import PeerResult, Results, WorkloadResult
from benchmarks.session import PeerFailed, PeerMissing, Session
from benchmarks.workload import Workload
from benchmarks.workloads import load_workload

GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    workloads: Sequence[str]
    peers: Sequence[Entry]
    rounds: int
    quick: bool


def run(plan: Plan) -> Results:
    """Measure what the plan says; no process is left when it returns or raises."""
    machine = this_machine()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch:
        workloads = [run_workload(plan, name, Path(scratch)) for name in plan.workloads]
    return Results(
        machine=machine,
        started=started,
        rounds=plan.rounds,
        quick=plan.quick,
        workloads=workloads,
    )


def run_workload(plan: Plan, name: str, scratch: Path) -> WorkloadResult:
    """Measure one workload in alternation."""
    results = [PeerResult(name=entry.name) for entry in plan.peers]
    try:
        workload = load_workload(name)
    except ImportError as error:
        problem = f"not measured: {error}"
        return WorkloadResult(name=name, title=name, metrics=(), peers=(), problem=problem)
    with Stage.opened(plan, name, workload, scratch) as stage:
        for number in range(plan.rounds):
            for entry, result in zip(plan.peers, results, strict=True):
                if result.problem is None:
                    before = usage(os.getpid())
                    stage.measure(entry, result, f"{name} {number + 1}/{plan.rounds}")
                    after = usage(os.getpid())
                    result.seconds += after.taken - before.taken
                    result.others_seconds += after.others_since(before)
        stage.close_all(results)
    return WorkloadResult(name=name, title=workload.title, metrics=workload.metrics, peers=results)


@dataclass(slots=True)
class Stage:
    """The peers' processes during one workload; those that may stay warm do."""

    plan: Plan
    name: str
    workload: Workload
    scratch: Path
    sessions: dict[str, Session] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def opened(cls, plan: Plan, name: str, workload: Workload, scratch: Path) -> Iterator["Stage"]:
        """Yield a stage whose processes have all ended when the block is left."""
        stage = cls(plan, name, workload, scratch)
        try:
            yield stage
        finally:
            for session in stage.sessions.values():
                session.kill()
            end_descendants(os.getpid(), (), GRACE_SECONDS)

    def measure(self, entry: Entry, result: PeerResult, label: str) -> None:
        """Add one round to the result, or the problem that ends this peer's part."""
        metrics: dict[str, Mapping[str, float]] = {}
        try:
            session = self._session(entry, result)
            for variant in result.variants:
                metrics[variant] = session.measure(variant, self.workload.limit_seconds)
                measured = ", ".join(
                    f"{number(metrics[variant][metric.name])} {metric.unit}"
                    for metric in self.workload.metrics
                    if metric.shown and metric.name in metrics[variant]
                )
                show_progress(f"{label} {entry.name}, {variant}: {measured}")
            if self.workload.fresh or entry.restless:
                self._close(entry, result)
        except PeerMissing as error:
            result.problem = str(error)
        except PeerFailed as error:
            self.sessions.pop(entry.name, None)
            self._end_strays()
            result.problem = f"failed: {error}"
            show_progress(f"{label} {entry.name}: {result.problem}")
        if metrics:
            result.rounds.append(metrics)

    def close_all(self, results: Sequence[PeerResult]) -> None:
        for entry, result in zip(self.plan.peers, results, strict=True):
            if entry.name in self.sessions:
                try:
                    self._close(entry, result)
                except PeerFailed as error:
                    result.problem = f"measured, but failed to close: {error}"

    def _session(self, entry: Entry, result: PeerResult) -> Session:
        if entry.name not in self.sessions:
            session = Session(
                entry,
                self.name,
                library=self.workload.library,
                quick=self.plan.quick,
                scratch=self.scratch,
            )
            self.sessions[entry.name] = session
            try:
                ready = session.wait_ready()
            except PeerMissing:
                del self.sessions[entry.name]
                raise
            result.version, result.python = ready.version, ready.python
            result.variants = ready.variants
            if not ready.variants:
                result.problem = "has no such way"
        return self.sessions[entry.name]

    def _close(self, entry: Entry, result: PeerResult) -> None:
        session = self.sessions.pop(entry.name)
        session.close()
        result.left_behind += self._end_strays()

    def _end_strays(self) -> int:
        # The runner adopts what a peer's process leaves behind; the other peers are its children
        # as well.
        others = [session.pid for session in self.sessions.values()]
        return end_descendants(os.getpid(), others, GRACE_SECONDS)


def show_progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
