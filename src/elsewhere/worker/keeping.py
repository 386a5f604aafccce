"""What a worker does for the resources that are kept in it: waits, time, and an orderly end.

Cleaning up is the user's code, which may wait for calls, so it runs in a fiber. A worker that has
something to clean up says so in its box, and is then asked to end by a signal before it is killed.
"""

import os
import signal
import threading
from collections.abc import Callable, Coroutine
from time import sleep
from typing import Any

from elsewhere.calls.resources import Evicted, Inventory, Made, ResourceName
from elsewhere.plans.host import PROCESS, ThreadWait, Wait
from elsewhere.worker.fibers import getcurrent, greenlet
from elsewhere.worker.output import LineWriter
from elsewhere.worker.parking import Parking
from elsewhere.worker.post import Post
from elsewhere.worker.runner import FLUSH_SECONDS, Runner

END_SECONDS = 2.0
"""How long a worker may clean up that has been asked to end by a signal."""
LOOK_SECONDS = 0.001
"""How often a worker without a link looks whether it can go on with that."""


class WorkerEnds(BaseException):
    """Raised in the main thread of a worker that is asked to end: by who has closed its pool."""


class Keeping:
    """`elsewhere.plans.host.Host`. `cells[1]` is where the node finds whom to ask to end."""

    def __init__(
        self, runner: Runner, post: Post, cells: "memoryview[int]", screens: list[LineWriter]
    ) -> None:
        self._runner = runner
        self._post = post
        self._cells = cells
        self._screens = screens
        self.guarded = False
        """there is something to clean up"""
        self._installed = False
        self._asked = False
        self._ending = False

    # ------------------------------------------------------------ as a host

    def me(self) -> object:
        return getcurrent()

    def new_wait(self) -> Wait:
        return FiberWait(self._runner) if self._runner.can_park() else ThreadWait()

    def has_loop(self) -> bool:
        return not self._runner.in_coroutine and self._runner.can_park()

    def finish(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.finish(coroutine)

    def guard_end(self) -> None:
        self.guarded = True
        if not self._installed and threading.current_thread() is threading.main_thread():
            self._installed = True
            signal.signal(signal.SIGTERM, self._on_signal)
            self._cells[1] = os.getpid()

    def tell_made(self, name: ResourceName, seconds: float, nbytes: int) -> None:
        self._post.outgoing.append(Made(name, seconds, nbytes))

    def tell_evicted(self, digest: bytes) -> None:
        self._post.outgoing.append(Evicted(digest))

    def count_building(self, seconds: float) -> None:
        root = self._runner.own_root()
        if root is not None:
            root.building += seconds
        if seconds > FLUSH_SECONDS and not self._ending:
            # The call may last, and others may wait to know who has what.
            self._post.flush(wait=False)

    def answer(self) -> None:
        """Tell how what is kept was used. From either thread."""
        uses = [] if PROCESS.kept is None else PROCESS.kept.uses()
        self._post.outgoing.append(Inventory(uses))

    # ------------------------------------------------------------ in the hub

    def seconds_to_wait(self) -> float | None:
        """How long the hub may wait for mail."""
        times = [self._runner.seconds_to_wait()]
        if PROCESS.kept is not None:
            times.append(PROCESS.kept.seconds_to_sweep())
        return min((time for time in times if time is not None), default=None)

    def tend(self) -> None:
        """Give up what has been idle for too long. Raises `WorkerEnds` if that is to be the end."""
        if self._asked and not self._ending:
            raise WorkerEnds  # whatever ran when the signal came has kept that to itself
        if self.guarded and not self._installed:
            self.guard_end()  # a thread of a call has made what must be cleaned up
        kept = PROCESS.kept
        if kept is not None and kept.seconds_to_sweep() == 0:
            greenlet(kept.sweep, self._runner.hub).switch()

    def end(self, step: Callable[[], None]) -> None:
        """Give up all that is kept; meanwhile do `step` again and again."""
        self._ending = True
        if PROCESS.kept is not None:
            fiber = greenlet(PROCESS.kept.end, self._runner.hub)
            fiber.switch()
            while not fiber.dead:
                step()

    def end_alone(self) -> None:
        """As `end`, without a link: there is nobody to talk to."""
        if PROCESS.kept is None:
            return
        for screen in self._screens:
            screen.leave()
        self._post.attempts.clear()
        self._runner.stack.clear()
        self.end(self._step_alone)

    def _step_alone(self) -> None:
        sleep(LOOK_SECONDS)
        self._runner.run_ready()

    # ------------------------------------------------------------ the signal

    def ask_to_end(self) -> None:
        """From the watcher: the link is closed. Returns when there has been time enough."""
        if self._installed:
            os.kill(os.getpid(), signal.SIGTERM)
            sleep(END_SECONDS)

    def _on_signal(self, signum: int, frame: object) -> None:
        if not (self._asked or self._ending):
            self._asked = True
            self._post.attempts.clear()
            self._runner.stack.clear()
            raise WorkerEnds

    def leave(self) -> None:
        """In a process that a call has forked: the box is the worker's, and a signal is what it always is."""
        self._cells = memoryview(bytearray(self._cells.nbytes)).cast("Q")
        if self._installed and signal.getsignal(signal.SIGTERM) == self._on_signal:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        PROCESS.host = None


class FiberWait:
    """`Wait` of a fiber: it is parked."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._parking = Parking(getcurrent(), runner.ready)

    def wake(self) -> None:
        self._parking.wake()

    def wait(self) -> None:
        self._runner.park(self._parking)
