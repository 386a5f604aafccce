"""Coroutines of `async def` calls: one asyncio loop for all of a worker, in a fiber of its own.

Where the loop would wait, its fiber is parked and the hub goes on with other calls. So thousands of
coroutines may wait at once, beside calls that are none.
"""

import asyncio
import selectors
from asyncio import events
from collections.abc import Coroutine, Mapping
from contextvars import ContextVar, copy_context
from threading import get_ident
from typing import Any

from elsewhere.worker.control import Root
from elsewhere.worker.fibers import getcurrent, greenlet, is_within
from elsewhere.worker.parking import Parking
from elsewhere.worker.runner import Runner

_root: ContextVar[Root | None] = ContextVar("elsewhere_root", default=None)


class Coroutines:
    """The loop of one worker, made when the first coroutine comes."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._loop = _Loop(runner)
        self._fiber = greenlet(self._loop.run_forever, runner.hub)
        runner.ready.append(Parking(self._fiber, runner.ready))

    @property
    def in_control(self) -> bool:
        """Whether a coroutine, or a callback of the loop, is what runs now."""
        return getcurrent() is self._fiber or is_within(self._fiber)

    def root(self) -> Root | None:
        """Inside a coroutine: the root that it belongs to."""
        return _root.get()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """In a fiber: park it until the coroutine has ended; its value. Raises what it raised."""
        context = copy_context()
        context.run(_root.set, self._runner.current)
        task = self._loop.create_task(coroutine, context=context)
        self._loop.wake()
        parking = Parking(getcurrent(), self._runner.ready)
        task.add_done_callback(parking.wake)
        try:
            self._runner.park(parking)
        except BaseException:
            task.cancel()
            self._loop.wake()
            raise
        return task.result()


class _Loop(asyncio.SelectorEventLoop):
    """A loop that parks its fiber where it would block its thread."""

    def __init__(self, runner: Runner) -> None:
        self._parked = _ParkingSelector(self, runner)
        super().__init__(self._parked)
        runner.watch(self._parked.fileno(), self._parked.look)
        self._thread = get_ident()

    def wake(self) -> None:
        """There is something to do."""
        self._parked.wake()

    def _write_to_self(self) -> None:
        # How asyncio ends a wait of its loop. In this thread nothing must be written for that.
        if get_ident() == self._thread:
            self.wake()
        else:
            super()._write_to_self()  # type: ignore[misc]  # private, and so without a stub


class _ParkingSelector(selectors.BaseSelector):
    """A selector whose wait parks the fiber of `loop`."""

    def __init__(self, loop: _Loop, runner: Runner) -> None:
        self._loop = loop
        self._runner = runner
        self._selector = selectors.DefaultSelector()
        self._parking: Parking | None = None

    def fileno(self) -> int:
        return self._selector.fileno()

    def wake(self) -> None:
        if self._parking is not None:
            self._parking.wake()

    def look(self) -> None:
        """From the hub: some descriptor may be ready."""
        if self._parking is not None and self._selector.select(0):
            self._parking.wake()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._selector.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        self._parking = parking = Parking(getcurrent(), self._runner.ready)
        if timeout is not None:
            self._runner.alarms.set(parking, timeout)
        # Other calls of this thread are not inside the loop, and may run loops of their own.
        events._set_running_loop(None)
        try:
            self._runner.park(parking)
        finally:
            events._set_running_loop(self._loop)
            self._parking = None
        return self._selector.select(0)

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._selector.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._selector.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._selector.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._selector.get_map()

    def close(self) -> None:
        self._selector.close()
