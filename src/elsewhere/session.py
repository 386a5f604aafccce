"""What stands behind a pool: its functions, its host, its calls and maps.

Loaded after the pool has started its node, so that the node starts while this is being imported.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from functools import partial
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from elsewhere.calls.messages import Call, Cancel, Kind, Options
from elsewhere.calls.wire import PAYLOAD_BYTES_MAX, replace
from elsewhere.calls.workers import Setup
from elsewhere.chunks import Bar, Meter
from elsewhere.codec.functions import Editions, Functions, to_send
from elsewhere.codec.references import dumps_with_inputs
from elsewhere.codec.values import dumps, too_large
from elsewhere.engines.making import EngineOf
from elsewhere.errors import DataLost, NotPicklable, StoreError
from elsewhere.finished import Hit, failed_future
from elsewhere.future import Future, Settler
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.placement import Placement
from elsewhere.host import GatewayHost
from elsewhere.intake import Bounds, Intake
from elsewhere.interrupts import DeferredInterrupts
from elsewhere.mapping import Mapping
from elsewhere.names import Name
from elsewhere.node.process import NodeProcess
from elsewhere.pending import Pending
from elsewhere.physical_memory import usable_memory
from elsewhere.pure_calls import PureCalls
from elsewhere.puts import Puts
from elsewhere.reports import report
from elsewhere.screen import Screen
from elsewhere.segments.room import free_bytes_max, room_for_values
from elsewhere.store import Acknowledge, Store
from elsewhere.tasks import is_asynchronous, merge_options, task_of

if TYPE_CHECKING:
    from elsewhere.inventory import KeptResource
    from elsewhere.timeline.recorder import Recorder
    from elsewhere.timeline.timeline import Timeline

T = TypeVar("T")
_numbers = count(1)
_open_sessions: set["Session"] = set()


class Session:
    """The calls of one pool, from its start to its end."""

    def __init__(  # noqa: PLR0913  # each is an option of the pool
        self,
        node: NodeProcess,
        workers: int,
        setup: Setup,
        tasks_per_worker_max: int | None,
        record: bool,
        store: Store | None,
        shared_memory: int | None,
        *,
        placement: Placement | None,
        editions: Editions,
        engine_of: EngineOf,
        preload: Sequence[str],
        digest: bytes,
    ) -> None:
        self._workers = workers
        room = shared_memory
        if room is None:
            room = room_for_values(node.directory, usable_memory())
        free = free_bytes_max(room, workers + 1)
        values = room - free * (workers + 1)
        engine = engine_of(
            node,
            workers,
            replace(setup, free_bytes_max=free, value_bytes_max=values),
            preload=preload,
        )
        waits = store is not None and store.acknowledge is not Acknowledge.MEMORY
        gateway = Gateway(
            tasks_per_worker_max=tasks_per_worker_max,
            waits_for_rows=waits,
            value_bytes_max=values,
            placement=placement,
        )
        self._opened = store
        name = f"elsewhere-pool-{next(_numbers)}"
        self._host = GatewayHost(
            gateway, engine, Screen().say, self._forget, name, self.store, node.directory, free
        )
        self._functions = Functions(self._host.note, editions=editions)
        self._pure = PureCalls(self._host, self.store, self._submit, digest)
        self._calls = count(1)
        self._puts = Puts(self._host, self._calls, setup.inline_bytes)
        self._opening = threading.Lock()
        self._recorder = _make_recorder() if record else None
        if self._recorder is not None:
            self._host.on_ran = self._recorder.note
        # Not a WeakSet: it would run Python code where a map is dropped, and a Ctrl-C that lands in
        # there is lost.
        self._reading: set[Intake] = set()
        """the input of each map that is not read to its end"""
        self._closing = False
        self.shut = ""  # where it takes no more calls
        self._host.open()
        _open_sessions.add(self)

    def _forget(self) -> None:
        _open_sessions.discard(self)
        if self._opened is not None:
            try:
                self._opened.close()
            except StoreError as error:
                report("the store could not be closed", error)

    def store(self) -> Store:
        """What remembers the results of pure calls; made when first needed, if none was given."""
        if self._opened is None:
            from elsewhere.stores.opening import open_store

            with self._opening:
                if self._opened is None:
                    self._opened = open_store()
        return self._opened

    def check_open(self) -> None:
        """Raises RuntimeError if the pool takes no more calls."""
        if self.shut:
            raise RuntimeError(f"cannot schedule new futures {self.shut}")

    def submit(
        self,
        options: Options,
        fn: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Future[T]:
        """As `Pool.submit`, with `options`."""
        self.check_open()
        if type(fn) is partial:
            from elsewhere.partials import unfold  # only who uses them pays for it

            fn, args, kwargs = unfold(fn, args, kwargs)
        task = task_of(fn)
        if task is None:
            return self._submit(options, fn, args, kwargs)
        options = merge_options(task.options, options)
        if task.pure:
            return self._pure.submit(options, fn, args, kwargs)
        return self._submit(options, to_send(fn), args, kwargs)

    def _submit(
        self,
        options: Options,
        fn: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: Name | None = None,
    ) -> Future[T]:
        try:
            function = self._functions.encode(fn)
            if name is None:
                payload, futures = self._puts.encode_arguments(args, kwargs)
            else:
                payload, futures = dumps_with_inputs(args, kwargs, self._host, dumps)
            if len(payload) > PAYLOAD_BYTES_MAX:
                raise too_large("the arguments", len(payload))
            number = next(self._calls)
            given = tuple(futures)
            inputs = tuple([f.as_input(n) for n, f in enumerate(given)])
            if name is None:
                call = Call(number, function.number, payload, options, inputs=inputs)
            else:
                key, label, parts = name
                call = Call(
                    number, function.number, payload, options, key=key, label=label, parts=parts
                )
            future: Future[T] = Future(call, function.name, self._host)
            self.send(call, future, function.name, given)
        except (NotPicklable, DataLost) as error:
            return failed_future(error, self._host)
        return future

    def submit_each(
        self, options: Options, fn: Callable[..., T], items: Sequence[tuple[Any, ...]]
    ) -> Iterator[Future[T] | Hit[T]]:
        """As `submit` of each of `items`, one after another; what the store has is asked for at once."""
        self.check_open()
        task = task_of(fn)
        if task is None or not task.pure:
            return (self.submit(options, fn, item, {}) for item in items)
        return self._pure.submit_each(merge_options(task.options, options), fn, items)

    def put(self, value: T) -> Future[T]:
        """As `Pool.put`."""
        self.check_open()
        return self._puts.put(value)

    def map(
        self,
        options: Options,
        fn: Callable[..., T],
        iterables: tuple[Iterable[Any], ...],
        timeout: float | None,
        chunksize: int | None,
        buffersize: int | None,
        progress: bool | str,
    ) -> Iterator[T]:
        """As `Pool.map`, with `options`."""
        self.check_open()
        if not iterables:
            raise TypeError("map needs at least one iterable")
        deadline = None if timeout is None else monotonic() + timeout
        total = _length(iterables)
        task = task_of(fn)
        if (task is not None and task.pure) or is_asynchronous(fn):
            # What is remembered by itself is a call by itself, and coroutines wait beside each other.
            from elsewhere.stream import AHEAD_MAX, Stream  # only who has pure maps pays for it

            return Stream(
                lambda items: self.submit_each(options, fn, items),
                zip(*iterables, strict=False),
                batched=not is_asynchronous(fn),
                ahead=buffersize or AHEAD_MAX,
                deadline=deadline,
                bar=self._open_bar(progress, total),
            )
        if task is not None:
            options = merge_options(task.options, options)
        single = len(iterables) == 1
        source = iter(iterables[0]) if single else zip(*iterables, strict=False)
        # Ctrl-C waits for what this imports: a torn import leaves the import system's own traceback.
        with DeferredInterrupts():
            function = self._functions.encode(to_send(fn))
        bar = self._open_bar(progress, total)
        intake = Intake(
            self,
            function,
            source,
            Kind.MAP if single else Kind.STARMAP,
            options,
            Bounds(self._workers, total, chunksize, buffersize),
            Meter(bar),
        )
        self._reading.add(intake)
        mapping = Mapping(self, intake)
        try:
            self.check_open()  # once more: whoever ends the pool now sees this map
            results = mapping.results(deadline)
            intake.fill()
        except BaseException as error:
            mapping.abandon(interrupted=isinstance(error, KeyboardInterrupt))
            raise
        return results

    def _open_bar(self, progress: bool | str, total: int | None) -> Bar | None:
        if not progress:
            return None
        # A map that shows nothing does not pay for what shows it; Ctrl-C waits for the import.
        with DeferredInterrupts():
            from elsewhere.progress import open_progress

            return open_progress(progress, total, lambda: self._host.look(Gateway.busy))

    def warm(
        self, options: Options, functions: Sequence[Callable[..., Any]], workers: int
    ) -> Future[None]:
        """As `Pool.warm`."""
        self.check_open()
        from elsewhere.warming import warm

        encoded = [self._functions.encode(to_send(function)) for function in functions]
        return warm(self, options, encoded, workers)

    def resources(self) -> "list[KeptResource]":
        """As `Pool.resources`."""
        self.check_open()
        from elsewhere.inventory import take_inventory

        return take_inventory(self._host)

    def timeline(self) -> "Timeline":
        """As `Pool.timeline`."""
        if self._recorder is None:
            raise RuntimeError("nothing was recorded: make the pool with record=True")
        from elsewhere.timeline.timeline import Timeline

        return Timeline(list(self._recorder.spans))

    # ------------------------------------------------------------ the end

    def shut_down(self, *, wait: bool, cancel_futures: bool) -> None:
        """As `Pool.shutdown`."""
        self.shut = "after shutdown of the pool"
        for intake in list(self._reading):
            if cancel_futures:
                intake.cancel()
            else:
                intake.read_to_end()
        if cancel_futures:
            self._host.cancel_all()
        self.close()
        if wait:
            try:
                self._host.join()
            except KeyboardInterrupt:
                self._host.terminate()
                self._host.join()
                raise

    def close(self) -> None:
        """End once every map has read its input and every call is settled."""
        self._closing = True
        if not self._reading:
            self._host.close()

    def terminate(self) -> None:
        """End now: kill the workers and cancel what is not settled."""
        self.shut = "after shutdown of the pool"
        for intake in list(self._reading):
            intake.cancel()
        self._host.terminate()
        self._host.join()

    # ------------------------------------------------------------ what a map needs (its Sender)

    @property
    def settler(self) -> Settler:
        """That of the futures of this pool."""
        return self._host

    def next_call(self) -> int:
        """A number for a call."""
        return next(self._calls)

    def adopt(self, futures: Sequence[Future[Any]]) -> Sequence[Future[Any]]:
        """Futures of this pool with the same values."""
        return self._puts.adopt(futures)

    def send(
        self, call: Call, pending: Pending, function: str, inputs: Sequence[Future[Any]] = ()
    ) -> None:
        """Send a call on its way; `inputs` are the futures that it counts as such."""
        if self._recorder is not None:
            pending = self._recorder.watch(call, pending, function, inputs)
        self._host.submit(call, pending, inputs)

    def take_back(self, calls: list[int], interrupt: bool) -> None:
        """Cancel calls, running ones too if `interrupt`."""
        self._host.post(Cancel(calls, interrupt))

    def input_ended(self, intake: Intake) -> None:
        """A map will send no more of its input."""
        self._reading.discard(intake)
        if self._closing:
            self.close()

    def serve_until(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Do the pool's work in this thread until `done` or `timeout`; False if another does it."""
        return self._host.serve_until(done, timeout)


def _make_recorder() -> "Recorder":
    # Only who records pays for it.
    from elsewhere.timeline.recorder import Recorder

    return Recorder()


def _length(iterables: tuple[Iterable[Any], ...]) -> int | None:
    """How many items a map over them has, if they know."""
    if not all(isinstance(iterable, Sized) for iterable in iterables):
        return None
    return min(len(iterable) for iterable in iterables if isinstance(iterable, Sized))


def _leave_to_parent() -> None:
    """In a forked child of the client: the pools are the parent's, and the child must not touch them."""
    for session in _open_sessions:
        session.shut = "in a fork of the process whose pool this is: make a pool here"
        session._host.disown()
    _open_sessions.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


def wait_for_all() -> None:
    """Wait until every pool has ended, also those that nobody holds any more."""
    for session in list(_open_sessions):
        session.shut_down(wait=True, cancel_futures=False)
