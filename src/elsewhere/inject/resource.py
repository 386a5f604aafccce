"""A resource: what a provider has made, kept for the calls that are given it."""

from threading import RLock
from time import monotonic
from types import TracebackType
from typing import Protocol

from elsewhere.inject.building import Made
from elsewhere.inject.naming import Name
from elsewhere.plans.dependency import Hold
from elsewhere.plans.host import Wait

RETRY_SECONDS = 0.1
RETRY_SECONDS_MAX = 30.0
"""How long a provider that has failed is left alone: the first time, doubled each time, and at most."""


class Failure:
    """How a provider failed, and how often in a row."""

    def __init__(self, error: Exception, times: int, label: str) -> None:
        self.times = times
        pause = min(RETRY_SECONDS * 2.0 ** min(times - 1, 30), RETRY_SECONDS_MAX)
        self.retry_at = monotonic() + pause
        error.add_note(f"raised by the provider {label}, which is left alone for {pause:g} s now")
        self._error = error
        self._trace: TracebackType | None = error.__traceback__

    def check(self) -> None:
        """Raise it again until its time is over."""
        if monotonic() < self.retry_at:
            raise self._error.with_traceback(self._trace)


class Keeper(Protocol):
    """Whoever keeps resources."""

    lock: RLock
    """whoever has it may change what is kept"""

    def idles(self, resource: "Resource", now: float) -> None:
        """A use of it is over, and perhaps the last one."""


class Resource:
    """Kept under `name`; there is a value if it is `made`."""

    __slots__ = (
        "building", "building_seconds", "failure", "held", "idle_seconds", "keeper", "label", "made",
        "memory_bytes", "name", "number", "superseded", "used_at", "users", "uses", "waits",
    )  # fmt: skip

    def __init__(self, name: Name, label: str, idle_seconds: float | None, keeper: Keeper) -> None:
        self.name = name
        self.label = label
        self.keeper = keeper
        self.idle_seconds = idle_seconds
        self.made: Made | None = None
        self.building: object = None
        """the fiber or thread that makes it"""
        self.failure: Failure | None = None
        self.waits: list[Wait] = []
        """those who wait until it is made, or not"""
        self.held: list[Hold] = []
        """the resources that it was made with"""
        self.number = 0
        """counts in the order in which resources were made"""
        self.building_seconds = 0.0
        self.memory_bytes = 0
        self.users = 0
        """how many calls and other resources have it now"""
        self.uses = 0
        """how many have had it"""
        self.used_at = 0.0
        self.superseded = False
        """its provider was defined anew"""

    def worth(self, now: float) -> float:
        """What it would cost to do without it: what it took to make it, as often as it was used; less,
        the longer nobody has used it."""
        return self.building_seconds * self.uses / (1.0 + now - self.used_at)

    def use(self) -> Made | None:
        """What it holds, in use until `release`; None if it was given up or is not made yet."""
        with self.keeper.lock:
            made = self.made
            if made is not None:
                self.users += 1
                self.uses += 1
            return made

    def release(self) -> None:
        """As a `Hold`."""
        now = monotonic()
        keeper = self.keeper
        with keeper.lock:
            self.users -= 1
            self.used_at = now
        keeper.idles(self, now)
