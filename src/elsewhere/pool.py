"""The caller's door: a `concurrent.futures.Executor` whose workers are processes of this machine."""

import atexit
import os
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NoReturn, ParamSpec, Self, TypeVar, overload

from elsewhere.arguments import check_count, check_isolation, check_limits, check_seconds
from elsewhere.cpus import usable_cpus
from elsewhere.in_force import enter, leave
from elsewhere.interrupts import DeferredInterrupts
from elsewhere.sessions import Open, Sessions
from elsewhere.settings import WORKERS_MAX, Settings

if TYPE_CHECKING:
    from elsewhere.calls.messages import Options
    from elsewhere.calls.retention import ResourceLimits
    from elsewhere.engines.making import EngineOf
    from elsewhere.finished import Hit
    from elsewhere.future import Future
    from elsewhere.gateway.placement import Placement, UsersFunction
    from elsewhere.inventory import KeptResource
    from elsewhere.node.process import NodeProcess
    from elsewhere.session import Session
    from elsewhere.store import Store
    from elsewhere.timeline.timeline import Timeline
    from elsewhere.venvs import Venv

P = ParamSpec("P")
T = TypeVar("T")
_pools: "weakref.WeakSet[Pool]" = weakref.WeakSet()


class Pool(Executor):
    """Runs functions on worker processes: ``with Pool() as pool: pool.map(f, items)``.

    ``workers`` defaults to the processors that this process may use. ``initializer(*initargs)`` runs
    once in each worker before its first call. ``max_tasks_per_child`` replaces a worker after so
    many calls (a chunk of a map is one). ``record`` keeps a `Span` of each of the last 100,000
    calls for `timeline`. Opens no port.

    ``placement`` says which of the workers that have room is given a call: "locality" (the default),
    "least_loaded", "round_robin", "fastest", or a function of a `CallToPlace` and a tuple of `Candidate`s
    that returns one of these: see `elsewhere.gateway.placement`.

    What pure tasks return is remembered in the file `store`, or else in memory while the pool lasts.
    ``acknowledge`` says what must be true of a result in that file before anybody is told of it:
    "durable" (the default), "crash" or "memory", see `elsewhere.store.Acknowledge`.

    A value of more than ``inline_bytes`` (128 KiB if not given) stays in this machine's shared memory,
    where it was made, until somebody asks for it; calls that are given its future read it there. Beyond
    ``shared_memory`` bytes (if not given, half of what there is) the oldest go to the folder for
    temporary files.

    A function that needs installed distributions which a worker lacks, or has in another version, fails
    with `EnvironmentDiffers` before anything of it runs; with ``environment="warn"`` that is a warning.

    ``resource_limits`` says how much each worker keeps of what its calls are given (`Depends`).

    Modules of libraries that calls have imported are imported once before the next worker is forked, which
    so starts with them. ``preload`` says which instead: names, imported before the first worker is
    forked, or False: none.

    A worker that dies is replaced and its calls run again: a call may run more than once, but
    settles once. After three deaths, but for those that have come from outside, a call fails alone
    with `CallQuarantined`.
    """

    _engine_of: "EngineOf | None" = None
    """what makes its engine, if not that for this machine's workers"""

    def __init__(  # noqa: PLR0913  # each is an option
        self,
        workers: int | None = None,
        *,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        max_tasks_per_child: int | None = None,
        record: bool = False,
        store: str | os.PathLike[str] | None = None,
        acknowledge: str | None = None,
        inline_bytes: int | None = None,
        shared_memory: int | None = None,
        resource_limits: "ResourceLimits | None" = None,
        placement: "str | UsersFunction" = "locality",
        environment: str = "strict",
        preload: bool | Iterable[str] = True,
    ) -> None:
        self._settings = Settings(
            workers=min(usable_cpus(), WORKERS_MAX) if workers is None else workers,
            initializer=initializer,
            initargs=initargs,
            max_tasks_per_child=max_tasks_per_child,
            record=record,
            store=store,
            acknowledge=acknowledge,
            inline_bytes=inline_bytes,
            shared_memory=shared_memory,
            resource_limits=resource_limits,
            placement=placement,
            environment=environment,
            preload=preload,
        )
        self._settings.check()
        modules = self._settings.preloaded()
        policy = self._settings.policy()
        opened = self._settings.open_store()
        with DeferredInterrupts():
            self._sessions = Sessions(
                _opener(self._settings, opened, policy, modules, self._engine_of)
            )
            self._session = self._sessions.first
            from elsewhere.calls.messages import Options

            self._options = Options()
            _pools.add(self)
            weakref.finalize(self, Sessions.close, self._sessions).atexit = False

    @property
    def workers(self) -> int:
        """How many workers there are when all goes well."""
        return self._settings.workers

    def __reduce__(self) -> NoReturn:
        from elsewhere.errors import NotPicklable

        raise NotPicklable(
            "the pool",
            "a pool belongs to its process",
            "Inside a call use elsewhere.call, spawn or map, or make a pool there",
        )

    def __repr__(self) -> str:
        state = "shut down" if self._session.shut else f"{self.workers} workers"
        return f"<elsewhere.Pool: {state}>"

    def options(
        self,
        *,
        timeout: float | None = None,
        retries: int = 0,
        interrupt: bool = False,
        isolation: "Literal['fork'] | None" = None,
        packages: Iterable[str] | None = None,
    ) -> "PoolView":
        """This pool, with other options for the calls that are submitted through the result.

        ``timeout``: seconds that one attempt may run; then it is interrupted, and its worker killed
        and replaced if it does not yield. ``retries``: how often an attempt that raised or ran out
        of time is tried again. ``interrupt``: whether `Future.cancel` also stops a running call.
        ``isolation="fork"``: each call, or each chunk of a map, runs in a fork of its worker. It
        finds the resources of the worker and cannot change them; if it crashes, the worker lives.

        ``packages``: requirements such as ["numpy==2.1"]. The calls run on as many workers more, of this
        pool's own options, in an environment that has them before what is installed here. It is made
        when it is first asked for, which may take minutes, and kept in the user's folder for caches.
        Raises `NotInstalled` with what the installing tool has said.
        """
        check_limits(timeout, retries)
        from elsewhere.calls.messages import Options

        fork = check_isolation(isolation)
        session = self._session if packages is None else self._sessions.with_packages(packages)
        return PoolView(self, Options(timeout, retries, interrupt, fork=fork), session)

    # The second, because no type says that any part of an argument may be a future of it.
    @overload
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]": ...
    @overload
    def submit(  # type: ignore[overload-cannot-match]  # it is, where the first one does not match
        self, fn: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> "Future[T]": ...
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Call ``fn(*args, **kwargs)`` on a worker, with the values of futures among the arguments.

        What cannot be sent fails the future with `NotPicklable`. Raises RuntimeError after
        `shutdown`.
        """
        return self._session.submit(self._options, fn, args, kwargs)

    def put(self, value: T) -> "Future[T]":
        """A future of `value`, to be given to many calls: a large value is written once, and read where
        it lies. Raises `NotPicklable`."""
        return self._session.put(value)

    def scatter(self, values: Iterable[T]) -> "list[Future[T]]":
        """A future of each of `values`, as by `put`."""
        self._session.check_open()  # also where there are no values
        return [self._session.put(value) for value in values]

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
        progress: bool | str = False,
    ) -> Iterator[T]:
        """``map(fn, *iterables)`` on the workers; yields in order.

        The iterables may be unbounded: a bounded number of items is in flight, or at most
        ``buffersize``. Items travel in chunks, sized by their measured time and bytes, or of
        ``chunksize``. ``timeout`` bounds the whole map, in seconds from now (TimeoutError).
        ``progress`` shows a bar on standard error; a string describes it. An exception surfaces at
        its position and cancels the rest, and so does closing or dropping the iterator.

        Of `Pool.options` a time limit or retries hold for each item, or for each chunk if
        ``chunksize`` is given. That has no effect on a pure task, whose results are remembered one
        by one, nor on an `async def` function, whose coroutines wait beside each other: then each
        item is a call by itself.
        """
        for name, value in (("chunksize", chunksize), ("buffersize", buffersize)):
            if value is not None:
                check_count(name, value)
        if timeout is not None:
            check_seconds("timeout", timeout)
        if not isinstance(progress, (bool, str)):
            raise TypeError(f"progress must be True, False or a description, not {progress!r}")
        return self._session.map(
            self._options, fn, iterables, timeout, chunksize, buffersize, progress
        )

    def warm(
        self, function: Callable[..., Any], *more: Callable[..., Any], workers: int | None = None
    ) -> "Future[None]":
        """Make ahead what these functions are given (`Depends`), in all workers or in so many.

        Returns at once, so that other work can be prepared meanwhile. The future is settled when all is
        made; what a provider raised, its `result()` raises. What is made already is not made again.
        Raises TypeError for a function that is given nothing that workers keep, or nothing with an exact
        name.
        """
        wanted = self.workers if workers is None else workers
        check_count("workers", wanted, most=WORKERS_MAX)
        return self._session.warm(self._options, (function, *more), min(wanted, self.workers))

    def resources(self) -> "list[KeptResource]":
        """What workers keep of what their calls were given, by worker, in the order in which it was made.

        Asks the workers how often it was used. Of one that does not answer within 0.2 seconds, because C
        code holds its interpreter, it is told what it said the last time.
        """
        return self._session.resources()

    def timeline(self) -> "Timeline":
        """What ran where and when and what waited for what, latest last: the last 100,000 calls that
        this client made. ``save("run.html")`` writes a page, ``save("run.json")`` a trace for
        Perfetto.

        Raises RuntimeError unless the pool was made with ``record=True``.
        """
        return self._session.timeline()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls, and end once those that were taken are settled.

        ``cancel_futures`` takes back those that do not run yet. Maps over inputs of known length
        are still read to their end; others end where they are.
        """
        self._sessions.shut_down(wait=wait, cancel_futures=cancel_futures)
        _pools.discard(self)  # not before: if Ctrl-C ends this, the program's exit ends the pool

    def __enter__(self) -> Self:
        enter(self)
        return self

    def spawn(
        self, function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> "Future[T]":
        """What `elsewhere.spawn` calls in the block of this pool."""
        return self._session.submit(self._options, function, args, kwargs)

    def spawn_each(
        self, function: Callable[..., T], items: Sequence[tuple[Any, ...]]
    ) -> "Iterable[Future[T] | Hit[T]]":
        """What `elsewhere.map` calls in the block of this pool."""
        return self._session.submit_each(self._options, function, items)

    def store(self) -> "Store":
        """What remembers the results of pure tasks."""
        return self._session.store()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leave(self)
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            # Whoever pressed Ctrl-C does not want to wait for what still runs.
            self._sessions.terminate()
        self.shutdown(wait=True)


class PoolView(Pool):
    """A pool with other options for the calls submitted through it; made by `Pool.options`."""

    def __init__(self, pool: Pool, options: "Options", session: "Session") -> None:
        # Not the base's __init__: it would start workers.
        self._pool = pool
        self._settings = pool._settings
        self._sessions = pool._sessions
        self._session = session
        self._options = options

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Shut the pool itself down."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


def _opener(
    settings: Settings,
    store: "Store | None",
    policy: "Placement | None",
    preload: tuple[str, ...],
    engine_of: "EngineOf | None",
) -> Open:
    """What opens the sessions of a pool; `store` and `policy` are those of the first."""

    def open_session(node: "NodeProcess", venv: "Venv | None") -> "Session":
        if venv is None:
            return settings.open(node, store, policy, preload, engine_of)
        own = settings.open_store()
        return settings.open(node, own, settings.policy(), preload, engine_of, venv.digest)

    return open_session


@atexit.register
def _shut_down_pools() -> None:
    """At the program's exit: let submitted calls end, unless Ctrl-C has ended the program."""
    interrupted = getattr(sys, "last_type", None)
    for pool in list(_pools):
        if interrupted is not None and issubclass(interrupted, KeyboardInterrupt):
            pool._sessions.terminate()
        pool.shutdown()
    session = sys.modules.get("elsewhere.session")
    if session is not None:
        session.wait_for_all()
