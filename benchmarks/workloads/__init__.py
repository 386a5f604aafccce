"""The workloads, one file each, each with one `Workload` named WORKLOAD."""

import importlib

from benchmarks.workload import Workload

NAMES = (
    *("submit", "latency", "map", "cpu", "matvec", "startup", "memory", "initializer", "stream"),
    *("setup", "injected", "held", "inference"),
    *("store", "keys", "corpus"),
    *("nested", "pure", "children", "parked", "bogosity", "remembered", "queued"),
    *("shared", "pipeline", "spill", "chain", "mapreduce", "graphs", "fetch"),
)


def load_workload(name: str) -> Workload:
    """Return the workload called `name`; ImportError if a package that it needs is missing."""
    workload: Workload = importlib.import_module(f"benchmarks.workloads.{name}").WORKLOAD
    return workload
