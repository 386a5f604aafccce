"""What a placement policy is told of a call and of the workers that have room for it."""

from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest
from itertools import islice

from elsewhere.calls.lifecycle import WorkerState
from elsewhere.gateway.bandwidths import Bandwidths
from elsewhere.gateway.builds import Builds
from elsewhere.gateway.kit import Kit
from elsewhere.gateway.placement import CallToPlace, Candidate, Placement
from elsewhere.gateway.records import CallRecord, WorkerRecord
from elsewhere.gateway.values import ValueRecord, Values

LOOKED_AT_MAX = 16
"""Of so many inputs, the largest, it is looked at who has made them or refers to them."""
NEAREST_MAX = 16
"""At so many workers of a node it is looked whether to wait for them."""


class Placer:
    """Knows where inputs lie and how long it takes to move them, and asks the policy."""

    def __init__(
        self,
        policy: Placement,
        values: Values,
        workers: dict[int, WorkerRecord],
        builds: Builds,
    ) -> None:
        self.policy = policy
        self.every_call = policy.every_call
        self.bandwidths = Bandwidths()
        self.nodes: dict[int, dict[int, WorkerRecord]] = {}
        """the workers of each node"""
        self._values = values
        self._workers = workers
        self._builds = builds

    @property
    def is_spread(self) -> bool:
        """Whether there are workers of more than one node."""
        return len(self.nodes) > 1

    def join(self, worker: WorkerRecord) -> None:
        """A worker was started."""
        self.nodes.setdefault(worker.node, {})[worker.id] = worker

    def leave(self, worker: WorkerRecord) -> None:
        """A worker is gone."""
        there = self.nodes[worker.node]
        del there[worker.id]
        if not there:
            del self.nodes[worker.node]

    def inputs_on_nodes(self, record: CallRecord) -> list[ValueRecord]:
        """The inputs that it has and that lie on nodes."""
        if not record.call.inputs:
            return []
        kept = self._values.kept
        values = [
            kept[settlement.call]
            for settlement in record.values.values()
            if settlement is not None and settlement.place is not None
        ]
        return [value for value in values if value.place is not None]

    def makers(self, inputs: Iterable[ValueRecord]) -> list[WorkerRecord]:
        """The workers that have made the largest of these."""
        return [
            self._workers[value.maker] for value in _largest(inputs) if value.maker in self._workers
        ]

    def choose(
        self,
        record: CallRecord,
        inputs: Sequence[ValueRecord],
        workers: Iterable[WorkerRecord],
        now: float,
    ) -> WorkerRecord:
        """One of these workers, which have room. Raises `PlacementError`."""
        by_node = _by_node(inputs)
        total = sum(by_node.values())
        kit = record.function.kit
        call = CallToPlace(
            record.function.name,
            record.call.label,
            total,
            record.estimate,
            () if kit is None else tuple([resource.label for resource in kit.resources]),
        )
        largest = _largest(inputs)
        candidates = [self._describe(worker, by_node, largest, now) for worker in workers]
        if kit is not None:
            candidates = [self._tell_warmth(one, kit, now) for one in candidates]
        return self._workers[self.policy.place(call, candidates).worker]

    def moves(self, record: CallRecord, worker: WorkerRecord) -> bool:
        """Whether any of its inputs would have to be brought to this worker from another node."""
        return any(
            value.node != worker.node and not _is_warm(value, worker)
            for value in self.inputs_on_nodes(record)
        )

    def stays(
        self, record: CallRecord, holder: WorkerRecord, idle: Iterable[WorkerRecord], now: float
    ) -> bool:
        """Whether to wait for its worker costs less than to move its inputs to any who idles."""
        inputs = self.inputs_on_nodes(record)
        if not inputs:
            return False
        by_node, largest, wait = _by_node(inputs), _largest(inputs), holder.wait_seconds(now)
        return all(self._describe(one, by_node, largest, now).move_seconds >= wait for one in idle)

    def worth_waiting_for(
        self,
        inputs: Sequence[ValueRecord],
        hungry: Iterable[WorkerRecord],
        waits: Mapping[int, float],
        now: float,
    ) -> WorkerRecord | None:
        """Who has no room, and yet could begin a call with these inputs before any who has.

        `waits` are the seconds of what waits already for each worker, by number.
        """
        by_node, largest = _by_node(inputs), _largest(inputs)
        nearest = self.nodes.get(max(by_node, key=lambda node: by_node[node]), {})

        def cost(worker: WorkerRecord) -> float:
            described = self._describe(worker, by_node, largest, now)
            return described.wait_seconds + described.move_seconds + waits.get(worker.id, 0.0)

        busy = [one for one in islice(nearest.values(), NEAREST_MAX) if will_take(one)]
        best = min(busy, key=cost, default=None)
        if best is None or cost(best) >= min(map(cost, hungry)):
            return None
        return best

    def _tell_warmth(self, one: Candidate, kit: Kit, now: float) -> Candidate:
        worker = self._workers[one.worker]
        wait = self._builds.wait(kit, worker, now)
        if kit.is_near(worker.id, worker.resources):
            return one._replace(wait_seconds=wait)
        return one._replace(
            lacks=len(kit.missing(worker.resources)),
            build_seconds=self._builds.seconds(kit, worker, now),
        )

    def _describe(
        self,
        worker: WorkerRecord,
        by_node: dict[int, int],
        largest: Sequence[ValueRecord],
        now: float,
    ) -> Candidate:
        node, wait = worker.node, worker.wait_seconds(now)
        if not by_node:
            return Candidate(worker.id, node, len(worker.held), wait, 0, 0, 0, 0.0, worker.speed)
        away = dict(by_node)
        warm = 0
        for value in largest:
            if _is_warm(value, worker):
                warm += value.nbytes
                away[value.node] -= value.nbytes
        seconds_for = self.bandwidths.seconds_for
        return Candidate(
            worker.id,
            node,
            len(worker.held),
            wait,
            by_node.get(node, 0),
            sum(nbytes for source, nbytes in away.items() if source != node),
            warm,
            sum([seconds_for(nbytes, source, node) for source, nbytes in away.items()]),
            worker.speed,
        )


def will_take(worker: WorkerRecord) -> bool:
    """Whether it will have room once something that it runs has come out."""
    return worker.state is WorkerState.READY and worker.tasks_left is None and not worker.stuck


def _by_node(inputs: Iterable[ValueRecord]) -> dict[int, int]:
    """How many bytes lie on each node."""
    by_node: dict[int, int] = {}
    for value in inputs:
        by_node[value.node] = by_node.get(value.node, 0) + value.nbytes
    return by_node


def _largest(inputs: Iterable[ValueRecord]) -> list[ValueRecord]:
    return nlargest(LOOKED_AT_MAX, inputs, key=lambda value: value.nbytes)


def _is_warm(value: ValueRecord, worker: WorkerRecord) -> bool:
    return value.maker == worker.id or worker.id in value.holders
