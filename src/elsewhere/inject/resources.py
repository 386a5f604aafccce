"""What is kept in this process: made once for all who need it, given up when there is no room for it.

Fibers and threads come here at once. Whoever finds a resource that is being made waits; nobody waits,
calls a provider or cleans up while the lock is held.
"""

import atexit
import os
import threading
from collections.abc import Callable
from itertools import count
from math import inf
from time import monotonic, perf_counter
from typing import Any, Protocol

from elsewhere.calls.resources import ResourceName, Use
from elsewhere.inject.building import make
from elsewhere.inject.memory import is_short, resident_bytes
from elsewhere.inject.naming import Name
from elsewhere.inject.resource import Failure, Resource
from elsewhere.plans.dependency import Hold, release_all
from elsewhere.plans.host import PROCESS, ThreadWait, Wait
from elsewhere.reports import report

LOOK_SECONDS = 1.0
"""How often is looked whether memory is short, while resources are used."""
PAUSE_SECONDS = 1.0
"""How long a resource must have been idle to be given up because memory is short."""


class Wanted(Protocol):
    """A resource that may have to be made."""

    args: tuple[Any, ...]
    idle_seconds: float | None
    shared_seconds: float
    """how much of the time that making it took would not be needed again"""

    @property
    def function(self) -> Callable[..., Any]:
        """The provider."""

    @property
    def label(self) -> str:
        """The provider and its arguments in words."""

    def name(self) -> Name:
        """What equal ones have in common."""

    def arguments(self, held: list[Hold]) -> dict[str, Any]:
        """What to call the provider with by name; what it depends on is acquired."""


