"""What a pool was told, checked before anything is started."""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from elsewhere.arguments import check_count, check_environment, check_seconds

if TYPE_CHECKING:
    from elsewhere.calls.retention import ResourceLimits
    from elsewhere.engines.making import EngineOf
    from elsewhere.gateway.placement import Placement, UsersFunction
    from elsewhere.node.process import NodeProcess
    from elsewhere.session import Session
    from elsewhere.store import Store

WORKERS_MAX = 4096
"""Each is a process: a slip of the keyboard must not start a million."""


class Settings(NamedTuple):
    """The options of a pool, by name."""

    workers: int
    initializer: Callable[..., object] | None
    initargs: Iterable[Any]
    max_tasks_per_child: int | None
    record: bool
    store: str | os.PathLike[str] | None
    acknowledge: str | None
    inline_bytes: int | None
    shared_memory: int | None
    resource_limits: "ResourceLimits | None"
    placement: "str | UsersFunction"
    environment: str
    preload: bool | Iterable[str]

    def check(self) -> None:
        """Raise TypeError or ValueError for what makes no sense."""
        check_count("workers", self.workers, most=WORKERS_MAX)
        if self.max_tasks_per_child is not None:
            check_count("max_tasks_per_child", self.max_tasks_per_child)
        for name in ("inline_bytes", "shared_memory"):
            if (value := getattr(self, name)) is not None:
                check_count(name, value, least=0)
        if self.resource_limits is not None:
            _check_resource_limits(self.resource_limits)
        if self.initializer is not None and not callable(self.initializer):
            raise TypeError(f"initializer must be callable, not {self.initializer!r}")
        if not isinstance(self.initargs, Iterable):
            raise TypeError(f"initargs must be a tuple of arguments, not {self.initargs!r}")
        check_environment(self.environment)

    def preloaded(self) -> tuple[str, ...]:
        """The modules that were named to be imported before the first worker is forked. Raises as `check`."""
        return () if isinstance(self.preload, bool) else _check_preload(self.preload)

    def policy(self) -> "Placement | None":
        """Who decides where calls run; None: the gateway's own choice. Raises as `check`."""
        if self.placement == "locality":
            return None
        from elsewhere.gateway.placement import open_placement

        return open_placement(self.placement)

    def open_store(self) -> "Store | None":
        """The store that was named. Raises StoreError if it cannot be opened."""
        if self.store is None and self.acknowledge is None:
            return None
        from elsewhere.stores.opening import open_store

        return open_store(self.store, self.acknowledge)

    def open(
        self,
        node: "NodeProcess",
        store: "Store | None",
        policy: "Placement | None",
        preload: Sequence[str],
        engine_of: "EngineOf | None",
        digest: bytes = b"",
    ) -> "Session":
        """A session with workers on `node`, which are in the environment with this digest, if in another
        than this process. Without `engine_of` they are this machine's."""
        # The node starts while these are being imported, which takes as long.
        from elsewhere.calls.values import INLINE_BYTES
        from elsewhere.calls.wire import replace
        from elsewhere.calls.workers import Setup
        from elsewhere.codec.values import dumps
        from elsewhere.session import Session
        from elsewhere.shipping.editions import PoolEditions

        if engine_of is None:
            from elsewhere.engines.local import LocalEngine

            engine_of = LocalEngine
        editions = PoolEditions(alike=engine_of.alike, environment=self.environment)
        inline_bytes = INLINE_BYTES if self.inline_bytes is None else self.inline_bytes
        setup = Setup(
            inline_bytes=inline_bytes,
            tells_imports=self.preload is True,
            notes_calls=self.record,
        )
        if self.initializer is not None:
            call = self.initializer, tuple(self.initargs)
            called = editions.pack(call, dumps(call, "initializer"))
            setup = replace(setup, initializer=called)
        if self.resource_limits is not None:
            setup = replace(setup, resource_limits=self.resource_limits)
        return Session(
            node,
            self.workers,
            setup,
            self.max_tasks_per_child,
            self.record,
            store,
            self.shared_memory,
            placement=policy,
            editions=editions,
            engine_of=engine_of,
            preload=preload,
            digest=digest,
        )


def _check_resource_limits(limits: object) -> None:
    from elsewhere.calls.retention import ResourceLimits

    if not isinstance(limits, ResourceLimits):
        raise TypeError(f"resource_limits must be ResourceLimits, not {limits!r}")
    for name, value in (("count", limits.count), ("memory_bytes", limits.memory_bytes)):
        if value is not None:
            check_count(f"resource_limits.{name}", value, least=0)
    seconds = limits.idle_seconds
    if seconds is not None and check_seconds("resource_limits.idle_seconds", seconds) < 0:
        raise ValueError(f"resource_limits.idle_seconds must be at least 0, not {seconds!r}")


def _check_preload(preload: object) -> tuple[str, ...]:
    names = (preload,) if isinstance(preload, str) or not isinstance(preload, Iterable) else preload
    modules = tuple(names)
    from elsewhere.keys.origin import library_of_module

    for name in modules:
        if not isinstance(name, str):
            raise TypeError(f"preload must be True, False or names of modules, not {preload!r}")
        try:
            library = library_of_module(name)
        except KeyError as error:
            raise ValueError(f"preload names {name!r}, and there is no such module") from error
        if library is None:
            raise ValueError(
                f"preload names {name!r}, which belongs to no installed distribution, so it may be "
                "edited while the pool lasts: leave it out"
            )
    return modules
