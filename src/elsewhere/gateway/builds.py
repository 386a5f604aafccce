"""How long calls would wait for what they need, in a worker that has it or must make it first."""

from collections.abc import Iterable, Sequence
from math import ceil

from elsewhere.calls.lifecycle import WorkerState
from elsewhere.gateway.kit import Kit
from elsewhere.gateway.records import WorkerRecord
from elsewhere.gateway.room import can_take

PATIENCE_SECONDS = 1.0
"""For so long nobody doubts that a worker makes what its call needs. Then it may be stuck, or its call was
given that by its caller; of what was made before it is known how long it takes."""
ROUNDING = 1e-9
"""Of a number of calls."""


class Builds:
    """What is thought of how long it takes to make things.

    Of what was never made nobody knows. But who begins to make it now is later than a worker that is
    at it already by just the time that this one has spent, however long it takes in the end. So that is
    what it is thought to take, and what is left of it to the oldest maker is thought to be nothing: for
    a comparison of the two the rest is of no account.
    """

    def __init__(self, workers: dict[int, WorkerRecord]) -> None:
        self._workers = workers

    def near(self, kit: Kit, now: float) -> list[WorkerRecord]:
        """The workers that have a kit or are making it, and take calls."""
        scarcest = min(kit.resources, key=lambda resource: len(resource.workers))
        numbers = dict.fromkeys([*scarcest.workers, *kit.users])
        return [
            worker
            for worker in (self._workers[number] for number in numbers)
            if (worker.state is WorkerState.READY or can_take(worker))
            and self._is_near(kit, worker, now)
        ]

    def _is_near(self, kit: Kit, worker: WorkerRecord, now: float) -> bool:
        missing = kit.missing(worker.resources)
        if not missing:
            return True
        if worker.id not in kit.users:
            return False
        if all(resource.seconds is not None for resource in missing):
            return True
        return self._spent(kit, worker, now) <= PATIENCE_SECONDS

    def doubt_at(self, kit: Kit, near: Iterable[WorkerRecord], now: float) -> float | None:
        """When the first of those that make what nobody has made before will be doubted."""
        if all(resource.seconds is not None for resource in kit.resources):
            return None
        spent = [self._spent(kit, one, now) for one in near if kit.missing(one.resources)]
        return now + PATIENCE_SECONDS - max(spent) if spent else None

    def _spent(self, kit: Kit, worker: WorkerRecord, now: float) -> float:
        """For how long it has been making what a kit lacks, if that is what it runs."""
        head = worker.running
        return now - worker.head_since if head is not None and head.function.kit is kit else 0.0

    def seconds(self, kit: Kit, worker: WorkerRecord, now: float) -> float:
        """How long it would take to make what this worker lacks."""
        missing = kit.missing(worker.resources)
        if not missing:
            return 0.0
        seconds = sum([resource.seconds or 0.0 for resource in missing])
        if any(resource.seconds is None for resource in missing):
            makers = [self._workers[number] for number in kit.users]
            spent = [self._spent(kit, one, now) for one in makers if kit.missing(one.resources)]
            seconds += max((one for one in spent if one <= PATIENCE_SECONDS), default=0.0)
        return seconds

    def wait(self, kit: Kit, worker: WorkerRecord, now: float) -> float:
        """How long it is thought to take for what it holds, and for what it makes for that."""
        if worker.id not in kit.users or not kit.missing(worker.resources):
            return worker.wait_seconds(now)
        seconds, head = self.seconds(kit, worker, now), worker.running
        if head is None or head.function.kit is not kit:
            return worker.wait_seconds(now) + seconds
        # As in `wait_seconds`: what takes longer than was thought needs as long again as it is over.
        return worker.ahead + abs(seconds - (now - worker.head_since))


def last_begins(waits: Sequence[float], seconds: float, calls: int) -> float:
    """When the last of so many calls begins, each of which takes so long, if every one goes to whoever is
    free first; `waits` say when."""
    if not seconds:
        return min(waits)
    # So many have begun before that moment, which is at most one call early; then each worker begins one.
    moment = level(waits, seconds * calls) - seconds
    begun, following = 0, []
    for wait in waits:
        own = max(0, ceil((moment - wait) / seconds - ROUNDING))
        begun += own
        following.append(wait + own * seconds)
    following.sort()
    return following[min(max(0, calls - begun - 1), len(following) - 1)]


def level(waits: Iterable[float], work: float) -> float:
    """How long until so many seconds of work are done, dealt out to workers that are busy for so long."""
    ordered = sorted(waits)
    total = work
    for count, wait in enumerate(ordered, 1):
        total += wait
        if count == len(ordered) or total / count <= ordered[count]:
            return total / count
    raise ValueError("there must be a worker")
