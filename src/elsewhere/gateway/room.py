"""Who has room for what: what a worker may be given, by its state and by what it holds."""

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.gateway.records import REMAKER, CallRecord, WorkerRecord

AHEAD_SECONDS = 0.02
"""How much work a worker holds, so that messages are few and it never waits for one."""
HELD_CALLS_MAX = 2048
HELD_BYTES_MAX = 4 * 2**20


def has_room(worker: WorkerRecord) -> bool:
    if worker.stuck or len(worker.held) < 2:
        return len(worker.held) < (1 if worker.stuck else 2)
    return (
        not worker.expecting
        and worker.ahead < AHEAD_SECONDS
        and len(worker.held) < HELD_CALLS_MAX
        and worker.held_bytes < HELD_BYTES_MAX
    )


def may_take(worker: WorkerRecord) -> bool:
    """Whether a worker that holds nothing may be given something.

    One that leaves may, while what it has begun waits: perhaps for what no other worker can run.
    """
    if worker.state is WorkerState.LEAVING:
        return bool(worker.parked) and not worker.killed
    return worker.state is WorkerState.READY


def can_take(worker: WorkerRecord) -> bool:
    """Whether a worker may be given a call now."""
    if worker.held:
        return worker.state is WorkerState.READY and has_room(worker)
    return may_take(worker)


def may_follow(worker: WorkerRecord) -> bool:
    """Whether a worker may be sent calls behind what it holds, before they are ready."""
    return worker.state is WorkerState.READY and worker.tasks_left is None and bool(worker.held)


def is_leader(record: CallRecord) -> bool:
    """Whether a call may be followed by one that needs its value before it has come out."""
    return (
        record.state is CallState.ASSIGNED
        and not record.call.key
        and not record.astray
        and record.asker != REMAKER
    )


def estimate(record: CallRecord) -> float:
    """Seconds that a call is thought to take; what was never measured fills a worker."""
    seconds = record.function.seconds
    return AHEAD_SECONDS if seconds is None else seconds * record.call.items