class Resources:
    """The resources of one process."""

    def __init__(self) -> None:
        # Signal handlers and finalisers may come in anywhere, in the same thread.
        self.lock = threading.RLock()
        self._kept: dict[Name, Resource] = {}
        self._numbers = count(1)
        self._look_at = inf
        self._crowded = False
        """there is more than there should be, and all of it is in use"""
        self._left: dict[Name, Resource] = {}
        """those of the process that this one was forked from"""

    # ------------------------------------------------------------ use

    def acquire(self, wanted: Wanted) -> Resource:
        """The resource, made if need be, in use until its `release`. Raises what its provider raises."""
        name = wanted.name()
        while True:
            with self.lock:
                resource = self._kept.get(name)
                if resource is None and (left := self._left.get(name)) and left.use() is not None:
                    return left
                if resource is None:
                    resource = Resource(name, wanted.label, wanted.idle_seconds, self)
                    self._kept[name] = resource
                if resource.use() is not None:
                    return resource
                if resource.building is None:
                    if resource.failure is not None:
                        resource.failure.check()
                    resource.building = _me()
                    break
                if resource.building == _me():
                    raise RuntimeError(
                        f"{resource.label} needs itself: its provider waits for a call that is given it"
                    )
                wait = _new_wait()
                resource.waits.append(wait)
            started = perf_counter()
            wait.wait()
            _count(perf_counter() - started)
        self._make(resource, wanted)
        return resource

    def has(self, name: Name) -> bool:
        """Whether it is there."""
        with self.lock:
            resource = self._kept.get(name)
            return resource is not None and resource.made is not None

    def discard(self, resource: Resource) -> None:
        """It is of no use any more, and in use here: let go of it."""
        with self.lock:
            if self._kept.get(resource.name) is resource:
                self._take_out(resource)
        resource.release()
        self._give_up(resource)

    def idles(self, resource: Resource, now: float) -> None:
        """A use of it is over, and perhaps the last one."""
        idle = not resource.users
        if (idle and (self._crowded or resource.superseded)) or now >= self._look_at:
            self.sweep()

    # ------------------------------------------------------------ making

    def _make(self, resource: Resource, wanted: Wanted) -> None:
        held: list[Hold] = []
        try:
            self._prepare(resource)
            kwargs = wanted.arguments(held)
        except BaseException:
            # That was not its own provider, which may be tried as soon as that one may.
            release_all(held)
            self._fail(resource, None)
            raise
        started, before = perf_counter(), resident_bytes()
        try:
            made = make(wanted.function, wanted.args, kwargs)
        except BaseException as error:
            release_all(held)
            self._fail(resource, error)
            _count(perf_counter() - started)
            raise
        with self.lock:
            resource.made = made
            resource.held = held
            resource.failure = None
            seconds = perf_counter() - started
            resource.building_seconds = seconds - wanted.shared_seconds
            resource.memory_bytes = max(0, resident_bytes() - before)
            resource.number = next(self._numbers)
            resource.users = resource.uses = 1
            self._end_waits(resource)
            if PROCESS.host is not None:
                name = ResourceName(resource.name.digest, resource.label)
                PROCESS.host.tell_made(name, resource.building_seconds, resource.memory_bytes)
        _count(seconds)
        if made.must_end and PROCESS.host is not None:
            PROCESS.host.guard_end()
        self.sweep()

    def _fail(self, resource: Resource, error: BaseException | None) -> None:
        """It could not be made; `error` is that of its provider, which has not failed if it is None or no
        `Exception`."""
        with self.lock:
            if isinstance(error, Exception):
                from traceback import clear_frames

                # What the provider had made so far must not live as long as its error.
                clear_frames(error.__traceback__)
                times = 1 if resource.failure is None else resource.failure.times + 1
                resource.failure = Failure(error, times, resource.label)
            elif resource.failure is None:
                self._kept.pop(resource.name, None)
            self._end_waits(resource)

    def _end_waits(self, resource: Resource) -> None:
        resource.building = None
        waits, resource.waits = resource.waits, []
        for wait in waits:
            wait.wake()

    def _prepare(self, resource: Resource) -> None:
        """Make room. Of a provider that was defined anew, what it made before is not needed any more."""
        place = resource.name.place
        with self.lock:
            if PROCESS.kept is None:
                PROCESS.kept = self
                # With the lock, so that no other thread is in the middle of a change.
                os.register_at_fork(
                    before=self._hold,
                    after_in_parent=self._let_go,
                    after_in_child=self.leave,
                )
                if PROCESS.host is None:
                    atexit.register(self.end)
            for other in self._kept.values():
                if other is not resource and place and other.name.place == place:
                    other.superseded = True
        self.sweep(before_making=True)

    # ------------------------------------------------------------ giving up

    def sweep(self, *, before_making: bool = False) -> None:
        """Give up what is superseded or has been idle for too long, and the least worthy of what there is
        no room for."""
        self._look_at = monotonic() + LOOK_SECONDS
        while (resource := self._take_dispensable(before_making)) is not None:
            self._give_up(resource)

    def seconds_to_sweep(self) -> float | None:
        """How long until something has been idle for too long; None if that cannot be."""
        with self.lock:
            ends = [r.used_at + _idle_seconds(r) for r in self._kept.values() if _is_idle(r)]
        end = min(ends, default=inf)
        return None if end == inf else max(0.0, end - monotonic())

    def _take_dispensable(self, before_making: bool) -> Resource | None:
        now = monotonic()
        with self.lock:
            made = [resource for resource in self._kept.values() if resource.made is not None]
            idle = [resource for resource in made if not resource.users]
            for resource in idle:
                if resource.superseded or now - resource.used_at >= _idle_seconds(resource):
                    return self._take_out(resource)
            self._crowded = is_crowded(made)
            if not self._crowded:
                # What the next call is given must not be made anew for each of them.
                pause = 0.0 if before_making else PAUSE_SECONDS
                idle = [r for r in idle if r.memory_bytes and now - r.used_at >= pause]
                if not idle or not is_short():
                    return None
            if not idle:
                return None
            return self._take_out(min(idle, key=lambda resource: resource.worth(now)))

    def _take_out(self, resource: Resource) -> Resource:
        if PROCESS.host is not None:
            PROCESS.host.tell_evicted(resource.name.digest)
        return self._kept.pop(resource.name)

    def _give_up(self, resource: Resource) -> None:
        made, resource.made = resource.made, None
        try:
            if made is not None:
                made.end()
        except Exception as error:  # noqa: BLE001  # whose call this is has nothing to do with it
            report(f"the clean-up of {resource.label} failed", error)
        finally:
            release_all(resource.held)

    def end(self) -> None:
        """Give everything up, the latest first."""
        while True:
            with self.lock:
                made = [resource for resource in self._kept.values() if resource.made is not None]
                if not made:
                    return
                last = self._take_out(max(made, key=lambda resource: resource.number))
            self._give_up(last)

    def _hold(self) -> None:
        self.lock.acquire()

    def _let_go(self) -> None:
        self.lock.release()

    def uses(self) -> list[Use]:
        """How what is kept was used."""
        now = monotonic()
        with self.lock:
            return [
                Use(r.name.digest, r.uses, 0.0 if r.users else max(0.0, now - r.used_at))
                for r in self._kept.values()
                if r.made is not None
            ]

    def leave(self) -> None:
        """In a process that was forked: what is kept may be used on, but is not its own to give up."""
        self.lock = threading.RLock()
        self._left.update(self._kept)
        self._kept = {}
        self._crowded = False
        self._look_at = inf
        atexit.unregister(self.end)


def is_crowded(made: list[Resource]) -> bool:
    """Whether these are more than there should be."""
    limits = PROCESS.limits
    if limits.count is not None and len(made) > limits.count:
        return True
    size = sum(resource.memory_bytes for resource in made)
    return limits.memory_bytes is not None and size > limits.memory_bytes


def _is_idle(resource: Resource) -> bool:
    return resource.made is not None and not resource.users


def _idle_seconds(resource: Resource) -> float:
    own, limit = resource.idle_seconds, PROCESS.limits.idle_seconds
    return min(inf if own is None else own, inf if limit is None else limit)


def _new_wait() -> Wait:
    host = PROCESS.host
    return ThreadWait() if host is None else host.new_wait()


def _count(seconds: float) -> None:
    """So long it took what is no part of the call that needed it: the next one finds it done."""
    if PROCESS.host is not None:
        PROCESS.host.count_building(seconds)


def _me() -> object:
    host = PROCESS.host
    return threading.get_ident() if host is None else host.me()


RESOURCES = Resources()
