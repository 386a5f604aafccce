"""The two lifecycles as tables. A move that is not here is our bug.

A call is *queued* in the gateway, then *assigned* to one worker, back to *queued* when that worker
gives it back, dies or fails it with a retry left, and in the end *settled*, once. What is remembered
is *writing* in between: it has its value, and nobody is told before the store has it too.

A worker is *starting* until its initializer has run, then *ready*; it is *leaving* when it gets no
more calls (its count of calls is used up, or it must be killed), and *gone* once its process ended.
"""

from enum import IntEnum


class CallState(IntEnum):
    QUEUED = 0
    """waits in the gateway for a worker"""
    ASSIGNED = 1
    """one worker has it: running there, or waiting behind what runs"""
    SETTLED = 2
    """has its one outcome"""
    WRITING = 3
    """its outcome is on its way to the store"""
    WAITING = 4
    """waits in the gateway for the values of its inputs"""


class WorkerState(IntEnum):
    STARTING = 0
    """its process was started and is not ready"""
    READY = 1
    """takes calls"""
    LEAVING = 2
    """gets no more calls"""
    GONE = 3
    """its process has ended"""


CALL_MOVES = {
    CallState.WAITING: frozenset({CallState.QUEUED, CallState.ASSIGNED, CallState.SETTLED}),
    CallState.QUEUED: frozenset({CallState.WAITING, CallState.ASSIGNED, CallState.SETTLED}),
    CallState.ASSIGNED: frozenset(
        {CallState.WAITING, CallState.QUEUED, CallState.WRITING, CallState.SETTLED}
    ),
    CallState.WRITING: frozenset({CallState.SETTLED}),
    CallState.SETTLED: frozenset[CallState](),
}

WORKER_MOVES = {
    WorkerState.STARTING: frozenset({WorkerState.READY, WorkerState.LEAVING, WorkerState.GONE}),
    WorkerState.READY: frozenset({WorkerState.LEAVING, WorkerState.GONE}),
    WorkerState.LEAVING: frozenset({WorkerState.GONE}),
    WorkerState.GONE: frozenset[WorkerState](),
}
