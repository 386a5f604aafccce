"""Run ordinary functions elsewhere: on every core of this machine, and later on others.

    from elsewhere import Pool

    with Pool() as pool:
        print(list(pool.map(pow, range(5), [2] * 5)))

Names are loaded when they are first used, so importing the package costs next to nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elsewhere.ambient import as_completed, call, gather, map, spawn  # noqa: A004  # ours
    from elsewhere.calls.retention import ResourceLimits
    from elsewhere.calls.span import Span
    from elsewhere.chunked import Chunked
    from elsewhere.errors import (
        CallInterrupted,
        CallQuarantined,
        CallTimeout,
        CircularCall,
        DataLost,
        ElsewhereError,
        EnvironmentDiffers,
        EnvironmentWarning,
        FileChanged,
        InitializerFailed,
        NoKey,
        NotInstalled,
        NotPicklable,
        PlacementError,
        RemoteError,
        RemoteTraceback,
        StoreDamaged,
        StoreError,
        WorkerLost,
    )
    from elsewhere.future import Future
    from elsewhere.inject.depends import Depends
    from elsewhere.pool import Pool
    from elsewhere.reasons import why
    from elsewhere.shipping.files import DataFile, file
    from elsewhere.tasks import Task, task
    from elsewhere.timeline.timeline import Timeline

__version__ = "0.1.0"

__all__ = [
    "CallInterrupted",
    "CallQuarantined",
    "CallTimeout",
    "Chunked",
    "CircularCall",
    "DataFile",
    "DataLost",
    "Depends",
    "ElsewhereError",
    "EnvironmentDiffers",
    "EnvironmentWarning",
    "FileChanged",
    "Future",
    "InitializerFailed",
    "NoKey",
    "NotInstalled",
    "NotPicklable",
    "PlacementError",
    "Pool",
    "RemoteError",
    "RemoteTraceback",
    "ResourceLimits",
    "Span",
    "StoreDamaged",
    "StoreError",
    "Task",
    "Timeline",
    "WorkerLost",
    "__version__",
    "as_completed",
    "call",
    "file",
    "gather",
    "map",
    "spawn",
    "task",
    "why",
]

_HOME = {
    "CallInterrupted": "elsewhere.errors",
    "CallQuarantined": "elsewhere.errors",
    "CallTimeout": "elsewhere.errors",
    "Chunked": "elsewhere.chunked",
    "CircularCall": "elsewhere.errors",
    "DataFile": "elsewhere.shipping.files",
    "DataLost": "elsewhere.errors",
    "Depends": "elsewhere.inject.depends",
    "ElsewhereError": "elsewhere.errors",
    "EnvironmentDiffers": "elsewhere.errors",
    "EnvironmentWarning": "elsewhere.errors",
    "FileChanged": "elsewhere.errors",
    "Future": "elsewhere.future",
    "InitializerFailed": "elsewhere.errors",
    "NoKey": "elsewhere.errors",
    "NotInstalled": "elsewhere.errors",
    "NotPicklable": "elsewhere.errors",
    "PlacementError": "elsewhere.errors",
    "Pool": "elsewhere.pool",
    "RemoteError": "elsewhere.errors",
    "RemoteTraceback": "elsewhere.errors",
    "ResourceLimits": "elsewhere.calls.retention",
    "Span": "elsewhere.calls.span",
    "StoreDamaged": "elsewhere.errors",
    "StoreError": "elsewhere.errors",
    "Task": "elsewhere.tasks",
    "Timeline": "elsewhere.timeline.timeline",
    "WorkerLost": "elsewhere.errors",
    "as_completed": "elsewhere.ambient",
    "call": "elsewhere.ambient",
    "file": "elsewhere.shipping.files",
    "gather": "elsewhere.ambient",
    "map": "elsewhere.ambient",
    "spawn": "elsewhere.ambient",
    "task": "elsewhere.tasks",
    "why": "elsewhere.reasons",
}


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'elsewhere' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
