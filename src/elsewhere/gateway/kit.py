"""What calls of a function need of what workers keep, and which workers have it."""

from collections.abc import Container, Mapping

MEASURED_SHARE = 0.25
"""How much the latest measurement counts beside those before."""


class ResourceRecord:
    """A resource: how long it takes to make it, and who has it."""

    __slots__ = ("digest", "kits", "label", "seconds", "workers")

    def __init__(self, digest: bytes, label: str) -> None:
        self.digest = digest
        self.label = label
        self.seconds: float | None = None
        """moving average of the seconds that it takes to make it; None until it was made once"""
        self.kits = 0
        """how many kits have it"""
        self.workers: dict[int, None] = {}
        """the workers that have it"""

    def measure(self, seconds: float) -> None:
        known = self.seconds
        self.seconds = seconds if known is None else known + MEASURED_SHARE * (seconds - known)


class KeptRecord:
    """A resource in one worker."""

    __slots__ = ("nbytes", "resource", "seconds", "used_at", "uses")

    def __init__(
        self, resource: ResourceRecord, *, seconds: float, nbytes: int, uses: int, used_at: float
    ) -> None:
        self.resource = resource
        self.seconds = seconds
        """what making it there took"""
        self.nbytes = nbytes
        self.uses = uses
        """as the worker has said when it was last asked"""
        self.used_at = used_at
        """when it was used last, as far as is known"""


class Kit:
    """The resources that calls of a function need. Functions that need the same ones share it."""

    __slots__ = ("functions", "resources", "users")

    def __init__(self, resources: tuple[ResourceRecord, ...]) -> None:
        self.resources = resources
        self.functions = 0
        """how many functions need it"""
        self.users: dict[int, int] = {}
        """by worker, how many of the calls that it holds need it: whoever lacks it will make it"""

    def enter(self, worker: int) -> None:
        """A worker holds one more call that needs it."""
        self.users[worker] = self.users.get(worker, 0) + 1

    def leave(self, worker: int) -> None:
        """A worker holds one of them less."""
        if self.users[worker] == 1:
            del self.users[worker]
        else:
            self.users[worker] -= 1

    def missing(self, kept: Container[bytes]) -> list[ResourceRecord]:
        """What a worker lacks that keeps these."""
        return [one for one in self.resources if one.digest not in kept]

    def is_near(self, worker: int, kept: Mapping[bytes, KeptRecord]) -> bool:
        """Whether this worker, which keeps these, has it or will make it for a call that it holds."""
        return worker in self.users or not self.missing(kept)
