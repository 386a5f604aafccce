"""The caller's door: a `concurrent.futures.Executor` whose workers are processes of this machine."""

import atexit
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import Executor
from contextlib import suppress
from itertools import count
from time import monotonic
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from elsewhere.calls.messages import Call, Cancel, Kind, Options
from elsewhere.calls.span import Span
from elsewhere.calls.wire import PAYLOAD_BYTES_MAX
from elsewhere.codec.functions import Functions
from elsewhere.codec.values import dumps
from elsewhere.cpus import usable_cpus
from elsewhere.engines.local import LocalEngine
from elsewhere.errors import NotPicklable
from elsewhere.future import Future
from elsewhere.gateway.machine import Gateway
from elsewhere.host import GatewayHost, Pending
from elsewhere.mapping import Bar, Mapping

P = ParamSpec("P")
T = TypeVar("T")
SPANS_MAX = 100_000
_pools: "weakref.WeakSet[Pool]" = weakref.WeakSet()
_numbers = count(1)


class Pool(Executor):
    """Runs functions on worker processes: ``with Pool() as pool: pool.map(f, items)``.

    ``workers`` defaults to the processors that this process may use. ``initializer(*initargs)`` runs
    once in each worker before its first call. ``max_tasks_per_child`` replaces a worker after so
    many calls (a chunk of a map is one). ``record`` keeps a `Span` of each of the last 100,000
    calls for `timeline`. Opens no port.

    A worker that dies is replaced and its calls run again: a call may run more than once, but
    settles once. After three deaths a call fails alone with `CallQuarantined`.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        max_tasks_per_child: int | None = None,
        record: bool = False,
    ) -> None:
        self._workers = _count("workers", usable_cpus() if workers is None else workers)
        if max_tasks_per_child is not None:
            _count("max_tasks_per_child", max_tasks_per_child)
        if initializer is not None and not callable(initializer):
            raise TypeError(f"initializer must be callable, not {initializer!r}")
        setup = b"" if initializer is None else dumps((initializer, initargs), "initializer")
        engine = LocalEngine(self._workers, setup)
        gateway = Gateway(tasks_per_worker_max=max_tasks_per_child)
        self._host = GatewayHost(gateway, engine, _say, f"elsewhere-pool-{next(_numbers)}")
        self._functions = Functions(self._host.post)
        self._calls = count(1)
        self._options = Options()
        self._spans: deque[Span] | None = deque(maxlen=SPANS_MAX) if record else None
        self._maps: weakref.WeakSet[Mapping] = weakref.WeakSet()
        self._shut = False
        self._host.open()
        _pools.add(self)
        weakref.finalize(self, GatewayHost.close, self._host)

    @property
    def workers(self) -> int:
        """How many workers there are when all goes well."""
        return self._workers

    def __repr__(self) -> str:
        state = "shut down" if self._shut else f"{self._workers} workers"
        return f"<elsewhere.Pool: {state}>"

    def options(
        self, *, timeout: float | None = None, retries: int = 0, interrupt: bool = False
    ) -> "PoolView":
        """This pool, with other options for the calls that are submitted through the result.

        ``timeout``: seconds that one attempt may run; then it is interrupted, and its worker killed
        and replaced if it does not yield. ``retries``: how often an attempt that raised or ran out
        of time is tried again. ``interrupt``: whether `Future.cancel` also stops a running call.
        """
        if timeout is not None and not timeout > 0:
            raise ValueError(f"timeout must be more than 0 seconds, not {timeout!r}")
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
            raise ValueError(f"retries must be 0 or a larger whole number, not {retries!r}")
        return PoolView(self, Options(timeout, retries, interrupt))

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call ``fn(*args, **kwargs)`` on a worker.

        Raises `NotPicklable` for what cannot be sent, RuntimeError after `shutdown`.
        """
        return self._submit(self._options, fn, args, kwargs)

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
        """
        return self._map(
            self._options, fn, iterables, timeout, chunksize, buffersize, progress
        )

    def timeline(self) -> list[Span]:
        """What ran where and when, latest last. Needs ``Pool(record=True)``."""
        if self._spans is None:
            raise RuntimeError("nothing was recorded: make the pool with record=True")
        return list(self._spans)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls, and end once those that were taken are settled.

        ``cancel_futures`` takes back those that do not run yet. Maps over inputs of known length
        are still read to their end; others end where they are.
        """
        if not self._shut:
            self._shut = True
            _pools.discard(self)
            for mapping in list(self._maps):
                if cancel_futures:
                    mapping.cancel()
                else:
                    mapping.read_to_end()
        if cancel_futures:
            self._host.cancel_all()
        self._host.close()
        if wait:
            try:
                self._host.join()
            except KeyboardInterrupt:
                self._host.terminate()
                self._host.join()
                raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            # Whoever pressed Ctrl-C does not want to wait for what still runs.
            self._shut = True
            self._host.terminate()
        self.shutdown(wait=True)

    # ------------------------------------------------------------ inside

    def _submit(
        self,
        options: Options,
        fn: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Future[T]:
        if self._shut:
            raise RuntimeError("cannot submit to a pool that was shut down")
        function = self._functions.encode(fn)
        try:
            payload = dumps((args, kwargs), "call")
        except NotPicklable as error:
            raise _name_argument(error) from error.__cause__
        call = Call(next(self._calls), function.number, payload, options)
        future: Future[T] = Future(call, function.name, self._host)
        self.send(call, future)
        return future

    def _map(
        self,
        options: Options,
        fn: Callable[..., T],
        iterables: tuple[Iterable[Any], ...],
        timeout: float | None,
        chunksize: int | None,
        buffersize: int | None,
        progress: bool | str,
    ) -> Iterator[T]:
        if self._shut:
            raise RuntimeError("cannot map over a pool that was shut down")
        if not iterables:
            raise TypeError("map needs at least one iterable")
        deadline = None if timeout is None else monotonic() + timeout
        total = _length(iterables)
        single = len(iterables) == 1
        mapping = Mapping(
            self,
            self._functions.encode(fn),
            iter(iterables[0]) if single else zip(*iterables, strict=False),
            Kind.MAP if single else Kind.STARMAP,
            options,
            workers=self._workers,
            total=total,
            chunksize=None if chunksize is None else _count("chunksize", chunksize),
            buffersize=None if buffersize is None else _count("buffersize", buffersize),
            bar=self._open_bar(progress, total),
        )
        self._maps.add(mapping)
        mapping.fill()
        return mapping.results(deadline)

    def _open_bar(self, progress: bool | str, total: int | None) -> Bar | None:
        if not progress:
            return None
        # A map that shows nothing does not pay for what shows it.
        from elsewhere.progress import open_progress

        return open_progress(progress, total, self._host.busy)

    # ------------------------------------------------------------ what a map needs (its Sender)

    def next_call(self) -> int:
        """A number for a call."""
        return next(self._calls)

    def send(self, call: Call, pending: Pending) -> None:
        """Send a call on its way. Raises `NotPicklable` for one that no message can carry."""
        if len(call.payload) > PAYLOAD_BYTES_MAX:
            raise NotPicklable(
                "the arguments",
                f"{len(call.payload) / 2**30:.1f} GiB are more than a message can carry (4 GiB)",
                "Write them to a file and send its path, or send them in parts",
            )
        self._host.submit(call, pending)

    def take_back(self, calls: list[int], interrupt: bool) -> None:
        """Cancel calls, running ones too if `interrupt`."""
        self._host.post(Cancel(calls, interrupt))

    def serve_until(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Do the pool's work in this thread until `done` or `timeout`; False if another does it."""
        return self._host.serve_until(done, timeout)


class PoolView(Executor):
    """A pool with other options for the calls submitted through it; made by `Pool.options`."""

    def __init__(self, pool: Pool, options: Options) -> None:
        self._pool = pool
        self._options = options

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As `Pool.submit`, with these options."""
        return self._pool._submit(self._options, fn, args, kwargs)

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
        progress: bool | str = False,
    ) -> Iterator[T]:
        """As `Pool.map`, with these options; a time limit or retries hold for each item."""
        return self._pool._map(
            self._options, fn, iterables, timeout, chunksize, buffersize, progress
        )

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Shut the pool itself down."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


def _count(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")
    return value


def _length(iterables: tuple[Iterable[Any], ...]) -> int | None:
    """How many items a map over them has, if they know."""
    if not all(isinstance(iterable, Sized) for iterable in iterables):
        return None
    return min(len(iterable) for iterable in iterables if isinstance(iterable, Sized))


def _name_argument(error: NotPicklable) -> NotPicklable:
    """A call is encoded as (args, kwargs): say so in the words of whoever wrote the call."""
    path = error.path.removeprefix("call")
    for position, name in (("[0]", "args"), ("[1]", "kwargs")):
        if path.startswith(position):
            path = name + path[len(position) :]
    return NotPicklable(path or "the arguments", error.what, error.remedy)


def _say(stream: int, text: str) -> None:
    """Show lines that a worker printed; a closed screen is no reason to stop working."""
    screen = sys.stdout if stream == 1 else sys.stderr
    with suppress(OSError, ValueError):
        screen.write(text)
        screen.flush()


@atexit.register
def _shut_down_pools() -> None:
    for pool in list(_pools):
        pool.shutdown()
