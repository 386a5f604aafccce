"""The resources that workers keep: who has what, how long it takes to make it, who needs it."""

from collections.abc import Iterable, Iterator
from typing import assert_never

from elsewhere.calls.messages import OfResources
from elsewhere.calls.resources import Evicted, Inquire, Inventory, Made, ResourceName
from elsewhere.gateway.kit import KeptRecord, Kit, ResourceRecord
from elsewhere.gateway.records import FunctionRecord, Turn, WorkerRecord


class Kits:
    """All kits and resources that functions need or workers have."""

    def __init__(self, workers: dict[int, WorkerRecord]) -> None:
        self.kits: dict[tuple[bytes, ...], Kit] = {}
        """by the digests of their resources, in order"""
        self.resources: dict[bytes, ResourceRecord] = {}
        self.unanswered: set[int] = set()
        """workers that were asked how often their resources were used, and have not answered"""
        self._workers = workers

    # ------------------------------------------------------------ functions

    def need(self, function: FunctionRecord, names: Iterable[ResourceName]) -> None:
        """A function is known, whose calls need these."""
        by_digest = {name.digest: name for name in names}
        if not by_digest:
            return
        digests = tuple(sorted(by_digest))
        kit = self.kits.get(digests)
        if kit is None:
            kit = self.kits[digests] = Kit(tuple([self._know(by_digest[d]) for d in digests]))
            for resource in kit.resources:
                resource.kits += 1
        kit.functions += 1
        function.kit = kit

    def forget(self, function: FunctionRecord) -> None:
        """A function is not known any more, and none of its calls is under way."""
        kit = function.kit
        if kit is None:
            return
        kit.functions -= 1
        if not kit.functions:
            del self.kits[tuple([resource.digest for resource in kit.resources])]
            for resource in kit.resources:
                resource.kits -= 1
                self._forget_unused(resource)

    def _know(self, name: ResourceName) -> ResourceRecord:
        resource = self.resources.get(name.digest)
        if resource is None:
            resource = self.resources[name.digest] = ResourceRecord(name.digest, name.label)
        return resource

    def _forget_unused(self, resource: ResourceRecord) -> None:
        if not resource.kits and not resource.workers:
            del self.resources[resource.digest]

    # ------------------------------------------------------------ workers

    def hear(self, worker: WorkerRecord, message: OfResources, now: float) -> None:
        """A worker tells of what it keeps."""
        match message:
            case Made():
                self._on_made(worker, message, now)
            case Evicted():
                self._on_evicted(worker, message.digest)
            case Inventory():
                self._on_inventory(worker, message, now)
            case _:
                assert_never(message)

    def _on_made(self, worker: WorkerRecord, message: Made, now: float) -> None:
        resource = self._know(message.resource)
        resource.measure(message.seconds)
        resource.workers[worker.id] = None
        worker.resources[resource.digest] = KeptRecord(
            resource, seconds=message.seconds, nbytes=message.nbytes, uses=1, used_at=now
        )
        head = worker.running
        if head is not None and head.function.kit is not None:
            # How long it runs is from now on how long its function does.
            worker.head_since = now

    def _on_evicted(self, worker: WorkerRecord, digest: bytes) -> None:
        kept = worker.resources.pop(digest, None)
        if kept is not None:  # else it is said twice
            del kept.resource.workers[worker.id]
            self._forget_unused(kept.resource)

    def on_lost(self, worker: WorkerRecord) -> None:
        """A worker is gone, with all that it had and held."""
        self.unanswered.discard(worker.id)
        for record in worker.held.values():
            if record.function.kit is not None:
                record.function.kit.leave(worker.id)
        for digest in [*worker.resources]:
            self._on_evicted(worker, digest)

    # ------------------------------------------------------------ inquiries

    def inquire(self, turn: Turn) -> None:
        """Ask all that keep something how often it was used."""
        for worker in self._workers.values():
            if worker.resources and not worker.killed and worker.id not in self.unanswered:
                self.unanswered.add(worker.id)
                turn.sends.append((worker.id, Inquire()))

    def _on_inventory(self, worker: WorkerRecord, message: Inventory, now: float) -> None:
        self.unanswered.discard(worker.id)
        for use in message.uses:
            kept = worker.resources.get(use.digest)
            if kept is not None:
                kept.uses = use.uses
                kept.used_at = now - use.idle_seconds

    def listing(self) -> Iterator[tuple[WorkerRecord, KeptRecord]]:
        """What each worker has, by worker, in the order in which it was made."""
        for worker in self._workers.values():
            for kept in worker.resources.values():
                yield worker, kept
